"""Blood pressure: limits, days, age and urgency (clinical content, 2.2 steps 4 to 6 and 1b)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.finding import State, Status
from tests.builders import (
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_condition,
    a_failure,
    a_patient,
    days_ago,
    finding,
    met_rules,
    mmhg,
    rules_with,
    screened,
    states,
    status_with,
)

NOON = f"{days_ago(0)}T12:00:00-06:00"


@pytest.mark.parametrize(
    ("systolic", "diastolic", "expected"),
    [
        pytest.param(139, 99, Status.CANDIDATE, id="both just below"),
        pytest.param(Decimal("139.9"), Decimal("99.9"), Status.CANDIDATE, id="below by a tenth"),
        pytest.param(140, 80, Status.HOLD, id="systolic at the limit"),
        pytest.param(139, 100, Status.HOLD, id="diastolic at the limit"),
        pytest.param(140, 99, Status.HOLD, id="140 over 99"),
        pytest.param(150, 105, Status.HOLD, id="both over"),
        pytest.param(140, None, Status.HOLD, id="systolic alone at the limit"),
        pytest.param(None, 100, Status.HOLD, id="diastolic alone at the limit"),
        pytest.param(120, None, Status.INSUFFICIENT_DATA, id="systolic alone passing"),
        pytest.param(None, 80, Status.INSUFFICIENT_DATA, id="diastolic alone passing"),
        pytest.param(300, 110, Status.HOLD, id="systolic implausible, diastolic failing"),
        pytest.param(mmhg(145, comparator="<"), 101, Status.HOLD, id="systolic with a comparator, diastolic failing"),
    ],
)
def test_limits_of_a_single_reading(systolic: Any, diastolic: Any, expected: Status) -> None:
    assert status_with(a_blood_pressure(systolic, diastolic)) is expected


@pytest.mark.parametrize(
    ("days", "systolic", "expected", "rule"),
    [
        pytest.param(30, 120, Status.CANDIDATE, None, id="passing, 30 days: fresh"),
        pytest.param(31, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 31 days: stale"),
        pytest.param(90, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 90 days: stale"),
        pytest.param(91, 120, Status.INSUFFICIENT_DATA, "MISS-BP", id="passing, 91 days: missing"),
        pytest.param(31, 140, Status.HOLD, "HOLD-BP", id="failing, 31 days: still holds"),
        pytest.param(90, 140, Status.HOLD, "HOLD-BP", id="failing, 90 days: still holds"),
        pytest.param(91, 140, Status.INSUFFICIENT_DATA, "MISS-BP", id="failing, 91 days: missing"),
    ],
)
def test_age_of_the_latest_day(days: int, systolic: int, expected: Status, rule: str | None) -> None:
    reading = a_blood_pressure(systolic, when=days_ago(days))
    assert status_with(reading) is expected
    assert rule is None or rule in rules_with(reading)


def test_no_reading_at_all_is_missing_data() -> None:
    assert rules_with() == {"IND-MDD", "MISS-BP"}
    assert status_with() is Status.INSUFFICIENT_DATA


def test_the_latest_day_decides() -> None:
    assert status_with(a_blood_pressure(160, when=days_ago(40)), a_blood_pressure(118)) is Status.CANDIDATE
    assert status_with(a_blood_pressure(118, when=days_ago(1)), a_blood_pressure(150)) is Status.HOLD


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param([(139, 80), (140, 80)], Status.CANDIDATE, id="139.5 is below"),
        pytest.param([(139, 80), (141, 80)], Status.HOLD, id="140 is not below"),
        pytest.param([(130, 99), (130, 100)], Status.CANDIDATE, id="diastolic 99.5 is below"),
        pytest.param([(139, 80), (140, 80), (140, 80)], Status.CANDIDATE, id="139.67 is not rounded up"),
        pytest.param([(140, 80), (Decimal("139.9"), 80)], Status.CANDIDATE, id="139.95 is not rounded up"),
        pytest.param([(120, 80), (150, None)], Status.HOLD, id="a half over the limit is not averaged away"),
    ],
)
def test_a_day_counts_as_the_unrounded_mean(readings: list[tuple[Any, Any]], expected: Status) -> None:
    found = [
        a_blood_pressure(above, below, when=f"{days_ago(0)}T{8 + n:02}:00:00-06:00")
        for n, (above, below) in enumerate(readings)
    ]
    assert status_with(*found) is expected
    assert status_with(*reversed(found)) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param("2026-11-23T23:59:59-06:00", Status.HOLD, id="last second of the day in its own offset"),
        pytest.param("2026-11-23T00:00:00+14:00", Status.HOLD, id="first second of the day, far east"),
        pytest.param(
            "2026-11-24T00:00:00+14:00", Status.CANDIDATE, id="tomorrow in its own offset: listed, not used"
        ),
        pytest.param("2026-11-24", Status.CANDIDATE, id="tomorrow's date: listed, not used"),
        pytest.param("2026-08-25T00:00:00Z", Status.CANDIDATE, id="90 days ago, behind a newer pass"),
    ],
)
def test_the_calendar_day_is_that_of_the_readings_own_offset(when: str, expected: Status) -> None:
    chart = a_chart(
        a_blood_pressure(120, when=days_ago(1)), a_blood_pressure(160, when=when), without=["Observation"]
    )
    result = screened(chart)
    assert result.status is expected
    later = [gap for gap in result.gaps if gap.listed_only]
    assert bool(later) == when.startswith("2026-11-24")


def test_one_moment_on_two_days_counts_on_the_day_that_is_written() -> None:
    """23:30 at -06:00 is the 22nd, though it is the 23rd in UTC: the reading of the 23rd is the latest day."""
    late = a_blood_pressure(160, when="2026-11-22T23:30:00-06:00")
    assert status_with(late, a_blood_pressure(120, when="2026-11-23T01:00:00Z")) is Status.CANDIDATE


PARTIAL = [
    pytest.param("2026-10", 120, Status.INSUFFICIENT_DATA, id="October, passing: some days are stale"),
    pytest.param("2026-10", 150, Status.HOLD, id="October, failing: some days are near enough"),
    pytest.param("2026-11", 150, Status.HOLD, id="this month, failing"),
    pytest.param("2026", 150, Status.HOLD, id="this year, failing"),
    pytest.param("2026-08", 150, Status.HOLD, id="August, failing: the 31st is 84 days ago"),
    pytest.param("2026-07", 150, Status.INSUFFICIENT_DATA, id="July, failing: every day is too old"),
]


@pytest.mark.parametrize(("when", "systolic", "expected"), PARTIAL)
def test_a_partial_date_fires_if_any_day_may_and_helps_only_if_all_do(
    when: str, systolic: int, expected: Status
) -> None:
    assert status_with(a_blood_pressure(systolic, when=when)) is expected


def test_a_whole_month_within_thirty_days_helps() -> None:
    chart = a_chart(a_blood_pressure(120, when="2026-11"), without=["Observation"])
    assert screened(chart, as_of=TODAY.replace(day=30)).status is Status.CANDIDATE


def test_an_average_over_several_days_counts_as_one_day() -> None:
    period = {"start": days_ago(5), "end": days_ago(2)}
    parts = [a_component("96608-5", mmhg(128)), a_component("96609-3", mmhg(82))]
    average = a_blood_pressure(panel="96607-7", component=parts, effectiveDateTime=None, effectivePeriod=period)
    assert status_with(average) is Status.CANDIDATE
    failing = a_blood_pressure(150, when=days_ago(4))
    assert status_with(average, failing) is Status.HOLD


@pytest.mark.parametrize(
    ("systolic", "diastolic", "days", "urgent"),
    [
        pytest.param(180, 90, 0, True, id="systolic 180"),
        pytest.param(179, 119, 0, False, id="just below both"),
        pytest.param(150, 120, 0, True, id="diastolic 120"),
        pytest.param(180, None, 0, True, id="systolic alone"),
        pytest.param(180, 90, 7, True, id="seven days ago"),
        pytest.param(180, 90, 8, False, id="eight days ago"),
    ],
)
def test_a_hypertensive_crisis_within_a_week_raises_an_alert(
    systolic: Any, diastolic: Any, days: int, *, urgent: bool
) -> None:
    reading = a_blood_pressure(systolic, diastolic, when=days_ago(days))
    result = screened(a_chart(reading, without=["Observation"] if days == 0 else []))
    assert ("URG-BP" in met_rules(result)) is urgent
    assert ([alert.rule for alert in result.alerts] == ["URG-BP"]) is urgent
    assert (result.status is Status.HOLD) is (urgent or days == 0)


def test_words_never_say_above() -> None:
    reason = finding(screened(a_chart(a_blood_pressure(150), without=["Observation"])), "HOLD-BP").reason
    assert "Not below 140/100" in reason
    assert "above" not in reason.lower()


def test_the_evidence_is_the_reading_its_day_and_its_value() -> None:
    readings = [a_blood_pressure(140, 80, id="bp-1"), a_blood_pressure(141, 80, when=NOON, id="bp-2")]
    evidence = finding(screened(a_chart(*readings, without=["Observation"])), "HOLD-BP").evidence
    assert [(e.reference, e.date, e.text) for e in evidence] == [
        ("Observation/bp-2", days_ago(0), "140.5/80 mmHg, mean of 2 readings")
    ]


def test_known_hypertension_with_a_passing_pressure_is_a_caution() -> None:
    result = screened(a_chart(a_condition("I10")))
    assert result.status is Status.CANDIDATE
    assert finding(result, "REV-HTN").state is State.MET
    for reading in (a_blood_pressure(140), a_blood_pressure(when=days_ago(40))):
        failing = screened(a_chart(a_condition("I10"), reading, without=["Observation"]))
        assert finding(failing, "REV-HTN").state is not State.MET


@pytest.mark.parametrize(
    ("readings", "hold", "missing"),
    [
        pytest.param([], "not-enough-data", "could-not-look", id="nothing came"),
        pytest.param([a_blood_pressure()], "could-not-look", "could-not-look", id="a passing one came"),
        pytest.param([a_blood_pressure(150)], "met", "could-not-look", id="a failing one came"),
    ],
)
def test_a_failed_page_of_vital_signs(readings: list[Json], hold: str, missing: str) -> None:
    result = screened(a_chart(*readings, without=["Observation"]), a_failure(Area.BLOOD_PRESSURE))
    assert (states(result)["HOLD-BP"], states(result)["MISS-BP"]) == (hold, missing)
    assert result.status is (Status.HOLD if hold == "met" else Status.INSUFFICIENT_DATA)


def test_without_a_patient_the_reading_cannot_clear() -> None:
    assert screened([a_condition(), a_blood_pressure()]).status is Status.INSUFFICIENT_DATA
    assert screened([a_patient(), a_condition(), a_blood_pressure()]).status is Status.CANDIDATE
