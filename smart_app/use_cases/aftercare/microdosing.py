"""Doses that a patient takes alone: titration, reviews, and the log of what the patient says (programme, SL)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.titration import DoseLog, Review, ReviewDecision, Taken, TitrationStep
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.entry import NotUsable, amount, day, readable, whole
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.clinical.microdosing import (
    Adherence,
    Due,
    adherence,
    next_pressure,
    next_review,
    step_on,
)
from smart_app.clinical.programme import day_words
from smart_app.clinical.units import plain
from smart_app.use_cases.access import (
    audited,
    prescriber_refusal,
    refuse,
    require_prescriber,
    require_writer,
    retried,
)
from smart_app.use_cases.aftercare.statement_messages import statement_message
from smart_app.use_cases.care_entries import (
    LONGEST,
    day_told,
    entries_of,
    keep,
    known_entry,
    own_entries,
    standing_entries,
)
from smart_app.use_cases.course.course_events import OPEN, keep_course, noted
from smart_app.use_cases.course.decide_course import finished, standing
from smart_app.use_cases.course.enrolment_form import dose_plan
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import reason_in
from smart_app.use_cases.records import Caller, CareEntry, CareKind, StoredCourse, StoredSession
from smart_app.use_cases.site import Site

MOST_DAYS = 31  # of one entry of the log
AHEAD_DAYS = 60  # of a change of dose
SOURCES = {"phone": "by telephone", "visit": "at a visit", "video": "by video"}
_TWICE = Decimal(2)
LOG_FIELDS = ("taken", "missed", "more", "effects", "source", "words")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    entry: CareEntry
    log: DoseLog
    struck: CareEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrodosingView:
    """`course` None: the patient was never enrolled for doses taken alone, and the rest is empty."""

    course: StoredCourse | None
    steps: tuple[TitrationStep, ...]  # newest first
    current: TitrationStep | None  # of today
    coming: TitrationStep | None  # ordered for a later day
    observed: tuple[date, ...]  # days on which a dose was given at a visit
    review: Due | None  # None: the plan is over
    pressure: Due | None
    adherence: Adherence | None
    lines: tuple[LogLine, ...]  # newest first
    more_taken: tuple[DoseLog, ...]  # entries that say that more than ordered was taken
    may_write: bool
    may_decide: bool
    now: datetime

    @property
    def running(self) -> bool:
        return self.course is not None and self.course.status in OPEN


def microdosing_view(work: Work, clock: Clock, caller: Caller, rules: MaintenanceRules) -> MicrodosingView:
    now = clock()
    with work() as uow:
        view = microdosing_within(uow, caller, now, rules)
        entities = (f"course/{view.course.id}",) if view.course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:microdosing:read", *entities))
        uow.commit()
        return view


def microdosing_within(uow: UnitOfWork, caller: Caller, now: datetime, rules: MaintenanceRules) -> MicrodosingView:
    """The same inside a transaction that somebody else began."""
    course, today = open_ended_course(uow, caller), now.date()
    writes = caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE}
    entries = own_entries(uow, caller)
    if course is None:
        return MicrodosingView(
            course=None, steps=(), current=None, coming=None, observed=(), review=None, pressure=None, adherence=None,
            lines=(), more_taken=(), may_write=False, may_decide=False, now=now,
        )  # fmt: skip
    steps, observed = steps_of(course), _observed(uow.sessions.of_course(course.id))
    lines = _lines(course, entries)
    logs = [line.log for line in lines if line.struck is None][::-1]
    measured = {each.day for each in entries_of(standing_entries(uow, caller), CareKind.PRESSURE)} | set(observed)
    running = course.status in OPEN
    end = min(today, course.ended or today)
    if end == today and not any(each.last == today for each in logs):
        end -= timedelta(days=1)  # a day that is not over is no gap: doses are taken at night
    return MicrodosingView(
        course=course,
        steps=steps[::-1],
        current=step_on(steps, today) if running else None,
        coming=next((each for each in steps if each.first > today), None),
        observed=observed,
        review=next_review(course.start, [each.day for each in course.reviews], today, rules) if running else None,
        pressure=next_pressure(course.start, measured, today, rules) if running else None,
        adherence=adherence(logs, observed, course.start, end) if course.start <= end else None,
        lines=lines,
        more_taken=tuple(each for each in logs if each.more),
        may_write=writes,
        may_decide=prescriber_refusal(caller) is None and running,
        now=now,
    )


def open_ended_course(uow: UnitOfWork, caller: Caller) -> StoredCourse | None:
    """The newest plan of doses that the patient takes alone; None: there is none."""
    courses = uow.courses.of_patient(caller.patient)
    return next(
        (
            each
            for each in courses
            if each.ehr == caller.ehr
            and programme_of(each).sessions is None
            and each.status is not CourseStatus.ENTERED_IN_ERROR
        ),
        None,
    )


def steps_of(course: StoredCourse) -> tuple[TitrationStep, ...]:
    """Oldest first; of a course of an early release, what it was enrolled with."""
    if course.titration:
        return course.titration
    calculated = dose_plan(course.enrolment)
    typed = readable(amount, course.enrolment.get("dose_mg", "").strip())
    mg = typed or (calculated.result if calculated is not None else None)
    if mg is None:
        return ()
    by, at = course.enrolled_by, course.enrolled_at
    return (TitrationStep(number=1, mg=mg, first=course.start, by=by, at=at, reason="Enrolment"),)


def _observed(sessions: Sequence[StoredSession]) -> tuple[date, ...]:
    return tuple(
        each.signed.dose.started.at.date() for each in sessions if each.signed is not None and each.signed.dose
    )


def _lines(course: StoredCourse, entries: Sequence[CareEntry]) -> tuple[LogLine, ...]:
    strikes = {each.about: each for each in reversed(entries) if each.kind is CareKind.STRIKE}
    logs = [each for each in entries if each.kind is CareKind.LOG and each.course == course.id]
    made = [LogLine(entry=each, log=as_log(each), struck=strikes.get(each.id)) for each in logs]
    return tuple(reversed(made))


def as_log(entry: CareEntry) -> DoseLog:
    fields = entry.fields
    return DoseLog(
        id=entry.id,
        patient=entry.patient,
        course=entry.course,
        first=entry.day,
        last=entry.until or entry.day,
        taken=Taken(fields["taken"]),
        missed=int(fields["missed"]),
        mg=Decimal(fields["mg"]),
        source=SOURCES[fields["source"]],
        entered=entry.at,
        by=entry.by,
        effects=fields["effects"],
        more=fields["more"] == "yes",
        words=fields["words"],
    )


def record_log(
    work: Work,
    clock: Clock,
    caller: Caller,
    entry_id: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> CareEntry:
    """fields: `day`, `until` (empty: that day) and LOG_FIELDS. A known `entry_id` adds nothing. Refused, by field."""
    now, action = clock(), "clinician:care:log"
    with work() as uow:
        require_writer(uow, caller, now, action)
        known = known_entry(uow, caller, entry_id)
        if known is not None:
            return known
        course = open_ended_course(uow, caller)
        if course is None:
            refuse(uow, caller, now, action, Refused("This patient takes no doses alone.", advice=_ENROL))
        entry = _entry(course, caller, now, entry_id, fields)
        keep(uow, entry)
        message = statement_message(as_log(entry), course, caller, now, ids(), site)
        if message is not None:
            uow.messages.add(message)
        uow.audit.add(audited(caller, now, action, f"care/{entry.id}", f"course/{course.id}"))
        uow.commit()
        return entry


_ENROL = "Enrol the patient for sublingual doses first."


def _entry(
    course: StoredCourse, caller: Caller, now: datetime, entry_id: str, fields: Mapping[str, str]
) -> CareEntry:
    problems: dict[str, str] = {}
    first = day_told(fields.get("day", ""), now.date(), problems)
    typed = fields.get("until", "").strip() or fields.get("day", "")
    last = day_told(typed, now.date(), problems, "until") if not problems else None
    step = _span_problems(course, first, last, problems) if first is not None and last is not None else None
    days = (last - first).days + 1 if first is not None and last is not None else 1
    missed = _missed(fields, days, problems)
    if fields.get("source") not in SOURCES:
        problems["source"] = "Say how the patient told it."
    if fields.get("more") not in {"yes", "no"}:
        problems["more"] = "Say whether more than ordered was taken."
    if problems or first is None or last is None or step is None:
        raise Refused("Some of this needs another look.", problems=problems)
    kept = {name: fields.get(name, "").strip()[:LONGEST] for name in LOG_FIELDS}
    return CareEntry(
        id=entry_id,
        ehr=caller.ehr,
        patient=caller.patient,
        kind=CareKind.LOG,
        day=first,
        until=last,
        at=now,
        by=caller.clinician,
        fields=kept | {"missed": str(missed), "mg": str(step.mg)},
        course=course.id,
    )


def _span_problems(course: StoredCourse, first: date, last: date, problems: dict[str, str]) -> TitrationStep | None:
    """The step of the span; None, with the problem, where there is not one and the same for all of it."""
    if last < first:
        problems["until"] = "The last day is before the first."
    elif (last - first).days >= MOST_DAYS:
        problems["until"] = f"Enter at most {MOST_DAYS} days at a time."
    elif course.ended is not None and last > course.ended:
        problems["until"] = f"The plan ended on {day_words(course.ended)}."
    if problems:
        return None
    steps = steps_of(course)
    step = step_on(steps, first)
    if step is None:
        problems["day"] = "No dose was ordered for this day."
    elif step_on(steps, last) is not step:
        changed = next(each.first for each in steps if each.first > first)
        problems["until"] = (
            f"The dose changed on {day_words(changed)}. Make an entry up to the day before, and another."
        )
    return step


def _missed(fields: Mapping[str, str], days: int, problems: dict[str, str]) -> int:
    taken, typed = fields.get("taken", ""), fields.get("missed", "").strip()
    if taken not in set(Taken):
        problems["taken"] = "Say whether the doses were taken."
        return 0
    if taken != Taken.PARTLY:
        if typed and typed != "0" and "taken" not in problems:
            problems["missed"] = "Days are missed only where doses were taken partly."
        return days if taken == Taken.NONE else 0
    try:
        return whole(typed, 1, max(days - 1, 1)) if days > 1 else _no_part(problems)
    except NotUsable as error:
        problems["missed"] = str(error)
        return 0


def _no_part(problems: dict[str, str]) -> int:
    problems["taken"] = "One day was taken or skipped. Enter the days of the span."
    return 0


@retried
def titrate(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredCourse:
    """fields: mg (a day), first (day), reason, confirm. By a prescriber; the step before ends the day before."""
    now, action = clock(), "clinician:microdosing:titrate"
    with work() as uow:
        course = _deciding(uow, caller, now, action)
        changed = _stepped(course, fields, caller, now)
        if changed is course:
            return course
        keep_course(uow, changed, caller, now, ids, site)
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", detail=_step_detail(changed)))
        uow.commit()
        return replace(changed, version=changed.version + 1)


@retried
def review(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredCourse:
    """fields: decision, reason; with "change" those of `titrate`, with "stop" `finish`. Dated today."""
    now, action = clock(), "clinician:microdosing:review"
    with work() as uow:
        course = _deciding(uow, caller, now, action)
        decision = fields.get("decision", "")
        problems: dict[str, str] = {}
        if decision not in set(ReviewDecision):
            problems["decision"] = "Decide: continue, change the dose, or stop."
        reason = reason_in(fields, problems)[:LONGEST]
        if problems:
            raise Refused("Some of this needs another look.", problems=problems)
        made = Review(day=now.date(), decision=ReviewDecision(decision), reason=reason, by=caller.clinician, at=now)
        if any(
            (each.day, each.decision, each.reason) == (made.day, made.decision, reason) for each in course.reviews
        ):
            return course  # a second press of the button
        changed = _reviewed(uow, course, made, fields, caller, now)
        keep_course(uow, changed, caller, now, ids, site)
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", detail=decision))
        uow.commit()
        return replace(changed, version=changed.version + 1)


def _reviewed(
    uow: UnitOfWork, course: StoredCourse, made: Review, fields: Mapping[str, str], caller: Caller, now: datetime
) -> StoredCourse:
    course = replace(course, titration=steps_of(course), reviews=(*course.reviews, made))
    if made.decision is ReviewDecision.CHANGE:
        return _stepped(course, fields, caller, now)
    if made.decision is ReviewDecision.STOP:
        ended = finished(standing(uow, course, now.date()), fields, caller, now)
        return replace(ended, titration=_closed(ended.titration, now.date()))
    return noted(course, caller, now, f"Reviewed: goes on unchanged. {made.reason}")


def _closed(steps: tuple[TitrationStep, ...], on: date) -> tuple[TitrationStep, ...]:
    """A step that was to begin later ends the day before it begins: it never was."""
    day_before = timedelta(days=1)
    return tuple(
        each if each.last is not None else replace(each, last=on if each.first <= on else each.first - day_before)
        for each in steps
    )


def _deciding(uow: UnitOfWork, caller: Caller, now: datetime, action: str) -> StoredCourse:
    require_prescriber(uow, caller, now, action)
    course = open_ended_course(uow, caller)
    if course is None or course.status not in OPEN:
        refuse(uow, caller, now, action, Refused("No plan of sublingual doses is running.", advice=_ENROL))
    return course


def _stepped(course: StoredCourse, fields: Mapping[str, str], caller: Caller, now: datetime) -> StoredCourse:
    """With a new step; the same course where the latest step says the same already."""
    steps = steps_of(course)
    latest = steps[-1] if steps else None
    if latest is not None and _says(fields, latest, now):
        return course
    problems: dict[str, str] = {}
    mg = _milligrams(course, fields, latest, problems)
    first = _first_day(fields, latest, now, problems)
    reason = reason_in(fields, problems)[:LONGEST]
    if problems or mg is None or first is None:
        raise Refused("Some of this needs another look.", problems=problems)
    if latest is not None and latest.mg == mg:
        raise Refused("Some of this needs another look.", problems={"mg": "This is the dose already."})
    before = (*steps[:-1], replace(latest, last=first - timedelta(days=1))) if latest is not None else ()
    step = TitrationStep(number=len(before) + 1, mg=mg, first=first, by=caller.clinician, at=now, reason=reason)
    was = f" (before: {plain(latest.mg)} mg)" if latest is not None else ""
    words = f"Dose from {day_words(first)}: {plain(mg)} mg once a day{was}. {reason}"
    return noted(replace(course, titration=(*before, step)), caller, now, words)


def _says(fields: Mapping[str, str], step: TitrationStep, now: datetime) -> bool:
    """A second press of the button."""
    mg, typed = readable(amount, fields.get("mg", "").strip()), fields.get("first", "").strip()
    first = readable(day, typed) if typed else now.date()
    return (mg, first, fields.get("reason", "").strip()) == (step.mg, step.first, step.reason)


def _milligrams(
    course: StoredCourse, fields: Mapping[str, str], latest: TitrationStep | None, problems: dict[str, str]
) -> Decimal | None:
    """No dose is proposed: the clinician enters it. An unusual one is asked back."""
    typed, most = fields.get("mg", "").strip(), programme_of(course).warn_mg
    if not typed:
        problems["mg"] = "Enter the dose."
        return None
    try:
        mg = amount(typed)
    except NotUsable as error:
        problems["mg"] = str(error)
        return None
    much = (most is not None and mg > most) or (latest is not None and mg > latest.mg * _TWICE)
    if mg == 0:
        problems["mg"] = "Enter an amount over 0. To end the doses, stop the plan at a review."
    elif much and fields.get("confirm") != "yes":
        problems["mg"] = f"Check: {plain(mg)} mg once a day. Is that right?"
    return mg


def _first_day(
    fields: Mapping[str, str], latest: TitrationStep | None, now: datetime, problems: dict[str, str]
) -> date | None:
    typed = fields.get("first", "").strip()
    try:
        first = day(typed) if typed else now.date()
    except NotUsable as error:
        problems["first"] = str(error)
        return None
    if first < now.date():
        problems["first"] = "A dose cannot be ordered for a day that is over."
    elif first > now.date() + timedelta(days=AHEAD_DAYS):
        problems["first"] = f"This is more than {AHEAD_DAYS} days ahead."
    elif latest is not None and first <= latest.first:
        problems["first"] = f"The last change is for {day_words(latest.first)}. Choose a later day."
    return first


def _step_detail(course: StoredCourse) -> str:
    step = course.titration[-1]
    return f"step {step.number}: {plain(step.mg)} mg from {step.first.isoformat()}"
