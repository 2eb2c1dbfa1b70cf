"""Builders of sessions and courses, valid by default: one change per test."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fhir_mappings.facts.goals import Achievement, Aim, CourseGoal
from fhir_mappings.facts.programme import ActivityStatus, CourseNote, CourseStatus, PlannedSession, TreatmentCourse
from fhir_mappings.facts.treatment import (
    AdverseEvent,
    Answer,
    Check,
    Clinician,
    Dose,
    Draw,
    InfusionChange,
    InfusionEvent,
    KetamineSession,
    Known,
    Moment,
    Place,
    Reading,
    Rescue,
    Role,
    Route,
    SecondPerson,
    SessionStatus,
    Severity,
    Signature,
    TimedNote,
    Weighing,
)
from fhir_mappings.writing.instance import Instance

EHR = "http://127.0.0.1:8400/fhir"
ZONE = timezone(timedelta(hours=-5))
DOCTOR = Clinician(
    reference=f"{EHR}/Practitioner/doctor",
    name="Dr Ada Okafor",
    role=Role.PRESCRIBER,
    organization="Organization/riverside",
)
NURSE = Clinician(
    reference=f"{EHR}/Practitioner/nurse",
    name="Ben Iyer",
    role=Role.NURSE,
    organization=f"{EHR}/Organization/riverside",
)


def at(hour: int, minute: int = 0, day: int = 20) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def a_moment(hour: int, minute: int = 0) -> Moment:
    return Moment(at=at(hour, minute), entered=at(hour, minute))


def an_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def a_dose(**changes: Any) -> Dose:
    dose = Dose(
        id=an_id(2),
        route=Route.IV,
        planned_mg=Decimal("41.0"),
        given_mg=Decimal("41.0"),
        started=a_moment(14, 0),
        given_by=NURSE,
        ended=a_moment(14, 40),
    )
    return replace(dose, **changes)


def a_reading(number: int, **changes: Any) -> Reading:
    reading = Reading(
        id=an_id(number),
        measured=a_moment(13, 50),
        by=NURSE,
        systolic=Decimal(118),
        diastolic=Decimal(76),
        heart_rate=Decimal(72),
        oxygen_saturation=Decimal(98),
        respiratory_rate=Decimal(14),
        baseline=True,
    )
    return replace(reading, **changes)


def a_session(**changes: Any) -> KetamineSession:
    """A session with no more than it needs."""
    route = changes.get("route", Route.IV)
    session = KetamineSession(
        id=an_id(1),
        course=an_id(9),
        number=3,
        of=6,
        route=route,
        patient=f"{EHR}/Patient/p1",
        place=Place.CLINIC,
        status=SessionStatus.COMPLETED,
        checks=(),
        dose=a_dose(route=route),
        readings=(a_reading(3),),
        events=(),
        notes=(),
        discharge=(),
        started=at(14),
        ended=at(16),
        signature=Signature(by=DOCTOR, at=at(16, 5), meaning="authorship"),
    )
    return replace(session, **changes)


def a_dose_from_vials(**changes: Any) -> Dose:
    """41.10 mg out of two vials of the ledger, 8.90 mg destroyed before a colleague who was signed in."""
    values: dict[str, Any] = {
        "given_mg": Decimal("41.10"),
        "wasted_mg": Decimal("8.90"),
        "draws": (
            a_draw(1, "30.00", "0"),
            a_draw(2, "11.10", "8.90", manufacturer="Example Pharma", ndc="12345-678-90"),
        ),
        "checked_by": SecondPerson(name="Tom Reyes", known=Known.NAMED),
        "witness": SecondPerson(name=DOCTOR.name, known=Known.SIGNED_IN, reference=DOCTOR.reference, at=at(15)),
        "wasted_by": NURSE,
        "waste_method": "Into a charcoal pouch",
    }
    return a_dose(**(values | changes))


def a_draw(number: int, given: str, wasted: str, **changes: Any) -> Draw:
    values: dict[str, Any] = {
        "vial": an_id(20 + number),
        "number": number,
        "lot": f"KET-{number}",
        "expiry": "2027-03",
        "concentration_mg_per_ml": Decimal(50),
        "given_mg": Decimal(given),
        "wasted_mg": Decimal(wasted),
        "product": "Ketamine hydrochloride injection",
    }
    return Draw(**(values | changes))


def a_full_session(**changes: Any) -> KetamineSession:
    """A session in which everything that can be recorded was."""
    full: dict[str, Any] = {
        "place": Place.HOME,
        "checks": (
            Check(key="identity", text="Identity confirmed", answer=Answer.YES, by=NURSE, at=at(13, 40)),
            Check(
                key="pregnancy",
                text="Pregnancy excluded",
                answer=Answer.NOT_APPLICABLE,
                by=NURSE,
                at=at(13, 41),
                note="not asked",
            ),
        ),
        "dose": a_dose(
            route=changes.get("route", Route.IV),
            planned_mg=Decimal("45.10"),
            given_mg=Decimal("41.10"),
            mg_per_kg=Decimal("0.50"),
            weighing=Weighing(kilograms=Decimal("82.2"), day=date(2026, 11, 19), source="EHR, Observation/123"),
            concentration_mg_per_ml=Decimal(50),
            volume_ml=Decimal("0.822"),
            lot="KET-1234",
            expiry="2027-03",
            body_site="left deltoid",
            wasted_mg=Decimal("8.90"),
            second_person="Cleo Marsh",
            completed=False,
            started=Moment(at=at(14), entered=at(15), late=True),
        ),
        "readings": (
            a_reading(3),
            a_reading(
                4,
                measured=Moment(at=at(14, 10), entered=at(15, 2), late=True),
                systolic=Decimal("131.50"),
                baseline=False,
                sedation=4,
                dissociation=2,
            ),
            a_reading(5, struck="typed twice", struck_by=NURSE, systolic=Decimal(300)),
            a_reading(6, diastolic=None, heart_rate=None, oxygen_saturation=None, respiratory_rate=None),
        ),
        "events": (
            AdverseEvent(
                id=an_id(7),
                code="422587007",
                text="Nausea",
                severity=Severity.MILD,
                onset=a_moment(14, 20),
                by=NURSE,
                action="ondansetron",
                resolved=at(14, 50),
            ),
            AdverseEvent(
                id=an_id(8),
                code=None,
                text="Floating feeling",
                severity=Severity.MODERATE,
                onset=a_moment(14, 25),
                by=DOCTOR,
            ),
        ),
        "notes": (TimedNote(at=at(14, 30), by=DOCTOR, text="Calm, eyes closed; <music> & mask."),),
        "discharge": (
            Check(key="advice", text="Written advice given", answer=Answer.YES, by=NURSE, at=at(16)),
            Check(key="gait", text="Walks unaided", answer=Answer.YES, by=NURSE, at=at(16)),
        ),
        "status": SessionStatus.STOPPED,
        "reason": "blood pressure rose",
        "recorders": (NURSE, DOCTOR),
        "encounter": f"{EHR}/Encounter/e1",
        "conditions": (f"{EHR}/Condition/c1",),
        "escort": "sister",
    }
    return a_session(**(full | changes))


def an_eventful_session(**changes: Any) -> KetamineSession:
    """A session with a paused infusion and two rescue medicines."""
    eventful: dict[str, Any] = {
        "dose": a_dose(minutes_running=35),
        "infusion": (
            InfusionEvent(id=an_id(10), change=InfusionChange.PAUSED, at=a_moment(14, 15), by=NURSE),
            InfusionEvent(id=an_id(11), change=InfusionChange.RESUMED, at=a_moment(14, 20), by=NURSE),
            InfusionEvent(
                id=an_id(12),
                change=InfusionChange.RATE,
                at=a_moment(14, 25),
                by=NURSE,
                rate=Decimal("60.0"),
                unit="mL/h",
            ),
        ),
        "rescues": (
            Rescue(
                id=an_id(13),
                code="6185",
                text="Labetalol",
                amount=Decimal("10.0"),
                unit="mg",
                route="Intravenous",
                given=a_moment(14, 35),
                by=NURSE,
                reason="blood pressure",
                effect="128/80",
                effect_at=at(14, 45),
            ),
            Rescue(
                id=an_id(14),
                code=None,
                text="Oxygen",
                amount=Decimal(2),
                unit="L/min",
                route="Inhaled",
                given=Moment(at=at(14, 36), entered=at(15), late=True),
                by=DOCTOR,
            ),
        ),
    }
    return a_session(**(eventful | changes))


def a_missed_session(**changes: Any) -> KetamineSession:
    missed = {"status": SessionStatus.NOT_DONE, "dose": None, "readings": (), "reason": "patient unwell"}
    return a_session(**(missed | changes))


def a_course(**changes: Any) -> TreatmentCourse:
    course = TreatmentCourse(
        id=an_id(9),
        ehr="sandbox",
        patient=f"{EHR}/Patient/p1",
        route=Route.IV,
        version="1.0",
        status=CourseStatus.ACTIVE,
        enrolled_at=at(9, day=10),
        enrolled_by=DOCTOR,
        start=date(2026, 11, 12),
        place=Place.CLINIC,
        planned=(
            PlannedSession(number=1, day=date(2026, 11, 12), status=ActivityStatus.COMPLETED, session=an_id(11)),
            PlannedSession(number=2, day=date(2026, 11, 16), status=ActivityStatus.SCHEDULED, note="moved by a day"),
            PlannedSession(number=3, day=None, status=ActivityStatus.NOT_STARTED),
        ),
        counted=1,
        missed=0,
        conditions=(f"{EHR}/Condition/c1",),
        screening=an_id(10),
        notes=(CourseNote(at=at(9, 30, day=11), author=DOCTOR, text="Consent <signed> & filed"),),
    )
    return replace(course, **changes)


GOALS = (
    CourseGoal(
        aim=Aim.RESPONSE,
        scale="phq9",
        words="PHQ-9 20 → 8 (−60 %): response. Not remission (4 or less). Last score 20 Nov 2026.",
        at_most=10,
        achievement=Achievement.ACHIEVED,
        since=date(2026, 11, 20),
    ),
    CourseGoal(
        aim=Aim.REMISSION,
        scale="phq9",
        words="PHQ-9 20 → 8 (−60 %): response. Not remission (4 or less). Last score 20 Nov 2026.",
        at_most=4,
        achievement=Achievement.IMPROVING,
        since=date(2026, 11, 20),
    ),
)
NOT_JUDGED = (
    CourseGoal(aim=Aim.RESPONSE, scale="madrs", words="Cannot be judged: No MADRS in the record yet."),
    CourseGoal(aim=Aim.REMISSION, scale="madrs", words="Cannot be judged: No MADRS in the record yet.", at_most=10),
)
INSTANCE = Instance(base_url="https://app.example", version="0.1.0")
