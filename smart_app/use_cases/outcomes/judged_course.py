"""What a course is judged by: its first session, the scale that was chosen, relapses that were declared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.clinical.outcomes import PRIMARY
from smart_app.clinical.relapse import Cause, Declaration
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import DecisionKind, OutcomeDecision, StoredCourse, StoredSession


def treated(
    uow: UnitOfWork, course: StoredCourse | None, sessions: Sequence[StoredSession]
) -> tuple[StoredCourse | None, Sequence[StoredSession]]:
    """The course by which outcomes are judged, with its sessions: that before a booster or maintenance."""
    before = uow.courses.get(course.follows) if course is not None and course.follows else None
    return (before, uow.sessions.of_course(before.id)) if before is not None else (course, sessions)


def first_session(sessions: Sequence[StoredSession]) -> date | None:
    """The day of the first dose of a course that was signed."""
    return min(held_days(sessions), default=None)


def held_days(sessions: Sequence[StoredSession]) -> list[date]:
    """Of every first dose that was signed."""
    return [
        each.signed.started.date()
        for each in sessions
        if each.signed is not None
        and each.signed.dose is not None
        and each.status is not SessionStatus.ENTERED_IN_ERROR
    ]


def primary_scale(decisions: Sequence[OutcomeDecision]) -> str:
    """The last that was chosen; `decisions` are of one course, oldest first."""
    chosen = [each.value for each in decisions if each.kind is DecisionKind.SCALE and each.value in INSTRUMENTS]
    return chosen[-1] if chosen else PRIMARY


def declared_relapses(decisions: Sequence[OutcomeDecision]) -> tuple[Declaration, ...]:
    return tuple(
        Declaration(cause=Cause(each.value), day=each.day, reason=each.reason, by=each.by.name)
        for each in decisions
        if each.kind is DecisionKind.RELAPSE
    )
