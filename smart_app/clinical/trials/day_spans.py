"""Spans of whole days, first and last included: joined over short breaks, cut, and the longest found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple


class Span(NamedTuple):
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def span(first: date, last: date) -> Span | None:
    """None when the last day lies before the first."""
    return Span(first, last) if first <= last else None


def joined(spans: Iterable[Span], bridge_days: int) -> list[Span]:
    """The union, in order; spans with at most `bridge_days` days between them are one."""
    result: list[Span] = []
    for each in sorted(spans):
        if result and (each.first - result[-1].last).days - 1 <= bridge_days:
            result[-1] = Span(result[-1].first, max(result[-1].last, each.last))
        else:
            result.append(each)
    return result


def after(spans: Iterable[Span], day: date | None) -> list[Span]:
    """What of the spans lies after the day; all of it when there is none."""
    if day is None:
        return list(spans)
    if day == date.max:
        return []
    start = day + timedelta(days=1)
    return [Span(max(each.first, start), each.last) for each in spans if each.last >= start]


def longest(spans: Iterable[Span]) -> Span | None:
    """The longest, the latest of equals; None of none."""
    return max(spans, key=lambda each: (each.days, each.last), default=None)
