"""How often a day a medicine is taken: FHIR R4 Timing, its codes, and plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from fhir_mappings.codes.concepts import codes_of, texts_of
from fhir_mappings.reading import elements
from fhir_mappings.reading.dose import exact
from fhir_mappings.reading.elements import Json

_DAYS = {
    "s": Fraction(1, 86_400),
    "min": Fraction(1, 1_440),
    "h": Fraction(1, 24),
    "d": Fraction(1),
    "wk": Fraction(7),
    "mo": Fraction(30),
    "a": Fraction(365),
}
_PRINTED = {"day": "d", "days": "d", "week": "wk", "weeks": "wk", "month": "mo", "months": "mo", "hours": "h"}
# HL7 v3 GTSAbbreviation and what prescribers write.
_CODES = {
    "am": Fraction(1),
    "pm": Fraction(1),
    "qd": Fraction(1),
    "daily": Fraction(1),
    "bed": Fraction(1),
    "hs": Fraction(1),
    "qhs": Fraction(1),
    "qam": Fraction(1),
    "qpm": Fraction(1),
    "bid": Fraction(2),
    "tid": Fraction(3),
    "qid": Fraction(4),
    "qod": Fraction(1, 2),
    "wk": Fraction(1, 7),
    "mo": Fraction(1, 30),
}
_EVERY_HOURS = re.compile(r"q(\d{1,2})h", re.ASCII)
_AT_MEALS = frozenset({"C", "AC", "PC"})  # how many meals is not said
_ONCE = r"(?:once (?:daily|a day|per day)|daily|every day|each day|1 time (?:daily|a day)|(?:every|each) 24 hours)"
_HOUR = (
    r"(?:in the (?:morning|evening|afternoon)|at (?:bedtime|night|noon)|before bed|(?:every|each) (?:morning|evening"
    r"|night)|nightly)"
)
_TIMES = {"twice": 2, "two times": 2, "2 times": 2, "three times": 3, "3 times": 3, "four times": 4, "4 times": 4}
_WORDS = re.compile(
    rf"(?P<once>{_ONCE}(?: {_HOUR})?|{_HOUR}(?: daily)?)"
    rf"|(?P<times>{'|'.join(_TIMES)}) (?:daily|a day|per day|each day|every day)"
    r"|every (?P<hours>\d{1,2}) hours"
    r"|every other (?P<other>day)"
    r"|(?P<weekly>once (?:a week|weekly)|weekly|every week|once per week)"
    rf"|(?P<code>{'|'.join(sorted(_CODES, key=len, reverse=True))}|q\d{{1,2}}h)",
    re.ASCII,
)
FREQUENCY_WORDS = _WORDS.pattern
_MOST = 48  # times a day; more is a slip


def times_a_day(timing: object) -> Fraction | None:
    """From a Timing: what `repeat` says, else its code. Of a range the rarer end, which is the one surely held."""
    found = elements.mapping(timing)
    repeat = elements.mapping(found.get("repeat"))
    often = _repeated(repeat)
    if often is None and not _told(repeat):
        often = _of_code(found.get("code"))
    return often if often is not None and 0 < often <= _MOST else None


def times_in_words(text: str) -> Fraction | None:
    """ "twice daily", "BID", "every 6 hours", in lower case and with nothing else around it."""
    match = _WORDS.fullmatch(text)
    return of_match(match.groupdict()) if match is not None else None


def of_match(groups: dict[str, str | None]) -> Fraction | None:
    """What a match of FREQUENCY_WORDS says, by its named groups."""
    if groups["times"]:
        return Fraction(_TIMES[groups["times"]])
    if groups["hours"]:
        return Fraction(24, int(groups["hours"])) if int(groups["hours"]) else None
    if groups["code"]:
        return _of_word(groups["code"])
    if groups["other"]:
        return Fraction(1, 2)
    if groups["weekly"]:
        return Fraction(1, 7)
    return Fraction(1) if groups["once"] else None


def _told(repeat: Json) -> bool:
    return any(repeat.get(name) is not None for name in ("frequency", "period", "when", "timeOfDay", "dayOfWeek"))


def _repeated(repeat: Json) -> Fraction | None:
    if not repeat or repeat.get("count") == 1:  # taken a single time
        return None
    days = len(_distinct(repeat.get("dayOfWeek")))
    if repeat.get("period") is None:
        times = _fixed_times(repeat)
        if times is None and days:
            times = Fraction(1)
        return times * Fraction(days or 7, 7) if times is not None else None
    frequency = _count(repeat.get("frequency", 1))
    period, unit = _amount(repeat.get("periodMax", repeat.get("period"))), repeat.get("periodUnit")
    if frequency is None or period is None or not isinstance(unit, str) or unit not in _DAYS:
        return None
    often = Fraction(frequency) / (period * _DAYS[unit])
    return often * Fraction(days, 7) if days and unit in ("s", "min", "h", "d") else often


def _fixed_times(repeat: Json) -> Fraction | None:
    """So many times of day, or events of the day, are named."""
    times, events = _distinct(repeat.get("timeOfDay")), _distinct(repeat.get("when"))
    if events & _AT_MEALS:
        return None
    named = len(times) or len(events)
    return Fraction(named) if named else None


def _distinct(value: Any) -> frozenset[str]:
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()


def _of_code(concept: object) -> Fraction | None:
    words = [*(code.code for code in codes_of(concept)), elements.text(elements.mapping(concept).get("text"))]
    words += texts_of(concept)
    return _agreed(_of_word(word.lower()) or times_in_words(word.lower()) for word in words)


def _of_word(word: str) -> Fraction | None:
    hourly = _EVERY_HOURS.fullmatch(word)
    if hourly is not None:
        return Fraction(24, int(hourly[1])) if int(hourly[1]) else None
    return _CODES.get(word)


def _agreed(found: Iterable[Fraction | None]) -> Fraction | None:
    known = {often for often in found if often is not None}
    return known.pop() if len(known) == 1 else None


def days_of(duration: object) -> int | None:
    """Whole days of a Duration, rounded down; None where it is absent, has a comparator or an unknown unit."""
    found = elements.mapping(duration)
    amount = _amount(found.get("value"))
    printed = elements.text(found.get("unit")).lower()
    unit = elements.text(found.get("code")) or _PRINTED.get(printed, printed)
    if amount is None or unit not in _DAYS or found.get("comparator") is not None:
        return None
    return int(amount * _DAYS[unit])


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 100 else None


def _amount(value: Any) -> Fraction | None:
    number = elements.number(value)
    return exact(number) if number is not None else None
