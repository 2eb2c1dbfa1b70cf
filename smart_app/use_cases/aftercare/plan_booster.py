"""Plan a single booster session: its conditions, a reason where one is not met, and its own care plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from fhir_mappings.facts.programme import CourseNote, ProgrammeDefinition
from fhir_mappings.facts.programmes import Programmes, boosters
from fhir_mappings.facts.treatment import Purpose, Route
from smart_app.clinical.booster import Condition, barred, unmet
from smart_app.clinical.entry import day, readable
from smart_app.clinical.planned_days import day_field
from smart_app.clinical.programme import day_words
from smart_app.use_cases.access import audited, refuse, require_prescriber, retried
from smart_app.use_cases.aftercare.maintenance import MaintenanceView, conditions_on, maintenance_within
from smart_app.use_cases.course.course_messages import care_plan_message
from smart_app.use_cases.course.enrol import WeightLine, born, new_course, same_form, weight_line
from smart_app.use_cases.course.enrolment_form import chosen, dose_plan, needs_guardian, problems, with_defaults
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import Caller, MessageKind, StoredCourse, StoredScreening
from smart_app.use_cases.site import Site

DAY = day_field(1)
# Taken over from the enrolment of the course, to be looked at again.
_AGAIN = (
    "place",
    "dose_mg_per_kg",
    "dose_mg",
    "dose_ceiling_mg",
    "consent_signed_on",
    "consent",
    "guardian",
    "guardian_signed_on",
    "clinicians",
    "escort",
    "emergency_name",
    "emergency_phone",
    "emergency_relation",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterView:
    """The short form of a booster. `fields` holds a value for every field, `conditions` are for its day."""

    maintenance: MaintenanceView
    conditions: tuple[Condition, ...]
    why_not: str  # what no reason can take the place of, or why this caller may not; empty: it can be planned
    definitions: tuple[ProgrammeDefinition, ...]
    definition: ProgrammeDefinition | None
    fields: Mapping[str, str]
    weight: WeightLine | None
    dose_words: str
    needs_acknowledgement: bool
    needs_guardian: bool
    asks_reason: bool  # a condition is not met, or not known


def booster_view(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], site: Site, *, again: bool = False
) -> BoosterView:
    """`fields` as typed so far. `again`: another route was chosen, so its dose is proposed anew."""
    now = clock()
    with work() as uow:
        screening = uow.screenings.latest(caller.patient)
        view = maintenance_within(uow, caller, now, site)
        values = _values(fields, view.course, screening, now.date(), boosters(site.programmes), again=again)
        found = _on_its_day(view, values, site)
        entities = (f"course/{found.course.id}",) if found.course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:maintenance:read", *entities))
        uow.commit()
    return _view(found, values, screening, now, site)


def _view(
    found: MaintenanceView, values: Mapping[str, str], screening: StoredScreening | None, now: datetime, site: Site
) -> BoosterView:
    programmes = boosters(site.programmes)
    definition = chosen(values, programmes)
    calculated = dose_plan(values)
    weight = screening.weight if screening is not None else None
    return BoosterView(
        maintenance=found,
        conditions=found.conditions,
        why_not=_why_not(found),
        definitions=tuple(programmes.values()),
        definition=definition,
        fields=values,
        weight=weight_line(weight, definition or next(iter(programmes.values())), now.date()),
        dose_words=calculated.words if calculated is not None else "",
        needs_acknowledgement=screening is not None and screening.stands_as == "needs-review",
        needs_guardian=needs_guardian(born(screening), now.date()),
        asks_reason=any(each.overridable for each in unmet(found.conditions)),
    )


def _why_not(found: MaintenanceView) -> str:
    if found.course is None:
        return "There is no course that a booster could follow. Enrol the patient first."
    if found.running is not None:
        return "A plan is running already. Go on with it, or end it before a booster is planned."
    if not found.may_plan:
        return "Only a prescriber plans a booster, where the EHR lets this app write."
    return " ".join(f"{each.words}: {each.state}. {each.todo}" for each in barred(found.conditions))


@retried
def plan_booster(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredCourse:
    """fields: as of an enrolment, with one day, and `override`, the reason where a condition is not met.

    Refused, by field. The same form sent twice gives the same plan. Nothing is planned by itself.
    """
    now, action = clock(), "clinician:booster:plan"
    programmes = boosters(site.programmes)
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        screening = uow.screenings.latest(caller.patient)
        view = maintenance_within(uow, caller, now, site)
        values = _values(fields, view.course, screening, now.date(), programmes, again=False)
        running = view.running
        if (
            running is not None
            and running.purpose is Purpose.BOOSTER
            and same_form(running, values, caller, programmes)
        ):
            return running
        found = _on_its_day(view, values, site)
        why_not = _why_not(found)
        if why_not or screening is None or found.course is None:
            refuse(uow, caller, now, action, Refused("The booster cannot be planned.", advice=why_not))
        reason = fields.get("override", "").strip()
        wrong = _problems(values, reason, found, screening, now.date(), programmes)
        if wrong:
            raise Refused("Some of the form needs another look.", problems=wrong)
        return _planned(uow, values, reason, found, found.course, screening, caller, now, ids, site)


def _planned(
    uow: UnitOfWork,
    values: Mapping[str, str],
    reason: str,
    found: MaintenanceView,
    course: StoredCourse,
    screening: StoredScreening,
    caller: Caller,
    now: datetime,
    ids: Callable[[], str],
    site: Site,
) -> StoredCourse:
    definition = boosters(site.programmes)[Route(values["route"])]
    made = new_course(values, definition, screening, caller, now, ids(), (Purpose.BOOSTER, course.id))
    missing = [each for each in unmet(found.conditions) if each.overridable]
    notes = [f"Booster after the course from {day_words(course.start)}. {_told(found.conditions)}"]
    if missing:
        notes.append(f"Planned although {_named(missing)}: {reason}")
    made = replace(made, notes=tuple(CourseNote(at=now, author=caller.clinician, text=text) for text in notes))
    uow.courses.add(made)
    uow.messages.add(care_plan_message(MessageKind.CREATE_CARE_PLAN, made, caller, now, ids(), site))
    entities = f"course/{made.id}", f"course/{course.id}", f"screening/{screening.id}"
    if missing:
        keys = ", ".join(f"{each.key} {each.state}" for each in missing)
        uow.audit.add(audited(caller, now, "clinician:booster:override", *entities, detail=keys))
    uow.audit.add(audited(caller, now, "clinician:booster:plan", *entities, detail=f"{made.route} booster"))
    uow.commit()
    return made


def _told(conditions: Sequence[Condition]) -> str:
    return " ".join(f"{each.words}: {each.state}." for each in conditions)


def _named(conditions: Sequence[Condition]) -> str:
    return "; ".join(f"{each.words[:1].lower()}{each.words[1:]} ({each.state})" for each in conditions)


def _problems(
    values: Mapping[str, str],
    reason: str,
    found: MaintenanceView,
    screening: StoredScreening,
    today: date,
    programmes: Programmes,
) -> dict[str, str]:
    acknowledge, guardian = screening.stands_as == "needs-review", needs_guardian(born(screening), today)
    wrong: Problems = problems(
        values, today, programmes, acknowledge=acknowledge, guardian=guardian, weight=screening.weight
    )
    on = readable(day, values.get(DAY, "").strip())
    if on is not None and on < today:
        wrong = {**wrong, DAY: "Plan the booster for today or a later day."}
    if any(each.overridable for each in unmet(found.conditions)) and not says_enough(reason):
        words = (
            f"A condition is not met. Say why a booster is right all the same ({REASON_LENGTH} characters or more)."
        )
        wrong = {**wrong, "override": words}
    return dict(wrong)


def _on_its_day(view: MaintenanceView, values: Mapping[str, str], site: Site) -> MaintenanceView:
    today = view.now.date()
    return replace(view, conditions=conditions_on(view.known, _day(values, today), today, site))


def _day(values: Mapping[str, str], today: date) -> date:
    """As planned; while no day can be read, or it is over, today."""
    return max(readable(day, values.get(DAY, "").strip()) or today, today)


def _values(
    fields: Mapping[str, str],
    course: StoredCourse | None,
    screening: StoredScreening | None,
    today: date,
    programmes: Programmes,
    *,
    again: bool,
) -> dict[str, str]:
    """As typed; else what the course was enrolled with, the route's own proposals and the chart's weight."""
    typed = {name: text for name, text in fields.items() if name != "route" or text in programmes}
    before = dict(course.enrolment) if course is not None and course.route in programmes else {}
    if not typed and course is not None and before:
        typed = {"route": course.route.value} | {name: before.get(name, "") for name in _AGAIN}
    elif again:
        typed = {name: text for name, text in typed.items() if not name.startswith("dose_")}
    weight = screening.weight if screening is not None else None
    return with_defaults(typed, weight, today, programmes)
