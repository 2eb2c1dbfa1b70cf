"""Indications, firm, weak and missing, and suicidality (clinical content, rules IND-* and 1b)."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.clinical import Area, Gap
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import Status
from smart_app.clinical.limits import Limits
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.screening import screen
from tests.builders import (
    PATIENTS,
    SNOMED,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_condition,
    a_failure,
    a_medication,
    a_patient,
    an_item_nine,
    an_observation,
    days_ago,
    finding,
    screened,
    states,
    with_condition,
    without_depression,
)

CONTRAINDICATED, HOLD, REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
NONE, MISSING, CANDIDATE = Status.NO_INDICATION, Status.INSUFFICIENT_DATA, Status.CANDIDATE


INDICATIONS = [
    pytest.param("F33.1", "IND-MDD", id="recurrent depression"),
    pytest.param("F32.4", "IND-MDD", id="partial remission"),
    pytest.param("370143000", "IND-MDD", id="major depression, SNOMED"),
    pytest.param("F34.1", "IND-PDD", id="dysthymia"),
    pytest.param("F31.31", "IND-BPD", id="bipolar depression"),
    pytest.param("1153570009", "IND-TRD", id="treatment-resistant depression, SNOMED"),
    pytest.param("R45.851", "IND-SI", id="suicidal ideation"),
]


@pytest.mark.parametrize(("code", "rule"), INDICATIONS)
@pytest.mark.parametrize("status", ["active", "recurrence", "relapse", None])
def test_each_indication_suffices(code: str, rule: str, status: str | None) -> None:
    system = SNOMED if code.isdigit() else "http://hl7.org/fhir/sid/icd-10-cm"
    found, rules = without_depression(a_condition(code, system=system, status=status))
    assert (found, rules) == (CANDIDATE, {rule})


@pytest.mark.parametrize(("code", "rule"), [item for item in INDICATIONS if item.id != "suicidal ideation"])
@pytest.mark.parametrize("status", ["inactive", "remission", "resolved"])
def test_an_indication_must_be_active(code: str, rule: str, status: str) -> None:
    system = SNOMED if code.isdigit() else "http://hl7.org/fhir/sid/icd-10-cm"
    assert without_depression(a_condition(code, system=system, status=status)) == (NONE, {"IND-NONE"})


def test_an_indication_with_a_past_abatement_is_not_active() -> None:
    assert without_depression(a_condition(status=None, abatement="2020")) == (NONE, {"IND-NONE"})
    assert without_depression(a_condition(status=None, abatementString="years ago")) == (NONE, {"IND-NONE"})


DOUBTFUL = [
    pytest.param({"status": None, "abatement": "2026"}, REVIEW, id="abated this year, perhaps ahead"),
    pytest.param({"abatement": "2026"}, REVIEW, id="active, and abated this year"),
    pytest.param({"abatement": "2020"}, REVIEW, id="active, and abated in 2020"),
    pytest.param({"abatementString": "years ago"}, REVIEW, id="active, and abated in words"),
    pytest.param({"category": "encounter-diagnosis", "onset": "2012-01-01", "recorded": "2012-01-01"}, REVIEW,
                 id="a visit of 2012"),
    pytest.param({"category": "encounter-diagnosis"}, REVIEW, id="a visit without a date"),
    pytest.param({"category": "encounter-diagnosis", "recorded": days_ago(366)}, REVIEW, id="a visit, 366 days"),
    pytest.param({"category": "encounter-diagnosis", "recorded": "2025"}, REVIEW, id="a visit, partly within"),
    pytest.param({"category": "encounter-diagnosis", "recorded": days_ago(365)}, CANDIDATE, id="a visit, 365 days"),
    pytest.param({"category": "encounter-diagnosis", "onset": "2012", "recorded": days_ago(5)}, CANDIDATE,
                 id="an old onset, seen five days ago"),
    pytest.param({"onset": "2012-01-01"}, CANDIDATE, id="on the problem list since 2012"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "status"), DOUBTFUL)
def test_an_indication_that_may_be_over_is_not_firm(changes: dict[str, str], status: Status) -> None:
    found, rules = without_depression(a_condition(**changes))
    assert found is status
    assert rules == ({"IND-UNSPEC"} if status is REVIEW else {"IND-MDD"})


@pytest.mark.parametrize(
    ("condition", "status", "rules"),
    [
        pytest.param(a_condition("F53.0", onset="2025-11-23"), CANDIDATE, {"IND-PPD"}, id="postpartum, 12 months"),
        pytest.param(a_condition("F53.0", onset="2025-11-22"), REVIEW, {"IND-PPD"}, id="postpartum, a day more"),
        pytest.param(a_condition("F53.0", onset="2025-11"), REVIEW, {"IND-PPD"}, id="postpartum, partly within"),
        pytest.param(a_condition("F53.0", onset="2025-12"), CANDIDATE, {"IND-PPD"}, id="postpartum, a month within"),
        pytest.param(a_condition("F53.0"), REVIEW, {"IND-PPD"}, id="postpartum, no onset"),
        pytest.param(a_condition("F53.0", status="resolved", onset=days_ago(30)), NONE, {"IND-NONE"},
                     id="postpartum, resolved"),
        pytest.param(a_condition("F32.A"), REVIEW, {"IND-UNSPEC"}, id="unspecified depression"),
        pytest.param(a_condition("F33.40"), REVIEW, {"IND-UNSPEC"}, id="remission, unspecified"),
        pytest.param(a_condition("F33.2", verification="provisional"), REVIEW, {"IND-UNSPEC"}, id="provisional"),
        pytest.param(a_condition("F31.9"), REVIEW, {"REV-BIPOLAR"}, id="bipolar, polarity not stated"),
        pytest.param(a_condition("F32.5"), NONE, {"IND-NONE", "IND-REMISSION"}, id="full remission"),
        pytest.param(a_condition("F33.42", status="remission"), NONE, {"IND-NONE", "IND-REMISSION"},
                     id="full remission, and the status says so"),
        pytest.param(a_condition("F32.81"), NONE, {"IND-NONE"}, id="premenstrual dysphoric disorder only"),
        pytest.param(a_condition("J45.909"), NONE, {"IND-NONE"}, id="asthma only"),
        pytest.param(a_condition("F33.2", verification="refuted"), NONE, {"IND-NONE", "DATA-REFUTED"}, id="refuted"),
        pytest.param(a_condition("F32.3"), HOLD, {"IND-MDD", "HOLD-PSY"}, id="psychotic depression: both at once"),
        pytest.param(a_condition("F31.5"), HOLD, {"IND-BPD", "HOLD-PSY"}, id="psychotic bipolar depression: both"),
        pytest.param(a_condition("73867007", system=SNOMED), HOLD, {"IND-MDD", "HOLD-PSY"}, id="its SNOMED kin"),
    ],
)  # fmt: skip
def test_weak_and_mixed_indications(condition: Json, status: Status, rules: set[str]) -> None:
    assert without_depression(condition) == (status, rules)


def test_no_condition_at_all_is_no_indication() -> None:
    assert without_depression() == (NONE, {"IND-NONE"})


def test_a_medicine_in_words_is_no_hint_at_an_indication() -> None:
    status, rules = without_depression(a_medication(None, text="ketamine"))
    assert status is NONE
    assert "IND-UNSPEC" not in rules


def test_a_firm_indication_settles_a_weak_one() -> None:
    assert with_condition(a_condition("F32.A"))[0] is CANDIDATE
    assert with_condition(a_condition("F34.1", verification="provisional"))[0] is CANDIDATE


SUICIDALITY = [
    pytest.param([a_condition("R45.851", onset="2015-01-01")], CANDIDATE, True, id="active for years"),
    pytest.param([a_condition("6471006", system=SNOMED, status="resolved", recorded=days_ago(90))], CANDIDATE, True,
                 id="resolved, recorded 90 days ago"),
    pytest.param([a_condition("R45.851", status="resolved", recorded=days_ago(91))], NONE, False, id="91 days ago"),
    pytest.param([a_condition("R45.851", status="resolved", recorded="2026")], NONE, True,
                 id="this year: an alert, but no indication"),
    pytest.param([a_condition("R45.851", category="encounter-diagnosis", onset="2015-01-01")], NONE, True,
                 id="an old encounter diagnosis: an alert, but no indication"),
    pytest.param([a_condition("R45.851", verification="provisional")], REVIEW, True, id="provisional"),
    pytest.param([a_condition("Z91.51")], NONE, True, id="a history alone"),
    pytest.param([an_item_nine(1, when=days_ago(14))], CANDIDATE, True, id="item 9 positive, 14 days"),
    pytest.param([an_item_nine(1, when=days_ago(15))], NONE, False, id="item 9 positive, 15 days"),
    pytest.param([an_item_nine(0)], NONE, False, id="item 9 is zero"),
    pytest.param([an_item_nine(effectiveDateTime=None)], NONE, True, id="item 9 without a date: an alert only"),
    pytest.param([an_item_nine(when="2026-11")], NONE, True, id="item 9, this month: an alert only"),
    pytest.param([an_item_nine(status="preliminary")], NONE, True, id="item 9, preliminary: an alert only"),
    pytest.param([an_item_nine(status="entered-in-error")], NONE, False, id="item 9 in error"),
    pytest.param([an_item_nine(when=days_ago(-1))], NONE, False, id="item 9 ahead of the day: listed, not used"),
    pytest.param([an_observation("93246-7", "survey", valueBoolean=True)], CANDIDATE, True, id="C-SSRS question 1"),
    pytest.param([an_observation("93246-7", "survey", valueBoolean=False)], NONE, False, id="C-SSRS question 1, no"),
    pytest.param([an_observation("93267-3", "survey", valueBoolean=True)], NONE, True,
                 id="C-SSRS lifetime behaviour: an alert, but no indication"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "status", "alert"), SUICIDALITY)
def test_suicidality_is_an_indication_while_current_and_always_an_alert(
    entries: list[Json], status: Status, *, alert: bool
) -> None:
    result = screened(a_chart(*entries, without=["Condition"]))
    assert result.status is status
    assert ([found.rule for found in result.alerts] == ["IND-SI"]) is alert


def test_item_nine_inside_its_panel_counts() -> None:
    panel = an_item_nine(valueInteger=None)
    answer = {"code": panel["code"], "valueCodeableConcept": {"coding": [{"code": "LA6570-1"}]}}
    panel |= {"code": {"coding": [{"system": "http://loinc.org", "code": "44249-1"}]}, "component": [answer]}
    assert without_depression(panel) == (CANDIDATE, {"IND-SI"})


def test_the_patient_and_pressure_alone_never_make_a_candidate() -> None:
    assert screened([a_patient(), a_blood_pressure()]).status is NONE


REMISSION = [
    pytest.param([], [], "not-met", id="nothing of it"),
    pytest.param([a_condition("F33.42")], [], "met", id="full remission alone"),
    pytest.param([a_condition("F33.42", status="resolved")], [], "met", id="full remission, resolved"),
    pytest.param([a_condition("46244001", system=SNOMED)], [], "met", id="full remission, SNOMED"),
    pytest.param([a_condition("F33.42", verification="refuted")], [], "not-met", id="refuted"),
    pytest.param([a_condition("F33.42"), a_condition("F33.2")], [], "not-met", id="beside an active depression"),
    pytest.param([a_condition("F33.42"), a_condition("F32.A")], [], "not-met", id="beside an unspecified one"),
    pytest.param([a_condition("F33.42"), a_condition("F31.9")], [], "not-met", id="beside a bipolar disorder"),
    pytest.param([a_condition("F33.42"), a_condition(None, text="low mood, depression")], [], "not-met",
                 id="beside a depression in words"),
    pytest.param([a_condition("F33.42"), a_condition(None)], [], "not-enough-data", id="beside an unreadable entry"),
    pytest.param([a_condition("F33.42")], [a_failure(Area.CONDITION)], "could-not-look", id="on a list cut short"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "failures", "state"), REMISSION)
def test_full_remission_is_no_indication_only_where_nothing_else_may_be(
    entries: list[Json], failures: list[Gap], state: str
) -> None:
    result = screened(a_chart(*entries, without=["Condition"]), *failures)
    assert states(result)["IND-REMISSION"] == state
    assert (finding(result, "IND-REMISSION").effect is NONE) is (state == "met")
    assert result.status is not CANDIDATE or "F33.2" in str(entries)


def test_a_site_that_does_not_treat_bipolar_depression_gets_it_for_review() -> None:
    strict = RuleSettings(limits=Limits(bipolar_allowed=False))
    for entries, allowed, refused in (
        ([a_condition("F31.31")], CANDIDATE, REVIEW),
        ([a_condition("F31.31"), a_condition("F33.2")], CANDIDATE, REVIEW),
        ([a_condition("F31.5")], HOLD, HOLD),
    ):
        chart = a_chart(*entries, without=["Condition"])
        facts = patient_facts(chart, as_of=TODAY, patients=PATIENTS)
        assert screen(facts, as_of=TODAY).status is allowed
        result = screen(facts, as_of=TODAY, settings=strict)
        assert result.status is refused
        assert (finding(result, "IND-BPD").effect, states(result)["IND-NONE"]) == (REVIEW, "not-met")


def test_the_window_of_postpartum_depression_is_the_sites_and_told() -> None:
    chart = a_chart(a_condition("F53.0", onset=days_ago(100)), without=["Condition"])
    facts = patient_facts(chart, as_of=TODAY, patients=PATIENTS)
    result = screen(facts, as_of=TODAY, settings=RuleSettings(limits=Limits(postpartum_months=3)))
    assert (screen(facts, as_of=TODAY).status, result.status) == (CANDIDATE, REVIEW)
    assert "in the last 3 months" in finding(result, "IND-PPD").reason
