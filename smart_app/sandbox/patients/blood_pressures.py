"""Patients with major depression whose point is the blood pressure."""

from __future__ import annotations

from smart_app.sandbox.patients.background import major_depression, usual
from smart_app.sandbox.patients.medicines import LISINOPRIL, LISINOPRIL_10, Course, prescribe
from smart_app.sandbox.patients.record import ICD10CM, SNOMED, Record

HYPERTENSION = (
    (ICD10CM, "I10", "Essential (primary) hypertension"),
    (SNOMED, "59621000", "Essential hypertension"),
)


def just_below(record: Record) -> None:
    _depressed(record, (132, 88, 40), (139, 99, 5))
    record.condition("Essential hypertension", *HYPERTENSION, onset=2000)
    prescribe(record, Course(drug=LISINOPRIL_10, milligrams=10, started=1500))


def systolic_at_limit(record: Record) -> None:
    _depressed(record, (134, 78, 40), (140, 80, 5))


def diastolic_at_limit(record: Record) -> None:
    _depressed(record, (118, 90, 40), (120, 100, 5))


def old_high_then_normal(record: Record) -> None:
    _depressed(record, (158, 98, 62), (128, 82, 30), (126, 80, 5))
    prescribe(record, Course(drug=LISINOPRIL, milligrams=10, started=61))


def too_old(record: Record) -> None:
    _depressed(record, (124, 78, 260), (122, 76, 200))


def without_unit(record: Record) -> None:
    _depressed(record, (126, 80, 20))
    record.blood_pressure(124, 78, 3, unit=None)


def _depressed(record: Record, *readings: tuple[int, int, int]) -> None:
    major_depression(record)
    for systolic, diastolic, ago in readings:
        record.blood_pressure(systolic, diastolic, ago)
    usual(record, blood_pressure=False)
