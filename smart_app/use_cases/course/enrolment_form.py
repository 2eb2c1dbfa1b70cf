"""The enrolment form: its defaults, and what is wrong with what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.programmes import Programmes
from fhir_mappings.facts.treatment import Place, Route
from smart_app.clinical import dosing
from smart_app.clinical.entry import NotUsable, amount, day, readable
from smart_app.clinical.planned_days import AHEAD_DAYS, PAST_DAYS, day_field, day_problems, planned_days
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import Json

POSSIBLE_KG = (Decimal(20), Decimal(350))

ADULT_YEARS = 18  # below it the guardian consents too

# The form's fields beside day.1 .. day.N; `confirm` answers every question that begins with "Check:".
FIELDS = (
    "route",
    "start",
    "place",
    "address_confirmed",  # "yes", asked for home visits
    "weight_kg",
    "weight_date",
    "dose_mg_per_kg",
    "dose_mg",
    "dose_ceiling_mg",  # a dose per kilogram is planned up to this
    "monitoring",  # "yes": the planned monitoring is accepted
    "consent_signed_on",
    "consent",  # "paper", or the reference of a document
    "off_label",  # "yes": the off-label use was explained
    "guardian",  # asked for patients under ADULT_YEARS: name and relation
    "guardian_signed_on",
    "clinicians",  # who treats beside the prescriber who enrols
    "escort",
    "emergency_name",
    "emergency_phone",
    "emergency_relation",
    "acknowledgement",  # asked when the screening says needs-review
    "confirm",  # "yes"
)

OF_ROUTE = ("day.", "dose_")  # proposed anew for another route or start


def for_route(fields: Mapping[str, str], route: Route) -> Mapping[str, str]:
    """The form with this route chosen: what was proposed for another one is given up."""
    if route_of(fields) is route:
        return fields
    return {name: text for name, text in fields.items() if not name.startswith(OF_ROUTE)} | {"route": route.value}


def route_of(fields: Mapping[str, str]) -> Route | None:
    try:
        return Route(fields.get("route", ""))
    except ValueError:
        return None


def day_fields(definition: ProgrammeDefinition | None) -> tuple[str, ...]:
    """The fields of the planned dates; none before a route is chosen, and none for an open-ended programme."""
    if definition is None:
        return ()
    return tuple(day_field(number) for number in range(1, len(definition.planned_days) + 1))


def days_typed(fields: Mapping[str, str], definition: ProgrammeDefinition) -> dict[int, str]:
    """Session number -> planned date as typed."""
    return {number: fields.get(name, "") for number, name in enumerate(day_fields(definition), start=1)}


def chosen(fields: Mapping[str, str], programmes: Programmes) -> ProgrammeDefinition | None:
    """The programme of the route that was chosen; None: none was."""
    route = route_of(fields)
    return programmes[route] if route is not None else None


def with_defaults(
    typed: Mapping[str, str], weight: Json | None, today: date, programmes: Programmes
) -> dict[str, str]:
    """A value for every field: as typed, else what the route, the start and the chart's weight propose."""
    definition = chosen(typed, programmes)
    proposed = dict.fromkeys(FIELDS, "") | {"start": today.isoformat(), "place": Place.CLINIC.value}
    if weight is not None:
        proposed |= {"weight_kg": str(weight["kg"]), "weight_date": str(weight["date"])}
    if definition is not None:
        proposed |= _route_defaults(definition, typed.get("start", "") or today.isoformat())
    known = {*FIELDS, *day_fields(definition)}
    return proposed | {name: value for name, value in typed.items() if name in known}


def _route_defaults(definition: ProgrammeDefinition, start: str) -> dict[str, str]:
    proposed: dict[str, str] = {}
    if definition.dose_mg_per_kg is not None:
        proposed["dose_mg_per_kg"] = str(definition.dose_mg_per_kg)
    if definition.route is Route.SL:
        proposed["place"] = Place.HOME.value
    first = readable(day, start)
    if first is not None:
        for number, offset in enumerate(definition.planned_days, start=1):
            proposed[day_field(number)] = (first + timedelta(days=offset)).isoformat()
    return proposed


@dataclass(slots=True)
class Form:
    """The values of one form on their way to an enrolment; problems are collected by field."""

    fields: Mapping[str, str]
    today: date
    charted: str = ""  # the chart's weight in kg
    problems: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    def need(self, name: str, words: str) -> str:
        """The text of a field that must not be empty."""
        text = self.text(name)
        if not text:
            self.problems.setdefault(name, words)
        return text

    def day(self, name: str) -> date | None:
        try:
            return day(self.text(name)) if self.text(name) else None
        except NotUsable as error:
            self.problems.setdefault(name, str(error))
            return None

    def amount(self, name: str) -> Decimal | None:
        try:
            return amount(self.text(name)) if self.text(name) else None
        except NotUsable as error:
            self.problems.setdefault(name, str(error))
            return None

    def ask(self, name: str, words: str) -> None:
        """A question, which `confirm` answers."""
        if words and self.text("confirm") != "yes":
            self.problems.setdefault(name, words)


def problems(
    fields: Mapping[str, str],
    today: date,
    programmes: Programmes,
    *,
    acknowledge: bool,
    guardian: bool,
    weight: Json | None = None,
) -> dict[str, str]:
    """What keeps the form from being accepted, by field.

    `acknowledge`: the screening asks for a reason. `guardian`: the guardian's consent is needed too.
    `weight`: the chart's, against which another is asked back; None: it holds none.
    """
    form = Form(fields=fields, today=today, charted=str(weight["kg"]) if weight is not None else "")
    definition = chosen(fields, programmes)
    if definition is None:
        form.problems["route"] = "Choose a route."
    else:
        _check_days(form, definition)
        _check_dose(form, definition)
        if definition.monitoring_minutes:
            form.need("escort", "Name the adult who stays during and after the sessions.")
            if form.text("monitoring") != "yes":
                form.problems["monitoring"] = "Accept the monitoring plan."
    _check_place(form)
    _check_consent(form, guardian=guardian)
    form.need("emergency_name", "Name an emergency contact.")
    form.need("emergency_phone", "Enter the emergency contact's telephone number.")
    form.need("emergency_relation", "Say what the emergency contact is to the patient.")
    if acknowledge and not says_enough(form.text("acknowledgement")):
        form.problems["acknowledgement"] = (
            f"Say in {REASON_LENGTH} characters or more why treatment is right although review is asked for."
        )
    return form.problems


def _check_days(form: Form, definition: ProgrammeDefinition) -> None:
    if definition.planned_days:
        table = planned_days(days_typed(form.fields, definition), definition, form.today)
        form.problems |= day_problems(table, form.today)
        return
    form.need("start", "Enter the start date.")
    start = form.day("start")
    if start is not None and start < form.today - timedelta(days=PAST_DAYS):
        form.problems.setdefault("start", f"This is more than {PAST_DAYS} days ago.")
    if start is not None and start > form.today + timedelta(days=AHEAD_DAYS):
        form.problems.setdefault("start", f"This is more than {AHEAD_DAYS} days ahead.")


def dose_plan(fields: Mapping[str, str]) -> dosing.Sum | None:
    """The planned dose from weight and dose per kilogram, up to its ceiling; None while a factor is missing.

    A weight that no adult or child of a programme has is no factor: a sum of it would look like a dose.
    """
    weight = readable(amount, fields.get("weight_kg", "").strip())
    possible = weight is not None and POSSIBLE_KG[0] <= weight <= POSSIBLE_KG[1]
    calculated = dosing.dose(readable(amount, fields.get("dose_mg_per_kg", "").strip()), weight if possible else None)
    return dosing.up_to(calculated, readable(amount, fields.get("dose_ceiling_mg", "").strip()))


def needs_guardian(birth_date: str, today: date) -> bool:
    """Whether the patient may be under age: a birth date that is partial or not known does not make an adult."""
    parts = birth_date.split("-")
    try:
        year, month, day_ = (int(parts[0]), *(int(part) for part in parts[1:]), 12, 31)[:3]
    except ValueError:
        return True
    return (today.year - year) - ((today.month, today.day) < (month, day_)) < ADULT_YEARS


def _check_dose(form: Form, definition: ProgrammeDefinition) -> None:
    by_weight, fixed = form.amount("dose_mg_per_kg"), form.amount("dose_mg")
    by_weight_route = definition.warn_mg_per_kg is not None
    typed_both = bool(form.text("dose_mg_per_kg") and form.text("dose_mg"))
    where = "dose_mg_per_kg" if by_weight_route else "dose_mg"
    if typed_both:
        form.problems.setdefault(where, "Enter the dose per kilogram or in milligrams, not both.")
    elif by_weight is None and fixed is None:
        form.problems.setdefault(where, "Enter the planned dose.")
    for name, value in (("dose_mg_per_kg", by_weight), ("dose_mg", fixed)):
        if value == 0:
            form.problems.setdefault(name, "Enter an amount over 0.")
    weight, weighed = _check_weight(form, definition, required=by_weight_route or by_weight is not None)
    planned_sum = dose_plan(form.fields)
    planned = planned_sum.result if fixed is None and planned_sum is not None else fixed
    if form.amount("dose_ceiling_mg") == 0:
        form.problems.setdefault("dose_ceiling_mg", "Enter an amount over 0.")
    charted = readable(amount, form.charted)
    amounts = dosing.Amounts(
        mg_per_kg=by_weight, kilograms=weight, weighed=weighed, known_kilograms=charted, planned_mg=planned
    )
    asked = dosing.warnings(amounts, definition, on=form.today)
    form.ask("weight_kg", asked.get("dose.weight_kg", ""))
    form.ask("dose_mg_per_kg", asked.get("dose.planned_mg_per_kg", ""))
    form.ask("dose_mg" if fixed else "dose_mg_per_kg", asked.get("dose.planned_mg", ""))


def _check_weight(
    form: Form, definition: ProgrammeDefinition, *, required: bool
) -> tuple[Decimal | None, date | None]:
    """Fresh it is taken, older it is asked back, too old it is refused: the programme says from when."""
    if required:
        form.need("weight_kg", "Enter the weight in kilograms.")
    weight = form.amount("weight_kg")
    if weight is None:
        return None, None
    form.need("weight_date", "Enter the day of weighing.")
    weighed = form.day("weight_date")
    if not POSSIBLE_KG[0] <= weight <= POSSIBLE_KG[1]:
        form.problems.setdefault("weight_kg", f"Enter a weight from {POSSIBLE_KG[0]} to {POSSIBLE_KG[1]} kg.")
    if weighed is None:
        return weight, None
    days = (form.today - weighed).days
    if days < 0:
        form.problems.setdefault("weight_date", "This day has not come yet.")
    elif days > definition.weight_days_at_most:
        form.problems.setdefault("weight_date", f"Weighed {days} days ago. Weigh again.")
    elif days > definition.weight_days:
        form.ask("weight_date", f"Check: weighed {days} days ago. Weigh again, or keep this weight. Is it right?")
    return weight, weighed


def _check_place(form: Form) -> None:
    if form.text("place") not in {place.value for place in Place}:
        form.problems["place"] = "Choose clinic or home visit."
    elif form.text("place") == Place.HOME.value and form.text("address_confirmed") != "yes":
        form.problems["address_confirmed"] = "Confirm the address with the patient."


def _check_consent(form: Form, *, guardian: bool) -> None:
    if form.text("off_label") != "yes":
        form.problems["off_label"] = "Explain the off-label use to the patient, then tick this."
    if guardian:
        form.need("guardian", "Name the guardian who consents, and what they are to the patient.")
        form.need("guardian_signed_on", "Enter the day on which the guardian signed.")
        theirs = form.day("guardian_signed_on")
        if theirs is not None and theirs > form.today:
            form.problems.setdefault("guardian_signed_on", "This day has not come yet.")
    form.need("consent", "Say where the consent is: on paper, or the reference of a document.")
    form.need("consent_signed_on", "Enter the day on which the consent was signed.")
    signed = form.day("consent_signed_on")
    if signed is not None and signed > form.today:
        form.problems.setdefault("consent_signed_on", "This day has not come yet.")
