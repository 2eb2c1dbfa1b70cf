"""Enrol a screened patient into one of the programmes, or withdraw the enrolment before session 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.treatment import Route
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Json, StoredCourse, StoredScreening
from smart_app.use_cases.site import Site

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
    "monitoring",  # "yes": the planned monitoring is accepted
    "consent_signed_on",
    "consent",  # "paper", or the reference of a document
    "escort",
    "emergency_name",
    "emergency_phone",
    "acknowledgement",  # asked when the screening says needs-review
    "confirm",  # "yes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """The weight that the screening found. `days` is its age; `words` names its source."""

    kilograms: str
    day: date
    days: int
    words: str  # "82.0 kg on 20 Nov 2026 (EHR, Observation/1)"
    too_old: bool  # older than 30 days: weigh again


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """One line of the planned dates table. `value` is as typed, else the proposal."""

    number: int
    field: str  # "day.1"
    value: str  # YYYY-MM-DD
    day: date | None  # None: not readable
    weekend: bool
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentView:
    """The enrolment form. `fields` holds a value for every field; `problems` only once values were given."""

    screening: StoredScreening | None
    person: Json
    allowed: bool
    why_not: str
    advice: str
    needs_acknowledgement: bool
    definitions: tuple[ProgrammeDefinition, ...]
    route: Route | None
    fields: Mapping[str, str]
    weight: WeightLine | None
    planned: tuple[PlannedDay, ...]
    dose_words: str  # "0.5 mg/kg × 82.0 kg = 41 mg", or ""
    problems: Problems
    open_course: StoredCourse | None  # the patient's course, where there is one


def enrolment_view(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str] | None = None
) -> EnrolmentView:
    """The form with its defaults, or with the values typed so far and what is wrong with them."""
    raise NotImplementedError


def enrol(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredCourse:
    """Refused (with problems by field) or the course. The same form sent twice gives the same course."""
    raise NotImplementedError


def withdraw(
    work: Work, clock: Clock, caller: Caller, reason: str, ids: Callable[[], str], site: Site
) -> StoredCourse:
    """End the open course before session 1, with a reason."""
    raise NotImplementedError
