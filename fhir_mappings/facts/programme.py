"""A course of treatment: the plan it follows, its sessions and its state. States are CarePlan.status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.goals import CourseGoal
from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.titration import TitrationStep
from fhir_mappings.facts.treatment import Answer, Clinician, Place, Purpose, Route


class DetailKind(StrEnum):
    CHOICE = "choice"
    DAY = "day"
    NAME = "name"
    NUMBER = "number"
    PHONE = "phone"
    WORDS = "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """A typed value beside the answer of a check, asked for with the answers of `beside`.

    `possible` and `usual` bound a number in `unit`, or a day by its distance in days from the session's; limits
    included. A value outside the first is refused, one outside the second is asked back.
    """

    key: str
    label: str
    kind: DetailKind
    beside: tuple[Answer, ...] = (Answer.YES,)
    required: bool = True
    unit: str = ""
    possible: tuple[int, int] | None = None
    usual: tuple[int, int] | None = None
    choices: tuple[tuple[str, str], ...] = ()
    against: tuple[str, ...] = ()  # the choices that stand against going on, as "no" does


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckItem:
    """One line of a checklist. "Yes" is always the answer with which the session goes on."""

    key: str
    text: str
    required: bool = True  # signing asks for an answer
    not_applicable: bool = True  # whether "not applicable" is an answer
    stops: bool = False  # "no" means: do not give the dose
    effect: str = ""  # what "no" means or asks for, in words
    details: tuple[Detail, ...] = ()
    place: Place | None = None  # asked at this place only; None: everywhere
    heading: str = ""  # of the lines that belong together


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeDefinition:
    """The clinic's plan for one route. Sources: programme page (counts, days, fasting); clinical README 4 and 5.

    A course keeps the definition it was enrolled with, so a field that is added later has a default.
    """

    route: Route
    version: str
    title: str
    sessions: int | None  # None: open-ended, has no count
    days: tuple[int, int] | None  # the course is on time when last minus first session lies within
    planned_days: tuple[int, ...]  # offsets from the first session that the plan is filled with
    fasting_hours: int | None  # without solids
    monitoring_minutes: tuple[int, ...]  # from the first dose; empty: not monitored in a visit
    observation_minutes: int  # least time from the first dose to discharge
    dose_mg_per_kg: Decimal | None  # a starting value of the form, never an order; None: the clinician enters mg
    warn_mg_per_kg: Decimal | None  # ask back above this
    warn_mg: Decimal | None
    infusion_minutes: int | None
    warn_infusion_minutes: int | None  # ask back below this
    checks: tuple[CheckItem, ...]
    discharge: tuple[CheckItem, ...]
    fluids_hours: int | None = None  # without clear fluids
    least_hours_apart: int = 24  # sessions that begin closer than this are flagged
    longest_gap_days: int = 14  # between two sessions; beyond it the course was interrupted
    late_days: int = 7  # after the upper bound of `days`: completed late; beyond that it was interrupted
    least_share: Decimal = Decimal("0.8")  # of the planned dose, for a session to count by itself
    weight_days: int = 30  # weigh again when older
    weight_days_at_most: int = 90  # an older weight is refused
    outcomes: OutcomeRules = AS_SHIPPED


class CourseStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    REVOKED = "revoked"
    ENTERED_IN_ERROR = "entered-in-error"


class Held(StrEnum):
    """Why a course is on hold."""

    DECISION = "decision"  # of a prescriber
    SCREENING = "screening"  # it found something that has to be settled first
    INTERRUPTED = "interrupted"  # too long a gap, or too long in all


class Finish(StrEnum):
    """Why a course ended before its last session. Completing a course says nothing of response."""

    REMISSION = "remission"
    ADVERSE_EVENT = "adverse event"
    WITHDRAWAL = "withdrawal"  # of the patient
    RESTART = "restart"
    OTHER = "other"


class ActivityStatus(StrEnum):
    NOT_STARTED = "not-started"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    """One activity of the CarePlan. `session` is set once a session was counted for it."""

    number: int  # from 1
    day: date | None
    status: ActivityStatus = ActivityStatus.SCHEDULED
    session: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseNote:
    at: datetime
    author: Clinician
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentCourse:
    """One patient's course: what the CarePlan says. Made from the stored course and its counted sessions."""

    id: str  # UUID; the identifier {base}/sid/programme
    ehr: str
    patient: str  # absolute URL
    route: Route
    version: str  # of the programme definition
    status: CourseStatus
    enrolled_at: datetime
    enrolled_by: Clinician
    start: date
    place: Place
    planned: tuple[PlannedSession, ...]
    counted: int
    missed: int
    conditions: tuple[str, ...] = ()  # absolute URLs of the indicating Conditions
    screening: str | None = None
    ended: date | None = None
    notes: tuple[CourseNote, ...] = ()
    programme: ProgrammeDefinition | None = None  # as enrolled; None: an early course kept none
    purpose: Purpose = Purpose.COURSE
    follows: str | None = None  # the course before a booster or maintenance
    titration: tuple[TitrationStep, ...] = ()  # of doses that the patient takes alone
    goals: tuple[CourseGoal, ...] = ()  # none: a booster or maintenance
