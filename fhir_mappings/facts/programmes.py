"""The clinic's four programmes, as data: the one place to change a count, a window or a schedule.

Counts, days and fasting are the clinic's page; monitoring schedules, discharge criteria and the values at which
the form asks back are the working proposals of the clinical content (published ranges, not orders).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol

from fhir_mappings.facts.checklists import (
    BEFORE_INFUSION,
    BEFORE_INJECTION,
    BEFORE_SPRAY,
    BEFORE_TABLET,
    DISCHARGE,
)
from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.treatment import Route

VERSION = "1.0"

Programmes = Mapping[Route, ProgrammeDefinition]

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
            checks=BEFORE_INFUSION,
            discharge=DISCHARGE,
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
            checks=BEFORE_SPRAY,
            discharge=DISCHARGE,
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
            checks=BEFORE_INJECTION,
            discharge=DISCHARGE,
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
            checks=BEFORE_TABLET,
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


def boosters(programmes: Programmes) -> Programmes:
    """A single session by each route that is given in sessions, as its programme gives it; no window, no spacing."""
    return MappingProxyType(
        {
            route: replace(
                definition,
                title=f"{definition.title.partition(',')[0]}, a single booster session",
                sessions=1,
                days=None,
                planned_days=(0,),
            )
            for route, definition in programmes.items()
            if definition.sessions is not None
        }
    )


def programme_of(course: Following) -> ProgrammeDefinition:
    """The definition that a course was enrolled with; of an early course, which kept none, the shipped one."""
    return course.programme or PROGRAMMES[course.route]
