"""What the EHR has taken: one table turns the states of the outbox into words (ui specification S5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from types import MappingProxyType

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from smart_app.use_cases.access import audited, own_session, refuse, require_writer
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, MessageItem, MessageKind, MessageState, OutboxMessage
from smart_app.use_cases.sent import AUDITED_AS, replaced

MOST_AUDITED = 1000  # records looked through for the time of a delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One resource and where it stands. `message` is what retry_delivery asks for; "" when not to be retried."""

    item: str  # "Blood pressure 14:10"
    target: str  # "Observation"
    state: MessageState
    words: str  # "Written 15:41", "Waiting, next try 15:42", ...
    reference: str  # "Observation/12", or ""
    message: str
    session: str | None
    reason: str = ""  # why it is still waiting after a try, in words
    left_out: bool = False  # the EHR does not take its type
    replaced: bool = False  # a later version was written instead, so nothing is left to do


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """`settled`: nothing is waiting any more. `waiting_for_launch`: release_waiting would send something."""

    rows: tuple[DeliveryRow, ...]
    summary: str  # "18 of 20 items written. 2 waiting.", "19 of 20 items written. 1 not supported by this EHR."
    settled: bool
    waiting_for_launch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A message with what its words need: when it was written, and whether an earlier one holds it back."""

    message: OutboxMessage
    written: datetime | None
    held_back: bool
    zone: tzinfo | None
    replaced: bool = False

    def time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%H:%M}"


def _written(standing: Standing) -> str:
    said = standing.message.reason.removeprefix("Written.").strip()
    when = f"Written {standing.time(standing.written)}" if standing.written else "Written"
    return f"{when}. {said}" if said else when


def _queued(standing: Standing) -> str:
    return "Waiting for an earlier item to be written" if standing.held_back else "Waiting to be sent"


def _because(words: str) -> Callable[[Standing], str]:
    return lambda standing: f"{words}: {standing.message.reason}" if standing.message.reason else words


WORDS: Mapping[MessageState, Callable[[Standing], str]] = MappingProxyType(
    {
        MessageState.QUEUED: _queued,
        MessageState.SENDING: lambda _: "Being sent",
        MessageState.DELIVERED: _written,
        MessageState.RETRY_AT: lambda standing: f"Waiting, next try {standing.time(standing.message.due)}",
        MessageState.UNKNOWN: lambda _: "Checking with the EHR",
        MessageState.WAIT_AUTH: lambda _: "Waiting for you to open the app from this patient's chart again",
        MessageState.REJECTED: _because("Refused"),
        MessageState.CONFLICT: _because("Changed in the EHR"),
        MessageState.MANUAL: _because("Not taken by this EHR"),
    }
)
_RETRIED_BY_HAND = frozenset(
    {
        MessageState.RETRY_AT,
        MessageState.WAIT_AUTH,
        MessageState.REJECTED,
        MessageState.CONFLICT,
        MessageState.MANUAL,
    }
)
_REPLACED = "Not written: a later version was written instead"
# The plan names neither.
_BESIDE_THE_PLAN = frozenset(
    {
        MessageKind.UPDATE_CARE_PLAN,
        MessageKind.SEND_SCORE,
        MessageKind.RETRACT_SCORE,
        MessageKind.SEND_STATEMENT,
        MessageKind.RETRACT_STATEMENT,
    }
)
TAKES_BACK = frozenset({MessageKind.RETRACT_SESSION, MessageKind.RETRACT_SCORE, MessageKind.RETRACT_STATEMENT})
_TAKEN_BACK_BY = MappingProxyType(
    {
        MessageKind.SEND_SESSION: MessageKind.RETRACT_SESSION,
        MessageKind.AMEND_SESSION: MessageKind.RETRACT_SESSION,
        MessageKind.SEND_SCORE: MessageKind.RETRACT_SCORE,
        MessageKind.SEND_STATEMENT: MessageKind.RETRACT_STATEMENT,
    }
)
_TRIED = frozenset({MessageState.RETRY_AT, MessageState.UNKNOWN})


def delivery_view(work: Work, clock: Clock, caller: Caller, session_id: str | None = None) -> DeliveryView:
    """All messages of the patient's courses, or of one session."""
    now, action = clock(), "clinician:delivery:read"
    with work() as uow:
        if session_id is not None:
            own_session(uow, caller, now, action, session_id)
        view = status_of(uow, caller, now, session_id)
        uow.audit.add(audited(caller, now, action))
        uow.commit()
        return view


def status_of(uow: UnitOfWork, caller: Caller, now: datetime, session_id: str | None = None) -> DeliveryView:
    """The same inside a transaction that somebody else began."""
    trail = uow.audit.of_patient(caller.patient, limit=MOST_AUDITED)
    standings = [
        standing
        for messages in messages_by_course(uow, caller)
        for standing in _standings(messages, trail, now.tzinfo)
        if session_id in {None, standing.message.session}
    ]
    rows = tuple(row for standing in standings for row in _rows(standing))
    states = {standing.message.state for standing in standings}
    return DeliveryView(
        rows=rows,
        summary=_summary(rows),
        settled=all(state.final for state in states),
        waiting_for_launch=MessageState.WAIT_AUTH in states,
    )


def messages_by_course(uow: UnitOfWork, caller: Caller) -> list[Sequence[OutboxMessage]]:
    """The messages of the launch patient: first those of no course, then course by course, oldest first."""
    courses = [each for each in uow.courses.of_patient(caller.patient) if each.ehr == caller.ehr]
    of_none = [each for each in uow.messages.of_patient(caller.ehr, caller.patient) if not each.course]
    return [of_none, *(uow.messages.of_course(course.id) for course in reversed(courses))]


def _standings(
    messages: Sequence[OutboxMessage], trail: Sequence[AuditRecord], zone: tzinfo | None
) -> list[Standing]:
    """In order of `seq`. Within a course a message waits while an earlier one is open or its plan is in conflict."""
    standings: list[Standing] = []
    used: set[int] = set()
    held_back = False
    for each in messages:
        written = _written_at(each, trail, used) if each.state is MessageState.DELIVERED else None
        standing = Standing(message=each, written=written, held_back=held_back, zone=zone)
        standings.append(replace(standing, replaced=replaced(each, messages)))
        held_back = held_back or not each.state.final or _disputed(each)
    return standings


def _disputed(message: OutboxMessage) -> bool:
    return message.kind is MessageKind.CREATE_CARE_PLAN and message.state is MessageState.CONFLICT


def _written_at(message: OutboxMessage, trail: Sequence[AuditRecord], used: set[int]) -> datetime | None:
    """The time of the audit record of this delivery; each record stands for one message."""
    references = {item.reference for item in message.items if item.reference}
    for index in range(len(trail) - 1, -1, -1):
        record = trail[index]
        ours = record.action == AUDITED_AS[message.kind] and record.outcome is AuditOutcome.SUCCESS
        if ours and index not in used and record.at >= message.created and references & {*record.entities}:
            used.add(index)
            return record.at
    return None


def _rows(standing: Standing) -> list[DeliveryRow]:
    message = standing.message
    words = _REPLACED if standing.replaced else WORDS[message.state](standing)
    by_hand = message.state in _RETRIED_BY_HAND and not standing.replaced
    back = message.kind in TAKES_BACK
    return [
        DeliveryRow(
            item=f"Entered in error: {item.label}" if back else item.label,
            target=item.resource_type,
            state=message.state,
            words=_left_out(message, item) if item.left_out else words,
            reference=item.reference or "",
            message=message.id if by_hand else "",
            session=message.session,
            reason=message.reason if message.state in _TRIED else "",
            left_out=item.left_out,
            replaced=standing.replaced and not item.left_out,
        )
        for item in message.items
    ]


def _left_out(message: OutboxMessage, item: MessageItem) -> str:
    in_note = message.session is not None and item.resource_type != "Provenance"
    words = "Not supported by this EHR: kept in this app"
    return f"{words} and in the session's note" if in_note else words


def _summary(rows: Sequence[DeliveryRow]) -> str:
    if not rows:
        return "Nothing to write yet."
    rows = [row for row in rows if not row.replaced]
    states = [row.state for row in rows if not row.left_out]
    written = sum(state is MessageState.DELIVERED for state in states)
    waiting = sum(not state.final for state in states)
    failed = len(states) - written - waiting
    parts = [f"{written} of {len(rows)} {'item' if len(rows) == 1 else 'items'} written."]
    if waiting:
        parts.append(f"{waiting} waiting.")
    if failed:
        parts.append(f"{failed} not written: see below.")
    if len(states) < len(rows):
        parts.append(f"{len(rows) - len(states)} not supported by this EHR.")
    return " ".join(parts)


def retry_delivery(work: Work, clock: Clock, caller: Caller, message_id: str) -> None:
    """Try a waiting or refused message again now, with the token of this launch."""
    now, action = clock(), "clinician:delivery:retry"
    with work() as uow:
        require_writer(uow, caller, now, action)
        messages = [each for course in messages_by_course(uow, caller) for each in course]
        message = next((each for each in messages if each.id == message_id), None)
        if message is None:
            refuse(uow, caller, now, action, Refused("There is no such item for this patient."))
        uow.messages.retry(message.id, launch=caller.launch, now=now)
        for later in (*_updates_after(message, messages), *_retractions_after(message, messages)):
            uow.messages.repeat(later.id, launch=caller.launch, now=now)
        uow.audit.add(audited(caller, now, action, f"message/{message.id}"))
        uow.commit()


def _updates_after(message: OutboxMessage, messages: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    """The updates of the plan that have to follow: those that were given up because the EHR did not take the plan,
    and the last one of a course, since it could not name a session that was not yet in the EHR."""
    updates = [
        one
        for one in messages
        if one.course == message.course and one.kind is MessageKind.UPDATE_CARE_PLAN and one.seq > message.seq
    ]
    if message.state is MessageState.DELIVERED or message.kind in _BESIDE_THE_PLAN:
        return []
    if message.kind is MessageKind.CREATE_CARE_PLAN:
        return [one for one in updates if one.state is MessageState.MANUAL]
    return [one for one in updates[-1:] if one.state is not MessageState.SENDING]


def _retractions_after(message: OutboxMessage, messages: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    """What found nothing in the EHR to mark as entered in error, while this could not be sent."""
    back = _TAKEN_BACK_BY.get(message.kind)
    if back is None or message.state is MessageState.DELIVERED:
        return []
    names = {item.value for item in message.items}
    return [one for one in messages if one.kind is back and names & {item.value for item in one.items}]


def release_waiting(work: Work, clock: Clock, caller: Caller) -> int:
    """Give what waits for a launch of this patient to this launch; how many messages."""
    now, action = clock(), "clinician:delivery:release"
    with work() as uow:
        require_writer(uow, caller, now, action)
        released = uow.messages.release(caller.patient, launch=caller.launch, now=now)
        uow.audit.add(audited(caller, now, action, detail=f"{released} messages"))
        uow.commit()
        return released
