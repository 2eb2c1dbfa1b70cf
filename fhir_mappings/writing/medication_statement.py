"""What a patient says of doses taken alone, as a MedicationStatement (R4): never an administration, nobody saw it."""

from __future__ import annotations

from fhir_mappings import wire
from fhir_mappings.facts.titration import DoseLog, Taken
from fhir_mappings.facts.treatment import Route
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.datatypes import annotation, concept, instant, plain, quantity, reference
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.provenance import entry_provenance, entry_value
from fhir_mappings.writing.soundness import refuse_unsound
from fhir_mappings.writing.terminology import KETAMINE, ROUTE
from fhir_mappings.writing.written import Json, WrittenResource

KIND = "statement"
# The span is over, so what is said of it is complete; the plan tells whether the patient goes on.
_STATUS = {Taken.ALL: "completed", Taken.PARTLY: "completed", Taken.NONE: "not-taken"}


def statement_resources(
    log: DoseLog, instance: Instance, *, without: frozenset[str] = frozenset()
) -> tuple[WrittenResource, ...]:
    """The statement and who wrote it down, in the order they travel. Empty where `without` names the type.

    Raises Unwritable.
    """
    refuse_unsound("log", log)
    if log.last < log.first:
        raise Unwritable("log.last", "is before the first day")
    if "MedicationStatement" in without:
        return ()
    label = f"Doses taken at home, {log.first.isoformat()} to {log.last.isoformat()}"
    made = _written(_statement(log, instance), instance.system(KIND), log.id, label)
    if "Provenance" in without:
        return (made,)
    target = instance.link("MedicationStatement", KIND, log.id)
    record = entry_provenance(KIND, log.id, log.by, log.last.isoformat(), log.entered, [target], instance)
    value = entry_value(KIND, log.id, instance)
    return made, _written(record, instance.system("provenance"), value, "Who wrote down what the patient said")


def _statement(log: DoseLog, instance: Instance) -> Json:
    patient = reference("log.patient", log.patient, "Patient")
    plan = {"basedOn": [instance.link("CarePlan", "programme", log.course)]} if log.course else {}
    return {
        "resourceType": "MedicationStatement",
        "identifier": [instance.identifier(KIND, log.id)],
        **plan,
        "status": _STATUS[log.taken],
        "medicationCodeableConcept": concept(KETAMINE, text="Ketamine, sublingual"),
        "subject": patient,
        "effectivePeriod": {"start": log.first.isoformat(), "end": log.last.isoformat()},
        "dateAsserted": instant("log.entered", log.entered),
        "informationSource": patient,
        "note": [annotation("log", log.by, log.entered, adherence_words(log))],
        "dosage": [
            {
                "text": f"{log.mg} mg sublingual once a day",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "route": ROUTE[Route.SL],
                "doseAndRate": [{"doseQuantity": quantity("log.mg", log.mg, "mg")}],
            }
        ],
    }


def adherence_words(log: DoseLog) -> str:
    """The adherence in words, with how it was told."""
    taken = log.days - log.missed
    said = [f"Taken on {taken} of {log.days} {'day' if log.days == 1 else 'days'}, as the patient said {log.source}."]
    if log.more:
        said.append("More than ordered was taken.")
    said.append(f"Side effects: {plain(log.effects)}." if plain(log.effects) else "No side effects were named.")
    if plain(log.words):
        said.append(plain(log.words))
    return " ".join(said)


def _written(resource: Json, system: str, value: str, label: str) -> WrittenResource:
    kind = resource["resourceType"]
    body = wire.encode(checked(resource))
    return WrittenResource(resource_type=kind, system=system, value=value, label=label, body=body)
