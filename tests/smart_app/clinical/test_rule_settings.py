"""What a site may set in its site.toml, and what is refused, line by line."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.criterion import Origin
from smart_app.clinical.limits import LIMITS, Limit, Limits
from smart_app.clinical.rule_settings import (
    DEFAULTS,
    RuleSettings,
    as_json,
    differences,
    from_json,
    rule_settings,
)
from smart_app.clinical.site_table import SettingsRefused

ORIGINS = {criterion.id: criterion.origin for criterion in CRITERIA}
BOUNDED = [limit for limit in LIMITS if limit.rule in ORIGINS and limit.least is not None]
SWITCHES = [limit for limit in LIMITS if limit.rule in ORIGINS and isinstance(limit.default, bool)]
CONFIG = "REV-CV"
REASON = "the cardiologist sees every patient before enrolment"


def read(text: str) -> RuleSettings:
    return rule_settings(tomllib.loads(text, parse_float=Decimal), CRITERIA)


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsRefused) as found:
        read(text)
    return found.value.problems


def set_to(limit: Limit, value: Any) -> RuleSettings:
    return rule_settings({"rules": {limit.rule: {limit.key: value}}}, CRITERIA)


def name(limit: Limit) -> str:
    return f"{limit.rule} {limit.key}"


@pytest.mark.parametrize("text", ["", "[rules]", "[rules.HOLD-BP]", "[rules.HOLD-BP]\nsbp = 140\ndbp = 100.0"])
def test_what_says_nothing_new_changes_nothing(text: str) -> None:
    assert read(text) == DEFAULTS
    assert differences(read(text)) == ()


def test_a_stricter_limit_is_taken_and_told_beside_its_default() -> None:
    settings = read(f'[rules.HOLD-BP]\nsbp = 134.5\nreason = "{REASON}"')
    assert settings.limits == replace(Limits(), systolic=Decimal("134.5"))
    (told,) = differences(settings)
    assert (told.rule, told.key, told.unit) == ("HOLD-BP", "sbp", "mmHg")
    assert (told.default, told.value, told.reason) == (Decimal(140), Decimal("134.5"), REASON)


@pytest.mark.parametrize(("typed", "kept"), [("120", "120"), ("1.2e2", "120"), ("120.0", "120.0"), ("1_20", "120")])
def test_an_amount_is_kept_as_people_write_it(typed: str, kept: str) -> None:
    assert str(read(f"[rules.HOLD-BP]\nsbp = {typed}").limits.systolic) == kept


def test_a_rule_of_other_guidance_can_be_switched_off_with_a_reason() -> None:
    settings = read(f'[rules.{CONFIG}]\noff = true\nreason = "  {REASON.replace(" ", "   ")} "')
    assert settings.off == {CONFIG}
    (told,) = differences(settings)
    assert (told.rule, told.key, told.value, told.reason) == (CONFIG, "off", True, REASON)
    assert read(f"[rules.{CONFIG}]\noff = false") == DEFAULTS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = 3", "rules: is not a table; write [rules.RULE]"),
        ("[rules]\nHOLD-BP = 135", "[rules.HOLD-BP]: is not a table of keys"),
        ("[rules.HOLD-PB]\nsbp = 135", "[rules.HOLD-PB]: there is no such rule"),
        ("[rules.hold-bp]\nsbp = 135", "[rules.hold-bp]: there is no such rule"),
        (
            "[rules.HOLD-BP]\nsystolic = 135",
            "[rules.HOLD-BP] systolic: there is no such key; known are: sbp, dbp, max_days, reason",
        ),
        (
            f"[rules.{CONFIG}]\nlimit = 1",
            f"[rules.{CONFIG}] limit: there is no such key; known are: off, reason",
        ),
        (
            "[rules.HOLD-BP]\nsbp = 141",
            "[rules.HOLD-BP] sbp: must be a number from 100 to 140 mmHg; "
            "a rule of the clinic can only be made stricter",
        ),
        (
            "[rules.HOLD-MANIA]\nlookback_days = 30",
            "[rules.HOLD-MANIA] lookback_days: must be a whole number from 90 to 3650 days; "
            "a rule of the clinic can only be made stricter",
        ),
        (
            "[rules.HOLD-PREG]\nlookback_days = 9",
            "[rules.HOLD-PREG] lookback_days: must be a whole number from 280 to 330 days",
        ),
        ("[rules.AGE-CHILD]\nadult = 17", "[rules.AGE-CHILD] adult: must be a whole number from 18 to 21 years"),
        ("[rules.HOLD-BP]\noff = true", "[rules.HOLD-BP] off: a rule of origin clinic cannot be switched off"),
        ("[rules.URG-BP]\noff = true", "[rules.URG-BP] off: a rule of origin safety cannot be switched off"),
        (f'[rules.{CONFIG}]\noff = "yes"', f"[rules.{CONFIG}] off: must be true or false"),
        (f"[rules.{CONFIG}]\noff = 1", f"[rules.{CONFIG}] off: must be true or false"),
        (f"[rules.{CONFIG}]\noff = true", f"[rules.{CONFIG}] reason: is needed for a rule that is switched off"),
        (
            f'[rules.{CONFIG}]\noff = true\nreason = "          no"',
            f"[rules.{CONFIG}] reason: must be a text of at least 10 characters",
        ),
        (
            f"[rules.{CONFIG}]\nreason = 1234567890",
            f"[rules.{CONFIG}] reason: must be a text of at least 10 characters",
        ),
        ("[rules.IND-BPD]\nallowed = 0", "[rules.IND-BPD] allowed: must be true or false"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_rule_and_key(text: str, problem: str) -> None:
    assert refused(text) == (problem,)


@pytest.mark.parametrize(
    ("reason", "taken"), [("ten letter", True), ("nine lett", False), ("a   b", False), ("", False)]
)
def test_a_reason_has_ten_characters(reason: str, taken: bool) -> None:
    text = f'[rules.{CONFIG}]\noff = true\nreason = "{reason}"'
    if taken:
        assert read(text).reasons == {CONFIG: reason}
    else:
        assert "at least 10 characters" in refused(text)[0]


def test_every_problem_is_told_at_once() -> None:
    assert len(refused("[rules.HOLD-BP]\nsbp = 200\ndbp = true\nx = 1\n[rules.NONE]\n")) == 4


@pytest.mark.parametrize("limit", BOUNDED, ids=name)
def test_a_limit_may_be_set_up_to_its_bounds_and_no_further(limit: Limit) -> None:
    low: Any = limit.least
    high: Any = limit.greatest
    assert low <= limit.default <= high
    for value in (low, limit.default, high):
        if limit.name not in ("labile_failing", "labile_of"):  # these two bind each other, see below
            assert getattr(set_to(limit, value).limits, limit.name) == value
    step = 1 if isinstance(limit.default, int) else Decimal("0.01")
    for value in (low - step, high + step):
        with pytest.raises(SettingsRefused, match=f"from {low} to {high}"):
            set_to(limit, value)


@pytest.mark.parametrize(
    "value", ["135", True, False, None, [135], {"is": 135}, 135.0, Decimal("nan"), Decimal("inf")]
)
@pytest.mark.parametrize("limit", BOUNDED, ids=name)
def test_a_limit_is_a_number(limit: Limit, value: Any) -> None:
    with pytest.raises(SettingsRefused, match=f"^\\[rules.{limit.rule}\\] {limit.key}: must be a .*number"):
        set_to(limit, value)


@pytest.mark.parametrize("limit", [limit for limit in BOUNDED if isinstance(limit.default, int)], ids=name)
def test_days_years_and_counts_are_whole(limit: Limit) -> None:
    with pytest.raises(SettingsRefused, match="whole number"):
        set_to(limit, Decimal(f"{limit.default}.0"))


@pytest.mark.parametrize("limit", SWITCHES, ids=name)
def test_a_switch_is_set_either_way(limit: Limit) -> None:
    for value in (True, False):
        assert getattr(set_to(limit, value).limits, limit.name) is value


@pytest.mark.parametrize(
    "limit",
    [limit for limit in BOUNDED if ORIGINS[limit.rule] is Origin.CLINIC],
    ids=name,
)
def test_a_rule_of_the_clinic_can_only_be_made_stricter(limit: Limit) -> None:
    assert limit.default in (limit.least, limit.greatest), "one of the bounds of a clinic limit is its default"
    default: Any = limit.default
    beyond = default + 1 if limit.default == limit.greatest else default - 1
    with pytest.raises(SettingsRefused, match="can only be made stricter"):
        set_to(limit, beyond)


@pytest.mark.parametrize(
    ("failing", "of", "problem"),
    [(2, 2, None), (3, 3, None), (4, None, "which is 3"), (5, 4, "which is 4"), (None, 2, None)],
)
def test_so_many_of_the_latest_days_are_not_more_than_these_days(
    failing: int | None, of: int | None, problem: str | None
) -> None:
    keys = {"failing": failing, "of": of}
    table = {"rules": {"REV-BP-LABILE": {key: value for key, value in keys.items() if value is not None}}}
    if problem is None:
        assert rule_settings(table, CRITERIA).limits.labile_failing == (failing or 2)
    else:
        with pytest.raises(SettingsRefused, match=problem):
            rule_settings(table, CRITERIA)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("systolic", "urgent_systolic"),
        ("diastolic", "urgent_diastolic"),
        ("pressure_fresh_days", "pressure_max_days"),
        ("least_years", "adult_years"),
        ("adult_years", "elder_years"),
        ("elder_years", "greatest_years"),
        ("fertile_from_years", "fertile_to_years"),
    ],
)
def test_the_bounds_alone_keep_two_limits_in_their_order(lower: str, upper: str) -> None:
    found: dict[str, Any] = {limit.name: limit for limit in LIMITS}
    assert found[lower].greatest <= found[upper].least


def test_settings_are_kept_as_json_and_come_back_the_same() -> None:
    settings = RuleSettings(
        limits=Limits(systolic=Decimal("134.50"), mania_days=120, bipolar_allowed=False),
        off=frozenset({"REV-CV", "AGE-65"}),
        reasons={"REV-CV": REASON, "AGE-65": REASON},
    )
    text = json.dumps(as_json(settings))
    assert from_json(json.loads(text)) == settings
    assert set(json.loads(text)["limits"]) == {each.name for each in fields(Limits)}, "also those at their default"
    assert json.dumps(as_json(from_json(json.loads(text)))) == text


def test_kept_settings_outlive_the_limits_of_their_day() -> None:
    kept = as_json(RuleSettings(limits=Limits(systolic=Decimal(120))))
    kept["limits"]["moon_days"] = 28
    del kept["limits"]["mania_days"]
    assert from_json(kept) == RuleSettings(limits=Limits(systolic=Decimal(120)))
    assert from_json({}) == DEFAULTS


def test_settings_can_be_compared_and_hashed() -> None:
    assert len({DEFAULTS, from_json(as_json(DEFAULTS)), read("[rules.HOLD-BP]\nsbp = 120")}) == 2
