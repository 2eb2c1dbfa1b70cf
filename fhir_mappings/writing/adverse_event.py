"""An adverse event of a session as an AdverseEvent (R4), suspected of the dose; found by its tag, as R4 lets it."""

from __future__ import annotations

from fhir_mappings.facts.treatment import AdverseEvent, KetamineSession
from fhir_mappings.writing.datatypes import coding, concept, instant, person, plain, reference
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import EVENT_OUTCOME, EVENT_SEVERITY, NON_SERIOUS, SERIOUS, SNOMED
from fhir_mappings.writing.written import Json


def adverse_event(session: KetamineSession, event: AdverseEvent, instance: Instance) -> Json:
    identifier = instance.identifier("event", event.id)
    codes = [coding(SNOMED, event.code)] if event.code else []
    return {
        "resourceType": "AdverseEvent",
        "meta": {"tag": [{"system": identifier["system"], "code": identifier["value"]}]},
        "identifier": identifier,
        "actuality": "actual",
        "event": concept(*codes, text=plain(event.text)),
        "subject": reference("session.patient", session.patient, "Patient"),
        **_encounter(session),
        "date": instant("event.onset", event.onset.at),
        "detected": instant("event.onset", event.onset.at),
        "recordedDate": instant("event.onset.entered", event.onset.entered),
        **({} if event.serious is None else {"seriousness": SERIOUS if event.serious else NON_SERIOUS}),
        "severity": EVENT_SEVERITY[event.severity],
        **({} if event.outcome is None else {"outcome": EVENT_OUTCOME[event.outcome]}),
        "recorder": person("event.by", event.by),
        **_suspected(session, instance),
    }


def _encounter(session: KetamineSession) -> Json:
    if session.encounter is None:
        return {}
    return {"encounter": reference("session.encounter", session.encounter, "Encounter")}


def _suspected(session: KetamineSession, instance: Instance) -> Json:
    """The dose. Whether it was the cause nobody has assessed."""
    if session.dose is None:
        return {}
    return {"suspectEntity": [{"instance": instance.link("MedicationAdministration", "dose", session.dose.id)}]}
