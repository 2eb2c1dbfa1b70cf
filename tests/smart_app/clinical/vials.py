"""Vials, people and postings for the ledger's tests: valid by default, one change a test."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.treatment import Clinician, Drug, Known, Role, SecondPerson
from smart_app.clinical.ledger import Act, Posting, Row, Vial, post
from smart_app.clinical.ledger_rules import Kept, LedgerRules

BASE = "https://ehr.example/fhir"
ZONE = timezone(timedelta(hours=-6))
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=ZONE)
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/dee", name="Dr Dee", role=Role.PRESCRIBER)
NURSE = Clinician(reference=f"{BASE}/Practitioner/nan", name="Nan Nurse", role=Role.NURSE)
COLLEAGUE = Clinician(reference=f"{BASE}/Practitioner/col", name="Col League", role=Role.NURSE)
RULES = LedgerRules()
# For tests of something else: no vial is asked for.
LEDGER_ELSEWHERE = LedgerRules(kept=Kept.ELSEWHERE, second_check=Known.NONE)


def a_vial(**changes: Any) -> Vial:
    """500 mg: 50 mg/mL, 10 mL."""
    values: dict[str, Any] = {
        "id": "vial-1",
        "ehr": "demo",
        "number": 1,
        "drug": Drug.KETAMINE,
        "product": "Ketamine hydrochloride injection",
        "lot": "K4411",
        "expiry": "2027-05",
        "concentration": Decimal(50),
        "volume": Decimal(10),
        "received": date(2026, 11, 1),
        "supplier": "Riverside Pharmacy",
    }
    return Vial(**(values | changes))


def a_witness(clinician: Clinician = COLLEAGUE) -> SecondPerson:
    return SecondPerson(name=clinician.name, known=Known.SIGNED_IN, reference=clinician.reference, at=NOON)


def a_posting(act: Act = Act.DOSE, **changes: Any) -> Posting:
    """A dose of 41 mg of which 9 mg more were drawn and destroyed before a colleague."""
    amounts: dict[Act, dict[str, Any]] = {
        Act.RECEIVED: {"received": Decimal(500)},
        Act.DOSE: {"administered": Decimal(41), "wasted": Decimal(9), "witness": a_witness(), "session": "session-1"},
        Act.WASTED: {
            "wasted": Decimal(450),
            "witness": a_witness(),
            "method": "Sharps bin",
            "reason": "Opened too long",
        },
        Act.COUNTED: {"counted": Decimal(500)},
    }
    values: dict[str, Any] = {
        "id": f"row-{act}",
        "vial": "vial-1",
        "act": act,
        "at": NOON,
        "entered": NOON,
        "by": NURSE,
        "entered_by": DOCTOR,
    }
    return Posting(**(values | amounts.get(act, {}) | changes))


def an_audit_record(at: datetime) -> AuditRecord:
    return AuditRecord(action="test:ledger:add", at=at)


def posted(*postings: Posting, vial: Vial | None = None, rules: LedgerRules = RULES) -> tuple[Row, ...]:
    """A vial's rows: received, then these."""
    held = vial or a_vial()
    rows: tuple[Row, ...] = ()
    received = a_posting(Act.RECEIVED, vial=held.id, received=held.milligrams, id=f"received-{held.id}")
    for posting in (received, *postings):
        rows = (*rows, post(held, rows, posting, rules))
    return rows
