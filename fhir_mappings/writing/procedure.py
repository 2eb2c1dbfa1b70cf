"""A session as a Procedure (R4 Procedure, US Core 7.0.0): what was done, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator

from fhir_mappings.facts.treatment import Answer, Clinician, KetamineSession, Place, SessionStatus
from fhir_mappings.writing.canonical import SESSION_PROFILE, US_CORE_PROCEDURE, plan_definition
from fhir_mappings.writing.datatypes import (
    annotation,
    coding,
    concept,
    organization,
    period,
    person,
    plain,
    reference,
)
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_note import session_note
from fhir_mappings.writing.terminology import (
    PARTIALLY_SUCCESSFUL,
    PROCEDURE_CATEGORY,
    PROCEDURE_CODE,
    PROCEDURE_STATUS,
    SNOMED,
    SUCCESSFUL,
    UNSUCCESSFUL,
    session_function,
    session_title,
)
from fhir_mappings.writing.written import Json

_FOLLOW_UP = frozenset({"advice", "next", "integration"})  # keys of the lines that say what comes after
_ENDED_BADLY = (SessionStatus.STOPPED, SessionStatus.NOT_DONE)


def procedure(session: KetamineSession, version: str, instance: Instance) -> Json:
    """`version` is of the programme definition that the course follows."""
    return {
        "resourceType": "Procedure",
        "meta": {"profile": [SESSION_PROFILE, US_CORE_PROCEDURE]},
        "identifier": [instance.identifier("session", session.id)],
        "instantiatesCanonical": [plan_definition(session.route, version)],
        "basedOn": [instance.link("CarePlan", "programme", session.course)],
        **_status(session),
        "category": PROCEDURE_CATEGORY,
        "code": concept(
            PROCEDURE_CODE[session.route],
            text=session_title(session.route, session.number, session.of, session.purpose),
        ),
        "subject": reference("session.patient", session.patient, "Patient"),
        **_encounter(session),
        **_performed(session),
        "recorder": person("session.recorders", (*session.recorders, session.signature.by)[0]),
        "asserter": person("session.signature.by", session.signature.by),
        **_performers(session),
        **_where_and_why(session),
        **_outcome(session),
        **_aftermath(session),
        "note": [annotation("session.signature", session.signature.by, session.signature.at, session_note(session))],
    }


def _status(session: KetamineSession) -> Json:
    status = PROCEDURE_STATUS.get(session.status)
    if status is None:
        raise Unwritable("session.status", "is not final: a session is written once it is signed")
    reason = plain(session.reason)
    if session.status in _ENDED_BADLY and not reason:
        raise Unwritable("session.reason", "is empty, though the session was stopped or not done")
    return {"status": status} | ({"statusReason": concept(text=reason)} if reason else {})


def _encounter(session: KetamineSession) -> Json:
    if session.encounter is None:
        return {}
    return {"encounter": reference("session.encounter", session.encounter, "Encounter")}


def _performed(session: KetamineSession) -> Json:
    # What was not done was not performed at any time: the planned time stands in the note.
    if session.status is SessionStatus.NOT_DONE:
        return {}
    return {"performedPeriod": period("session", session.started, session.ended)}


def _performers(session: KetamineSession) -> Json:
    if session.status is SessionStatus.NOT_DONE:
        return {}
    performers = []
    for function, clinician in _functions(session):
        acting_for = organization("session.performer", clinician)
        performers.append(
            {"function": session_function(function), "actor": person("session.performer", clinician)}
            | ({"onBehalfOf": acting_for} if acting_for else {})
        )
    return {"performer": performers}


def _functions(session: KetamineSession) -> Iterator[tuple[str, Clinician]]:
    """Everyone who took part, once, by the first of: gave the dose, watched the patient, signed."""
    taking_part = [("administering", session.dose.given_by)] if session.dose else []
    taking_part += [("observing", reading.by) for reading in session.readings if reading.struck is None]
    taking_part += [("observing", check.by) for check in (*session.checks, *session.discharge, *session.therapy)]
    taking_part += [("administering", rescue.by) for rescue in session.rescues]
    taking_part += [("observing", event.by) for event in session.events]
    taking_part += [("observing", event.by) for event in session.infusion]
    taking_part += [("signing", session.signature.by)]
    seen: set[str] = set()
    for function, clinician in taking_part:
        if clinician.reference not in seen:
            seen.add(clinician.reference)
            yield function, clinician


def _where_and_why(session: KetamineSession) -> Json:
    elements: Json = {}
    if session.place is Place.HOME:
        elements["location"] = {"display": "Patient's home"}
    if session.conditions:
        elements["reasonReference"] = [
            reference("session.conditions", condition, "Condition") for condition in session.conditions
        ]
    if session.dose is not None and plain(session.dose.body_site):
        elements["bodySite"] = [concept(text=plain(session.dose.body_site))]
    return elements


def _outcome(session: KetamineSession) -> Json:
    if session.status not in (SessionStatus.COMPLETED, SessionStatus.STOPPED):
        return {}
    if session.dose is None:
        return {"outcome": UNSUCCESSFUL}
    whole = session.status is SessionStatus.COMPLETED and session.dose.completed
    return {"outcome": SUCCESSFUL if whole else PARTIALLY_SUCCESSFUL}


def _aftermath(session: KetamineSession) -> Json:
    elements: Json = {}
    if session.events:
        elements["complication"] = [
            concept(*([coding(SNOMED, event.code)] if event.code else []), text=plain(event.text))
            for event in session.events
        ]
    after = [check for check in (*session.discharge, *session.therapy) if check.key in _FOLLOW_UP]
    said = [check for check in after if check.answer is Answer.YES]
    if said:
        elements["followUp"] = [concept(text=plain("; ".join((check.text, *check.details)))) for check in said]
    return elements
