"""What a site may set of relapse and the dates of questionnaires: within bounds, every problem told at once."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from smart_app.clinical.outcome_settings import OUTCOMES, outcome_rules
from smart_app.clinical.programme_settings import programme_settings, tunings
from smart_app.clinical.site_table import Number, SettingsRefused

NUMBERS = [each for each in OUTCOMES if isinstance(each, Number)]
EITHER_WAY = {"confirm_from_days", "confirm_to_days"}


def read(**keys: Any) -> OutcomeRules:
    return outcome_rules({"outcomes": keys})


def refused(**keys: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsRefused) as found:
        read(**keys)
    return found.value.problems


def test_without_a_table_all_is_as_shipped() -> None:
    assert outcome_rules({}) == read() == AS_SHIPPED


@pytest.mark.parametrize("number", NUMBERS, ids=lambda each: each.key)
def test_both_bounds_are_allowed_and_nothing_beyond_them(number: Number) -> None:
    shipped = getattr(AS_SHIPPED, number.key)
    assert number.least <= shipped <= number.most
    assert (number.most == shipped) is (number.key not in EITHER_WAY), "a site is only stricter"
    for value in (number.least, number.most):
        assert getattr(read(**{number.key: value}), number.key) == value
    for bad in (number.least - 1, number.most + 1, "5", True, 5.5, None, [5]):
        (told,) = refused(**{number.key: bad})
        assert told == f"[outcomes] {number.key}: must be a whole number from {number.least} to {number.most}"


def test_a_second_value_always_has_a_week_to_come_in() -> None:
    bounds = {each.key: each for each in NUMBERS}
    assert bounds["confirm_to_days"].least - bounds["confirm_from_days"].most >= 7


@pytest.mark.parametrize("weeks", [[2, 4, 8, 12], [2, 3, 4, 6, 8, 12, 26, 52]])
def test_follow_ups_are_only_added(weeks: list[int]) -> None:
    assert read(follow_up_weeks=weeks).follow_up_weeks == tuple(weeks)


@pytest.mark.parametrize(
    ("weeks", "words"),
    [
        pytest.param([2, 4, 8], "must keep the shipped ones too, which are 2, 4, 8, 12", id="one left out"),
        pytest.param([], "must keep the shipped ones", id="none"),
        pytest.param([1, 2, 4, 8, 12], "must rise from 2 to at most 52", id="before the first"),
        pytest.param([2, 4, 8, 12, 53], "must rise from 2 to at most 52", id="over a year"),
        pytest.param([2, 4, 12, 8], "must rise", id="falling"),
        pytest.param([2, 2, 4, 8, 12], "must rise", id="twice"),
        pytest.param([2, 4, 8, *range(12, 22)], "12 in all", id="too many"),
        pytest.param([2, 4, 8, 12, True], "must be a list of whole numbers", id="a switch"),
        pytest.param([2, 4, 8, 12.5], "must be a list of whole numbers", id="half a week"),
        pytest.param("2, 4, 8, 12", "must be a list of whole numbers", id="text"),
    ],
)
def test_weeks_that_cannot_be_are_named(weeks: object, words: str) -> None:
    (told,) = refused(follow_up_weeks=weeks)
    assert told.startswith("[outcomes] follow_up_weeks: ")
    assert words in told


def test_every_problem_is_told_beside_those_of_the_programmes() -> None:
    table = tomllib.loads("[programme.IV]\nfasting_hours = 4\n[outcomes]\nrelapse_total = 12\nremission = 9\n")
    with pytest.raises(SettingsRefused) as found:
        programme_settings(table)
    assert [line.partition(":")[0] for line in found.value.problems] == [
        "[programme.IV] fasting_hours",
        "[outcomes] relapse_total",
        "[outcomes] remission",
    ]
    with pytest.raises(SettingsRefused, match="outcomes: is not a table"):
        outcome_rules({"outcomes": 3})


def test_every_programme_carries_them_under_a_version_of_its_own() -> None:
    table = tomllib.loads("[programme.IV]\nfasting_hours = 8\n[outcomes]\nrelapse_total = 8\n")
    settings = programme_settings(table)
    assert {here.outcomes for here in settings.programmes.values()} == {OutcomeRules(relapse_total=8)}
    assert all(here.version.startswith("1.0+site.") for here in settings.programmes.values())
    alone = programme_settings({"programme": table["programme"]})
    assert alone.programmes[Route.IV].version != settings.programmes[Route.IV].version
    assert alone.programmes[Route.IM] is PROGRAMMES[Route.IM]
    assert [each.key for each in tunings(settings)] == ["fasting_hours"]
