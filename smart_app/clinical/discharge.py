"""What the readings say about the discharge criteria: proposed with their source, for the clinician to confirm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from fhir_mappings.facts.treatment import Reading
from smart_app.clinical.session_rules import SessionLimits, clock_time, elapsed, pressures, reached, shown

ALERT = 5  # MOAA/S

Value = TypeVar("Value", Decimal, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Whether a criterion is met as far as it was measured, with the numbers and times this rests on."""

    met: bool
    words: str


def proposals(readings: Sequence[Reading], *, dose_at: datetime, limits: SessionLimits) -> Mapping[str, Proposal]:
    """By key of the criterion. What nobody measured since the dose is not there: nothing is proposed about it."""
    standing = [reading for reading in readings if reading.struck is None]
    before = [reading for reading in standing if not _since(reading, dose_at)]
    since = [reading for reading in standing if _since(reading, dose_at)]
    found = {
        "pressure": _pressure(before, since, limits),
        "saturation": _saturation(before, since, limits),
        "alert": _alert(since),
        "dissociation": _dissociation(since),
    }
    return {key: proposal for key, proposal in found.items() if proposal is not None}


def observed(since_dose: timedelta, least_minutes: int) -> Proposal:
    """The time criterion: minutes since the dose against the least that the programme asks for."""
    minutes = since_dose // timedelta(minutes=1)
    return Proposal(met=minutes >= least_minutes, words=f"Observed for {minutes} of {least_minutes} minutes.")


def _since(reading: Reading, dose_at: datetime) -> bool:
    """The dose's time has no seconds: a baseline of that same minute came before it."""
    least = timedelta(minutes=1) if reading.baseline else timedelta(0)
    return elapsed(dose_at, reading.measured.at) >= least


def _pressure(before: Sequence[Reading], since: Sequence[Reading], limits: SessionLimits) -> Proposal | None:
    measured, earlier = pressures(since), pressures(before)
    if not measured:
        return None
    last, baseline = measured[-1], earlier[-1] if earlier else None
    numbers = f"{shown(last)} at {clock_time(last.measured.at)}"
    numbers += f", baseline {shown(baseline)}" if baseline is not None else ", no baseline"
    if not reached(last, limits.start):
        return Proposal(met=True, words=f"{numbers}: below {limits.start}.")
    percent = limits.near_baseline_percent
    if baseline is not None and _near(last, baseline, percent):
        return Proposal(met=True, words=f"{numbers}: within {percent} % of it.")
    words = f"{numbers}: neither below {limits.start} nor within {percent} % of the baseline."
    return Proposal(met=False, words=words)


def _near(now: Reading, baseline: Reading, percent: int) -> bool:
    """Both numbers."""
    pairs = ((now.systolic, baseline.systolic), (now.diastolic, baseline.diastolic))
    return all(
        value is not None and before is not None and abs(value - before) * 100 <= before * percent
        for value, before in pairs
    )


def _saturation(before: Sequence[Reading], since: Sequence[Reading], limits: SessionLimits) -> Proposal | None:
    last = _last(since, lambda reading: reading.oxygen_saturation)
    if last is None:
        return None
    value, at = last
    earlier = _last(before, lambda reading: reading.oxygen_saturation)
    least = (
        limits.oxygen_saturation
        if earlier is None
        else max(earlier[0] - limits.saturation_spread, limits.oxygen_saturation)
    )
    baseline = "no baseline" if earlier is None else f"baseline {earlier[0]} %"
    return Proposal(met=value >= least, words=f"{value} % at {clock_time(at)}, {baseline}.")


def _alert(since: Sequence[Reading]) -> Proposal | None:
    last = _last(since, lambda reading: reading.sedation)
    return (
        None if last is None else Proposal(met=last[0] >= ALERT, words=f"MOAA/S {last[0]} at {clock_time(last[1])}.")
    )


def _dissociation(since: Sequence[Reading]) -> Proposal | None:
    last = _last(since, lambda reading: reading.dissociation)
    if last is None:
        return None
    return Proposal(met=last[0] == 0, words=f"{last[0]} of 4 at {clock_time(last[1])}.")


def _last(readings: Sequence[Reading], of: Callable[[Reading], Value | None]) -> tuple[Value, datetime] | None:
    """The value measured last, with its time."""
    taken = sorted(readings, key=lambda reading: reading.measured.at)
    found = [(value, reading.measured.at) for reading in taken if (value := of(reading)) is not None]
    return found[-1] if found else None
