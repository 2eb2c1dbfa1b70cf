"""How often a day a medicine is taken: FHIR R4 Timing, its codes, and plain words."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from fhir_mappings.codes.concepts import codes_of, texts_of
from fhir_mappings.reading import elements
from fhir_mappings.reading.dose import ordinary, quotient
from fhir_mappings.reading.elements import Json

_DAY = 86_400  # seconds
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": _DAY, "wk": 7 * _DAY, "mo": 30 * _DAY, "a": 365 * _DAY}
_PRINTED = {"day": "d", "days": "d", "week": "wk", "weeks": "wk", "month": "mo", "months": "mo", "hours": "h"}
# HL7 v3 GTSAbbreviation and what prescribers write.
_CODES = {
    **dict.fromkeys(("am", "pm", "qd", "daily", "bed", "hs", "qhs", "qam", "qpm"), (1, 1)),
    "bid": (2, 1),
    "tid": (3, 1),
    "qid": (4, 1),
    "qod": (1, 2),
    "wk": (1, 7),
    "mo": (1, 30),
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
_MOST_A_DAY = 48  # more is a slip


class Often(NamedTuple):
    """So many times in so many seconds."""

    times: Decimal
    seconds: Decimal

    @property
    def daily_or_rarer(self) -> bool:
        return self.times * _DAY <= self.seconds

    def in_a_day(self, amount: Decimal) -> Decimal:
        """What an amount taken as often makes in a day."""
        return quotient(amount * self.times * _DAY, self.seconds)


def read_often(timing: object) -> Often | None:
    """From a Timing: what `repeat` says, else its code. Of a range the rarer end, which is the one surely held."""
    found = elements.mapping(timing)
    repeat = elements.mapping(found.get("repeat"))
    often = _repeated(repeat) if repeat else None
    if often is None and not _told(repeat):
        often = _of_code(found.get("code"))
    return often if often is not None and often.times * _DAY <= _MOST_A_DAY * often.seconds else None


def of_match(groups: dict[str, str | None]) -> Often | None:
    """What a match of FREQUENCY_WORDS says, by its named groups."""
    if groups["times"]:
        return _often(_TIMES[groups["times"]], 1)
    if groups["hours"]:
        return _hourly(groups["hours"])
    if groups["code"]:
        return _of_word(groups["code"])
    if groups["other"]:
        return _often(1, 2)
    if groups["weekly"]:
        return _often(1, 7)
    return _often(1, 1) if groups["once"] else None


def _often(times: int, days: int) -> Often:
    return Often(Decimal(times), Decimal(days * _DAY))


def _hourly(hours: str) -> Often | None:
    return Often(Decimal(1), Decimal(int(hours) * _SECONDS["h"])) if int(hours) else None


def _told(repeat: Json) -> bool:
    return any(repeat.get(name) is not None for name in ("frequency", "period", "when", "timeOfDay", "dayOfWeek"))


def _repeated(repeat: Json) -> Often | None:
    if repeat.get("count") == 1:  # taken a single time
        return None
    days = len(_distinct(repeat.get("dayOfWeek")))
    if repeat.get("period") is None:
        times = _fixed_times(repeat) or (1 if days else 0)
        return Often(Decimal(times * (days or 7)), Decimal(7 * _DAY)) if times else None
    frequency, unit = _count(repeat.get("frequency", 1)), repeat.get("periodUnit")
    period = ordinary(repeat.get("periodMax", repeat.get("period")))
    if frequency is None or period is None or not isinstance(unit, str) or unit not in _SECONDS:
        return None
    return _every(frequency, period, unit, days)


@lru_cache(maxsize=512)  # a chart repeats the same few
def _every(frequency: int, period: Decimal, unit: str, days: int) -> Often:
    """So often in a period; where it is shorter than a week, on so many days of the week alone."""
    if days and unit in ("s", "min", "h", "d"):
        return Often(Decimal(frequency * days), period * _SECONDS[unit] * 7)
    return Often(Decimal(frequency), period * _SECONDS[unit])


def _fixed_times(repeat: Json) -> int:
    """So many times of day, or events of the day, are named; 0 where none is, or nobody knows how many they are."""
    times, events = _distinct(repeat.get("timeOfDay")), _distinct(repeat.get("when"))
    return 0 if events & _AT_MEALS else len(times) or len(events)


def _distinct(value: Any) -> frozenset[str]:
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()


def _of_code(concept: object) -> Often | None:
    words = [*(code.code for code in codes_of(concept)), elements.text(elements.mapping(concept).get("text"))]
    known = {often for word in (*words, *texts_of(concept)) if (often := _of_word(word.lower())) is not None}
    return known.pop() if len(known) == 1 else None


def _of_word(word: str) -> Often | None:
    """ "bid", "q6h", "twice daily": in lower case and with nothing else around it."""
    if word in _CODES:
        return _often(*_CODES[word])
    hourly = _EVERY_HOURS.fullmatch(word)
    if hourly is not None:
        return _hourly(hourly[1])
    match = _WORDS.fullmatch(word)
    return of_match(match.groupdict()) if match is not None else None


def days_of(duration: object) -> int | None:
    """Whole days of a Duration, rounded down; None where it is absent, has a comparator or an unknown unit."""
    found = elements.mapping(duration)
    amount, printed = ordinary(found.get("value")), elements.text(found.get("unit")).lower()
    unit = elements.text(found.get("code")) or _PRINTED.get(printed, printed)
    if amount is None or unit not in _SECONDS or found.get("comparator") is not None:
        return None
    return int(amount * _SECONDS[unit] / _DAY)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 100 else None
