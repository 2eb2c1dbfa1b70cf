"""What every well-kept chart here holds beside the one thing its patient shows."""

from __future__ import annotations

from smart_app.sandbox.patients.medicines import (
    INEFFECTIVE,
    SERTRALINE,
    VENLAFAXINE_150,
    Course,
    prescribe,
    report,
)
from smart_app.sandbox.patients.record import ICD10CM, SNOMED, Coding, Record

NO_KNOWN_ALLERGY: Coding = (SNOMED, "716186003", "No known allergy")
PENICILLIN: Coding = (SNOMED, "91936005", "Allergy to penicillin")
MDD_ICD: Coding = (ICD10CM, "F33.2", "Major depressive disorder, recurrent severe without psychotic features")
MDD_SNOMED: Coding = (SNOMED, "36474008", "Severe recurrent major depression without psychotic features")
LAST_AGE_OF_PREGNANCY_TEST = 50


def major_depression(record: Record, *, onset: int = 420, verification: str = "confirmed") -> None:
    record.condition("Severe recurrent major depression", MDD_ICD, MDD_SNOMED, onset=onset, verification=verification)


def measured(record: Record, *, phq9: int = 19, weight: float = 74.5, height: int = 172) -> None:
    """Weight, height and PHQ-9 of the last weeks, and a pregnancy test where one is asked for."""
    record.weight(weight, 12)
    record.height(height, 300)
    record.phq9(phq9 + 1, 45)
    record.phq9(phq9, 6)
    patient = record.resources[0]
    age = record.today.year - int(patient["birthDate"][:4])
    if patient["gender"] == "female" and age <= LAST_AGE_OF_PREGNANCY_TEST + 1:
        record.pregnancy_test_negative(4)


def normal_blood_pressure(record: Record) -> None:
    for systolic, diastolic, ago in ((126, 80, 75), (122, 78, 40), (124, 76, 5)):
        record.blood_pressure(systolic, diastolic, ago)


def two_trials(record: Record) -> None:
    """Two antidepressants that failed at adequate doses: one prescribed here, one as the patient tells it."""
    prescribe(record, Course(drug=SERTRALINE, milligrams=150, started=400, stopped=280, why_stopped=INEFFECTIVE))
    report(record, Course(drug=VENLAFAXINE_150, milligrams=150, started=270, stopped=60, why_stopped=INEFFECTIVE))


def no_known_allergy(record: Record) -> None:
    record.allergy("No known allergy", NO_KNOWN_ALLERGY)


def usual(record: Record, *, blood_pressure: bool = True) -> None:
    """Everything but the diagnosis."""
    if blood_pressure:
        normal_blood_pressure(record)
    measured(record)
    two_trials(record)
    no_known_allergy(record)
