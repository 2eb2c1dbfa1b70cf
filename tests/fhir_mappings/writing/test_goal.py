"""The goals inside a CarePlan: what they say, that they stay one each, and that foreign ones are left alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import fhirkit
import pytest

from fhir_mappings import wire
from fhir_mappings.facts.goals import Achievement
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.writing.care_plan import care_plan, travelling, update
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.read_back import differences
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, GOALS, INSTANCE, NOT_JUDGED, a_course, an_id

Json = dict[str, Any]


def _plan(**changes: Any) -> Json:
    return wire.decode(care_plan(a_course(**{"goals": GOALS, **changes}), INSTANCE, procedures={}).body)


def _goals(plan: Json) -> list[Json]:
    return [one for one in plan["contained"] if one["resourceType"] == "Goal"]


def _named(plan: Json, aim: str) -> Json:
    """By our identifier, as a reader finds it."""
    return next(one for one in _goals(plan) if one.get("identifier", [{}])[0].get("value") == f"{an_id(9)}-{aim}")


@pytest.fixture
def current() -> Json:
    created = wire.decode(travelling(care_plan(a_course(goals=GOALS), INSTANCE, procedures={}), EHR))
    return {"id": "12", **created}


def _updated(current: Json, **changes: Any) -> Json:
    course = a_course(**{"goals": GOALS, **changes})
    return wire.decode(update(current, course, INSTANCE, fhir_base=EHR, procedures={}))


def test_a_goal_says_what_is_to_be_reached_by_which_scale_and_how_it_stands() -> None:
    plan = _plan()
    response, remission = _goals(plan)
    assert response["description"] == {"text": "Response: PHQ-9 at least 50 % below the baseline, 10 or less"}
    assert remission["description"] == {"text": "Remission: PHQ-9 4 or less"}
    (target,) = response["target"]
    assert target["measure"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": "44261-6",
        "display": target["measure"]["coding"][0]["display"],
    }
    high = {"value": 10, "unit": "score", "system": "http://unitsofmeasure.org", "code": "{score}"}
    assert target["detailRange"] == {"high": high}
    (status,) = response["achievementStatus"]["coding"]
    assert status == {
        "system": "http://terminology.hl7.org/CodeSystem/goal-achievement",
        "code": "achieved",
        "display": "Achieved",
    }
    assert remission["achievementStatus"]["coding"][0]["code"] == "improving"
    for goal in (response, remission):
        assert goal["subject"] == plan["subject"]
        assert goal["startDate"] == plan["period"]["start"]
        assert goal["expressedBy"]["reference"] == DOCTOR.reference
        assert goal["statusDate"] == "2026-11-20"
        assert goal["statusReason"] == GOALS[0].words
    assert "Remission: PHQ-9 4 or less (improving). PHQ-9 20 → 8" in plan["text"]["div"]


def test_what_is_contained_is_referenced_and_bare() -> None:
    """R4 dom-2 to dom-5."""
    plan = _plan()
    assert [one["reference"] for one in plan["goal"]] == [f"#{one['id']}" for one in plan["contained"]]
    for one in plan["contained"]:
        assert not {"contained", "meta", "text"} & set(one)


def test_a_goal_that_cannot_be_judged_has_no_achievement_and_says_so() -> None:
    response, remission = _goals(_plan(goals=NOT_JUDGED))
    for goal in (response, remission):
        assert not {"achievementStatus", "statusDate"} & set(goal)
        assert goal["statusReason"] == "Cannot be judged: No MADRS in the record yet."
    assert response["description"] == {"text": "Response: MADRS at least 50 % below the baseline"}
    assert set(response["target"][0]) == {"measure"}
    assert response["target"][0]["measure"]["coding"][0]["code"] == "madrs"
    assert remission["target"][0]["detailRange"]["high"]["value"] == 10


@pytest.mark.parametrize(
    ("status", "lifecycle"),
    [
        (CourseStatus.DRAFT, "planned"),
        (CourseStatus.ACTIVE, "active"),
        (CourseStatus.ON_HOLD, "on-hold"),
        (CourseStatus.COMPLETED, "active"),
        (CourseStatus.REVOKED, "cancelled"),
        (CourseStatus.ENTERED_IN_ERROR, "entered-in-error"),
    ],
)
def test_the_state_of_a_course_never_says_what_was_achieved(status: CourseStatus, lifecycle: str) -> None:
    ended = date(2026, 11, 25) if status in {CourseStatus.COMPLETED, CourseStatus.REVOKED} else None
    for goals in (GOALS, NOT_JUDGED):
        plan = _plan(status=status, ended=ended, goals=goals)
        assert plan["status"] == status
        assert {goal["lifecycleStatus"] for goal in _goals(plan)} == {lifecycle}
        said = [goal.get("achievementStatus", {}).get("coding", [{}])[0].get("code") for goal in _goals(plan)]
        assert said == [goal.achievement for goal in goals]


def test_a_course_without_goals_names_none(current: Json) -> None:
    assert not {"contained", "goal"} & set(_plan(goals=()))
    kept = _updated(current, goals=())
    assert (kept["contained"], kept["goal"]) == (current["contained"], current["goal"])


def test_a_scale_that_is_not_in_the_table_is_not_written() -> None:
    with pytest.raises(Unwritable):
        _plan(goals=(replace(GOALS[0], scale="bdi"),))


def test_an_update_without_news_changes_nothing(current: Json) -> None:
    assert _updated(current) == current


def test_an_earlier_plan_gains_its_goals_once(current: Json) -> None:
    earlier = {name: value for name, value in current.items() if name not in {"contained", "goal"}}
    once = _updated(earlier)
    assert differences(current, once) == ()
    assert _updated(once) == once


def test_a_verdict_that_is_lost_leaves_the_chart_too(current: Json) -> None:
    judged = _named(
        _updated(current, goals=(replace(GOALS[0], achievement=Achievement.WORSENING), GOALS[1])), "response"
    )
    assert judged["achievementStatus"]["coding"][0]["code"] == "worsening"
    plan = _updated(current, goals=NOT_JUDGED)
    assert not {"achievementStatus", "statusDate"} & set(_named(plan, "response"))
    assert len(plan["contained"]) == len(plan["goal"]) == 2


def test_an_update_keeps_what_others_contain_and_seek(current: Json) -> None:
    current["contained"] = [
        {"resourceType": "Goal", "id": "sleep", "description": {"text": "Sleep"}, "lifecycleStatus": "active"},
        *current["contained"],
        {"resourceType": "CareTeam", "id": "team"},
    ]
    current["goal"] = [{"reference": "Goal/1"}, *current["goal"], {"reference": "#sleep"}]
    current["careTeam"] = [{"reference": "#team"}]
    _named(current, "response")["note"] = [{"text": "Agreed with the family"}]
    before = copy.deepcopy(current)
    plan = _updated(current, goals=NOT_JUDGED)
    assert current == before
    assert plan["contained"][0] == before["contained"][0]
    assert plan["contained"][-1] == before["contained"][-1]
    assert plan["goal"] == before["goal"]
    assert _named(plan, "response")["note"] == [{"text": "Agreed with the family"}]
    assert len(plan["contained"]) == 4


def test_another_id_that_a_server_gave_is_kept(current: Json) -> None:
    current["contained"][0]["id"] = "1"
    current["goal"][0] = {"reference": "#1"}
    plan = _updated(current, goals=NOT_JUDGED)
    assert [one["id"] for one in plan["contained"]] == ["1", "remission"]
    assert [one["reference"] for one in plan["goal"]] == ["#1", "#remission"]


def test_a_server_that_drops_identifiers_gains_no_second_goal(current: Json) -> None:
    for goal in current["contained"]:
        del goal["identifier"]
    assert len(_updated(current)["contained"]) == 2


def test_an_id_that_others_use_is_left_to_them(current: Json) -> None:
    theirs = {"resourceType": "Goal", "id": "response", "lifecycleStatus": "active", "description": {"text": "Sing"}}
    earlier = {**current, "contained": [theirs], "goal": [{"reference": "#response"}]}
    plan = _updated(earlier)
    assert [one["id"] for one in plan["contained"]] == ["response", "response-2", "remission"]
    assert plan["contained"][0] == theirs
    assert [one["reference"] for one in plan["goal"]] == ["#response", "#response-2", "#remission"]
    assert _updated(plan) == plan


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_what_travels_is_relative_inside_too_and_an_update_is_valid(
    current: Json, profile_errors: Callable[[bytes], list[str]]
) -> None:
    assert not [one for one in _references(current["contained"]) if one.startswith("http")]
    body = wire.encode(_updated(current, goals=NOT_JUDGED, status=CourseStatus.ON_HOLD))
    assert fhirkit.validate(body) == []
    assert profile_errors(body) == []


def test_a_changed_verdict_is_seen_when_it_is_read_back(current: Json) -> None:
    there = copy.deepcopy(current)
    there["contained"][0]["target"][0]["detailRange"]["high"]["value"] = wire.decode(b'{"x":10.0}')["x"]
    assert differences(current, there) == ()
    there["contained"][0]["achievementStatus"]["coding"][0]["code"] = "improving"
    assert differences(current, there) == ("CarePlan.contained[0].achievementStatus.coding[0].code",)
