"""Dose arithmetic in decimals, with both factors in sight, and the amounts at which the form asks back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from fhir_mappings.facts.programme import ProgrammeDefinition
from smart_app.clinical.units import KILOGRAMS_A_POUND, plain, rounded

HUNDREDTH = Decimal("0.01")
MUCH_MORE = Decimal("1.1")  # given over planned, and planned over calculated, from which the form asks
USUAL_KILOGRAMS = (Decimal(35), Decimal(150))  # outside, pounds or a slip of the finger are likely
MUCH_HEAVIER = Decimal(
    "1.25"
)  # than the weight known before, or lighter, from which the form asks: pounds are 2.2 times
LIKELY_MG_PER_KG = Decimal(5)  # more mg/kg than this, or fewer mg, is likely the other unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What is known of a dose; None: not entered, or not readable as a number."""

    mg_per_kg: Decimal | None = None
    kilograms: Decimal | None = None
    weighed: date | None = None
    known_kilograms: Decimal | None = None  # what the chart or the enrolment says
    planned_mg: Decimal | None = None
    given_mg: Decimal | None = None
    concentration: Decimal | None = None  # mg/mL
    volume_ml: Decimal | None = None
    minutes: int | None = None  # from start to end
    sprays: int | None = None  # of a nasal dose
    mg_per_spray: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A result with its arithmetic in words: "0.5 mg/kg × 82.0 kg = 41 mg"."""

    result: Decimal
    words: str


def dose(mg_per_kg: Decimal | None, kilograms: Decimal | None) -> Sum | None:
    """Milligrams from a dose per kilogram, to a hundredth; None while a factor is missing."""
    if mg_per_kg is None or kilograms is None:
        return None
    return _sum(mg_per_kg * kilograms, f"{mg_per_kg} mg/kg × {kilograms} kg", "mg")


def up_to(calculated: Sum | None, ceiling: Decimal | None) -> Sum | None:
    """The result, or the ceiling where it is lower, which the words say then."""
    if calculated is None or ceiling is None or calculated.result <= ceiling:
        return calculated
    return Sum(result=ceiling, words=f"{calculated.words}, at most {plain(ceiling)} mg: {plain(ceiling)} mg")


def volume(milligrams: Decimal | None, concentration: Decimal | None) -> Sum | None:
    """Millilitres that hold the dose, to a hundredth."""
    if milligrams is None or not concentration:
        return None
    return _sum(milligrams / concentration, f"{milligrams} mg ÷ {concentration} mg/mL", "mL")


def _sum(exact: Decimal, factors: str, unit: str) -> Sum:
    """To a hundredth, as a syringe is read; the words say where digits were left out."""
    result = exact.quantize(HUNDREDTH, ROUND_HALF_UP)
    return Sum(result=result, words=f"{factors} {'=' if result == exact else '≈'} {plain(result)} {unit}")


def fraction_given(planned_mg: Decimal, given_mg: Decimal) -> Decimal | None:
    """Given over planned; None when nothing was planned."""
    return given_mg / planned_mg if planned_mg > 0 else None


def warnings(amounts: Amounts, definition: ProgrammeDefinition, *, on: date) -> dict[str, str]:
    """Unusual amounts, by field, each as a question. They never bar a dose: the clinician answers them."""
    asked = {
        "dose.planned_mg_per_kg": _per_kilogram(amounts, definition),
        "dose.weight_kg": _kilograms(amounts),
        "dose.weight_date": _weight(amounts, definition, on),
        "dose.planned_mg": _planned(amounts, definition),
        "dose.given_mg": _given(amounts, definition),
        "dose.volume_ml": _volume(amounts),
        "dose.sprays": _sprays(amounts),
        "dose.ended": _duration(amounts, definition),
    }
    return {field: words for field, words in asked.items() if words}


def _ask(words: str) -> str:
    return f"Check: {words} Is that right?"


def _per_kilogram(amounts: Amounts, definition: ProgrammeDefinition) -> str:
    rate = amounts.mg_per_kg
    if rate is None:
        return ""
    if rate > LIKELY_MG_PER_KG:
        calculated = dose(rate, amounts.kilograms)
        said = calculated.words if calculated is not None else f"{rate} mg/kg"
        return _ask(f"{said}. This looks like milligrams, not milligrams per kilogram.")
    if definition.warn_mg_per_kg is not None and rate > definition.warn_mg_per_kg:
        return _ask(f"{rate} mg/kg is more than {definition.warn_mg_per_kg} mg/kg.")
    return ""


def _kilograms(amounts: Amounts) -> str:
    weight, known = amounts.kilograms, amounts.known_kilograms
    if weight is None:
        return ""
    heavier = known is not None and weight > known * MUCH_HEAVIER
    lighter = known is not None and weight * MUCH_HEAVIER < known
    if USUAL_KILOGRAMS[0] <= weight <= USUAL_KILOGRAMS[1] and not heavier and not lighter:
        return ""
    said = f"a weight of {weight} kg" + (f", {known} kg were known." if heavier or lighter else ".")
    if weight > USUAL_KILOGRAMS[1] or heavier:
        said += f" {weight} lb would be {rounded(weight * KILOGRAMS_A_POUND)} kg."
    return _ask(said)


def _weight(amounts: Amounts, definition: ProgrammeDefinition, on: date) -> str:
    if amounts.mg_per_kg is None:
        return ""
    if amounts.kilograms is None or amounts.weighed is None:
        return _ask("a dose per kilogram without a dated weight.")
    days = (on - amounts.weighed).days
    return _ask(f"the weight is {days} days old.") if days > definition.weight_days else ""


def _planned(amounts: Amounts, definition: ProgrammeDefinition) -> str:
    planned = amounts.planned_mg
    if planned is None:
        return ""
    calculated = dose(amounts.mg_per_kg, amounts.kilograms)
    if calculated is not None and not calculated.result / MUCH_MORE <= planned <= calculated.result * MUCH_MORE:
        return _ask(f"{calculated.words}, but {planned} mg are planned.")
    return _size(planned, amounts, definition)


def _given(amounts: Amounts, definition: ProgrammeDefinition) -> str:
    given = amounts.given_mg
    if given is None:
        return ""
    if amounts.planned_mg is not None and given > amounts.planned_mg * MUCH_MORE:
        return _ask(f"{given} mg given, {amounts.planned_mg} mg planned.")
    needed = volume(amounts.planned_mg, amounts.concentration)
    if needed is not None and amounts.concentration != 1 and given == needed.result:
        return _ask(f"{given} mg given, but {needed.words}. This looks like millilitres.")
    return _size(given, amounts, definition)


def _size(milligrams: Decimal, amounts: Amounts, definition: ProgrammeDefinition) -> str:
    kilograms = amounts.kilograms
    if definition.warn_mg is not None and milligrams > definition.warn_mg:
        return _ask(f"{milligrams} mg is more than {definition.warn_mg} mg.")
    if 0 < milligrams < LIKELY_MG_PER_KG:
        calculated = dose(milligrams, kilograms)
        as_rate = f" {calculated.words}." if calculated is not None else ""
        return _ask(f"{milligrams} mg. This looks like milligrams per kilogram, not milligrams.{as_rate}")
    ceiling = definition.warn_mg_per_kg
    if ceiling is not None and kilograms and milligrams > ceiling * kilograms:
        rate = (milligrams / kilograms).quantize(HUNDREDTH, ROUND_HALF_UP)
        return _ask(f"{milligrams} mg for {kilograms} kg is {plain(rate)} mg/kg, more than {ceiling} mg/kg.")
    return ""


def _volume(amounts: Amounts) -> str:
    calculated = volume(amounts.given_mg, amounts.concentration)
    typed = amounts.volume_ml
    if calculated is None or typed is None:
        return ""
    if calculated.result / MUCH_MORE <= typed <= calculated.result * MUCH_MORE:
        return ""
    return _ask(f"{calculated.words}, but {typed} mL is entered.")


def _sprays(amounts: Amounts) -> str:
    if amounts.sprays is None or amounts.mg_per_spray is None or amounts.given_mg is None:
        return ""
    given = amounts.sprays * amounts.mg_per_spray
    if given == amounts.given_mg:
        return ""
    return _ask(
        f"{amounts.sprays} sprays × {amounts.mg_per_spray} mg = {plain(given)} mg, but {amounts.given_mg} mg."
    )


def _duration(amounts: Amounts, definition: ProgrammeDefinition) -> str:
    least = definition.warn_infusion_minutes
    if least is None or amounts.minutes is None or amounts.minutes >= least:
        return ""
    return _ask(f"an infusion of {amounts.minutes} minutes is shorter than {least} minutes.")
