"""How much is taken at a time, and how strong a product is. FHIR R4 Quantity and Ratio; UCUM."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from functools import lru_cache
from typing import NamedTuple

from fhir_mappings.codes.systems import UCUM, canonical_system
from fhir_mappings.reading import elements

MILLIGRAMS = {
    **dict.fromkeys(("mg", "milligram", "milligrams", "mgs"), Decimal(1)),
    **dict.fromkeys(("g", "gram", "grams"), Decimal(1000)),
    **dict.fromkeys(("ug", "mcg", "µg", "μg", "microgram", "micrograms"), Decimal("0.001")),
}
_PIECES = frozenset(
    {"tbl", "tab", "tabs", "tablet", "tablets", "ertab", "ortab", "cap", "caps", "capsule", "capsules", "ercap"}
    | {
        "patch",
        "patches",
        "film",
        "films",
        "lozenge",
        "lozenges",
        "suppository",
        "suppositories",
        "troche",
        "troches",
    }
)
_MILLILITRES = frozenset({"ml", "milliliter", "milliliters", "millilitre", "millilitres"})
_SPRAYS = frozenset({"spray", "sprays", "actuat", "actuation", "actuations", "puff", "puffs"})
_MEASURES = {
    **{name: ("mg", factor) for name, factor in MILLIGRAMS.items()},
    **dict.fromkeys(_PIECES, ("pieces", Decimal(1))),
    **dict.fromkeys(_MILLILITRES, ("millilitres", Decimal(1))),
    **dict.fromkeys(_SPRAYS, ("sprays", Decimal(1))),
}
_DIVIDED, _EXACT = Context(prec=28), Context(prec=120)
_ONE = Decimal(1)
_CENT = Decimal("0.01")
_LEAST, _MOST, _DIGITS = Decimal("0.00001"), 1_000_000, 20


class Dose(NamedTuple):
    """An amount in one of the measures: "mg", "pieces" (tablets, patches, ...), "millilitres", "sprays"."""

    measure: str
    amount: Decimal


def ordinary(value: object) -> Decimal | None:
    """A positive JSON number of ordinary size; None for anything else, since arithmetic could take for ever."""
    number = elements.number(value)
    fits = number is not None and _LEAST <= number <= _MOST and len(number.as_tuple().digits) <= _DIGITS
    return number if fits else None


@lru_cache(maxsize=1024)  # bare numbers, and a chart repeats the same few
def quotient(amount: Decimal, divisor: Decimal) -> Decimal:
    """Exactly where it ends, else rounded down to a hundredth, so that no threshold is reached by rounding."""
    found = _DIVIDED.divide(amount, divisor)
    if _EXACT.multiply(found, divisor) != amount:
        return found.quantize(_CENT, rounding=ROUND_DOWN)
    return plain(found)


def plain(amount: Decimal) -> Decimal:
    """Without zeros at its end, and never as 5E+1."""
    whole = amount.to_integral_value()
    return whole.quantize(_ONE) if whole == amount else amount.normalize()


def read_dose(quantity: object) -> Dose | None:
    """A Quantity as a dose; None where its number or its unit is not surely known. No unit is ever assumed."""
    given = elements.mapping(quantity)
    number = ordinary(given.get("value"))
    if number is None or given.get("comparator") is not None or given.get("modifierExtension"):
        return None
    printed, code = elements.text(given.get("unit")), elements.text(given.get("code"))
    if printed and canonical_system(elements.text(given.get("system"))) not in ("", UCUM):
        code = ""  # of another system: what it means is not known, but what is printed is
    measures = {measure for unit in (code, printed) if unit and (measure := measure_of(unit)) is not None}
    return _dose(number, *measures.pop()) if len(measures) == 1 else None


def in_unit(number: Decimal, unit: str) -> Dose | None:
    """So many of a unit by its UCUM code or its printed name."""
    measure = measure_of(unit)
    return _dose(number, *measure) if measure is not None else None


def _dose(number: Decimal, measure: str, factor: Decimal) -> Dose:
    return Dose(measure, number * factor)


def measure_of(unit: str) -> tuple[str, Decimal] | None:
    """The measure of a unit, and how much of it one is."""
    return _MEASURES.get(unit) or _MEASURES.get(unit.strip("{} ").lower().removesuffix("(s)"))


def strength_of(ratio: object) -> tuple[Decimal, str] | None:
    """Medication.ingredient.strength in mg, for one piece ("MG") or one millilitre ("MG/ML"); else None."""
    found = elements.mapping(ratio)
    numerator, denominator = read_dose(found.get("numerator")), _denominator(found.get("denominator"))
    if numerator is None or numerator.measure != "mg" or denominator is None:
        return None
    unit = {"pieces": "MG", "millilitres": "MG/ML"}.get(denominator.measure)
    return (quotient(numerator.amount, denominator.amount), unit) if unit is not None else None


def _denominator(quantity: object) -> Dose | None:
    """Bare numbers count pieces here: FHIR writes "50 mg in 1" for a tablet."""
    given = elements.mapping(quantity)
    if not given.get("unit") and given.get("code") in (None, "1"):
        number = ordinary(given.get("value"))
        return Dose("pieces", number) if number is not None else None
    return read_dose(quantity)
