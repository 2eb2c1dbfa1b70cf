"""Patients whose point is a diagnosis, an allergy, an age or their history of treatment."""

from __future__ import annotations

from smart_app.sandbox.patients.background import (
    MDD_SNOMED,
    PENICILLIN,
    major_depression,
    measured,
    no_known_allergy,
    normal_blood_pressure,
    two_trials,
    usual,
)
from smart_app.sandbox.patients.medicines import (
    BUPROPION_300,
    ESCITALOPRAM,
    ESCITALOPRAM_20,
    INEFFECTIVE,
    LORAZEPAM,
    PHENELZINE,
    SERTRALINE_100,
    Course,
    prescribe,
    report,
)
from smart_app.sandbox.patients.record import ICD10CM, LOINC, RXNORM, SNOMED, Record

SCHIZOPHRENIA = ((ICD10CM, "F20.9", "Schizophrenia, unspecified"), (SNOMED, "58214004", "Schizophrenia"))


def two_failed_trials(record: Record) -> None:
    major_depression(record)
    usual(record)
    prescribe(record, Course(drug=BUPROPION_300, milligrams=300, started=50))
    record.visit_today()


def five_sessions(record: Record) -> None:
    major_depression(record, onset=500)
    normal_blood_pressure(record)
    record.weight(82.0, 17)
    record.height(181, 300)
    record.phq9(21, 17)
    record.phq9(17, 9)
    two_trials(record)
    prescribe(record, Course(drug=ESCITALOPRAM_20, milligrams=20, started=55))
    record.allergy("Penicillin", PENICILLIN, criticality="low")
    record.visit_today()


def schizophrenia_resolved(record: Record) -> None:
    major_depression(record)
    record.condition("Schizophrenia", *SCHIZOPHRENIA, onset=7600, abated=4400, clinical="resolved")
    usual(record)


def schizophrenia_entered_in_error(record: Record) -> None:
    major_depression(record)
    record.condition("Schizophrenia", *SCHIZOPHRENIA, onset=200, clinical=None, verification="entered-in-error")
    usual(record)


def mania_two_weeks_ago(record: Record) -> None:
    record.condition(
        "Bipolar disorder, current episode depressed, severe",
        (ICD10CM, "F31.4", "Bipolar disorder, current episode depressed, severe, without psychotic features"),
        (SNOMED, "767631007", "Bipolar disorder, most recent episode depression"),
        onset=900,
    )
    record.condition(
        "Mania",
        (SNOMED, "231494001", "Mania"),
        onset=30,
        abated=14,
        clinical="resolved",
        category="encounter-diagnosis",
    )
    usual(record)


def interstitial_cystitis(record: Record) -> None:
    major_depression(record)
    record.condition(
        "Chronic interstitial cystitis",
        (ICD10CM, "N30.10", "Interstitial cystitis (chronic) without hematuria"),
        (SNOMED, "197834003", "Chronic interstitial cystitis"),
        onset=1100,
    )
    usual(record)


def old_intracranial_bleed(record: Record) -> None:
    major_depression(record)
    record.condition(
        "Cerebral haemorrhage",
        (ICD10CM, "I61.9", "Nontraumatic intracerebral hemorrhage, unspecified"),
        (SNOMED, "274100004", "Cerebral hemorrhage"),
        onset=3290,
        abated=3200,
        clinical="resolved",
    )
    usual(record)


def postpartum_depression(record: Record) -> None:
    record.condition(
        "Postpartum depression",
        (ICD10CM, "F53.0", "Postpartum depression"),
        (SNOMED, "58703003", "Postpartum depression"),
        onset=120,
    )
    normal_blood_pressure(record)
    measured(record, phq9=17, weight=68.0, height=166)
    prescribe(record, Course(drug=SERTRALINE_100, milligrams=100, started=100))
    no_known_allergy(record)


def teenager(record: Record) -> None:
    major_depression(record, onset=300)
    normal_blood_pressure(record)
    measured(record, phq9=20, weight=61.0, height=174)
    prescribe(record, Course(drug=ESCITALOPRAM, milligrams=10, started=260, stopped=90, why_stopped=INEFFECTIVE))
    report(record, Course(drug=SERTRALINE_100, milligrams=100, started=85))
    no_known_allergy(record)


def diagnosis_in_text_only(record: Record) -> None:
    record.condition("major depression, recurrent", onset=420)
    usual(record)


def ketamine_anaphylaxis(record: Record) -> None:
    major_depression(record)
    normal_blood_pressure(record)
    measured(record)
    two_trials(record)
    record.allergy("Ketamine", (RXNORM, "6130", "ketamine"), criticality="high", reaction="Anaphylaxis")


def no_depression(record: Record) -> None:
    record.condition("Pain in right knee", (ICD10CM, "M25.561", "Pain in right knee"), onset=160)
    normal_blood_pressure(record)
    measured(record, phq9=3)
    record.allergy("Penicillin", PENICILLIN, criticality="low")


def thoughts_of_death(record: Record) -> None:
    major_depression(record)
    usual(record)
    name = "Thoughts that you would be better off dead, or of hurting yourself in some way in last 2 weeks"
    record.observation("survey", (LOINC, "44260-8", name), 6, {"valueInteger": 2})


def maoi_and_uncoded_medicine(record: Record) -> None:
    major_depression(record)
    usual(record)
    prescribe(record, Course(drug=PHENELZINE, milligrams=60, started=70))
    prescribe(record, Course(drug=LORAZEPAM, milligrams=1, started=200))
    report(record, Course(drug=None, name="St John's wort capsules", milligrams=300, started=150))


def provisional_depression(record: Record) -> None:
    record.condition("Severe recurrent major depression", MDD_SNOMED, onset=60, verification="provisional")
    usual(record)
