"""Turns of a course: the event by its table, the note that says why, and what goes to the EHR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.facts.programme import CourseNote, CourseStatus, Held
from smart_app.clinical.course_states import COURSE_TABLE, CourseEvent, follow
from smart_app.clinical.finding import State
from smart_app.clinical.programme import Progress, Timing, day_words, due_event
from smart_app.use_cases.access import audited
from smart_app.use_cases.course.course_messages import care_plan_message
from smart_app.use_cases.course.course_progress import activities_now, open_one, progress_now
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import (
    Caller,
    Json,
    MessageKind,
    MessageState,
    StoredCourse,
    StoredScreening,
    StoredSession,
)
from smart_app.use_cases.site import Site

OPEN = frozenset({CourseStatus.DRAFT, CourseStatus.ACTIVE, CourseStatus.ON_HOLD})
HOLDS = frozenset({"contraindicated", "hold"})  # statuses of a screening that no course goes on with
_HOLD = "clinician:course:hold"
_NO_LAUNCH = "This launch may not write: it is sent with the next one that may."


def open_course_of(uow: UnitOfWork, caller: Caller) -> StoredCourse | None:
    """The patient's course that is not over yet, at this EHR."""
    courses = uow.courses.of_patient(caller.patient)
    return next((each for each in courses if each.ehr == caller.ehr and each.status in OPEN), None)


def turned(
    course: StoredCourse, event: CourseEvent, caller: Caller, now: datetime, words: str, **changes: Any
) -> StoredCourse:
    """The course after an event, with a note. IllegalEvent where its state does not know the event."""
    status = follow(COURSE_TABLE, course.status, event)
    if status is not CourseStatus.ON_HOLD:
        changes = {"held": None, "held_at": None} | changes
    return replace(noted(course, caller, now, words), status=status, **changes)


def noted(course: StoredCourse, caller: Caller, now: datetime, words: str) -> StoredCourse:
    return replace(course, notes=(*course.notes, CourseNote(at=now, author=caller.clinician, text=words)))


def put_on_hold(course: StoredCourse, why: Held, caller: Caller, now: datetime, words: str) -> StoredCourse:
    return turned(course, CourseEvent.HOLD, caller, now, f"On hold: {words}", held=why, held_at=now)


def moved_on(course: StoredCourse, sessions: Sequence[StoredSession], caller: Caller, now: datetime) -> StoredCourse:
    """The course as its recorded sessions leave it: completed, on hold, reopened, or as it was."""
    progress = progress_now(course, sessions, None)
    event = due_event(course, progress)
    if event is CourseEvent.COMPLETE:
        course = completed(course, progress, caller, now)
    elif event is CourseEvent.HOLD:
        course = put_on_hold(course, Held.INTERRUPTED, caller, now, _interrupted(progress))
    elif event is CourseEvent.REOPEN:
        words = f"Reopened: a session was taken back or amended. {progress.counted} of {progress.of} done."
        course = turned(course, event, caller, now, words, ended=None)
    return replace(course, planned=activities_now(course, sessions))


def completed(
    course: StoredCourse, progress: Progress, caller: Caller, now: datetime, reason: str = ""
) -> StoredCourse:
    """It ends on the day of the last counted session, which may have been entered and signed days later."""
    ended = max(each.session.started.date() for each in progress.tallies if each.counts)
    said = f"Completed: {progress.counted} of {progress.of} sessions."
    words = " ".join(part for part in (said, *progress.flags, reason) if part)
    return turned(course, CourseEvent.COMPLETE, caller, now, words, ended=ended)


def _interrupted(progress: Progress) -> str:
    return next(flag for flag in progress.flags if flag.startswith("Interrupted"))


def keep_course(
    uow: UnitOfWork, course: StoredCourse, caller: Caller, now: datetime, ids: Callable[[], str], site: Site
) -> None:
    """Keep a changed course and queue its CarePlan; what waited for a launch that may write goes with this one."""
    uow.courses.replace(course)
    uow.messages.release(course.patient, launch=caller.launch, now=now)
    uow.messages.add(care_plan_message(MessageKind.UPDATE_CARE_PLAN, course, caller, now, ids(), site))


def hold_by_screening(
    uow: UnitOfWork, screening: StoredScreening, caller: Caller, now: datetime, site: Site
) -> StoredCourse | None:
    """Put the patient's active course on hold where a screening forbids to go on, in the screening's transaction.

    So does a course whose next session would come too late. Whoever screens: a launch that may not write leaves the
    CarePlan's message to one that may. None: nothing was held.
    """
    course = open_course_of(uow, caller)
    if course is None or course.status is not CourseStatus.ACTIVE:
        return None
    if screening.stands_as not in HOLDS:
        sessions = uow.sessions.of_course(course.id)
        progress = progress_now(course, sessions, now.date())
        if progress.timing is not Timing.INTERRUPTED or open_one(sessions) is not None:
            return None
        hold_interrupted(uow, course, progress, caller, now, site)
        return course
    rules = [finding for finding in screening.result.get("findings", ()) if _forbids(finding, screening)]
    found = "; ".join(f"{finding['title']} ({finding['rule']})" for finding in rules) or screening.stands_as
    words = f"the screening of {day_words(screening.day)} found: {found}"
    _keep_hold(uow, put_on_hold(course, Held.SCREENING, caller, now, words), caller, now, site)
    detail = f"{screening.stands_as}: {', '.join(finding['rule'] for finding in rules)}"
    uow.audit.add(audited(caller, now, _HOLD, f"course/{course.id}", f"screening/{screening.id}", detail=detail))
    return course


def hold_interrupted(
    uow: UnitOfWork, course: StoredCourse, progress: Progress, caller: Caller, now: datetime, site: Site
) -> None:
    """Put a course on hold whose next session would come after too long a gap. Not committed yet."""
    held = put_on_hold(course, Held.INTERRUPTED, caller, now, _interrupted(progress))
    _keep_hold(uow, held, caller, now, site)
    uow.audit.add(audited(caller, now, _HOLD, f"course/{course.id}", detail=Held.INTERRUPTED))


def _keep_hold(uow: UnitOfWork, held: StoredCourse, caller: Caller, now: datetime, site: Site) -> None:
    uow.courses.replace(held)
    message_id = str(uuid5(NAMESPACE_URL, f"hold:{held.id}:{held.version}"))
    message = care_plan_message(MessageKind.UPDATE_CARE_PLAN, held, caller, now, message_id, site)
    if not caller.may_write:
        message = replace(message, state=MessageState.WAIT_AUTH, reason=_NO_LAUNCH)
    uow.messages.add(message)


def _forbids(finding: Json, screening: StoredScreening) -> bool:
    overridden = {override.rule for override in screening.overrides}
    return (
        finding["state"] == State.MET.value and finding.get("effect") in HOLDS and finding["rule"] not in overridden
    )
