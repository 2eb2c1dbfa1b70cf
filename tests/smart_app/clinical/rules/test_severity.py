"""Scales and weight: what the latest says, and what is missing (SEV-PHQ9, MISS-PHQ, MISS-WEIGHT)."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.finding import Kind, State, Status
from tests.builders import (
    Json,
    a_blood_pressure,
    a_chart,
    a_failure,
    a_score,
    a_weight,
    an_item_nine,
    days_ago,
    finding,
    screened,
)

PHQ9, PHQ9_TEEN, PHQ2, GAD7, EPDS = "44261-6", "89204-2", "55758-7", "70274-6", "71354-5"

TOTALS = [
    pytest.param([a_score(PHQ9, 10)], "PHQ-9 10, at least 10", id="ten supports"),
    pytest.param([a_score(PHQ9, 9)], "PHQ-9 9, below 10", id="nine asks to weigh the need"),
    pytest.param([a_score(PHQ9, 0)], "PHQ-9 0, below 10", id="zero"),
    pytest.param([a_score(PHQ9, 19, when=days_ago(30))], "PHQ-9 19", id="30 days"),
    pytest.param([a_score(PHQ9, 19, when=days_ago(31))], None, id="31 days"),
    pytest.param([a_score(PHQ9, 19, when="2026-10")], None, id="perhaps 30 days"),
    pytest.param([a_score(PHQ9, 19, effectiveDateTime=None)], None, id="undated"),
    pytest.param([a_score(PHQ9, 19, status="preliminary")], None, id="preliminary"),
    pytest.param([a_score(PHQ9, 5, when=days_ago(3)), a_score(PHQ9, 20, when=days_ago(9))], "PHQ-9 5", id="latest"),
    pytest.param([a_score(PHQ9, 5, when=days_ago(3)), a_score(PHQ9, 20, when=days_ago(3))], "PHQ-9 20",
                 id="of one day the highest"),
    pytest.param([a_score(PHQ9_TEEN, 12)], "PHQ-9 12", id="the adolescents' form"),
    pytest.param([a_score(PHQ2, 6)], None, id="PHQ-2 is no PHQ-9"),
    pytest.param([a_score(GAD7, 21)], None, id="GAD-7 is of anxiety"),
]  # fmt: skip


@pytest.mark.parametrize(("entries", "words"), TOTALS)
def test_severity_is_told_and_never_changes_the_status(entries: list[Json], words: str | None) -> None:
    result = screened(a_chart(*entries))
    found = finding(result, "SEV-PHQ9")
    assert result.status is Status.CANDIDATE
    assert (found.state is State.MET) is (words is not None)
    assert (found.kind, found.effect) == (Kind.INFORMATION, None)
    assert words is None or found.reason.startswith(words)
    assert finding(screened(a_chart(*reversed(entries))), "SEV-PHQ9") == found


@pytest.mark.parametrize(
    ("entry", "missing"),
    [
        pytest.param(a_score(PHQ9, 3), False, id="PHQ-9"),
        pytest.param(a_score(PHQ9_TEEN, 3), False, id="PHQ-9 of adolescents"),
        pytest.param(a_score(EPDS, 12), False, id="EPDS"),
        pytest.param(a_score(PHQ2, 3), True, id="PHQ-2 is a screen"),
        pytest.param(a_score(GAD7, 3), True, id="GAD-7 is of anxiety"),
        pytest.param(an_item_nine(0), True, id="a single item"),
        pytest.param(a_score(PHQ9, 3, when=days_ago(31)), True, id="31 days old"),
    ],
)
def test_which_scale_makes_a_baseline(entry: Json, *, missing: bool) -> None:
    result = screened(a_chart(entry))
    found = finding(result, "MISS-PHQ")
    assert (found.state is State.MET) is missing
    assert found.effect is None
    assert result.status is Status.CANDIDATE


def test_scales_that_could_not_be_read_are_not_called_missing() -> None:
    result = screened(a_chart(), a_failure(Area.SURVEY))
    assert {finding(result, rule).state for rule in ("MISS-PHQ", "SEV-PHQ9")} == {State.COULD_NOT_LOOK}


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        pytest.param({}, False, id="today"),
        pytest.param({"when": days_ago(90)}, False, id="90 days"),
        pytest.param({"when": days_ago(91)}, True, id="91 days"),
        pytest.param({"effectiveDateTime": None}, True, id="undated"),
        pytest.param({"status": "preliminary"}, True, id="not final"),
        pytest.param({"status": "entered-in-error"}, True, id="in error"),
    ],
)
def test_a_weight_that_is_missing_is_information(changes: dict[str, Any], *, missing: bool) -> None:
    result = screened(a_chart(a_weight(**changes)))
    found = finding(result, "MISS-WEIGHT")
    assert (found.state is State.MET) is missing
    assert result.status is Status.CANDIDATE
    assert missing or found.evidence[0].text == "70 kg"


def test_a_weight_comes_with_the_vital_signs() -> None:
    refused = screened(a_chart(a_blood_pressure()), a_failure(Area.BLOOD_PRESSURE))
    assert finding(refused, "MISS-WEIGHT").state is State.COULD_NOT_LOOK


def test_an_unreadable_weight_asks_for_review() -> None:
    assert screened(a_chart(a_weight(700))).status is Status.NEEDS_REVIEW
    assert screened(a_chart(a_weight(valueQuantity={"value": 70}))).status is Status.NEEDS_REVIEW
    absent = a_weight(valueQuantity=None, dataAbsentReason={"text": "declined"})
    assert screened(a_chart(absent)).status is Status.CANDIDATE
