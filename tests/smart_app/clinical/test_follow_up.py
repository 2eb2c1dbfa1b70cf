"""The dates at which a scale is due: which score stands for which, what is missed, what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from smart_app.clinical.follow_up import Due, DueState, next_due, schedule
from smart_app.clinical.outcomes import ScaleScore

START = date(2026, 11, 2)


def day(offset: int) -> date:
    return START + timedelta(days=offset)


def phq(offset: int) -> ScaleScore:
    return ScaleScore(total=12, day=day(offset))


def dates(
    offset: int, *scores: ScaleScore, ended: int | None = None, rules: OutcomeRules = AS_SHIPPED
) -> tuple[Due, ...]:
    end = None if ended is None else day(ended)
    return schedule(scores, scale="phq9", start=START, ended=end, today=day(offset), rules=rules)


@pytest.mark.parametrize(
    ("taken", "today", "state"),
    [
        (None, -8, DueState.TO_COME),
        (None, -7, DueState.DUE),
        (None, 0, DueState.DUE),
        (None, 1, DueState.MISSED),
        (-7, 1, DueState.DONE),
        (0, 1, DueState.DONE),
        (-8, 1, DueState.MISSED),
    ],
)
def test_the_baseline_is_of_the_week_before_session_1(taken: int | None, today: int, state: DueState) -> None:
    scores = [] if taken is None else [phq(taken)]
    assert dates(today, *scores)[0].state is state


def test_each_week_of_a_running_course_is_due_once() -> None:
    found = dates(10, phq(-1), phq(5))
    assert [(each.what, each.state) for each in found] == [
        ("Baseline", DueState.DONE),
        ("Week 1 of the course", DueState.DONE),
        ("Week 2 of the course", DueState.DUE),
    ]
    upcoming = next_due(found)
    assert upcoming is not None
    assert upcoming.last == day(14)


def test_after_the_last_session_come_the_end_and_four_follow_ups() -> None:
    found = dates(40, phq(-1), phq(7), phq(14), phq(20), phq(31), ended=17)
    assert [(each.what, each.state) for each in found] == [
        ("Baseline", DueState.DONE),
        ("Week 1 of the course", DueState.DONE),
        ("Week 2 of the course", DueState.DONE),
        ("After the last session", DueState.DONE),
        ("2 weeks after the last session", DueState.DONE),
        ("4 weeks after the last session", DueState.TO_COME),
        ("8 weeks after the last session", DueState.TO_COME),
        ("12 weeks after the last session", DueState.TO_COME),
    ]


def test_nothing_more_is_due_when_all_is_over() -> None:
    assert next_due(dates(400, ended=17)) is None


def test_another_scale_does_not_stand_for_this_one() -> None:
    other = ScaleScore(scale="madrs", total=30, day=day(-1))
    assert dates(1, other)[0].state is DueState.MISSED


def test_the_dates_are_those_of_the_course_s_rules() -> None:
    rules = OutcomeRules(
        baseline_days=3, after_last_days=2, follow_up_weeks=(2, 4, 8, 12, 26), early_days=1, late_days=0
    )
    found = dates(0, ended=14, rules=rules)
    assert [((each.first - START).days, (each.last - START).days) for each in found] == [
        (-3, 0),
        (1, 7),
        (15, 16),
        *((14 + week * 7 - 1, 14 + week * 7) for week in (2, 4, 8, 12, 26)),
    ]
    assert found[-1].what == "26 weeks after the last session"


def test_no_score_stands_for_two_follow_ups() -> None:
    rules = replace(AS_SHIPPED, follow_up_weeks=(2, 3, 4, 8, 12))
    for offset in range(1, 100):
        found = dates(100, phq(offset), ended=0, rules=rules)
        done = [each.what for each in found[1:] if each.state is DueState.DONE]
        assert len(done) <= 1, (offset, done)
