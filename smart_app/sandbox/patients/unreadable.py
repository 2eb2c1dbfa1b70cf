"""A patient whose condition list is longer than one page of this EHR."""

from __future__ import annotations

from smart_app.sandbox.patients.background import major_depression, usual
from smart_app.sandbox.patients.record import ICD10CM, Record

MINOR_COMPLAINTS = (
    ("J06.9", "Acute upper respiratory infection, unspecified"),
    ("L30.9", "Dermatitis, unspecified"),
    ("M54.50", "Low back pain, unspecified"),
    ("B07.9", "Viral wart, unspecified"),
)
VISITS = 60  # more than PAGE_SIZE of the gate, so that the list has a second page


def many_conditions(record: Record) -> None:
    major_depression(record)
    for visit in range(VISITS):
        code, name = MINOR_COMPLAINTS[visit % len(MINOR_COMPLAINTS)]
        ago = 400 + 60 * visit
        record.condition(
            name,
            (ICD10CM, code, name),
            onset=ago,
            abated=ago - 14,
            clinical="resolved",
            category="encounter-diagnosis",
        )
    usual(record)
