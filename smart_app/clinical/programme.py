"""The course of treatment as two transition tables, and the counting of its sessions (clinical README 5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, TypeVar

from fhir_mappings.facts.programme import (
    ActivityStatus,
    CourseNote,
    CourseStatus,
    PlannedSession,
    ProgrammeDefinition,
    TreatmentCourse,
)
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Clinician, KetamineSession, Place, Route, SessionStatus
from smart_app.clinical.dosing import fraction_given
from smart_app.clinical.session_rules import elapsed

LEAST_FRACTION = Decimal("0.8")  # of the planned dose, for a session to count by itself
LATE_DAYS = 7  # after the upper bound: completed late; beyond that the course was interrupted
GAP_DAYS = 14  # between two sessions: interrupted
LEAST_APART = timedelta(hours=24)


class CourseEvent(StrEnum):
    ENROL = "enrol"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    REOPEN = "reopen"  # a session that had completed the course was entered in error
    REVOKE = "revoke"
    ENTER_IN_ERROR = "enter in error"


class ActivityEvent(StrEnum):
    SCHEDULE = "schedule"
    START = "start"
    COUNT = "count"
    RELEASE = "release"  # the session was stopped, missed or does not count: the activity stays to be done
    REOPEN = "reopen"
    CANCEL = "cancel"
    STOP = "stop"


class IllegalEvent(ValueError):
    """The state does not know this event; nothing has changed. Our own fault, not the user's."""


_C, _E = CourseStatus, CourseEvent
COURSE_TABLE: Mapping[tuple[CourseStatus, CourseEvent], CourseStatus] = MappingProxyType(
    {
        (_C.DRAFT, _E.ENROL): _C.ACTIVE,
        (_C.DRAFT, _E.REVOKE): _C.REVOKED,
        (_C.DRAFT, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.ACTIVE, _E.HOLD): _C.ON_HOLD,
        (_C.ACTIVE, _E.COMPLETE): _C.COMPLETED,
        (_C.ACTIVE, _E.REVOKE): _C.REVOKED,
        (_C.ACTIVE, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.ON_HOLD, _E.RESUME): _C.ACTIVE,
        (_C.ON_HOLD, _E.REVOKE): _C.REVOKED,
        (_C.ON_HOLD, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.COMPLETED, _E.REOPEN): _C.ACTIVE,
        (_C.COMPLETED, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.REVOKED, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
    }
)

_A, _V = ActivityStatus, ActivityEvent
ACTIVITY_TABLE: Mapping[tuple[ActivityStatus, ActivityEvent], ActivityStatus] = MappingProxyType(
    {
        (_A.NOT_STARTED, _V.SCHEDULE): _A.SCHEDULED,
        (_A.NOT_STARTED, _V.START): _A.IN_PROGRESS,
        (_A.NOT_STARTED, _V.COUNT): _A.COMPLETED,
        (_A.NOT_STARTED, _V.CANCEL): _A.CANCELLED,
        (_A.SCHEDULED, _V.START): _A.IN_PROGRESS,
        (_A.SCHEDULED, _V.COUNT): _A.COMPLETED,
        (_A.SCHEDULED, _V.CANCEL): _A.CANCELLED,
        (_A.IN_PROGRESS, _V.COUNT): _A.COMPLETED,
        (_A.IN_PROGRESS, _V.RELEASE): _A.SCHEDULED,
        (_A.IN_PROGRESS, _V.STOP): _A.STOPPED,
        (_A.COMPLETED, _V.REOPEN): _A.SCHEDULED,
    }
)

State = TypeVar("State")
Event = TypeVar("Event")


def follow(table: Mapping[tuple[State, Event], State], state: State, event: Event) -> State:
    """The state after an event; IllegalEvent when the table has no such line."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalEvent(f"{event} is not possible in state {state}") from None


class CourseRecord(Protocol):
    """What is kept of a course, as far as counting and the CarePlan ask."""

    @property
    def id(self) -> str: ...
    @property
    def ehr(self) -> str: ...
    @property
    def patient(self) -> str: ...
    @property
    def route(self) -> Route: ...
    @property
    def definition(self) -> str: ...
    @property
    def status(self) -> CourseStatus: ...
    @property
    def enrolled_at(self) -> datetime: ...
    @property
    def enrolled_by(self) -> Clinician: ...
    @property
    def start(self) -> date: ...
    @property
    def place(self) -> Place: ...
    @property
    def planned(self) -> tuple[PlannedSession, ...]: ...
    @property
    def conditions(self) -> tuple[str, ...]: ...
    @property
    def screening(self) -> str: ...
    @property
    def ended(self) -> date | None: ...
    @property
    def notes(self) -> tuple[CourseNote, ...]: ...


class Timing(StrEnum):
    NOT_STARTED = "not started"
    ON_TIME = "on time"
    TOO_SOON = "too soon"
    LATE = "late"
    INTERRUPTED = "interrupted"
    OPEN_ENDED = "open-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One signed session and whether it counts; `why_not` is empty when it does."""

    session: KetamineSession
    counts: bool
    why_not: str = ""
    by_decision: bool = False  # a prescriber counted it although less than 80 % was given


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a course stands. `words` is "4 of 6 done, 1 missed, next 26 Nov 2026"."""

    counted: int
    of: int | None
    missed: int
    tallies: tuple[Tally, ...]
    planned: tuple[PlannedSession, ...]
    complete: bool
    timing: Timing
    words: str
    flags: tuple[str, ...] = ()
    next_day: date | None = None
    next_number: int = 1
