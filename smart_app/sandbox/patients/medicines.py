"""The medicines these patients take or took, as MedicationRequest and MedicationStatement (R4 11.1, 11.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smart_app.sandbox.patients.record import RXNORM, UCUM, Coding, Record, concept

SERTRALINE: Coding = (RXNORM, "36437", "sertraline")
VENLAFAXINE: Coding = (RXNORM, "39786", "venlafaxine")
ESCITALOPRAM: Coding = (RXNORM, "321988", "escitalopram")
BUPROPION: Coding = (RXNORM, "42347", "bupropion")
PHENELZINE: Coding = (RXNORM, "8123", "phenelzine")
LORAZEPAM: Coding = (RXNORM, "6470", "lorazepam")
LISINOPRIL: Coding = (RXNORM, "29046", "lisinopril")
SERTRALINE_100: Coding = (RXNORM, "312938", "sertraline 100 MG Oral Tablet")
VENLAFAXINE_150: Coding = (RXNORM, "313581", "24 HR venlafaxine 150 MG Extended Release Oral Capsule")
ESCITALOPRAM_20: Coding = (RXNORM, "351250", "escitalopram 20 MG Oral Tablet")
BUPROPION_300: Coding = (RXNORM, "993557", "24 HR bupropion hydrochloride 300 MG Extended Release Oral Tablet")
LISINOPRIL_10: Coding = (RXNORM, "314076", "lisinopril 10 MG Oral Tablet")

INEFFECTIVE = "Stopped: no response at an adequate dose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One medicine once a day; `stopped` None: still taken. Both are days before today."""

    drug: Coding | None  # None: written in words only
    milligrams: int
    started: int
    name: str = ""  # the words, where there is no coding
    stopped: int | None = None
    why_stopped: str | None = None


def prescribe(record: Record, course: Course) -> None:
    """The course as the EHR's prescription."""
    running = course.stopped is None
    body: dict[str, Any] = {
        "status": "active" if running else "stopped",
        "intent": "order",
        "medicationCodeableConcept": _medicine(course),
        "authoredOn": record.day(course.started),
        "requester": {"reference": "Practitioner/mira-holm", "display": "Dr Mira Holm"},
        "dosageInstruction": [_dosage(course)],
        "dispenseRequest": {"validityPeriod": _period(record, course)},
    }
    if course.why_stopped:
        body["statusReason"] = concept(course.why_stopped)
    record.add("MedicationRequest", body)


def report(record: Record, course: Course) -> None:
    """The course as the patient told it."""
    body: dict[str, Any] = {
        "status": "active" if course.stopped is None else "stopped",
        "medicationCodeableConcept": _medicine(course),
        "effectivePeriod": _period(record, course),
        "dateAsserted": record.day(30),
        "dosage": [_dosage(course)],
    }
    if course.why_stopped:
        body["statusReason"] = [concept(course.why_stopped)]
    record.add("MedicationStatement", body)


def _medicine(course: Course) -> dict[str, Any]:
    return concept(course.drug[2], course.drug) if course.drug is not None else concept(course.name)


def _period(record: Record, course: Course) -> dict[str, str]:
    period = {"start": record.day(course.started)}
    if course.stopped is not None:
        period["end"] = record.day(course.stopped)
    return period


def _dosage(course: Course) -> dict[str, Any]:
    dose = {"value": course.milligrams, "unit": "mg", "system": UCUM, "code": "mg"}
    return {
        "text": f"{course.milligrams} mg by mouth once a day",
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": dose}],
    }
