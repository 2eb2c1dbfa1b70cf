"""A prescriber's decisions about a course: hold, resume, confirm, finish early, start again, withdraw, new dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from fhir_mappings.facts.programme import ActivityStatus, CourseStatus, Finish, Held
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Purpose
from smart_app.clinical.course_states import CourseEvent
from smart_app.clinical.planned_days import PlannedDay, day_field, day_problems, planned_days
from smart_app.clinical.programme import Progress, day_words
from smart_app.use_cases.access import audited, own_course, prescriber_refusal, refuse, require_prescriber, retried
from smart_app.use_cases.course.course_events import (
    HOLDS,
    OPEN,
    completed,
    keep_course,
    moved_on,
    noted,
    put_on_hold,
    turned,
)
from smart_app.use_cases.course.course_progress import activities_now, open_one, progress_now
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import reason_in, required_reason
from smart_app.use_cases.records import Caller, StoredCourse, StoredSession
from smart_app.use_cases.site import Site


class Decision(StrEnum):
    HOLD = "hold"
    RESUME = "resume"
    CONFIRM = "confirm"  # that the course is complete, although too soon
    FINISH = "finish"
    RESTART = "restart"
    WITHDRAW = "withdraw"
    DATES = "dates"


# How each way to finish ends the course; a withdrawal and a restart are no completion.
FINISH_EVENTS: Mapping[Finish, CourseEvent] = MappingProxyType(
    {
        Finish.REMISSION: CourseEvent.COMPLETE,
        Finish.ADVERSE_EVENT: CourseEvent.REVOKE,
        Finish.WITHDRAWAL: CourseEvent.REVOKE,
        Finish.OTHER: CourseEvent.REVOKE,
    }
)
_TO_DO = frozenset({ActivityStatus.NOT_STARTED, ActivityStatus.SCHEDULED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A course as the decision finds it."""

    course: StoredCourse
    sessions: Sequence[StoredSession]
    progress: Progress
    screened_as: str | None  # of the latest screening, after overrides; None: never screened

    @property
    def running(self) -> bool:
        return open_one(self.sessions) is not None


def standing(uow: UnitOfWork, course: StoredCourse, today: date) -> Standing:
    screening = uow.screenings.latest(course.patient)
    sessions = uow.sessions.of_course(course.id)
    return Standing(
        course=course,
        sessions=sessions,
        progress=progress_now(course, sessions, today),
        screened_as=screening.stands_as if screening is not None else None,
    )


def why_not(decision: Decision, standing: Standing) -> Refused | None:
    """Why a decision cannot be taken as the course stands; None: it can."""
    status = standing.course.status
    if status not in _POSSIBLE[decision]:
        return Refused(f"This cannot be done: the course is {status.replace('-', ' ')}.")
    if standing.running and decision in _NOT_WHILE_RUNNING:
        return Refused("A session is running.", advice="Sign it, stop it or enter it in error first.")
    if decision is Decision.WITHDRAW and standing.sessions:
        return Refused("A session was opened already. The enrolment can only be withdrawn before session 1.")
    if decision is Decision.RESTART and standing.course.purpose is not Purpose.COURSE:
        return Refused("Only a course can be started again.", advice="End this plan, then make a new one.")
    if decision is Decision.RESTART and not standing.sessions:
        return Refused("No session was opened yet.", advice="Change the planned dates, or withdraw the enrolment.")
    if decision is Decision.CONFIRM and not (standing.progress.complete and standing.progress.doubts):
        return Refused("There is nothing to confirm.")
    if decision is Decision.RESUME and standing.screened_as in HOLDS:
        return Refused(
            "The latest screening does not allow to go on.",
            advice="Screen again when it is settled, or override the finding on the screening page, with a reason.",
        )
    if decision is Decision.DATES and not any(each.status in _TO_DO for each in standing.progress.planned):
        return Refused("No planned session is left to be moved.")
    return None


_POSSIBLE: Mapping[Decision, frozenset[CourseStatus]] = MappingProxyType(
    {
        Decision.HOLD: frozenset({CourseStatus.ACTIVE}),
        Decision.RESUME: frozenset({CourseStatus.ON_HOLD}),
        Decision.CONFIRM: frozenset({CourseStatus.ACTIVE}),
        Decision.FINISH: frozenset({CourseStatus.ACTIVE, CourseStatus.ON_HOLD}),
        Decision.RESTART: frozenset({CourseStatus.ACTIVE, CourseStatus.ON_HOLD}),
        Decision.WITHDRAW: OPEN,
        Decision.DATES: frozenset({CourseStatus.ACTIVE, CourseStatus.ON_HOLD}),
    }
)
_NOT_WHILE_RUNNING = frozenset({Decision.CONFIRM, Decision.FINISH, Decision.RESTART})


def decisions(caller: Caller, standing: Standing) -> tuple[Decision, ...]:
    """What this caller may decide now; nothing for others than prescribers who may write."""
    if prescriber_refusal(caller) is not None:
        return ()
    return tuple(each for each in Decision if why_not(each, standing) is None)


@retried
def decide(
    work: Work,
    clock: Clock,
    caller: Caller,
    decision: Decision,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredCourse:
    """Take a decision about the patient's course. fields: reason, `finish` (how it ends), day.N (new dates), confirm.

    `course` and `version` among the fields, where the page knows them, tie the decision to what was shown: sent twice
    it is taken once. Refused, with problems by field, for what the form lacks and for what the state does not allow.
    """
    now, action = clock(), f"clinician:course:{decision}"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        course = own_course(uow, caller)
        if course is None:
            refuse(uow, caller, now, action, Refused("The patient is in no course."))
        if fields.get("version") and (fields.get("course"), fields["version"]) != (course.id, str(course.version)):
            if _taken(decision, course, fields, caller):
                return course
            words = "The course was changed since this page was shown."
            raise Refused(words, advice="Look at it again before you decide.")
        found = standing(uow, course, now.date())
        refusal = why_not(decision, found)
        if refusal is not None:
            if _taken(decision, course, fields, caller):
                return course
            refuse(uow, caller, now, action, refusal)
        changed = _TAKEN[decision](found, fields, caller, now)
        keep_course(uow, changed, caller, now, ids, site)
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", detail=_detail(course, changed)))
        uow.commit()
        return replace(changed, version=changed.version + 1)


# How the note of each decision begins.
_NOTES: Mapping[Decision, tuple[str, ...]] = MappingProxyType(
    {
        Decision.HOLD: ("On hold: ",),
        Decision.RESUME: ("Resumed: ",),
        Decision.CONFIRM: ("Completed: ",),
        Decision.FINISH: ("Finished ", "Ended"),
        Decision.RESTART: ("Ended to start again.",),
        Decision.WITHDRAW: ("Withdrawn ",),
        Decision.DATES: ("New dates: ",),
    }
)


def _taken(decision: Decision, course: StoredCourse, fields: Mapping[str, str], caller: Caller) -> bool:
    """A second press of the button: this clinician's decision stands there already, with this reason."""
    reason = fields.get("reason", "").strip()
    latest = course.notes[-2:]  # what was decided may have completed the course, which is noted after it
    return bool(reason) and any(
        each.author == caller.clinician and each.text.startswith(_NOTES[decision]) and each.text.endswith(reason)
        for each in latest
    )


def _detail(before: StoredCourse, after: StoredCourse) -> str:
    moved = f"{before.status} to {after.status}" if after.status is not before.status else f"{after.status}"
    return f"{moved}, {after.finish}" if after.finish is not before.finish else moved


def _hold(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    return put_on_hold(found.course, Held.DECISION, caller, now, required_reason(fields.get("reason", "")))


def _resume(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    """The prescriber has decided on the gap: the course may be complete by that."""
    reason = required_reason(fields.get("reason", ""))
    going_on = turned(found.course, CourseEvent.RESUME, caller, now, f"Resumed: {reason}", resumed=now.date())
    return moved_on(going_on, found.sessions, caller, now)


def _confirm(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    reason = required_reason(fields.get("reason", ""))
    done = completed(found.course, found.progress, caller, now, f"Confirmed: {reason}")
    return replace(done, planned=activities_now(done, found.sessions))


def finished(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    """The course as it ends with `finish` and `reason` of the fields. Refused, by field."""
    chosen = {each.value: each for each in FINISH_EVENTS}.get(fields.get("finish", ""))
    if chosen is None:
        raise Refused("The course is not ended yet.", problems={"finish": "Choose why the course ends."})
    return _ended(found, chosen, FINISH_EVENTS[chosen], fields, caller, now)


def _restart(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    return _ended(found, Finish.RESTART, CourseEvent.REVOKE, fields, caller, now)


def _ended(
    found: Standing, finish: Finish, event: CourseEvent, fields: Mapping[str, str], caller: Caller, now: datetime
) -> StoredCourse:
    reason, progress = required_reason(fields.get("reason", "")), found.progress
    of = f" of {progress.of}" if progress.of is not None else ""
    words = f"{_ENDED[finish]} Partial: {progress.counted}{of} sessions counted. {reason}"
    ended = turned(found.course, event, caller, now, words, ended=now.date(), finish=finish)
    return replace(ended, planned=activities_now(ended, found.sessions))


_ENDED: Mapping[Finish, str] = MappingProxyType(
    {
        Finish.REMISSION: "Finished early, in remission.",
        Finish.ADVERSE_EVENT: "Ended after an adverse event.",
        Finish.WITHDRAWAL: "Ended: the patient withdrew.",
        Finish.RESTART: "Ended to start again.",
        Finish.OTHER: "Ended early.",
    }
)


def _withdraw(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    words = f"Withdrawn before session 1: {required_reason(fields.get('reason', ''))}"
    ended = turned(found.course, CourseEvent.REVOKE, caller, now, words, ended=now.date())
    return replace(ended, planned=activities_now(ended, ()))


def dates_table(found: Standing, typed: Mapping[str, str], today: date) -> tuple[PlannedDay, ...]:
    """The plan as a table: what took place is fixed, the rest as typed, else as it is planned."""
    given = {each.session.id: each.session.started.date() for each in found.progress.tallies}
    fixed: dict[int, date] = {}
    values: dict[int, str] = {}
    for each in found.progress.planned:
        if each.status in _TO_DO:
            kept = each.day.isoformat() if each.day else ""
            values[each.number] = typed.get(day_field(each.number), kept)
        elif each.session in given:
            fixed[each.number] = given[each.session]
        elif each.day is not None:
            fixed[each.number] = each.day
    return planned_days(values, programme_of(found.course), today, fixed)


def _dates(found: Standing, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    """New days for what is still to be done; the rest of the plan stays."""
    table = dates_table(found, fields, now.date())
    problems = day_problems(table, now.date())
    reason = reason_in(fields, problems)
    new = {line.number: line.day for line in table if not line.fixed and line.day is not None}
    moved = [each for each in found.course.planned if each.number in new and each.day != new[each.number]]
    if not problems and not moved:
        problems[next(line.field for line in table if not line.fixed)] = "Change at least one date."
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    told = ", ".join(f"session {each.number} to {day_words(new[each.number])}" for each in moved)
    changed = noted(found.course, caller, now, f"New dates: {told}. {reason}")
    planned = tuple(replace(each, day=new.get(each.number, each.day)) for each in found.course.planned)
    changed = replace(changed, planned=planned)
    return replace(changed, planned=activities_now(changed, found.sessions))


_TAKEN: Mapping[Decision, Callable[[Standing, Mapping[str, str], Caller, datetime], StoredCourse]] = MappingProxyType(
    {
        Decision.HOLD: _hold,
        Decision.RESUME: _resume,
        Decision.CONFIRM: _confirm,
        Decision.FINISH: finished,
        Decision.RESTART: _restart,
        Decision.WITHDRAW: _withdraw,
        Decision.DATES: _dates,
    }
)
