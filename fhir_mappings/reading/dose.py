"""How much is taken at a time, and how strong a product is. FHIR R4 Quantity and Ratio; UCUM."""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from fhir_mappings.codes.systems import UCUM, canonical_system
from fhir_mappings.reading import elements

MILLIGRAMS = {
    **dict.fromkeys(("mg", "milligram", "milligrams", "mgs"), Fraction(1)),
    **dict.fromkeys(("g", "gram", "grams"), Fraction(1000)),
    **dict.fromkeys(("ug", "mcg", "µg", "μg", "microgram", "micrograms"), Fraction(1, 1000)),
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
_CONTEXT = Context(prec=28)


class Dose(NamedTuple):
    """An amount in one of the measures: "mg", "pieces" (tablets, patches, ...), "millilitres", "sprays"."""

    measure: str
    amount: Fraction


def exact(number: Decimal) -> Fraction | None:
    """A positive number of ordinary size; None for any other, since arithmetic with it could take for ever."""
    ordinary = Decimal("0.00001") <= number <= 1_000_000 and len(number.as_tuple().digits) <= 20
    return Fraction(number) if ordinary else None


def to_decimal(amount: Fraction) -> Decimal:
    """Exactly where it ends, else rounded down to a hundredth, so that no threshold is reached by rounding."""
    value = _CONTEXT.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    if Fraction(value) != amount:
        value = value.quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return Decimal(format(value.normalize(), "f"))


def read_dose(quantity: object) -> Dose | None:
    """A Quantity as a dose; None where its number or its unit is not surely known. No unit is ever assumed."""
    given = elements.mapping(quantity)
    number = elements.number(given.get("value"))
    if number is None or given.get("comparator") is not None or given.get("modifierExtension"):
        return None
    coded = canonical_system(elements.text(given.get("system"))) in ("", UCUM) or not given.get("unit")
    units = [elements.text(given.get("code")) if coded else "", elements.text(given.get("unit"))]
    doses = {dose for unit in units if unit and (dose := in_unit(number, unit)) is not None}
    return doses.pop() if len(doses) == 1 else None


def in_unit(number: Decimal, unit: str) -> Dose | None:
    """So many of a unit by its UCUM code or its printed name."""
    amount, name = exact(number), unit.strip("{} ").lower().removesuffix("(s)")
    if amount is None:
        return None
    if name in MILLIGRAMS:
        return Dose("mg", amount * MILLIGRAMS[name])
    for measure, names in (("pieces", _PIECES), ("millilitres", _MILLILITRES), ("sprays", _SPRAYS)):
        if name in names:
            return Dose(measure, amount)
    return None


def strength_of(ratio: object) -> tuple[Decimal, str] | None:
    """Medication.ingredient.strength in mg, for one piece ("MG") or one millilitre ("MG/ML"); else None."""
    found = elements.mapping(ratio)
    numerator, denominator = read_dose(found.get("numerator")), _denominator(found.get("denominator"))
    if numerator is None or numerator.measure != "mg" or denominator is None:
        return None
    unit = {"pieces": "MG", "millilitres": "MG/ML"}.get(denominator.measure)
    return (to_decimal(numerator.amount / denominator.amount), unit) if unit is not None else None


def _denominator(quantity: object) -> Dose | None:
    """Bare numbers count pieces here: FHIR writes "50 mg in 1" for a tablet."""
    given = elements.mapping(quantity)
    if not given.get("unit") and given.get("code") in (None, "1"):
        number = elements.number(given.get("value"))
        amount = exact(number) if number is not None else None
        return Dose("pieces", amount) if amount is not None else None
    return read_dose(quantity)
