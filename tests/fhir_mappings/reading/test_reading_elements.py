"""Dates, numbers, quantities and references of FHIR, as they come and as they come damaged (security 2.6)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import PartialDate
from fhir_mappings.reading import elements
from fhir_mappings.reading.quantity import KILOGRAMS, MILLIMETRES_OF_MERCURY, amount

DATES = [
    ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
    ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
    ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
    ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
    ("2026-11-23T23:59:59-06:00", date(2026, 11, 23), date(2026, 11, 23)),
    ("2026-11-23T00:00:00.123456789+14:00", date(2026, 11, 23), date(2026, 11, 23)),
    ("2016-12-31T23:59:60Z", date(2016, 12, 31), date(2016, 12, 31)),
    ("2026-11-23T10:00", date(2026, 11, 23), date(2026, 11, 23)),
]


@pytest.mark.parametrize(("text", "first", "last"), DATES, ids=[row[0] for row in DATES])
def test_dates_keep_their_precision(text: str, first: date, last: date) -> None:
    found = elements.partial_date(text, "onset")
    assert found is not None
    assert (found.text, found.first, found.last) == (text, first, last)
    assert found.exact is (first == last)
    assert (found.instant is not None) is text.endswith(("Z", "-06:00", "+14:00"))


def test_an_instant_keeps_its_offset_and_orders_by_local_time() -> None:
    found = elements.partial_date("2026-11-23T09:30:00-06:00", "onset")
    assert found is not None
    assert found.instant == datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
    assert found.sort_key == datetime(2026, 11, 23, 9, 30)  # noqa: DTZ001 - the local time is what is tested
    month = elements.partial_date("2026-11", "onset")
    assert month is not None
    assert month.sort_key.date() == date(2026, 11, 30)


@pytest.mark.parametrize(
    "value",
    ["", " ", "2026-13", "2026-02-31", "0000-00-00", "10000-01-01", "26-01-01", "2026-11-23T25:00:00Z", "9999-12",
     "2026-11-23T10:00:00+15:00", "2026-11-23T10:00:00+10:60", "2026-11-23 10:00", "1899-12-31", "٢٠٢٦-١١-٢٣",
     "yesterday", 5, 2026, True, [], {}, Decimal(1), "2026-11-23T24:00:00Z", "2026-11-23\n"],
    ids=repr,
)  # fmt: skip
def test_what_is_no_date_is_unreadable_and_named_without_its_content(value: Any) -> None:
    with pytest.raises(elements.Unreadable) as caught:
        elements.partial_date(value, "onsetDateTime")
    assert str(caught.value) == "onsetDateTime is not a date"


def test_an_absent_date_is_none() -> None:
    assert elements.partial_date(None, "onset") is None
    assert elements.when({}, "onset") is None
    assert elements.when({"onsetPeriod": "x"}, "onset") is None


def day(text: str) -> PartialDate:
    found = elements.partial_date(text, "x")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("resource", "first", "last"),
    [
        ({"onsetDateTime": "2026-01-02"}, date(2026, 1, 2), date(2026, 1, 2)),
        ({"onsetInstant": "2026-01-02T00:00:00Z"}, date(2026, 1, 2), date(2026, 1, 2)),
        ({"onsetPeriod": {"start": "2026-01-02", "end": "2026-03"}}, date(2026, 1, 2), date(2026, 3, 31)),
        ({"onsetPeriod": {"start": "2026-01-02"}}, date(2026, 1, 2), date(2026, 1, 2)),
        ({"onsetPeriod": {"end": "2026-01-02"}}, date(2026, 1, 2), date(2026, 1, 2)),
        ({"onsetPeriod": {"start": "2026-01-02", "end": "2025-01-01"}}, date(2026, 1, 2), date(2026, 1, 2)),
    ],
)
def test_choices_of_time(resource: dict[str, Any], first: date, last: date) -> None:
    found = elements.when(resource, "onset")
    assert found is not None
    assert (found.first, found.last) == (first, last)


@pytest.mark.parametrize(
    ("text", "may", "surely"),
    [
        ("2026-11-23", True, True),
        ("2026-10-24", True, True),
        ("2026-10-23", False, False),
        ("2026-10", True, False),
        ("2026-11", True, False),
        ("2026-12", False, False),
        ("2026-11-24", False, False),
        ("2026", True, False),
        ("2026-09", False, False),
    ],
)
def test_windows_include_their_limits_and_no_future(text: str, *, may: bool, surely: bool) -> None:
    today = date(2026, 11, 23)
    assert day(text).may_be_within(30, today) is may
    assert day(text).surely_within(30, today) is surely
    assert day(text).after(today) is (day(text).first > today)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (120, Decimal(120)),
        (Decimal("1.10"), Decimal("1.10")),
        (1.5, Decimal("1.5")),
        (Decimal("-0.0"), Decimal("-0.0")),
        (True, None),
        ("120", None),
        (float("nan"), None),
        (float("inf"), None),
        (Decimal("NaN"), None),
        (Decimal("Infinity"), None),
        (None, None),
        ([], None),
    ],
    ids=repr,
)
def test_numbers(value: Any, expected: Decimal | None) -> None:
    found = elements.number(value)
    assert found == expected
    assert str(found) == str(expected)


def test_a_huge_number_is_a_number() -> None:
    assert elements.number(10**5000) == Decimal(10) ** 5000
    assert elements.number(Decimal("1e400")) == Decimal("1e400")


@pytest.mark.parametrize(
    ("quantity", "value", "flagged"),
    [
        ({"value": 120, "code": "mm[Hg]", "system": "http://unitsofmeasure.org"}, Decimal(120), False),
        ({"value": 120, "code": "mm[Hg]"}, Decimal(120), False),
        ({"value": 16, "code": "kPa", "system": "urn:oid:2.16.840.1.113883.6.8"}, None, False),
        ({"value": 16, "code": "kPa"}, Decimal("120.00992"), False),
        ({"value": 120, "unit": " mm Hg "}, Decimal(120), True),
        ({"value": 120, "unit": "torr"}, None, False),
        ({"value": 120}, None, False),
        ({"value": 120, "code": 5, "unit": "mmHg"}, None, False),
        ({"value": 120, "code": "mm[Hg]", "comparator": ">"}, None, False),
        ({"value": 120, "code": "mm[Hg]", "modifierExtension": [{}]}, None, False),
        ({"value": "120", "code": "mm[Hg]"}, None, False),
        ("120", None, False),
        (None, None, False),
    ],
)
def test_quantities_are_never_given_a_unit(quantity: Any, value: Decimal | None, *, flagged: bool) -> None:
    found = amount(quantity, MILLIMETRES_OF_MERCURY)
    assert found.value == value
    assert (found.problem is None) is (value is not None)
    assert (found.note is not None) is flagged


def test_weights_are_converted() -> None:
    assert amount({"value": 100, "code": "[lb_av]"}, KILOGRAMS).value == Decimal("45.359237")
    assert amount({"value": 70000, "code": "g"}, KILOGRAMS).value == Decimal(70)
    assert amount({"value": 70, "code": "mm[Hg]"}, KILOGRAMS).value is None


def test_references_and_codes_of_odd_shapes() -> None:
    assert elements.reference_of({"resourceType": "Patient", "id": "1"}) == "Patient/1"
    assert elements.reference_of({"resourceType": "Patient", "id": 1}) == "Patient"
    assert (
        elements.versioned_reference({"resourceType": "A", "id": "1", "meta": {"versionId": "2"}}) == "A/1/_history/2"
    )
    assert elements.versioned_reference({"resourceType": "A", "id": "1", "meta": []}) == "A/1"
    assert elements.code_values({"coding": {"code": " Active "}}) == {"active"}
    assert elements.code_values([{"coding": [{"code": 5}, "x"]}, None, 5]) == frozenset()
    assert elements.objects([{}, 1, None]) == [{}]
    assert elements.mapping([]) == {}
    assert elements.text(5) == ""


def test_offsets_at_the_ends_of_time_do_not_overflow() -> None:
    far = [day("9999-12-31T23:59:59-14:00"), day("1900-01-01T00:00:00+14:00")]
    assert far[0].instant is not None
    assert far[1].instant is not None
    assert far[1].instant < far[0].instant
    assert far[0].instant - far[1].instant > timedelta(days=365 * 8000)
    assert far[1].instant.astimezone(timezone(timedelta(hours=14))).year == 1900
