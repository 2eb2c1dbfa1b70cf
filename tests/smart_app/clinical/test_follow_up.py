"""The dates at which a scale is due: which score stands for which, what is missed, what comes next."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from smart_app.clinical.follow_up import Due, DueState, next_due, schedule
from smart_app.clinical.outcomes import ScaleScore

START = date(2026, 11, 2)


def day(offset: int) -> date:
    return START + timedelta(days=offset)


def phq(offset: int) -> ScaleScore:
    return ScaleScore(total=12, day=day(offset))


def dates(offset: int, *scores: ScaleScore, ended: int | None = None) -> tuple[Due, ...]:
    end = None if ended is None else day(ended)
    return schedule(scores, scale="phq9", start=START, ended=end, today=day(offset))


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
