"""Conditions of other guidance: aneurysm to bladder, with what is past, what is acute and what is only a word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import Kind, State, Status
from smart_app.clinical.limits import Limits
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.screening import screen
from tests.builders import (
    ICD10CM,
    PATIENTS,
    SNOMED,
    TODAY,
    Json,
    a_chart,
    a_condition,
    a_failure,
    a_liver_value,
    days_ago,
    finding,
    screened,
    units_per_litre,
    with_condition,
)

CONTRAINDICATED, HOLD, REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
CANDIDATE = Status.CANDIDATE


def snomed(code: str, **changes: Any) -> Json:
    return a_condition(code, system=SNOMED, **changes)


FIRED = [
    pytest.param(a_condition("I71.40"), CONTRAINDICATED, "ABS-ANEUR", id="aortic aneurysm"),
    pytest.param(a_condition("I71.40", status="resolved", abatement="2019"), CONTRAINDICATED, "ABS-ANEUR",
                 id="aortic aneurysm, repaired: until a clinician overrides it"),
    pytest.param(a_condition("I67.1", category="encounter-diagnosis", onset="2001"), CONTRAINDICATED, "ABS-ANEUR",
                 id="cerebral aneurysm, encounter of 2001"),
    pytest.param(a_condition("I77.71"), CONTRAINDICATED, "ABS-ANEUR", id="dissection of the carotid artery"),
    pytest.param(snomed("128609009"), CONTRAINDICATED, "ABS-ANEUR", id="intracranial aneurysm, SNOMED"),
    pytest.param(a_condition("Q28.2", status="inactive"), CONTRAINDICATED, "ABS-AVM", id="malformation of the brain"),
    pytest.param(snomed("234142008"), CONTRAINDICATED, "ABS-AVM", id="malformation, SNOMED"),
    pytest.param(a_condition("I79.0"), CONTRAINDICATED, "ABS-ANEUR", id="aneurysm of the aorta by another disease"),
    pytest.param(a_condition("Q25.43"), CONTRAINDICATED, "ABS-ANEUR", id="congenital aneurysm of the aorta"),
    pytest.param(a_condition("Q25.72"), CONTRAINDICATED, "ABS-AVM", id="malformation of the lung"),
    pytest.param(a_condition("B18.2"), REVIEW, "REV-HEP", id="chronic hepatitis C"),
    pytest.param(a_condition("K73.9"), REVIEW, "REV-HEP", id="chronic hepatitis"),
    pytest.param(a_condition("K74.02"), REVIEW, "REV-HEP", id="advanced fibrosis of the liver"),
    pytest.param(a_condition("G31.83"), REVIEW, "REV-NEUROCOG", id="Lewy bodies"),
    pytest.param(a_condition("G31.09"), REVIEW, "REV-NEUROCOG", id="frontotemporal dementia"),
    pytest.param(a_condition("I1A.0"), REVIEW, "REV-RESHTN", id="resistant hypertension with a passing pressure"),
    pytest.param(a_condition("I63.9", onset=days_ago(90)), HOLD, "REV-STROKE", id="stroke, 90 days"),
    pytest.param(a_condition("I63.9", onset=days_ago(91)), REVIEW, "REV-STROKE", id="stroke, 91 days, still active"),
    pytest.param(a_condition("I63.9", onset="2019", recorded=days_ago(10)), HOLD, "REV-STROKE",
                 id="stroke, recorded ten days ago: the latest date counts"),
    pytest.param(a_condition("I63.9", status="resolved"), HOLD, "REV-STROKE", id="stroke, no date"),
    pytest.param(a_condition("I63.9", onset="2026-08"), HOLD, "REV-STROKE", id="stroke, August: perhaps 90 days"),
    pytest.param(a_condition("I63.9", onset="2026-07"), REVIEW, "REV-STROKE", id="stroke, July"),
    pytest.param(a_condition("G45.9", category="encounter-diagnosis", onset=days_ago(91)), REVIEW, "REV-STROKE",
                 id="TIA, encounter diagnosis, 91 days"),
    pytest.param(a_condition("Z86.73", onset="2015"), REVIEW, "REV-STROKE", id="history of TIA"),
    pytest.param(a_condition("I69.351", onset="2015"), REVIEW, "REV-STROKE", id="sequelae of an infarction"),
    pytest.param(a_condition("Z86.73", recorded=days_ago(3)), REVIEW, "REV-STROKE", id="history, recorded lately"),
    pytest.param(a_condition("Z86.73"), REVIEW, "REV-STROKE", id="history, no date"),
    pytest.param(a_condition("I69.351", recorded=days_ago(3)), REVIEW, "REV-STROKE", id="sequelae, recorded lately"),
    pytest.param(snomed("195243003"), REVIEW, "REV-STROKE", id="sequelae, SNOMED"),
    pytest.param(snomed("62914000", recorded=days_ago(3)), REVIEW, "REV-STROKE", id="unspecified disease, SNOMED"),
    pytest.param(snomed("432504007", recorded=days_ago(3)), HOLD, "REV-STROKE", id="infarction, SNOMED"),
    pytest.param(snomed("444658006"), REVIEW, "REV-CV", id="ventricular tachycardia that was not sustained"),
    pytest.param(snomed("398254007", recorded=days_ago(30)), HOLD, "HOLD-PREG", id="pre-eclampsia"),
    pytest.param(snomed("4441000"), HOLD, "HOLD-PSY", id="bipolar psychosis of an unknown pole"),
    pytest.param(snomed("4441000"), HOLD, "REV-BIPOLAR", id="and its pole is for review"),
    pytest.param(a_condition("Z39.1", onset=days_ago(30)), HOLD, "HOLD-LACT", id="breast-feeding"),
    pytest.param(a_condition("O36.5990", onset=days_ago(30)), HOLD, "HOLD-PREG", id="fetal growth in pregnancy"),
    pytest.param(a_condition("Z32.01", recorded=days_ago(30)), HOLD, "HOLD-PREG", id="a positive pregnancy test"),
    pytest.param(a_condition("O00.90", recorded=days_ago(5)), HOLD, "HOLD-PREG", id="ectopic pregnancy"),
    pytest.param(a_condition("F10.20"), REVIEW, "REV-SUD", id="alcohol dependence"),
    pytest.param(snomed("66590003"), REVIEW, "REV-SUD", id="alcohol dependence, SNOMED"),
    pytest.param(snomed("724715004"), HOLD, "HOLD-KETUSE", id="ketamine dependence"),
    pytest.param(snomed("724715004", status="remission"), REVIEW, "HOLD-KETUSE", id="ketamine dependence, remission"),
    pytest.param(snomed("425841004"), REVIEW, "HOLD-KETUSE", id="a code of phencyclidine dependence in remission"),
    pytest.param(a_condition("K74.60"), REVIEW, "REV-HEP", id="cirrhosis"),
    pytest.param(a_condition("K70.30", status="inactive"), REVIEW, "REV-HEP", id="cirrhosis, inactive"),
    pytest.param(a_condition("K72.10"), HOLD, "REV-HEP", id="hepatic failure"),
    pytest.param(a_condition("K76.82"), HOLD, "REV-HEP", id="hepatic encephalopathy"),
    pytest.param(snomed("716203000"), HOLD, "REV-HEP", id="decompensated cirrhosis, SNOMED"),
    pytest.param(a_condition("K72.00", status="resolved", abatement="2020"), REVIEW, "REV-HEP",
                 id="hepatic failure long past"),
    pytest.param(a_condition("E05.90"), REVIEW, "REV-THYROID", id="hyperthyroidism"),
    pytest.param(a_condition("E05.91"), HOLD, "REV-THYROID", id="thyroid storm"),
    pytest.param(a_condition("H40.211"), REVIEW, "REV-GLAUC", id="acute angle closure"),
    pytest.param(a_condition("H40.20X0", status="resolved", abatement="2020"), REVIEW, "REV-GLAUC",
                 id="angle closure, long past"),
    pytest.param(a_condition("G40.909"), REVIEW, "REV-SEIZURE", id="epilepsy"),
    pytest.param(a_condition("R56.9"), REVIEW, "REV-SEIZURE", id="convulsions"),
    pytest.param(a_condition("J44.9"), REVIEW, "REV-RESP", id="COPD"),
    pytest.param(a_condition("G47.33"), REVIEW, "REV-RESP", id="obstructive sleep apnoea"),
    pytest.param(snomed("389087006"), REVIEW, "REV-RESP", id="hypoxaemia"),
    pytest.param(a_condition("F03.90"), REVIEW, "REV-NEUROCOG", id="dementia"),
    pytest.param(a_condition("G91.2"), REVIEW, "REV-NEUROCOG", id="normal pressure hydrocephalus"),
    pytest.param(a_condition("R30.0"), REVIEW, "REV-URO", id="dysuria"),
    pytest.param(snomed("49650001"), REVIEW, "REV-URO", id="dysuria, SNOMED"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "status", "rule"), FIRED)
def test_a_condition_that_fires_its_rule(condition: Json, status: Status, rule: str) -> None:
    found, rules = with_condition(condition)
    assert found is status
    assert rule in rules


SILENT = [
    pytest.param(a_condition("I77.0"), id="a fistula for dialysis is no malformation"),
    pytest.param(a_condition("G45.4"), id="transient global amnesia"),
    pytest.param(snomed("413096007", text="Never injecting drug user"), id="never a user"),
    pytest.param(snomed("205788004", text="Fetal alcohol syndrome"), id="an effect on the unborn"),
    pytest.param(snomed("23986001", text="Glaucoma"), id="glaucoma of any angle"),
    pytest.param(snomed("4210003", text="Ocular hypertension"), id="pressure in the eye"),
    pytest.param(snomed("88518009", text="Wilson's disease"), id="a disease that may leave the liver alone"),
    pytest.param(a_condition("I1A.0", status="resolved", abatement="2020"), id="resistant hypertension, over"),
    pytest.param(a_condition("Z39.1", onset="2025-11-22"), id="breast-feeding, over 12 months ago"),
    pytest.param(a_condition("Z39.1", status="resolved", onset=days_ago(30)), id="breast-feeding, resolved"),
    pytest.param(a_condition("F17.210"), id="nicotine dependence"),
    pytest.param(a_condition("O99.345", onset=days_ago(60)), id="a mental disorder of the puerperium"),
    pytest.param(a_condition("F15.90", verification="refuted"), id="stimulant use, refuted"),
    pytest.param(a_condition("E05.90", status="resolved"), id="hyperthyroidism, resolved"),
    pytest.param(a_condition("E03.9"), id="hypothyroidism"),
    pytest.param(a_condition("H40.11X0"), id="open-angle glaucoma"),
    pytest.param(a_condition("G40.909", status="resolved", abatement="1999"), id="epilepsy, resolved in childhood"),
    pytest.param(a_condition("J45.909"), id="asthma"),
    pytest.param(a_condition("F05", status="resolved", abatement="2020"), id="delirium, over"),
    pytest.param(a_condition("R30.0", status="resolved"), id="dysuria, resolved"),
    pytest.param(a_condition("N30.00"), id="acute cystitis"),
    pytest.param(a_condition("K76.0"), id="fatty liver"),
]  # fmt: skip


@pytest.mark.parametrize("condition", SILENT)
def test_a_condition_that_fires_nothing(condition: Json) -> None:
    status, rules = with_condition(condition)
    assert status is CANDIDATE
    assert rules <= {"DATA-REFUTED"}


LOWER_TIER = [
    pytest.param(a_condition("F10.21"), id="a code of remission"),
    pytest.param(a_condition("F19.91"), id="a code of use in remission"),
    pytest.param(a_condition("F10.20", status="remission"), id="dependence whose status is remission"),
    pytest.param(a_condition("F10.20", status=None, abatement="2019"), id="dependence that has abated"),
    pytest.param(snomed("371422002"), id="history of substance abuse, SNOMED"),
    pytest.param(snomed("44870007"), id="a former user, SNOMED"),
]


@pytest.mark.parametrize("condition", LOWER_TIER)
def test_substance_use_of_the_past_is_a_caution(condition: Json) -> None:
    result = screened(a_chart(condition))
    found = finding(result, "REV-SUD")
    assert (found.state, found.kind, found.effect) == (State.MET, Kind.CAUTION, None)
    assert result.status is CANDIDATE


VISITS = [  # the code of a visit, with its status "active"; then its status within 365 days, and later
    pytest.param("G93.6", ICD10CM, CONTRAINDICATED, REVIEW, "ABS-ICP", id="cerebral oedema"),
    pytest.param("K72.00", ICD10CM, HOLD, REVIEW, "REV-HEP", id="hepatic failure"),
    pytest.param("E05.91", ICD10CM, HOLD, REVIEW, "REV-THYROID", id="thyroid storm"),
    pytest.param("724715004", SNOMED, HOLD, REVIEW, "HOLD-KETUSE", id="ketamine dependence"),
    pytest.param("F10.20", ICD10CM, REVIEW, CANDIDATE, "REV-SUD", id="alcohol dependence"),
    pytest.param("E05.90", ICD10CM, REVIEW, CANDIDATE, "REV-THYROID", id="hyperthyroidism"),
    pytest.param("R30.0", ICD10CM, REVIEW, CANDIDATE, "REV-URO", id="dysuria"),
    pytest.param("R31.29", ICD10CM, REVIEW, CANDIDATE, "REV-URO", id="haematuria"),
    pytest.param("R09.02", ICD10CM, REVIEW, CANDIDATE, "REV-RESP", id="hypoxaemia"),
    pytest.param("F05", ICD10CM, REVIEW, CANDIDATE, "REV-NEUROCOG", id="delirium"),
    pytest.param("R56.9", ICD10CM, REVIEW, CANDIDATE, "REV-SEIZURE", id="a convulsion"),
    pytest.param("F03.90", ICD10CM, REVIEW, REVIEW, "REV-NEUROCOG", id="dementia does not pass"),
    pytest.param("G40.909", ICD10CM, REVIEW, REVIEW, "REV-SEIZURE", id="epilepsy need not pass"),
    pytest.param("J44.9", ICD10CM, REVIEW, REVIEW, "REV-RESP", id="COPD does not pass"),
    pytest.param("K74.60", ICD10CM, REVIEW, REVIEW, "REV-HEP", id="cirrhosis does not pass"),
]


@pytest.mark.parametrize(("code", "system", "within", "later", "rule"), VISITS)
def test_a_visit_of_long_ago_weighs_less_and_never_vanishes(
    code: str, system: str, within: Status, later: Status, rule: str
) -> None:
    def of_a_visit(**dates: Any) -> tuple[Status, set[str]]:
        return with_condition(a_condition(code, system=system, category="encounter-diagnosis", **dates))

    assert of_a_visit(onset="2010", recorded=days_ago(365))[0] is within
    assert of_a_visit(recorded="2025")[0] is within
    assert of_a_visit()[0] is within
    status, rules = of_a_visit(onset="2010", recorded=days_ago(366))
    assert status is later
    assert rule in rules
    assert with_condition(a_condition(code, system=system, recorded="2010"))[0] is within


def test_an_old_visit_does_not_hide_what_is_current() -> None:
    old = a_condition("R30.0", category="encounter-diagnosis", onset="2016")
    assert screened(a_chart(old, a_condition("R31.9", onset=days_ago(3)))).status is REVIEW


def test_active_substance_use_beside_a_past_one_is_for_review() -> None:
    assert screened(a_chart(a_condition("F10.21"), a_condition("F12.20"))).status is REVIEW


CODES = [
    "I71.40", "Q28.2", "I1A.0", "I63.9", "Z39.1", "F10.20", "K74.60", "K72.10", "E05.90", "E05.91", "H40.211",
    "G40.909", "J44.9", "F03.90", "G91.2", "R30.0",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("verification", ["unconfirmed", "provisional", "differential"])
def test_an_unconfirmed_condition_is_for_review_whatever_it_would_be(code: str, verification: str) -> None:
    status, rules = with_condition(a_condition(code, verification=verification, onset=days_ago(5)))
    assert status is REVIEW
    assert rules == {"DATA-UNCONF"}


WORDS = [
    ("Ischaemic stroke 2019", "REV-STROKE"),
    ("Resistant hypertension", "REV-RESHTN"),
    ("Alcohol use disorder", "REV-SUD"),
    ("Cirrhosis of the liver", "REV-HEP"),
    ("Thyrotoxicosis", "REV-THYROID"),
    ("Acute angle-closure attack", "REV-GLAUC"),
    ("Seizure disorder", "REV-SEIZURE"),
    ("Sleep apnea", "REV-RESP"),
    ("Alzheimer's disease", "REV-NEUROCOG"),
    ("Urinary urgency", "REV-URO"),
    ("Breastfeeding", "HOLD-LACT"),
    ("Abdominal aortic aneurysm", "ABS-ANEUR"),
]


@pytest.mark.parametrize(("text", "rule"), WORDS, ids=[row[0] for row in WORDS])
def test_words_alone_ask_for_review_and_never_hold(text: str, rule: str) -> None:
    assert with_condition(a_condition(None, text=text)) == (REVIEW, {"DATA-TEXT"})
    assert with_condition(a_condition(None, text=f"No {text.lower()}"))[0] is CANDIDATE
    facts = patient_facts(a_chart(a_condition(None, text=text)), as_of=TODAY, patients=PATIENTS)
    off = {rule} | ({"HOLD-KETUSE"} if rule == "REV-SUD" else set()) | ({"ABS-AVM"} if rule == "ABS-ANEUR" else set())
    assert screen(facts, as_of=TODAY, settings=RuleSettings(off=frozenset(off))).status is CANDIDATE


def test_a_rule_that_is_off_is_silent_about_the_unconfirmed_too() -> None:
    facts = patient_facts(a_chart(a_condition("J44.9", verification="provisional")), as_of=TODAY, patients=PATIENTS)
    assert screen(facts, as_of=TODAY).status is REVIEW
    assert screen(facts, as_of=TODAY, settings=RuleSettings(off=frozenset({"REV-RESP"}))).status is CANDIDATE


def test_words_of_a_history_that_its_code_does_not_cover_still_count() -> None:
    told = a_condition("Z86.73", onset="2015", text="History of hemorrhagic stroke")
    assert with_condition(told) == (REVIEW, {"REV-STROKE", "DATA-TEXT"})
    assert with_condition(a_condition("Z86.73", onset="2015", text="History of TIA")) == (REVIEW, {"REV-STROKE"})


LIVER = [
    pytest.param([a_liver_value(200, upper=40)], CANDIDATE, id="five times its limit"),
    pytest.param([a_liver_value(Decimal("200.1"), upper=40)], HOLD, id="over five times"),
    pytest.param([a_liver_value(201, upper=40, code="1920-8")], HOLD, id="AST over five times"),
    pytest.param([a_liver_value(201, upper=55)], CANDIDATE, id="the laboratory's own limit counts"),
    pytest.param([a_liver_value(201, upper=None)], HOLD, id="no limit given: 40 is assumed"),
    pytest.param([a_liver_value(200, upper=None)], CANDIDATE, id="no limit given, five times 40"),
    pytest.param([a_liver_value(300, when=days_ago(365))], HOLD, id="365 days"),
    pytest.param([a_liver_value(300, when=days_ago(366))], CANDIDATE, id="366 days"),
    pytest.param([a_liver_value(300, effectiveDateTime=None)], HOLD, id="undated"),
    pytest.param([a_liver_value(300, status="preliminary")], HOLD, id="preliminary"),
    pytest.param([a_liver_value(300, status="entered-in-error")], CANDIDATE, id="in error"),
    pytest.param([a_liver_value(300, when=days_ago(20)), a_liver_value(30, when=days_ago(10))], CANDIDATE,
                 id="high, then normal"),
    pytest.param([a_liver_value(300, when=days_ago(10)), a_liver_value(30, when=days_ago(20))], HOLD,
                 id="normal, then high"),
    pytest.param([a_liver_value(300, when=days_ago(10)), a_liver_value(30, when=days_ago(10))], HOLD,
                 id="both on one day"),
    pytest.param([a_liver_value(300, when=days_ago(20)), a_liver_value(30, when="2026-11")], HOLD,
                 id="a later one of no certain day replaces nothing"),
    pytest.param([a_liver_value(300, when=days_ago(20)), a_liver_value(30, when=days_ago(5), status="preliminary")],
                 HOLD, id="a later one that is not final replaces nothing"),
    pytest.param([a_liver_value(300, when=days_ago(20)), a_liver_value(30, when=days_ago(10), code="1920-8")], HOLD,
                 id="AST does not replace ALT"),
    pytest.param([a_liver_value(units_per_litre(200, comparator=">"))], HOLD, id="more than five times"),
    pytest.param([a_liver_value(units_per_litre(100, comparator=">"))], REVIEW, id="more than 100: nobody knows"),
    pytest.param([a_liver_value(units_per_litre(5, comparator="<"))], CANDIDATE, id="less than 5"),
    pytest.param([a_liver_value(units_per_litre(300, comparator="<"))], REVIEW, id="less than 300: nobody knows"),
    pytest.param([a_liver_value(units_per_litre(30, code="mg/dL"))], REVIEW, id="a unit that is none of it"),
    pytest.param([a_liver_value(units_per_litre(30, code=None, unit=None))], REVIEW, id="no unit"),
    pytest.param([a_liver_value(units_per_litre(4, code="ukat/L"), upper=40)], HOLD, id="4 ukat/L are 240 U/L"),
    pytest.param([a_liver_value(units_per_litre("30"))], REVIEW, id="no number"),
    pytest.param([a_liver_value(units_per_litre(-1))], REVIEW, id="below zero"),
    pytest.param([a_liver_value(30, modifierExtension=[{"url": "urn:x"}])], REVIEW, id="an unknown modifier"),
    pytest.param([a_liver_value(30, referenceRange=[{"high": {"value": "?"}}])], REVIEW, id="a limit of no number"),
    pytest.param([a_liver_value(30, upper=Decimal("1E+999999"))], REVIEW, id="a limit beyond all measure"),
    pytest.param([a_liver_value(Decimal("1E+999999"))], REVIEW, id="a value beyond all measure"),
    pytest.param([a_liver_value(30, upper=0)], REVIEW, id="a limit of zero"),
    pytest.param([a_liver_value(30, referenceRange="0-40")], REVIEW, id="a limit that is a string"),
    pytest.param([a_liver_value(30, referenceRange=[{"text": "0-40"}])], CANDIDATE, id="a limit in words is none"),
    pytest.param([a_liver_value(30, status="unknown")], REVIEW, id="status unknown"),
    pytest.param([a_liver_value(30, status="finished")], REVIEW, id="a status that FHIR does not have"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "status"), LIVER)
def test_liver_values(values: list[Json], status: Status) -> None:
    assert screened(a_chart(*values)).status is status
    assert screened(a_chart(*reversed(values))).status is status


def test_the_lowest_normal_limit_of_the_result_counts_and_others_do_not() -> None:
    critical = {"high": units_per_litre(20), "type": {"coding": [{"code": "treatment"}]}}
    ranges = [{"high": units_per_litre(80)}, {"high": units_per_litre(50)}, critical]
    found = finding(screened(a_chart(a_liver_value(251, referenceRange=ranges))), "REV-HEP")
    assert found.effect is HOLD
    assert found.evidence[0].text == "ALT 251 U/L, upper limit 50"
    assert screened(a_chart(a_liver_value(250, referenceRange=ranges))).status is CANDIDATE


def test_an_assumed_limit_is_said_to_be_one() -> None:
    (evidence,) = finding(screened(a_chart(a_liver_value(300, upper=None))), "REV-HEP").evidence
    assert "no upper limit given, 40 assumed" in evidence.text


def test_a_site_may_set_how_far_over_the_limit() -> None:
    facts = patient_facts(a_chart(a_liver_value(130)), as_of=TODAY, patients=PATIENTS)
    stricter = RuleSettings(limits=Limits(liver_times_upper=Decimal(3)))
    assert screen(facts, as_of=TODAY).status is CANDIDATE
    assert screen(facts, as_of=TODAY, settings=stricter).status is HOLD


def test_the_reason_names_what_the_ehr_answered() -> None:
    result = screened(a_chart(), a_failure(Area.LABORATORY, "the EHR failed (503)"), a_failure(Area.CONDITION))
    assert finding(result, "REV-HEP").reason == (
        "Could not look: conditions (the EHR refused it (403)); laboratory results (the EHR failed (503))."
    )
    assert finding(result, "ABS-ANEUR").reason == "Could not look: conditions (the EHR refused it (403))."


def test_a_long_reason_is_cut() -> None:
    failures = [a_failure(Area.CONDITION, f"page {n} failed because of a very long story") for n in range(40)]
    reason = finding(screened(a_chart(), *failures), "ABS-ANEUR").reason
    assert len(reason) < 350
    assert reason.endswith("….")


def test_the_window_of_a_stroke_is_the_sites() -> None:
    facts = patient_facts(a_chart(a_condition("I63.9", onset=days_ago(100))), as_of=TODAY, patients=PATIENTS)
    stricter = RuleSettings(limits=Limits(stroke_days=120))
    assert [screen(facts, as_of=day, settings=stricter).status for day in (TODAY, date(2027, 1, 1))] == [
        HOLD,
        Status.INSUFFICIENT_DATA,  # by then the blood pressure is stale, and the stroke is for review
    ]
