"""The goals of a course: response and remission as the scores judge them, lost by relapse, never by counting."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.goals import Achievement, Aim, CourseGoal
from smart_app.clinical.goals import course_goals
from smart_app.clinical.outcomes import ScaleScore, outcome
from smart_app.clinical.relapse import Cause, Declaration

FIRST = date(2026, 11, 2)
ACHIEVED, IMPROVING = Achievement.ACHIEVED, Achievement.IMPROVING
NO_PROGRESS, WORSENING = Achievement.NO_PROGRESS, Achievement.WORSENING
LOST = Achievement.IN_PROGRESS


def phq(total: int | None, days: int, scale: str = "phq9") -> ScaleScore:
    return ScaleScore(scale=scale, total=total, day=FIRST + timedelta(days=days))


def declared(days: int) -> Declaration:
    return Declaration(cause=Cause.HOSPITAL, day=FIRST + timedelta(days=days))


def both(*scores: ScaleScore, scale: str = "phq9", relapses: tuple[Declaration, ...] = ()) -> list[CourseGoal]:
    return list(course_goals(scores, first_session=FIRST, scale=scale, declared=relapses))


@pytest.mark.parametrize(
    ("latest", "response", "remission"),
    [
        (21, WORSENING, WORSENING),
        (20, NO_PROGRESS, NO_PROGRESS),
        (16, NO_PROGRESS, NO_PROGRESS),
        (15, IMPROVING, IMPROVING),
        (11, IMPROVING, IMPROVING),
        (10, ACHIEVED, IMPROVING),
        (5, ACHIEVED, IMPROVING),
        (4, ACHIEVED, ACHIEVED),
    ],
)
def test_each_goal_is_judged_by_the_change_from_the_baseline(
    latest: int, response: Achievement, remission: Achievement
) -> None:
    goals = both(phq(20, -1), phq(latest, 14))
    assert [(goal.aim, goal.achievement) for goal in goals] == [(Aim.RESPONSE, response), (Aim.REMISSION, remission)]
    assert [goal.at_most for goal in goals] == [10, 4]
    assert {goal.since for goal in goals} == {FIRST + timedelta(days=14)}
    assert "Last score 16 Nov 2026." in goals[0].words


@pytest.mark.parametrize(
    ("scores", "why", "limit"),
    [
        pytest.param([], "No PHQ-9 in the record yet.", None, id="nothing"),
        pytest.param([phq(None, -1)], "No PHQ-9 in the record yet.", None, id="a form without a total"),
        pytest.param([phq(20, -1)], "No score after baseline yet.", 10, id="a baseline alone"),
        pytest.param([phq(8, 14)], "No score before session 1", None, id="no baseline"),
        pytest.param([phq(0, -1), phq(0, 14)], "The baseline is 0", None, id="a baseline of nothing"),
        pytest.param([phq(20, -1), phq(2, 1)], "cannot judge a day", 10, id="the change of a day"),
        pytest.param(
            [phq(30, -1, "madrs"), phq(4, 14)], "taken with MADRS: not comparable", None, id="another scale"
        ),
    ],
)
def test_what_cannot_be_judged_has_no_achievement_and_says_why(
    scores: list[ScaleScore], why: str, limit: int | None
) -> None:
    response, remission = both(*scores)
    for goal in (response, remission):
        assert (goal.achievement, goal.since) == (None, None)
        assert goal.words.startswith("Cannot be judged: ")
        assert why in goal.words
    assert (response.at_most, remission.at_most) == (limit, 4)


def test_a_goal_stands_since_the_first_score_that_said_so() -> None:
    response, remission = both(phq(20, -1), phq(9, 7), phq(12, 14), phq(8, 21), phq(4, 28))
    assert (response.achievement, response.since) == (ACHIEVED, FIRST + timedelta(days=21))
    assert (remission.achievement, remission.since) == (ACHIEVED, FIRST + timedelta(days=28))


@pytest.mark.parametrize(("later", "response"), [(12, LOST), (18, LOST), (21, WORSENING), (10, ACHIEVED)])
def test_what_was_reached_and_lost_is_not_called_improving(later: int, response: Achievement) -> None:
    goals = both(phq(20, -1), phq(4, 7), phq(later, 14))
    assert [goal.achievement for goal in goals] == [response, LOST if response is ACHIEVED else response]


def test_a_declared_relapse_is_not_contradicted_by_a_good_score() -> None:
    response, remission = both(phq(20, -1), phq(8, 21), relapses=(declared(30),))
    assert (response.achievement, response.since) == (LOST, FIRST + timedelta(days=30))
    assert remission.achievement is LOST
    assert "Relapse, declared for 02 Dec 2026" in response.words


def test_a_new_response_after_a_relapse_counts_from_its_own_day() -> None:
    response, _ = both(phq(20, -1), phq(8, 21), phq(7, 40), relapses=(declared(30),))
    assert (response.achievement, response.since) == (ACHIEVED, FIRST + timedelta(days=40))


def test_a_scale_that_was_chosen_judges_by_its_own_limits() -> None:
    response, remission = both(phq(20, -1), phq(4, 14), phq(31, -1, "madrs"), phq(15, 14, "madrs"), scale="madrs")
    assert (response.at_most, remission.at_most) == (15, 10)
    assert (response.achievement, remission.achievement) == (ACHIEVED, IMPROVING)
    assert response.words.startswith("MADRS 31")


@given(st.lists(st.tuples(st.integers(0, 27), st.integers(-10, 90)), max_size=8))
def test_achieved_is_only_what_the_outcome_says(told: list[tuple[int, int]]) -> None:
    scores = [phq(total, days) for total, days in told]
    found = outcome(scores, first_session=FIRST)
    response, remission = both(*scores)
    if response.achievement is ACHIEVED:
        assert found.verdict == "response"
    if remission.achievement is ACHIEVED:
        assert found.remission
    assert (response.achievement is None) == (found.verdict == "cannot be judged")
    assert (response.since is None) == (response.achievement is None)
