"""Who the patient is: pregnancy that nobody knows of, breast-feeding, age (MISS-PREG, HOLD-LACT, AGE-65)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fhir_mappings.facts.clinical import Area
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.finding import Finding, State, Status
from smart_app.clinical.limits import Limits
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.screening import ScreeningResult, screen
from tests.builders import (
    PATIENTS,
    TODAY,
    Json,
    a_chart,
    a_condition,
    a_failure,
    a_patient,
    a_pregnancy_status,
    an_hcg,
    days_ago,
    finding,
    screened,
)

HOLD, REVIEW, CANDIDATE = Status.HOLD, Status.NEEDS_REVIEW, Status.CANDIDATE
NEGATIVE = "260415000"
NOT_PREGNANT, UNKNOWN = "60001007", "261665006"


def a_woman(**changes: object) -> list[Json]:
    return a_chart(a_patient(gender="female", **changes), without=["Patient"])


def told(rule: str, said: Said, *, days_before: int = 0, days: int = 30) -> Answer:
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC) - timedelta(days=days_before)
    return Answer(id="a1", question=rule, said=said, by="Nan Nurse, nurse", at=at, days=days)


def asked(chart: list[Json], *answers: Answer, settings: RuleSettings | None = None) -> ScreeningResult:
    facts = patient_facts(chart, as_of=TODAY, patients=PATIENTS)
    return screen(facts, as_of=TODAY, answers=answers, settings=settings or RuleSettings())


WHOM = [
    pytest.param("female", "1986-03-04", True, id="a woman of 40"),
    pytest.param("female", "2014-11-23", True, id="twelve today"),
    pytest.param("female", "2014-11-24", False, id="twelve tomorrow"),
    pytest.param("female", "1975-11-24", True, id="fifty, and fifty-one tomorrow"),
    pytest.param("female", "1975-11-23", False, id="fifty-one today"),
    pytest.param("female", "1975", True, id="of a year of which some days are fifty"),
    pytest.param("female", "1974", False, id="of a year that is past fifty"),
    pytest.param("female", "2014", True, id="of a year of which some days are twelve"),
    pytest.param("male", "1986-03-04", False, id="a man"),
    pytest.param("other", "1986-03-04", True, id="another sex"),
    pytest.param("unknown", "1986-03-04", True, id="sex unknown"),
    pytest.param(None, "1986-03-04", True, id="sex not recorded"),
    pytest.param("???", "1986-03-04", True, id="sex garbled"),
]


@pytest.mark.parametrize(("gender", "born", "fires"), WHOM)
def test_whom_a_missing_pregnancy_test_concerns(gender: str | None, born: str, *, fires: bool) -> None:
    result = screened(a_chart(a_patient(gender=gender, birthDate=born), without=["Patient"]))
    assert (finding(result, "MISS-PREG").state is State.MET) is fires


def test_an_unknown_birth_date_leaves_it_open_except_for_men() -> None:
    for gender, state in (("female", State.NOT_ENOUGH_DATA), ("male", State.NOT_MET)):
        found = finding(screened(a_chart(a_patient(gender=gender, birthDate=None), without=["Patient"])), "MISS-PREG")
        assert found.state is state


KNOWN = [
    pytest.param([], REVIEW, id="nothing on record"),
    pytest.param([an_hcg(NEGATIVE, when=days_ago(30))], CANDIDATE, id="negative test, 30 days"),
    pytest.param([an_hcg(NEGATIVE, when=days_ago(31))], REVIEW, id="negative test, 31 days"),
    pytest.param([an_hcg(NEGATIVE, when="2026-11")], REVIEW, id="negative test, this month: it may lie ahead"),
    pytest.param([an_hcg(NEGATIVE, when="2026-10")], REVIEW, id="negative test, last month: not surely"),
    pytest.param([an_hcg(NEGATIVE, effectiveDateTime=None)], REVIEW, id="negative test, undated"),
    pytest.param([an_hcg(NEGATIVE, status="preliminary")], REVIEW, id="negative test, not final"),
    pytest.param([an_hcg(NEGATIVE, status="unknown")], REVIEW, id="negative test, status unknown"),
    pytest.param([an_hcg(NEGATIVE, when=days_ago(-1))], REVIEW, id="negative test of tomorrow"),
    pytest.param([a_pregnancy_status(NOT_PREGNANT, when=days_ago(30))], CANDIDATE, id="status not pregnant, 30 days"),
    pytest.param([a_pregnancy_status(UNKNOWN)], REVIEW, id="status unknown is no status"),
    pytest.param([a_pregnancy_status(UNKNOWN), an_hcg(NEGATIVE)], CANDIDATE, id="status unknown beside a test"),
    pytest.param([an_hcg()], HOLD, id="a positive test is known, and holds"),
]


@pytest.mark.parametrize(("entries", "status"), KNOWN)
def test_what_counts_as_knowing(entries: list[Json], status: Status) -> None:
    result = screened([*a_woman(), *entries])
    assert result.status is status
    assert (finding(result, "MISS-PREG").effect is REVIEW) is (status is REVIEW)


SAID = [
    pytest.param(told("HOLD-PREG", Said.NO), CANDIDATE, id="no, today"),
    pytest.param(told("HOLD-PREG", Said.NO, days_before=30), CANDIDATE, id="no, 30 days ago"),
    pytest.param(told("HOLD-PREG", Said.NO, days_before=31, days=60), REVIEW, id="no, 31 days ago, though it holds"),
    pytest.param(told("HOLD-PREG", Said.UNKNOWN), REVIEW, id="could not say"),
    pytest.param(told("HOLD-PREG", Said.YES), HOLD, id="yes"),
    pytest.param(told("MISS-PREG", Said.NO), REVIEW, id="an answer to another question"),
]


@pytest.mark.parametrize(("answer", "status"), SAID)
def test_the_patients_own_word_settles_it(answer: Answer, status: Status) -> None:
    result = asked(a_woman(), answer)
    assert result.status is status
    known = answer.question == "HOLD-PREG" and answer.said is not Said.UNKNOWN and status is not REVIEW
    assert (finding(result, "MISS-PREG").state is State.NOT_MET) is known


def test_a_no_does_not_undo_a_positive_test() -> None:
    assert asked([*a_woman(), an_hcg()], told("HOLD-PREG", Said.NO)).status is HOLD


@pytest.mark.parametrize("area", [Area.LABORATORY, Area.SOCIAL_HISTORY])
def test_a_missing_test_is_not_claimed_where_nobody_could_look(area: Area) -> None:
    found = finding(screened(a_woman(), a_failure(area)), "MISS-PREG")
    assert (found.state, found.effect) == (State.COULD_NOT_LOOK, None)
    assert "403" in found.reason


@pytest.mark.parametrize("area", [Area.LABORATORY, Area.SOCIAL_HISTORY])
def test_what_nobody_could_read_matters_only_where_the_question_arises(area: Area) -> None:
    man = screened(a_chart(), a_failure(area))
    assert finding(man, "MISS-PREG").reason == "Not asked: the recorded sex is male."
    told_otherwise = screened([*a_woman(), a_pregnancy_status(NOT_PREGNANT), an_hcg(NEGATIVE)], a_failure(area))
    assert finding(told_otherwise, "MISS-PREG").state is State.NOT_MET
    assert (man.status, told_otherwise.status) == (REVIEW, REVIEW)


def test_the_ages_and_the_window_are_the_sites() -> None:
    settings = RuleSettings(limits=Limits(fertile_to_years=55, pregnancy_test_days=10))
    chart = a_woman(birthDate="1972-01-01")
    assert asked(chart).status is CANDIDATE
    assert asked(chart, settings=settings).status is REVIEW
    assert asked([*chart, an_hcg(NEGATIVE, when=days_ago(11))], settings=settings).status is REVIEW


FEEDING = [
    pytest.param({"onset": days_ago(30)}, HOLD, id="a month"),
    pytest.param({"onset": "2025-11-23"}, HOLD, id="twelve months"),
    pytest.param({"onset": "2025-11-22"}, CANDIDATE, id="a day more"),
    pytest.param({"onset": "2025-11"}, HOLD, id="perhaps twelve months"),
    pytest.param({"onset": "2024", "recorded": days_ago(30)}, HOLD, id="recorded a month ago"),
    pytest.param({}, HOLD, id="no date"),
    pytest.param({"onset": days_ago(30), "status": "resolved"}, CANDIDATE, id="over"),
]


@pytest.mark.parametrize(("changes", "status"), FEEDING)
def test_breast_feeding_by_the_record(changes: dict[str, str], status: Status) -> None:
    assert screened(a_chart(a_condition("Z39.1", **changes))).status is status


def lactation(result: ScreeningResult) -> Finding:
    return finding(result, "HOLD-LACT")


def test_breast_feeding_by_what_the_patient_says() -> None:
    statuses = [asked(a_chart(), told("HOLD-LACT", said)).status for said in (Said.YES, Said.NO, Said.UNKNOWN)]
    assert statuses == [HOLD, CANDIDATE, REVIEW]
    recorded = a_chart(a_condition("Z39.1", onset=days_ago(30)))
    no = asked(recorded, told("HOLD-LACT", Said.NO))
    assert no.status is HOLD
    assert lactation(no).evidence[-1].reference == "answer/a1"


def test_a_site_may_ask_for_review_of_breast_feeding() -> None:
    softer = RuleSettings(limits=Limits(lactation_holds=False))
    for chart, answers in ((a_chart(a_condition("Z39.1")), []), (a_chart(), [told("HOLD-LACT", Said.YES)])):
        result = asked(chart, *answers, settings=softer)
        assert result.status is REVIEW
        assert lactation(result).effect is REVIEW


@pytest.mark.parametrize(
    ("born", "state"),
    [
        pytest.param("1961-11-23", State.MET, id="sixty-five today"),
        pytest.param("1961-11-24", State.NOT_MET, id="sixty-five tomorrow"),
        pytest.param("1961", State.MET, id="perhaps sixty-five"),
        pytest.param("1962", State.NOT_MET, id="surely younger"),
        pytest.param(None, State.NOT_ENOUGH_DATA, id="not known"),
    ],
)
def test_from_sixty_five_it_is_a_caution(born: str | None, state: State) -> None:
    result = screened(a_chart(a_patient(birthDate=born), without=["Patient"]))
    found = finding(result, "AGE-65")
    assert (found.state, found.effect) == (state, None)
    assert result.status is (CANDIDATE if born else Status.INSUFFICIENT_DATA)
