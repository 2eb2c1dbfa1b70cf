"""Blood pressure before the dose, action levels while monitoring, and when the next reading is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.treatment import Reading
from smart_app.clinical.limits import Limits

REPEAT_AFTER = timedelta(minutes=5)
REPEAT_AFTER_STOP = timedelta(minutes=2)
# A reading this much before its planned minute still stands for it.
EARLY = timedelta(minutes=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """A limit in mmHg. It is reached when either number is at or over its own."""

    systolic: Decimal
    diastolic: Decimal

    def __str__(self) -> str:
        return f"{self.systolic}/{self.diastolic}"


def _limit(systolic: int, diastolic: int) -> Pressure:
    return Pressure(systolic=Decimal(systolic), diastolic=Decimal(diastolic))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Start: the clinic's page ("below 140/100"). The others are working proposals (clinical README 4), which a site
    can make stricter (`action_limits`)."""

    start: Pressure = field(default_factory=lambda: _limit(140, 100))
    warn: Pressure = field(default_factory=lambda: _limit(160, 100))
    stop: Pressure = field(default_factory=lambda: _limit(180, 110))
    sustained_minutes: int = 10  # so long not below `warn`: pause; before that: repeat
    gate_minutes: int = 60  # the reading that lets the dose start is at most so old (clinical README 2.2, step 6)
    baseline_readings: int = 2  # before the dose; the last one decides
    baseline_apart: Decimal = Decimal(10)  # mmHg; two readings that differ by more ask for a third
    oxygen_saturation: Decimal = Decimal(92)  # below it: stimulate, oxygen
    respiratory_rate: Decimal = Decimal(8)  # below it: stop
    sedation: int = 2  # MOAA/S at or below it: airway, stop
    near_baseline_percent: int = 10  # at discharge either pressure may be so far off the baseline
    saturation_spread: Decimal = Decimal(2)  # points of %, about what two measurements differ by anyway

    @property
    def gate_window(self) -> timedelta:
        return timedelta(minutes=self.gate_minutes)

    @classmethod
    def of_site(cls, limits: Limits) -> SessionLimits:
        """The dose starts by the same limits as the patient was screened by (clinical content 2.2, step 6)."""
        return cls(start=Pressure(systolic=limits.systolic, diastolic=limits.diastolic))


class GateState(StrEnum):
    MISSING = "missing"  # no reading before the dose, or none shortly before it
    FAILING = "failing"
    REPEAT = "repeat"  # below the limit, but one reading more is asked for
    PASSING = "passing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether the dose may start: `finding` is what was measured, `words` say what to do about it too.

    `repeat_at` is set when the reading failed.
    """

    state: GateState
    finding: str
    words: str
    reading: str | None = None  # id of the reading it rests on
    repeat_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.state is GateState.PASSING


class Level(StrEnum):
    NONE = "none"
    WATCH = "watch"  # repeat soon
    WARN = "warn"  # pause
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What one reading asks for. `words` is empty at level none."""

    level: Level
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When the next reading is due. `at` is None when none is planned any more, or none yet."""

    at: datetime | None
    overdue: bool
    words: str


def reached(reading: Reading, limit: Pressure) -> bool:
    """Whether either pressure of the reading is at or over its limit."""
    systolic, diastolic = reading.systolic, reading.diastolic
    return (systolic is not None and systolic >= limit.systolic) or (
        diastolic is not None and diastolic >= limit.diastolic
    )


def shown(reading: Reading) -> str:
    """The blood pressure as it is read aloud: "128/78"."""
    return f"{reading.systolic}/{reading.diastolic}"


def clock_time(moment: datetime) -> str:
    return moment.strftime("%H:%M")


def elapsed(since: datetime, until: datetime) -> timedelta:
    """Real time between two moments. Python compares wall clocks within one zone; a change of the clock would
    then add or lose an hour of observation."""
    return until.astimezone(UTC) - since.astimezone(UTC)


def after(moment: datetime, wait: timedelta) -> datetime:
    """So much real time later, in the same zone."""
    return (moment.astimezone(UTC) + wait).astimezone(moment.tzinfo)


def _instant(reading: Reading) -> datetime:
    return reading.measured.at.astimezone(UTC)


def pressures(readings: Sequence[Reading]) -> list[Reading]:
    """The readings with a blood pressure that were not struck out, oldest first."""
    usable = [reading for reading in readings if reading.struck is None and reading.systolic is not None]
    return sorted(usable, key=_instant)


def gate(readings: Sequence[Reading], *, dose_at: datetime, limits: SessionLimits) -> Gate:
    """The check on the day of the session: the last blood pressure at or before `dose_at` decides.

    Below the limit, a second reading confirms it; a third where the two differ much.
    """
    before = [reading for reading in pressures(readings) if elapsed(reading.measured.at, dose_at) >= timedelta(0)]
    if not before:
        finding = "No blood pressure was measured before the dose."
        return Gate(state=GateState.MISSING, finding=finding, words="Measure blood pressure first.")
    last = before[-1]
    at = clock_time(last.measured.at)
    if elapsed(last.measured.at, dose_at) > limits.gate_window:
        finding = f"The last reading, {at}, is more than {limits.gate_minutes} minutes before the dose."
        words = f"Measure blood pressure first. {finding}"
        return Gate(state=GateState.MISSING, finding=finding, words=words, reading=last.id)
    if reached(last, limits.start):
        finding = f"{shown(last)} is not below {limits.start}."
        return Gate(
            state=GateState.FAILING,
            finding=finding,
            words=f"Do not start: {finding} Repeat in 5 minutes.",
            reading=last.id,
            repeat_at=after(last.measured.at, REPEAT_AFTER),
        )
    within = [reading for reading in before if elapsed(reading.measured.at, dose_at) <= limits.gate_window]
    asked = _one_more(within, limits)
    finding = f"Blood pressure {shown(last)} at {at}: below {limits.start}."
    if asked:
        finding = f"{finding} {asked}"
        ordinal = "second" if len(within) == 1 else "third" if len(within) == 2 else "further"
        words = f"{finding} Take a {ordinal} reading."
        return Gate(state=GateState.REPEAT, finding=finding, words=words, reading=last.id)
    return Gate(state=GateState.PASSING, finding=finding, words=finding, reading=last.id)


_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}


def baseline_words(limits: SessionLimits) -> str:
    """Two blood pressures within 60 minutes before the dose."""
    count = limits.baseline_readings
    readings = "blood pressure" if count == 1 else "blood pressures"
    return f"{_COUNTS[count]} {readings} within {limits.gate_minutes} minutes before the dose"


def _one_more(within: Sequence[Reading], limits: SessionLimits) -> str:
    """Why the readings shortly before the dose do not suffice; empty when they do."""
    if len(within) < limits.baseline_readings:
        return "It is the only reading." if len(within) == 1 else f"There are only {len(within)} readings."
    if len(within) == limits.baseline_readings > 1 and _apart(within[-2], within[-1]) > limits.baseline_apart:
        first = f"{shown(within[-2])} at {clock_time(within[-2].measured.at)}"
        return f"It differs by more than {limits.baseline_apart} mmHg from {first}."
    return ""


def _apart(one: Reading, other: Reading) -> Decimal:
    """The greater of the differences of systolic and diastolic, in mmHg."""
    pairs = ((one.systolic, other.systolic), (one.diastolic, other.diastolic))
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=Decimal(0))


def action(reading: Reading, limits: SessionLimits, earlier: Sequence[Reading] = ()) -> Action:
    """What a reading during or after the dose asks for; the worst finding decides the level.

    `earlier` are the readings since the dose: a pressure that stays not below the limit becomes a pause.
    """
    stops = [words for met, words in _stop_findings(reading, limits) if met]
    if stops:
        return Action(
            level=Level.STOP,
            words=f"Stop: {'; '.join(stops)}. Give no more, stop a running infusion, "
            "repeat in 2 minutes, call the prescriber.",
        )
    high = reached(reading, limits.warn)
    since = _high_since(reading, limits, earlier)
    lasted = elapsed(since, reading.measured.at) >= timedelta(minutes=limits.sustained_minutes)
    warnings = [words for met, words in _warn_findings(reading, limits) if met]
    if high and lasted:
        until = f" since {clock_time(since)}" if since != reading.measured.at else ""
        warnings.insert(0, f"{shown(reading)} is not below {limits.warn}{until}")
    if warnings:
        return Action(level=Level.WARN, words=f"Pause: {'; '.join(warnings)}. Repeat in 5 minutes.")
    if high:
        words = f"Watch: {shown(reading)} is not below {limits.warn}. Repeat in 5 minutes; pause when it stays so"
        return Action(level=Level.WATCH, words=f"{words} for {limits.sustained_minutes} minutes.")
    return Action(level=Level.NONE)


def _high_since(reading: Reading, limits: SessionLimits, earlier: Sequence[Reading]) -> datetime:
    """From when on no pressure was below the limit to pause."""
    since = reading.measured.at
    for before in reversed([each for each in pressures(earlier) if elapsed(each.measured.at, since) >= timedelta(0)]):
        if not reached(before, limits.warn):
            break
        since = before.measured.at
    return since


def _stop_findings(reading: Reading, limits: SessionLimits) -> tuple[tuple[bool, str], ...]:
    rate, sedation = reading.respiratory_rate, reading.sedation
    return (
        (reached(reading, limits.stop), f"{shown(reading)} is not below {limits.stop}"),
        (rate is not None and rate < limits.respiratory_rate, f"respiratory rate {rate} per minute"),
        (sedation is not None and sedation <= limits.sedation, f"sedation {sedation} (MOAA/S), protect the airway"),
    )


def _warn_findings(reading: Reading, limits: SessionLimits) -> tuple[tuple[bool, str], ...]:
    saturation = reading.oxygen_saturation
    return (
        (
            saturation is not None and saturation < limits.oxygen_saturation,
            f"oxygen saturation {saturation} %, stimulate and give oxygen",
        ),
    )


def next_due(
    readings: Sequence[Reading],
    *,
    schedule: Sequence[int],
    dose_at: datetime | None,
    now: datetime,
    limits: SessionLimits,
) -> Due:
    """The next reading: the schedule counts minutes from the dose, and a reading that asks for action brings the
    next one forward. A reading taken so shortly before the dose that it lets it start is the schedule's minute 0."""
    taken = sorted((reading for reading in readings if reading.struck is None), key=_instant)
    if dose_at is None:
        return _due_before_dose(taken, now, limits)
    planned = _next_planned(taken, schedule, dose_at, limits)
    since = [reading for reading in taken if elapsed(dose_at, reading.measured.at) >= timedelta(0)]
    repeat = _repeat(since, limits) if since else None
    times = [at for at in (planned, repeat) if at is not None]
    if not times:
        return Due(at=None, overdue=False, words="No further reading is planned.")
    return _due(min(times, key=datetime.timestamp), now)


def _due_before_dose(taken: Sequence[Reading], now: datetime, limits: SessionLimits) -> Due:
    state = gate(taken, dose_at=now, limits=limits)
    if state.repeat_at is not None:
        return _due(state.repeat_at, now)
    if state.open:
        return Due(at=None, overdue=False, words="The next reading is planned from the dose on.")
    return Due(at=None, overdue=False, words=state.words)


def _next_planned(
    taken: Sequence[Reading], schedule: Sequence[int], dose_at: datetime, limits: SessionLimits
) -> datetime | None:
    covered = [elapsed(dose_at, reading.measured.at) for reading in taken]
    last = max((gap for gap in covered if gap >= -limits.gate_window), default=None)
    for minutes in schedule:
        planned = timedelta(minutes=minutes)
        if last is None or (minutes > 0 and planned - EARLY > last):
            return after(dose_at, planned)
    return None


_WAIT = {Level.STOP: REPEAT_AFTER_STOP, Level.WARN: REPEAT_AFTER, Level.WATCH: REPEAT_AFTER}


def _repeat(since_dose: Sequence[Reading], limits: SessionLimits) -> datetime | None:
    last = since_dose[-1]
    wait = _WAIT.get(action(last, limits, since_dose[:-1]).level)
    return None if wait is None else after(last.measured.at, wait)


def _due(at: datetime, now: datetime) -> Due:
    if elapsed(at, now) > timedelta(0):
        return Due(at=at, overdue=True, words=f"A reading has been due since {clock_time(at)}.")
    return Due(at=at, overdue=False, words=f"Next reading due at {clock_time(at)}.")
