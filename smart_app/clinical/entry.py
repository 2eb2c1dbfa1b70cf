"""Typed text into amounts, days and times; impossible values are refused, unusual ones are asked back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TypeVar

LATE_AFTER = timedelta(minutes=5)
OLDEST = timedelta(days=60)
NOT_YET = "This time has not come yet."
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but tab and line feed: no XHTML may hold them
NIGHT = timedelta(hours=12)  # a time without a date may lie before midnight, at most so long ago

_AMOUNT = re.compile(r"[0-9]{1,6}(\.[0-9]{1,4})?")
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]?([0-5][0-9])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Value = TypeVar("Value")


class NotUsable(ValueError):
    """The text cannot be used; the message says what to type instead and does not repeat the text."""


def amount(text: str) -> Decimal:
    """A number as it is written on a chart, every digit kept. No exponent, no comma, a zero before the point."""
    text = text.strip()
    if not _AMOUNT.fullmatch(text):
        raise NotUsable("Enter a number, with a point for decimals, such as 0.5.")
    return Decimal(text)


def whole(text: str, lowest: int, highest: int) -> int:
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,3}", text) or not lowest <= int(text) <= highest:
        raise NotUsable(f"Enter a whole number from {lowest} to {highest}.")
    return int(text)


def day(text: str) -> date:
    text = text.strip()
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise NotUsable("Enter a date as year-month-day, such as 2026-11-26.")


def time_of_day(text: str) -> time:
    """24 hours: 14:02, 9:05, 1402."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise NotUsable("Enter a time in 24 hours, such as 14:02.")
    return time(int(match[1]), int(match[2]))


def readable(parse: Callable[[str], Value], text: str) -> Value | None:
    """What the text says, or None when it is empty or not usable."""
    try:
        return parse(text) if text.strip() else None
    except NotUsable:
        return None


def at_time(on: date, text: str, like: datetime) -> datetime:
    """A typed time on a day, in the zone of `like`. An hour that the clock skipped is not a time."""
    moment = datetime.combine(on, time_of_day(text), tzinfo=like.tzinfo)
    if moment.astimezone(UTC).astimezone(like.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise NotUsable("This time did not exist: the clocks went forward.")
    return moment


def past_moment(time_text: str, date_text: str, now: datetime) -> datetime:
    """When something happened: empty means now; a time alone is today's, or last night's just after midnight.

    To the minute, as times are typed: a reading and a dose of the same minute then keep their order.
    """
    if not time_text.strip():
        if date_text.strip() and day(date_text) != now.date():
            raise NotUsable("Enter the time too.")
        return now.replace(second=0, microsecond=0)
    if date_text.strip():
        moment = at_time(day(date_text), time_text, now)
    else:
        moment = at_time(now.date(), time_text, now)
        last_night = at_time(now.date() - timedelta(days=1), time_text, now)
        if now.astimezone(UTC) - last_night.astimezone(UTC) <= NIGHT:
            moment = last_night
    if moment > now:
        raise NotUsable(f"This time has not come yet: it is {now:%H:%M}.")
    if now.date() - moment.date() > OLDEST:
        raise NotUsable(f"This is more than {OLDEST.days} days ago.")
    return moment


def past_day(typed: str, today: date) -> date:
    """A day that is not ahead. NotUsable."""
    on = day(typed)
    if on > today:
        raise NotUsable("This day has not come yet.")
    return on


def past_day_problem(on: date, today: date) -> str:
    """What is wrong with the day of a session that was held; empty when nothing is."""
    if on > today:
        return "This day has not come yet."
    return f"This is more than {OLDEST.days} days ago." if today - on > OLDEST else ""


def late(at: datetime, entered: datetime) -> bool:
    return entered.astimezone(UTC) - at.astimezone(UTC) > LATE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A vital sign: what can be measured at all, and what is common enough not to ask back. Limits included."""

    name: str  # as in "Check: 240 systolic."
    unit: str
    possible: tuple[int, int]
    usual: tuple[int, int]


# Working proposals: wide enough for a patient in trouble, narrow enough for a slip of the finger.
VITALS: Mapping[str, Span] = MappingProxyType(
    {
        "systolic": Span(name="systolic", unit="mmHg", possible=(30, 300), usual=(80, 200)),
        "diastolic": Span(name="diastolic", unit="mmHg", possible=(10, 220), usual=(40, 120)),
        "heart_rate": Span(name="heart rate", unit="per minute", possible=(10, 300), usual=(40, 150)),
        "oxygen_saturation": Span(name="oxygen saturation", unit="%", possible=(30, 100), usual=(85, 100)),
        "respiratory_rate": Span(name="respiratory rate", unit="per minute", possible=(0, 80), usual=(6, 35)),
    }
)
# MOAA/S, shortened: the answer to the name, then to prodding, then to pain.
SEDATION: Mapping[int, str] = MappingProxyType(
    {
        5: "alert, answers readily",
        4: "slow to answer",
        3: "answers only a loud call",
        2: "only mild prodding",
        1: "only pain",
        0: "no response",
    }
)
DISSOCIATION: Mapping[int, str] = MappingProxyType(
    {0: "none", 1: "slight", 2: "moderate", 3: "strong", 4: "complete"}
)
GRADES: Mapping[str, tuple[int, int]] = MappingProxyType({"sedation": (0, 5), "dissociation": (0, 4)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """One set of vital signs as far as it could be read, and what is wrong with the rest, by field."""

    amounts: Mapping[str, Decimal]
    grades: Mapping[str, int]
    problems: Mapping[str, str]


def vitals(fields: Mapping[str, str], *, confirmed: bool) -> Vitals:
    """`confirmed`: the clinician was asked about unusual values and keeps them."""
    amounts: dict[str, Decimal] = {}
    grades: dict[str, int] = {}
    problems: dict[str, str] = {}
    for field, span in VITALS.items():
        _read(field, fields, partial(_measured, span=span), amounts, problems)
    for field, (lowest, highest) in GRADES.items():
        _read(field, fields, partial(whole, lowest=lowest, highest=highest), grades, problems)
    problems.update(_pair_problems(amounts, problems))
    if not problems and not amounts and not grades:
        problems["systolic"] = "Enter at least one value."
    if not confirmed:
        for field, value in amounts.items():
            lowest, highest = VITALS[field].usual
            if field not in problems and not lowest <= value <= highest:
                problems[field] = f"Check: {value} {VITALS[field].name}. Is that right?"
    return Vitals(amounts=amounts, grades=grades, problems=problems)


def _read(
    field: str,
    fields: Mapping[str, str],
    parse: Callable[[str], Value],
    into: dict[str, Value],
    problems: dict[str, str],
) -> None:
    text = fields.get(field, "")
    if not text.strip():
        return
    try:
        into[field] = parse(text)
    except NotUsable as error:
        problems[field] = str(error)


def _measured(text: str, span: Span) -> Decimal:
    value = amount(text)
    lowest, highest = span.possible
    if not lowest <= value <= highest:
        raise NotUsable(f"Enter a {span.name} from {lowest} to {highest} {span.unit}.")
    return value


def _pair_problems(amounts: Mapping[str, Decimal], problems: Mapping[str, str]) -> dict[str, str]:
    systolic, diastolic = amounts.get("systolic"), amounts.get("diastolic")
    if systolic is not None and diastolic is None and "diastolic" not in problems:
        return {"diastolic": "Enter the diastolic pressure too. A palpated value belongs in a note."}
    if diastolic is not None and systolic is None and "systolic" not in problems:
        return {"systolic": "Enter the systolic pressure too."}
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        return {"diastolic": "The diastolic pressure is not below the systolic one. Check both."}
    return {}
