"""Which sessions of a course count (clinical README 5): completed, right route, once a day, enough of the dose."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from fhir_mappings.facts.programme import CourseNote, CourseStatus, Finish, PlannedSession, ProgrammeDefinition
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.titration import TitrationStep
from fhir_mappings.facts.treatment import Clinician, Dose, KetamineSession, Place, Purpose, Route, SessionStatus
from smart_app.clinical.dosing import fraction_given
from smart_app.clinical.session_rules import elapsed
from smart_app.clinical.units import plain


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
    def programme(self) -> ProgrammeDefinition | None: ...
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
    def resumed(self) -> date | None: ...
    @property
    def finish(self) -> Finish | None: ...
    @property
    def notes(self) -> tuple[CourseNote, ...]: ...
    @property
    def purpose(self) -> Purpose: ...
    @property
    def follows(self) -> str | None: ...
    @property
    def titration(self) -> tuple[TitrationStep, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One signed session and whether it counts; `why_not` is empty when it does."""

    session: KetamineSession
    counts: bool
    why_not: str = ""
    by_decision: bool = False  # a prescriber counted it although too little was given


def tally(
    sessions: Collection[KetamineSession], course: CourseRecord, decided: Collection[str] = ()
) -> tuple[Tally, ...]:
    """Which signed sessions count, oldest first; the order they are given in does not matter.

    A day is the calendar date in the session's own offset. `decided` holds the ids of sessions that a prescriber
    counted although less than the programme's least share of the planned dose was given.
    """
    definition = programme_of(course)
    most = definition.sessions
    days: set[date] = set()
    result: list[Tally] = []
    for session in sorted(sessions, key=lambda each: (elapsed(course.enrolled_at, each.started), each.id)):
        why_not = _why_not(session, definition, decided)
        if not why_not and session.started.date() in days:
            why_not = "another session of the same day counts"
        if not why_not and most is not None and len(days) == most:
            why_not = "the course was complete without it"
        if not why_not:
            days.add(session.started.date())
        little = not why_not and session.dose is not None and too_little(session.dose, definition)
        result.append(Tally(session=session, counts=not why_not, why_not=why_not, by_decision=little))
    return tuple(result)


_STATUS_WORDS = {
    SessionStatus.STOPPED: "stopped early",
    SessionStatus.NOT_DONE: "missed",
    SessionStatus.ENTERED_IN_ERROR: "entered in error",
    SessionStatus.IN_PROGRESS: "not finished",
}


def _why_not(session: KetamineSession, definition: ProgrammeDefinition, decided: Collection[str]) -> str:
    route = definition.route
    if session.status is not SessionStatus.COMPLETED:
        return _STATUS_WORDS[session.status]
    if session.dose is None or not session.dose.completed:
        return "the dose was not completed"
    if route not in (session.route, session.dose.route) or session.route is not session.dose.route:
        return f"given by another route ({session.dose.route})"
    if too_little(session.dose, definition) and session.id not in decided:
        return f"less than {share_words(definition)} of the planned dose was given"
    return ""


def too_little(dose: Dose, definition: ProgrammeDefinition) -> bool:
    """Less than the programme's share of what was planned, or nothing planned to compare with."""
    fraction = fraction_given(dose.planned_mg, dose.given_mg)
    return fraction is None or fraction < definition.least_share


def share_words(definition: ProgrammeDefinition) -> str:
    """The share of the planned dose from which a session counts by itself: "80 %"."""
    return f"{plain(definition.least_share * 100)} %"
