"""Doses that a patient takes alone: their titration, their reviews, and what the patient says of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.treatment import Clinician


@dataclass(frozen=True, slots=True, kw_only=True)
class TitrationStep:
    """What a prescriber ordered to be taken once a day."""

    number: int  # from 1
    mg: Decimal
    first: date
    by: Clinician
    at: datetime
    reason: str = ""
    last: date | None = None  # None: until further notice


class ReviewDecision(StrEnum):
    CONTINUE = "continue"
    CHANGE = "change"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A look at a patient who takes doses alone, and what the prescriber decided."""

    day: date
    decision: ReviewDecision
    reason: str
    by: Clinician
    at: datetime


class Taken(StrEnum):
    ALL = "taken"
    PARTLY = "partly"
    NONE = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLog:
    """What the patient says of the doses of a span of days. Nobody of the clinic saw them taken."""

    id: str  # the identifier {base}/sid/statement
    patient: str  # absolute URL
    course: str | None
    first: date
    last: date
    taken: Taken
    missed: int  # days on which nothing was taken
    mg: Decimal  # a day, as it was ordered
    source: str  # how it was told: "by telephone"
    entered: datetime
    by: Clinician  # who wrote it down
    effects: str = ""
    more: bool = False  # more than was ordered was taken
    words: str = ""

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1
