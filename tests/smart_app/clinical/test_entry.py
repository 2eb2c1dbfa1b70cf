"""Typed text: what is taken, what is refused, what is asked back."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.clinical.entry import (
    NotUsable,
    amount,
    at_time,
    day,
    late,
    past_moment,
    readable,
    time_of_day,
    vitals,
    whole,
)

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 14, 32, 7, tzinfo=ZONE)


@pytest.mark.parametrize("text", ["41", "0.50", "82.0", "1.10", " 19 ", "0"])
def test_an_amount_keeps_every_digit_that_was_typed(text: str) -> None:
    assert str(amount(text)) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0,5", id="comma"),
        pytest.param(".5", id="no zero before the point"),
        pytest.param("5.", id="nothing after the point"),
        pytest.param("1e3", id="exponent"),
        pytest.param("-1", id="negative"),
        pytest.param("NaN", id="not a number"),
        pytest.param("Infinity", id="infinity"),
        pytest.param("41 mg", id="with a unit"),
        pytest.param("٤١", id="digits of another script"),
        pytest.param("1234567", id="more than a million"),
        pytest.param("", id="empty"),
    ],
)
def test_an_amount_that_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(NotUsable):
        amount(text)


@given(st.decimals(min_value=0, max_value=999999, places=4, allow_nan=False, allow_infinity=False))
def test_every_amount_to_four_places_is_read_as_itself(value: Decimal) -> None:
    assert amount(f"{value:f}") == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [("14:02", "14:02"), ("9:05", "09:05"), ("1402", "14:02"), ("905", "09:05"), ("14.02", "14:02")],
)
def test_a_time_is_read_in_24_hours(text: str, shown: str) -> None:
    assert f"{time_of_day(text):%H:%M}" == shown


@pytest.mark.parametrize("text", ["24:00", "14:60", "2 pm", "14", "", "14:2"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NotUsable):
        time_of_day(text)


@pytest.mark.parametrize("text", ["2026-02-30", "26-11-23", "23.11.2026", "20261123", ""])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NotUsable):
        day(text)


def test_a_date_is_read_as_year_month_day() -> None:
    assert day(" 2026-11-23 ") == date(2026, 11, 23)


def test_unusable_and_empty_texts_are_no_value() -> None:
    assert readable(amount, "x") is None
    assert readable(amount, " ") is None
    assert readable(amount, "0.5") == Decimal("0.5")


@pytest.mark.parametrize(("text", "taken"), [("0", True), ("5", True), ("6", False), ("-1", False), ("1.5", False)])
def test_a_grade_lies_within_its_scale(text: str, taken: bool) -> None:
    if taken:
        assert whole(text, 0, 5) == int(text)
    else:
        with pytest.raises(NotUsable, match="from 0 to 5"):
            whole(text, 0, 5)


class TestPastMoments:
    def test_no_time_means_this_minute(self) -> None:
        assert past_moment("", "", NOW) == NOW.replace(second=0)
        assert past_moment("", "2026-11-23", NOW) == NOW.replace(second=0)

    def test_a_time_alone_is_of_today(self) -> None:
        assert past_moment("14:02", "", NOW) == datetime(2026, 11, 23, 14, 2, tzinfo=ZONE)

    def test_just_after_midnight_a_late_time_is_of_last_night(self) -> None:
        now = datetime(2026, 11, 24, 0, 10, tzinfo=ZONE)
        assert past_moment("23:55", "", now) == datetime(2026, 11, 23, 23, 55, tzinfo=ZONE)

    def test_a_time_with_a_date_is_of_that_day(self) -> None:
        assert past_moment("23:55", "2026-11-20", NOW) == datetime(2026, 11, 20, 23, 55, tzinfo=ZONE)

    @pytest.mark.parametrize(
        ("time", "date_text", "words"),
        [
            pytest.param("14:33", "", "has not come yet: it is 14:32", id="a minute ahead"),
            pytest.param("10:00", "2026-11-24", "has not come yet", id="tomorrow"),
            pytest.param("", "2026-11-22", "Enter the time too", id="a day without a time"),
            pytest.param("10:00", "2026-09-23", "more than 60 days ago", id="61 days back"),
            pytest.param("25:00", "", "24 hours", id="no such time"),
            pytest.param("10:00", "yesterday", "Enter a date", id="no such date"),
        ],
    )
    def test_what_cannot_be_is_refused(self, time: str, date_text: str, words: str) -> None:
        with pytest.raises(NotUsable, match=words):
            past_moment(time, date_text, NOW)

    def test_an_hour_that_the_clock_skipped_is_refused(self) -> None:
        with pytest.raises(NotUsable, match="clocks went forward"):
            at_time(date(2026, 3, 8), "02:30", NOW)


@pytest.mark.parametrize(("minute", "is_late"), [(27, False), (26, True)])
def test_more_than_five_minutes_before_its_entry_is_late(minute: int, is_late: bool) -> None:
    entered = NOW.replace(second=0)
    assert late(entered.replace(minute=minute), entered) is is_late


def test_late_goes_by_real_time_over_a_change_of_the_clock() -> None:
    before = datetime(2026, 3, 8, 1, 58, tzinfo=ZONE)
    after = datetime(2026, 3, 8, 3, 1, tzinfo=ZONE)
    assert not late(before, after)


GOOD = {"systolic": "128", "diastolic": "78", "heart_rate": "72", "oxygen_saturation": "98"}


class TestVitals:
    def test_a_usual_set_is_taken_with_its_digits(self) -> None:
        found = vitals({**GOOD, "respiratory_rate": "14.0", "sedation": "5", "dissociation": "0"}, confirmed=False)
        assert not found.problems
        assert str(found.amounts["respiratory_rate"]) == "14.0"
        assert found.grades == {"sedation": 5, "dissociation": 0}

    @pytest.mark.parametrize(
        ("field", "text", "words"),
        [
            pytest.param("systolic", "301", "from 30 to 300 mmHg", id="systolic over what can be"),
            pytest.param("systolic", "29", "from 30 to 300", id="systolic under what can be"),
            pytest.param("diastolic", "221", "from 10 to 220", id="diastolic over what can be"),
            pytest.param("diastolic", "128", "not below the systolic", id="diastolic equals systolic"),
            pytest.param("heart_rate", "9", "from 10 to 300", id="heart rate under what can be"),
            pytest.param("oxygen_saturation", "101", "from 30 to 100 %", id="saturation over 100 %"),
            pytest.param("respiratory_rate", "81", "from 0 to 80", id="breathing over what can be"),
            pytest.param("sedation", "6", "from 0 to 5", id="no such sedation"),
            pytest.param("dissociation", "5", "from 0 to 4", id="no such dissociation"),
            pytest.param("systolic", "12o", "Enter a number", id="a letter for a digit"),
        ],
    )
    def test_impossible_values_are_refused_even_when_confirmed(self, field: str, text: str, words: str) -> None:
        found = vitals({**GOOD, field: text}, confirmed=True)
        assert words in found.problems[field]

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("systolic", "201"),
            ("systolic", "79"),
            ("diastolic", "121"),
            ("heart_rate", "151"),
            ("heart_rate", "39"),
            ("oxygen_saturation", "84"),
            ("respiratory_rate", "36"),
            ("respiratory_rate", "5"),
        ],
    )
    def test_unusual_values_are_asked_back_once(self, field: str, text: str) -> None:
        typed = {**GOOD, field: text} | ({"diastolic": "60"} if (field, text) == ("systolic", "79") else {})
        asked = vitals(typed, confirmed=False).problems
        assert list(asked) == [field]
        assert asked[field].startswith(f"Check: {text} ")
        assert asked[field].endswith("Is that right?")
        assert not vitals(typed, confirmed=True).problems

    def test_the_question_reads_as_a_person_would_ask_it(self) -> None:
        assert vitals({**GOOD, "systolic": "240"}, confirmed=False).problems == {
            "systolic": "Check: 240 systolic. Is that right?"
        }

    @pytest.mark.parametrize(
        ("field", "value"),
        [("systolic", "80"), ("systolic", "200"), ("diastolic", "120"), ("heart_rate", "40"), ("heart_rate", "150")],
    )
    def test_the_edges_of_the_usual_are_not_asked_back(self, field: str, value: str) -> None:
        assert not vitals(
            {**GOOD, "diastolic": "60", field: value} if value != "120" else {**GOOD, field: value}, confirmed=False
        ).problems

    def test_one_pressure_without_the_other_is_refused(self) -> None:
        assert "diastolic" in vitals({"systolic": "128"}, confirmed=True).problems
        assert "systolic" in vitals({"diastolic": "78"}, confirmed=True).problems

    def test_a_typo_in_one_pressure_is_told_once(self) -> None:
        assert list(vitals({"systolic": "128", "diastolic": "7x"}, confirmed=False).problems) == ["diastolic"]

    def test_an_empty_set_is_refused(self) -> None:
        assert vitals({"systolic": " "}, confirmed=False).problems == {"systolic": "Enter at least one value."}

    def test_a_grade_alone_is_a_reading(self) -> None:
        assert not vitals({"sedation": "3"}, confirmed=False).problems
