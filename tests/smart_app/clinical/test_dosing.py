"""The sums of a dose, and the amounts at which the form asks back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from smart_app.clinical.dosing import Amounts, dose, fraction_given, volume, warnings
from smart_app.clinical.units import plain

TODAY = date(2026, 11, 23)
USUAL = Amounts(
    mg_per_kg=Decimal("0.5"),
    kilograms=Decimal("82.0"),
    weighed=date(2026, 11, 20),
    planned_mg=Decimal(41),
    given_mg=Decimal(41),
    concentration=Decimal(50),
    volume_ml=Decimal("0.82"),
    minutes=40,
)


def test_a_dose_shows_both_factors_as_typed() -> None:
    calculated = dose(Decimal("0.5"), Decimal("82.0"))
    assert calculated is not None
    assert calculated.words == "0.5 mg/kg × 82.0 kg = 41 mg"
    assert calculated.result == 41


@pytest.mark.parametrize(
    ("rate", "weight", "milligrams"),
    [("0.5", "81.3", "40.65"), ("0.75", "70", "52.5"), ("0.333", "61.7", "20.55"), ("1", "100", "100")],
)
def test_a_dose_is_worked_out_to_a_hundredth(rate: str, weight: str, milligrams: str) -> None:
    calculated = dose(Decimal(rate), Decimal(weight))
    assert calculated is not None
    assert plain(calculated.result) == milligrams


def test_a_sum_needs_both_factors() -> None:
    assert dose(None, Decimal(82)) is None
    assert dose(Decimal("0.5"), None) is None
    assert volume(Decimal(41), None) is None
    assert volume(None, Decimal(50)) is None
    assert volume(Decimal(41), Decimal(0)) is None


def test_a_volume_shows_both_factors() -> None:
    calculated = volume(Decimal(41), Decimal(50))
    assert calculated is not None
    assert calculated.words == "41 mg ÷ 50 mg/mL = 0.82 mL"


def test_a_sum_that_was_rounded_says_so() -> None:
    drawn = volume(Decimal("37.25"), Decimal(50))
    weighed = dose(Decimal("0.5"), Decimal("74.53"))
    assert drawn is not None
    assert weighed is not None
    assert drawn.words == "37.25 mg ÷ 50 mg/mL ≈ 0.75 mL"
    assert weighed.words == "0.5 mg/kg × 74.53 kg ≈ 37.27 mg"


@given(st.decimals(min_value=0, max_value=99999, places=2, allow_nan=False, allow_infinity=False))
def test_plain_digits_never_change_the_amount(value: Decimal) -> None:
    assert Decimal(plain(value)) == value
    assert "E" not in plain(value)


def test_nothing_planned_has_no_fraction() -> None:
    assert fraction_given(Decimal(0), Decimal(41)) is None
    assert fraction_given(Decimal(50), Decimal(40)) == Decimal("0.8")


def test_a_usual_dose_is_not_asked_back() -> None:
    assert warnings(USUAL, PROGRAMMES[Route.IV], on=TODAY) == {}


@pytest.mark.parametrize(
    ("route", "changes", "field", "words"),
    [
        pytest.param(
            Route.IV,
            {"mg_per_kg": Decimal("1.01"), "planned_mg": Decimal("82.82"), "given_mg": None},
            "dose.planned_mg_per_kg",
            "1.01 mg/kg is more than 1 mg/kg",
            id="IV over 1 mg/kg",
        ),
        pytest.param(
            Route.IM,
            {"mg_per_kg": Decimal("1.2"), "planned_mg": None, "given_mg": None},
            "dose.planned_mg_per_kg",
            "more than 1 mg/kg",
            id="IM over 1 mg/kg",
        ),
        pytest.param(
            Route.IV,
            {"mg_per_kg": Decimal(41), "planned_mg": None, "given_mg": None},
            "dose.planned_mg_per_kg",
            "looks like milligrams, not",
            id="milligrams typed as mg/kg",
        ),
        pytest.param(
            Route.IV,
            {"planned_mg": Decimal("0.5"), "given_mg": None},
            "dose.planned_mg",
            "but 0.5 mg are planned",
            id="mg/kg typed as planned milligrams",
        ),
        pytest.param(
            Route.IV,
            {"given_mg": Decimal("0.82")},
            "dose.given_mg",
            "41 mg ÷ 50 mg/mL = 0.82 mL",
            id="mL as given mg",
        ),
        pytest.param(
            Route.IV,
            {"kilograms": Decimal(181)},
            "dose.weight_kg",
            "181 lb would be 82.1 kg",
            id="pounds as kilograms",
        ),
        pytest.param(Route.IV, {"kilograms": Decimal(8)}, "dose.weight_kg", "weight of 8 kg", id="a digit lost"),
        pytest.param(
            Route.IV,
            {"kilograms": Decimal(130), "known_kilograms": Decimal(59), "planned_mg": Decimal(65)},
            "dose.weight_kg",
            "a weight of 130 kg, 59 kg were known. 130 lb would be 58.97 kg",
            id="pounds within the usual kilograms",
        ),
        pytest.param(
            Route.IV,
            {"kilograms": Decimal(41), "known_kilograms": Decimal(82)},
            "dose.weight_kg",
            "a weight of 41 kg, 82 kg were known. Is",
            id="half the known weight",
        ),
        pytest.param(
            Route.IN,
            {"sprays": 3, "mg_per_spray": Decimal(28), "given_mg": Decimal(80), "planned_mg": Decimal(80)},
            "dose.sprays",
            "3 sprays × 28 mg = 84 mg",
            id="sprays that make another dose",
        ),
        pytest.param(
            Route.IN,
            {"mg_per_kg": None, "planned_mg": Decimal("0.5"), "given_mg": None},
            "dose.planned_mg",
            "looks like milligrams per kilogram",
            id="nasal mg/kg typed as milligrams",
        ),
        pytest.param(
            Route.IN,
            {"mg_per_kg": None, "planned_mg": Decimal(201), "given_mg": Decimal(201), "volume_ml": None},
            "dose.given_mg",
            "201 mg is more than 200 mg",
            id="over 200 mg",
        ),
        pytest.param(
            Route.IV, {"minutes": 29}, "dose.ended", "29 minutes is shorter than 30", id="infusion under 30 minutes"
        ),
        pytest.param(
            Route.IV,
            {"given_mg": Decimal(46), "volume_ml": None},
            "dose.given_mg",
            "46 mg given, 41 mg planned",
            id="a tenth more than planned",
        ),
        pytest.param(
            Route.IV,
            {"mg_per_kg": None, "planned_mg": Decimal(90), "given_mg": None},
            "dose.planned_mg",
            "1.1 mg/kg, more than 1 mg/kg",
            id="milligrams that are over 1 mg/kg",
        ),
        pytest.param(
            Route.IV,
            {"volume_ml": Decimal("8.2")},
            "dose.volume_ml",
            "but 8.2 mL is entered",
            id="ten times the volume",
        ),
        pytest.param(
            Route.IV, {"weighed": date(2026, 10, 23)}, "dose.weight_date", "31 days old", id="weight of 31 days"
        ),
        pytest.param(
            Route.IV,
            {"kilograms": None, "weighed": None},
            "dose.weight_date",
            "without a dated weight",
            id="mg/kg without a weight",
        ),
    ],
)
def test_unusual_amounts_are_asked_back(route: Route, changes: dict[str, object], field: str, words: str) -> None:
    found = warnings(replace(USUAL, **changes), PROGRAMMES[route], on=TODAY)  # type: ignore[arg-type]  # a table's row
    assert words in found[field]
    assert found[field].startswith("Check: ")


@pytest.mark.parametrize(
    ("route", "changes"),
    [
        pytest.param(
            Route.IV,
            {"mg_per_kg": Decimal(1), "planned_mg": Decimal(82), "given_mg": Decimal(82), "volume_ml": None},
            id="1 mg/kg",
        ),
        pytest.param(Route.IV, {"minutes": 30}, id="30 minutes"),
        pytest.param(
            Route.IN,
            {"mg_per_kg": None, "planned_mg": Decimal(200), "given_mg": Decimal(200), "volume_ml": None},
            id="200 mg",
        ),
        pytest.param(Route.IV, {"weighed": date(2026, 10, 24)}, id="weight of 30 days"),
        pytest.param(Route.IV, {"given_mg": Decimal("45.1"), "volume_ml": None}, id="a tenth more"),
        pytest.param(Route.IV, {"given_mg": Decimal(20), "volume_ml": None}, id="half of the dose"),
        pytest.param(Route.IM, {"minutes": 0}, id="an injection takes no time"),
        pytest.param(Route.IV, dict.fromkeys(Amounts.__slots__), id="nothing entered"),
    ],
)
def test_the_edges_are_not_asked_back(route: Route, changes: dict[str, object]) -> None:
    assert warnings(replace(USUAL, **changes), PROGRAMMES[route], on=TODAY) == {}  # type: ignore[arg-type]  # a table's row
