"""What the use cases need from the world: `Ehr`, `UnitOfWork`, `Outbox` and the clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from fhir_mappings.facts.audit import AuditRecord
from smart_app.clinical.ledger import Row, Vial
from smart_app.use_cases.records import (
    Caller,
    CareEntry,
    Chart,
    Countersignature,
    DeviceKey,
    Json,
    MessageState,
    Offer,
    OutboxMessage,
    OutcomeDecision,
    Received,
    ScreeningInputs,
    SessionVersion,
    StoredAnswer,
    StoredCourse,
    StoredOverride,
    StoredScore,
    StoredScreening,
    StoredSession,
)


class Clock(Protocol):
    """The time now, aware, in the site's zone."""

    def __call__(self) -> datetime: ...


class Ehr(Protocol):
    """One EHR, spoken to with the token of one launch. Every method may raise an EhrError."""

    fhir_base: str

    async def offer(self) -> Offer:
        """What the EHR offers, from /metadata (cached)."""
        ...

    async def chart(self, patient_id: str) -> Chart:
        """The patient's data for screening, all searches at once. Failures are told; only Unauthorized is raised."""
        ...

    async def read(self, reference: str) -> Received:
        """One resource by "Type/id"."""
        ...

    async def search(self, resource_type: str, parameters: Mapping[str, str]) -> tuple[Json, ...]:
        """The matches of a search, all pages, without outcome entries; raises rather than leave a page out."""
        ...

    async def transaction(self, bundle: bytes) -> Json:
        """Send a transaction; the transaction-response."""
        ...

    async def create(self, resource_type: str, body: bytes, *, if_none_exist: str) -> Received:
        """Conditional create; `if_none_exist` is `identifier=system|value`."""
        ...

    async def update(self, reference: str, body: bytes, *, if_match: str) -> Received:
        """Update one version; Conflict when the EHR holds a newer one."""
        ...


class EhrOf(Protocol):
    """Finds the EHR of a launch; None: the launch has ended and has no token any more."""

    def __call__(self, launch: str) -> Ehr | None: ...


class Outbox(Protocol):
    """The queue as the worker sees it: each call is its own transaction.

    One sender at a time per EHR and patient; the order of a patient's messages is kept.
    """

    def claim(self, now: datetime, *, lease: float) -> OutboxMessage | None:
        """The oldest due message with nothing earlier pending for its patient, leased for `lease` seconds.

        Messages whose lease ran out while SENDING come back as they were (state UNKNOWN when `sent` is set).
        A failed message holds back nothing, but for a CarePlan in CONFLICT: the sessions of its course wait until a
        person has settled it. Those of a course whose CarePlan the EHR does not take go without it.
        """
        ...

    def keep_sent(self, message_id: str, sent: str) -> None:
        """Keep what is about to be sent, before it is sent."""
        ...

    def leave_out(self, message_id: str, values: Collection[str]) -> None:
        """Keep which items, by identifier value, are not sent; all others are."""
        ...

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
        """End an attempt: the new state, when to look again, the EHR's ids by identifier value, and its audit
        record, in one transaction. `care_plan` is kept on the course."""
        ...

    def next_due(self, now: datetime) -> datetime | None:
        """When the worker should look again; None: nothing is waiting."""
        ...

    def pending(self, *, launch: str | None = None) -> int:
        """How many messages are not in a final state."""
        ...


class Launches(Protocol):
    def keep_caller(self, caller: Caller) -> None: ...

    def signed_in(self, launch: str) -> datetime | None:
        """When its user signed in at the EHR again; None: they did not, a signature used it up, or it was closed."""
        ...

    def use_sign_in(self, launch: str) -> None:
        """It was good for one signature."""
        ...

    def caller(self, launch: str) -> Caller | None:
        """None: unknown or ended."""
        ...


class Screenings(Protocol):
    def add(self, screening: StoredScreening) -> None: ...

    def get(self, screening_id: str) -> StoredScreening | None: ...

    def latest(self, patient: str, launch: str = "") -> StoredScreening | None:
        """`launch`: only of that launch."""
        ...

    def of_day(self, patient: str, day: date) -> StoredScreening | None:
        """The latest that the rules were asked about on a day, by whomever; None: none was."""
        ...

    def keep_inputs(self, inputs: ScreeningInputs) -> None:
        """What a screening was made from; several screenings may be made from one."""
        ...

    def inputs(self, inputs_id: str) -> ScreeningInputs | None: ...


class Judgements(Protocol):
    """What people add to a screening. Nothing of it is ever changed or removed."""

    def add_answer(self, answer: StoredAnswer) -> None: ...

    def answers(self, patient: str) -> Sequence[StoredAnswer]:
        """Oldest first."""
        ...

    def add_override(self, override: StoredOverride) -> None: ...

    def overrides(self, patient: str) -> Sequence[StoredOverride]:
        """Oldest first."""
        ...


class Courses(Protocol):
    def add(self, course: StoredCourse) -> None: ...

    def get(self, course_id: str) -> StoredCourse | None: ...

    def of_patient(self, patient: str) -> Sequence[StoredCourse]:
        """Newest first."""
        ...

    def replace(self, course: StoredCourse) -> None:
        """Keep a changed course; its `version` is the one it was read with. Raises StaleVersion."""
        ...


class Sessions(Protocol):
    def add(self, session: StoredSession) -> None: ...

    def get(self, session_id: str) -> StoredSession | None: ...

    def of_course(self, course_id: str) -> Sequence[StoredSession]:
        """In order of opening."""
        ...

    def replace(self, session: StoredSession) -> None:
        """As for courses. Raises StaleVersion."""
        ...


class Versions(Protocol):
    """What was signed, as it was signed. Nothing of it is ever changed or removed."""

    def add(self, version: SessionVersion) -> None:
        """Raises StaleVersion when the session has a version of this number."""
        ...

    def of_session(self, session_id: str) -> Sequence[SessionVersion]:
        """Oldest first."""
        ...

    def countersign(self, countersignature: Countersignature) -> None:
        """Raises StaleVersion when this person has signed this version."""
        ...

    def countersignatures(self, session_id: str) -> Sequence[Countersignature]:
        """Oldest first."""
        ...


class Drafts(Protocol):
    """What was typed into a form that belongs to no session, by patient, author and form."""

    def get(self, patient: str, author: str, form: str) -> Mapping[str, str]:
        """Empty when there is none."""
        ...

    def keep(self, patient: str, author: str, form: str, fields: Mapping[str, str], at: datetime) -> None:
        """Keep all of it in place of what was kept before."""
        ...

    def drop(self, patient: str, author: str, form: str) -> None: ...


class DeviceKeys(Protocol):
    """Keys of devices, by patient and author. At rest they are sealed."""

    def add(self, key: DeviceKey) -> None: ...

    def of(self, patient: str, author: str) -> Sequence[DeviceKey]:
        """Newest first."""
        ...

    def close(self, patient: str, at: datetime, expires: datetime) -> None:
        """Of all authors: they seal nothing new from `at` on, and none lasts longer than `expires`."""
        ...

    def destroy(self, now: datetime) -> None:
        """Those whose time is over, of everybody."""
        ...


class Scores(Protocol):
    def add(self, score: StoredScore) -> bool:
        """False: a score of this id is there already."""
        ...

    def of_patient(self, patient: str) -> Sequence[StoredScore]:
        """Oldest first, those that were struck out among them."""
        ...

    def decide(self, decision: OutcomeDecision) -> None: ...

    def decisions(self, patient: str) -> Sequence[OutcomeDecision]:
        """Oldest first. Nothing of it is ever changed or removed."""
        ...


class Care(Protocol):
    """What was asked, measured and told between sessions. Nothing of it is ever changed or removed."""

    def add(self, entry: CareEntry) -> bool:
        """False: an entry of this id is there already."""
        ...

    def of_patient(self, patient: str) -> Sequence[CareEntry]:
        """In order of entry, those that were struck out among them."""
        ...


class Messages(Protocol):
    def add(self, message: OutboxMessage) -> None: ...

    def of_course(self, course_id: str) -> Sequence[OutboxMessage]:
        """In order of `seq`."""
        ...

    def of_patient(self, ehr: str, patient: str) -> Sequence[OutboxMessage]:
        """In order of `seq`, of all courses and of none."""
        ...

    def retry(self, message_id: str, *, launch: str, now: datetime) -> None:
        """Make a waiting or refused message due now, to be sent with this launch's token."""
        ...

    def repeat(self, message_id: str, *, launch: str, now: datetime) -> None:
        """As `retry`, and a delivered message too: for an update that what is sent late makes out of date."""
        ...

    def release(self, patient: str, *, launch: str, now: datetime) -> int:
        """Give a patient's WAIT_AUTH messages to a new launch, due now, and those that wait for their time with a
        launch that has ended; how many."""
        ...


class Ledger(Protocol):
    """The ledger of controlled substances. Nothing of it is ever changed or removed."""

    def add_vial(self, vial: Vial) -> None: ...

    def vial(self, vial_id: str) -> Vial | None: ...

    def vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        """Each with its last row, in order of their numbers; one that was never received is left out."""
        ...

    def open_vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        """Those in which something is left."""
        ...

    def next_number(self, ehr: str) -> int:
        """For the next vial, from 1."""
        ...

    def add(self, row: Row) -> None:
        """Raises StaleVersion when another row of its vial has its number."""
        ...

    def of_vial(self, vial_id: str) -> Sequence[Row]:
        """In their order."""
        ...

    def of_session(self, session_id: str) -> Sequence[Row]:
        """In order of entry, counter-entries too."""
        ...

    def between(self, ehr: str, first: datetime, before: datetime) -> Sequence[Row]:
        """By the time of the act."""
        ...

    def ehrs(self) -> Sequence[str]:
        """Where vials were received."""
        ...


class Audit(Protocol):
    def add(self, record: AuditRecord) -> None: ...

    def of_patient(self, patient: str, *, limit: int = 200) -> Sequence[AuditRecord]:
        """Newest first."""
        ...


class UnitOfWork(Protocol):
    """One database transaction (BEGIN IMMEDIATE). Leaving it without `commit` rolls back."""

    launches: Launches
    screenings: Screenings
    judgements: Judgements
    courses: Courses
    sessions: Sessions
    versions: Versions
    drafts: Drafts
    device_keys: DeviceKeys
    scores: Scores
    care: Care
    messages: Messages
    ledger: Ledger
    audit: Audit

    def commit(self) -> None:
        """Raises Unaudited when no audit record was added in this transaction."""
        ...


class Work(Protocol):
    """Begins a transaction: `with work() as uow: ...; uow.commit()`."""

    def __call__(self) -> AbstractContextManager[UnitOfWork]: ...

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """A transaction that only reads and waits for nobody: for what shows no data by itself."""
        ...
