"""Quantity to an amount in the unit that is asked for. Never assumes a unit. FHIR R4 Quantity; UCUM."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from fhir_mappings.codes.systems import UCUM, canonical_system
from fhir_mappings.reading import elements

MILLIMETRES_OF_MERCURY = {"mm[Hg]": Decimal(1), "kPa": Decimal("7.50062")}
KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "[lb_av]": Decimal("0.45359237")}
ENZYME_UNITS = {
    "U/L": Decimal(1),
    "IU/L": Decimal(1),
    "[IU]/L": Decimal(1),
    "[iU]/L": Decimal(1),
    "ukat/L": Decimal(60),
}

_UCUM = (UCUM, None, "")
# Printed units that stand for a UCUM code where no code is given; the reading is flagged.
_PRINTED = {
    "mmhg": "mm[Hg]",
    "mm hg": "mm[Hg]",
    "mm[hg]": "mm[Hg]",
    "kpa": "kPa",
    "kg": "kg",
    "g": "g",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "u/l": "U/L",
    "iu/l": "U/L",
    "units/l": "U/L",
}


class Amount(NamedTuple):
    """A converted amount, or the reason why there is none. `note` flags a unit that was printed, not coded."""

    value: Decimal | None = None
    problem: str | None = None
    note: str | None = None


def amount(quantity: Any, units: Mapping[str, Decimal]) -> Amount:
    """The amount of a Quantity in the first unit of `units` (code -> factor)."""
    quantity = elements.mapping(quantity)
    number = elements.number(quantity.get("value"))
    if number is None:
        return Amount(problem="the value is not a number")
    if quantity.get("comparator") is not None:
        return Amount(problem="the value has a comparator")
    if quantity.get("modifierExtension"):
        return Amount(problem="the value carries a modifier the app does not know")
    if not (isinstance(quantity.get("code", ""), str) and isinstance(quantity.get("system", ""), str)):
        return Amount(problem="the unit is not readable")
    code, note = quantity.get("code"), None
    if code not in units or quantity.get("system") not in _UCUM:  # not as nearly all of them are
        code, note = _unit(quantity)
    if code not in units:
        return Amount(problem="the unit is missing" if not code else "the unit is not one the app converts")
    return Amount(value=number * units[code], note=note)


def _unit(quantity: elements.Json) -> tuple[str, str | None]:
    code, system = elements.text(quantity.get("code")), elements.text(quantity.get("system"))
    if code and (not system or canonical_system(system) == UCUM):
        return code, None
    if code:
        return "", None  # a code of another system: what it means is not known
    known = _PRINTED.get(elements.text(quantity.get("unit")).lower(), "")
    return known, "unit printed, not coded" if known else None
