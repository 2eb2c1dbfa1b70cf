"""Dates, times, ages and names as the pages write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from smart_app.pages import wording


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1986-03-04", "04 Mar 1986"),
        ("1986-03", "Mar 1986"),
        ("1986", "1986"),
        ("2026-11-19T14:02:00-06:00", "19 Nov 2026"),
        ("2026-13", "2026-13"),
        ("soon", "soon"),
        ("", "not recorded"),
        (None, "not recorded"),
    ],
)
def test_a_date_keeps_the_precision_it_has(text: str | None, words: str) -> None:
    assert wording.partial_day(text) == words


@pytest.mark.parametrize(
    ("born", "today", "age"),
    [
        ("1986-03-04", date(2026, 3, 3), "(39 y)"),
        ("1986-03-04", date(2026, 3, 4), "(40 y)"),
        ("2000-02-29", date(2026, 2, 28), "(25 y)"),
        ("2000-02-29", date(2026, 3, 1), "(26 y)"),
        ("1986-03", date(2026, 3, 4), ""),
        ("2027-01-01", date(2026, 3, 4), ""),
        (None, date(2026, 3, 4), ""),
    ],
    ids=["day before", "birthday", "leap day, before", "leap day, after", "partial", "not born yet", "unknown"],
)
def test_an_age_is_only_said_where_it_is_known(born: str | None, today: date, age: str) -> None:
    assert wording.age(born, today) == age


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        (UTC, "UTC"),
        (timezone(timedelta(hours=-5)), "UTC−5"),
        (timezone(timedelta(hours=5, minutes=30)), "UTC+5:30"),
        (timezone(timedelta(hours=-3, minutes=-30)), "UTC−3:30"),
    ],
)
def test_the_offset_is_said_in_hours(zone: timezone, words: str) -> None:
    assert wording.offset(datetime(2026, 11, 23, 12, tzinfo=zone)) == words


@pytest.mark.parametrize(("kilograms", "pounds"), [("82.0", "181 lb"), ("", ""), ("x", ""), ("NaN", ""), ("1e9", "")])
def test_a_weight_is_also_said_in_pounds(kilograms: str, pounds: str) -> None:
    assert wording.pounds(kilograms) == pounds


def test_the_family_name_comes_first_and_in_capitals() -> None:
    made = wording.banner({"family": "de la Cruz", "given": ["Ana", "María"]}, date(2026, 1, 1))
    assert made.name == "DE LA CRUZ, Ana María"


def test_an_empty_person_is_not_blank() -> None:
    made = wording.banner({}, date(2026, 1, 1))
    assert (made.name, made.born, made.sex, made.mrn) == ("Name not recorded",) + ("not recorded",) * 3
    assert made.allergies == "Could not load allergies"
