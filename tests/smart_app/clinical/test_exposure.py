"""Counters of sessions and milligrams at their limits, and what is due when."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.clinical.booster import Finding
from smart_app.clinical.exposure import Given, exposure, reminders, year_before
from smart_app.clinical.maintenance_rules import MaintenanceRules

TODAY = date(2026, 12, 20)
RULES = MaintenanceRules()


def gave(*days_ago: int, booster: bool = False, mg: str = "41") -> list[Given]:
    return [Given(day=TODAY - timedelta(days=each), mg=Decimal(mg), booster=booster) for each in days_ago]


def test_spans_take_their_limits_in() -> None:
    found = exposure(gave(0, 90, 91, 365, 366, 4000), TODAY, RULES)
    assert (found.quarter, found.year, found.lifetime) == (2, 4, 6)
    assert found.mg == Decimal(246)
    assert found.year_mg == Decimal(164)


def test_amounts_keep_their_digits() -> None:
    assert str(exposure([*gave(1, mg="41.10"), *gave(2, mg="0.05")], TODAY, RULES).mg) == "41.15"


@pytest.mark.parametrize(("sessions", "warned"), [(12, False), (13, True)])
def test_more_than_twelve_sessions_in_90_days_are_warned_of(sessions: int, *, warned: bool) -> None:
    found = exposure(gave(*range(sessions)), TODAY, RULES)
    assert bool(found.warnings) is warned
    assert all("more than 12" in words for words in found.warnings)


@pytest.mark.parametrize(("days", "warned"), [((0, 30), False), ((0, 10, 30), True), ((0, 10, 31), False)])
def test_more_than_two_boosters_in_a_month_are_warned_of(days: tuple[int, ...], *, warned: bool) -> None:
    assert bool(exposure(gave(*days, booster=True), TODAY, RULES).warnings) is warned
    assert not exposure(gave(*days), TODAY, RULES).warnings, "sessions of a course are no boosters"


def finding(days: int, *, clear: bool | None = True) -> Finding:
    return Finding(day=TODAY - timedelta(days=days), clear=clear, words="Asked")


@pytest.mark.parametrize(
    ("last", "due", "overdue"),
    [
        (finding(0), 30, False),
        (finding(30), 0, False),
        (finding(31), -1, True),
        (None, -50, True),  # since the first dose
        (finding(1, clear=None), -50, True),  # an answer that says nothing
    ],
)
def test_urinary_symptoms_are_due_again(last: Finding | None, due: int, *, overdue: bool) -> None:
    urinary, liver = reminders(gave(50, 10), last, finding(0), TODAY, RULES)
    assert (urinary.due, urinary.overdue) == (TODAY + timedelta(days=due), overdue)
    assert liver.due == TODAY + timedelta(days=90)


def test_before_the_first_dose_nothing_is_due() -> None:
    assert {each.due for each in reminders([], None, None, TODAY, RULES)} == {None}


def test_a_year_before_the_leap_day() -> None:
    assert year_before(date(2028, 2, 29)) == date(2027, 2, 28)


@given(st.lists(st.tuples(st.integers(0, 800), st.decimals(0, 300, places=2), st.booleans()), max_size=40))
def test_the_spans_lie_in_each_other(rows: list[tuple[int, Decimal, bool]]) -> None:
    found = exposure(
        [Given(day=TODAY - timedelta(days=days), mg=mg, booster=booster) for days, mg, booster in rows], TODAY, RULES
    )
    assert found.boosters <= found.quarter <= found.year <= found.lifetime == len(rows)
    assert found.mg == sum((mg for _, mg, _ in rows), Decimal(0)) >= found.year_mg
