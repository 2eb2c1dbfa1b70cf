"""A questionnaire as a table of items and rules, and one filling-in of it. No score is worked out here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fhir_mappings.facts.treatment import Clinician


class Rule(StrEnum):
    """How a result is made of the answers."""

    SUM = "sum of all items"
    GROUPS = "sum of the highest answer of each group"
    SCREENER = "risk by the gravest answer"
    TOTAL_ONLY = "total as entered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer. `loinc` is its LOINC answer code, "" where none was verified."""

    score: int
    words: str
    loinc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The item is asked only where an earlier item was answered with this score."""

    item: int
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`words` is the item's text where its terms allow it, else what it is about in words of ours."""

    number: int  # from 1, as on the form
    words: str
    options: tuple[Option, ...]
    loinc: str = ""
    asked_if: Condition | None = None  # None: always


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One form. Limits, bands and thresholds include their ends; None: the form has no such threshold."""

    key: str  # in addresses, identifiers and the store
    name: str  # "PHQ-9"
    title: str
    version: str  # of this row; a stored answer names it
    asks: str  # whom, and of which time
    items: tuple[Item, ...]
    rule: Rule
    highest: int  # of the total, which begins at 0
    bands: tuple[tuple[int, int, str], ...]  # least, greatest, in words; empty: none are agreed on
    remission: int | None  # total at or below it
    primary: bool  # may be the scale by which a course is judged
    worded: bool  # False: `words` of the items are ours, and the form itself has to be at hand
    terms: str  # of use
    groups: tuple[tuple[int, ...], ...] = ()  # Rule.GROUPS: numbers of the items of each
    either: tuple[tuple[int, ...], ...] = ()  # exactly one of these items is answered
    recall: str = ""  # the time it asks about, where that is too long to judge the change of a day
    watched: int | None = None  # the item on death or self-harm: any answer above 0 alerts
    panel: str = ""  # LOINC of the form
    total: str = ""  # LOINC of the total; "": a code of our own
    total_display: str = ""  # LOINC's name of the total

    def item(self, number: int) -> Item:
        return next(item for item in self.items if item.number == number)

    def band(self, total: int) -> str:
        """The severity in words; "" where the form has no bands."""
        return next((words for least, greatest, words in self.bands if least <= total <= greatest), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """One filling-in as it is written to a chart. `total` and `level` are None and "" where there is none."""

    id: str  # UUID
    instrument: str
    patient: str  # absolute URL
    taken: datetime  # when it was answered
    entered: datetime
    by: Clinician  # who entered it
    answers: Mapping[int, int]  # item -> score; empty: only the total was entered
    total: int | None
    watched: int | None = None  # the answer to the item on death or self-harm, beside a total
    level: str = ""  # of risk
    words: str = ""  # the result in words: "severe"
    source: str = ""  # in words: where a total comes from
    day_only: bool = False  # the time of day is not known
    course: str | None = None
    session: str | None = None
    encounter: str | None = None  # absolute URL
    complete: bool = True  # False: an item was left without an answer, so there is no total
