"""By what the scores of a course are judged over time, and when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRules:
    """Working proposals of clinical README 5: no agreed definition of relapse was found. Limits included.

    A course keeps those it was enrolled with, so a field that is added later has a default.
    """

    relapse_total: int = 10  # of PHQ-9
    relapse_rise: int = 5  # points above the best total since the response
    confirm_from_days: int = 5  # from the first high value to the second, which confirms it
    confirm_to_days: int = 28
    baseline_days: int = 7  # a baseline is taken at most this long before session 1
    after_last_days: int = 7  # a score after the last session
    follow_up_weeks: tuple[int, ...] = (2, 4, 8, 12)  # after the last session
    early_days: int = 3  # a follow-up may be this much before its day
    late_days: int = 7  # and this much after it


AS_SHIPPED: Final = OutcomeRules()
