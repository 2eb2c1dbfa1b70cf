"""Properties: nothing that is added, lost or damaged makes a candidate; order and repeats change nothing (R-22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import Area, Gap
from smart_app.clinical.finding import State, Status
from tests.builders import (
    Json,
    a_blood_pressure,
    a_chart,
    a_condition,
    a_failure,
    a_medication,
    a_pregnancy_status,
    an_allergy,
    an_hcg,
    an_item_nine,
    days_ago,
    finding,
    mmhg,
    screened,
    states,
)

AGAINST: list[Json] = [
    a_condition("F20.9"),
    a_condition("N30.10"),
    a_condition("I61.9"),
    a_condition("G93.2"),
    a_condition("I20.0"),
    a_condition("I21.4", onset=days_ago(10)),
    a_condition("F29"),
    a_condition("F31.2"),
    a_condition("I16.0"),
    a_condition("I48.91"),
    a_condition("F20.9", verification="provisional"),
    an_allergy(),
    an_hcg(),
    a_pregnancy_status(),
    a_blood_pressure(185, 95),
    a_blood_pressure(mmhg(120, code=None, unit=None), 80),
    a_medication(None, text="ketamine"),
]
WEAK = [a_condition("F31.9"), a_condition(None, text="schizophrenia")]
AGAINST += WEAK
UNREADABLE: list[Json | None] = [
    None,
    {},
    a_condition(None),
    a_condition("F33.2", subject=None),
    a_condition("F33.2", onsetDateTime="x"),
    a_condition(None) | {"code": {"coding": 5, "text": "x"}},
    a_blood_pressure(effectiveDateTime="x"),
    an_allergy(None, text=None),
    a_medication(None, text=None),
    a_medication(implicitRules="urn:x"),
    an_item_nine(77),
    an_hcg("unknown-code"),
]
CHARTS: list[list[Json]] = [
    a_chart(),
    a_chart(a_condition("F31.31"), a_blood_pressure(150, when=days_ago(50))),
    a_chart(a_blood_pressure(when=days_ago(20)), without=["Observation"]),
    a_chart(an_item_nine(), without=["Condition"]),
    a_chart(a_condition("F32.A"), without=["Condition"]),
    a_chart(a_condition("I48.91"), a_medication()),
    a_chart(without=["Condition"]),
    a_chart(without=["Observation"]),
    a_chart(a_condition("F31.2"), an_allergy()),
]
charts = st.sampled_from(CHARTS)
more_entries = st.lists(st.sampled_from(AGAINST + UNREADABLE), max_size=4)
fast = settings(max_examples=80, deadline=None)


def rank(resources: Iterable[Json | None], *failures: Gap) -> int:
    return screened(resources, *failures).status.rank


@fast
@given(charts, more_entries, st.sampled_from(AGAINST))
def test_a_finding_against_treatment_never_improves_the_status(
    chart: list[Json], more: list[Json | None], against: Json
) -> None:
    """Only entries that may hide an indication (1b) turn "no indication" into "needs review"."""
    before, after = screened([*chart, *more]).status, screened([*chart, *more, against]).status
    assert after.rank <= before.rank or (before is Status.NO_INDICATION and against in WEAK)
    assert rank([*chart, against]) < Status.CANDIDATE.rank


@fast
@given(charts, more_entries, st.sampled_from(UNREADABLE))
def test_an_unreadable_entry_never_leaves_a_candidate(
    chart: list[Json], more: list[Json | None], unreadable: Json | None
) -> None:
    assert rank([*chart, *more, unreadable]) < Status.CANDIDATE.rank


@fast
@given(charts, more_entries, st.sampled_from(list(Area)), st.booleans())
def test_a_failure_never_improves_a_status_that_rests_on_findings(
    chart: list[Json], more: list[Json | None], area: Area, fetch_failed: bool
) -> None:
    """Only "no indication" may give way, to "not enough data": it claims that everything was read."""
    before = screened([*chart, *more]).status
    after = screened([*chart, *more], replace(a_failure(area), fetch_failed=fetch_failed)).status
    assert after is not Status.CANDIDATE
    assert after.rank <= before.rank or (before, after) == (Status.NO_INDICATION, Status.INSUFFICIENT_DATA)


@fast
@given(charts, more_entries, st.data())
def test_order_and_repeats_change_nothing(chart: list[Json], more: list[Json | None], data: st.DataObject) -> None:
    resources = [*chart, *more]
    repeated = resources + data.draw(st.lists(st.sampled_from(chart), max_size=4))
    shuffled = data.draw(st.permutations(repeated))
    before, after = screened(resources), screened(shuffled)
    assert after.status is before.status
    assert states(after) == states(before)
    assert after.alerts == before.alerts


@fast
@given(st.integers(60, 260), st.integers(30, 160), st.integers(0, 120))
def test_the_pressure_rule_against_its_own_words(systolic: int, diastolic: int, days: int) -> None:
    """An independent reading of 2.2 for one panel: usable, in time, failing."""
    status = screened(
        a_chart(a_blood_pressure(systolic, diastolic, when=days_ago(days)), without=["Observation"])
    ).status
    usable = diastolic < systolic and days <= 90
    failing = systolic >= 140 or diastolic >= 100
    expected = Status.HOLD if usable and failing else Status.INSUFFICIENT_DATA
    assert status is (Status.CANDIDATE if usable and not failing and days <= 30 else expected)


@fast
@given(st.sampled_from(["F30.9", "F22", "I49.01", "I16.0", "I21.4"]), st.integers(0, 400), st.integers(0, 400))
def test_the_latest_date_decides_a_recent_rule(code: str, onset: int, recorded: int) -> None:
    window = {"F30.9": 90, "F22": 180, "I49.01": 90, "I16.0": 90, "I21.4": 42}[code]
    rule = {
        "F30.9": "HOLD-MANIA",
        "F22": "HOLD-PSY",
        "I49.01": "ABS-CV",
        "I16.0": "HOLD-HTNCRISIS",
        "I21.4": "ABS-MI",
    }
    condition = a_condition(code, status="resolved", onset=days_ago(onset), recorded=days_ago(recorded))
    found = finding(screened(a_chart(condition)), rule[code])
    fired = found.state is State.MET and found.effect in (Status.HOLD, Status.CONTRAINDICATED)
    assert fired is (min(onset, recorded) <= window)
