"""Follow a course: progress, scores, what the EHR has taken, and who looked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.programme import ProgrammeDefinition, TreatmentCourse
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.clinical.outcomes import Outcome, Phq9
from smart_app.clinical.programme import Progress
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Json, MessageState, StoredCourse, StoredScore


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session of the course, opened or signed, in order of time."""

    id: str
    number: int
    status: SessionStatus
    signed: bool
    day: date
    dose: str  # "41 mg", or "" while nothing readable is entered
    peak: str  # "152/92", the highest systolic reading; "" without one
    events: tuple[str, ...]
    counts: bool
    words: str  # "counted", "not counted: stopped early", "open", ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    rows: tuple[DeliveryRow, ...]
    summary: str  # "18 of 20 items written. 2 waiting."
    settled: bool  # nothing is waiting any more
    waiting_for_launch: bool  # release_waiting would send something


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """S6. Without a course only person, scores and outcome are filled."""

    person: Json
    course: StoredCourse | None
    definition: ProgrammeDefinition | None
    progress: Progress | None
    sessions: tuple[SessionRow, ...]
    open_session: str | None  # id of the session that is not signed yet
    may_open: bool
    may_withdraw: bool
    scores: tuple[Phq9, ...]  # oldest first
    outcome: Outcome
    delivery: DeliveryView
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """S8, newest first."""

    records: tuple[AuditRecord, ...]
    person: Json


def course_view(work: Work, clock: Clock, caller: Caller) -> CourseView:
    raise NotImplementedError


def delivery_view(work: Work, clock: Clock, caller: Caller, session_id: str | None = None) -> DeliveryView:
    """All messages of the patient's courses, or of one session."""
    raise NotImplementedError


def record_score(work: Work, clock: Clock, caller: Caller, score_id: str, fields: Mapping[str, str]) -> StoredScore:
    """fields: total (0 to 27), item9 (0 to 3 or empty), date (YYYY-MM-DD or empty: today)."""
    raise NotImplementedError


def retry_delivery(work: Work, clock: Clock, caller: Caller, message_id: str) -> None:
    raise NotImplementedError


def release_waiting(work: Work, clock: Clock, caller: Caller) -> int:
    """Give what waits for a launch of this patient to this launch; how many messages."""
    raise NotImplementedError


def audit_view(work: Work, clock: Clock, caller: Caller) -> AuditView:
    raise NotImplementedError


def progress_of(work: Work) -> Callable[[str], TreatmentCourse]:
    """For the delivery of CarePlans: a course as it stands now."""
    raise NotImplementedError
