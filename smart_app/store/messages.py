"""Keeps the messages of the outbox for the use cases: added when signed, made due again, given to a new launch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, insert, literal, null, select, update

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import launches, messages
from smart_app.use_cases.records import MessageItem, MessageKind, MessageState, OutboxMessage

# What waits for its time, in the order of the life of a message; the worker takes these up.
WAITS = (MessageState.QUEUED, MessageState.RETRY_AT, MessageState.UNKNOWN)
# Final without being delivered: a person has to look.
FAILED = (MessageState.REJECTED, MessageState.CONFLICT, MessageState.MANUAL)
_RETRIED = (*WAITS, MessageState.WAIT_AUTH, *FAILED)
OPEN = tuple(state for state in MessageState if not state.final)


class SqlMessages:
    """The `Messages` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, message: OutboxMessage) -> None:
        self._connection.execute(insert(messages).values(**_columns(message)))

    def of_course(self, course_id: str) -> Sequence[OutboxMessage]:
        found = select(messages).where(messages.c.course == course_id).order_by(messages.c.seq)
        return [message_of(row) for row in self._connection.execute(found)]

    def of_patient(self, ehr: str, patient: str) -> Sequence[OutboxMessage]:
        ours = and_(messages.c.ehr == ehr, messages.c.patient == patient)
        return [
            message_of(row) for row in self._connection.execute(select(messages).where(ours).order_by(messages.c.seq))
        ]

    def retry(self, message_id: str, *, launch: str, now: datetime) -> None:
        """A message that is being sent or was delivered stays as it is: a double click asks for nothing new."""
        self._make_due(and_(messages.c.id == message_id, messages.c.state.in_(_RETRIED)), launch=launch, now=now)

    def repeat(self, message_id: str, *, launch: str, now: datetime) -> None:
        states = (*_RETRIED, MessageState.DELIVERED)
        self._make_due(and_(messages.c.id == message_id, messages.c.state.in_(states)), launch=launch, now=now)

    def release(self, patient: str, *, launch: str, now: datetime) -> int:
        waiting = and_(messages.c.patient == patient, messages.c.state == MessageState.WAIT_AUTH)
        return self._make_due(waiting, launch=launch, now=now) + self._hand_over(patient, launch)

    def _hand_over(self, patient: str, launch: str) -> int:
        """What waits for its time and would then find its launch ended. When it is due does not change."""
        ended = exists().where(launches.c.id == messages.c.launch, launches.c.ended.is_not(null()))
        orphaned = and_(messages.c.patient == patient, messages.c.state.in_(WAITS), ended)
        return self._connection.execute(update(messages).where(orphaned).values(launch=launch)).rowcount

    def _make_due(self, condition: ColumnElement[bool], *, launch: str, now: datetime) -> int:
        settled = messages.c.settle_until.is_(null()) | (messages.c.settle_until <= now)
        # What may have arrived is looked for before it is sent again.
        fresh = case((messages.c.sent.is_(null()), MessageState.QUEUED.value), else_=MessageState.UNKNOWN.value)
        change = {
            "launch": launch,
            "due": case((settled, literal(now, messages.c.due.type)), else_=messages.c.settle_until),
            "state": case((messages.c.state.in_(WAITS), messages.c.state), else_=fresh),
            "crashes": 0,
        }
        return self._connection.execute(update(messages).where(condition).values(**change)).rowcount


def message_of(row: Row[Any]) -> OutboxMessage:
    """The message of a row of the table."""
    return OutboxMessage(
        id=row.id,
        kind=MessageKind(row.kind),
        ehr=row.ehr,
        fhir_base=row.fhir_base,
        patient=row.patient,
        launch=row.launch,
        course=row.course,
        session=row.session,
        items=items_of(row.contents),
        created=row.created,
        due=row.due,
        state=MessageState(row.state),
        seq=row.seq,
        attempts=row.attempts,
        reason=row.reason,
        sent=row.sent,
        settle_until=row.settle_until,
    )


def items_of(contents: str) -> tuple[MessageItem, ...]:
    return from_text(tuple[MessageItem, ...], contents)


def _columns(message: OutboxMessage) -> dict[str, Any]:
    same = ("id", "ehr", "fhir_base", "patient", "launch", "course", "session", "created", "due")
    rest = ("attempts", "reason", "sent", "settle_until")
    return {
        **{name: getattr(message, name) for name in same + rest},
        "kind": message.kind.value,
        "contents": to_text(message.items),
        "state": message.state.value,
        "before": message.state.value,
        "crashes": 0,
    }
