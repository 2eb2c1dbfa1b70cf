"""After a course: relapse, what a booster asks for, and what was asked and measured since (ui specification S7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.booster import Condition, Finding, conditions
from smart_app.clinical.exposure import Exposure, Reminder, exposure, reminders
from smart_app.clinical.outcomes import ScaleScore
from smart_app.clinical.programme import day_words
from smart_app.clinical.relapse import Relapse, last_good
from smart_app.use_cases.access import audited, course_before, prescriber_refusal
from smart_app.use_cases.before_booster import given, known_before, signed_sessions
from smart_app.use_cases.care_entries import own_entries, standing_entries
from smart_app.use_cases.course_events import OPEN, open_course_of
from smart_app.use_cases.course_progress import progress_now
from smart_app.use_cases.judged_course import first_session
from smart_app.use_cases.outcomes import outcomes_within
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, CareEntry, CareKind, StoredCourse
from smart_app.use_cases.scores import scores_of
from smart_app.use_cases.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One plan of the patient. `standing` is "6 of 6 done"."""

    course: StoredCourse
    title: str
    standing: str

    @property
    def open(self) -> bool:
        return self.course.status in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLine:
    """One entry; `struck` is the strike, where it was struck out."""

    entry: CareEntry
    struck: CareEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceView:
    """S7. `course` None: there is nothing yet that a booster could follow."""

    course: StoredCourse | None
    plans: tuple[PlanLine, ...]  # newest first
    relapse: Relapse | None
    last_good: ScaleScore | None  # the last response or remission
    conditions: tuple[Condition, ...]  # for a booster today
    exposure: Exposure
    reminders: tuple[Reminder, ...]
    watch: tuple[str, ...]  # worth a question: ketamine from elsewhere, symptoms, too much
    entries: tuple[CareLine, ...]  # newest first
    running: StoredCourse | None  # a plan that is not over
    may_write: bool
    may_plan: bool
    now: datetime

    @property
    def ended(self) -> bool:
        return self.course is not None and self.course.status in {CourseStatus.COMPLETED, CourseStatus.REVOKED}


def maintenance_view(work: Work, clock: Clock, caller: Caller, site: Site) -> MaintenanceView:
    now = clock()
    with work() as uow:
        view = maintenance_within(uow, caller, now, site, now.date())
        entities = (f"course/{view.course.id}",) if view.course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:maintenance:read", *entities))
        uow.commit()
        return view


def maintenance_within(uow: UnitOfWork, caller: Caller, now: datetime, site: Site, on: date) -> MaintenanceView:
    """The same inside a transaction that somebody else began. `on`: the day of the booster that is thought of."""
    course, running = course_before(uow, caller), open_course_of(uow, caller)
    sessions = uow.sessions.of_course(course.id) if course is not None else ()
    relapse = outcomes_within(uow, caller, course, sessions, now).relapse
    entries = standing_entries(uow, caller)
    known = known_before(uow, caller, course, entries, relapse, now, site.rules.limits.liver_times_upper)
    doses = given(signed_sessions(uow, caller))
    limit = site.limits.start.systolic, site.limits.start.diastolic
    return MaintenanceView(
        course=course,
        plans=_plans(uow, caller),
        relapse=relapse,
        last_good=last_good(scores_of(uow, caller, now.tzinfo), first_session(sessions)),
        conditions=conditions(known, on=on, today=now.date(), limit=limit, rules=site.maintenance),
        exposure=exposure(doses, now.date(), site.maintenance),
        reminders=reminders(doses, known.urinary, known.liver, now.date(), site.maintenance),
        watch=(*known.elsewhere, *_symptoms(known.urinary), *_more_taken(entries)),
        entries=_lines(own_entries(uow, caller)),
        running=running,
        may_write=caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE},
        may_plan=prescriber_refusal(caller) is None and course is not None and running is None,
        now=now,
    )


def _symptoms(urinary: Finding | None) -> tuple[str, ...]:
    if urinary is None or urinary.clear is not False:
        return ()
    return (f"{urinary.words} ({day_words(urinary.day)}). Ketamine harms the bladder: ask how much is taken.",)


def _more_taken(entries: tuple[CareEntry, ...]) -> tuple[str, ...]:
    return tuple(
        f"The patient took more than ordered between {day_words(each.day)} and {day_words(each.until or each.day)}."
        for each in entries
        if each.kind is CareKind.LOG and each.fields["more"] == "yes"
    )


def _plans(uow: UnitOfWork, caller: Caller) -> tuple[PlanLine, ...]:
    return tuple(
        PlanLine(
            course=each,
            title=programme_of(each).title,
            standing=progress_now(each, uow.sessions.of_course(each.id), None).words,
        )
        for each in uow.courses.of_patient(caller.patient)
        if each.ehr == caller.ehr
    )


def _lines(entries: tuple[CareEntry, ...]) -> tuple[CareLine, ...]:
    strikes = {each.about: each for each in reversed(entries) if each.kind is CareKind.STRIKE}
    made = [
        CareLine(entry=each, struck=strikes.get(each.id))
        for each in entries
        if each.kind in {CareKind.URINARY, CareKind.LIVER, CareKind.PRESSURE}
    ]
    return tuple(sorted(made, key=lambda line: (line.entry.day, line.entry.at), reverse=True))
