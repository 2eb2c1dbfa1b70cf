"""Overrides: what they are for, what they leave, and that they never clear anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.finding import Evidence, Finding, Status
from smart_app.clinical.overrides import OVERRIDABLE, Override, overridable, standing_overrides, status_with
from smart_app.clinical.screening import ScreeningResult
from tests.builders import Json, a_blood_pressure, a_chart, a_condition, a_failure, finding, screened

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SCHIZOPHRENIA = a_condition("F20.9", id="scz")
HIGH = a_blood_pressure(170, 108, id="high")


def an_override(found: Finding, *, number: int = 1) -> Override:
    return Override(id=f"o{number}", rule=found.rule, evidence=frozenset(found.evidence), at=AT)


def overridden(result: ScreeningResult, *rules: str) -> Status:
    made = [an_override(finding(result, rule)) for rule in rules]
    return status_with(result, standing_overrides(result.findings, made))


@pytest.mark.parametrize(
    ("more", "rules", "left"),
    [
        pytest.param([SCHIZOPHRENIA], ["ABS-SCZ"], Status.NEEDS_REVIEW, id="a contraindication"),
        pytest.param([HIGH], ["HOLD-BP"], Status.NEEDS_REVIEW, id="a hold"),
        pytest.param([SCHIZOPHRENIA, HIGH], ["ABS-SCZ"], Status.HOLD, id="one of two"),
        pytest.param([SCHIZOPHRENIA, HIGH], ["ABS-SCZ", "HOLD-BP"], Status.NEEDS_REVIEW, id="both"),
        pytest.param([SCHIZOPHRENIA], [], Status.CONTRAINDICATED, id="none"),
    ],
)
def test_what_an_override_leaves(more: list[Json], rules: list[str], left: Status) -> None:
    assert overridden(screened(a_chart(*more)), *rules) is left


def test_what_is_missing_cannot_be_overridden() -> None:
    result = screened(a_chart(SCHIZOPHRENIA), a_failure(Area.MEDICATION))
    fetch = finding(result, "DATA-FETCH")
    assert not overridable(fetch)
    assert overridden(result, "ABS-SCZ", "DATA-FETCH") is Status.INSUFFICIENT_DATA


def test_a_missing_indication_cannot_be_overridden() -> None:
    result = screened(a_chart(SCHIZOPHRENIA, without=["Condition"]))
    assert overridden(result, "ABS-SCZ", "IND-NONE") is Status.NO_INDICATION


def test_new_evidence_asks_for_a_new_decision() -> None:
    before = screened(a_chart(SCHIZOPHRENIA))
    after = screened(a_chart(SCHIZOPHRENIA, a_condition("F25.0", id="another")))
    made = [an_override(finding(before, "ABS-SCZ"))]
    assert standing_overrides(after.findings, made) == {}
    assert status_with(after, standing_overrides(after.findings, made)) is Status.CONTRAINDICATED


def test_it_holds_when_a_part_of_the_evidence_has_gone() -> None:
    before = screened(a_chart(SCHIZOPHRENIA, a_condition("F25.0", id="another")))
    after = screened(a_chart(SCHIZOPHRENIA))
    made = [an_override(finding(before, "ABS-SCZ"))]
    assert standing_overrides(after.findings, made).keys() == {"ABS-SCZ"}


def test_evidence_that_changed_is_new_evidence() -> None:
    result = screened(a_chart(HIGH))
    (seen,) = finding(result, "HOLD-BP").evidence
    old = Override(id="o1", rule="HOLD-BP", evidence=frozenset({replace(seen, text="141/80 mmHg")}), at=AT)
    assert standing_overrides(result.findings, [old]) == {}


def test_an_override_of_another_rule_does_nothing() -> None:
    result = screened(a_chart(SCHIZOPHRENIA))
    evidence = frozenset(finding(result, "ABS-SCZ").evidence)
    for rule in ("ABS-IC", "HOLD-BP", "no such rule"):
        other = Override(id="o1", rule=rule, evidence=evidence, at=AT)
        assert status_with(result, standing_overrides(result.findings, [other])) is Status.CONTRAINDICATED


CHARTS = [
    (SCHIZOPHRENIA,),
    (HIGH,),
    (a_condition("I61.9", id="bleed"), a_condition("F31.10", id="mania")),
    (a_condition("N30.10", id="cystitis"), HIGH),
    (),
]


@given(st.sampled_from(CHARTS), st.booleans(), st.sets(st.integers(0, 65)))
def test_with_an_override_nobody_is_a_candidate(more: tuple[Json, ...], failed: bool, chosen: set[int]) -> None:
    result = screened(a_chart(*more), *([a_failure(Area.CONDITION)] if failed else []))
    picked = [result.findings[n % len(result.findings)] for n in chosen]
    extra = Evidence(reference="Condition/none", date="", text="")
    made = [replace(an_override(f, number=n), evidence=frozenset({*f.evidence, extra})) for n, f in enumerate(picked)]
    counting = standing_overrides(result.findings, made)
    left = status_with(result, counting)
    assert left.rank >= result.status.rank
    assert not (counting and left is Status.CANDIDATE)
    assert all(finding(result, rule).effect in OVERRIDABLE for rule in counting)
    if failed:
        assert left.rank <= Status.INSUFFICIENT_DATA.rank
