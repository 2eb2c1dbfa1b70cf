"""Doses taken alone: dates of reviews and blood pressures, and the days that were reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.titration import DoseLog, Taken, TitrationStep
from smart_app.clinical.maintenance_rules import AS_SHIPPED, MaintenanceRules, maintenance_rules
from smart_app.clinical.microdosing import (
    Mark,
    adherence,
    months_after,
    next_pressure,
    next_review,
    pressures_words,
    review_months,
    reviews_words,
    step_on,
)
from smart_app.clinical.site_table import SettingsRefused
from tests.smart_app.use_cases.a_clinic import DOCTOR, NURSE

START = date(2026, 11, 2)  # a Monday
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def after(days: int) -> date:
    return START + timedelta(days=days)


def a_log(first: int, last: int, taken: Taken = Taken.ALL, missed: int = 0, log_id: str = "log-1") -> DoseLog:
    return DoseLog(
        id=log_id,
        patient="https://ehr.example/fhir/Patient/ada",
        course="course-1",
        first=after(first),
        last=after(last),
        taken=taken,
        missed=missed,
        mg=Decimal(25),
        source="by telephone",
        entered=NOW,
        by=NURSE,
    )


def test_reviews_are_after_1_3_6_and_9_months_and_then_every_three() -> None:
    assert list(islice(review_months(AS_SHIPPED), 7)) == [1, 3, 6, 9, 12, 15, 18]
    denser = MaintenanceRules(review_months=(1, 2, 3, 6, 9), review_every_months=1)
    assert list(islice(review_months(denser), 7)) == [1, 2, 3, 6, 9, 10, 11]
    assert reviews_words(AS_SHIPPED) == "Due after 1, 3, 6 and 9 months, then every 3 months."
    assert reviews_words(denser) == "Due after 1, 2, 3, 6 and 9 months, then every month."


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        (date(2026, 11, 2), 1, date(2026, 12, 2)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2027, 11, 30), 3, date(2028, 2, 29)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
    ],
)
def test_a_month_ends_with_its_last_day(start: date, months: int, day: date) -> None:
    assert months_after(start, months) == day


@pytest.mark.parametrize(
    ("reviewed", "today", "day", "overdue"),
    [
        ([], date(2026, 11, 2), date(2026, 12, 2), False),
        ([], date(2026, 12, 2), date(2026, 12, 2), False),
        ([], date(2026, 12, 3), date(2026, 12, 2), True),
        ([date(2026, 11, 18)], date(2026, 12, 3), date(2027, 2, 2), False),  # 14 days early is that review
        ([date(2026, 11, 17)], date(2026, 12, 3), date(2026, 12, 2), True),  # 15 days early is another
        ([date(2027, 5, 10)], date(2027, 5, 11), date(2027, 8, 2), False),
    ],
)
def test_the_next_review(reviewed: list[date], today: date, day: date, *, overdue: bool) -> None:
    found = next_review(START, reviewed, today, AS_SHIPPED)
    assert (found.day, found.overdue) == (day, overdue)


@pytest.mark.parametrize(
    ("measured", "day"),
    [
        ([], 7),
        ([5], 12),
        ([7, 14, 21], 28),
        ([23], 30),
        ([24], 54),  # a week on would be after the first month
        ([40], 71),  # 12 December, then a month
        ([-3], 7),  # before the start
    ],
)
def test_blood_pressure_weekly_in_the_first_month_then_monthly(measured: list[int], day: int) -> None:
    found = next_pressure(START, [after(each) for each in measured], after(41), AS_SHIPPED)
    assert found.day == after(day)


def test_a_site_asks_more_often_and_for_longer() -> None:
    rules = MaintenanceRules(pressure_days=3, pressure_months=2, review_early_days=0)
    assert next_pressure(START, [after(40)], after(41), rules).day == after(43)
    assert next_pressure(START, [after(59)], after(60), rules).day == after(90)
    assert next_review(START, [after(29)], after(29), rules).day == after(30)
    assert pressures_words(rules) == "every 3 days in the first 2 months, then monthly"
    assert pressures_words(AS_SHIPPED) == "weekly in the first month, then monthly"
    assert pressures_words(replace(rules, pressure_days=1, pressure_months=1)).startswith("daily in the first month")


@pytest.mark.parametrize("months", [[1, 3, 6], [2, 3, 6, 9], [1, 3, 6, 9, 25], [1, 3, 9, 6], [1, 3, 6, 9, True], 3])
def test_a_review_is_only_added(months: object) -> None:
    with pytest.raises(SettingsRefused, match=r"\[maintenance\] review_months: must "):
        maintenance_rules({"maintenance": {"review_months": months}})
    more = maintenance_rules({"maintenance": {"review_months": [1, 2, 3, 6, 9, 12]}})
    assert more.review_months == (1, 2, 3, 6, 9, 12)


def test_the_step_of_a_day() -> None:
    first = TitrationStep(number=1, mg=Decimal(25), first=START, last=after(9), by=DOCTOR, at=NOW)
    second = TitrationStep(number=2, mg=Decimal("37.5"), first=after(10), by=DOCTOR, at=NOW)
    steps = (first, second)
    found = [step_on(steps, after(day)) for day in (-1, 0, 9, 10, 400)]
    assert found == [None, first, first, second, second]


class TestAdherence:
    def test_what_nobody_said_is_no_entry_and_never_taken(self) -> None:
        found = adherence([], (), START, after(2))
        assert found.weeks[0].marks == (Mark.NONE, Mark.NONE, Mark.NONE, *[Mark.OUTSIDE] * 4)
        assert found.words == "No day was reported yet. No entry for 3 days."

    def test_weeks_from_monday_on_newest_first(self) -> None:
        logs = [a_log(0, 3), a_log(4, 5, Taken.NONE, 2, "log-2"), a_log(7, 9, Taken.PARTLY, 1, "log-3")]
        found = adherence(logs, (after(6),), START, after(10))
        assert [week.first for week in found.weeks] == [after(7), START]
        assert found.weeks[1].marks == (*[Mark.TAKEN] * 4, Mark.SKIPPED, Mark.SKIPPED, Mark.OBSERVED)
        assert found.weeks[0].marks == (*[Mark.PARTLY] * 3, Mark.NONE, *[Mark.OUTSIDE] * 3)
        assert found.words == "Taken on 6 of 9 reported days. No entry for 1 day."

    def test_of_two_entries_for_a_day_the_later_one_stands(self) -> None:
        found = adherence([a_log(0, 6), a_log(2, 2, Taken.NONE, 1, "log-2")], (), START, after(6))
        assert (found.taken, found.reported) == (6, 7)

    @given(
        st.lists(
            st.tuples(st.integers(-5, 60), st.integers(0, 20), st.sampled_from(Taken), st.integers(0, 20)), max_size=6
        ),
        st.integers(0, 60),
    )
    def test_no_more_is_taken_than_was_reported(self, spans: list[tuple[int, int, Taken, int]], length: int) -> None:
        logs = [
            a_log(first, first + more, taken, min(missed, more + 1), f"log-{number}")
            for number, (first, more, taken, missed) in enumerate(spans)
        ]
        found = adherence(logs, (), START, after(length))
        assert 0 <= found.taken <= found.reported
        assert found.reported + found.silent == length + 1
