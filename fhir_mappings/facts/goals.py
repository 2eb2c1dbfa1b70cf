"""What a course is to reach, response and remission, kept apart from whether its sessions were given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Aim(StrEnum):
    RESPONSE = "response"
    REMISSION = "remission"


class Achievement(StrEnum):
    """The codes of R4's goal-achievement that scores can bear out."""

    ACHIEVED = "achieved"
    IMPROVING = "improving"
    NO_PROGRESS = "no-progress"
    WORSENING = "worsening"
    IN_PROGRESS = "in-progress"  # reached once and lost again, as R4 defines it


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseGoal:
    """`at_most`: the total at which it is reached; None: there is no baseline to tell it from.

    `achievement` None: the scores cannot judge it, and `words` say why. `since`: the day of the score or of the
    declaration from which it stands so.
    """

    aim: Aim
    scale: str
    words: str
    at_most: int | None = None
    achievement: Achievement | None = None
    since: date | None = None
