"""Code systems, concepts and value sets: names by URL and OID, shapes of codes, and the traps of ICD-10-CM (3.3)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.codes.concepts import codes_of, damaged, label_of, texts_of
from fhir_mappings.codes.for_review import review_terms_of
from fhir_mappings.codes.medicines import ingredients_of
from fhir_mappings.codes.systems import ICD10CM, LOINC, RXNORM, SNOMED, UCUM, canonical_system
from fhir_mappings.codes.text_terms import indication_terms_in, safety_terms_in
from fhir_mappings.codes.value_sets import decides, sets_of, undotted, value_sets
from fhir_mappings.facts.clinical import Code

NAMES = [
    ("http://hl7.org/fhir/sid/icd-10-cm", ICD10CM),
    ("https://hl7.org/fhir/sid/icd-10-cm/", ICD10CM),
    ("HTTP://HL7.org/fhir/sid/icd-10-cm|2026", ICD10CM),
    ("urn:oid:2.16.840.1.113883.6.90", ICD10CM),
    ("URN:OID:2.16.840.1.113883.6.90", ICD10CM),
    ("2.16.840.1.113883.6.96", SNOMED),
    ("http://snomed.info/sct/731000124108/version/20260301", SNOMED),
    ("urn:oid:2.16.840.1.113883.6.88", RXNORM),
    (" urn:oid:2.16.840.1.113883.6.1 ", LOINC),
    ("http://unitsofmeasure.org", UCUM),
]


@pytest.mark.parametrize(("given", "canonical"), NAMES)
def test_a_system_is_known_under_all_its_names(given: str, canonical: str) -> None:
    assert canonical_system(given) == canonical


@pytest.mark.parametrize(
    "other",
    [
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-9-cm",
        "urn:oid:1.2.3",
        "http://snomed.info/sctx",
    ],
)
def test_other_systems_stay_others(other: str) -> None:
    assert canonical_system(other) == other.removeprefix("urn:oid:")


def icd(code: str) -> frozenset[str]:
    return sets_of(Code(system=ICD10CM, code=code))


@pytest.mark.parametrize("code", ["F33.1", "F331", "f33.1", " F33.1 ", "f331", "F33.1.", "F331."])
def test_dots_case_and_blanks_do_not_matter(code: str) -> None:
    assert icd(code) == {"indication-mdd-current"}


TRAPS = [
    ("F32.81", set(), "premenstrual dysphoric disorder"),
    ("F32.5", {"mdd-remission"}, "full remission"),
    ("F32.3", {"mdd-with-psychotic-features"}, "psychotic features"),
    ("F32.A", {"indication-depression-unspecified"}, "unspecified"),
    ("F33.40", {"indication-depression-unspecified"}, "remission, unspecified"),
    ("F33.41", {"indication-mdd-current"}, "partial remission is current"),
    ("F33.42", {"mdd-remission"}, "full remission, recurrent"),
    ("F31.2", {"mania-hypomania-current"}, "manic"),
    ("F31.5", {"bipolar-depressed-psychotic"}, "depressed, psychotic"),
    ("F31.4", {"indication-bipolar-depression"}, "depressed"),
    ("F31.75", {"bipolar-remission"}, "remission"),
    ("F20.81", {"schizophrenia-schizoaffective"}, "schizophreniform"),
    ("F21", set(), "schizotypal"),
    ("N30.10", {"interstitial-cystitis"}, "interstitial"),
    ("N30.90", set(), "any other cystitis"),
    ("G93.2", {"raised-icp"}, "benign intracranial hypertension is raised pressure"),
    ("G91.2", {"normal-pressure-hydrocephalus"}, "normal pressure hydrocephalus is not"),
    ("G91.1", {"raised-icp"}, "obstructive hydrocephalus is"),
    ("I69.00", {"intracranial-haemorrhage"}, "sequelae of subarachnoid bleeding prove it"),
    ("I69.10", {"intracranial-haemorrhage"}, "sequelae of bleeding prove it"),
    ("I69.20", {"intracranial-haemorrhage"}, "sequelae of other bleeding prove it"),
    ("I69.30", {"stroke-ischaemic-tia", "stroke-history"}, "sequelae of infarction do not"),
    ("Z86.73", {"personal-history-nonspecific", "stroke-ischaemic-tia", "stroke-history"}, "proves no bleeding"),
    ("G45.4", set(), "transient global amnesia is no TIA"),
    ("I77.0", set(), "acquired fistula is no malformation"),
    ("Q28.2", {"arteriovenous-malformation"}, "malformation of the brain"),
    ("I71.40", {"aneurysmal-vascular-disease"}, "aneurysm of the aorta"),
    ("Z81.8", {"family-history-must-not-fire"}, "family history"),
    ("Z82.49", {"family-history-must-not-fire"}, "family history of the heart"),
    ("K72.10", {"hepatic-impairment", "hepatic-failure"}, "hepatic failure"),
    ("K74.60", {"hepatic-impairment"}, "cirrhosis alone is no failure"),
    ("E05.90", {"hyperthyroidism"}, "without crisis"),
    ("E05.91", {"hyperthyroidism", "thyroid-storm"}, "with crisis"),
    ("R03.0", {"elevated-bp-reading"}, "a reading is no hypertension"),
    ("F10.11", {"substance-use-remission"}, "abuse in remission"),
    ("F10.21", {"substance-use-remission"}, "dependence in remission"),
    ("F19.91", {"substance-use-remission"}, "use in remission"),
    ("F17.210", set(), "nicotine is no substance use disorder here"),
    ("F10.20", {"substance-use-disorder"}, "dependence"),
    ("I50.22", {"hf-chronic"}, "chronic failure"),
    ("I50.23", {"hf-decompensated"}, "acute on chronic failure"),
    ("I25.110", {"unstable-angina"}, "with unstable angina"),
    ("I25.10", {"ischaemic-heart-disease"}, "without"),
    ("I10", {"hypertension"}, "hypertension says nothing about control"),
    ("I16.9", {"hypertensive-crisis-uncontrolled"}, "crisis"),
    ("Z91.51", {"suicidal-behaviour-history"}, "history of suicidal behaviour"),
]


PREGNANT = [
    "O36.5990", "O00.90", "O01.9", "O02.1", "O25.10", "O28.3", "O29.019", "O31.10X0", "O35.9XX0", "O41.00X0",
    "O42.90", "O43.90", "O44.00", "O46.90", "O47.9", "O48.0", "O60.00", "O99.340", "O99.013", "O99.891", "O98.511",
    "O24.410", "O24.011", "O10.011", "O26.611", "O9A.111", "O15.00", "O16.9", "Z32.01", "Z33.1", "Z33.3", "Z36.9",
    "Z3A.12",
]  # fmt: skip
NOT_PREGNANT = [
    "O99.345", "O99.344", "O99.03", "O99.02", "O99.285", "O99.43", "O99.893", "O98.53", "O98.52", "O10.03", "O10.13",
    "O11.5", "O12.05", "O13.5", "O14.15", "O15.2", "O16.5", "O24.435", "O24.430", "O24.03", "O25.3", "O26.63",
    "O9A.13", "O03.9", "O60.14X0", "O70.1", "O72.1", "O80", "O82", "O86.4", "O90.6", "Z32.02", "Z32.00", "Z39.2",
]  # fmt: skip


@pytest.mark.parametrize("code", PREGNANT)
def test_codes_that_say_pregnant(code: str) -> None:
    assert icd(code) == {"pregnancy"}


@pytest.mark.parametrize("code", NOT_PREGNANT)
def test_childbirth_and_what_follows_it_are_no_pregnancy(code: str) -> None:
    assert "pregnancy" not in icd(code)


@pytest.mark.parametrize(("code", "expected", "meaning"), TRAPS, ids=[f"{row[0]} {row[2]}" for row in TRAPS])
def test_the_traps_of_prefixes(code: str, expected: set[str], meaning: str) -> None:
    assert icd(code) == expected


def test_a_code_counts_in_its_own_system_alone() -> None:
    assert sets_of(Code(system=SNOMED, code="F20.9")) == frozenset()
    assert sets_of(Code(system="http://hl7.org/fhir/sid/icd-10", code="F20.9")) == frozenset()
    assert sets_of(Code(system=SNOMED, code=" 58214004 ")) == {"schizophrenia-schizoaffective"}
    assert sets_of(Code(system=ICD10CM, code="58214004")) == frozenset()


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (ICD10CM, "J45.909", True),
        (ICD10CM, "F20", True),
        (ICD10CM, "Z3A.12", True),
        (ICD10CM, "F31", False),
        (ICD10CM, "F33.4", False),
        (ICD10CM, "I69", False),
        (ICD10CM, "IMO0001", False),
        (ICD10CM, "", False),
        (SNOMED, "58214004", True),
        (SNOMED, "195967001", False),
        (RXNORM, "6130", False),
    ],
)
def test_which_codes_settle_a_matter_alone(system: str, code: str, *, expected: bool) -> None:
    assert decides(Code(system=system, code=code)) is expected


def test_every_set_says_what_it_is_for_and_prefixes_are_codes() -> None:
    sets = value_sets()
    assert len({value_set.name for value_set in sets}) == len(sets) > 50
    for value_set in sets:
        assert value_set.title
        assert value_set.purpose
        assert value_set.version
        assert value_set.prefixes or value_set.snomed
        assert all(prefix == undotted(prefix) and prefix[0].isalpha() for prefix in value_set.prefixes)
        assert all(any(out.startswith(prefix) for prefix in value_set.prefixes) for out in value_set.excluded)
        assert all(code.isdigit() for code in value_set.snomed)


def test_an_indication_is_never_a_reason_against_as_well_except_with_psychosis() -> None:
    by_name = {value_set.name: value_set for value_set in value_sets()}
    indications = [name for name in by_name if name.startswith("indication-")]
    against = {"schizophrenia-schizoaffective", "mania-hypomania-current", "psychosis-other", "mdd-remission"}
    for name in indications:
        for code in by_name[name].snomed:
            assert not sets_of(Code(system=SNOMED, code=code)) & against, (name, code)


CONCEPTS: list[tuple[Any, tuple[str, ...], tuple[str, ...], bool]] = [
    ({"coding": [{"system": ICD10CM, "code": "F20", "display": "x1"}]}, ("F20",), (), False),
    ({"coding": [{"system": ICD10CM, "code": "F20", "display": "Sz"}], "text": " Sz "}, ("F20",), ("Sz",), False),
    ({"coding": [{"code": "F20"}], "text": "Word"}, (), ("Word",), False),
    ({"coding": [{"system": ICD10CM, "code": " "}]}, (), (), False),
    ({"coding": [None], "text": "Word"}, (), ("Word",), True),
    ({"coding": [{"system": 1, "code": "F20"}]}, (), (), True),
    ({"coding": {"system": ICD10CM, "code": "F20"}}, (), (), True),
    ({"text": 5}, (), (), True),
    ({"text": "?? 12"}, (), (), False),
    ({}, (), (), False),
    (None, (), (), False),
    ("F20", (), (), True),
]


@pytest.mark.parametrize(("concept", "codes", "texts", "is_damaged"), CONCEPTS, ids=lambda value: str(value)[:40])
def test_concepts_of_every_shape(concept: Any, codes: tuple[str], texts: tuple[str], *, is_damaged: bool) -> None:
    assert tuple(code.code for code in codes_of(concept)) == codes
    assert texts_of(concept) == texts
    assert damaged(concept) is is_damaged
    assert label_of(concept) == (texts or codes or ("",))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ketamine 50 MG/ML Injectable Solution", {"ketamine"}),
        ("Esketamine nasal", {"esketamine"}),
        ("SPRAVATO", {"esketamine"}),
        ("S-ketamine", {"ketamine"}),
        ("ketamine_10mg", {"ketamine"}),
        ("norketamine", set()),
        ("ketaminoid", set()),
        ("sertraline", {"sertraline"}),
        ("vendomycin", set()),
    ],
)
def test_ingredients_by_whole_words(text: str, expected: set[str]) -> None:
    assert ingredients_of((), [text]) == expected


def test_ingredients_by_code_before_words_that_only_add_what_must_not_be_missed() -> None:
    assert ingredients_of([Code(system=RXNORM, code="36437")], ["fluoxetine"]) == {"sertraline"}
    assert ingredients_of([Code(system=RXNORM, code="2119365")], ["ketamine"]) == {"esketamine", "ketamine"}
    assert ingredients_of([Code(system=SNOMED, code="6130")], []) == frozenset()
    assert ingredients_of([Code(system=RXNORM, code="7980")], ["ketamine"]) == {"ketamine"}


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("F21", {"schizophrenia"}),
        ("F10.159", {"psychosis"}),
        ("F19.950", {"psychosis"}),
        ("F31.64", {"psychosis"}),
        ("F31.63", set()),
        ("F10.20", set()),
        ("I67.4", {"hypertensive crisis"}),
    ],
)
def test_codes_that_a_person_has_to_look_at(code: str, terms: set[str]) -> None:
    assert review_terms_of([Code(system=ICD10CM, code=code)]) == terms
    assert review_terms_of([Code(system=SNOMED, code=code)]) == frozenset()


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("catatonic SCHIZOPHRENIA", "schizophrenia"),
        ("manic-depressive illness", "mania"),
        ("painful bladder syndrome", "interstitial cystitis"),
        ("Traumatic hemorrhage of right cerebrum", "intracranial bleeding"),
        ("chronic subdural haematoma", "intracranial bleeding"),
        ("stroke, haemorrhagic", "intracranial bleeding"),
        ("IIH", "raised intracranial pressure"),
        ("traumatic cerebral oedema", "raised intracranial pressure"),
        ("CHF exacerbation", "severe heart disease"),
        ("NSTEMI 2019", "severe heart disease"),
        ("long QT", "chronic heart disease"),
        ("malignant essential hypertension", "hypertensive crisis"),
        ("ruptured aneurysm", "aneurysm"),
        ("at risk of suicide", "suicidality"),
        ("dysthymic mood", "depression"),
    ],
)
def test_terms_in_the_words_of_a_chart(text: str, term: str) -> None:
    assert term in safety_terms_in([text]) | indication_terms_in([text])


@pytest.mark.parametrize(
    "text",
    [
        "No evidence of acute or chronic intracranial haemorrhage",
        "never had a manic episode",
        "FHx: schizophrenia",
        "brother has bipolar disorder",
        "paternal aunt with psychosis",
        "intracranial bleeding excluded",
        "psychosis (negative)",
        "Depression screening negative",
        "previous pregnancy",
        "screening for depression",
        "hypertension",
        "cerebral palsy",
        "bleeding gums",
    ],
)
def test_guarded_and_other_words(text: str) -> None:
    assert not safety_terms_in([text]) | indication_terms_in([text])


@pytest.mark.parametrize("text", ["New mother with psychosis", "Mother of two: psychosis", "mother of twins, manic"])
def test_a_patient_who_is_a_mother_is_not_a_relative(text: str) -> None:
    assert safety_terms_in([text])


@pytest.mark.parametrize(
    "text",
    [
        "no response to lithium for psychosis",
        "No complaints: psychosis",
        "without treatment despite psychosis",
        "no insight into delusions",
        "is no longer hiding psychosis",
        "not controlled psychosis",
        "never treated psychosis",
        "not ruled out psychosis",
        "cannot be ruled out: psychosis",
        "has not been ruled out psychosis",
        "not free of hallucinations",
        "positive screening for psychosis",
        "screening for psychosis: positive",
        "no evidence of one two three four five six psychosis",
        "mother reports psychosis",
        "new mother with psychosis",
        "young father with psychosis",
        "teenage mother: psychosis",
        "single mother has had several psychotic episodes",
    ],
)
def test_a_guard_does_not_reach_too_far(text: str) -> None:
    assert safety_terms_in([text])


@pytest.mark.parametrize(
    "text",
    [
        "no psychosis",
        "without any recent psychosis",
        "no mania or psychosis",
        "not currently pregnant",
        "not psychotic",
        "never had psychosis",
        "has never been psychotic",
        "denies medication for psychosis",
        "negative for acute psychosis",
        "no history of treatment for psychosis",
        "no evidence of one two three four five psychosis",
        "no signs of psychosis",
        "ruled out psychosis",
        "positive family history of schizophrenia",
        "mother's schizophrenia",
        "mother\u2019s schizophrenia",
        "father: schizophrenia",
        "sister who was treated for psychosis",
        "daughter schizophrenia",
        "wife is pregnant",
        "husband with alcohol abuse",
        "partner had several psychotic episodes",
    ],
)
def test_guards_that_hold(text: str) -> None:
    assert not safety_terms_in([text])


def test_long_texts_are_read_in_little_time() -> None:
    """Two megabytes of guarded words: every one of them is looked at, none costs more than its surroundings."""
    assert safety_terms_in(["no mania " * 200_000, "hemorrhage " * 20_000]) == frozenset()
    assert safety_terms_in(["no mania " * 1_000 + "and she is not well. Mania"]) == {"mania"}
    assert damaged({"text": "x" * 20_001})
