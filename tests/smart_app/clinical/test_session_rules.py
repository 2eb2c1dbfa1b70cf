"""The blood pressure check before the dose, action levels, and the next reading."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Moment, Reading, Route
from smart_app.clinical.limits import Limits
from smart_app.clinical.session_rules import (
    GateState,
    Level,
    SessionLimits,
    action,
    elapsed,
    gate,
    next_due,
    pressures,
)
from tests.smart_app.clinical.treatments import a_reading, at

LIMITS = SessionLimits()
IV = PROGRAMMES[Route.IV].monitoring_minutes


@pytest.mark.parametrize(
    ("pressure", "passes"),
    [
        pytest.param("139/99", True, id="both just below"),
        pytest.param("140/80", False, id="systolic at its limit"),
        pytest.param("120/100", False, id="diastolic at its limit"),
        pytest.param("152/104", False, id="both over"),
        pytest.param("139.9/80", True, id="a tenth below"),
    ],
)
def test_the_limit_itself_fails(pressure: str, passes: bool) -> None:
    found = gate([a_reading(pressure)], dose_at=at("14:10"), limits=LIMITS)
    assert found.open is passes


def test_the_dose_starts_by_the_limits_the_site_screens_by() -> None:
    stricter = SessionLimits.of_site(Limits(systolic=Decimal("135.5"), diastolic=Decimal(95)))
    found = gate([a_reading("136/80")], dose_at=at("14:10"), limits=stricter)
    assert found.words == "Do not start: 136/80 is not below 135.5/95. Repeat in 5 minutes."


def test_a_passing_pressure_is_said_with_its_time() -> None:
    found = gate([a_reading("128/78", "14:02")], dose_at=at("14:10"), limits=LIMITS)
    assert found.words == "Blood pressure 128/78 at 14:02: below 140/100."


def test_a_failing_pressure_is_not_below_and_is_repeated() -> None:
    found = gate([a_reading("152/104", "14:05")], dose_at=at("14:10"), limits=LIMITS)
    assert found.words == "Do not start: 152/104 is not below 140/100. Repeat in 5 minutes."
    assert found.repeat_at == at("14:10")


@pytest.mark.parametrize(
    ("readings", "state"),
    [
        pytest.param([], GateState.MISSING, id="no reading"),
        pytest.param([a_reading("128/78", "14:11")], GateState.MISSING, id="only after the dose"),
        pytest.param([a_reading("128/78", "13:09")], GateState.MISSING, id="61 minutes before"),
        pytest.param([a_reading("128/78", "13:10")], GateState.PASSING, id="60 minutes before"),
        pytest.param([a_reading("128/78", "14:10")], GateState.PASSING, id="in the minute of the dose"),
        pytest.param([a_reading("", "14:05")], GateState.MISSING, id="without a pressure"),
        pytest.param([a_reading("128/78", "14:05", struck="cuff off")], GateState.MISSING, id="struck out"),
        pytest.param(
            [a_reading("152/104", "14:00"), a_reading("128/78", "14:05")],
            GateState.PASSING,
            id="passes at the repeat",
        ),
        pytest.param(
            [a_reading("128/78", "14:05"), a_reading("152/104", "14:08")], GateState.FAILING, id="last one fails"
        ),
        pytest.param(
            [a_reading("128/78", "14:05"), a_reading("152/104", "14:20")],
            GateState.PASSING,
            id="rises after the dose",
        ),
        pytest.param(
            [a_reading("152/104", "13:00"), a_reading("", "14:08")], GateState.MISSING, id="old failure is no pass"
        ),
    ],
)
def test_the_last_pressure_within_the_hour_before_the_dose_decides(readings: list[Reading], state: GateState) -> None:
    assert gate(readings, dose_at=at("14:10"), limits=LIMITS).state is state
    assert gate(readings[::-1], dose_at=at("14:10"), limits=LIMITS).state is state


def test_without_a_reading_the_pressure_is_to_be_measured() -> None:
    assert gate([], dose_at=at("14:10"), limits=LIMITS).words == "Measure blood pressure first."


@pytest.mark.parametrize(
    ("pressure", "changes", "level", "words"),
    [
        pytest.param("159/99", {}, Level.NONE, "", id="just below pause"),
        pytest.param("160/80", {}, Level.WARN, "160/80 is not below 160/100", id="systolic pause"),
        pytest.param("150/100", {}, Level.WARN, "150/100 is not below 160/100", id="diastolic pause"),
        pytest.param("179/109", {}, Level.WARN, "Pause", id="just below stop"),
        pytest.param("180/80", {}, Level.STOP, "180/80 is not below 180/110", id="systolic stop"),
        pytest.param("150/110", {}, Level.STOP, "150/110 is not below 180/110", id="diastolic stop"),
        pytest.param("128/78", {"oxygen_saturation": Decimal(92)}, Level.NONE, "", id="saturation 92"),
        pytest.param("128/78", {"oxygen_saturation": Decimal(91)}, Level.WARN, "saturation 91 %", id="saturation 91"),
        pytest.param("128/78", {"respiratory_rate": Decimal(8)}, Level.NONE, "", id="8 breaths"),
        pytest.param("128/78", {"respiratory_rate": Decimal(7)}, Level.STOP, "respiratory rate 7", id="7 breaths"),
        pytest.param("128/78", {"sedation": 3}, Level.NONE, "", id="sedation 3"),
        pytest.param("128/78", {"sedation": 2}, Level.STOP, "protect the airway", id="sedation 2"),
        pytest.param("", {"heart_rate": Decimal(80)}, Level.NONE, "", id="no pressure measured"),
    ],
)
def test_action_levels(pressure: str, changes: dict[str, object], level: Level, words: str) -> None:
    found = action(a_reading(pressure, **changes), LIMITS)
    assert found.level is level
    assert words in found.words


def test_no_text_says_above() -> None:
    said = [action(a_reading(pressure), LIMITS).words for pressure in ("165/101", "190/120")]
    said.append(gate([a_reading("152/104")], dose_at=at("14:10"), limits=LIMITS).words)
    assert not any("above" in words for words in said)


def due(readings: list[Reading], now: str, dose: str | None = "14:10", schedule: tuple[int, ...] = IV) -> str:
    found = next_due(readings, schedule=schedule, dose_at=at(dose) if dose else None, now=at(now), limits=LIMITS)
    return f"{found.at:%H:%M}{' overdue' if found.overdue else ''}" if found.at else found.words


@pytest.mark.parametrize(
    ("readings", "now", "expected"),
    [
        pytest.param([], "14:11", "14:10 overdue", id="nothing measured"),
        pytest.param([a_reading("128/78", "14:02")], "14:11", "14:20", id="baseline is minute 0"),
        pytest.param([a_reading("128/78", "13:00")], "14:11", "14:10 overdue", id="baseline too old for minute 0"),
        pytest.param([a_reading("128/78", "14:18")], "14:19", "14:30", id="two minutes early stands for its minute"),
        pytest.param([a_reading("128/78", "14:16")], "14:19", "14:20", id="four minutes early does not"),
        pytest.param([a_reading("128/78", "14:20")], "14:31", "14:30 overdue", id="overdue by a minute"),
        pytest.param([a_reading("128/78", "14:20")], "14:30", "14:30", id="due this minute is not overdue"),
        pytest.param([a_reading("128/78", "14:50")], "14:51", "15:05", id="quarter-hourly after the infusion"),
        pytest.param([a_reading("128/78", "16:10")], "16:11", "No further reading is planned.", id="after the last"),
        pytest.param([a_reading("165/90", "14:20")], "14:21", "14:25", id="pause is repeated in 5 minutes"),
        pytest.param([a_reading("185/90", "14:20")], "14:21", "14:22", id="stop is repeated in 2 minutes"),
        pytest.param([a_reading("185/90", "16:15")], "16:16", "16:17", id="repeated after the last planned one too"),
        pytest.param(
            [a_reading("165/90", "14:20"), a_reading("140/85", "14:25")], "14:26", "14:30", id="settled at the repeat"
        ),
        pytest.param(
            [a_reading("128/78", "14:02"), a_reading("128/78", "14:20", struck="wrong patient")],
            "14:21",
            "14:20 overdue",
            id="a struck reading stands for nothing",
        ),
    ],
)
def test_the_next_reading_follows_the_schedule_and_the_last_reading(
    readings: list[Reading], now: str, expected: str
) -> None:
    assert due(readings, now) == expected


def test_before_the_dose_a_failed_check_is_repeated() -> None:
    assert due([a_reading("152/104", "14:00")], "14:03", dose=None) == "14:05"
    assert due([], "14:03", dose=None) == "Measure blood pressure first."
    assert "from the dose on" in due([a_reading("128/78", "14:00")], "14:03", dose=None)


def test_a_programme_without_a_schedule_plans_no_reading() -> None:
    assert due([], "14:11", schedule=()) == "No further reading is planned."


def test_a_reading_before_the_dose_asks_for_no_pause_after_it() -> None:
    assert due([a_reading("165/90", "14:09")], "14:11") == "14:20"


def test_a_change_of_the_clock_neither_adds_nor_takes_time() -> None:
    zone = ZoneInfo("America/Chicago")
    before = datetime(2026, 3, 8, 1, 30, tzinfo=zone)
    after = datetime(2026, 3, 8, 3, 30, tzinfo=zone)
    assert elapsed(before, after) == timedelta(hours=1)


def test_pressures_come_oldest_first() -> None:
    late = a_reading("130/80", "14:20")
    early = a_reading("120/80", "14:00", measured=Moment(at=at("14:00"), entered=at("14:30"), late=True))
    assert [reading.systolic for reading in pressures([late, early])] == [120, 130]
