"""The typed values beside an answer of a checklist: what cannot be, what is asked back, and how they read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from fhir_mappings.facts.programme import Detail, DetailKind
from smart_app.clinical.entry import NotUsable, amount, day

_LETTER = re.compile(r"[^\W\d_]")
_PHONE = re.compile(r"[0-9 +()/.-]{5,30}( ?(x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)
_LEAST_DIGITS = 5


def detail_problem(detail: Detail, typed: str, on: date, *, confirmed: bool) -> str:
    """What is wrong with a value, or what is asked back; empty when nothing is. `on` is the day of the session.

    `confirmed`: the clinician was asked about unusual values and keeps them.
    """
    typed = typed.strip()
    if not typed:
        return _wanted(detail) if detail.required else ""
    try:
        return _PROBLEMS[detail.kind](detail, typed, on, confirmed)
    except NotUsable as error:
        return str(error)


def detail_words(detail: Detail, typed: str) -> str:
    """A usable value as it stands in the record: "last solids 8 h", "Sam Sister"; empty without one."""
    typed = typed.strip()
    if not typed:
        return ""
    if detail.kind is DetailKind.CHOICE:
        return dict(detail.choices).get(typed, typed)
    if detail.kind is DetailKind.NUMBER:
        return f"{detail.label.lower()} {typed} {detail.unit}"
    if detail.kind is DetailKind.DAY:
        return f"{detail.label.lower()} {_day_words(day(typed))}"
    return typed


def _wanted(detail: Detail) -> str:
    if detail.kind is DetailKind.CHOICE:
        return f"Choose: {detail.label.lower()}."
    unit = f" in {detail.unit}" if detail.unit else ""
    return f"Enter {detail.label.lower()}{unit}."


def _choice(detail: Detail, typed: str, _on: date, _confirmed: bool) -> str:
    return "" if typed in dict(detail.choices) else _wanted(detail)


def _name(_detail: Detail, typed: str, _on: date, _confirmed: bool) -> str:
    return "" if len(_LETTER.findall(typed)) > 1 else "Enter a person's name."


def _phone(_detail: Detail, typed: str, _on: date, _confirmed: bool) -> str:
    if _PHONE.fullmatch(typed) and sum(sign.isdecimal() for sign in typed) >= _LEAST_DIGITS:
        return ""
    return "Enter a telephone number, such as 555 0101."


def _number(detail: Detail, typed: str, _on: date, confirmed: bool) -> str:
    value = amount(typed)
    if detail.possible is not None and not detail.possible[0] <= value <= detail.possible[1]:
        return f"Enter {detail.possible[0]} to {detail.possible[1]} {detail.unit}."
    if detail.usual is not None and not detail.usual[0] <= value <= detail.usual[1] and not confirmed:
        return f"Check: {detail.label.lower()} {typed} {detail.unit}. Is that right?"
    return ""


def _day(detail: Detail, typed: str, on: date, confirmed: bool) -> str:
    value = day(typed)
    away = (value - on).days
    if detail.possible is not None and not detail.possible[0] <= away <= detail.possible[1]:
        return _impossible_day(detail.possible, away)
    if detail.usual is not None and not detail.usual[0] <= away <= detail.usual[1] and not confirmed:
        return f"Check: {_day_words(value)} is {_distance(away)}. Is that right?"
    return ""


def _impossible_day(possible: tuple[int, int], away: int) -> str:
    limit = possible[0] if away < possible[0] else possible[1]
    if limit == 0:
        return "This day lies before the session." if away < 0 else "This day lies after the session."
    return f"Enter a day that is at most {abs(limit)} days {'before' if limit < 0 else 'after'} the session."


def _distance(away: int) -> str:
    if away == 0:
        return "the day of the session"
    days = "1 day" if abs(away) == 1 else f"{abs(away)} days"
    return f"{days} {'before' if away < 0 else 'after'} the session"


def _day_words(on: date) -> str:
    return f"{on:%d %b %Y}"


def _words(_detail: Detail, _typed: str, _on: date, _confirmed: bool) -> str:
    return ""


_PROBLEMS: Mapping[DetailKind, Callable[[Detail, str, date, bool], str]] = MappingProxyType(
    {
        DetailKind.CHOICE: _choice,
        DetailKind.DAY: _day,
        DetailKind.NAME: _name,
        DetailKind.NUMBER: _number,
        DetailKind.PHONE: _phone,
        DetailKind.WORDS: _words,
    }
)
