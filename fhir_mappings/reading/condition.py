"""Condition to Diagnosis. FHIR R4 Condition; status semantics of the clinical content, 2.1."""

from __future__ import annotations

from fhir_mappings.codes.concepts import codes_of, label_of, texts_of
from fhir_mappings.codes.systems import ICD10CM, SNOMED
from fhir_mappings.codes.text_terms import indication_terms_in, safety_terms_in
from fhir_mappings.codes.value_sets import sets_of, undotted
from fhir_mappings.facts.clinical import Area, ClinicalStatus, Code, Diagnosis, PartialDate, Verification
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
_VERIFICATION = _UNCONFIRMED | {"confirmed", "refuted", "entered-in-error"}


def read_condition(resource: Json, notes: Notes) -> Diagnosis | None:
    """One diagnosis; None for an entry in error or one that says nothing (which leaves a Gap)."""
    code = resource.get("code")
    label, codes, texts = label_of(code), codes_of(code), texts_of(code)
    verification = elements.code_values(resource.get("verificationStatus"))
    if "entered-in-error" in verification:
        notes.ignore(resource, label or "a condition", "entered in error", "DATA-EIE")
        return None
    if not codes and not texts:
        notes.gap(Area.CONDITION, resource, "the condition has neither a code nor a text")
        return None
    if resource.get("verificationStatus") is not None and not verification & _VERIFICATION:
        notes.gap(Area.CONDITION, resource, "verificationStatus is not a FHIR code")
    if "refuted" in verification:
        notes.ignore(resource, label, "refuted", "DATA-REFUTED")
    return _diagnosis(resource, notes, label, codes, texts, verification)


def _diagnosis(
    resource: Json,
    notes: Notes,
    label: str,
    codes: tuple[Code, ...],
    texts: tuple[str, ...],
    verification: frozenset[str],
) -> Diagnosis:
    sets = frozenset().union(*(sets_of(code) for code in codes)) if codes else frozenset()
    safety, indication = _terms(codes, texts, sets)
    abatement = notes.when(Area.CONDITION, resource, "abatement")
    return Diagnosis(
        reference=elements.reference_of(resource),
        version=elements.text(elements.mapping(resource.get("meta")).get("versionId")) or None,
        label=label,
        codes=codes,
        sets=sets,
        safety_terms=safety,
        indication_terms=indication,
        status=_clinical_status(resource, notes),
        verification=_verification(verification),
        problem_list=_on_problem_list(resource),
        onset=notes.when(Area.CONDITION, resource, "onset"),
        abatement=abatement,
        recorded=notes.date(Area.CONDITION, resource, resource.get("recordedDate"), "recordedDate"),
        abated=_abated(resource, abatement),
    )


def _terms(
    codes: tuple[Code, ...], texts: tuple[str, ...], sets: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Terms are looked for only where codes do not decide.

    Text-only entries: both kinds. A SNOMED CT code in no set: safety terms, because the sets are enumerated and a
    descendant may be missing. ICD-10-CM codes decide by their prefix, except a bare category ("F33") or an
    unspecific personal history.
    """
    systems = {code.system for code in codes}
    categories = any(code.system == ICD10CM and len(undotted(code.code)) <= 3 for code in codes)
    if not systems & {ICD10CM, SNOMED} or (categories and not sets):
        return safety_terms_in(texts), indication_terms_in(texts)
    if sets == {"personal-history-nonspecific"} or (not sets and ICD10CM not in systems):
        return safety_terms_in(texts), frozenset()
    return frozenset(), frozenset()


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
    if "refuted" in codes:
        return Verification.REFUTED
    return Verification.UNCONFIRMED if codes & _UNCONFIRMED else Verification.CONFIRMED


def _on_problem_list(resource: Json) -> bool:
    categories = elements.code_values(resource.get("category"))
    return "problem-list-item" in categories or "encounter-diagnosis" not in categories


def _abated(resource: Json, abatement: PartialDate | None) -> bool:
    """A dated abatement counts when it is not in the future; an age, a range or a text says that it is past."""
    undated = ("abatementAge", "abatementRange", "abatementString", "abatementBoolean")
    return abatement is not None or any(resource.get(name) for name in undated)
