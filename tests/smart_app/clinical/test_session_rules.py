"""The blood pressure check before the dose, action levels, and the next reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Moment, Reading, Route, Severity
from smart_app.clinical.adverse_events import event_action
from smart_app.clinical.limits import Limits
from smart_app.clinical.session_rules import (
    Action,
    Due,
    GateState,
    Level,
    SessionLimits,
    action,
    baseline_words,
    elapsed,
    gate,
    next_due,
    pressures,
)
from tests.smart_app.clinical.treatments import a_reading, at

LIMITS = SessionLimits()
ONE = SessionLimits(baseline_readings=1)
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
    found = gate([a_reading(pressure)], dose_at=at("14:10"), limits=ONE)
    assert found.open is passes


def test_the_dose_starts_by_the_limits_the_site_screens_by() -> None:
    stricter = SessionLimits.of_site(Limits(systolic=Decimal("135.5"), diastolic=Decimal(95)))
    found = gate([a_reading("136/80")], dose_at=at("14:10"), limits=stricter)
    assert found.words == "Do not start: 136/80 is not below 135.5/95. Repeat in 5 minutes."


def test_a_passing_pressure_is_said_with_its_time() -> None:
    found = gate([a_reading("128/78", "14:02")], dose_at=at("14:10"), limits=ONE)
    assert found.words == "Blood pressure 128/78 at 14:02: below 140/100."


@pytest.mark.parametrize(
    ("readings", "asked"),
    [
        pytest.param(["128/78"], "It is the only reading. Take a second reading.", id="one reading"),
        pytest.param(["128/78", "138/88"], "", id="two that differ by 10"),
        pytest.param(
            ["127/78", "138/88"], "more than 10 mmHg from 127/78 at 14:00. Take a third reading.", id="systolic by 11"
        ),
        pytest.param(["128/77", "138/88"], "from 128/77 at 14:00. Take a third reading.", id="diastolic by 11"),
        pytest.param(["138/88", "120/78"], "from 138/88 at 14:00. Take a third reading.", id="the later is lower"),
        pytest.param(["128/78", "112/70", "139/90"], "", id="the third decides, however far"),
    ],
)
def test_two_readings_confirm_each_other_or_ask_for_a_third(readings: list[str], asked: str) -> None:
    taken = [a_reading(pressure, f"14:{minute:02d}") for minute, pressure in enumerate(readings)]
    found = gate(taken, dose_at=at("14:10"), limits=LIMITS)
    assert found.state is (GateState.REPEAT if asked else GateState.PASSING)
    assert asked in found.words
    assert "Take a" not in found.finding, "what is kept in the record asks for nothing"


def test_a_struck_or_an_old_reading_is_no_second_one() -> None:
    struck = [a_reading("128/78", "14:00", struck="cuff"), a_reading("128/78", "14:05")]
    old = [a_reading("128/78", "13:00"), a_reading("128/78", "14:05")]
    for readings in (struck, old):
        assert gate(readings, dose_at=at("14:10"), limits=LIMITS).state is GateState.REPEAT


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
    assert gate(readings, dose_at=at("14:10"), limits=ONE).state is state
    assert gate(readings[::-1], dose_at=at("14:10"), limits=ONE).state is state


@pytest.mark.parametrize(("taken", "state"), [("13:40", GateState.PASSING), ("13:39", GateState.MISSING)])
def test_a_site_asks_for_a_pressure_nearer_to_the_dose(taken: str, state: GateState) -> None:
    limits = replace(ONE, gate_minutes=30)
    readings = [a_reading("128/78", taken)]
    found = gate(readings, dose_at=at("14:10"), limits=limits)
    assert found.state is state
    assert ("more than 30 minutes before the dose" in found.words) is (state is GateState.MISSING)
    due = next_due(
        [a_reading("128/78", taken)], schedule=(0, 10), dose_at=at("14:10"), now=at("14:12"), limits=limits
    )
    assert due.at == (at("14:20") if state is GateState.PASSING else at("14:10"))


@pytest.mark.parametrize(
    ("count", "words"), [(1, "one blood pressure"), (2, "two blood pressures"), (4, "four blood pressures")]
)
def test_what_is_asked_for_before_the_dose_in_words(count: int, words: str) -> None:
    limits = SessionLimits(baseline_readings=count, gate_minutes=45)
    assert baseline_words(limits) == f"{words} within 45 minutes before the dose"


def test_without_a_reading_the_pressure_is_to_be_measured() -> None:
    assert gate([], dose_at=at("14:10"), limits=LIMITS).words == "Measure blood pressure first."


@pytest.mark.parametrize(
    ("pressure", "changes", "level", "words"),
    [
        pytest.param("159/99", {}, Level.NONE, "", id="just below pause"),
        pytest.param("160/80", {}, Level.WATCH, "160/80 is not below 160/100", id="systolic, first time"),
        pytest.param("150/100", {}, Level.WATCH, "150/100 is not below 160/100", id="diastolic, first time"),
        pytest.param("179/109", {}, Level.WATCH, "pause when it stays so for 10 minutes", id="just below stop"),
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


@pytest.mark.parametrize(
    ("earlier", "level", "words"),
    [
        pytest.param([("165/90", "14:21")], Level.WATCH, "Watch", id="for 9 minutes"),
        pytest.param([("165/90", "14:20")], Level.WARN, "not below 160/100 since 14:20", id="for 10 minutes"),
        pytest.param([("165/90", "14:15"), ("150/101", "14:25")], Level.WARN, "since 14:15", id="by either number"),
        pytest.param([("165/90", "14:15"), ("150/90", "14:25")], Level.WATCH, "Watch", id="it was below in between"),
        pytest.param([("165/90", "14:15"), ("", "14:25")], Level.WARN, "since 14:15", id="nothing measured between"),
    ],
)
def test_a_pressure_that_stays_high_for_ten_minutes_pauses(
    earlier: list[tuple[str, str]], level: Level, words: str
) -> None:
    found = action(a_reading("162/90", "14:30"), LIMITS, [a_reading(*each) for each in earlier])
    assert found.level is level
    assert words in found.words


def test_a_struck_reading_makes_nothing_last() -> None:
    earlier = [a_reading("165/90", "14:15", struck="cuff off")]
    assert action(a_reading("162/90", "14:30"), LIMITS, earlier).level is Level.WATCH


def test_a_site_may_pause_at_once() -> None:
    found = action(a_reading("162/90"), replace(LIMITS, sustained_minutes=0))
    assert found == Action(level=Level.WARN, words="Pause: 162/90 is not below 160/100. Repeat in 5 minutes.")


@pytest.mark.parametrize(
    ("key", "severity", "stops"),
    [
        ("chest-pain", Severity.MILD, True),
        ("neurological", Severity.MODERATE, True),
        ("headache", Severity.SEVERE, True),
        ("headache", Severity.MODERATE, False),
        ("nausea", Severity.SEVERE, False),
        ("unheard-of", Severity.SEVERE, False),
    ],
)
def test_some_events_end_the_infusion_whatever_the_readings_say(key: str, severity: Severity, stops: bool) -> None:
    found = event_action(key, severity, "Chest pain")
    assert (found.level is Level.STOP) is stops
    assert found.words.startswith("Stop: chest pain. ") is stops


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
    assert "from the dose on" in due([a_reading("128/78", "14:00"), a_reading("128/78", "14:02")], "14:03", dose=None)
    assert "Take a second reading." in due([a_reading("128/78", "14:00")], "14:03", dose=None)


def test_a_programme_without_a_schedule_plans_no_reading() -> None:
    assert due([], "14:11", schedule=()) == "No further reading is planned."


def test_a_reading_before_the_dose_asks_for_no_pause_after_it() -> None:
    assert due([a_reading("165/90", "14:09")], "14:11") == "14:20"


def test_a_change_of_the_clock_neither_adds_nor_takes_time() -> None:
    zone = ZoneInfo("America/Chicago")
    before = datetime(2026, 3, 8, 1, 30, tzinfo=zone)
    after = datetime(2026, 3, 8, 3, 30, tzinfo=zone)
    assert elapsed(before, after) == timedelta(hours=1)


ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe")  # the last moves its clocks by half an hour
CHANGES = tuple(
    datetime.fromisoformat(f"2026-{text}+00:00")
    for text in ("03-08T08:00", "11-01T07:00", "03-29T01:00", "10-25T01:00", "04-04T15:00", "10-03T15:30")
)


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    change=st.sampled_from(CHANGES),
    dose_minutes=st.integers(-150, 30),
    taken=st.lists(st.integers(-55, 150), unique=True, max_size=6),
    now_minutes=st.integers(0, 180),
)
def test_the_next_reading_is_due_after_real_minutes_across_a_change_of_the_clock(
    zone: ZoneInfo, change: datetime, dose_minutes: int, taken: list[int], now_minutes: int
) -> None:
    """The same session on clocks that change and on clocks that do not: due at the same instant."""

    def due_in(on: tzinfo) -> Due:
        dose = change + timedelta(minutes=dose_minutes)
        readings = []
        for minutes in taken:
            moment = (dose + timedelta(minutes=minutes)).astimezone(on)
            readings.append(a_reading("128/78", measured=Moment(at=moment, entered=moment)))
        now = (dose + timedelta(minutes=now_minutes)).astimezone(on)
        return next_due(readings, schedule=IV, dose_at=dose.astimezone(on), now=now, limits=LIMITS)

    here, there = due_in(zone), due_in(UTC)
    assert (here.at and here.at.astimezone(UTC), here.overdue) == (there.at, there.overdue)
    assert here.at is None or f"{here.at:%H:%M}" in here.words


def test_pressures_come_oldest_first() -> None:
    late = a_reading("130/80", "14:20")
    early = a_reading("120/80", "14:00", measured=Moment(at=at("14:00"), entered=at("14:30"), late=True))
    assert [reading.systolic for reading in pressures([late, early])] == [120, 130]
