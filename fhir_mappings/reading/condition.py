"""Condition to Diagnosis. FHIR R4 Condition; status semantics of the clinical content, 2.1."""

from __future__ import annotations

from datetime import date

from fhir_mappings.codes.concepts import Concept, read_concept
from fhir_mappings.codes.for_review import review_terms_of
from fhir_mappings.codes.systems import SNOMED
from fhir_mappings.codes.text_terms import indication_terms_in, safety_terms_in
from fhir_mappings.codes.value_sets import decides, sets_of
from fhir_mappings.facts.clinical import Area, ClinicalStatus, Diagnosis, PartialDate, Verification
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes

_CLINICAL = {
    "active": ClinicalStatus.ACTIVE,
    "recurrence": ClinicalStatus.ACTIVE,
    "relapse": ClinicalStatus.ACTIVE,
    "inactive": ClinicalStatus.INACTIVE,
    "remission": ClinicalStatus.REMISSION,
    "resolved": ClinicalStatus.RESOLVED,
}
_UNCONFIRMED = frozenset({"unconfirmed", "provisional", "differential"})
_REFUTED, _IN_ERROR = frozenset({"refuted"}), frozenset({"entered-in-error"})
_VERIFICATION = _UNCONFIRMED | _REFUTED | _IN_ERROR | {"confirmed"}


def read_condition(resource: Json, notes: Notes) -> Diagnosis | None:
    """One diagnosis; None for an entry in error or one that says nothing (which leaves a Gap)."""
    code = read_concept(resource.get("code"))
    verification = elements.code_values(resource.get("verificationStatus")) & _VERIFICATION
    if verification == _IN_ERROR:
        notes.ignore(resource, code.label or "a condition", "entered in error", "DATA-EIE")
        return None
    if not code.codes and not code.texts:
        notes.gap(Area.CONDITION, resource, "the condition has neither a code nor a text")
        return None
    if verification == _REFUTED:
        notes.ignore(resource, code.label, "refuted", "DATA-REFUTED")
    else:
        _note_doubts(resource, code, verification, notes)
    return _diagnosis(resource, notes, code, verification)


def _note_doubts(resource: Json, code: Concept, verification: frozenset[str], notes: Notes) -> None:
    if code.damaged:
        notes.gap(Area.CONDITION, resource, "a part of the code could not be read")
    elif not code.texts and not any(map(decides, code.codes)):
        # A SNOMED CT code was read, only its meaning is not in the enumerated sets: a person has to look.
        area = Area.OTHER if any(c.system == SNOMED for c in code.codes) else Area.CONDITION
        notes.gap(area, resource, "the code is not one the app knows, and there are no words")
    if resource.get("verificationStatus") is not None and len(verification) != 1:
        notes.gap(Area.CONDITION, resource, "verificationStatus is not one FHIR code")


def _diagnosis(resource: Json, notes: Notes, code: Concept, verification: frozenset[str]) -> Diagnosis:
    sets, safety, indication = notes.once(code, lambda: _meaning(code))
    abatement = notes.when(Area.CONDITION, resource, "abatement")
    return Diagnosis(
        reference=elements.reference_of(resource),
        version=elements.text(elements.mapping(resource.get("meta")).get("versionId")) or None,
        label=code.label,
        codes=code.codes,
        sets=sets,
        safety_terms=safety,
        indication_terms=indication,
        status=_clinical_status(resource, notes),
        verification=_verification(verification),
        problem_list=_on_problem_list(resource),
        onset=notes.when(Area.CONDITION, resource, "onset"),
        abatement=abatement,
        recorded=notes.date(Area.CONDITION, resource, resource.get("recordedDate"), "recordedDate"),
        abated=_abated(resource, abatement, notes.as_of),
    )


def _meaning(code: Concept) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The value sets, the safety words and the indication words."""
    sets = frozenset[str]().union(*map(sets_of, code.codes))
    return (sets, *_terms(code, sets))


def _terms(code: Concept, sets: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Words are read where no code says more than they do: none decides, none is in a set, or one is too unspecific.

    A well-formed code of no set ("R69, illness, unspecified") says nothing against the words beside it. What is an
    indication stays with the codes that decide: an adjustment disorder with depressed mood is none. Some codes stand
    for a word themselves.
    """
    named = review_terms_of(code.codes)
    if not any(map(decides, code.codes)):
        return named | safety_terms_in(code.texts), indication_terms_in(code.texts)
    if not sets:
        return named | safety_terms_in(code.texts), frozenset()
    if "personal-history-nonspecific" in sets:
        told = {_TERM_OF_SET[name] for name in sets if name in _TERM_OF_SET}
        return named | (safety_terms_in(code.texts) - told), frozenset()
    return named, frozenset()


# A history by a code of one of these sets has a rule of its own; what else its words say still counts.
_TERM_OF_SET = {"stroke-ischaemic-tia": "stroke"}


def _clinical_status(resource: Json, notes: Notes) -> ClinicalStatus | None:
    given = resource.get("clinicalStatus")
    if given is None:
        return None
    known = [_CLINICAL[code] for code in elements.code_values(given) if code in _CLINICAL]
    if len(set(known)) == 1:
        return known[0]
    notes.gap(Area.CONDITION, resource, "clinicalStatus is not a FHIR code")
    return ClinicalStatus.ACTIVE  # what cannot be read must not weaken a finding


def _verification(codes: frozenset[str]) -> Verification:
    """Only a clear status weakens a finding; codes that contradict each other count as confirmed."""
    if codes == _REFUTED:
        return Verification.REFUTED
    return Verification.UNCONFIRMED if codes and codes <= _UNCONFIRMED else Verification.CONFIRMED


def _on_problem_list(resource: Json) -> bool:
    categories = elements.code_values(resource.get("category"))
    return "problem-list-item" in categories or "encounter-diagnosis" not in categories


def _abated(resource: Json, abatement: PartialDate | None, as_of: date) -> bool:
    """Whether an abatement is surely past: every day its date may mean is; an age, a range or a text is."""
    if abatement is not None:
        return abatement.last <= as_of
    return any(resource.get(name) for name in ("abatementAge", "abatementRange", "abatementString"))
