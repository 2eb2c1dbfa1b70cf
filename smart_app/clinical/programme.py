"""Where a course of treatment stands: its activities, its timing, its end (clinical README 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from fhir_mappings.facts.programme import (
    ActivityStatus,
    CourseStatus,
    PlannedSession,
    ProgrammeDefinition,
    TreatmentCourse,
)
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import KetamineSession, SessionStatus
from smart_app.clinical.counting import CourseRecord, Tally, tally
from smart_app.clinical.course_states import ACTIVITY_TABLE, ActivityEvent, CourseEvent, follow
from smart_app.clinical.session_rules import elapsed


class Timing(StrEnum):
    NOT_STARTED = "not started"
    ON_TIME = "on time"
    TOO_SOON = "too soon"
    LATE = "late"
    INTERRUPTED = "interrupted"
    OPEN_ENDED = "open-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a course stands. `words` is "4 of 6 done, 1 missed, next 26 Nov 2026".

    `complete`: as many sessions count as the programme has. `doubts` say why a prescriber has to confirm that.
    """

    counted: int
    of: int | None
    missed: int
    tallies: tuple[Tally, ...]
    planned: tuple[PlannedSession, ...]
    complete: bool
    timing: Timing
    words: str
    flags: tuple[str, ...] = ()  # what is out of the ordinary, the doubts among it
    doubts: tuple[str, ...] = ()
    next_day: date | None = None
    next_number: int = 1


def progress(
    course: CourseRecord,
    sessions: Collection[KetamineSession],
    *,
    today: date | None,
    decided: Collection[str] = (),
    open_number: int | None = None,
) -> Progress:
    """Where the course stands. `open_number` is the number of the session that is running, if one is.

    `today` None: judged by what was recorded alone, and not as if the next session were today.
    """
    definition = programme_of(course)
    tallies = tally(sessions, course, decided)
    counted = [each.session for each in tallies if each.counts]
    missed = sum(each.session.status is SessionStatus.NOT_DONE for each in tallies)
    planned = activities(course, tallies, open_number)
    complete = definition.sessions is not None and len(counted) == definition.sessions
    to_do = [each for each in planned if each.status is not ActivityStatus.COMPLETED]
    next_day = to_do[0].day if to_do and course.status is CourseStatus.ACTIVE else None
    days = [session.started.date() for session in counted]
    timing = _timing(definition, days, None if complete else today, complete=complete, resumed=course.resumed)
    doubts = _doubts(timing, definition, counted)
    return Progress(
        counted=len(counted),
        of=definition.sessions,
        missed=missed,
        tallies=tallies,
        planned=planned,
        complete=complete,
        timing=timing,
        words=_words(len(counted), definition.sessions, missed, next_day),
        flags=(*_timing_flags(timing, definition), *doubts, *_twice(tallies)),
        doubts=doubts,
        next_day=next_day,
        next_number=to_do[0].number if to_do else len(counted) + 1,
    )


def due_event(course: CourseRecord, progress: Progress) -> CourseEvent | None:
    """What its sessions ask of a course; None: nothing.

    An interrupted course goes on hold, also with its last session: a prescriber chooses. One that would be complete
    too soon waits for a prescriber to confirm. A completed course that lost a session is reopened, unless a
    prescriber had ended it before its last session.
    """
    if course.status is CourseStatus.ACTIVE:
        if progress.timing is Timing.INTERRUPTED:
            return CourseEvent.HOLD
        return CourseEvent.COMPLETE if progress.complete and not progress.doubts else None
    if course.status is CourseStatus.COMPLETED and not progress.complete and course.finish is None:
        return CourseEvent.REOPEN
    return None


def treatment_course(
    course: CourseRecord,
    sessions: Collection[KetamineSession],
    *,
    decided: Collection[str] = (),
    open_number: int | None = None,
) -> TreatmentCourse:
    """What the CarePlan says, made anew from the course and all of its signed sessions."""
    tallies = tally(sessions, course, decided)
    return TreatmentCourse(
        id=course.id,
        ehr=course.ehr,
        patient=course.patient,
        route=course.route,
        version=course.definition,
        status=course.status,
        enrolled_at=course.enrolled_at,
        enrolled_by=course.enrolled_by,
        start=course.start,
        place=course.place,
        planned=activities(course, tallies, open_number),
        counted=sum(each.counts for each in tallies),
        missed=sum(each.session.status is SessionStatus.NOT_DONE for each in tallies),
        conditions=course.conditions,
        screening=course.screening,
        ended=course.ended,
        notes=course.notes,
        programme=course.programme,
        purpose=course.purpose,
        follows=course.follows,
        titration=course.titration,
    )


def activities(course: CourseRecord, tallies: Sequence[Tally], open_number: int | None) -> tuple[PlannedSession, ...]:
    """The planned sessions, replayed from what happened; a counted session keeps its own number while it is free."""
    slots = _slots(tallies, len(course.planned))
    over = course.status in {CourseStatus.REVOKED, CourseStatus.COMPLETED, CourseStatus.ENTERED_IN_ERROR}
    result: list[PlannedSession] = []
    for plan in course.planned:
        own = [each for each in tallies if each.session.number == plan.number]
        counted = slots.get(plan.number)
        events = [event for each in own if not each.counts for event in _uncounted(each.session)]
        if counted is not None:
            events += [ActivityEvent.START, ActivityEvent.COUNT]
        elif open_number == plan.number:
            events += [ActivityEvent.START, *([ActivityEvent.STOP] if over else [])]
        elif over:
            events += [ActivityEvent.CANCEL]
        status = ActivityStatus.SCHEDULED if plan.day else ActivityStatus.NOT_STARTED
        for event in events:
            status = follow(ACTIVITY_TABLE, status, event)
        session = counted.id if counted else None
        result.append(replace(plan, status=status, session=session, note=_note(own)))
    return tuple(result)


def _uncounted(session: KetamineSession) -> list[ActivityEvent]:
    if session.status is SessionStatus.ENTERED_IN_ERROR:
        return [ActivityEvent.START, ActivityEvent.COUNT, ActivityEvent.REOPEN]
    return [ActivityEvent.START, ActivityEvent.RELEASE]


def _slots(tallies: Sequence[Tally], planned: int) -> dict[int, KetamineSession]:
    """Planned number -> counted session. Two sessions may carry one number after a retraction."""
    slots: dict[int, KetamineSession] = {}
    homeless: list[KetamineSession] = []
    for each in tallies:
        if not each.counts:
            continue
        if 1 <= each.session.number <= planned and each.session.number not in slots:
            slots[each.session.number] = each.session
        else:
            homeless.append(each.session)
    free = (number for number in range(1, planned + 1) if number not in slots)
    # A programme without planned dates has no slots: its sessions are counted all the same.
    slots.update(zip(list(free), homeless, strict=False))
    return slots


_NOTE_WORDS = {SessionStatus.NOT_DONE: "Missed", SessionStatus.STOPPED: "Stopped early"}


def _note(own: Sequence[Tally]) -> str | None:
    told = [
        f"{_NOTE_WORDS[each.session.status]} on {day_words(each.session.started.date())}: {each.session.reason}"
        for each in own
        if each.session.status in _NOTE_WORDS
    ]
    return " ".join(told) or None


def day_words(day: date) -> str:
    return f"{day:%d %b %Y}"


def _words(counted: int, of: int | None, missed: int, next_day: date | None) -> str:
    parts = [f"{counted} of {of} done" if of is not None else f"{counted} recorded, open-ended"]
    if missed:
        parts.append(f"{missed} missed")
    if next_day is not None:
        parts.append(f"next {day_words(next_day)}")
    return ", ".join(parts)


def _timing(
    definition: ProgrammeDefinition,
    days: Sequence[date],
    today: date | None,
    *,
    complete: bool,
    resumed: date | None,
) -> Timing:
    """A running course is judged as if its next session were `today`; None: by its sessions alone.

    A prescriber who resumed the course has decided on the gap up to then, and on its length in all.
    """
    if definition.days is None:
        return Timing.OPEN_ENDED
    if not days:
        return Timing.NOT_STARTED
    lower, upper = definition.days
    known = [*days, max(today, days[-1])] if today is not None else list(days)
    span = (known[-1] - known[0]).days
    decided = resumed or known[0]
    gaps = [(later - max(earlier, decided)).days for earlier, later in pairwise(known)]
    too_long = span > upper + definition.late_days and resumed is None
    if too_long or max(gaps, default=0) > definition.longest_gap_days:
        return Timing.INTERRUPTED
    if span > upper:
        return Timing.LATE
    return Timing.TOO_SOON if complete and span < lower else Timing.ON_TIME


def _timing_flags(timing: Timing, definition: ProgrammeDefinition) -> list[str]:
    if definition.days is None or timing not in _TIMING_WORDS:
        return []
    _, upper = definition.days
    late, gap = upper + definition.late_days, definition.longest_gap_days
    return [_TIMING_WORDS[timing].format(upper=upper, late=late, gap=gap)]


def _doubts(timing: Timing, definition: ProgrammeDefinition, counted: Sequence[KetamineSession]) -> tuple[str, ...]:
    """Why a course is not silently complete."""
    doubts: list[str] = []
    if definition.days is not None and timing is Timing.TOO_SOON:
        doubts.append(f"Too soon: all sessions within fewer than {definition.days[0]} days.")
    least = timedelta(hours=definition.least_hours_apart)
    for earlier, later in pairwise(counted):
        if elapsed(earlier.started, later.started) < least:
            began, hours = day_words(later.started.date()), definition.least_hours_apart
            doubts.append(f"The session of {began} began less than {hours} hours after the last.")
    return tuple(doubts)


def _twice(tallies: Sequence[Tally]) -> list[str]:
    """Days with more than one session that was given: one of them may have been entered twice."""
    given = Counter(each.session.started.date() for each in tallies if each.session.status is SessionStatus.COMPLETED)
    return [
        f"{times} sessions are recorded on {day_words(on)}. Only one counts: see whether one was entered twice."
        for on, times in sorted(given.items())
        if times > 1
    ]


_TIMING_WORDS = {
    Timing.LATE: "Late: more than {upper} days since the first session.",
    Timing.INTERRUPTED: "Interrupted: more than {late} days in all, or more than {gap} days between two sessions. "
    "Decide whether to go on or to start again.",
}
