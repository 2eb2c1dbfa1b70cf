"""Relapse: after a response, high twice in time, or declared; and what is not yet one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.outcome_rules import AS_SHIPPED
from smart_app.clinical.outcomes import ScaleScore
from smart_app.clinical.relapse import Cause, Declaration, Standing, relapse, rule_words

FIRST = date(2026, 11, 2)


def phq(total: int | None, days: int, scale: str = "phq9") -> ScaleScore:
    return ScaleScore(scale=scale, total=total, day=FIRST + timedelta(days=days))


BEFORE = phq(20, -1)


@pytest.mark.parametrize(
    ("after", "standing"),
    [
        pytest.param([], Standing.NO_RESPONSE, id="nothing yet"),
        pytest.param([(15, 7), (16, 20), (17, 30)], Standing.NO_RESPONSE, id="never a response, so never a relapse"),
        pytest.param([(8, 21)], Standing.HOLDS, id="response"),
        pytest.param([(8, 1)], Standing.NO_RESPONSE, id="the change of a day is not judged"),
        pytest.param([(8, 21), (12, 35)], Standing.LOST, id="over half again, but only 4 above the best"),
        pytest.param([(8, 21), (13, 35)], Standing.SUSPECTED, id="10 or more and 5 above the best"),
        pytest.param([(4, 21), (9, 35)], Standing.HOLDS, id="5 above the best, but under 10"),
        pytest.param([(8, 21), (13, 35), (13, 39)], Standing.SUSPECTED, id="4 days later confirms nothing"),
        pytest.param([(8, 21), (13, 35), (13, 40)], Standing.RELAPSE, id="5 days later confirms"),
        pytest.param([(8, 21), (13, 35), (13, 63)], Standing.RELAPSE, id="28 days later confirms"),
        pytest.param([(8, 21), (13, 35), (13, 64)], Standing.SUSPECTED, id="29 days later begins anew"),
        pytest.param([(8, 21), (13, 35), (12, 42), (13, 49)], Standing.SUSPECTED, id="a lower one between clears"),
        pytest.param([(8, 21), (13, 35), (13, 38), (13, 41)], Standing.RELAPSE, id="the first of three counts"),
        pytest.param([(8, 21), (13, 35), (14, 45), (11, 52)], Standing.RELAPSE, id="less bad is still relapse"),
        pytest.param([(8, 21), (13, 35), (14, 45), (9, 60)], Standing.HOLDS, id="a new response ends it"),
    ],
)
def test_where_a_patient_stands(after: list[tuple[int, int]], standing: Standing) -> None:
    scores = [BEFORE, *(phq(total, days) for total, days in after)]
    assert relapse(scores, first_session=FIRST).standing is standing


@pytest.mark.parametrize(
    ("rules", "after", "standing"),
    [
        pytest.param({"relapse_total": 9}, [(4, 21), (9, 35)], Standing.SUSPECTED, id="a lower total"),
        pytest.param({"relapse_total": 9}, [(4, 21), (8, 35)], Standing.HOLDS, id="and one under it"),
        pytest.param({"relapse_rise": 4}, [(8, 21), (12, 35)], Standing.SUSPECTED, id="a lower rise"),
        pytest.param(
            {"confirm_from_days": 4}, [(8, 21), (13, 35), (13, 39)], Standing.RELAPSE, id="confirmed sooner"
        ),
        pytest.param({"confirm_from_days": 6}, [(8, 21), (13, 35), (13, 40)], Standing.SUSPECTED, id="and later"),
        pytest.param({"confirm_to_days": 29}, [(8, 21), (13, 35), (13, 64)], Standing.RELAPSE, id="a longer wait"),
        pytest.param({"confirm_to_days": 27}, [(8, 21), (13, 35), (13, 63)], Standing.SUSPECTED, id="a shorter one"),
    ],
)
def test_by_the_rules_of_a_course(rules: dict[str, int], after: list[tuple[int, int]], standing: Standing) -> None:
    scores = [BEFORE, *(phq(total, days) for total, days in after)]
    found = relapse(scores, first_session=FIRST, rules=replace(AS_SHIPPED, **rules))
    assert found.standing is standing
    if found.confirm is not None:
        days = tuple((day - found.evidence[0].day).days for day in found.confirm)
        assert days == (rules.get("confirm_from_days", 5), rules.get("confirm_to_days", 28))


def test_the_rule_in_words_has_its_numbers() -> None:
    rules = replace(AS_SHIPPED, relapse_total=8, relapse_rise=4, confirm_from_days=7, confirm_to_days=21)
    assert "PHQ-9 8 or more and at least 4 above the best, and so again 7 to 21 days later" in rule_words(rules)


def test_half_of_a_high_baseline_is_no_shelter_from_the_relapse_rule() -> None:
    scores = [phq(27, -1), phq(4, 21), phq(12, 35), phq(12, 45)]
    found = relapse(scores, first_session=FIRST)
    assert found.standing is Standing.RELAPSE
    assert [score.total for score in found.evidence] == [12, 12]
    assert found.since == FIRST + timedelta(days=45)


def test_what_is_suspected_says_when_a_second_value_confirms_it() -> None:
    found = relapse([BEFORE, phq(8, 21), phq(13, 35)], first_session=FIRST)
    assert found.confirm == (FIRST + timedelta(days=40), FIRST + timedelta(days=63))
    assert "PHQ-9 13 on 07 Dec 2026" in found.words


def test_remission_without_a_baseline_can_be_lost_too() -> None:
    scores = [phq(3, 21), phq(12, 35), phq(12, 45)]
    assert relapse(scores, first_session=FIRST).standing is Standing.RELAPSE


def test_another_scale_and_an_unfinished_form_count_for_nothing() -> None:
    scores = [BEFORE, phq(8, 21), phq(40, 35, "madrs"), phq(None, 36), phq(40, 45, "madrs")]
    assert relapse(scores, first_session=FIRST).standing is Standing.HOLDS


@pytest.mark.parametrize("cause", list(Cause))
def test_a_declared_relapse_stands_at_once_and_until_a_new_response(cause: Cause) -> None:
    declared = Declaration(cause=cause, day=FIRST + timedelta(days=30))
    found = relapse([BEFORE, phq(8, 21)], first_session=FIRST, declared=[declared])
    assert (found.standing, found.declared) == (Standing.RELAPSE, declared)
    later = relapse([BEFORE, phq(8, 21), phq(7, 50)], first_session=FIRST, declared=[declared])
    assert later.standing is Standing.HOLDS


def test_nothing_is_a_relapse_before_session_1() -> None:
    declared = Declaration(cause=Cause.JUDGEMENT, day=FIRST - timedelta(days=1))
    assert relapse([phq(3, -40), phq(20, -3)], first_session=None).standing is Standing.NO_RESPONSE
    assert relapse([BEFORE], first_session=FIRST, declared=[declared]).standing is Standing.NO_RESPONSE


@given(st.lists(st.tuples(st.integers(0, 27), st.integers(1, 120)), max_size=12), st.integers(0, 27))
def test_a_relapse_by_scores_always_has_its_two_values(after: list[tuple[int, int]], baseline: int) -> None:
    scores = [phq(baseline, -1), *(phq(total, days) for total, days in after)]
    found = relapse(scores, first_session=FIRST)
    if found.standing is Standing.RELAPSE:
        first, second = found.evidence
        assert AS_SHIPPED.confirm_from_days <= (second.day - first.day).days <= AS_SHIPPED.confirm_to_days
        assert found.best is not None
        for score in found.evidence:
            assert (score.total or 0) >= AS_SHIPPED.relapse_total
            assert (score.total or 0) - (found.best.total or 0) >= AS_SHIPPED.relapse_rise
