"""The clinic's four programmes, as data: the one place to change a count, a window, a schedule or a checklist.

Counts, days and fasting are the clinic's page; monitoring schedules, discharge criteria and the values at which
the form asks back are the working proposals of the clinical content (published ranges, not orders).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from fhir_mappings.facts.programme import CheckItem, ProgrammeDefinition
from fhir_mappings.facts.treatment import Route

VERSION = "1.0"

Programmes = Mapping[Route, ProgrammeDefinition]

_BEFORE = (
    CheckItem(key="identity", text="Identity confirmed by two identifiers", not_applicable=False, stops=True),
    CheckItem(key="consent", text="Consent is current, off-label use explained", not_applicable=False, stops=True),
    CheckItem(key="fasting", text="Fasted as the programme asks (solids and fluids)"),
    CheckItem(key="escort", text="A responsible adult stays during and after", not_applicable=False),
    CheckItem(key="pregnancy", text="Pregnancy excluded or not applicable"),
    CheckItem(
        key="interval",
        text="No new psychosis, mania or urinary symptoms since the last visit",
        not_applicable=False,
    ),
    CheckItem(key="suicidality", text="Suicidality asked about today", not_applicable=False),
    CheckItem(key="medicines", text="Medicines and allergies checked again", not_applicable=False),
    CheckItem(key="equipment", text="Monitor, oxygen and rescue kit at hand", not_applicable=False, stops=True),
)
_IV_ACCESS = (CheckItem(key="access", text="Intravenous line is patent", not_applicable=False, stops=True),)

_DISCHARGE = (
    CheckItem(key="time", text="Observed for the planned time since the dose", not_applicable=False),
    CheckItem(key="pressure", text="Blood pressure back near baseline or below 140/100", not_applicable=False),
    CheckItem(key="saturation", text="Oxygen saturation at baseline", not_applicable=False),
    CheckItem(key="alert", text="Alert and orientated (MOAA/S 5)", not_applicable=False),
    CheckItem(key="dissociation", text="No remaining dissociation", not_applicable=False),
    CheckItem(key="gait", text="Walks unaided", not_applicable=False),
    CheckItem(key="fluids", text="Tolerates fluids", not_applicable=True),
    CheckItem(key="safety", text="No new suicidal thoughts", not_applicable=False),
    CheckItem(key="escorted", text="Leaves with, or stays with, a responsible adult", not_applicable=False),
    CheckItem(key="advice", text="Written advice given: no driving until the day after sleep", not_applicable=False),
)

PROGRAMMES: Programmes = MappingProxyType(
    {
        Route.IV: ProgrammeDefinition(
            route=Route.IV,
            version=VERSION,
            title="Intravenous, 6 sessions in 2 to 3 weeks",
            sessions=6,
            days=(14, 21),
            planned_days=(0, 3, 7, 10, 14, 17),
            fasting_hours=6,
            fluids_hours=2,
            monitoring_minutes=(0, 10, 20, 30, 40, 55, 70, 85, 100, 115, 120),
            observation_minutes=120,
            dose_mg_per_kg=Decimal("0.5"),
            warn_mg_per_kg=Decimal(1),
            warn_mg=Decimal(200),
            infusion_minutes=40,
            warn_infusion_minutes=30,
            checks=_BEFORE + _IV_ACCESS,
            discharge=_DISCHARGE,
        ),
        Route.IN: ProgrammeDefinition(
            route=Route.IN,
            version=VERSION,
            title="Intranasal, 8 sessions in 3 to 4 weeks",
            sessions=8,
            days=(21, 28),
            planned_days=(0, 3, 7, 10, 14, 17, 21, 24),
            fasting_hours=6,
            fluids_hours=2,
            monitoring_minutes=(0, 40, 60, 90, 120),
            observation_minutes=120,
            dose_mg_per_kg=None,
            warn_mg_per_kg=None,
            warn_mg=Decimal(200),
            infusion_minutes=None,
            warn_infusion_minutes=None,
            checks=_BEFORE,
            discharge=_DISCHARGE,
        ),
        Route.IM: ProgrammeDefinition(
            route=Route.IM,
            version=VERSION,
            title="Intramuscular, 8 sessions in 3 to 4 weeks",
            sessions=8,
            days=(21, 28),
            planned_days=(0, 3, 7, 10, 14, 17, 21, 24),
            fasting_hours=6,
            fluids_hours=2,
            monitoring_minutes=(0, 5, 15, 30, 45, 60, 90, 120),
            observation_minutes=120,
            dose_mg_per_kg=Decimal("0.5"),
            warn_mg_per_kg=Decimal(1),
            warn_mg=Decimal(200),
            infusion_minutes=None,
            warn_infusion_minutes=None,
            checks=_BEFORE,
            discharge=_DISCHARGE,
        ),
        Route.SL: ProgrammeDefinition(
            route=Route.SL,
            version=VERSION,
            title="Sublingual, daily and open-ended",
            sessions=None,
            days=None,
            planned_days=(),
            fasting_hours=None,
            monitoring_minutes=(),
            observation_minutes=0,
            dose_mg_per_kg=None,
            warn_mg_per_kg=None,
            warn_mg=Decimal(200),
            infusion_minutes=None,
            warn_infusion_minutes=None,
            checks=(),
            discharge=(),
        ),
    }
)


class Following(Protocol):
    """A course, as far as it says which programme it follows."""

    @property
    def route(self) -> Route: ...
    @property
    def programme(self) -> ProgrammeDefinition | None: ...


def programme_of(course: Following) -> ProgrammeDefinition:
    """The definition that a course was enrolled with; of an early course, which kept none, the shipped one."""
    return course.programme or PROGRAMMES[course.route]
