"""Enrol a screened patient into one of the programmes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fhir_mappings.facts.programme import (
    ActivityStatus,
    CourseStatus,
    PlannedSession,
    ProgrammeDefinition,
)
from fhir_mappings.facts.programmes import PROGRAMMES, Programmes
from fhir_mappings.facts.titration import TitrationStep
from fhir_mappings.facts.treatment import Place, Purpose, Route
from smart_app.clinical.course_states import COURSE_TABLE, CourseEvent, follow
from smart_app.clinical.entry import amount, day, readable
from smart_app.clinical.overrides import OVERRIDABLE
from smart_app.clinical.planned_days import PlannedDay, planned_days
from smart_app.clinical.programme import day_words
from smart_app.clinical.session_rules import elapsed
from smart_app.use_cases.access import audited, prescriber_refusal, refuse, require_prescriber, retried
from smart_app.use_cases.course.course_events import open_course_of
from smart_app.use_cases.course.course_messages import care_plan_message
from smart_app.use_cases.course.enrolment_draft import draft_of, drop_draft
from smart_app.use_cases.course.enrolment_form import (
    FIELDS,
    chosen,
    day_fields,
    days_typed,
    dose_plan,
    for_route,
    needs_guardian,
    problems,
    with_defaults,
)
from smart_app.use_cases.course.plans import plan_before, plans_of
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, MessageKind, StoredCourse, StoredScreening
from smart_app.use_cases.site import Site

MAY_ENROL = frozenset({"candidate", "needs-review"})
SCREENING_HOLDS = timedelta(hours=24)

NOT_ALLOWED = {
    "contraindicated": "The screening found a contraindication that no prescriber has overridden.",
    "hold": "The screening says: not now. It has to settle first, or a prescriber overrides it with a reason.",
    "no-indication": "The screening found no indication for this treatment.",
    "insufficient-data": "The screening had not enough data to decide.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """The weight that the screening found. `days` is its age; `words` names its source."""

    kilograms: str
    day: date
    days: int
    words: str  # "82.0 kg on 20 Nov 2026 (EHR, Observation/1)"
    too_old: bool  # weigh again


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentView:
    """The enrolment form. `fields` holds a value for every field; `problems` only once values were given."""

    screening: StoredScreening | None
    person: Json
    allowed: bool
    why_not: str
    advice: str
    needs_acknowledgement: bool
    needs_guardian: bool  # the patient is under age, or may be
    definitions: tuple[ProgrammeDefinition, ...]
    definition: ProgrammeDefinition | None  # of the route that was chosen
    fields: Mapping[str, str]
    weight: WeightLine | None
    planned: tuple[PlannedDay, ...]
    dose_words: str  # "0.5 mg/kg × 82.0 kg = 41 mg", or ""
    problems: Problems
    open_course: StoredCourse | None  # the patient's course, where there is one


def enrolment_view(
    work: Work,
    clock: Clock,
    caller: Caller,
    fields: Mapping[str, str] | None = None,
    *,
    programmes: Programmes = PROGRAMMES,
    route: Route | None = None,
) -> EnrolmentView:
    """The form with its defaults and this clinician's draft, or with `fields` and what is wrong with them.

    `route` is the one that the draft is opened for; None: its own.
    """
    now = clock()
    with work() as uow:
        screening = uow.screenings.latest(caller.patient)
        open_course = open_course_of(uow, caller)
        refusal = prescriber_refusal(caller) or _refusal(caller, screening, open_course, now)
        draft = draft_of(uow, caller)
        draft = draft if route is None else for_route(draft, route)
        uow.audit.add(audited(caller, now, "clinician:enrolment:read"))
        uow.commit()
    weight = screening.weight if screening is not None else None
    values = with_defaults(draft if fields is None else fields, weight, now.date(), programmes)
    definition = chosen(values, programmes)
    acknowledge = screening is not None and screening.stands_as == "needs-review"
    calculated = dose_plan(values)
    guardian = needs_guardian(born(screening), now.date())
    return EnrolmentView(
        screening=screening,
        person=screening.person if screening is not None else {},
        allowed=refusal is None,
        why_not=refusal.words if refusal is not None else "",
        advice=refusal.advice if refusal is not None else "",
        needs_acknowledgement=acknowledge,
        needs_guardian=guardian,
        definitions=tuple(programmes.values()),
        definition=definition,
        fields=values,
        weight=weight_line(weight, definition or programmes[Route.IV], now.date()),
        planned=_planned_days(values, definition, now.date()),
        dose_words=calculated.words if calculated is not None else "",
        problems=problems(values, now.date(), programmes, acknowledge=acknowledge, guardian=guardian, weight=weight)
        if fields is not None
        else {},
        open_course=open_course,
    )


@retried
def enrol(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredCourse:
    """Refused (with problems by field) or the course. The same form sent twice gives the same course."""
    now, action = clock(), "clinician:course:enrol"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        screening = uow.screenings.latest(caller.patient)
        open_course = open_course_of(uow, caller)
        values = with_defaults(fields, screening.weight if screening else None, now.date(), site.programmes)
        if open_course is not None and same_form(open_course, values, caller, site.programmes):
            return open_course
        refusal = _refusal(caller, screening, open_course, now)
        if screening is None or refusal is not None:
            refuse(uow, caller, now, action, refusal or Refused("This patient has not been screened."))
        found = problems(
            values,
            now.date(),
            site.programmes,
            acknowledge=screening.stands_as == "needs-review",
            guardian=needs_guardian(born(screening), now.date()),
            weight=screening.weight,
        )
        if found:
            raise Refused("Some of the form needs another look.", problems=found)
        definition = site.programmes[Route(values["route"])]
        after = _after(uow, caller, definition)
        course = new_course(values, definition, screening, caller, now, ids(), after)
        uow.courses.add(course)
        drop_draft(uow, caller)
        uow.messages.add(care_plan_message(MessageKind.CREATE_CARE_PLAN, course, caller, now, ids(), site))
        detail = f"{course.route} programme, screening {_outcome(screening)}"
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", f"screening/{screening.id}", detail=detail))
        uow.commit()
        return course


def _refusal(
    caller: Caller, screening: StoredScreening | None, open_course: StoredCourse | None, now: datetime
) -> Refused | None:
    """Why this patient cannot be enrolled by this launch now, whatever the form says; None: can be."""
    again = "Screen the patient again."
    if open_course is not None:
        return Refused("This patient is in a course already.", advice="Go on with that course.")
    if screening is None or screening.ehr != caller.ehr or screening.launch != caller.launch:
        return Refused("This patient has not been screened since the app was opened.", advice=again)
    if not timedelta(0) <= elapsed(screening.at, now) <= SCREENING_HOLDS:
        return Refused("The screening is more than 24 hours old.", advice=again)
    if screening.stands_as not in MAY_ENROL:
        words = NOT_ALLOWED.get(screening.stands_as, "The screening does not allow it.")
        advice = "When the chart has been corrected or completed, screen the patient again."
        if screening.stands_as in OVERRIDABLE:
            advice += " Or a prescriber overrides the finding on the screening page, with a reason."
        return Refused(words, advice=advice)
    return None


def born(screening: StoredScreening | None) -> str:
    """The birth date as the chart has it; empty: not known."""
    return str(screening.person.get("birthDate") or "") if screening is not None else ""


def _outcome(screening: StoredScreening) -> str:
    """The status, and what was overridden to get past it."""
    overridden = ", ".join(sorted(override.rule for override in screening.overrides))
    return f"{screening.status}, overridden: {overridden}" if overridden else screening.status


def same_form(course: StoredCourse, values: Mapping[str, str], caller: Caller, programmes: Programmes) -> bool:
    """A second press of the button, not a second enrolment."""
    return (
        dict(course.enrolment) == kept_of(values, chosen(values, programmes))
        and course.enrolled_by == caller.clinician
    )


def kept_of(values: Mapping[str, str], definition: ProgrammeDefinition | None) -> dict[str, str]:
    """What of a form is kept with the course: all but the answer to questions of the moment."""
    names = {*FIELDS, *day_fields(definition)} - {"confirm"}
    return {name: values[name].strip() for name in sorted(names)}


def _after(uow: UnitOfWork, caller: Caller, definition: ProgrammeDefinition) -> tuple[Purpose, str | None]:
    """What a new plan is for. Doses that the patient takes at home after a course are its maintenance."""
    before = plan_before(plans_of(uow, caller))
    if definition.sessions is None and before is not None:
        return Purpose.MAINTENANCE, before.course.id
    return Purpose.COURSE, None


def new_course(
    values: Mapping[str, str],
    definition: ProgrammeDefinition,
    screening: StoredScreening,
    caller: Caller,
    now: datetime,
    course_id: str,
    after: tuple[Purpose, str | None],
) -> StoredCourse:
    """The plan that a form without problems makes. `after`: what it is for, and the course that it follows."""
    days = [day(values[name]) for name in day_fields(definition)]
    return StoredCourse(
        id=course_id,
        ehr=caller.ehr,
        fhir_base=caller.fhir_base,
        patient=caller.patient,
        route=definition.route,
        definition=definition.version,
        programme=definition,
        status=follow(COURSE_TABLE, CourseStatus.DRAFT, CourseEvent.ENROL),
        enrolled_at=now,
        enrolled_by=caller.clinician,
        start=days[0] if days else day(values["start"]),
        place=Place(values["place"]),
        planned=tuple(
            PlannedSession(number=number, day=planned, status=ActivityStatus.SCHEDULED)
            for number, planned in enumerate(days, start=1)
        ),
        screening=screening.id,
        conditions=tuple(f"{caller.fhir_base}/{reference}" for reference in screening.conditions),
        enrolment=kept_of(values, definition),
        purpose=after[0],
        follows=after[1],
        titration=_first_step(values, definition, caller, now),
    )


def _first_step(
    values: Mapping[str, str], definition: ProgrammeDefinition, caller: Caller, now: datetime
) -> tuple[TitrationStep, ...]:
    """Of doses that the patient takes alone: what the clinician entered, from the first day on."""
    if definition.sessions is not None:
        return ()
    calculated = dose_plan(values)
    mg = readable(amount, values["dose_mg"].strip()) or (calculated.result if calculated is not None else None)
    if mg is None:
        return ()
    step = TitrationStep(number=1, mg=mg, first=day(values["start"]), by=caller.clinician, at=now, reason="Enrolment")
    return (step,)


def weight_line(weight: Json | None, definition: ProgrammeDefinition, today: date) -> WeightLine | None:
    """The chart's weight, with its age; None: there is none that can be read."""
    weighed = readable(day, str(weight["date"])) if weight is not None else None
    if weight is None or weighed is None:
        return None
    days = (today - weighed).days
    return WeightLine(
        kilograms=str(weight["kg"]),
        day=weighed,
        days=days,
        words=f"{weight['kg']} kg on {day_words(weighed)} (EHR, {weight['reference']})",
        too_old=days > definition.weight_days,
    )


def _planned_days(
    values: Mapping[str, str], definition: ProgrammeDefinition | None, today: date
) -> tuple[PlannedDay, ...]:
    if definition is None:
        return ()
    return planned_days(days_typed(values, definition), definition, today)
