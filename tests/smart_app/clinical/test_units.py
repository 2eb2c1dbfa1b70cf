"""A wrong unit cannot be entered unnoticed: it is named, with what the number would be in the field's own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_app.clinical.units import Factors, unit_problem

KNOWN = Factors(kilograms=Decimal("82.0"), concentration=Decimal(50))


@pytest.mark.parametrize(
    ("typed", "unit", "words"),
    [
        ("41 mL", "mg", "This field is in mg, not in mL. 41 mL × 50 mg/mL = 2050 mg. Enter the mg."),
        ("0.5 g", "mg", "This field is in mg, not in g. 0.5 g = 500 mg. Enter the mg."),
        ("500 mcg", "mg", "This field is in mg, not in mcg. 500 mcg = 0.5 mg. Enter the mg."),
        ("500µg", "mg", "This field is in mg, not in mcg. 500 mcg = 0.5 mg. Enter the mg."),
        ("0.5 mg/kg", "mg", "This field is in mg, not in mg/kg. 0.5 mg/kg × 82.0 kg = 41 mg. Enter the mg."),
        ("41 mg", "mg/kg", "This field is in mg/kg, not in mg. 41 mg ÷ 82.0 kg = 0.5 mg/kg. Enter the mg/kg."),
        ("41 mg", "mL", "This field is in mL, not in mg. 41 mg ÷ 50 mg/mL = 0.82 mL. Enter the mL."),
        ("500 mcg/kg", "mg/kg", "This field is in mg/kg, not in mcg/kg. 500 mcg/kg = 0.5 mg/kg. Enter the mg/kg."),
        ("181 lbs", "kg", "This field is in kg, not in lb. 181 lb = 82.1 kg. Enter the kg."),
        ("2 cc", "mg", "This field is in mg, not in mL. 2 mL × 50 mg/mL = 100 mg. Enter the mg."),
        ("41 mg", "mg", "Enter the number alone: this field is in mg."),
        ("41 MG.", "mg", "Enter the number alone: this field is in mg."),
        ("41 units", "mg", "This field is in mg. Enter the number alone."),
    ],
)
def test_another_unit_is_told_with_its_arithmetic(typed: str, unit: str, words: str) -> None:
    assert unit_problem(typed, unit, KNOWN) == words


def test_without_the_factor_the_unit_alone_is_told() -> None:
    assert unit_problem("41 mL", "mg", Factors()) == "This field is in mg, not in mL. Enter the mg."


@pytest.mark.parametrize("typed", ["41", "0.50", "", "soon", "41 mg or so", "4 1"])
def test_what_has_no_unit_is_somebody_elses_to_judge(typed: str) -> None:
    assert unit_problem(typed, "mg", KNOWN) == ""


@given(st.decimals(1, 99999, places=3), st.sampled_from(["g", "mcg", "mL", "mg/kg", "mg", "kg", "%"]))
def test_no_unit_is_ever_taken_in_silence(number: Decimal, unit: str) -> None:
    assert unit_problem(f"{number} {unit}", "mg", KNOWN)
    assert unit_problem(f"{number}{unit}", "mL", Factors())
