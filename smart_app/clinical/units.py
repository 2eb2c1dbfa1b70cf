"""An amount typed with its unit: that of the field is no news, another one is told with its arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

_TYPED = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*([a-zµμ/]{1,8}|%)\.?", re.IGNORECASE)
_SPELT: Mapping[str, str] = MappingProxyType(
    {
        "mg": "mg",
        "g": "g",
        "gram": "g",
        "grams": "g",
        "mcg": "mcg",
        "ug": "mcg",
        "µg": "mcg",
        "μg": "mcg",
        "ml": "mL",
        "cc": "mL",
        "mg/kg": "mg/kg",
        "mcg/kg": "mcg/kg",
        "mg/ml": "mg/mL",
        "kg": "kg",
        "lb": "lb",
        "lbs": "lb",
        "min": "min",
        "%": "%",
    }
)
KILOGRAMS_A_POUND = Decimal("0.45359237")
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What is known of a dose that turns one unit into another; None: not known."""

    kilograms: Decimal | None = None
    concentration: Decimal | None = None  # mg/mL


def unit_problem(text: str, unit: str, factors: Factors) -> str:
    """What is wrong with a number that was typed with a unit into a field of `unit`; empty: no unit was typed."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        return ""
    number, typed = Decimal(found[1]), _SPELT.get(found[2].lower())
    if typed == unit:
        return f"Enter the number alone: this field is in {unit}."
    if typed is None:
        return f"This field is in {unit}. Enter the number alone."
    sum_words = _sum(number, typed, unit, factors)
    return f"This field is in {unit}, not in {typed}.{' ' + sum_words if sum_words else ''} Enter the {unit}."


def _sum(number: Decimal, typed: str, unit: str, factors: Factors) -> str:
    kilograms, concentration = factors.kilograms, factors.concentration
    match typed, unit:
        case "g", "mg":
            return f"{number} g = {plain(number * 1000)} mg."
        case "mcg", "mg":
            return f"{number} mcg = {plain(number / 1000)} mg."
        case "mcg/kg", "mg/kg":
            return f"{number} mcg/kg = {plain(number / 1000)} mg/kg."
        case "lb", "kg":
            return f"{number} lb = {rounded(number * KILOGRAMS_A_POUND)} kg."
        case "mL", "mg" if concentration:
            return f"{number} mL × {plain(concentration)} mg/mL = {plain(number * concentration)} mg."
        case "mg", "mL" if concentration:
            return f"{number} mg ÷ {plain(concentration)} mg/mL = {rounded(number / concentration)} mL."
        case "mg/kg", "mg" if kilograms:
            return f"{number} mg/kg × {kilograms} kg = {plain(number * kilograms)} mg."
        case "mg", "mg/kg" if kilograms:
            return f"{number} mg ÷ {kilograms} kg = {rounded(number / kilograms)} mg/kg."
    return ""


def rounded(amount: Decimal) -> str:
    return plain(amount.quantize(_HUNDREDTH, ROUND_HALF_UP))


def plain(amount: Decimal) -> str:
    """Without trailing zeros and without an exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
