"""When a booster may be planned, what is watched over the years and when: each a working proposal (README 4, 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from smart_app.clinical.site_table import Added, Key, Number, SettingsRefused, read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRules:
    """`[maintenance]` of site.toml. A site may only be stricter; BOUNDS says how far."""

    screening_days: int = 30  # a full screening is at most so old
    least_days_since_dose: int = 7
    urinary_days: int = 30  # urinary symptoms are asked about so often
    liver_days: int = 90  # liver values are looked at so often
    most_sessions: int = 12  # in 90 days; above it the page warns
    most_boosters: int = 2  # in 30 days; above it the page warns
    # Of doses that the patient takes alone, counted from the start of the plan:
    review_months: tuple[int, ...] = (1, 3, 6, 9)
    review_every_months: int = 3  # after those
    review_early_days: int = 14  # a review so long before its date is that review
    pressure_days: int = 7  # blood pressure is asked for so often
    pressure_months: int = 1  # for so long, then monthly


AS_SHIPPED: Final = MaintenanceRules()

BOUNDS: tuple[Key, ...] = (
    Number(key="screening_days", least=1, most=30, words="days for which a full screening serves a booster"),
    Number(key="least_days_since_dose", least=7, most=90, words="least days from the last dose to a booster"),
    Number(key="urinary_days", least=1, most=30, words="days after which urinary symptoms are asked about again"),
    Number(key="liver_days", least=7, most=90, words="days after which liver values are due again"),
    Number(key="most_sessions", least=1, most=12, words="sessions in 90 days above which the page warns"),
    Number(key="most_boosters", least=0, most=2, words="boosters in 30 days above which the page warns"),
    Added(key="review_months", words="months after which doses taken at home are reviewed",
          shipped=AS_SHIPPED.review_months, latest=24),
    Number(key="review_every_months", least=1, most=3, words="months from review to review after those"),
    Number(key="review_early_days", least=0, most=14, words="days that a review may come early by"),
    Number(key="pressure_days", least=1, most=7,
           words="days after which blood pressure is asked for again, where doses are taken at home, at first"),
    Number(key="pressure_months", least=1, most=12, words="months for which that holds; then it is monthly"),
)  # fmt: skip


def maintenance_rules(table: Mapping[str, Any]) -> MaintenanceRules:
    """The rules of a parsed site.toml, table [maintenance]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "maintenance", BOUNDS)
    if problems:
        raise SettingsRefused(problems)
    return MaintenanceRules(**values)
