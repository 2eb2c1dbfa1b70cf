"""The outbox message of what a patient says of doses taken alone, sent when it is entered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.titration import DoseLog
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.medication_statement import statement_resources
from smart_app.use_cases.course.course_messages import message
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageItem, MessageKind, OutboxMessage, StoredCourse
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
    items = tuple(MessageItem.of(each) for each in made)
    return message(MessageKind.SEND_STATEMENT, course, None, items, caller, now, message_id)
