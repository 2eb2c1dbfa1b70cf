"""The document of the rules: what a user needs to judge each, with the limits of the site beside the shipped ones."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from fhir_mappings.wire import decode, encode
from smart_app.clinical.criteria import CRITERIA, RULES_VERSION
from smart_app.clinical.criterion import Ask, Criterion
from smart_app.clinical.finding import Kind
from smart_app.clinical.limits import LIMITS, Limits
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.rule_sheet import ATTRIBUTES, INPUTS, attributes, missing_data, rule_sheet
from smart_app.clinical.site_table import amount

STRICT = RuleSettings(
    limits=Limits(systolic=Decimal("134.5"), bipolar_allowed=False),
    off=frozenset({"REV-CV"}),
    reasons={"REV-CV": "the cardiologist sees everybody"},
)


def rules(sheet: dict[str, Any]) -> dict[str, Any]:
    return {rule["id"]: rule for rule in sheet["rules"]}


def a_criterion(**changes: Any) -> Criterion:
    return replace(CRITERIA[0], **changes)


def test_every_rule_is_in_it_with_what_a_user_needs_to_judge_it() -> None:
    sheet = rule_sheet()
    assert sheet["rulesVersion"] == RULES_VERSION
    assert [rule["id"] for rule in sheet["rules"]] == [criterion.id for criterion in CRITERIA]
    for rule in sheet["rules"]:
        for told in ("question", "logic", "source", "missingData", "version", "author", "released", "revised"):
            assert rule[told], (rule["id"], told)
    assert sum(each["rules"] for each in sheet["origins"].values()) == len(CRITERIA)


def test_every_limit_that_a_site_may_set_stands_at_its_rule_with_its_bounds() -> None:
    told = {(rule["id"], limit["key"]): limit for rule in rule_sheet()["rules"] for limit in rule["limits"]}
    here = [limit for limit in LIMITS if limit.rule in rules(rule_sheet())]
    assert {(limit.rule, limit.key) for limit in here} == set(told)
    for limit in here:
        found = told[limit.rule, limit.key]
        assert (found["value"], found["default"]) == (limit.default, limit.default)
        assert (found["least"], found["greatest"], found["unit"]) == (limit.least, limit.greatest, limit.unit)


def test_the_site_s_limits_stand_beside_the_defaults() -> None:
    sheet = rule_sheet(STRICT)
    found = rules(sheet)
    sbp, dbp, _age = found["HOLD-BP"]["limits"]
    assert (sbp["value"], sbp["default"]) == (Decimal("134.5"), Decimal(140))
    assert dbp["value"] == dbp["default"] == Decimal(100)
    assert [(each["rule"], each["key"]) for each in sheet["differences"]] == [
        ("IND-BPD", "allowed"),
        ("HOLD-BP", "sbp"),
        ("REV-CV", "off"),
    ]
    assert [rule["id"] for rule in sheet["rules"] if rule["off"]] == ["REV-CV"]
    assert found["REV-CV"]["siteReason"] == "the cardiologist sees everybody"
    assert rule_sheet()["differences"] == []


def test_it_is_json_and_amounts_keep_their_digits() -> None:
    told = decode(encode(rule_sheet(STRICT)))
    assert told["format"] == 1
    assert str(rules(told)["HOLD-BP"]["limits"][0]["value"]) == "134.5"


def test_each_part_of_a_chart_is_named_by_its_resources() -> None:
    assert set(INPUTS) == set(Area)
    assert rules(rule_sheet())["IND-SI"]["inputs"] == ["Condition", "Observation (questionnaires)"]


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({"reads": frozenset({Area.CONDITION})}, ()),
        ({"uses": frozenset({"date of birth", "sex"})}, ("sex", "date of birth")),
        ({"reads": frozenset({Area.SURVEY})}, ("health status assessments",)),
        (
            {"reads": frozenset({Area.SOCIAL_HISTORY}), "uses": frozenset({"sex"})},
            ("sex", "health status assessments"),
        ),
    ],
)
def test_personal_attributes_that_a_rule_uses_are_named(changes: dict[str, Any], used: tuple[str, ...]) -> None:
    assert attributes(a_criterion(**changes)) == used


def test_each_attribute_is_either_used_or_not() -> None:
    sheet = rule_sheet()
    assert sorted(sheet["attributesUsed"] + sheet["attributesNotUsed"]) == sorted(ATTRIBUTES)
    assert {"race", "ethnicity", "language"} <= set(sheet["attributesNotUsed"])
    assert {attribute for criterion in CRITERIA for attribute in criterion.uses} <= set(ATTRIBUTES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reads": frozenset({Area.CONDITION})}, "at best Not enough data (conditions)."),
        ({"reads": frozenset({Area.LABORATORY})}, "at best Needs review (laboratory results)."),
        (
            {"reads": frozenset({Area.CONDITION, Area.ALLERGY, Area.SURVEY})},
            "at best Not enough data (allergies, conditions), Needs review (questionnaire scores).",
        ),
        ({"kind": Kind.MISSING, "reads": frozenset({Area.BLOOD_PRESSURE})}, "unread is never taken for present"),
        ({"reads": frozenset()}, "listed as a gap"),
        ({"ask": Ask(words="Do you snore?", days=90)}, "the patient can be asked"),
    ],
)
def test_it_says_what_a_rule_does_without_data(changes: dict[str, Any], said: str) -> None:
    assert said in missing_data(a_criterion(**changes))


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(Decimal("134.50"), "mmHg", "134.50 mmHg"), (90, "days", "90 days"), (2, "", "2"), (True, "", "yes")],
)
def test_a_limit_reads_as_people_write_it(value: Any, unit: str, words: str) -> None:
    assert amount(value, unit) == words
