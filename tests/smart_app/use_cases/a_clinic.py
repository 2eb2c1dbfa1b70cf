"""A clinic in memory: a clock to move, a patient with a chart, a doctor, a nurse, and the usual steps of a course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.treatment import Clinician, Role, Route
from smart_app.use_cases.course.enrol import enrol
from smart_app.use_cases.records import (
    Caller,
    MessageKind,
    OutboxMessage,
    StoredCourse,
    StoredScreening,
    StoredSession,
)
from smart_app.use_cases.session.record_session import open_session, save_fields
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.signing.sign_session import sign
from smart_app.use_cases.site import Site
from tests.answers import before_answers, discharge_answers
from tests.fakes import FakeWork
from tests.smart_app.clinical.vials import LEDGER_ELSEWHERE

BASE = "https://ehr.example/fhir"
ZONE = ZoneInfo("America/Chicago")
MONDAY = date(2026, 11, 2)
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/dee", name="Dr Dee", role=Role.PRESCRIBER)
NURSE = Clinician(reference=f"{BASE}/Practitioner/nan", name="Nan Nurse", role=Role.NURSE)
OTHERS = {
    Role.AUDITOR: Clinician(reference=f"{BASE}/Practitioner/aud", name="Al Auditor", role=Role.AUDITOR),
    Role.NONE: Clinician(reference=f"{BASE}/Practitioner/non", name="No Role", role=Role.NONE),
}

ENROLMENT = {
    "route": "IV",
    "start": MONDAY.isoformat(),
    "place": "clinic",
    "weight_kg": "82.0",
    "weight_date": "2026-10-30",
    "dose_mg_per_kg": "0.5",
    "monitoring": "yes",
    "consent_signed_on": "2026-10-30",
    "consent": "paper",
    "escort": "Sam Sister",
    "emergency_name": "Bo Brother",
    "emergency_phone": "555 0100",
    "emergency_relation": "Brother",
    "off_label": "yes",
}


def a_caller(clinician: Clinician = DOCTOR, **changes: Any) -> Caller:
    values: dict[str, Any] = {
        "launch": "launch-1",
        "ehr": "demo",
        "fhir_base": BASE,
        "patient_id": "ada",
        "clinician": clinician,
        "may_write": True,
        "encounter": "visit-1",
    }
    return Caller(**(values | changes))


DEE = a_caller()
NAN = a_caller(NURSE, launch="launch-2")
BENS_DOCTOR = a_caller(patient_id="ben", launch="launch-3")


@dataclass
class Clinic:
    """`now` is moved by `at`; every use case is called with the parts of this clinic."""

    work: FakeWork = field(default_factory=FakeWork)
    now: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=ZONE)

    def __post_init__(self) -> None:
        numbers = count(1)
        self.ids = lambda: str(UUID(int=next(numbers)))
        self.site = Site(base_url="https://clinic.example", version="0.1.0", ledger=LEDGER_ELSEWHERE)

    def clock(self) -> datetime:
        return self.now

    def at(self, hhmm: str, day: date | None = None) -> None:
        hours, minutes = hhmm.split(":")
        on = day or self.now.date()
        self.now = datetime(on.year, on.month, on.day, int(hours), int(minutes), 20, tzinfo=ZONE)

    # What is there

    def screened(self, status: str = "candidate", **changes: Any) -> StoredScreening:
        values: dict[str, Any] = {
            "id": self.ids(),
            "launch": "launch-1",
            "ehr": "demo",
            "patient": f"{BASE}/Patient/ada",
            "at": self.now - timedelta(minutes=10),
            "by": DOCTOR,
            "status": status,
            "rules_version": "1.0",
            "result": {"status": status},
            "read": (),
            "conditions": ("Condition/mdd",),
            "person": {"family": "Test", "given": "Ada", "birthDate": "1986-03-04"},
            "weight": {"kg": "82.0", "date": "2026-10-30", "reference": "Observation/w1"},
            "baseline_scores": ({"total": 21, "date": "2026-10-30", "reference": "Observation/phq", "item9": 1},),
        }
        screening = StoredScreening(**(values | changes))
        with self.work() as uow:
            uow.screenings.add(screening)
            uow.audit.add(AuditRecord(action="test:screening:add", at=self.now))
            uow.commit()
        return screening

    def enrolled(self, fields: Mapping[str, str] | None = None, **changes: str) -> StoredCourse:
        self.screened()
        return enrol(self.work, self.clock, DEE, dict(fields or ENROLMENT) | changes, self.ids, self.site)

    # A session from opening to signature

    def opened(self, caller: Caller = NAN, held: str = "") -> StoredSession:
        self.screened_today()
        return open_session(self.work, self.clock, caller, self.ids, self.site, held)

    def screened_today(self) -> None:
        """As each launch does before anything else."""
        latest = next(reversed(self.work.kept.screenings.values()), None)
        if latest is None or latest.day != self.now.date():
            self.screened()

    def read(self, session: StoredSession, pressure: str, caller: Caller = NAN, **fields: str) -> StoredSession:
        systolic, diastolic = pressure.split("/")
        typed = {"systolic": systolic, "diastolic": diastolic, "heart_rate": "72", "oxygen_saturation": "98"} | fields
        return add_entry(self.work, self.clock, caller, session.id, "reading", self.ids(), typed)

    def save(self, session: StoredSession, fields: Mapping[str, str], caller: Caller = NAN) -> StoredSession:
        return save_fields(self.work, self.clock, caller, session.id, fields)

    def recorded(self, day: date | None = None, **changes: str) -> StoredSession:
        """A session of 41 mg from 14:10 to 14:50, discharged at 16:10 and ready to sign at 16:20."""
        self.at("13:55", day)
        session = self.opened()
        self.read(session, "130/80", baseline="yes", respiratory_rate="14")
        self.at("14:00")
        self.read(session, "128/78", baseline="yes")
        self.save(session, before_fields(self.course.route))
        self.at("14:10")
        self.save(session, DOSE_FIELDS)
        self.at("14:20")
        self.read(session, "138/86")
        self.at("16:12")
        self.save(session, discharge_fields(self.course.route) | changes)
        self.at("16:20")
        return self.session(session.id)

    def signed(self, day: date | None = None, **changes: str) -> StoredSession:
        session = self.recorded(day, **changes)
        return self.sign(session)

    def sign(self, session: StoredSession, caller: Caller = DEE, **fields: str) -> StoredSession:
        return sign(self.work, self.clock, caller, session.id, {"attest": "yes"} | fields, self.ids, self.site)

    # What is kept

    @property
    def course(self) -> StoredCourse:
        return next(reversed(self.work.kept.courses.values()))

    def session(self, session_id: str) -> StoredSession:
        return self.work.kept.sessions[session_id]

    @property
    def messages(self) -> list[OutboxMessage]:
        return [queued.message for queued in self.work.kept.queue.values()]

    @property
    def kinds(self) -> list[MessageKind]:
        return [message.kind for message in self.messages]

    @property
    def trail(self) -> list[AuditRecord]:
        return self.work.kept.audit

    @property
    def refusals(self) -> list[str]:
        return [record.action for record in self.trail if record.outcome is AuditOutcome.REFUSED]

    def settle(self, message: OutboxMessage, **changes: Any) -> None:
        """Change a message as its delivery would."""
        queued = self.work.kept.queue[message.id]
        self.work.kept.queue[message.id] = replace(queued, message=replace(queued.message, **changes))


def before_fields(route: Route) -> dict[str, str]:
    return before_answers(route)


def discharge_fields(route: Route) -> dict[str, str]:
    return discharge_answers(route) | {"discharge.ended": "16:10"}


DOSE_FIELDS = {
    "dose.given_mg": "41",
    "dose.started": "14:10",
    "dose.ended": "14:50",
    "dose.concentration": "50",
    "dose.volume_ml": "0.82",
    "dose.lot": "L-77",
    "dose.expiry": "2027-03",
    "dose.wasted_mg": "0",
}
