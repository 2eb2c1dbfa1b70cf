"""When a booster may be planned and what is watched over the years: limits, each a working proposal (README 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRules:
    """`[maintenance]` of site.toml. A site may only be stricter; BOUNDS says how far."""

    screening_days: int = 30  # a full screening is at most so old
    least_days_since_dose: int = 7
    urinary_days: int = 30  # urinary symptoms are asked about so often
    liver_days: int = 90  # liver values are looked at so often
    most_sessions: int = 12  # in 90 days; above it the page warns
    most_boosters: int = 2  # in 30 days; above it the page warns


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a site may set one key to, limits included."""

    key: str
    least: int
    most: int
    words: str


BOUNDS: tuple[Bound, ...] = (
    Bound(key="screening_days", least=1, most=30, words="days for which a full screening serves a booster"),
    Bound(key="least_days_since_dose", least=7, most=90, words="least days from the last dose to a booster"),
    Bound(key="urinary_days", least=1, most=30, words="days after which urinary symptoms are asked about again"),
    Bound(key="liver_days", least=7, most=90, words="days after which liver values are due again"),
    Bound(key="most_sessions", least=1, most=12, words="sessions in 90 days above which the page warns"),
    Bound(key="most_boosters", least=0, most=2, words="boosters in 30 days above which the page warns"),
)


def maintenance_rules(table: object) -> tuple[MaintenanceRules, tuple[str, ...]]:
    """The rules of a parsed `[maintenance]` table, and a line for each thing that is wrong with it."""
    if not isinstance(table, Mapping):
        return MaintenanceRules(), ("maintenance: is not a table; write [maintenance]",)
    bounds = {each.key: each for each in BOUNDS}
    values: dict[str, int] = {}
    problems: list[str] = []
    for key, value in table.items():
        bound = bounds.get(key)
        if bound is None:
            problems.append(f"[maintenance] {key}: there is no such key; known are: {', '.join(bounds)}")
        elif not isinstance(value, int) or isinstance(value, bool) or not bound.least <= value <= bound.most:
            problems.append(f"[maintenance] {key}: must be a whole number from {bound.least} to {bound.most}")
        else:
            values[key] = value
    return MaintenanceRules(**values), tuple(problems)
