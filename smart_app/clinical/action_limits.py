"""From which values a reading of a session asks for action, and within which bounds a site may act earlier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from smart_app.clinical.limits import Limits
from smart_app.clinical.session_rules import Pressure, SessionLimits
from smart_app.clinical.site_table import (
    PROPOSAL,
    Amount,
    Number,
    SettingsRefused,
    amount,
    number_complaint,
    read_table,
)

TABLE = "session"  # of site.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLimit:
    """One key of [session]. The shipped value is one of its bounds: a site can only act earlier."""

    key: str
    words: str  # when it is reached
    does: str  # what is to be done then
    unit: str
    shipped: int
    strictest: int
    source: str = PROPOSAL

    @property
    def bounds(self) -> tuple[int, int]:
        return min(self.shipped, self.strictest), max(self.shipped, self.strictest)

    @property
    def bounds_words(self) -> str:
        return f"from {self.bounds[0]} to {amount(self.bounds[1], self.unit)}"

    def complaint(self, value: object) -> str:
        return number_complaint(value, *self.bounds)


_PAUSE = "pause the infusion, repeat in 5 minutes; before it lasted: repeat in 5 minutes"
_STOP = "stop, treat, repeat in 2 minutes, call the prescriber"

ACTION_LIMITS: tuple[ActionLimit, ...] = (
    ActionLimit(key="pause_systolic", words="systolic at or over", does=_PAUSE, unit="mmHg",
                shipped=160, strictest=140),
    ActionLimit(key="pause_diastolic", words="diastolic at or over", does=_PAUSE, unit="mmHg",
                shipped=100, strictest=90),
    ActionLimit(key="pause_after_minutes", words="over the two limits above for", does=_PAUSE, unit="minutes",
                shipped=10, strictest=0),
    ActionLimit(key="stop_systolic", words="systolic at or over", does=_STOP, unit="mmHg",
                shipped=180, strictest=150),
    ActionLimit(key="stop_diastolic", words="diastolic at or over", does=_STOP, unit="mmHg",
                shipped=110, strictest=95),
    ActionLimit(key="oxygen_saturation", words="oxygen saturation below", does="pause, stimulate, give oxygen",
                unit="%", shipped=92, strictest=96),
    ActionLimit(key="respiratory_rate", words="breaths below", does="stop, support breathing, call the prescriber",
                unit="per minute", shipped=8, strictest=12),
    ActionLimit(key="sedation", words="MOAA/S at or below", does="stop, protect the airway, call the prescriber",
                unit="", shipped=2, strictest=3),
)  # fmt: skip


# What lets a dose start, and what the readings propose at discharge.
READINGS: tuple[Number, ...] = (
    Number(key="gate_minutes", words="age of the blood pressure that lets the dose start, at most", unit="minutes",
           least=15, most=60),
    Number(key="baseline_readings", words="readings of blood pressure before the dose", least=2, most=4),
    Number(key="baseline_apart", words="the last two further apart than this ask for one more", unit="mmHg",
           least=4, most=10),
    Number(key="near_baseline_percent", words="at discharge, blood pressure so near to the baseline serves too",
           unit="%", least=0, most=10),
    Number(key="saturation_spread", words="at discharge, oxygen saturation so far below the baseline serves too",
           unit="%", least=0, most=2),
)  # fmt: skip


def session_limits(table: Mapping[str, Any], screened_by: Limits) -> SessionLimits:
    """The limits of a parsed site.toml, table [session]. Raises SettingsRefused with every problem found.

    The dose starts by the same limits as the patient was screened by (clinical content 2.2, step 6).
    """
    given, problems = read_table(table, TABLE, (*ACTION_LIMITS, *READINGS))
    values = {**values_of(SessionLimits()), **given}
    if not problems:
        pause = Pressure(systolic=Decimal(values["pause_systolic"]), diastolic=Decimal(values["pause_diastolic"]))
        stop = Pressure(systolic=Decimal(values["stop_systolic"]), diastolic=Decimal(values["stop_diastolic"]))
        if pause.systolic >= stop.systolic or pause.diastolic >= stop.diastolic:
            problems.append(f"[{TABLE}]: the limits to pause must be below the limits to stop")
    if problems:
        raise SettingsRefused(problems)
    return replace(
        SessionLimits.of_site(screened_by),
        warn=pause,
        stop=stop,
        sustained_minutes=values["pause_after_minutes"],
        oxygen_saturation=Decimal(values["oxygen_saturation"]),
        respiratory_rate=Decimal(values["respiratory_rate"]),
        sedation=values["sedation"],
        gate_minutes=values["gate_minutes"],
        baseline_readings=values["baseline_readings"],
        baseline_apart=Decimal(values["baseline_apart"]),
        near_baseline_percent=values["near_baseline_percent"],
        saturation_spread=Decimal(values["saturation_spread"]),
    )


def values_of(limits: SessionLimits) -> Mapping[str, Amount]:
    """What holds, by key of ACTION_LIMITS and READINGS."""
    return {
        "pause_systolic": limits.warn.systolic,
        "pause_diastolic": limits.warn.diastolic,
        "pause_after_minutes": limits.sustained_minutes,
        "stop_systolic": limits.stop.systolic,
        "stop_diastolic": limits.stop.diastolic,
        "oxygen_saturation": limits.oxygen_saturation,
        "respiratory_rate": limits.respiratory_rate,
        "sedation": limits.sedation,
        **{each.key: getattr(limits, each.key) for each in READINGS},
    }
