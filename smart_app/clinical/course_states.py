"""The states of a course, its sessions and its activities as transition tables (FHIR R4 CarePlan, Procedure)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from fhir_mappings.facts.programme import ActivityStatus, CourseStatus
from fhir_mappings.facts.treatment import SessionStatus


class CourseEvent(StrEnum):
    ENROL = "enrol"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    REOPEN = "reopen"  # a session that had completed the course was entered in error
    REVOKE = "revoke"
    ENTER_IN_ERROR = "enter in error"


class SessionEvent(StrEnum):
    OPEN = "open"
    MISS = "miss"  # it did not take place; only before a dose
    STOP = "stop"  # ended early; said again, it corrects what was said
    SIGN = "sign"
    AMEND = "amend"  # open again; the signed version stands until the next one is signed
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
        (_C.ON_HOLD, _E.COMPLETE): _C.COMPLETED,
        (_C.ON_HOLD, _E.REVOKE): _C.REVOKED,
        (_C.ON_HOLD, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.COMPLETED, _E.REOPEN): _C.ACTIVE,
        (_C.COMPLETED, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
        (_C.REVOKED, _E.ENTER_IN_ERROR): _C.ENTERED_IN_ERROR,
    }
)

_S, _D = SessionStatus, SessionEvent
SESSION_TABLE: Mapping[tuple[SessionStatus, SessionEvent], SessionStatus] = MappingProxyType(
    {
        (_S.PLANNED, _D.OPEN): _S.IN_PROGRESS,
        (_S.PLANNED, _D.MISS): _S.NOT_DONE,
        (_S.IN_PROGRESS, _D.MISS): _S.NOT_DONE,
        (_S.IN_PROGRESS, _D.STOP): _S.STOPPED,
        (_S.IN_PROGRESS, _D.SIGN): _S.COMPLETED,
        (_S.IN_PROGRESS, _D.ENTER_IN_ERROR): _S.ENTERED_IN_ERROR,
        (_S.NOT_DONE, _D.MISS): _S.NOT_DONE,
        (_S.NOT_DONE, _D.STOP): _S.STOPPED,
        (_S.NOT_DONE, _D.SIGN): _S.NOT_DONE,
        (_S.STOPPED, _D.STOP): _S.STOPPED,
        (_S.STOPPED, _D.SIGN): _S.STOPPED,
        (_S.STOPPED, _D.AMEND): _S.STOPPED,
        (_S.COMPLETED, _D.AMEND): _S.IN_PROGRESS,
        (_S.STOPPED, _D.ENTER_IN_ERROR): _S.ENTERED_IN_ERROR,
        (_S.NOT_DONE, _D.ENTER_IN_ERROR): _S.ENTERED_IN_ERROR,
        (_S.COMPLETED, _D.ENTER_IN_ERROR): _S.ENTERED_IN_ERROR,
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
