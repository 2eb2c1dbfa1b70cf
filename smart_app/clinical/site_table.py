"""A table of site.toml: what its keys take, and every complaint about them, so that all can be told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

LEAST_REASON = 10  # characters, as for an override
NO_REASON = f"must be a text of at least {LEAST_REASON} characters"

PROPOSAL = "working proposal"  # of the clinical content, for the clinic to confirm

MOST_LISTED = 12

Amount = int | Decimal


class SettingsRefused(ValueError):
    """What a site set is not allowed. `problems`: a line for each, naming the table and the key."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Key(Protocol):
    """One key of a table. `bounds_words` say what it takes; `source`, where the shipped value comes from."""

    @property
    def key(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def bounds_words(self) -> str: ...
    def complaint(self, value: object) -> str:
        """Why it does not take this value; empty: it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number; the bounds are allowed."""

    key: str
    least: int
    most: int
    words: str
    unit: str = ""
    source: str = PROPOSAL

    @property
    def bounds_words(self) -> str:
        return f"from {self.least} to {amount(self.most, self.unit)}"

    def complaint(self, value: object) -> str:
        return number_complaint(value, self.least, self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some words, or a switch."""

    key: str
    takes: tuple[str, ...]  # empty: true or false
    words: str
    unit: str = ""
    source: str = PROPOSAL

    @property
    def bounds_words(self) -> str:
        return ", ".join(self.takes) or "yes or no"

    def complaint(self, value: object) -> str:
        if not self.takes:
            return "" if isinstance(value, bool) else "must be true or false"
        return "" if value in self.takes else f"must be one of {', '.join(self.takes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A list of whole numbers that rises from the first shipped one and leaves none of them out."""

    key: str
    words: str
    shipped: tuple[int, ...]
    latest: int
    unit: str = ""
    source: str = PROPOSAL

    @property
    def bounds_words(self) -> str:
        return f"all of the shipped ones, and more between or after them up to {self.latest}"

    def complaint(self, value: object) -> str:
        if not isinstance(value, list) or not all(type(each) is int for each in value):
            return "must be a list of whole numbers"
        if not set(value) >= set(self.shipped):
            return f"must keep the shipped ones too, which are {amount(self.shipped)}"
        rises = all(earlier < later for earlier, later in pairwise(value))
        if not rises or value[0] != self.shipped[0] or value[-1] > self.latest or len(value) > MOST_LISTED:
            return f"must rise from {self.shipped[0]} to at most {self.latest}, {MOST_LISTED} in all"
        return ""


def read_table(table: Mapping[str, Any], name: str, keys: Sequence[Key]) -> tuple[dict[str, Any], list[str]]:
    """What `[name]` of a parsed site.toml sets, by key, and a line for each thing that is wrong with it."""
    given, known = table.get(name, {}), {each.key: each for each in keys}
    if not isinstance(given, Mapping):
        return {}, [f"{name}: is not a table; write [{name}]"]
    values: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in given.items():
        complaint = (
            known[key].complaint(value) if key in known else f"there is no such key; known are: {', '.join(known)}"
        )
        if complaint:
            problems.append(f"[{name}] {key}: {complaint}")
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return values, problems


def number_complaint(value: object, least: int, most: int) -> str:
    return "" if within(value, least, most, whole=True) else f"must be a whole number from {least} to {most}"


def within(value: Any, least: Amount, most: Amount, *, whole: bool) -> bool:
    """Whether it is a number, a whole one where that is asked for, and not beyond its bounds."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | Decimal):
        return False
    return Decimal(value).is_finite() and least <= value <= most


def amount(value: object, unit: str = "") -> str:
    """A value as people read it: 140 mmHg, 90 days, 2, 4 and 8 as "2, 4, 8", yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{words} {unit}".rstrip()


def as_people_write(value: Amount) -> Decimal:
    """120 for 1.2e2; the digits stay."""
    return Decimal(f"{Decimal(value):f}")


def one_line(value: object) -> str:
    """The reason of a site; empty: it is no text, or too short for one."""
    words = " ".join(value.split()) if isinstance(value, str) else ""
    return words if len(words) >= LEAST_REASON else ""
