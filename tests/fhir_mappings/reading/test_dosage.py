"""Dosages to milligrams a day: structured, coded and in plain words; what is not surely known is no dose."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.codes.medicines import Part
from fhir_mappings.reading.dosage import read_dosages
from fhir_mappings.reading.sig import strength_in

Json = dict[str, Any]

SERTRALINE = frozenset({"sertraline"})
TABLET = (Part("sertraline", Decimal(50), "MG"),)
DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}


def mg(value: Any, **changes: Any) -> Json:
    return {"value": value, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"} | changes


def a_dosage(quantity: Json | None = None, timing: Json | None = DAILY, /, **changes: Any) -> Json:
    given = {"doseAndRate": [{"doseQuantity": quantity or mg(50)}], "timing": timing} | changes
    return {name: value for name, value in given.items() if value is not None}


def a_repeat(**repeat: Any) -> Json:
    return a_dosage(mg(50), {"repeat": repeat})


def dose(*dosages: Json, parts: tuple[Part, ...] = (), form: str = "") -> str | None:
    """Milligrams of sertraline a day; None: not known."""
    found = dict(read_dosages(dosages, SERTRALINE, parts, form).daily_mg)
    return str(found["sertraline"]) if found else None


def is_as_needed(*dosages: Json) -> bool:
    return read_dosages(dosages, SERTRALINE, TABLET, "oral").as_needed


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "d"}, "50"),
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, "100"),
        ({"period": 1, "periodUnit": "d"}, "50"),
        ({"frequency": 1, "period": 12, "periodUnit": "h"}, "100"),
        ({"frequency": 1, "period": 2, "periodUnit": "d"}, "25"),
        ({"frequency": 1, "period": 1, "periodUnit": "wk"}, "7.14"),
        ({"frequency": 1, "frequencyMax": 3, "period": 1, "periodUnit": "d"}, "50"),
        ({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}, "200"),
        ({"frequency": 3, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "wed", "fri"]}, "21.42"),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "tue", "wed"]}, "21.42"),
        ({"dayOfWeek": ["mon"]}, "7.14"),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, "100"),
        ({"when": ["HS"]}, "50"),
        ({"when": ["MORN", "EVE"]}, "100"),
        ({"when": ["PC"]}, None),
        ({"frequency": 1, "period": 1}, None),
        ({"frequency": 0, "period": 1, "periodUnit": "d"}, None),
        ({"frequency": "1", "period": 1, "periodUnit": "d"}, None),
        ({"frequency": 1, "period": 0, "periodUnit": "d"}, None),
        ({"frequency": 1, "period": -1, "periodUnit": "d"}, None),
        ({"frequency": 1, "period": 1, "periodUnit": "fortnight"}, None),
        ({"frequency": 1, "period": 1, "periodUnit": ["d"]}, None),
        ({"frequency": 1, "period": 1, "periodUnit": "s"}, None),
        ({"frequency": 1, "period": Decimal("1e-999999"), "periodUnit": "d"}, None),
        ({"count": 1, "frequency": 1, "period": 1, "periodUnit": "d"}, None),
        ({}, None),
    ],
)
def test_how_often(repeat: Json, expected: str | None) -> None:
    assert dose(a_repeat(**repeat)) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("QD", "50"), ("AM", "50"), ("PM", "50"), ("BED", "50"), ("BID", "100"), ("tid", "150"), ("QID", "200"),
        ("QOD", "25"), ("Q4H", "300"), ("Q6H", "200"), ("Q12H", "100"), ("Q0H", None), ("WK", "7.14"),
        ("SOMETIMES", None),
    ],
)  # fmt: skip
def test_how_often_by_code(code: str, expected: str | None) -> None:
    assert dose(a_dosage(mg(50), {"code": {"coding": [{"system": "urn:any", "code": code}]}})) == expected
    assert dose(a_dosage(mg(50), {"code": {"text": code}})) == expected


def test_codes_that_contradict_each_other_say_nothing() -> None:
    codings = [{"system": "urn:any", "code": "BID"}, {"system": "urn:any", "code": "TID"}]
    assert dose(a_dosage(mg(50), {"code": {"coding": codings}})) is None


def test_a_repeat_that_cannot_be_read_is_not_replaced_by_a_code() -> None:
    timing = {"repeat": {"frequency": "?", "period": 1, "periodUnit": "d"}, "code": {"text": "BID"}}
    assert dose(a_dosage(mg(50), timing)) is None


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (mg(50), "50"),
        (mg(Decimal("12.5")), "12.5"),
        ({"value": 50, "unit": "mg"}, "50"),
        ({"value": 50, "unit": "milligrams"}, "50"),
        (mg(1, code="g", unit="g"), "1000"),
        (mg(500, code="ug", unit="ug"), "0.5"),
        ({"value": 500, "unit": "mcg"}, "0.5"),
        ({"value": 2, "unit": "tablet"}, "100"),
        ({"value": 1, "unit": "Tablet(s)"}, "50"),
        ({"value": 1, "code": "{tbl}", "system": "http://unitsofmeasure.org"}, "50"),
        ({"value": 1, "unit": "TAB", "code": "TAB", "system": "urn:forms"}, "50"),
        ({"value": 1, "unit": "capsule"}, "50"),
        ({"value": Decimal("0.5"), "unit": "tab"}, "25"),
        ({"value": 1}, None),
        ({"value": 50}, None),
        ({"value": 50, "unit": "mg", "code": "{tbl}"}, None),
        ({"value": 50, "unit": "unit"}, None),
        ({"value": 5, "unit": "mL"}, None),
        (mg(50, comparator="<"), None),
        (mg(50, modifierExtension=[{"url": "urn:x"}]), None),
        (mg("50"), None),
        (mg(0), None),
        (mg(-50), None),
        (mg(Decimal("1e999999")), None),
        (mg(10**9), None),
        (mg(None), None),
    ],
)
def test_what_is_taken_at_a_time(quantity: Json, expected: str | None) -> None:
    assert dose(a_dosage(quantity), parts=TABLET) == expected


@pytest.mark.parametrize(
    ("part", "quantity", "timing", "expected"),
    [
        (Part("sertraline", Decimal(20), "MG/ML"), {"value": 5, "unit": "mL"}, DAILY, "100"),
        (Part("sertraline", Decimal("0.25"), "MG/HR"), {"value": 1, "unit": "patch"}, DAILY, "6"),
        (
            Part("sertraline", Decimal("0.25"), "MG/HR"),
            {"value": 1, "unit": "patch"},
            {"code": {"text": "BID"}},
            None,
        ),
        (Part("sertraline", Decimal(28), "MG/ACTUAT"), {"value": 2, "unit": "spray"}, DAILY, "56"),
        (Part("sertraline", Decimal(20), "MG/ML"), {"value": 1, "unit": "tablet"}, DAILY, None),
        (Part("sertraline"), {"value": 1, "unit": "tablet"}, DAILY, None),
    ],
)
def test_strength_times_quantity(part: Part, quantity: Json, timing: Json, expected: str | None) -> None:
    assert dose(a_dosage(quantity, timing), parts=(part,)) == expected


def test_a_patch_by_its_rate() -> None:
    rate = {"doseAndRate": [{"rateQuantity": {"value": 6, "unit": "mg/24h"}}]}
    assert dose(rate, form="transdermal") == "6"
    assert dose(rate, form="injection") is None


def test_of_a_range_the_lower_end_counts() -> None:
    assert dose(a_dosage(doseAndRate=[{"doseRange": {"low": mg(25), "high": mg(100)}}])) == "25"
    assert dose(a_dosage(doseAndRate=[{"doseRange": {"high": mg(100)}}])) is None
    assert dose(a_dosage(doseAndRate=[{"doseQuantity": mg(100)}, {"doseQuantity": mg(50)}])) == "50"
    assert dose(a_dosage(doseAndRate=[{"doseQuantity": mg(100)}, {"doseQuantity": {"value": 1}}])) is None


def test_dosages_of_one_number_add_up_and_others_follow_each_other() -> None:
    low, high = a_dosage(mg(50), sequence=1), a_dosage(mg(100), sequence=2)
    assert dose(low, high) == "100"
    assert dose(low, high | {"sequence": 1}) == "150"
    assert dose(a_dosage(mg(50)), a_dosage(mg(100))) == "100"
    assert dose(a_repeat(when=["MORN"]), a_repeat(when=["EVE"])) == "100"
    assert dose(a_repeat(when=["MORN"]), a_repeat(when=["MORN"])) == "50"


def test_doses_as_needed_count_only_alone() -> None:
    regular, needed = a_dosage(mg(50)), a_dosage(mg(200), asNeededBoolean=True)
    assert (dose(regular, needed), is_as_needed(regular, needed)) == ("50", False)
    assert (dose(needed), is_as_needed(needed)) == ("200", True)
    assert is_as_needed({"asNeededCodeableConcept": {"text": "pain"}})
    assert is_as_needed({"text": "1 tablet at bedtime PRN sleep"})
    assert not is_as_needed()


def test_a_modifier_or_a_flood_of_dosages_is_no_dose() -> None:
    assert dose(a_dosage(modifierExtension=[{"url": "urn:x"}])) is None
    assert dose(*[a_dosage()] * 51) is None


def test_a_combination_is_dosed_by_its_strengths_only() -> None:
    both = frozenset({"fluoxetine", "olanzapine"})
    parts = (Part("fluoxetine", Decimal(25), "MG"), Part("olanzapine", Decimal(6), "MG"))
    assert read_dosages([a_dosage({"value": 2, "unit": "capsule"})], both, parts, "oral").daily_mg == (
        ("fluoxetine", Decimal(50)),
        ("olanzapine", Decimal(12)),
    )
    assert read_dosages([a_dosage(mg(50))], both, parts, "oral").daily_mg == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Take 1 tablet (50 mg total) by mouth daily.", "50"),
        ("Take 2 tablets (100 mg total) by mouth daily", "100"),
        ("50 mg daily", "50"),
        ("20mg once daily", "20"),
        ("1 tablet twice a day", "100"),
        ("Take one tablet by mouth every morning with food", "50"),
        ("Take 1 capsule by mouth 2 times a day", "100"),
        ("1 tab PO BID", "100"),
        ("25 mg at bedtime", "25"),
        ("50 mg once daily at bedtime", "50"),
        ("25 mg every 12 hours", "50"),
        ("50 mg every other day", "25"),
        ("90 mg weekly", "12.85"),
        ("50 mg daily as needed for anxiety", "50"),
        ("50 mg daily for 2 weeks, then 100 mg daily", None),
        ("Do not take 50 mg daily", None),
        ("1-2 tablets daily", None),
        ("take 1 po daily", "50"),
        ("1 po bid", "100"),
        ("Take 1 tablet (150 mg total) by mouth 2 (two) times daily", "300"),
        ("Take 1 tablet by mouth 2 (three) tablets daily", None),
        ("50 daily", None),
        ("5 ml daily", None),
        ("as directed", None),
        ("50 mg", None),
        ("daily", None),
        ("", None),
        ("50 mg daily" + "." * 300, None),
    ],
)
def test_plain_words(text: str, expected: str | None) -> None:
    assert dose({"text": text}, parts=TABLET) == expected


def test_words_fill_in_what_the_structure_leaves_open() -> None:
    assert dose({"text": "Take 1 tablet by mouth daily", "doseAndRate": [{"doseQuantity": mg(50)}]}) == "50"
    assert dose({"text": "twice daily", "doseAndRate": [{"doseQuantity": mg(50)}]}) == "100"
    assert dose({"text": "100 mg daily", "doseAndRate": [{"doseQuantity": mg(50)}], "timing": DAILY}) == "50"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["sertraline 50 MG Oral Tablet"], ("50", "MG")),
        (["sertraline 50 MG Oral Tablet", "Zoloft 50 mg tablet"], ("50", "MG")),
        (["sertraline 50 MG Oral Tablet", "Zoloft 100 mg tablet"], None),
        (["sertraline 20 mg/mL oral concentrate"], ("20", "MG/ML")),
        (["sertraline 100 mg/5 mL"], ("20", "MG/ML")),
        (["6 mg/24 hr patch"], ("0.25", "MG/HR")),
        (["sertraline 1,000 mg"], None),
        (["sertraline 25-50 mg"], None),
        (["levothyroxine 25 mcg"], ("0.025", "MG")),
        (["sertraline"], None),
    ],
)
def test_strength_in_words(texts: list[str], expected: tuple[str, str] | None) -> None:
    found = [(str(part.strength), part.unit) for part in strength_in(texts, SERTRALINE)]
    assert found == ([expected] if expected else [])


def test_a_strength_in_words_speaks_for_a_single_ingredient() -> None:
    assert strength_in(["25 mg"], frozenset({"fluoxetine", "olanzapine"})) == ()
