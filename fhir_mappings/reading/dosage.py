"""Dosage to milligrams a day for each ingredient. FHIR R4 Dosage; clinical content, 2.3: what was surely held.

Of a range the lower end counts, as it can only make a trial look less adequate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from fhir_mappings.codes.medicines import Part
from fhir_mappings.reading import elements
from fhir_mappings.reading.dose import Dose, ordinary, plain, read_dose
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.sig import read_sig, says_as_needed
from fhir_mappings.reading.timing import Often, read_often

_PER_DAY = {"mg/h": 24, "mg/hr": 24, "mg/d": 1, "mg/day": 1, "mg/24.h": 1, "mg/24h": 1, "mg/24 h": 1, "mg/24hr": 1}
_MEASURE_OF_UNIT = {"MG": "pieces", "MG/HR": "pieces", "MG/ML": "millilitres", "MG/ACTUAT": "sprays"}
_MOST = 50  # dosages of one entry; more are no instruction


class Regimen(NamedTuple):
    """`daily_mg`: ingredient and milligrams a day, by name. `as_needed`: every dosage is."""

    daily_mg: tuple[tuple[str, Decimal], ...] = ()
    as_needed: bool = False


def read_dosages(dosages: Sequence[Json], ingredients: frozenset[str], parts: Sequence[Part], form: str) -> Regimen:
    """What is taken a day; an ingredient whose dose is not surely known is left out.

    Dosages of one sequence number are taken together, others one after the other: the highest counts. Those as
    needed count only where there is no other. `parts` is what the product holds; a dose in milligrams speaks for a
    single ingredient only.
    """
    if not dosages or len(dosages) > _MOST:
        return Regimen()
    regular = [dosage for dosage in dosages if not _as_needed(dosage)]
    highest: dict[str, Decimal] = {}
    for together in _phases(regular or dosages) if ingredients else ():
        total: dict[str, Decimal] = {}
        for dosage in together:
            for ingredient, amount in _of_dosage(dosage, ingredients, parts, form).items():
                total[ingredient] = total.get(ingredient, Decimal(0)) + amount
        for ingredient, amount in total.items():
            highest[ingredient] = max(amount, highest.get(ingredient, amount))
    return Regimen(tuple(sorted(highest.items())), not regular)


def _as_needed(dosage: Json) -> bool:
    if dosage.get("asNeededBoolean") is True or isinstance(dosage.get("asNeededCodeableConcept"), dict):
        return True
    return says_as_needed(elements.text(dosage.get("text")))


def _phases(dosages: Sequence[Json]) -> Iterable[Sequence[Json]]:
    """The dosages that are taken together, in groups. Without numbers: together where they name different hours."""
    if len(dosages) == 1:
        return [dosages]
    numbers = [dosage.get("sequence") for dosage in dosages]
    if any(isinstance(number, int) for number in numbers):
        return [[d for d, n in zip(dosages, numbers, strict=True) if n == number] for number in _once(numbers)]
    hours = [_hours(dosage) for dosage in dosages]
    named = [hour for some in hours for hour in some]
    if all(hours) and len(set(named)) == len(named):
        return [dosages]
    return [[dosage] for dosage in dosages]


def _once(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _hours(dosage: Json) -> list[str]:
    repeat = elements.mapping(elements.mapping(dosage.get("timing")).get("repeat"))
    named = [repeat.get(name) for name in ("when", "timeOfDay")]
    return [hour for some in named if isinstance(some, list) for hour in some if isinstance(hour, str)]


def _of_dosage(dosage: Json, ingredients: frozenset[str], parts: Sequence[Part], form: str) -> dict[str, Decimal]:
    if dosage.get("modifierExtension"):
        return {}
    single = next(iter(ingredients)) if len(ingredients) == 1 else None
    if single is not None and form == "transdermal":
        rate = _rate(dosage)
        if rate is not None:
            return {single: rate}
    dose, often = _dose(dosage), read_often(dosage.get("timing"))
    if dose is None or often is None:
        sig = read_sig(elements.text(dosage.get("text")))
        dose, often = dose or sig.dose, often or sig.often
    if dose is None or often is None:
        return {}
    if dose.measure == "mg":
        return {single: often.in_a_day(dose.amount)} if single is not None else {}
    return {part.ingredient: amount for part in parts if (amount := _held(part, dose, often)) is not None}


def _held(part: Part, dose: Dose, often: Often) -> Decimal | None:
    """Milligrams a day of one ingredient by the strength of the product."""
    strength = ordinary(part.strength)
    if strength is None or not part.ingredient or _MEASURE_OF_UNIT.get(part.unit) != dose.measure:
        return None
    if part.unit == "MG/HR":  # a patch gives so much an hour for as long as it is worn
        return plain(strength * 24 * dose.amount) if often.daily_or_rarer else None
    return often.in_a_day(strength * dose.amount)


def _dose(dosage: Json) -> Dose | None:
    """The lowest of the doses given; None where any of them cannot be told."""
    found = []
    for given in elements.objects(dosage.get("doseAndRate")):
        quantity = given.get("doseQuantity")
        if quantity is None:
            quantity = elements.mapping(given.get("doseRange")).get("low")
        if quantity is not None:
            found.append(read_dose(quantity))
    known = [dose for dose in found if dose is not None]
    if not known or len(known) < len(found) or len({dose.measure for dose in known}) > 1:
        return None
    return min(known)


def _rate(dosage: Json) -> Decimal | None:
    """Milligrams a day of a patch whose rate is told."""
    for given in elements.objects(dosage.get("doseAndRate")):
        quantity = elements.mapping(given.get("rateQuantity"))
        unit = (elements.text(quantity.get("code")) or elements.text(quantity.get("unit"))).lower()
        amount = ordinary(quantity.get("value"))
        if amount is not None and quantity.get("comparator") is None and unit in _PER_DAY:
            return amount * _PER_DAY[unit]
    return None
