"""The worker's queue: claim with a lease, one sender per EHR and patient, settle in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from smart_app.store import audit as trail
from smart_app.store.courses import set_care_plan
from smart_app.store.engine import SENDERS, reading, writing
from smart_app.store.messages import OPEN, WAITS, items_of, message_of
from smart_app.store.rows import to_text
from smart_app.store.tables import attempts, messages
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.records import MessageKind, MessageState, OutboxMessage

# A message whose senders are lost this often, one after the other, is likely what kills them.
MOST_CRASHES = 5
GIVEN_UP = "The app stopped five times while sending this. Look in the EHR whether it has arrived."

_this = messages.alias("this")
_earlier = messages.alias("earlier")
_blocker = messages.alias("blocker")
_other = messages.alias("other")


class SqlOutbox:
    """The `Outbox` of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, now: datetime, *, lease: float) -> OutboxMessage | None:
        """As the port says; the message comes as it was before the claim, its `attempts` counting this one."""
        while True:
            with reading(self._engine) as connection:  # mostly nothing is due, and a look keeps nobody waiting
                if connection.execute(_oldest_due(now)).first() is None:
                    return None
            with writing(self._engine, lock=SENDERS) as connection:
                row = connection.execute(_oldest_due(now).with_for_update(skip_locked=True)).one_or_none()
                if row is None:
                    return None
                if not _killed_its_senders(row):
                    return _lease(connection, row, now=now, until=now + timedelta(seconds=lease))
            self._give_up(row, now)

    def end_leases(self, now: datetime) -> int:
        """End the leases of a process that died; how many. Only for the one owner of a SQLite file, at start."""
        sending = messages.c.state == MessageState.SENDING
        with writing(self._engine, lock=SENDERS) as connection:
            return int(connection.execute(update(messages).where(sending).values(lease_until=now)).rowcount)

    def keep_sent(self, message_id: str, sent: str) -> None:
        being_sent = and_(messages.c.id == message_id, messages.c.state == MessageState.SENDING)
        with writing(self._engine) as connection:
            if connection.execute(update(messages).where(being_sent).values(sent=sent)).rowcount != 1:
                raise StaleVersion("the message is not being sent")

    def leave_out(self, message_id: str, values: Collection[str]) -> None:
        """As the port says. Raises StaleVersion when another worker has taken over."""
        being_sent = and_(messages.c.id == message_id, messages.c.state == MessageState.SENDING)
        with writing(self._engine) as connection:
            row = connection.execute(select(messages.c.contents).where(being_sent)).one_or_none()
            if row is None:
                raise StaleVersion("the message is not being sent")
            items = tuple(replace(item, left_out=item.value in values) for item in items_of(row.contents))
            connection.execute(update(messages).where(being_sent).values(contents=to_text(items)))

    def settle(
        self,
        message: OutboxMessage,
        state: MessageState,
        *,
        due: datetime | None,
        reason: str,
        references: Mapping[str, str],
        audit: AuditRecord,
        care_plan: str | None = None,
    ) -> None:
        """As the port says; `message.settle_until` is kept too. Raises StaleVersion when the lease was lost."""
        with writing(self._engine) as connection:
            row = connection.execute(select(messages).where(_held_by_sender(message))).one_or_none()
            if row is None:
                raise StaleVersion("another worker has taken over this message, or it was settled")
            changes = {
                "state": state.value,
                "due": due or row.due,
                "reason": reason,
                "contents": _with_references(row.contents, references),
                "settle_until": message.settle_until,
            }
            _end_attempt(connection, row, at=audit.at, state=state.value, reason=reason)
            connection.execute(update(messages).where(messages.c.id == row.id).values(**changes, **_FREE))
            if care_plan is not None:
                set_care_plan(connection, row.course, care_plan)
            trail.append(connection, audit)

    def next_due(self, now: datetime) -> datetime | None:
        leased = and_(_this.c.state == MessageState.SENDING, _this.c.lease_until > now)
        time = func.min(case((_this.c.state == MessageState.SENDING, _this.c.lease_until), else_=_this.c.due))
        waiting = _this.c.state.in_((*WAITS, MessageState.SENDING))
        with reading(self._engine) as connection:
            due: datetime | None = connection.scalar(select(time).where(waiting, or_(leased, _free(now))))
            return due

    def pending(self, *, launch: str | None = None) -> int:
        count = select(func.count()).select_from(messages).where(messages.c.state.in_(OPEN))
        if launch is not None:
            count = count.where(messages.c.launch == launch)
        with reading(self._engine) as connection:
            return connection.scalar(count) or 0

    def _give_up(self, row: Row[Any], now: datetime) -> None:
        record = AuditRecord(
            action="app:message:give-up",
            at=now,
            outcome=AuditOutcome.FAILED,
            ehr=row.ehr,
            launch=row.launch,
            patient=row.patient,
            detail=GIVEN_UP,
        )
        with writing(self._engine) as connection:
            as_found = and_(messages.c.id == row.id, messages.c.attempts == row.attempts)
            still = and_(as_found, messages.c.state == MessageState.SENDING)
            change = {"state": MessageState.MANUAL.value, "reason": GIVEN_UP, **_FREE}
            if connection.execute(update(messages).where(still).values(**change)).rowcount == 1:
                _end_attempt(connection, row, at=now, state="lost", reason=GIVEN_UP)
                trail.append(connection, record)


_FREE: dict[str, Any] = {"lease_until": None, "crashes": 0}


def _oldest_due(now: datetime) -> Select[Any]:
    waits = and_(_this.c.state.in_(WAITS), _this.c.due <= now)
    lost = and_(_this.c.state == MessageState.SENDING, _this.c.lease_until <= now)
    return select(_this).where(or_(waits, lost), _free(now)).order_by(_this.c.seq).limit(1)


def _free(now: datetime) -> ColumnElement[bool]:
    """Nothing earlier of the patient is open, no conflict about the course's CarePlan, and nobody is sending."""
    earlier = select(_earlier.c.seq).where(_earlier.c.seq < _this.c.seq)
    of_patient = and_(_earlier.c.ehr == _this.c.ehr, _earlier.c.patient == _this.c.patient)
    of_course = _earlier.c.course == _this.c.course
    sending = and_(
        _other.c.ehr == _this.c.ehr,
        _other.c.patient == _this.c.patient,
        _other.c.seq != _this.c.seq,
        _other.c.state == MessageState.SENDING,
        _other.c.lease_until > now,
    )
    return and_(
        ~exists(earlier.where(of_patient, _earlier.c.state.in_(OPEN), ~_stuck())),
        ~exists(earlier.where(of_course, _disputed(_earlier))),
        ~exists(select(_other.c.seq).where(sending)),
    )


def _disputed(message: Any) -> ColumnElement[bool]:
    """A CarePlan that is in the EHR, but not as sent: its sessions wait for a person. One that the EHR does not
    take holds back nothing, nor does any other failure."""
    creates = message.c.kind == MessageKind.CREATE_CARE_PLAN.value
    return and_(creates, message.c.state == MessageState.CONFLICT)


def _stuck() -> ColumnElement[bool]:
    """The earlier one waits for a person to settle a CarePlan: it holds back no other course."""
    before = and_(_blocker.c.course == _earlier.c.course, _blocker.c.seq < _earlier.c.seq)
    return exists(select(_blocker.c.seq).where(before, _disputed(_blocker)))


def _lease(connection: Connection, row: Row[Any], *, now: datetime, until: datetime) -> OutboxMessage:
    message = message_of(row)
    lost = message.state is MessageState.SENDING
    if lost:
        _end_attempt(connection, row, at=now, state="lost", reason="The sender did not come back in time.")
    before = _state_before(row) if lost else message.state
    number = message.attempts + 1
    change = {
        "state": MessageState.SENDING.value,
        "before": before.value,
        "lease_until": until,
        "attempts": number,
        "crashes": row.crashes + lost,
    }
    connection.execute(update(messages).where(messages.c.id == message.id).values(**change))
    attempt = {"message": message.id, "number": number, "launch": message.launch, "started": now, "reason": ""}
    connection.execute(insert(attempts).values(**attempt))
    return replace(message, state=before, attempts=number)


def _state_before(row: Row[Any]) -> MessageState:
    """What a lost sender leaves behind: once something was to be sent, it may have arrived."""
    return MessageState(row.before) if row.sent is None else MessageState.UNKNOWN


def _killed_its_senders(row: Row[Any]) -> bool:
    return bool(row.state == MessageState.SENDING and row.crashes + 1 >= MOST_CRASHES)


def _end_attempt(connection: Connection, row: Row[Any], *, at: datetime, state: str, reason: str) -> None:
    this = and_(attempts.c.message == row.id, attempts.c.number == row.attempts, attempts.c.ended.is_(null()))
    connection.execute(update(attempts).where(this).values(ended=at, state=state, reason=reason))


def _held_by_sender(message: OutboxMessage) -> ColumnElement[bool]:
    return and_(
        messages.c.id == message.id,
        messages.c.state == MessageState.SENDING,
        messages.c.attempts == message.attempts,
    )


def _with_references(contents: str, references: Mapping[str, str]) -> str:
    items = items_of(contents)
    return to_text(tuple(replace(item, reference=references.get(item.value, item.reference)) for item in items))
