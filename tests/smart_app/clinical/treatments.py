"""Readings, sessions and courses for the rules of treatment: valid by default, one change a test."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fhir_mappings.facts.programme import CourseStatus, PlannedSession
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import (
    Clinician,
    Dose,
    KetamineSession,
    Moment,
    Place,
    Reading,
    Role,
    Route,
    SessionStatus,
    Signature,
)
from smart_app.use_cases.records import StoredCourse

BASE = "https://ehr.example/fhir"
WEST = timezone(timedelta(hours=-6))
START = date(2026, 11, 2)
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/d", name="Dr Dee", role=Role.PRESCRIBER)


def at(hhmm: str, day: date = START) -> datetime:
    hours, minutes = hhmm.split(":")
    return datetime(day.year, day.month, day.day, int(hours), int(minutes), tzinfo=WEST)


def a_reading(pressure: str = "128/78", hhmm: str = "14:00", **changes: Any) -> Reading:
    systolic, _, diastolic = pressure.partition("/")
    moment = at(hhmm)
    values: dict[str, Any] = {
        "id": f"reading-{hhmm}",
        "measured": Moment(at=moment, entered=moment),
        "by": DOCTOR,
        "systolic": Decimal(systolic) if systolic else None,
        "diastolic": Decimal(diastolic) if diastolic else None,
    }
    return Reading(**(values | changes))


def a_session(number: int, day_offset: int, **changes: Any) -> KetamineSession:
    """A completed session of 41 of 41 mg; `planned`, `given` and `hour` are for the dose."""
    route = changes.pop("route", Route.IV)
    planned, given = Decimal(changes.pop("planned", "41")), Decimal(changes.pop("given", "41"))
    begun = at(changes.pop("hour", "14:00"), START + timedelta(days=day_offset))
    dose = Dose(
        id=f"dose-{number}-{day_offset}",
        route=changes.pop("dose_route", route),
        planned_mg=planned,
        given_mg=given,
        started=Moment(at=begun, entered=begun),
        given_by=DOCTOR,
        completed=changes.pop("dose_completed", True),
    )
    values: dict[str, Any] = {
        "id": f"session-{number}-{day_offset}",
        "course": "course-1",
        "number": number,
        "of": PROGRAMMES[route].sessions,
        "route": route,
        "patient": f"{BASE}/Patient/ada",
        "place": Place.CLINIC,
        "status": SessionStatus.COMPLETED,
        "checks": (),
        "dose": dose,
        "readings": (),
        "events": (),
        "notes": (),
        "discharge": (),
        "started": begun,
        "ended": begun + timedelta(hours=2),
        "signature": Signature(by=DOCTOR, at=begun + timedelta(hours=3), meaning="authorship"),
    }
    return KetamineSession(**(values | changes))


def a_course(route: Route = Route.IV, **changes: Any) -> StoredCourse:
    offsets = PROGRAMMES[route].planned_days
    values: dict[str, Any] = {
        "id": "course-1",
        "ehr": "demo",
        "fhir_base": BASE,
        "patient": f"{BASE}/Patient/ada",
        "route": route,
        "definition": "1.0",
        "status": CourseStatus.ACTIVE,
        "enrolled_at": at("09:00"),
        "enrolled_by": DOCTOR,
        "start": START,
        "place": Place.CLINIC,
        "planned": tuple(
            PlannedSession(number=number, day=START + timedelta(days=offset))
            for number, offset in enumerate(offsets, start=1)
        ),
        "screening": "screening-1",
        "conditions": (f"{BASE}/Condition/1",),
        "enrolment": {},
    }
    return StoredCourse(**(values | changes))
