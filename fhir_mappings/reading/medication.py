"""MedicationStatement, MedicationRequest and MedicationDispense to MedicationUse. FHIR R4; words alone are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from fhir_mappings.codes.concepts import read_concept
from fhir_mappings.codes.forms import form_of
from fhir_mappings.codes.medicine_names import classes_of
from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.facts.clinical import Area, MedicationUse, PartialDate
from fhir_mappings.reading import elements, medication_period, references
from fhir_mappings.reading.dosage import Regimen, read_dosages
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.medication_period import Taken
from fhir_mappings.reading.named_medicine import NamedMedicine, named_medicine
from fhir_mappings.reading.notes import Notes


class _Statuses(NamedTuple):
    """The status codes of a type. What is neither is not a status that FHIR knows."""

    current: frozenset[str]
    ended: frozenset[str]
    not_taken: frozenset[str]


_STATUSES = {
    # "intended" will be taken and "unknown" may be: neither can be called over. "on-hold" is over for now.
    "MedicationStatement": _Statuses(
        current=frozenset({"active", "intended", "unknown"}),
        ended=frozenset({"completed", "stopped", "on-hold"}),
        not_taken=frozenset({"entered-in-error", "not-taken"}),
    ),
    "MedicationRequest": _Statuses(
        current=frozenset({"active", "unknown"}),
        ended=frozenset({"completed", "stopped", "on-hold"}),
        not_taken=frozenset({"entered-in-error", "cancelled", "draft"}),
    ),
    # A dispense that is completed was handed over: it is current as long as its supply lasts.
    "MedicationDispense": _Statuses(
        current=frozenset({"preparation", "in-progress", "completed", "unknown"}),
        ended=frozenset({"stopped", "on-hold"}),
        not_taken=frozenset({"entered-in-error", "cancelled", "declined"}),
    ),
}
TYPES = frozenset(_STATUSES)
_NOT_ORDERED = frozenset({"proposal", "option"})
_UNTOLD_SUPPLY = timedelta(days=90)  # for how long a dispense that tells no supply may still be taken


def read_medication(
    resource: Json, chart: Mapping[str, Json], table: MedicineTable, notes: Notes
) -> MedicationUse | None:
    """One medication entry; `chart` holds Medications and Conditions by "Type/id".

    None for an entry that was not taken or not ordered, and for one that names no drug (which leaves a Gap).
    """
    kind, status = str(resource["resourceType"]), elements.text(resource.get("status"))
    left_out = _left_out(resource, kind, status)
    if left_out:
        notes.ignore(resource, _short_label(resource), left_out, "DATA-EIE")
        return None
    named = named_medicine(resource, chart, table, notes)
    if not named.label:
        notes.gap(Area.MEDICATION, resource, "the entry does not say which medicine it is")
        return None
    if status not in _STATUSES[kind].current | _STATUSES[kind].ended:
        notes.gap(Area.MEDICATION, resource, "status is not a FHIR code")
    return _use(resource, kind, status, named, _dosages(resource, kind, notes), chart, notes)


def _use(
    resource: Json,
    kind: str,
    status: str,
    named: NamedMedicine,
    dosages: Sequence[Json],
    chart: Mapping[str, Json],
    notes: Notes,
) -> MedicationUse:
    taken = _taken(resource, kind, dosages, notes)
    ended = status in _STATUSES[kind].ended or (kind == "MedicationDispense" and _used_up(taken, notes))
    end = _end(taken, kind, status, notes) if ended else taken.end
    form, classes = _form(named, dosages), classes_of(named.ingredients)
    # Nobody asks for the dose of a medicine that is in no class.
    regimen = _regimen(dosages, named.ingredients if classes else frozenset(), named, form, notes)
    return MedicationUse(
        reference=elements.reference_of(resource),
        version=elements.text(elements.mapping(resource.get("meta")).get("versionId")) or None,
        label=f"{named.label} (reported)" if resource.get("reportedBoolean") is True else named.label,
        ingredients=named.ingredients,
        classes=classes,
        resolution=named.resolution,
        form=form,
        status=status,
        current=not ended,
        start=taken.start,
        end=end,
        end_of_supply=taken.supplied and end is not None,
        ended_unknown=ended and end is None,
        daily_mg=regimen.daily_mg,
        as_needed=regimen.as_needed,
        reasons=_reasons(resource, chart),
        stopped_for=_words(resource, "statusReason", "statusReasonCodeableConcept", "reasonStopped"),
        derived_from=_derived_from(resource),
        text_only=not named.codes,
    )


def _regimen(
    dosages: Sequence[Json], ingredients: frozenset[str], named: NamedMedicine, form: str, notes: Notes
) -> Regimen:
    """What is taken a day, worked out once for entries that say the same: a prescription is renewed for years."""
    try:
        content = repr(dosages)
    except (RecursionError, ValueError):  # nested too deep, or a number of more digits than Python prints
        return read_dosages(dosages, ingredients, named.parts, form)
    key = ("regimen", content, ingredients, named.parts, form)
    return notes.once(key, lambda: read_dosages(dosages, ingredients, named.parts, form))


def _left_out(resource: Json, kind: str, status: str) -> str:
    """Why an entry is no use of a medicine; "" where it is one."""
    if status in _STATUSES[kind].not_taken:
        return status.replace("-", " ")
    if kind == "MedicationRequest":
        if resource.get("doNotPerform") is True:
            return "an order not to give it"
        if resource.get("intent") in _NOT_ORDERED:
            return f"{resource['intent']}, not an order"
    return ""


def _short_label(resource: Json) -> str:
    label = read_concept(resource.get("medicationCodeableConcept")).label
    return (
        label or elements.text(elements.mapping(resource.get("medicationReference")).get("display")) or "a medication"
    )


def _dosages(resource: Json, kind: str, notes: Notes) -> list[Json]:
    """The dosages of an entry; one that is not built as FHIR builds it, or that a modifier changes, leaves a Gap."""
    given = resource.get("dosage" if kind == "MedicationStatement" else "dosageInstruction")
    found = elements.objects(given)
    if given is not None and (not isinstance(given, list) or len(found) < len(given)):
        notes.gap(Area.MEDICATION, resource, "a dosage could not be read")
    if any(dosage.get("modifierExtension") for dosage in found):
        notes.gap(Area.MEDICATION, resource, "a dosage carries a modifier the app does not know")
    return found


def _taken(resource: Json, kind: str, dosages: Sequence[Json], notes: Notes) -> Taken:
    if kind == "MedicationStatement":
        return medication_period.of_statement(resource, notes)
    if kind == "MedicationRequest":
        return medication_period.of_request(resource, dosages, notes)
    return medication_period.of_dispense(resource, notes)


def _used_up(taken: Taken, notes: Notes) -> bool:
    """Whether what was handed over is surely gone; without a supply or a date it may not be."""
    if taken.end is not None:
        return taken.end.last < notes.as_of
    return taken.start is not None and taken.start.last < notes.as_of - _UNTOLD_SUPPLY


def _end(taken: Taken, kind: str, status: str, notes: Notes) -> PartialDate | None:
    """When an entry that is over ended. An end that lies ahead was planned, and it ended before.

    A prescription that was stopped has no date of it: its bounds and its supply are what was meant, not what was.
    """
    if kind != "MedicationStatement" and status in ("stopped", "on-hold"):
        return None
    return taken.end if taken.end is not None and not taken.end.after(notes.as_of) else None


def _form(named: NamedMedicine, dosages: Sequence[Json]) -> str:
    """By the product, else by the first route that says it."""
    if named.form:
        return named.form
    routes = (read_concept(dosage.get("route")) for dosage in dosages)
    return next((form for route in routes if (form := form_of(route.codes, route.texts))), "")


def _reasons(resource: Json, chart: Mapping[str, Json]) -> tuple[str, ...]:
    """What it was given for: reasonCode, and the words of reasonReference or of the Condition it points to."""
    if resource.get("reasonCode") is None and resource.get("reasonReference") is None:
        return ()
    found = list(_words(resource, "reasonCode"))
    for reference in elements.objects(resource.get("reasonReference")):
        pointed = references.found(reference, "Condition", resource, chart)
        display = elements.text(reference.get("display"))
        found.append(display or (read_concept(pointed.get("code")).label if pointed is not None else ""))
    return tuple(dict.fromkeys(word for word in found if word))


def _words(resource: Json, *names: str) -> tuple[str, ...]:
    """The words of one or several CodeableConcepts, else their bare codes."""
    given = [concept for name in names if name in resource for concept in elements.objects(resource[name])]
    concepts = [read_concept(concept) for concept in given]
    words = [word for concept in concepts for word in concept.texts or [code.code for code in concept.codes]]
    return tuple(dict.fromkeys(words))


def _derived_from(resource: Json) -> tuple[str, ...]:
    """The medication entries that this one repeats or carries out, by "Type/id"."""
    names = ("derivedFrom", "basedOn", "authorizingPrescription")
    given = [one for name in names if name in resource for one in elements.objects(resource[name])]
    targets = [references.local(reference, "MedicationRequest") for reference in given]
    return tuple(sorted({target for target in targets if target.partition("/")[0] in TYPES}))
