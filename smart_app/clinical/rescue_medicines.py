"""Medicines given during a session against what the dose did, with RxNorm ingredient codes where one was verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueMedicine:
    """`code` is RxNorm's, of the value sets of medicines. `usual` in `unit`: more or less is asked back."""

    words: str
    code: str | None = None
    unit: str = "mg"
    usual: tuple[Decimal, Decimal] | None = None
    sedates: bool = False  # sedation is recorded after it


def _usual(least: str, greatest: str) -> tuple[Decimal, Decimal]:
    return Decimal(least), Decimal(greatest)


# Clinical README 4. The usual amounts are working proposals for one dose of an adult, never orders.
RESCUE: Mapping[str, RescueMedicine] = MappingProxyType(
    {
        "labetalol": RescueMedicine(words="Labetalol", code="6185", usual=_usual("5", "80")),
        "hydralazine": RescueMedicine(words="Hydralazine", code="5470", usual=_usual("5", "40")),
        "clonidine": RescueMedicine(words="Clonidine", code="2599", usual=_usual("0.05", "0.3")),
        "ondansetron": RescueMedicine(words="Ondansetron", code="26225", usual=_usual("2", "8")),
        "midazolam": RescueMedicine(words="Midazolam", code="6960", usual=_usual("0.5", "5"), sedates=True),
        "oxygen": RescueMedicine(words="Oxygen", unit="L/min", usual=_usual("1", "15")),
        "other": RescueMedicine(words="Other"),
    }
)
GREATEST = Decimal(10000)  # in any unit: more is a slip of the finger
# As it is chosen on the page -> UCUM, and how many of it are one of the table's unit.
UNITS: Mapping[str, str] = MappingProxyType({"mg": "mg", "mcg": "ug", "g": "g", "mL": "mL", "L/min": "L/min"})
_IN_MG: Mapping[str, Decimal] = MappingProxyType({"mg": Decimal(1), "mcg": Decimal("0.001"), "g": Decimal(1000)})
ROUTES: Mapping[str, str] = MappingProxyType(
    {
        "IV": "Intravenous",
        "IM": "Intramuscular",
        "PO": "By mouth",
        "SL": "Sublingual",
        "IN": "Intranasal",
        "inhaled": "Inhaled",
    }
)


def amount_question(key: str, amount: Decimal, unit: str) -> str:
    """Asks back an amount that is not usual, or a unit that this medicine is not given in; empty: nothing to ask."""
    medicine = RESCUE[key]
    if medicine.usual is None:
        return ""
    if medicine.unit == "mg" and unit in _IN_MG:
        in_unit = amount * _IN_MG[unit]
    elif unit == medicine.unit:
        in_unit = amount
    else:
        return f"Check: {medicine.words.lower()} in {unit}, not in {medicine.unit}. Is that right?"
    least, greatest = medicine.usual
    if least <= in_unit <= greatest:
        return ""
    return f"Check: {amount} {unit} of {medicine.words.lower()}. Is that right?"
