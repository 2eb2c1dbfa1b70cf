"""Every rule by diagnosis, fired and not fired, as the clinical content words it (rules, 2.1 and 1b)."""

from __future__ import annotations

import pytest

from smart_app.clinical.finding import State, Status
from tests.builders import (
    PLAIN,
    SNOMED,
    Json,
    a_chart,
    a_condition,
    coded,
    days_ago,
    finding,
    met_rules,
    screened,
    states,
    with_condition,
)

CONTRAINDICATED, HOLD, REVIEW = Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW
NONE, MISSING, CANDIDATE = Status.NO_INDICATION, Status.INSUFFICIENT_DATA, Status.CANDIDATE


def test_a_depression_and_a_passing_pressure_are_a_candidate() -> None:
    result = screened(a_chart())
    assert result.status is CANDIDATE
    assert met_rules(result) - PLAIN == {"IND-MDD"}
    assert all(found.state is State.NOT_MET for found in result.findings if found.rule not in {"IND-MDD", *PLAIN})
    assert not result.gaps


FIRED = [
    pytest.param(a_condition("F20.9"), CONTRAINDICATED, "ABS-SCZ", id="schizophrenia"),
    pytest.param(a_condition("F25.1", status="resolved", abatement="2009-01-01"), CONTRAINDICATED, "ABS-SCZ",
                 id="schizoaffective, resolved long ago"),
    pytest.param(a_condition("F20.81"), CONTRAINDICATED, "ABS-SCZ", id="schizophreniform"),
    pytest.param(a_condition("58214004", system=SNOMED, status="remission"), CONTRAINDICATED, "ABS-SCZ",
                 id="schizophrenia in remission, SNOMED"),
    pytest.param(a_condition("F20.9", category="encounter-diagnosis", onset="2001"), CONTRAINDICATED, "ABS-SCZ",
                 id="schizophrenia, encounter diagnosis of 2001"),
    pytest.param(a_condition("N30.10"), CONTRAINDICATED, "ABS-IC", id="interstitial cystitis"),
    pytest.param(a_condition("N30.11", status="inactive"), CONTRAINDICATED, "ABS-IC", id="cystitis, inactive"),
    pytest.param(a_condition("N30.10", status="remission"), CONTRAINDICATED, "ABS-IC", id="cystitis, remission"),
    pytest.param(a_condition("N30.10", status="resolved"), CONTRAINDICATED, "ABS-IC",
                 id="cystitis, resolved without abatement"),
    pytest.param(a_condition("N30.10", status="resolved", abatement="2027-01-01"), CONTRAINDICATED, "ABS-IC",
                 id="cystitis, resolved with an abatement ahead"),
    pytest.param(a_condition("N30.10", status="resolved", abatement="2026"), CONTRAINDICATED, "ABS-IC",
                 id="cystitis, resolved with an abatement that may lie ahead"),
    pytest.param(a_condition("N30.10", status="resolved", abatement="2020-05"), REVIEW, "ABS-IC",
                 id="cystitis, resolved with abatement"),
    pytest.param(a_condition("I61.9", status="resolved"), CONTRAINDICATED, "ABS-ICH", id="brain bleeding, resolved"),
    pytest.param(a_condition("I69.198"), CONTRAINDICATED, "ABS-ICH", id="sequelae of bleeding"),
    pytest.param(a_condition("S06.5X0A", onset="1999-01-01"), CONTRAINDICATED, "ABS-ICH", id="subdural bleeding"),
    pytest.param(a_condition("G93.2"), CONTRAINDICATED, "ABS-ICP", id="benign intracranial hypertension"),
    pytest.param(a_condition("G93.2", status=None), CONTRAINDICATED, "ABS-ICP", id="pressure, no status"),
    pytest.param(a_condition("G93.2", status=None, abatement="2026"), CONTRAINDICATED, "ABS-ICP",
                 id="raised pressure, abatement that may lie ahead"),
    pytest.param(a_condition("G93.2", status=None, abatement="2021"), REVIEW, "ABS-ICP", id="pressure, abated"),
    pytest.param(a_condition("G93.2", status="resolved"), REVIEW, "ABS-ICP", id="raised pressure, resolved"),
    pytest.param(a_condition("I20.0"), CONTRAINDICATED, "ABS-CV", id="unstable angina, active"),
    pytest.param(a_condition("I50.23", onset="2010-01-01"), CONTRAINDICATED, "ABS-CV",
                 id="decompensated failure, active since 2010"),
    pytest.param(a_condition("I49.01", status="resolved", abatement=days_ago(90)), CONTRAINDICATED, "ABS-CV",
                 id="ventricular fibrillation, 90 days"),
    pytest.param(a_condition("I49.01", status="resolved", abatement=days_ago(91)), REVIEW, "ABS-CV",
                 id="ventricular fibrillation, 91 days"),
    pytest.param(a_condition("I46.9", status="resolved"), CONTRAINDICATED, "ABS-CV", id="cardiac arrest, no date"),
    pytest.param(a_condition("I47.21", category="encounter-diagnosis", onset=days_ago(91)), REVIEW, "ABS-CV",
                 id="torsades, encounter diagnosis still active, 91 days"),
    pytest.param(a_condition("I21.4", onset=days_ago(42)), HOLD, "ABS-MI", id="infarction, 42 days"),
    pytest.param(a_condition("I21.4", onset=days_ago(43)), REVIEW, "REV-CV", id="infarction, 43 days, still active"),
    pytest.param(a_condition("I21.4", onset=days_ago(400), recorded=days_ago(10)), HOLD, "ABS-MI",
                 id="infarction, recorded ten days ago: the latest date counts"),
    pytest.param(a_condition("I21.4", status="resolved"), HOLD, "ABS-MI", id="infarction, no date"),
    pytest.param(a_condition("I25.2"), REVIEW, "REV-CV", id="old infarction"),
    pytest.param(a_condition("I48.91", status="resolved"), REVIEW, "REV-CV", id="atrial fibrillation"),
    pytest.param(a_condition("I50.22"), REVIEW, "REV-CV", id="chronic heart failure"),
    pytest.param(a_condition("I25.10"), REVIEW, "REV-CV", id="coronary disease"),
    pytest.param(a_condition("I42.0"), REVIEW, "REV-CV", id="cardiomyopathy"),
    pytest.param(a_condition("I35.0"), REVIEW, "REV-CV", id="aortic stenosis"),
    pytest.param(a_condition("I27.20"), REVIEW, "REV-CV", id="pulmonary hypertension"),
    pytest.param(a_condition("I44.2"), REVIEW, "REV-CV", id="complete heart block"),
    pytest.param(a_condition("I45.81"), REVIEW, "REV-CV", id="long QT"),
    pytest.param(a_condition("F29"), HOLD, "HOLD-PSY", id="psychosis, active"),
    pytest.param(a_condition("F29", onset="2010-01-01"), HOLD, "HOLD-PSY", id="psychosis, active since 2010"),
    pytest.param(a_condition("F22", status="resolved", abatement=days_ago(180)), HOLD, "HOLD-PSY",
                 id="psychosis, 180 days"),
    pytest.param(a_condition("F22", status="resolved", abatement=days_ago(181)), REVIEW, "REV-PSYHX",
                 id="psychosis, 181 days"),
    pytest.param(a_condition("F23", category="encounter-diagnosis", onset=days_ago(181)), REVIEW, "REV-PSYHX",
                 id="psychosis, encounter diagnosis still active, 181 days"),
    pytest.param(a_condition("F23", category="encounter-diagnosis", onset=days_ago(180)), HOLD, "HOLD-PSY",
                 id="psychosis, encounter diagnosis, 180 days"),
    pytest.param(a_condition("F23", category=None, onset="2001"), HOLD, "HOLD-PSY",
                 id="psychosis, no category is the problem list"),
    pytest.param(a_condition("F53.1", status="resolved"), HOLD, "HOLD-PSY", id="puerperal psychosis, no date"),
    pytest.param(a_condition("F33.3"), HOLD, "HOLD-PSY", id="psychotic depression"),
    pytest.param(a_condition("698951002", system=SNOMED), REVIEW, "REV-PSYHX", id="psychosis-in-remission code"),
    pytest.param(a_condition("F31.10"), HOLD, "HOLD-MANIA", id="mania, active"),
    pytest.param(a_condition("F31.0"), HOLD, "HOLD-MANIA", id="hypomania, active"),
    pytest.param(a_condition("F31.63"), HOLD, "HOLD-MANIA", id="mixed episode"),
    pytest.param(a_condition("F30.9", status="resolved", abatement=days_ago(90)), HOLD, "HOLD-MANIA",
                 id="mania, 90 days"),
    pytest.param(a_condition("F30.9", status="resolved", abatement=days_ago(91)), REVIEW, "REV-BIPOLAR",
                 id="mania, 91 days, coded only unipolar"),
    pytest.param(a_condition("F30.9", status="remission"), HOLD, "HOLD-MANIA", id="mania, no date"),
    pytest.param(a_condition("I16.0", onset=days_ago(400)), HOLD, "HOLD-HTNCRISIS", id="urgency, active"),
    pytest.param(a_condition("70272006", system=SNOMED), HOLD, "HOLD-HTNCRISIS", id="malignant hypertension"),
    pytest.param(a_condition("I16.1", status="resolved", abatement=days_ago(90)), HOLD, "HOLD-HTNCRISIS",
                 id="hypertensive emergency, 90 days"),
    pytest.param(a_condition("F31.9"), REVIEW, "REV-BIPOLAR", id="bipolar, polarity not stated"),
    pytest.param(a_condition("F31.76"), REVIEW, "REV-BIPOLAR", id="bipolar in remission"),
    pytest.param(a_condition("Z34.01", onset=days_ago(294)), HOLD, "HOLD-PREG", id="pregnancy, 42 weeks"),
    pytest.param(a_condition("Z33.1"), HOLD, "HOLD-PREG", id="pregnancy, no date"),
    pytest.param(a_condition("F21"), REVIEW, "DATA-TEXT", id="schizotypal disorder is for review"),
    pytest.param(a_condition("F15.959"), HOLD, "HOLD-PSY", id="psychosis by a stimulant"),
    pytest.param(a_condition("F10.151", status="resolved", abatement=days_ago(181)), REVIEW, "REV-PSYHX",
                 id="psychosis by alcohol, 181 days"),
    pytest.param(a_condition("F06.33"), HOLD, "HOLD-MANIA", id="mania by an illness"),
    pytest.param(a_condition("Z86.74", recorded=days_ago(5)), REVIEW, "ABS-CV", id="history of cardiac arrest"),
    pytest.param(a_condition("Z86.74", verification="provisional"), REVIEW, "DATA-UNCONF", id="perhaps an arrest"),
    pytest.param(a_condition("I11.0"), REVIEW, "REV-CV", id="hypertensive heart failure"),
    pytest.param(a_condition("I43"), REVIEW, "REV-CV", id="cardiomyopathy by another disease"),
    pytest.param(a_condition("I25.42"), REVIEW, "REV-CV", id="dissection of a coronary artery"),
    pytest.param(a_condition("F31.2", status="resolved", abatement=days_ago(120)), REVIEW, "DATA-TEXT",
                 id="psychotic mania 120 days ago is for review"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "status", "rule"), FIRED)
def test_a_condition_that_fires_its_rule(condition: Json, status: Status, rule: str) -> None:
    found, rules = with_condition(condition)
    assert found is status
    assert rule in rules


NOT_FIRED = [
    pytest.param(a_condition("I16.0", status="resolved", abatement=days_ago(91)), id="hypertensive crisis, 91 days"),
    pytest.param(a_condition("Z34.01", onset=days_ago(295)), id="pregnancy, 295 days"),
    pytest.param(a_condition("Z34.01", status="resolved", onset=days_ago(30)), id="pregnancy, resolved"),
    pytest.param(a_condition("N30.20"), id="other chronic cystitis"),
    pytest.param(a_condition("N30.00"), id="acute cystitis"),
    pytest.param(a_condition("I77.0"), id="dialysis fistula"),
    pytest.param(a_condition("Z81.8", text="Family history of schizophrenia"), id="family history"),
    pytest.param(a_condition("Z82.49"), id="family history of heart disease"),
    pytest.param(a_condition("I10"), id="hypertension alone says nothing about control"),
    pytest.param(a_condition("F32.81"), id="premenstrual dysphoric disorder"),
    pytest.param(a_condition("F32.5"), id="full remission"),
    pytest.param(a_condition("F41.1"), id="anxiety"),
    pytest.param(a_condition("Z86.59", text="Personal history of other mental disorder"), id="nonspecific history"),
    pytest.param(a_condition("F20.9", verification="entered-in-error"), id="schizophrenia entered in error"),
    pytest.param(a_condition("F20.9", verification="refuted"), id="schizophrenia refuted"),
    pytest.param(a_condition("F31.30", category="problem-list-item"), id="bipolar depression"),
]


@pytest.mark.parametrize("condition", NOT_FIRED)
def test_a_condition_that_fires_nothing_against_the_patient(condition: Json) -> None:
    status, rules = with_condition(condition)
    assert status is CANDIDATE
    assert rules <= {"DATA-EIE", "DATA-REFUTED", "IND-BPD", "REV-HTN"}


@pytest.mark.parametrize(
    ("verification", "rule"),
    [("entered-in-error", "DATA-EIE"), ("refuted", "DATA-REFUTED")],
    ids=["error", "refuted"],
)
def test_what_was_left_out_is_listed(verification: str, rule: str) -> None:
    result = screened(a_chart(a_condition("F20.9", verification=verification, id="scz")))
    assert [evidence.reference for evidence in finding(result, rule).evidence] == ["Condition/scz"]


@pytest.mark.parametrize("status", [{"text": "resolved"}, "resolved", {"coding": [{"code": "gone"}]}, {}], ids=str)
def test_only_a_clear_clinical_status_weakens_a_finding(status: Json | str) -> None:
    result = screened(a_chart(a_condition("G93.2", clinicalStatus=status)))
    assert result.status is CONTRAINDICATED
    assert "DATA-FETCH" in met_rules(result)


DOUBTFUL_RULES = [
    pytest.param("F20.9", id="schizophrenia"),
    pytest.param("N30.10", id="cystitis"),
    pytest.param("I61.9", id="bleeding"),
    pytest.param("G93.2", id="raised pressure"),
    pytest.param("I20.0", id="unstable angina"),
    pytest.param("I21.4", id="infarction"),
    pytest.param("F29", id="psychosis"),
    pytest.param("F31.2", id="mania"),
    pytest.param("I16.0", id="hypertensive crisis"),
    pytest.param("I48.91", id="atrial fibrillation"),
    pytest.param("F31.9", id="bipolar"),
    pytest.param("Z33.1", id="pregnancy"),
]


@pytest.mark.parametrize("code", DOUBTFUL_RULES)
@pytest.mark.parametrize("verification", ["unconfirmed", "provisional", "differential"])
def test_an_unconfirmed_finding_against_treatment_is_for_review(code: str, verification: str) -> None:
    status, rules = with_condition(a_condition(code, verification=verification))
    assert status is REVIEW
    assert "DATA-UNCONF" in rules
    assert not {rule for rule in rules if rule.startswith(("ABS-", "HOLD-"))}


@pytest.mark.parametrize(
    "verification",
    [
        pytest.param(None, id="absent"),
        pytest.param(coded("condition-ver-status", "CONFIRMED"), id="upper case"),
        pytest.param({"coding": [{"code": "confirmed"}, {"code": "refuted"}]}, id="confirmed and refuted at once"),
        pytest.param({"coding": [{"code": "confirmed"}, {"code": "entered-in-error"}]}, id="confirmed and in error"),
        pytest.param({"text": "Refuted"}, id="in words alone"),
        pytest.param("refuted", id="a bare string"),
    ],
)
def test_only_a_clear_verification_status_takes_a_contraindication_away(verification: Json | None) -> None:
    chart = a_chart(
        a_condition("F20.9", verification=None) | ({"verificationStatus": verification} if verification else {})
    )
    assert screened(chart).status is CONTRAINDICATED


PARTIAL_DATES = [
    pytest.param("F30.9", "2026", HOLD, id="mania, this year"),
    pytest.param("F30.9", "2026-08", HOLD, id="mania, August: its last days are within 90"),
    pytest.param("F30.9", "2026-07", REVIEW, id="mania, July"),
    pytest.param("F30.9", "2025", REVIEW, id="mania, last year"),
    pytest.param("F22", "2026-05", HOLD, id="psychosis, May: its last days are within 180"),
    pytest.param("F22", "2026-04", REVIEW, id="psychosis, April"),
    pytest.param("I21.4", "2026-10", HOLD, id="infarction, October"),
    pytest.param("I21.4", "2026-09", REVIEW, id="infarction, September"),
]


@pytest.mark.parametrize(("code", "when", "status"), PARTIAL_DATES)
def test_a_partial_date_fires_if_any_of_its_days_may(code: str, when: str, status: Status) -> None:
    assert with_condition(a_condition(code, status="resolved", onset=when))[0] is status


@pytest.mark.parametrize("element", ["onsetDateTime", "abatementDateTime", "recordedDate"])
def test_any_of_the_three_dates_is_evidence(element: str) -> None:
    old = {"onsetDateTime": "2001", "status": "resolved"}
    status = old.pop("status")
    condition = a_condition("F30.9", status=status, **(old | {element: days_ago(5)}))
    assert with_condition(condition)[0] is HOLD


def test_a_period_is_evidence_from_its_start_to_its_end() -> None:
    period = {"start": "2010-01-01", "end": days_ago(60)}
    assert with_condition(a_condition("F30.9", status="resolved", onsetPeriod=period))[0] is HOLD
    assert (
        with_condition(a_condition("F30.9", status="resolved", onsetPeriod=period | {"end": "2011-01-01"}))[0]
        is REVIEW
    )


def test_a_date_ahead_is_listed_and_not_used() -> None:
    result = screened(a_chart(a_condition("F30.9", status="resolved", onset="2001", recorded="2027-01-01")))
    assert result.status is REVIEW
    assert [gap.listed_only for gap in result.gaps] == [True]
    assert screened(a_chart(a_condition("F30.9", status="resolved", onset="2027"))).status is HOLD


@pytest.mark.parametrize(
    ("onset", "status"),
    [
        pytest.param("2026-08-25T00:00:00+14:00", HOLD, id="day 90 in its own offset"),
        pytest.param("2026-08-24T23:59:59-10:00", REVIEW, id="day 91 in its own offset"),
    ],
)
def test_days_are_counted_in_the_offset_of_the_record(onset: str, status: Status) -> None:
    assert with_condition(a_condition("F30.9", status="resolved", onset=onset))[0] is status


def test_all_findings_are_listed_with_their_evidence() -> None:
    result = screened(
        a_chart(a_condition("F20.9", id="scz", onset="2001-02"), a_condition("F31.2"), a_condition("F21"))
    )
    assert {"ABS-SCZ", "HOLD-MANIA", "DATA-TEXT", "IND-MDD"} <= met_rules(result)
    (evidence,) = finding(result, "ABS-SCZ").evidence
    assert (evidence.reference, evidence.date) == ("Condition/scz", "2001-02")
    assert "F20.9" in evidence.text
    assert [found.rule for found in result.shown][:2] == ["ABS-SCZ", "HOLD-MANIA"]


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(a_condition("F31.31", onset=days_ago(5)), id="now depressed"),
        pytest.param(a_condition("F31.5", status="resolved", onset="2020"), id="once depressed with psychosis"),
    ],
)
def test_an_old_mania_beside_a_bipolar_code_is_not_a_hidden_polarity(condition: Json) -> None:
    old = a_condition("F30.10", status="resolved", abatement="2020-01-01")
    assert states(screened(a_chart(old, condition)))["REV-BIPOLAR"] == "not-met"
