"""Outbox messages of a course: the CarePlan is named here and built from the latest progress at sending."""

from __future__ import annotations

from datetime import datetime

from smart_app.use_cases.records import Caller, MessageItem, MessageKind, OutboxMessage, StoredCourse
from smart_app.use_cases.site import Site

LABELS = {
    MessageKind.CREATE_CARE_PLAN: "Treatment plan",
    MessageKind.UPDATE_CARE_PLAN: "Treatment plan, progress",
}


def care_plan_message(
    kind: MessageKind, course: StoredCourse, caller: Caller, now: datetime, message_id: str, site: Site
) -> OutboxMessage:
    item = MessageItem(
        resource_type="CarePlan",
        system=site.instance.system("programme"),
        value=course.id,
        label=LABELS[kind],
        body="",
    )
    return message(kind, course, None, (item,), caller, now, message_id)


def message(
    kind: MessageKind,
    course: StoredCourse,
    session: str | None,
    items: tuple[MessageItem, ...],
    caller: Caller,
    now: datetime,
    message_id: str,
) -> OutboxMessage:
    """A message of the course, due now, to be sent with the token of the caller's launch."""
    return OutboxMessage(
        id=message_id,
        kind=kind,
        ehr=course.ehr,
        fhir_base=course.fhir_base,
        patient=course.patient,
        launch=caller.launch,
        course=course.id,
        session=session,
        items=items,
        created=now,
        due=now,
    )
