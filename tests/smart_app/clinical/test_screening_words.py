"""Conditions without a usable code: their words, damaged codes, and the shapes a code may come in (2.1, 3.3)."""

from __future__ import annotations

import pytest

from smart_app.clinical.finding import Status
from tests.builders import (
    SNOMED,
    Json,
    a_condition,
    with_condition,
    without_depression,
)

CONTRAINDICATED, HOLD, REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
NONE, MISSING, CANDIDATE = Status.NO_INDICATION, Status.INSUFFICIENT_DATA, Status.CANDIDATE


TEXTS = [
    pytest.param("Schizophrenia since youth", REVIEW, id="schizophrenia"),
    pytest.param("Acute psychosis 2024", REVIEW, id="psychosis"),
    pytest.param("hypomanic episode", REVIEW, id="hypomania"),
    pytest.param("INTERSTITIAL CYSTITIS", REVIEW, id="cystitis, capitals"),
    pytest.param("Cystitis, interstitial", REVIEW, id="cystitis, turned round"),
    pytest.param("Non-traumatic subarachnoid haemorrhage", REVIEW, id="non-traumatic is no negation"),
    pytest.param("hemorrhage, intracranial", REVIEW, id="bleeding, turned round"),
    pytest.param("raised ICP", REVIEW, id="raised pressure"),
    pytest.param("Non-ST elevation myocardial infarction", REVIEW, id="non-ST is no negation"),
    pytest.param("Rule out schizophrenia", REVIEW, id="rule out means suspected"),
    pytest.param("No mania, schizophrenia since 2010", REVIEW, id="the negation ends at the comma"),
    pytest.param("Denies mania but had psychosis", REVIEW, id="the negation ends at but"),
    pytest.param("Maternal psychosis after birth", REVIEW, id="maternal is the patient"),
    pytest.param(
        "No known drug allergies reported by this patient with schizophrenia", REVIEW, id="negation far away"
    ),
    pytest.param("Major depression", REVIEW, id="an indication in words asks for review too"),
    pytest.param("Pregnant", REVIEW, id="pregnancy"),
    pytest.param("Atrial fibrillation", REVIEW, id="chronic heart disease"),
    pytest.param("No history of schizophrenia", CANDIDATE, id="negated"),
    pytest.param("denies psychosis", CANDIDATE, id="denied"),
    pytest.param("Family history of bipolar disorder", CANDIDATE, id="family history"),
    pytest.param("Mother with schizophrenia", CANDIDATE, id="mother"),
    pytest.param("Schizophrenia: ruled out", CANDIDATE, id="ruled out"),
    pytest.param("non-psychotic", CANDIDATE, id="non-psychotic"),
    pytest.param("Knee pain", CANDIDATE, id="nothing of interest"),
    pytest.param("Romania trip", CANDIDATE, id="whole words only"),
]


@pytest.mark.parametrize(("text", "status"), TEXTS)
@pytest.mark.parametrize("code", [None, "295.30"], ids=["text only", "with a code of ICD-9"])
def test_words_without_a_usable_code_ask_for_review(text: str, status: Status, code: str | None) -> None:
    condition = a_condition(code, system="http://hl7.org/fhir/sid/icd-9-cm", text=text)
    found, rules = with_condition(condition)
    assert found is status
    assert ("DATA-TEXT" in rules) is (status is REVIEW)


UNSPECIFIC = [
    ("R69", "Paranoid schizophrenia"),
    ("F99", "Psychosis"),
    ("F48.9", "Psychotic disorder"),
    ("Z87.828", "History of subdural hematoma"),
    ("Z87.820", "History of traumatic intracranial hemorrhage"),
    ("Z87.448", "History of interstitial cystitis"),
    ("Z86.69", "History of pseudotumor cerebri"),
    ("Z87.74", "History of repaired cerebral arteriovenous malformation"),
    ("Z98.890", "History of brain aneurysm repair (clipping)"),
    ("Z87.898", "History of ketamine abuse"),
    ("Z91.89", "At risk, hx psychosis"),
]


@pytest.mark.parametrize(("code", "text"), UNSPECIFIC)
def test_a_code_of_no_set_does_not_silence_the_words_beside_it(code: str, text: str) -> None:
    assert with_condition(a_condition(code, text=text)) == (REVIEW, {"DATA-TEXT"})
    local = a_condition(code, text="Illness")
    local["code"]["coding"].append({"system": "urn:local:terms", "code": "123", "display": text})
    assert with_condition(local) == (REVIEW, {"DATA-TEXT"})


EVERYDAY = """
F41.1 Generalized anxiety disorder
F43.10 Post-traumatic stress disorder, unspecified
F43.21 Adjustment disorder with depressed mood
F32.81 Premenstrual dysphoric disorder
F17.210 Nicotine dependence, cigarettes, uncomplicated
F51.01 Primary insomnia
F60.0 Paranoid personality disorder
F60.3 Borderline personality disorder
F90.9 Attention-deficit hyperactivity disorder, unspecified type
E03.9 Hypothyroidism, unspecified
E11.9 Type 2 diabetes mellitus without complications
E66.9 Obesity, unspecified
E78.5 Hyperlipidemia, unspecified
D64.9 Anemia, unspecified
G25.81 Restless legs syndrome
G43.909 Migraine, unspecified, not intractable, without status migrainosus
H40.9 Unspecified glaucoma
H52.4 Presbyopia
I10 Essential (primary) hypertension
I11.9 Hypertensive heart disease without heart failure
I49.3 Ventricular premature depolarization
I70.0 Atherosclerosis of aorta
I95.1 Orthostatic hypotension
J06.9 Acute upper respiratory infection, unspecified
J45.909 Unspecified asthma, uncomplicated
K21.9 Gastro-esophageal reflux disease without esophagitis
K55.20 Angiodysplasia of colon without hemorrhage
K59.00 Constipation, unspecified
K75.81 Nonalcoholic steatohepatitis (NASH)
K76.0 Fatty (change of) liver, not elsewhere classified
L70.0 Acne vulgaris
M54.50 Low back pain, unspecified
M79.7 Fibromyalgia
N18.30 Chronic kidney disease, stage 3 unspecified
N30.00 Acute cystitis without hematuria
N39.0 Urinary tract infection, site not specified
R07.9 Chest pain, unspecified
R42 Dizziness and giddiness
R51.9 Headache, unspecified
R73.03 Prediabetes
R94.31 Abnormal electrocardiogram [ECG] [EKG]
S06.0X0A Concussion without loss of consciousness, initial encounter
T67.01XA Heatstroke and sunstroke, initial encounter
Z00.00 Encounter for general adult medical examination without abnormal findings
Z01.419 Encounter for gynecological examination (general) (routine) without abnormal findings
Z13.31 Encounter for screening for depression
Z13.6 Encounter for screening for cardiovascular disorders
Z13.89 Encounter for screening for other disorder
Z23 Encounter for immunization
Z30.09 Encounter for other general counseling and advice on contraception
Z63.6 Dependent relative needing care at home
Z71.3 Dietary counseling and surveillance
Z72.0 Tobacco use
Z79.82 Long term (current) use of aspirin
Z79.891 Long term (current) use of opiate analgesic
Z80.3 Family history of malignant neoplasm of breast
Z81.1 Family history of alcohol abuse and dependence
Z81.8 Family history of other mental and behavioral disorders
Z82.0 Family history of epilepsy and other diseases of the nervous system
Z82.3 Family history of stroke
Z82.41 Family history of sudden cardiac death
Z82.49 Family history of ischemic heart disease and other diseases of the circulatory system
Z84.1 Family history of disorders of kidney and ureter
Z86.69 Personal history of other diseases of the nervous system and sense organs
Z87.59 Personal history of other complications of pregnancy, childbirth and the puerperium
Z87.828 Personal history of other (healed) physical injury and trauma
Z87.891 Personal history of nicotine dependence
Z90.710 Acquired absence of both cervix and uterus
Z91.81 History of falling
Z98.890 Other specified postprocedural states
""".strip().splitlines()


@pytest.mark.parametrize("row", EVERYDAY)
def test_the_titles_of_everyday_codes_ask_for_nothing(row: str) -> None:
    code, title = row.split(" ", 1)
    assert "DATA-TEXT" not in with_condition(a_condition(code, text=title))[1]


def test_text_only_never_gives_no_indication_and_never_an_indication() -> None:
    for text in ("Depression", "recurrent MDD", "Schizophrenia"):
        assert without_depression(a_condition(None, text=text))[0] is REVIEW


def test_refuted_words_are_listed_and_ask_for_nothing() -> None:
    refuted = a_condition(None, text="schizophrenia", verification="refuted")
    assert with_condition(refuted) == (CANDIDATE, {"DATA-REFUTED"})


def test_a_snomed_code_of_no_set_without_words_needs_a_person_to_look() -> None:
    assert with_condition(a_condition("999999999", system=SNOMED))[0] is REVIEW
    assert with_condition(a_condition("999999999", system=SNOMED, text="Hay fever"))[0] is CANDIDATE


@pytest.mark.parametrize(
    ("code", "system"),
    [
        pytest.param("295.30", "http://hl7.org/fhir/sid/icd-9-cm", id="ICD-9"),
        pytest.param("F20.9", "urn:local:problems", id="local system"),
        pytest.param("???", "http://hl7.org/fhir/sid/icd-10-cm", id="no ICD code at all"),
        pytest.param("F31", "http://hl7.org/fhir/sid/icd-10-cm", id="a category too coarse to decide"),
        pytest.param("F33.4", "http://hl7.org/fhir/sid/icd-10-cm", id="a subcategory too coarse to decide"),
    ],
)
def test_a_code_that_says_nothing_without_words_is_unreadable(code: str, system: str) -> None:
    assert with_condition(a_condition(code, system=system)) == (MISSING, {"DATA-FETCH"})
    named = a_condition(code, system=system, text="Paranoid schizophrenia")
    assert with_condition(named) == (REVIEW, {"DATA-TEXT"})
    assert with_condition(a_condition(code, system=system, text="Hay fever"))[0] is CANDIDATE


@pytest.mark.parametrize(
    "code",
    [
        pytest.param({"coding": "F20.9", "text": "Chronic illness"}, id="coding is a string"),
        pytest.param(
            {"coding": {"code": "F20.9", "display": "x"}, "text": "Chronic illness"}, id="coding is an object"
        ),
        pytest.param(
            {"coding": [{"system": 5, "code": "F20.9"}], "text": "Chronic illness"}, id="system is a number"
        ),
        pytest.param({"coding": [{"system": SNOMED, "code": 58214004}], "text": "Illness"}, id="code is a number"),
        pytest.param({"coding": ["F20.9"], "text": "Chronic illness"}, id="coding is a list of strings"),
        pytest.param({"coding": []}, id="coding is empty"),
        pytest.param({"text": 7}, id="text is a number"),
        pytest.param("F20.9", id="a string"),
        pytest.param(None, id="no code"),
    ],
)
def test_a_damaged_code_is_a_gap(code: Json | str | None) -> None:
    assert with_condition(a_condition(None) | ({"code": code} if code else {})) == (MISSING, {"DATA-FETCH"})


def test_any_coding_may_fire_and_codes_come_in_many_shapes() -> None:
    for code in ("F20.9", "F209", "f20.9", " F20.9 "):
        assert with_condition(a_condition(code))[0] is CONTRAINDICATED
    for system in ("urn:oid:2.16.840.1.113883.6.90", "2.16.840.1.113883.6.90", "https://hl7.org/fhir/sid/icd-10-cm/"):
        assert with_condition(a_condition("F209", system=system))[0] is CONTRAINDICATED
    both = a_condition("J45.909")
    both["code"]["coding"].append({"system": "urn:oid:2.16.840.1.113883.6.96", "code": "58214004"})
    assert with_condition(both)[0] is CONTRAINDICATED
