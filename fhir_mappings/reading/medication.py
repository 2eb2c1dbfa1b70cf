"""MedicationStatement and MedicationRequest to MedicationUse. FHIR R4; text-only entries are kept."""

from __future__ import annotations

from collections.abc import Mapping

from fhir_mappings.codes.concepts import label_of, read_concept
from fhir_mappings.codes.medicine_names import classes_of
from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.codes.text_terms import safety_terms_in
from fhir_mappings.facts.clinical import Area, MedicationUse
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes

TYPES = frozenset({"MedicationStatement", "MedicationRequest"})
_NOT_TAKEN = frozenset({"entered-in-error", "not-taken", "cancelled", "draft"})
_CURRENT = frozenset({"active", "on-hold", "intended"})


def read_medication(
    resource: Json, medications: Mapping[str, Json], table: MedicineTable, notes: Notes
) -> MedicationUse | None:
    """One medication entry; `medications` are the Medication resources of the chart by reference.

    None for an entry that was not taken, and for one that names no drug (which leaves a Gap).
    """
    concept = read_concept(_concept(resource, medications))
    label, status = concept.label, elements.text(resource.get("status"))
    if status in _NOT_TAKEN:
        notes.ignore(resource, label or "a medication", status.replace("-", " "), "DATA-EIE")
        return None
    if not label:
        notes.gap(Area.MEDICATION, resource, "the entry does not say which medicine it is")
        return None
    if concept.damaged:
        notes.gap(Area.MEDICATION, resource, "a part of the code could not be read")
    if resource.get("resourceType") == "MedicationStatement":
        period = notes.when(Area.MEDICATION, resource, "effective")
    else:
        period = notes.date(Area.MEDICATION, resource, resource.get("authoredOn"), "authoredOn")
    resolved = table.resolve(concept.codes, concept.texts)
    return MedicationUse(
        reference=elements.reference_of(resource),
        label=label,
        ingredients=resolved.ingredients,
        classes=classes_of(resolved.ingredients),
        resolution=resolved.resolution,
        status=status,
        current=status in _CURRENT,
        start=period,
        text_only=not concept.codes,
        safety_terms=safety_terms_in(concept.texts) & {"ketamine"} if not concept.codes else frozenset(),
    )


def _concept(resource: Json, medications: Mapping[str, Json]) -> Json:
    """The CodeableConcept of the medicine: in place, contained, referenced, or at least a display."""
    if resource.get("medicationCodeableConcept") is not None:
        return elements.mapping(resource["medicationCodeableConcept"])
    reference = elements.mapping(resource.get("medicationReference"))
    target = elements.text(reference.get("reference"))
    contained = {f"#{elements.text(r.get('id'))}": r for r in elements.objects(resource.get("contained"))}
    found = contained.get(target) or medications.get(target) or medications.get("/".join(target.split("/")[-2:]))
    if found is not None and label_of(found.get("code")):
        return elements.mapping(found.get("code"))
    return {"text": elements.text(reference.get("display"))}
