"""The table of patients: who they are, what each one shows, and what a screening should say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from smart_app.sandbox.patients import blood_pressures, diagnoses, unreadable
from smart_app.sandbox.patients.record import Record

STATUSES = ("candidate", "needs-review", "insufficient-data", "no-indication", "hold", "contraindicated")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPatient:
    """`expected` is one of STATUSES. `write` adds everything but the Patient resource."""

    slug: str
    given: str
    family: str
    gender: str
    age: int
    shows: str
    expected: str
    write: Callable[[Record], None]

    def id(self, generation: int) -> str:
        return f"{self.given.lower()}-{generation}"


def _rows() -> tuple[SyntheticPatient, ...]:
    d, b, u = diagnoses, blood_pressures, unreadable
    rows: tuple[tuple[str, str, str, str, int, str, str, Callable[[Record], None]], ...] = (
        (
            "two-failed-trials", "Ada", "Larsen", "female", 42, "candidate",
            "Severe recurrent major depression; sertraline and venlafaxine failed at adequate doses.",
            d.two_failed_trials,
        ),
        (
            "five-sessions", "Ben", "Whitfield", "male", 51, "candidate",
            "Severe recurrent major depression; the demo records the first five IV sessions of his course.",
            d.five_sessions,
        ),
        (
            "schizophrenia-resolved", "Carla", "Mendes", "female", 57, "contraindicated",
            "Schizophrenia noted resolved twelve years ago still excludes ketamine for life.",
            d.schizophrenia_resolved,
        ),
        (
            "schizophrenia-entered-in-error", "Daniel", "Osei", "male", 38, "candidate",
            "A schizophrenia entry that was entered in error must not count.",
            d.schizophrenia_entered_in_error,
        ),
        (
            "bp-just-below", "Edith", "Kramer", "female", 63, "candidate",
            "Blood pressure 139/99: both numbers just below 140/100, so treatment may go ahead.",
            b.just_below,
        ),
        (
            "bp-systolic-at-limit", "Farid", "Haddad", "male", 47, "hold",
            "Blood pressure 140/80: the systolic number is not below 140.",
            b.systolic_at_limit,
        ),
        (
            "bp-diastolic-at-limit", "Greta", "Lindqvist", "female", 55, "hold",
            "Blood pressure 120/100: the diastolic number alone is not below 100.",
            b.diastolic_at_limit,
        ),
        (
            "bp-old-high-then-normal", "Hugo", "Brandt", "male", 60, "candidate",
            "One high blood pressure two months ago, normal since.",
            b.old_high_then_normal,
        ),
        (
            "bp-too-old", "Ines", "Rocha", "female", 33, "insufficient-data",
            "No blood pressure for more than six months; the old one proves nothing today.",
            b.too_old,
        ),
        (
            "mania-two-weeks-ago", "Jonas", "Petrov", "male", 29, "hold",
            "Bipolar depression with a manic episode that ended two weeks ago.",
            d.mania_two_weeks_ago,
        ),
        (
            "interstitial-cystitis", "Katrin", "Vogel", "female", 45, "contraindicated",
            "Major depression with active interstitial cystitis.",
            d.interstitial_cystitis,
        ),
        (
            "old-intracranial-bleed", "Liam", "Doyle", "male", 66, "contraindicated",
            "Major depression; a cerebral haemorrhage nine years ago excludes ketamine for life.",
            d.old_intracranial_bleed,
        ),
        (
            "medications-refused", "Maya", "Sharma", "female", 39, "insufficient-data",
            "The EHR refuses her medication list (403), so nothing can be cleared.",
            d.two_failed_trials,
        ),
        (
            "postpartum-depression", "Nora", "Fitzgerald", "female", 31, "candidate",
            "Postpartum depression that began four months ago; the pregnancy test is negative.",
            d.postpartum_depression,
        ),
        (
            "teenager", "Oskar", "Nowak", "male", 15, "needs-review",
            "Fifteen years old: a specialist and a guardian have to agree first.",
            d.teenager,
        ),
        (
            "diagnosis-in-text-only", "Paula", "Jimenez", "female", 52, "needs-review",
            "The depression is written in words without a code, so a clinician has to confirm it.",
            d.diagnosis_in_text_only,
        ),
        (
            "ketamine-anaphylaxis", "Quentin", "Moreau", "male", 44, "contraindicated",
            "Anaphylaxis to ketamine on the allergy list.",
            d.ketamine_anaphylaxis,
        ),
        (
            "no-depression", "Rosa", "Bianchi", "female", 58, "no-indication",
            "Knee pain and nothing else on the problem list: no indication.",
            d.no_depression,
        ),
        (
            "provisional-depression", "Samuel", "Adeyemi", "male", 35, "needs-review",
            "Major depression recorded as provisional, not yet confirmed.",
            d.provisional_depression,
        ),
        (
            "conditions-page-two-fails", "Tessa", "Novak", "female", 61, "insufficient-data",
            "The second page of her condition list fails (500), so an exclusion may be hiding there.",
            u.many_conditions,
        ),
        (
            "bp-without-unit", "Umar", "Siddiqui", "male", 50, "insufficient-data",
            "The newest blood pressure came without a unit; an older, good one does not stand in for it.",
            b.without_unit,
        ),
        (
            "thoughts-of-death", "Vera", "Nilsson", "female", 36, "candidate",
            "Her last PHQ-9 answered the question about death: an alert above everything else.",
            d.thoughts_of_death,
        ),
        (
            "maoi-and-uncoded-medicine", "Walter", "Kowalski", "male", 54, "needs-review",
            "Phenelzine asks for review, lorazepam for caution; a third medicine is written in words only.",
            d.maoi_and_uncoded_medicine,
        ),
        (
            "chart-protected", "Xenia", "Papadakis", "female", 48, "insufficient-data",
            "Her conditions are protected: somebody has to break the glass, so an exclusion may be hiding there.",
            d.two_failed_trials,
        ),
    )  # fmt: skip
    return tuple(
        SyntheticPatient(
            slug=slug, given=given, family=family, gender=gender, age=age, expected=expected, shows=shows, write=write
        )
        for slug, given, family, gender, age, expected, shows, write in rows
    )


PATIENTS = _rows()


def resources_of(patient: SyntheticPatient, *, generation: int, today: date) -> list[dict[str, Any]]:
    """The whole chart, the Patient first."""
    record = Record(patient=patient.id(generation), today=today)
    number = f"RK-{100 + PATIENTS.index(patient)}-{generation}"
    record.person(given=patient.given, family=patient.family, gender=patient.gender, age=patient.age, mrn=number)
    patient.write(record)
    return record.resources
