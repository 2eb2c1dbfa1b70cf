"""Age, the patient's own record, pregnancy and allergies (rules AGE-CHILD, MISS-DOB, HOLD-PREG, ABS-ALLERGY)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import State, Status
from tests.builders import (
    LOINC,
    PATIENTS,
    RXNORM,
    SNOMED,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_concept,
    a_condition,
    a_failure,
    a_medication,
    a_patient,
    a_pregnancy_status,
    an_allergy,
    an_hcg,
    an_observation,
    coded,
    days_ago,
    finding,
    met_rules,
    mmhg,
    screened,
)

CONTRAINDICATED, HOLD, REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
MISSING, CANDIDATE = Status.INSUFFICIENT_DATA, Status.CANDIDATE


def status_of(patient: Json, as_of: date = TODAY) -> Status:
    pressure = a_blood_pressure(when=as_of.isoformat())
    return screened([patient, a_condition(), pressure], as_of=as_of).status


AGES = [
    pytest.param("2008-11-23", TODAY, CANDIDATE, id="eighteen today"),
    pytest.param("2008-11-24", TODAY, REVIEW, id="eighteen tomorrow"),
    pytest.param("2013-11-23", TODAY, REVIEW, id="thirteen today"),
    pytest.param("2013-11-24", TODAY, CONTRAINDICATED, id="thirteen tomorrow"),
    pytest.param("2020-01-01", TODAY, CONTRAINDICATED, id="a child"),
    pytest.param("2007", TODAY, CANDIDATE, id="a year, surely adult"),
    pytest.param("2008", TODAY, REVIEW, id="a year, perhaps seventeen"),
    pytest.param("2008-11", TODAY, REVIEW, id="a month, perhaps seventeen"),
    pytest.param("2013", TODAY, CONTRAINDICATED, id="a year, perhaps twelve"),
    pytest.param("2008-02-29", date(2026, 2, 28), REVIEW, id="born 29 February, the day before 1 March"),
    pytest.param("2008-02-29", date(2026, 3, 1), CANDIDATE, id="born 29 February, on 1 March"),
    pytest.param("2010-03-01", date(2028, 2, 29), REVIEW, id="seventeen on 29 February"),
    pytest.param("2010-02-28", date(2028, 2, 29), CANDIDATE, id="eighteen on 29 February"),
    pytest.param("1906-11-23", TODAY, CANDIDATE, id="a hundred and twenty"),
    pytest.param("1906-11-22", TODAY, MISSING, id="older than that is not plausible"),
    pytest.param("1850-01-01", TODAY, MISSING, id="born in 1850"),
    pytest.param("2027-01-01", TODAY, MISSING, id="born in the future"),
    pytest.param("2026-11-23", TODAY, CONTRAINDICATED, id="born today"),
    pytest.param("23.11.1986", TODAY, MISSING, id="no FHIR date"),
    pytest.param("1986-02-30", TODAY, MISSING, id="no such day"),
    pytest.param("", TODAY, MISSING, id="empty"),
    pytest.param(19860304, TODAY, MISSING, id="a number"),
    pytest.param(None, TODAY, MISSING, id="absent"),
]


@pytest.mark.parametrize(("born", "as_of", "status"), AGES)
def test_age(born: Any, as_of: date, status: Status) -> None:
    assert status_of(a_patient(birthDate=born), as_of) is status


def test_a_missing_birth_date_is_named() -> None:
    result = screened(a_chart(a_patient(birthDate=None), without=["Patient"]))
    assert "MISS-DOB" in met_rules(result)
    assert finding(result, "AGE-CHILD").state is State.NOT_ENOUGH_DATA
    refused = screened(a_chart(without=["Patient"]), a_failure(Area.PATIENT))
    assert finding(refused, "MISS-DOB").state is State.COULD_NOT_LOOK
    assert "DATA-FETCH" in met_rules(refused)


UNFIT = [
    pytest.param({"deceasedBoolean": True}, id="deceased"),
    pytest.param({"deceasedDateTime": "2026-01-01"}, id="deceased on a date"),
    pytest.param({"deceasedDateTime": 5}, id="deceased at no readable time"),
    pytest.param({"deceasedBoolean": "true"}, id="deceased, as a string"),
    pytest.param({"active": False}, id="not active"),
    pytest.param({"active": "false"}, id="not active, as a string"),
    pytest.param({"link": [{"other": {"reference": "Patient/new"}, "type": "replaced-by"}]}, id="replaced"),
    pytest.param({"link": [{"other": {"reference": "Patient/new"}}]}, id="linked without a type"),
    pytest.param({"link": "Patient/new"}, id="link is a string"),
    pytest.param({"id": "somebody-else"}, id="another patient"),
    pytest.param({"id": None}, id="no id"),
    pytest.param({"modifierExtension": [{"url": "urn:x"}]}, id="unknown modifier"),
    pytest.param({"implicitRules": "urn:x"}, id="unknown rules"),
]


@pytest.mark.parametrize("changes", UNFIT)
def test_a_record_that_is_not_one_to_treat_by(changes: Json) -> None:
    assert status_of(a_patient(**changes)) is MISSING


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"deceasedBoolean": False, "active": True}, id="alive and active"),
        pytest.param({"link": [{"other": {"reference": "Patient/old"}, "type": "replaces"}]}, id="replaces another"),
        pytest.param({"name": "Larsen", "identifier": {}, "telecom": None}, id="names and numbers are not needed"),
    ],
)
def test_a_record_to_treat_by(changes: Json) -> None:
    assert status_of(a_patient(**changes)) is CANDIDATE


def test_two_records_of_the_patient_block_in_either_order() -> None:
    two = [a_patient(birthDate="2015-01-01"), a_patient()]
    for patients in (two, two[::-1]):
        assert screened([*patients, a_condition(), a_blood_pressure()]).status in (MISSING, CONTRAINDICATED)


def test_the_patient_may_go_under_an_absolute_or_temporary_name() -> None:
    for name in ("https://ehr.example/fhir/Patient/ada", "urn:uuid:ada"):
        facts = patient_facts([a_patient()], as_of=TODAY, patients={name})
        assert facts.person is not None
        assert not facts.gaps


def pregnancy(*entries: Json) -> Status:
    return screened(a_chart(*entries)).status


PREGNANT = [
    pytest.param([a_pregnancy_status()], HOLD, id="status pregnant"),
    pytest.param([a_pregnancy_status(when=days_ago(294))], HOLD, id="status pregnant, 42 weeks"),
    pytest.param([a_pregnancy_status(when=days_ago(295))], CANDIDATE, id="status pregnant, a day more"),
    pytest.param([a_pregnancy_status(when="2026-02")], HOLD, id="status pregnant in February"),
    pytest.param([a_pregnancy_status(effectiveDateTime=None)], HOLD, id="status pregnant, undated"),
    pytest.param([a_pregnancy_status("60001007")], CANDIDATE, id="not pregnant"),
    pytest.param([a_pregnancy_status("261665006")], CANDIDATE, id="unknown is no status: MISS-PREG asks whom it may"),
    pytest.param([a_pregnancy_status(status="entered-in-error")], CANDIDATE, id="in error"),
    pytest.param([a_pregnancy_status(status="preliminary")], HOLD, id="preliminary"),
    pytest.param([a_pregnancy_status(valueCodeableConcept=None, valueString="pregnant")], HOLD, id="in words"),
    pytest.param([an_hcg()], HOLD, id="test positive"),
    pytest.param([an_hcg("260415000")], CANDIDATE, id="test negative"),
    pytest.param([an_hcg("LA6576-8")], HOLD, id="test positive, LOINC answer"),
    pytest.param([an_hcg(when=days_ago(295))], CANDIDATE, id="test positive, 295 days"),
    pytest.param([an_hcg(when=days_ago(-2))], CANDIDATE, id="test of a day ahead: listed, not used"),
    pytest.param([an_hcg(valueCodeableConcept={"text": "Detected"})], HOLD, id="test detected, in words"),
    pytest.param([an_hcg(valueCodeableConcept={"text": "see report"})], REVIEW, id="an answer nobody can read"),
    pytest.param([an_hcg(valueCodeableConcept=None)], REVIEW, id="no answer at all"),
    pytest.param([an_hcg(modifierExtension=[{"url": "urn:x"}])], REVIEW, id="unknown modifier"),
    pytest.param([an_hcg(when=days_ago(30)), an_hcg("260415000", when=days_ago(10))], REVIEW,
                 id="positive, then negative: a person confirms that it is over"),
    pytest.param([an_hcg(when=days_ago(30)), an_hcg("260415000", when=days_ago(30))], HOLD, id="both on one day"),
    pytest.param([an_hcg(when=days_ago(30)), an_hcg("260415000", when=days_ago(10), status="preliminary")], HOLD,
                 id="a later negative that is not final"),
    pytest.param([an_hcg(when=days_ago(10)), an_hcg("260415000", when=days_ago(30))], HOLD,
                 id="negative, then positive"),
    pytest.param([a_condition("Z34.01", onset=days_ago(200)), an_hcg("260415000")], HOLD,
                 id="on the list as active, test negative"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "status"), PREGNANT)
def test_pregnancy(entries: list[Json], status: Status) -> None:
    assert pregnancy(*entries) is status
    assert pregnancy(*reversed(entries)) is status


@pytest.mark.parametrize(
    ("quantity", "status"),
    [
        pytest.param(mmhg(25000, code="m[IU]/mL", unit="mIU/mL"), HOLD, id="high"),
        pytest.param(mmhg(5, code="m[IU]/mL"), HOLD, id="at five it is not negative"),
        pytest.param(mmhg(4, code="[IU]/L"), CANDIDATE, id="below five"),
        pytest.param(mmhg(5, code="m[IU]/mL", comparator="<"), CANDIDATE, id="less than five"),
        pytest.param(mmhg(1, code="m[IU]/mL", comparator=">"), HOLD, id="more than one"),
        pytest.param(mmhg(4, code="ug/L"), REVIEW, id="another unit"),
        pytest.param(mmhg("4", code="m[IU]/mL"), REVIEW, id="no number"),
    ],
)
def test_an_hcg_amount(quantity: Json, status: Status) -> None:
    amount = {"code": a_concept("21198-7", LOINC), "valueCodeableConcept": None, "valueQuantity": quantity}
    assert pregnancy(an_hcg(**amount)) is status


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"valueString": "positive"}, HOLD), ({"valueString": "negative"}, CANDIDATE), ({"valueString": "?"}, REVIEW)],
    ids=["positive", "negative", "unreadable"],
)
def test_a_pregnancy_test_under_a_local_code_is_read_by_its_words(answer: Json, status: Status) -> None:
    local = {"coding": [{"system": "urn:lab", "code": "HCGU"}], "text": "hCG urine, qualitative"}
    assert pregnancy(an_observation("x", "laboratory", code=local, **answer)) is status
    assert pregnancy(an_observation("x", "laboratory", code=local, status="cancelled", **answer)) is CANDIDATE


@pytest.mark.parametrize("area", [Area.SURVEY, Area.SOCIAL_HISTORY, Area.LABORATORY])
def test_a_category_that_could_not_be_read_asks_for_review(area: Area) -> None:
    result = screened(a_chart(), a_failure(area))
    assert result.status is REVIEW
    looked = {found.rule for found in result.findings if found.state is State.COULD_NOT_LOOK}
    assert (
        looked
        == {
            Area.SURVEY: {"IND-SI", "SEV-PHQ9", "MISS-PHQ"},
            Area.SOCIAL_HISTORY: {"HOLD-PREG"},
            Area.LABORATORY: {"HOLD-PREG", "REV-HEP"},
        }[area]
    )
    assert finding(result, max(looked)).reason == f"Could not look: {area.value} (the EHR refused it (403))."


def an_upset(*words: str) -> list[Json]:
    return [{"manifestation": [{"text": word} for word in words]}]


ALLERGIES = [
    pytest.param(an_allergy(), CONTRAINDICATED, id="ketamine"),
    pytest.param(an_allergy("2119365", text=None), CONTRAINDICATED, id="esketamine by code alone"),
    pytest.param(an_allergy("206967", text=None), CONTRAINDICATED, id="a ketamine product by code"),
    pytest.param(an_allergy("6130", text=None, code=a_concept("6130", "urn:oid:2.16.840.1.113883.6.88")),
                 CONTRAINDICATED, id="by OID"),
    pytest.param(an_allergy(None, text="KETALAR inj."), CONTRAINDICATED, id="by brand, in words"),
    pytest.param(an_allergy(None, text="ketamine_50mg"), CONTRAINDICATED, id="in words, glued"),
    pytest.param(an_allergy(type=None), CONTRAINDICATED, id="type not given"),
    pytest.param(an_allergy(type="intolerance"), REVIEW, id="intolerance"),
    pytest.param(an_allergy(type="intolerance", criticality="high"), CONTRAINDICATED, id="high criticality"),
    pytest.param(an_allergy(type="intolerance", reaction=[{"severity": "severe"}]), CONTRAINDICATED, id="severe"),
    pytest.param(an_allergy(type="intolerance", reaction=[{"manifestation": [{"text": "Anaphylaxis"}]}]),
                 CONTRAINDICATED, id="anaphylaxis in words"),
    pytest.param(an_allergy(type="intolerance", reaction=[{"manifestation": [a_concept("39579001", SNOMED)]}]),
                 CONTRAINDICATED, id="anaphylaxis by code"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=an_upset("Nausea")), REVIEW, id="only nausea"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=an_upset("Nausea and vomiting", "Vomiting")),
                 REVIEW, id="nausea and vomiting"),
    pytest.param(an_allergy(type=None, criticality="low",
                            reaction=[{"manifestation": [a_concept("422587007", SNOMED)]}]),
                 REVIEW, id="only nausea, by code"),
    pytest.param(an_allergy(type=None, reaction=an_upset("Nausea")), CONTRAINDICATED, id="criticality not given"),
    pytest.param(an_allergy(type=None, criticality="low"), CONTRAINDICATED, id="no reaction is told"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=[{}]), CONTRAINDICATED, id="an empty reaction"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=an_upset("Nausea", "Hives")),
                 CONTRAINDICATED, id="nausea and hives"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=an_upset("Nausea with hives")),
                 CONTRAINDICATED, id="nausea with hives in one word"),
    pytest.param(an_allergy(type=None, criticality="low", reaction=[*an_upset("Nausea"), *an_upset("Rash")]),
                 CONTRAINDICATED, id="a second reaction"),
    pytest.param(an_allergy(type=None, criticality="low",
                            reaction=[{**an_upset("Nausea")[0], "severity": "severe"}]),
                 CONTRAINDICATED, id="severe nausea"),
    pytest.param(an_allergy(criticality="low", reaction=an_upset("Nausea")), CONTRAINDICATED, id="called an allergy"),
    pytest.param(an_allergy(None, text="NOT allergic to ketamine"), REVIEW, id="denied in words"),
    pytest.param(an_allergy(None, text="No ketamine allergy"), REVIEW, id="denied, the other way round"),
    pytest.param(an_allergy(None, text="No known allergies except ketamine"), CONTRAINDICATED, id="an exception"),
    pytest.param(an_allergy(None, text="Ketamine: anaphylaxis, no other allergies"), CONTRAINDICATED, id="no other"),
    pytest.param(an_allergy("6130", text="not allergic to ketamine"), CONTRAINDICATED, id="denied beside a code"),
    pytest.param(an_allergy(None, text="not allergic to ketamine", criticality="high"), CONTRAINDICATED,
                 id="denied, and yet of high criticality"),
    pytest.param(an_allergy(verificationStatus=coded("x", "unconfirmed")), CONTRAINDICATED, id="unconfirmed"),
    pytest.param(an_allergy(clinicalStatus=coded("x", "resolved")), CONTRAINDICATED, id="resolved: for life"),
    pytest.param(an_allergy(verificationStatus=coded("x", "refuted")), CANDIDATE, id="refuted"),
    pytest.param(an_allergy(verificationStatus=coded("x", "entered-in-error")), CANDIDATE, id="in error"),
    pytest.param(an_allergy(verificationStatus={"coding": [{"code": "confirmed"}, {"code": "refuted"}]}),
                 CONTRAINDICATED, id="confirmed and refuted at once"),
    pytest.param(an_allergy("7980", text="penicillin"), CANDIDATE, id="penicillin"),
    pytest.param(an_allergy(None, text="norketamine study drug"), CANDIDATE, id="whole words only"),
    pytest.param(an_allergy("7980", text="drug", reaction=[{"substance": a_concept("6130", RXNORM)}]),
                 CONTRAINDICATED, id="ketamine as the substance of a reaction"),
    pytest.param(an_allergy(None, text=None, code=a_concept("716186003", SNOMED)), CANDIDATE, id="none known"),
    pytest.param(an_allergy(None, text=None, code=a_concept("373464007", SNOMED)), MISSING, id="code without words"),
    pytest.param(an_allergy(None, text=None), MISSING, id="an entry that names nothing"),
    pytest.param(an_allergy(code={"coding": "6130", "text": "drug"}), MISSING, id="a damaged code"),
    pytest.param(an_allergy(patient={"reference": "Patient/other"}), MISSING, id="of another patient"),
    pytest.param(an_allergy(recordedDate="soon"), CONTRAINDICATED, id="an unreadable date changes nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("allergy", "status"), ALLERGIES)
def test_allergies(allergy: Json, status: Status) -> None:
    result = screened(a_chart(allergy))
    assert result.status is status
    assert ("ABS-ALLERGY" in met_rules(result)) is (status in (CONTRAINDICATED, REVIEW))


def test_the_evidence_of_an_allergy() -> None:
    result = screened(a_chart(an_allergy(id="a1", criticality="high")))
    (evidence,) = finding(result, "ABS-ALLERGY").evidence
    assert (evidence.reference, evidence.date) == ("AllergyIntolerance/a1", days_ago(400))
    assert evidence.text == "ketamine, criticality high"


MEDICATIONS = [
    pytest.param([a_medication()], CANDIDATE, id="an antidepressant"),
    pytest.param([a_medication(None, text="Spravato nasal")], REVIEW, id="esketamine in words alone"),
    pytest.param([a_medication(None, text="Spravato", status="draft")], CANDIDATE, id="a draft"),
    pytest.param([a_medication(None, text="Spravato", status="stopped")], CANDIDATE, id="esketamine of the past"),
    pytest.param([a_medication(None, text="sertraline")], CANDIDATE, id="an antidepressant in words"),
    pytest.param([a_medication(None, text=None)], MISSING, id="no drug named"),
    pytest.param([a_medication(medicationCodeableConcept="sertraline")], MISSING, id="the drug is a string"),
    pytest.param([a_medication(medicationCodeableConcept={"coding": {}, "text": "x"})], MISSING, id="a damaged code"),
    pytest.param([a_medication(authoredOn="soon")], MISSING, id="an unreadable date"),
    pytest.param([a_medication(subject={"reference": "Patient/other"})], MISSING, id="of another patient"),
]


@pytest.mark.parametrize(("entries", "status"), MEDICATIONS)
def test_medications(entries: list[Json], status: Status) -> None:
    assert screened(a_chart(*entries)).status is status


@pytest.mark.parametrize(
    ("reference", "more", "status"),
    [
        pytest.param(
            {"reference": "#m"}, {"contained": [{"id": "m", "code": {"text": "ketamine"}}]}, REVIEW, id="contained"
        ),
        pytest.param({"reference": "Medication/m"}, {}, REVIEW, id="referenced"),
        pytest.param({"reference": "https://ehr.example/fhir/Medication/m"}, {}, REVIEW, id="referenced absolutely"),
        pytest.param({"reference": "Medication/gone", "display": "ketamine"}, {}, REVIEW, id="by its display"),
        pytest.param({"reference": "Medication/gone"}, {}, MISSING, id="nowhere to be found"),
        pytest.param("Medication/m", {}, MISSING, id="the reference is a string"),
    ],
)
def test_a_medication_may_stand_elsewhere(reference: Any, more: Json, status: Status) -> None:
    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "ketamine 50 mg"}}
    use = a_medication(medicationCodeableConcept=None, medicationReference=reference, **more)
    assert screened(a_chart(use, drug)).status is status


def test_a_statement_is_read_by_its_period() -> None:
    statement = a_medication(
        resourceType="MedicationStatement",
        authoredOn=None,
        effectivePeriod={"start": "2026-01-01", "end": "2026-02-01"},
    )
    (use,) = patient_facts([statement], as_of=TODAY, patients=PATIENTS).medications
    assert use.start is not None
    assert use.end is not None
    assert (use.start.first, use.end.last) == (date(2026, 1, 1), date(2026, 2, 1))
    assert use.current  # the status says so, and an end in a list is no reliable one
