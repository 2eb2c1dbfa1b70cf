"""What a site may make of the programmes, and what it is told when it may not."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from fhir_mappings.writing.canonical import plan_definition
from smart_app.clinical.programme_settings import (
    TUNABLES,
    ProgrammeSettings,
    Tunable,
    bounds_words,
    programme_settings,
    tunings,
)
from smart_app.clinical.site_table import SettingsRefused
from smart_app.use_cases.session.typed_session import is_field

IV = PROGRAMMES[Route.IV]
NUMBERS = [(route, each) for route in Route for each in TUNABLES if each.bounds(PROGRAMMES[route])]


def read(text: str) -> ProgrammeSettings:
    return programme_settings(tomllib.loads(text, parse_float=Decimal))


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsRefused) as found:
        read(text)
    return found.value.problems


def a_number(given_: tuple[Route, Tunable], value: Any) -> ProgrammeSettings:
    route, tunable = given_
    return programme_settings({"programme": {route.value: {tunable.key: value}}})


def name(given_: tuple[Route, Tunable]) -> str:
    return f"{given_[0]} {given_[1].key}"


@pytest.mark.parametrize(
    "text", ["", "[programme]", "[programme.IV]", "[programme.IV]\nobservation_minutes = 120\nwarn_mg = 200.0"]
)
def test_what_says_nothing_new_changes_nothing(text: str) -> None:
    assert read(text).programmes == PROGRAMMES
    assert tunings(read(text)) == ()


def test_a_tuned_programme_has_a_version_of_its_own_and_the_others_stay() -> None:
    settings = read('[programme.IV]\nobservation_minutes = 150\nreason = "policy 7 of the clinic"')
    here = settings.programmes[Route.IV]
    assert replace(here, version=IV.version) == replace(IV, observation_minutes=150)
    assert here.version.startswith("1.0+site.")
    assert plan_definition(Route.IV, here.version).endswith(f"ketamine-iv|{here.version}")
    assert here.version != read("[programme.IV]\nobservation_minutes = 151").programmes[Route.IV].version
    assert settings.programmes[Route.IM] is PROGRAMMES[Route.IM]
    (told,) = tunings(settings)
    assert (told.route, told.key, told.default, told.value) == (
        Route.IV,
        "observation_minutes",
        "120 minutes",
        "150 minutes",
    )
    assert told.reason == "policy 7 of the clinic"


@pytest.mark.parametrize("number", NUMBERS, ids=map(name, NUMBERS))
def test_both_bounds_are_allowed_and_nothing_beyond_them(number: tuple[Route, Tunable]) -> None:
    route, tunable = number
    bounds = tunable.bounds(PROGRAMMES[route])
    assert bounds is not None
    least, greatest = bounds
    default = getattr(PROGRAMMES[route], tunable.key)
    assert least <= default <= greatest
    assert bounds_words(tunable, PROGRAMMES[route])
    for value in (least - 1, greatest + 1):
        with pytest.raises(SettingsRefused, match=rf"\[programme\.{route}\] {tunable.key}: must be a "):
            a_number(number, value)
    edge = (
        least if tunable.key not in {"weight_days_at_most", "infusion_minutes", "warn_mg_per_kg"} else default
    )  # those three are also compared with their neighbours
    kept = getattr(a_number(number, edge).programmes[route], tunable.key)
    assert (kept, type(kept)) == (edge, type(default))


@pytest.mark.parametrize("number", NUMBERS, ids=map(name, NUMBERS))
@pytest.mark.parametrize("value", [True, "120", None, Decimal("nan"), Decimal("-Infinity"), [120]], ids=str)
def test_only_a_number_is_a_number(number: tuple[Route, Tunable], value: Any) -> None:
    with pytest.raises(SettingsRefused):
        a_number(number, value)


@pytest.mark.parametrize("key", ["sessions", "days", "version", "title", "route", "checks.identity", "OFF", ""])
@pytest.mark.parametrize("route", list(Route))
def test_counts_and_windows_of_the_clinic_cannot_be_set(route: Route, key: str) -> None:
    with pytest.raises(SettingsRefused, match="cannot be set"):
        programme_settings({"programme": {route.value: {key: 5}}})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("programme = 3", "programme: is not a table; write [programme.IV]"),
        ("[programme.iv]", "[programme.iv]: there is no such route; known are: IV, IN, IM, SL"),
        ("[programme]\nIV = 3", "[programme.IV]: is not a table of keys"),
        ("[programme.IN]\ninfusion_minutes = 45", "[programme.IN] infusion_minutes: cannot be set"),
        ("[programme.SL]\nobservation_minutes = 45", "[programme.SL] observation_minutes: cannot be set"),
        ("[programme.IV]\nfasting_hours = 4", "fasting_hours: must be a whole number from 6 to 12 hours"),
        ("[programme.IV]\nleast_share = 0.5", "least_share: must be a number from 0.8 to 1; it can only be made"),
        ("[programme.IV]\nmonitoring_minutes = [0, 30]", "left out: 10, 20, 40"),
        ("[programme.IM]\nmonitoring_minutes = [5, 15]", "begins with 0 and rises"),
        ("[programme.IM]\nmonitoring_minutes = [0, 5, 5]", "begins with 0 and rises"),
        ("[programme.IM]\nmonitoring_minutes = [0, true]", "begins with 0 and rises"),
        (
            "[programme.IM]\nmonitoring_minutes = [0, 5, 15, 30, 45, 60, 90, 120, 481]",
            "must be at most 60 minutes up to 480",
        ),
        ("[programme.IV]\nplanned_days = [0, 3, 7, 10, 14]", "must be 6 days, one for each session"),
        ("[programme.IV]\nplanned_days = [0, 1, 2, 3, 4, 5]", "must end on day 14 to 21"),
        ("[programme.IV]\nplanned_days = [0, 1, 2, 3, 4, 20]", "days 4 and 20 must be at least 24 hours"),
        ("[programme.SL]\nplanned_days = [0]", "planned_days: cannot be set"),
        ("[programme.IV]\nlongest_gap_days = 7\nplanned_days = [0, 8, 10, 12, 14, 16]", "days 0 and 8 must be"),
        (
            "[programme.IV]\nwarn_mg_per_kg = 0.4",
            "must not be more than warn_mg_per_kg, which is 0.4",
        ),
        ("[programme.IV]\nweight_days_at_most = 20", "weight_days: must not be more than weight_days_at_most"),
        ("[programme.IV]\nwarn_infusion_minutes = 45", "must not be more than infusion_minutes, which is 40"),
        ('[programme.IV]\nreason = "short"', "reason: must be a text of at least 10 characters"),
        ('[programme.IV]\nrequired = ["no_such"]', "must be a list of keys of checks; known are: access,"),
        ("[programme.IV]\nchecks = 3", "checks: must be at most 20 tables"),
        ('[[programme.IV.checks]]\nkey = "identity"\ntext = "Asked once more"', "key must be site_ and lower-case"),
        ('[[programme.IV.checks]]\nkey = "site_a"\ntext = "Short"', "text of site_a must be one line of 10 to 200"),
        ('[[programme.IV.checks]]\nkey = "site_a"\ntext = "Two\\nlines of text"', "text of site_a must be one line"),
        ('[[programme.IV.checks]]\nkey = "site_a"\ntext = "Long enough"\nstops = 1', "must be true or false"),
        ('[[programme.IV.checks]]\nkey = "site_a"\ntext = "Long enough"\nif = 1', "and nothing else"),
        (
            '[[programme.IV.discharge]]\nkey = "site_a"\ntext = "Long enough"\n' * 2,
            "discharge: site_a stands there twice",
        ),
    ],
)
def test_what_is_refused_is_told_by_route_and_key(text: str, words: str) -> None:
    assert any(words in problem for problem in refused(text)), refused(text)


def test_every_problem_is_told_and_nothing_of_a_wrong_table_is_taken() -> None:
    problems = refused("[programme.IV]\nwarn_mg = 300\nsessions = 3\n[programme.IM]\nwarn_mg = 1")
    assert [problem.split(":")[0] for problem in problems] == [
        "[programme.IV] warn_mg",
        "[programme.IV] sessions",
        "[programme.IM] warn_mg",
    ]


def test_a_denser_and_longer_schedule_and_other_days_are_taken() -> None:
    denser = sorted({*IV.monitoring_minutes, 5, 15, 150})
    here = read(f"[programme.IV]\nmonitoring_minutes = {denser}\nplanned_days = [0, 4, 8, 12, 16, 20]").programmes
    assert here[Route.IV].monitoring_minutes == tuple(denser)
    assert here[Route.IV].planned_days == (0, 4, 8, 12, 16, 20)


def test_checks_are_added_behind_the_clinics_own_and_kept_by_the_form() -> None:
    text = """
[[programme.IV.checks]]
key = "site_interpreter"
text = "An interpreter is present where one is needed"
stops = true
[[programme.IV.discharge]]
key = "site_taxi"
text = "The taxi was ordered by the desk"
required = false
"""
    here = read(text).programmes[Route.IV]
    assert here.checks[:-1] == IV.checks
    assert (here.checks[-1].stops, here.checks[-1].required, here.discharge[-1].required) == (True, True, False)
    assert is_field("check.site_interpreter")
    assert is_field("discharge.site_taxi.note")
    assert [told.value for told in tunings(read(text))] == ["asked", "asked"]


@given(st.dictionaries(st.sampled_from([each.key for each in TUNABLES]), st.integers(-5, 600)))
def test_no_file_makes_a_programme_less_strict(keys: dict[str, int]) -> None:
    try:
        here = programme_settings({"programme": {"IV": keys}}).programmes[Route.IV]
    except SettingsRefused:
        return
    assert (here.sessions, here.days, here.checks) == (IV.sessions, IV.days, IV.checks)
    assert here.observation_minutes >= IV.observation_minutes
    assert (here.fasting_hours or 0) >= (IV.fasting_hours or 0)
    assert here.least_share >= IV.least_share
    assert here.longest_gap_days <= IV.longest_gap_days
    assert here.late_days <= IV.late_days
    assert here.weight_days_at_most <= IV.weight_days_at_most
    assert (here.warn_mg or 0) <= (IV.warn_mg or 0)
