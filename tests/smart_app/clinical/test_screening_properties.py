"""Properties: nothing that is added, lost or damaged makes a candidate; order and repeats change nothing (R-22)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import Area, Gap
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.finding import State, Status
from smart_app.clinical.screening import screen
from tests.builders import (
    PATIENTS,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_condition,
    a_failure,
    a_liver_value,
    a_medication,
    a_patient,
    a_pregnancy_status,
    a_score,
    a_weight,
    an_allergy,
    an_hcg,
    an_item_nine,
    days_ago,
    finding,
    mmhg,
    screened,
    states,
    units_per_litre,
)

pytestmark = pytest.mark.no_cover

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
    a_condition("I71.40"),
    a_condition("Q28.2", status="resolved"),
    a_condition("I63.9", onset=days_ago(400)),
    a_condition("I1A.0"),
    a_condition("Z39.1", onset=days_ago(20)),
    a_condition("F10.20"),
    a_condition("K72.10"),
    a_condition("E05.91"),
    a_condition("H40.211"),
    a_condition("G40.909"),
    a_condition("J44.9", verification="differential"),
    a_condition("F03.90"),
    a_condition("R30.0"),
    a_liver_value(900),
    a_liver_value(units_per_litre(100, comparator=">")),
]
WEAK = [a_condition("F31.9"), a_condition(None, text="schizophrenia"), a_condition(None, text="COPD")]
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
    a_score("70274-6", 99),
    a_score("44261-6", 12, status="unknown"),
    a_liver_value(units_per_litre("?")),
    a_liver_value(30, referenceRange=5),
    a_weight(9000),
]
# Nothing but information may come of these: they say nothing against the patient, and nothing for.
PLAIN_OBSERVATIONS: list[Json] = [
    a_score("44261-6", 19),
    a_score("44261-6", 2),
    a_score("55758-7", 1),
    a_score("70274-6", 21),
    a_score("99046-5", 12),
    a_liver_value(30),
    a_liver_value(90, upper=None, code="1920-8"),
    a_weight(),
    a_pregnancy_status("261665006"),
    an_hcg("260415000"),
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
    a_chart(a_patient(gender="female"), an_hcg("260415000"), without=["Patient"]),
    a_chart(a_patient(gender="female"), without=["Patient"]),
    a_chart(a_liver_value(30, when=days_ago(3)), a_score("44261-6", 15), a_weight()),
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


@fast
@given(charts, more_entries, st.sampled_from(PLAIN_OBSERVATIONS))
def test_a_plain_observation_helps_nobody_but_whom_it_was_asked_of(
    chart: list[Json], more: list[Json | None], plain: Json
) -> None:
    """Only a negative pregnancy result may improve anything: it is what MISS-PREG asks for."""
    before, after = screened([*chart, *more]), screened([*chart, *more, plain])
    pregnancy = {"HOLD-PREG", "MISS-PREG"}
    if plain == PLAIN_OBSERVATIONS[-1]:
        changed = {rule for rule, state in states(after).items() if states(before)[rule] != state}
        assert changed <= pregnancy
    else:
        assert after.status is before.status


@fast
@given(charts, more_entries, st.sampled_from(["ABS-IC", "HOLD-PREG", "HOLD-LACT", "REV-URO", "CAU-MAOI"]))
def test_an_answer_that_nobody_could_give_never_improves_the_status(
    chart: list[Json], more: list[Json | None], rule: str
) -> None:
    facts = patient_facts([*chart, *more], as_of=TODAY, patients=PATIENTS)
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
    answer = Answer(id="a1", question=rule, said=Said.UNKNOWN, by="Nan Nurse, nurse", at=at, days=30)
    before, after = screen(facts, as_of=TODAY), screen(facts, as_of=TODAY, answers=[answer])
    assert after.status.rank <= before.status.rank
    assert after.status is not Status.CANDIDATE


HELPFUL = [
    lambda when: an_hcg("260415000", when=when),
    lambda when: a_pregnancy_status("60001007", when=when),
]


@fast
@given(st.sampled_from(HELPFUL), st.dates(date(2026, 8, 1), date(2026, 12, 31)), st.sampled_from([4, 7, 10]))
def test_a_partial_date_never_helps_unless_all_its_days_do(
    helpful: Callable[[str], Json], day: date, precision: int
) -> None:
    """A test whose date is cut short clears only where every day it may mean would have."""
    woman = a_chart(a_patient(gender="female"), without=["Patient"])

    def cleared(when: str) -> bool:
        return screened([*woman, helpful(when)]).status is Status.CANDIDATE

    text = day.isoformat()[:precision]
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    meant = [each.isoformat() for each in days if each.isoformat().startswith(text)]
    expected = all(0 <= (TODAY - date.fromisoformat(each)).days <= 30 for each in meant)
    assert cleared(text) is expected


@fast
@given(
    st.sampled_from(["I63.9", "I21.4", "F30.9", "I16.0"]),
    st.integers(30, 100),
    st.integers(-12 * 60, 14 * 60),
    st.integers(0, 24 * 60 - 1),
)
def test_a_day_is_the_one_that_was_written_whatever_the_time_zone(
    code: str, days: int, offset: int, minute: int
) -> None:
    """The same calendar day decides, at any time of it and in any zone."""
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    moment = f"{days_ago(days)}T{minute // 60:02}:{minute % 60:02}:00{zone}"
    timed, plain = (
        screened(a_chart(a_condition(code, status="resolved", onset=when))) for when in (moment, days_ago(days))
    )
    assert timed.status is plain.status
    assert states(timed) == states(plain)
