"""Outbox messages of what a patient says of doses taken alone: sent when entered, taken back when struck out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.titration import DoseLog
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.medication_statement import statement_resources
from smart_app.use_cases.course_messages import message
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageKind, OutboxMessage, StoredCourse
from smart_app.use_cases.signed_session import as_item
from smart_app.use_cases.site import Site


def statement_message(
    log: DoseLog, course: StoredCourse, caller: Caller, now: datetime, message_id: str, site: Site
) -> OutboxMessage | None:
    """None: the EHR lets nothing of it be written. Raises Refused."""
    named = replace(log, course=None) if course.status is CourseStatus.ENTERED_IN_ERROR else log
    try:
        made = statement_resources(named, site.instance, without=caller.not_granted)
    except Unwritable as error:
        raise Refused(f"The log cannot be written as FHIR: {error}.") from error
    if not made:
        return None
    items = tuple(as_item(each) for each in made)
    return message(MessageKind.SEND_STATEMENT, course, None, items, caller, now, message_id)


def statement_retraction(
    entry_id: str, sent: Sequence[OutboxMessage], caller: Caller, now: datetime, message_id: str
) -> OutboxMessage | None:
    """None: nothing of it was to be sent. Provenance stays as it is."""
    found = next(
        (
            each
            for each in sent
            if each.kind is MessageKind.SEND_STATEMENT and entry_id in {item.value for item in each.items}
        ),
        None,
    )
    if found is None:
        return None
    items = tuple(replace(item, body="") for item in found.items if item.resource_type != "Provenance")
    return OutboxMessage(
        id=message_id,
        kind=MessageKind.RETRACT_STATEMENT,
        ehr=found.ehr,
        fhir_base=found.fhir_base,
        patient=found.patient,
        launch=caller.launch,
        course=found.course,
        session=None,
        items=items,
        created=now,
        due=now,
    )
