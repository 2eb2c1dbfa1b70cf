"""Records to store, valid by default; a test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.clinical import (
    Area,
    BloodPressure,
    ClinicalStatus,
    Code,
    Diagnosis,
    Gap,
    LabValue,
    MedicationUse,
    PartialDate,
    PatientFacts,
    Person,
    Resolution,
    Score,
    Verification,
)
from fhir_mappings.facts.outcome_rules import OutcomeRules
from fhir_mappings.facts.programme import ActivityStatus, CourseStatus, PlannedSession
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import (
    Answer,
    Check,
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
from launch.context import FhirContextItem, LaunchContext, PendingLaunch, TokenSet
from smart_app.use_cases.records import (
    Caller,
    DecisionKind,
    Entry,
    MessageItem,
    MessageKind,
    OutboxMessage,
    OutcomeDecision,
    ScreeningInputs,
    StoredAnswer,
    StoredCourse,
    StoredOverride,
    StoredScore,
    StoredScreening,
    StoredSession,
)

BASE = "https://ehr.test/fhir"
ADA = f"{BASE}/Patient/ada"
BEN = f"{BASE}/Patient/ben"
WEST = timezone(timedelta(hours=-5))
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=WEST)
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/d", name="Dr Dee", role=Role.PRESCRIBER, organization="Clinic")


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_caller(**changes: Any) -> Caller:
    fields: dict[str, Any] = {
        "launch": "launch-1",
        "ehr": "demo",
        "fhir_base": BASE,
        "patient_id": "ada",
        "clinician": DOCTOR,
        "may_write": True,
    }
    return Caller(**{**fields, **changes})


def a_screening(**changes: Any) -> StoredScreening:
    fields: dict[str, Any] = {
        "id": "screening-1",
        "launch": "launch-1",
        "ehr": "demo",
        "patient": ADA,
        "at": NOON,
        "by": DOCTOR,
        "status": "candidate",
        "rules_version": "1",
        "result": {"status": "candidate", "findings": [{"id": "INC-1", "met": True}], "count": 3},
        "read": ("Patient/ada/_history/1",),
        "conditions": ("Condition/c1",),
        "person": {"family": "Lovelace", "given": "Ada", "allergies": ["none known"]},
        "weight": {"kg": "82.0", "date": "2026-11-20", "reference": "Observation/1"},
    }
    return StoredScreening(**{**fields, **changes})


def some_facts() -> PatientFacts:
    """One fact of every kind, with amounts and dates that a careless store would bend."""
    day = PartialDate(text="2026-11", first=date(2026, 11, 1), last=date(2026, 11, 30))
    instant = PartialDate(text=NOON.isoformat(), first=NOON.date(), last=NOON.date(), instant=NOON)
    return PatientFacts(
        person=Person(reference="Patient/ada", birth_date=day, gender="female"),
        diagnoses=(
            Diagnosis(
                reference="Condition/c1",
                label="Depression",
                codes=(Code(system="http://snomed.info/sct", code="36474008"),),
                sets=frozenset({"indication-mdd-current", "hypertension"}),
                status=ClinicalStatus.ACTIVE,
                verification=Verification.CONFIRMED,
                onset=day,
            ),
        ),
        blood_pressures=(
            BloodPressure(references=("Observation/1",), when=instant, systolic=Decimal("128.0"), diastolic=None),
        ),
        scores=(Score(reference="Observation/2", name="phq9-total", when=instant, value=Decimal(21)),),
        labs=(LabValue(reference="Observation/3", name="alt", when=None, value=Decimal("41.50"), unit="U/L"),),
        medications=(
            MedicationUse(
                reference="MedicationRequest/1",
                label="Sertraline",
                ingredients=frozenset({"sertraline"}),
                resolution=Resolution.PRODUCT,
                daily_mg=(("sertraline", Decimal("150.0")),),
                start=day,
            ),
        ),
        gaps=(Gap(area=Area.ALLERGY, reference="", reason="the EHR refused it (403)", fetch_failed=True),),
        read=("Condition/c1/_history/2",),
    )


def some_inputs(**changes: Any) -> ScreeningInputs:
    fields: dict[str, Any] = {
        "id": "inputs-1",
        "ehr": "demo",
        "patient": ADA,
        "at": NOON,
        "facts": some_facts(),
        "not_offered": ("MedicationStatement",),
    }
    return ScreeningInputs(**{**fields, **changes})


def an_answer(**changes: Any) -> StoredAnswer:
    fields: dict[str, Any] = {
        "id": "answer-1",
        "ehr": "demo",
        "patient": ADA,
        "question": "ABS-IC",
        "said": "no",
        "at": NOON,
        "by": DOCTOR,
        "days": 180,
    }
    return StoredAnswer(**{**fields, **changes})


def an_override(**changes: Any) -> StoredOverride:
    fields: dict[str, Any] = {
        "id": "override-1",
        "ehr": "demo",
        "patient": ADA,
        "screening": "screening-1",
        "rule": "ABS-SCZ",
        "effect": "contraindicated",
        "title": "Is schizophrenia on record?",
        "evidence": ({"reference": "Condition/c2", "date": "2014", "text": "Schizophrenia"},),
        "reason": "diagnosis was revised",
        "at": NOON,
        "by": DOCTOR,
    }
    return StoredOverride(**{**fields, **changes})


def a_course(**changes: Any) -> StoredCourse:
    fields: dict[str, Any] = {
        "id": "course-1",
        "ehr": "demo",
        "fhir_base": BASE,
        "patient": ADA,
        "route": Route.IV,
        "definition": "1.0",
        "status": CourseStatus.ACTIVE,
        "enrolled_at": NOON,
        "enrolled_by": DOCTOR,
        "start": date(2026, 11, 24),
        "place": Place.CLINIC,
        "planned": (PlannedSession(number=1, day=date(2026, 11, 24), status=ActivityStatus.SCHEDULED),),
        "screening": "screening-1",
        "conditions": (f"{BASE}/Condition/c1",),
        "enrolment": {"weight": "82.0", "dose_plan": "41.00"},
        "programme": replace(PROGRAMMES[Route.IV], outcomes=OutcomeRules(relapse_total=8, follow_up_weeks=(2, 4, 8))),
    }
    return StoredCourse(**{**fields, **changes})


def a_session(**changes: Any) -> StoredSession:
    fields: dict[str, Any] = {
        "id": "session-1",
        "course": "course-1",
        "ehr": "demo",
        "patient": ADA,
        "number": 1,
        "status": SessionStatus.IN_PROGRESS,
        "opened": NOON,
        "opened_by": DOCTOR,
        "dose": "dose-1",
        "fields": {"dose.given_mg": "41.00"},
        "entries": (
            Entry(
                id="entry-1",
                kind="reading",
                at=NOON,
                entered=later(60),
                late=False,
                by=DOCTOR,
                fields={"systolic": "128"},
            ),
        ),
        "authors": (DOCTOR,),
    }
    return StoredSession(**{**fields, **changes})


def a_signed_session() -> KetamineSession:
    return KetamineSession(
        id="session-1",
        course="course-1",
        number=1,
        of=6,
        route=Route.IV,
        patient=ADA,
        place=Place.CLINIC,
        status=SessionStatus.COMPLETED,
        checks=(Check(key="identity", text="Identity confirmed", answer=Answer.YES, by=DOCTOR, at=NOON),),
        dose=Dose(
            id="dose-1",
            route=Route.IV,
            planned_mg=Decimal("41.00"),
            given_mg=Decimal("41.0"),
            mg_per_kg=Decimal("0.50"),
            started=Moment(at=NOON, entered=NOON),
            given_by=DOCTOR,
        ),
        readings=(Reading(id="reading-1", measured=Moment(at=NOON, entered=NOON), by=DOCTOR, systolic=Decimal(128)),),
        events=(),
        notes=(),
        discharge=(),
        started=NOON,
        ended=later(7200),
        signature=Signature(by=DOCTOR, at=later(7300), meaning="authorship"),
    )


def a_score(**changes: Any) -> StoredScore:
    fields: dict[str, Any] = {
        "id": "score-1",
        "course": "course-1",
        "ehr": "demo",
        "patient": ADA,
        "scale": "phq9",
        "total": 21,
        "item9": 1,
        "day": date(2026, 11, 23),
        "at": NOON,
        "by": DOCTOR,
    }
    return StoredScore(**{**fields, **changes})


def a_decision(**changes: Any) -> OutcomeDecision:
    fields: dict[str, Any] = {
        "id": "decision-1",
        "ehr": "demo",
        "patient": ADA,
        "kind": DecisionKind.STRIKE,
        "about": "score-1",
        "day": date(2026, 11, 23),
        "reason": "Of another patient.",
        "at": NOON,
        "by": DOCTOR,
    }
    return OutcomeDecision(**{**fields, **changes})


def a_message(**changes: Any) -> OutboxMessage:
    fields: dict[str, Any] = {
        "id": "message-1",
        "kind": MessageKind.SEND_SESSION,
        "ehr": "demo",
        "fhir_base": BASE,
        "patient": ADA,
        "launch": "launch-1",
        "course": "course-1",
        "session": "session-1",
        "items": (
            MessageItem(resource_type="Procedure", system="urn:sid/session", value="s-1", label="Session", body="{}"),
            MessageItem(resource_type="Observation", system="urn:sid/reading", value="r-1", label="BP", body="{}"),
        ),
        "created": NOON,
        "due": NOON,
    }
    return OutboxMessage(**{**fields, **changes})


def an_audit(**changes: Any) -> AuditRecord:
    fields: dict[str, Any] = {
        "action": "clinician:session:sign",
        "at": NOON,
        "ehr": "demo",
        "launch": "launch-1",
        "actor": DOCTOR.reference,
        "patient": ADA,
        "entities": ("Procedure/1",),
    }
    return AuditRecord(**{**fields, **changes})


def a_pending_launch(**changes: Any) -> PendingLaunch:
    fields: dict[str, Any] = {
        "id": "launch-1",
        "ehr": "demo",
        "iss": BASE,
        "state_digest": "ab" * 32,
        "browser_digest": "cd" * 32,
        "verifier": "the-code-verifier-of-this-launch",
        "nonce": "the-nonce",
        "redirect_uri": "http://localhost:8500/callback/demo",
        "created": NOON,
        "expires": later(600),
    }
    return PendingLaunch(**{**fields, **changes})


def a_launch(**changes: Any) -> LaunchContext:
    fields: dict[str, Any] = {
        "id": "launch-1",
        "ehr": "demo",
        "fhir_base": BASE,
        "patient": "ada",
        "encounter": "e1",
        "fhir_user": DOCTOR.reference,
        "user_name": "Dr Dee",
        "subject": "dee",
        "token_issuer": "https://ehr.test",
        "scope": "launch patient/*.rs",
        "need_patient_banner": True,
        "intent": None,
        "tenant": None,
        "style_url": None,
        "started": NOON,
        "expires": later(43200),
        "fhir_context": (FhirContextItem(reference="ImagingStudy/1"),),
    }
    return LaunchContext(**{**fields, **changes})


def some_tokens(**changes: Any) -> TokenSet:
    fields: dict[str, Any] = {
        "access_token": "ACCESS-CANARY-4711",
        "refresh_token": "REFRESH-CANARY-4711",
        "expires_at": 1_800_000_000,
        "scope": "launch patient/*.rs",
    }
    return TokenSet(**{**fields, **changes})
