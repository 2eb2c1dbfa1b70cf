"""When a booster may be planned and what is watched over the years: limits, each a working proposal (README 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smart_app.clinical.site_table import Number, SettingsRefused, read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRules:
    """`[maintenance]` of site.toml. A site may only be stricter; BOUNDS says how far."""

    screening_days: int = 30  # a full screening is at most so old
    least_days_since_dose: int = 7
    urinary_days: int = 30  # urinary symptoms are asked about so often
    liver_days: int = 90  # liver values are looked at so often
    most_sessions: int = 12  # in 90 days; above it the page warns
    most_boosters: int = 2  # in 30 days; above it the page warns


BOUNDS: tuple[Number, ...] = (
    Number(key="screening_days", least=1, most=30, words="days for which a full screening serves a booster"),
    Number(key="least_days_since_dose", least=7, most=90, words="least days from the last dose to a booster"),
    Number(key="urinary_days", least=1, most=30, words="days after which urinary symptoms are asked about again"),
    Number(key="liver_days", least=7, most=90, words="days after which liver values are due again"),
    Number(key="most_sessions", least=1, most=12, words="sessions in 90 days above which the page warns"),
    Number(key="most_boosters", least=0, most=2, words="boosters in 30 days above which the page warns"),
)


def maintenance_rules(table: Mapping[str, Any]) -> MaintenanceRules:
    """The rules of a parsed site.toml, table [maintenance]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "maintenance", BOUNDS)
    if problems:
        raise SettingsRefused(problems)
    return MaintenanceRules(**values)
