"""The ports in memory, for tests of use cases; the same contract tests run against these and the real store."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from smart_app.clinical.ledger import Row, Vial
from smart_app.use_cases.errors import StaleVersion, Unaudited
from smart_app.use_cases.ports import (
    Audit,
    Care,
    Courses,
    DeviceKeys,
    Drafts,
    Judgements,
    Launches,
    Ledger,
    Messages,
    Scores,
    Screenings,
    Sessions,
    Versions,
)
from smart_app.use_cases.records import (
    Caller,
    CareEntry,
    Countersignature,
    DeviceKey,
    MessageKind,
    MessageState,
    OutboxMessage,
    OutcomeDecision,
    ScreeningInputs,
    SessionVersion,
    StoredAnswer,
    StoredCourse,
    StoredOverride,
    StoredScore,
    StoredScreening,
    StoredSession,
)

DUE_STATES = frozenset({MessageState.QUEUED, MessageState.RETRY_AT, MessageState.UNKNOWN})
RETRYABLE = frozenset(MessageState) - {MessageState.DELIVERED, MessageState.SENDING}
MOST_CRASHES = 5


@dataclass(frozen=True, kw_only=True)
class Queued:
    """A message with its lease."""

    message: OutboxMessage
    before: MessageState = MessageState.QUEUED
    lease_until: datetime | None = None
    crashes: int = 0

    def with_message(self, **changes: object) -> Queued:
        return replace(self, message=replace(self.message, **changes))  # type: ignore[arg-type]  # forwarded fields


@dataclass(kw_only=True)
class Kept:
    """Everything that was committed; all records are frozen, so a copy of the dicts is a snapshot."""

    callers: dict[str, Caller] = field(default_factory=dict)
    screenings: dict[str, StoredScreening] = field(default_factory=dict)
    inputs: dict[str, ScreeningInputs] = field(default_factory=dict)
    answers: list[StoredAnswer] = field(default_factory=list)
    decisions: list[OutcomeDecision] = field(default_factory=list)
    overrides: list[StoredOverride] = field(default_factory=list)
    care: list[CareEntry] = field(default_factory=list)
    versions: dict[str, SessionVersion] = field(default_factory=dict)
    countersignatures: dict[str, Countersignature] = field(default_factory=dict)
    courses: dict[str, StoredCourse] = field(default_factory=dict)
    sessions: dict[str, StoredSession] = field(default_factory=dict)
    drafts: dict[tuple[str, str, str], Mapping[str, str]] = field(default_factory=dict)
    device_keys: dict[str, DeviceKey] = field(default_factory=dict)
    scores: dict[str, StoredScore] = field(default_factory=dict)
    queue: dict[str, Queued] = field(default_factory=dict)
    vials: dict[str, Vial] = field(default_factory=dict)
    ledger: list[Row] = field(default_factory=list)
    audit: list[AuditRecord] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)  # launches
    signed_in: dict[str, datetime] = field(default_factory=dict)  # by launch

    def copy(self) -> Kept:
        return Kept(
            callers=dict(self.callers),
            screenings=dict(self.screenings),
            inputs=dict(self.inputs),
            answers=list(self.answers),
            decisions=list(self.decisions),
            overrides=list(self.overrides),
            care=list(self.care),
            versions=dict(self.versions),
            countersignatures=dict(self.countersignatures),
            courses=dict(self.courses),
            sessions=dict(self.sessions),
            drafts=dict(self.drafts),
            device_keys=dict(self.device_keys),
            scores=dict(self.scores),
            queue=dict(self.queue),
            vials=dict(self.vials),
            ledger=list(self.ledger),
            audit=list(self.audit),
            ended=set(self.ended),
            signed_in=dict(self.signed_in),
        )


class FakeWork:
    """`Work` in memory. `kept` is what was committed. A transaction inside a transaction is a mistake: it fails."""

    def __init__(self) -> None:
        self.kept = Kept()
        self._lock = threading.Lock()

    def __call__(self) -> AbstractContextManager[FakeUnit]:
        return self._begin()

    @contextmanager
    def reading(self) -> Iterator[FakeUnit]:
        yield FakeUnit(self)

    @contextmanager
    def _begin(self) -> Iterator[FakeUnit]:
        if not self._lock.acquire(timeout=5):
            raise AssertionError("a transaction was begun inside another one")
        unit = FakeUnit(self)
        try:
            yield unit
        finally:
            unit.closed = True
            self._lock.release()

    def end_launch(self, launch: str) -> None:
        """What `LaunchStore.end` does to the caller."""
        self.kept.callers.pop(launch, None)
        self.kept.ended.add(launch)


class FakeUnit:
    def __init__(self, work: FakeWork) -> None:
        self._work = work
        self._draft = work.kept.copy()
        self._audited_before = len(self._draft.audit)
        self.closed = False
        self.launches: Launches = FakeLaunches(self)
        self.screenings: Screenings = FakeScreenings(self)
        self.judgements: Judgements = FakeJudgements(self)
        self.courses: Courses = FakeCourses(self)
        self.sessions: Sessions = FakeSessions(self)
        self.versions: Versions = FakeVersions(self)
        self.drafts: Drafts = FakeDrafts(self)
        self.device_keys: DeviceKeys = FakeDeviceKeys(self)
        self.scores: Scores = FakeScores(self)
        self.care: Care = FakeCare(self)
        self.messages: Messages = FakeMessages(self)
        self.ledger: Ledger = FakeLedger(self)
        self.audit: Audit = FakeAudit(self)

    @property
    def draft(self) -> Kept:
        if self.closed:
            raise RuntimeError("this transaction has ended")
        return self._draft

    def commit(self) -> None:
        if len(self.draft.audit) == self._audited_before:
            raise Unaudited("nothing was committed: the transaction holds no audit record")
        self._work.kept = self._draft
        self.closed = True


@dataclass
class FakeLaunches:
    unit: FakeUnit

    def keep_caller(self, caller: Caller) -> None:
        self.unit.draft.callers[caller.launch] = caller

    def caller(self, launch: str) -> Caller | None:
        return self.unit.draft.callers.get(launch)

    def signed_in(self, launch: str) -> datetime | None:
        return self.unit.draft.signed_in.get(launch)

    def use_sign_in(self, launch: str) -> None:
        self.unit.draft.signed_in.pop(launch, None)


@dataclass
class FakeScreenings:
    unit: FakeUnit

    def add(self, screening: StoredScreening) -> None:
        _add(self.unit.draft.screenings, screening.id, screening)

    def get(self, screening_id: str) -> StoredScreening | None:
        return self.unit.draft.screenings.get(screening_id)

    def latest(self, patient: str, launch: str = "") -> StoredScreening | None:
        kept = (s for s in reversed(self.unit.draft.screenings.values()) if s.patient == patient)
        return next((s for s in kept if not launch or s.launch == launch), None)

    def of_day(self, patient: str, day: date) -> StoredScreening | None:
        kept = (s for s in reversed(self.unit.draft.screenings.values()) if s.patient == patient)
        return next((s for s in kept if s.day == day), None)

    def keep_inputs(self, inputs: ScreeningInputs) -> None:
        _add(self.unit.draft.inputs, inputs.id, inputs)

    def inputs(self, inputs_id: str) -> ScreeningInputs | None:
        return self.unit.draft.inputs.get(inputs_id)


@dataclass
class FakeJudgements:
    unit: FakeUnit

    def add_answer(self, answer: StoredAnswer) -> None:
        assert answer.id not in [each.id for each in self.unit.draft.answers]
        self.unit.draft.answers.append(answer)

    def answers(self, patient: str) -> Sequence[StoredAnswer]:
        return [each for each in self.unit.draft.answers if each.patient == patient]

    def add_override(self, override: StoredOverride) -> None:
        assert override.id not in [each.id for each in self.unit.draft.overrides]
        self.unit.draft.overrides.append(override)

    def overrides(self, patient: str) -> Sequence[StoredOverride]:
        return [each for each in self.unit.draft.overrides if each.patient == patient]


@dataclass
class FakeCourses:
    unit: FakeUnit

    def add(self, course: StoredCourse) -> None:
        _add(self.unit.draft.courses, course.id, course)

    def get(self, course_id: str) -> StoredCourse | None:
        return self.unit.draft.courses.get(course_id)

    def of_patient(self, patient: str) -> Sequence[StoredCourse]:
        return [c for c in reversed(self.unit.draft.courses.values()) if c.patient == patient]

    def replace(self, course: StoredCourse) -> None:
        held = self.unit.draft.courses.get(course.id)
        if held is None or held.version != course.version:
            raise StaleVersion("the course was changed by somebody else")
        care_plan = course.care_plan or held.care_plan
        self.unit.draft.courses[course.id] = replace(course, version=course.version + 1, care_plan=care_plan)


@dataclass
class FakeSessions:
    unit: FakeUnit

    def add(self, session: StoredSession) -> None:
        _add(self.unit.draft.sessions, session.id, session)

    def get(self, session_id: str) -> StoredSession | None:
        return self.unit.draft.sessions.get(session_id)

    def of_course(self, course_id: str) -> Sequence[StoredSession]:
        return [s for s in self.unit.draft.sessions.values() if s.course == course_id]

    def replace(self, session: StoredSession) -> None:
        held = self.unit.draft.sessions.get(session.id)
        if held is None or held.version != session.version:
            raise StaleVersion("the session was changed by somebody else")
        self.unit.draft.sessions[session.id] = replace(session, version=session.version + 1)


@dataclass
class FakeVersions:
    unit: FakeUnit

    def add(self, version: SessionVersion) -> None:
        if version.id in self.unit.draft.versions:
            raise StaleVersion("this version is kept already")
        self.unit.draft.versions[version.id] = version

    def of_session(self, session_id: str) -> Sequence[SessionVersion]:
        return [each for each in self.unit.draft.versions.values() if each.session == session_id]

    def countersign(self, countersignature: Countersignature) -> None:
        if countersignature.id in self.unit.draft.countersignatures:
            raise StaleVersion("this countersignature is kept already")
        self.unit.draft.countersignatures[countersignature.id] = countersignature

    def countersignatures(self, session_id: str) -> Sequence[Countersignature]:
        return [each for each in self.unit.draft.countersignatures.values() if each.session == session_id]


@dataclass
class FakeDrafts:
    unit: FakeUnit

    def get(self, patient: str, author: str, form: str) -> Mapping[str, str]:
        return self.unit.draft.drafts.get((patient, author, form), {})

    def keep(self, patient: str, author: str, form: str, fields: Mapping[str, str], at: datetime) -> None:
        assert at.tzinfo is not None
        self.unit.draft.drafts[patient, author, form] = dict(fields)

    def drop(self, patient: str, author: str, form: str) -> None:
        self.unit.draft.drafts.pop((patient, author, form), None)


@dataclass
class FakeDeviceKeys:
    unit: FakeUnit

    def add(self, key: DeviceKey) -> None:
        _add(self.unit.draft.device_keys, key.id, key)

    def of(self, patient: str, author: str) -> Sequence[DeviceKey]:
        kept = self.unit.draft.device_keys.values()
        return sorted((k for k in kept if (k.patient, k.author) == (patient, author)), key=lambda k: k.made)[::-1]

    def close(self, patient: str, at: datetime, expires: datetime) -> None:
        for key in [each for each in self.unit.draft.device_keys.values() if each.patient == patient]:
            ends = min(key.expires, expires)
            self.unit.draft.device_keys[key.id] = replace(key, closed=key.closed or at, expires=ends)

    def destroy(self, now: datetime) -> None:
        kept = self.unit.draft.device_keys
        self.unit.draft.device_keys = {key.id: key for key in kept.values() if key.expires > now}


@dataclass
class FakeScores:
    unit: FakeUnit

    def add(self, score: StoredScore) -> bool:
        if score.id in self.unit.draft.scores:
            return False
        self.unit.draft.scores[score.id] = score
        return True

    def of_patient(self, patient: str) -> Sequence[StoredScore]:
        return sorted((s for s in self.unit.draft.scores.values() if s.patient == patient), key=lambda s: s.day)

    def decide(self, decision: OutcomeDecision) -> None:
        assert decision.id not in [each.id for each in self.unit.draft.decisions]
        self.unit.draft.decisions.append(decision)

    def decisions(self, patient: str) -> Sequence[OutcomeDecision]:
        return [each for each in self.unit.draft.decisions if each.patient == patient]


@dataclass
class FakeCare:
    unit: FakeUnit

    def add(self, entry: CareEntry) -> bool:
        if entry.id in [each.id for each in self.unit.draft.care]:
            return False
        self.unit.draft.care.append(entry)
        return True

    def of_patient(self, patient: str) -> Sequence[CareEntry]:
        return [each for each in self.unit.draft.care if each.patient == patient]


@dataclass
class FakeMessages:
    unit: FakeUnit

    def add(self, message: OutboxMessage) -> None:
        queue = self.unit.draft.queue
        _add(queue, message.id, Queued(message=replace(message, seq=len(queue) + 1)))

    def of_course(self, course_id: str) -> Sequence[OutboxMessage]:
        return [q.message for q in self.unit.draft.queue.values() if q.message.course == course_id]

    def of_patient(self, ehr: str, patient: str) -> Sequence[OutboxMessage]:
        messages = (queued.message for queued in self.unit.draft.queue.values())
        return [message for message in messages if (message.ehr, message.patient) == (ehr, patient)]

    def retry(self, message_id: str, *, launch: str, now: datetime) -> None:
        queued = self.unit.draft.queue.get(message_id)
        if queued is not None and queued.message.state in RETRYABLE:
            self._make_due(queued, launch=launch, now=now)

    def repeat(self, message_id: str, *, launch: str, now: datetime) -> None:
        queued = self.unit.draft.queue.get(message_id)
        if queued is not None and queued.message.state in RETRYABLE | {MessageState.DELIVERED}:
            self._make_due(queued, launch=launch, now=now)

    def release(self, patient: str, *, launch: str, now: datetime) -> int:
        waiting = [
            queued
            for queued in self.unit.draft.queue.values()
            if queued.message.patient == patient and queued.message.state is MessageState.WAIT_AUTH
        ]
        for queued in waiting:
            self._make_due(queued, launch=launch, now=now)
        orphaned = [
            queued
            for queued in self.unit.draft.queue.values()
            if queued.message.patient == patient
            and queued.message.state in DUE_STATES
            and queued.message.launch in self.unit.draft.ended
        ]
        for queued in orphaned:
            self.unit.draft.queue[queued.message.id] = queued.with_message(launch=launch)
        return len(waiting) + len(orphaned)

    def _make_due(self, queued: Queued, *, launch: str, now: datetime) -> None:
        message = queued.message
        due = max(now, message.settle_until) if message.settle_until else now
        state = message.state
        if state not in DUE_STATES:
            state = MessageState.UNKNOWN if message.sent is not None else MessageState.QUEUED
        made_due = replace(queued, crashes=0).with_message(state=state, due=due, launch=launch)
        self.unit.draft.queue[message.id] = made_due


@dataclass
class FakeLedger:
    unit: FakeUnit

    def add_vial(self, vial: Vial) -> None:
        _add(self.unit.draft.vials, vial.id, vial)

    def vial(self, vial_id: str) -> Vial | None:
        return self.unit.draft.vials.get(vial_id)

    def vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        known = sorted((v for v in self.unit.draft.vials.values() if v.ehr == ehr), key=lambda vial: vial.number)
        return [(vial, rows[-1]) for vial in known if (rows := self.of_vial(vial.id))]

    def open_vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        return [(vial, row) for vial, row in self.vials(ehr) if row.balance > 0]

    def next_number(self, ehr: str) -> int:
        return max((v.number for v in self.unit.draft.vials.values() if v.ehr == ehr), default=0) + 1

    def add(self, row: Row) -> None:
        if any(each.id == row.id or (each.vial, each.number) == (row.vial, row.number) for each in self._all):
            raise StaleVersion("somebody else added a row to this vial")
        self._all.append(row)

    def of_vial(self, vial_id: str) -> Sequence[Row]:
        return [row for row in self._all if row.vial == vial_id]

    def of_session(self, session_id: str) -> Sequence[Row]:
        return [row for row in self._all if row.session == session_id]

    def between(self, ehr: str, first: datetime, before: datetime) -> Sequence[Row]:
        ours = {vial.id for vial in self.unit.draft.vials.values() if vial.ehr == ehr}
        return sorted((row for row in self._all if row.vial in ours and first <= row.at < before), key=lambda r: r.at)

    def ehrs(self) -> Sequence[str]:
        return sorted({vial.ehr for vial in self.unit.draft.vials.values()})

    @property
    def _all(self) -> list[Row]:
        return self.unit.draft.ledger


@dataclass
class FakeAudit:
    unit: FakeUnit

    def add(self, record: AuditRecord) -> None:
        self.unit.draft.audit.append(record)

    def of_patient(self, patient: str, *, limit: int = 200) -> Sequence[AuditRecord]:
        return [record for record in reversed(self.unit.draft.audit) if record.patient == patient][:limit]


class FakeOutbox:
    """`Outbox` over the messages of a `FakeWork`."""

    def __init__(self, work: FakeWork) -> None:
        self._work = work

    def claim(self, now: datetime, *, lease: float) -> OutboxMessage | None:
        with self._work() as unit:
            while True:
                ready = (q for q in unit.draft.queue.values() if _ready(q, now) and self._free(unit, q, now))
                found = next(ready, None)
                if found is None:
                    return None
                crashed = found.message.state is MessageState.SENDING
                if crashed and found.crashes + 1 >= MOST_CRASHES:
                    self._give_up(unit, found, now)
                    continue
                return self._lease(unit, found, crashed=crashed, until=now + timedelta(seconds=lease))

    def _lease(self, unit: FakeUnit, found: Queued, *, crashed: bool, until: datetime) -> OutboxMessage:
        state = found.message.state
        if crashed:
            state = MessageState.UNKNOWN if found.message.sent is not None else found.before
        taken = replace(found, before=state, lease_until=until, crashes=found.crashes + crashed)
        taken = taken.with_message(state=MessageState.SENDING, attempts=found.message.attempts + 1)
        unit.draft.queue[taken.message.id] = taken
        self._work.kept = unit.draft
        return replace(taken.message, state=state)

    def _give_up(self, unit: FakeUnit, found: Queued, now: datetime) -> None:
        message = found.message
        ended = replace(found, lease_until=None).with_message(
            state=MessageState.MANUAL, reason="The app stopped several times while sending this."
        )
        unit.draft.queue[message.id] = ended
        unit.draft.audit.append(
            AuditRecord(
                action="app:message:give-up",
                at=now,
                outcome=AuditOutcome.FAILED,
                ehr=message.ehr,
                launch=message.launch,
                patient=message.patient,
            )
        )
        self._work.kept = unit.draft

    def _free(self, unit: FakeUnit, queued: Queued, now: datetime) -> bool:
        mine = queued.message
        for other in (q for q in unit.draft.queue.values() if q.message.id != mine.id):
            theirs = other.message
            earlier = theirs.seq < mine.seq
            same_patient = (theirs.ehr, theirs.patient) == (mine.ehr, mine.patient)
            if earlier and same_patient and not theirs.state.final and not _stuck(unit, theirs):
                return False
            if earlier and theirs.course == mine.course and _disputed(theirs):
                return False
            if same_patient and _leased(other, now):
                return False
        return True

    def keep_sent(self, message_id: str, sent: str) -> None:
        with self._work() as unit:
            queued = unit.draft.queue.get(message_id)
            if queued is None or queued.message.state is not MessageState.SENDING:
                raise StaleVersion("the message is not being sent")
            unit.draft.queue[message_id] = queued.with_message(sent=sent)
            self._work.kept = unit.draft

    def leave_out(self, message_id: str, values: Collection[str]) -> None:
        with self._work() as unit:
            queued = unit.draft.queue.get(message_id)
            if queued is None or queued.message.state is not MessageState.SENDING:
                raise StaleVersion("the message is not being sent")
            items = tuple(replace(item, left_out=item.value in values) for item in queued.message.items)
            unit.draft.queue[message_id] = queued.with_message(items=items)
            self._work.kept = unit.draft

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
        with self._work() as unit:
            queued = unit.draft.queue.get(message.id)
            held = queued.message if queued else None
            if queued is None or held is None or held.state is not MessageState.SENDING:
                raise StaleVersion("the message is not being sent")
            if held.attempts != message.attempts:
                raise StaleVersion("another worker has taken over this message")
            items = tuple(replace(i, reference=references.get(i.value, i.reference)) for i in held.items)
            unit.draft.queue[message.id] = replace(queued, lease_until=None, crashes=0).with_message(
                state=state,
                due=due or held.due,
                reason=reason,
                items=items,
                settle_until=message.settle_until,
            )
            course = unit.draft.courses.get(held.course)
            if care_plan is not None and course is not None:
                unit.draft.courses[course.id] = replace(course, care_plan=care_plan)
            unit.audit.add(audit)
            unit.commit()

    def next_due(self, now: datetime) -> datetime | None:
        with self._work() as unit:
            queue = [q for q in unit.draft.queue.values() if _leased(q, now) or self._free(unit, q, now)]
            return min((time for q in queue if (time := _ready_at(q)) is not None), default=None)

    def pending(self, *, launch: str | None = None) -> int:
        with self._work() as unit:
            messages = [q.message for q in unit.draft.queue.values()]
            return sum(1 for m in messages if not m.state.final and launch in {None, m.launch})


def _stuck(unit: FakeUnit, message: OutboxMessage) -> bool:
    """Behind a CarePlan in conflict: it waits for a person, so it holds back no other course."""
    plans = [q.message for q in unit.draft.queue.values() if _disputed(q.message)]
    return any(p.course == message.course and p.seq < message.seq for p in plans)


def _disputed(message: OutboxMessage) -> bool:
    return message.kind is MessageKind.CREATE_CARE_PLAN and message.state is MessageState.CONFLICT


def _ready_at(queued: Queued) -> datetime | None:
    """When this message could be taken up if nothing held it back."""
    if queued.message.state is MessageState.SENDING:
        return queued.lease_until
    return queued.message.due if queued.message.state in DUE_STATES else None


def _ready(queued: Queued, now: datetime) -> bool:
    time = _ready_at(queued)
    return time is not None and time <= now


def _leased(queued: Queued, now: datetime) -> bool:
    return queued.lease_until is not None and queued.lease_until > now


def _add(held: dict[str, Any], key: str, value: object) -> None:
    if key in held:
        raise ValueError("there is one of this id already")
    held[key] = value
