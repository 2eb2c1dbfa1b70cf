"""After a course: relapse, what a booster asks for, and what was asked and measured since (ui specification S7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from fhir_mappings.facts.outcome_rules import OutcomeRules
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.booster import Condition, Finding, Known, conditions
from smart_app.clinical.exposure import Exposure, Reminder, exposure, reminders
from smart_app.clinical.outcomes import ScaleScore
from smart_app.clinical.programme import day_words
from smart_app.clinical.relapse import Relapse, last_good
from smart_app.use_cases.access import audited, prescriber_refusal
from smart_app.use_cases.aftercare.before_booster import given, known_before
from smart_app.use_cases.care_entries import own_entries, standing_entries
from smart_app.use_cases.course.course_events import OPEN
from smart_app.use_cases.course.course_progress import progress_now
from smart_app.use_cases.course.plans import Plan, plan_before, plans_of, signed_sessions
from smart_app.use_cases.outcomes.judged_course import first_session
from smart_app.use_cases.outcomes.outcomes import outcomes_within
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, CareEntry, CareKind, StoredCourse
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
    """S7. `course` None: there is nothing yet that a booster could follow. `known` is what the conditions rest on."""

    course: StoredCourse | None
    plans: tuple[PlanLine, ...]  # newest first
    relapse: Relapse | None
    rules: OutcomeRules  # those that the course was enrolled with
    last_good: ScaleScore | None  # the last response or remission
    known: Known
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
        view = maintenance_within(uow, caller, now, site)
        entities = (f"course/{view.course.id}",) if view.course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:maintenance:read", *entities))
        uow.commit()
        return view


def maintenance_within(uow: UnitOfWork, caller: Caller, now: datetime, site: Site) -> MaintenanceView:
    """The same inside a transaction that somebody else began."""
    plans = plans_of(uow, caller)
    before = plan_before(plans)
    course, sessions = before if before is not None else (None, ())
    running = next((plan.course for plan in plans if plan.course.status in OPEN), None)
    outcomes = outcomes_within(uow, caller, course, sessions, now)
    signed, entries = signed_sessions(plans), standing_entries(uow, caller)
    times = site.rules.limits.liver_times_upper
    known = known_before(uow, caller, before, signed, entries, outcomes.relapse, now, times)
    doses = given(signed)
    return MaintenanceView(
        course=course,
        plans=tuple(map(_line_of, plans)),
        relapse=outcomes.relapse,
        rules=outcomes.rules,
        last_good=last_good(outcomes.scores, first_session(sessions)),
        known=known,
        conditions=conditions_on(known, now.date(), now.date(), site),
        exposure=exposure(doses, now.date(), site.maintenance),
        reminders=reminders(doses, known.urinary, known.liver, now.date(), site.maintenance),
        watch=(*known.elsewhere, *_symptoms(known.urinary), *_more_taken(entries)),
        entries=_lines(own_entries(uow, caller)),
        running=running,
        may_write=caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE},
        may_plan=prescriber_refusal(caller) is None and course is not None and running is None,
        now=now,
    )


def conditions_on(known: Known, on: date, today: date, site: Site) -> tuple[Condition, ...]:
    """For a booster on the day that is thought of."""
    limit = site.limits.start.systolic, site.limits.start.diastolic
    return conditions(known, on=on, today=today, limit=limit, rules=site.maintenance)


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


def _line_of(plan: Plan) -> PlanLine:
    standing = progress_now(plan.course, plan.sessions, None).words
    return PlanLine(course=plan.course, title=programme_of(plan.course).title, standing=standing)


def _lines(entries: tuple[CareEntry, ...]) -> tuple[CareLine, ...]:
    strikes = {each.about: each for each in reversed(entries) if each.kind is CareKind.STRIKE}
    made = [
        CareLine(entry=each, struck=strikes.get(each.id))
        for each in entries
        if each.kind in {CareKind.URINARY, CareKind.LIVER, CareKind.PRESSURE}
    ]
    return tuple(sorted(made, key=lambda line: (line.entry.day, line.entry.at), reverse=True))
