"""Spans of days: both ends count, short breaks are none."""

from __future__ import annotations

from datetime import date

import pytest

from smart_app.clinical.trials.day_spans import Span, after, joined, longest, span

JANUARY = Span(date(2026, 1, 1), date(2026, 1, 31))


def days_of_february(first: int, last: int) -> Span:
    return Span(date(2026, 2, first), date(2026, 2, last))


def test_both_ends_are_counted() -> None:
    assert JANUARY.days == 31
    assert Span(date(2026, 1, 1), date(2026, 1, 1)).days == 1
    assert span(date(2026, 1, 2), date(2026, 1, 1)) is None


@pytest.mark.parametrize(("begins", "one"), [(1, True), (15, True), (16, False)])
def test_a_break_of_14_days_is_none(begins: int, one: bool) -> None:
    """From 31 January: beginning on the 15th leaves 14 days without, on the 16th 15."""
    found = joined([days_of_february(begins, 28), JANUARY], 14)
    assert (len(found) == 1) is one
    assert found[-1].last == date(2026, 2, 28)


def test_a_span_inside_another_does_not_shorten_it() -> None:
    inside = Span(date(2026, 1, 5), date(2026, 1, 6))
    assert joined([inside, JANUARY, inside], 0) == [JANUARY]


def test_only_days_after_the_cut_stay() -> None:
    assert after([JANUARY], date(2026, 1, 30)) == [Span(date(2026, 1, 31), date(2026, 1, 31))]
    assert after([JANUARY], date(2026, 1, 31)) == []
    assert after([JANUARY], date.max) == []
    assert after([JANUARY], None) == [JANUARY]


def test_the_longest() -> None:
    assert longest([days_of_february(1, 3), JANUARY]) == JANUARY
    assert longest([]) is None
