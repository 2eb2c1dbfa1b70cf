"""Answers to a questionnaire and what they come to: a total, a level of risk, or what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fhir_mappings.facts.questionnaire import Instrument, Item, Rule

HIGH, MODERATE, LOW, NONE = "high", "moderate", "low", "none"
_LEVELS = (HIGH, MODERATE, LOW, NONE)
# The screener's own triage: which yes means which level. Item 7 is an act within 3 months; on the form that asks
# about the time since the last visit, item 6 is as recent.
_GRAVEST: Mapping[str, Mapping[int, str]] = {
    "cssrs": {1: LOW, 2: LOW, 3: MODERATE, 4: HIGH, 5: HIGH, 6: MODERATE, 7: HIGH},
    "cssrs-since": {1: LOW, 2: LOW, 3: MODERATE, 4: HIGH, 5: HIGH, 6: HIGH},
}
SCREENERS = frozenset(_GRAVEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`total` None: the form has none, or an item has no answer. `words` never say more than was answered."""

    total: int | None
    level: str  # of risk, for a screener; else ""
    words: str  # "severe", "high risk", "item 4 has no answer: no total"
    watched: int | None  # the answer to the item on death or self-harm; None: none was given, or there is none
    complete: bool


def is_asked(item: Item, answers: Mapping[int, int]) -> bool:
    """Whether the form asks this item after what was answered before it."""
    return item.asked_if is None or answers.get(item.asked_if.item) == item.asked_if.score


def problems(instrument: Instrument, answers: Mapping[int, int]) -> dict[int, str]:
    """What stands against the answers together, by item: two where the form wants one, or one that is not asked.

    An answer that is missing is no problem of this kind; see `missing`.
    """
    found = {}
    for item in instrument.items:
        condition = item.asked_if
        if condition is not None and item.number in answers and not is_asked(item, answers):
            found[item.number] = f"This is asked only after a yes to item {condition.item}. Check both."
    for pair in instrument.either:
        given = [number for number in pair if number in answers]
        if len(given) > 1:
            found[given[-1]] = f"Answer item {' or '.join(map(str, pair))}, not both."
    return found


def missing(instrument: Instrument, answers: Mapping[int, int]) -> tuple[int, ...]:
    """The items without an answer that the form needs one of. Of a pair, the first stands for both."""
    spared = {number for pair in instrument.either if any(n in answers for n in pair) for number in pair}
    spared |= {number for pair in instrument.either for number in pair[1:]}
    return tuple(
        item.number
        for item in instrument.items
        if item.number not in answers and item.number not in spared and is_asked(item, answers)
    )


def result(instrument: Instrument, answers: Mapping[int, int]) -> Result:
    """What the answers come to. Nothing is estimated: with an item missing there is no total.

    A screener's level is that of the gravest yes, so a missing answer can hide a higher level but never lower one.
    """
    gaps = missing(instrument, answers)
    watched = answers.get(instrument.watched) if instrument.watched is not None else None
    if instrument.rule is Rule.SCREENER:
        level = _level(instrument, answers)
        if gaps and level != HIGH:
            return Result(total=None, level="", words=_gap_words(gaps, "no level"), watched=watched, complete=False)
        return Result(total=None, level=level, words=level_words(level), watched=watched, complete=not gaps)
    if gaps or not instrument.items:
        return Result(total=None, level="", words=_gap_words(gaps, "no total"), watched=watched, complete=False)
    total = _total(instrument, answers)
    return Result(total=total, level="", words=instrument.band(total), watched=watched, complete=True)


def level_words(level: str) -> str:
    return "no risk found" if level == NONE else f"{level} risk"


def _total(instrument: Instrument, answers: Mapping[int, int]) -> int:
    groups = instrument.groups or tuple((item.number,) for item in instrument.items)
    return sum(max(answers.get(number, 0) for number in group) for group in groups)


def _level(instrument: Instrument, answers: Mapping[int, int]) -> str:
    grave = _GRAVEST[instrument.key]
    found = {grave[number] for number, score in answers.items() if score}
    return min(found, key=_LEVELS.index, default=NONE)


def _gap_words(gaps: tuple[int, ...], what: str) -> str:
    named = ", ".join(map(str, gaps))
    return f"item{'s' if len(gaps) > 1 else ''} {named} without an answer: {what}" if gaps else what
