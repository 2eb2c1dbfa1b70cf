"""What a site may set of the action levels: earlier action only, every problem named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from smart_app.clinical.action_limits import ACTION_LIMITS, READINGS, ActionLimit, session_limits, values_of
from smart_app.clinical.limits import Limits
from smart_app.clinical.session_rules import Pressure, SessionLimits
from smart_app.clinical.site_table import Number, SettingsRefused

TIGHT = Limits(systolic=Decimal(135))


def read(**keys: Any) -> SessionLimits:
    return session_limits({"session": keys}, TIGHT)


def test_without_a_table_all_is_as_shipped_and_the_start_as_screened_by() -> None:
    assert session_limits({}, Limits()) == SessionLimits()
    assert session_limits({}, TIGHT) == SessionLimits.of_site(TIGHT)


def test_a_site_acts_earlier() -> None:
    found = read(pause_systolic=150, pause_after_minutes=0, stop_diastolic=105, oxygen_saturation=94, sedation=3)
    assert found == replace(
        SessionLimits.of_site(TIGHT),
        warn=Pressure(systolic=Decimal(150), diastolic=Decimal(100)),
        stop=Pressure(systolic=Decimal(180), diastolic=Decimal(105)),
        sustained_minutes=0,
        oxygen_saturation=Decimal(94),
        sedation=3,
    )


@pytest.mark.parametrize("limit", ACTION_LIMITS, ids=lambda each: each.key)
def test_never_later_than_shipped_and_within_bounds(limit: ActionLimit) -> None:
    least, greatest = limit.bounds
    for value in (least - 1, greatest + 1, "160", True, 1.5):
        with pytest.raises(SettingsRefused, match=rf"\[session\] {limit.key}: must be a whole number"):
            read(**{limit.key: value})
    assert limit.shipped in limit.bounds


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(
            {"session": {"pulse": 1}}, "pulse: there is no such key; known are: pause_systolic", id="unknown key"
        ),
        pytest.param({"session": 3}, "is not a table", id="no table"),
        pytest.param({"session": {"stop_systolic": 155}}, "must be below the limits to stop", id="pause over stop"),
    ],
)
def test_what_cannot_be_is_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsRefused, match=words):
        session_limits(table, Limits())


def test_what_is_shipped_is_what_holds() -> None:
    held = values_of(SessionLimits())
    assert {each.key: held[each.key] for each in ACTION_LIMITS} == {each.key: each.shipped for each in ACTION_LIMITS}
    assert set(held) == {each.key for each in (*ACTION_LIMITS, *READINGS)}


@pytest.mark.parametrize("number", READINGS, ids=lambda each: each.key)
def test_a_site_asks_only_for_more_and_closer_readings(number: Number) -> None:
    shipped = values_of(SessionLimits())[number.key]
    assert shipped == (number.least if number.key == "baseline_readings" else number.most)
    for value in (number.least, number.most):
        here = read(**{number.key: value})
        assert (values_of(here)[number.key], type(values_of(here)[number.key])) == (value, type(shipped))
        others = {key: held for key, held in values_of(here).items() if key != number.key}
        assert others == {key: held for key, held in values_of(read()).items() if key != number.key}
    for value in (number.least - 1, number.most + 1, "2", True, 1.5):
        with pytest.raises(SettingsRefused, match=rf"\[session\] {number.key}: must be a whole number"):
            read(**{number.key: value})
