"""Plain instructions and strengths in words; whatever is less plain stays unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from fhir_mappings.codes.medicines import Part
from fhir_mappings.reading.dose import MILLIGRAMS, Dose, in_unit, plain, quotient
from fhir_mappings.reading.timing import FREQUENCY_WORDS, Often, of_match

_NUMBER = r"\d{1,5}(?:\.\d{1,3})?"
_SIG = re.compile(
    rf"(?:(?:take|give|use|apply|place) )?(?:(?P<amount>{_NUMBER}|one|two|three)"
    r"(?: (?=(?:by mouth|po|p\.o\.|orally)\b)| ?(?P<unit>[a-zµμ]+)(?:\(s\))? ?))?"
    rf"(?:\((?P<mg>{_NUMBER}) ?mg(?: total)?\) ?)?"
    r"(?:(?:by mouth|orally|oral|po|p\.o\.|sublingually|onto the skin) ?)?"
    rf"(?:{FREQUENCY_WORDS})(?: (?:with|after|before) (?:food|meals?|breakfast|dinner|supper))?"
    r"(?:,? ?(?:as needed|prn)\b.*)?[ .]*",
    re.ASCII,
)
_AS_NEEDED = re.compile(r"\b(?:as needed|prn|if needed|when required)\b")
_LONGEST = 200  # characters; a longer instruction is no plain one
_TWICE_TOLD = re.compile(r"\b([1-4]) \((?:one|two|three|four)\)")  # "2 (two) times daily"
_SPELT = {"one": "1", "two": "2", "three": "3"}
_STRENGTH = re.compile(
    rf"(?<![\d.,/-])(?P<amount>{_NUMBER}) ?(?P<unit>mg|mcg|g)\b"
    rf"(?: ?/ ?(?P<per>{_NUMBER})? ?(?P<of>ml|hours?|hrs?|h)\b)?",
    re.IGNORECASE | re.ASCII,
)


class Sig(NamedTuple):
    """A plain instruction. None: it does not say."""

    dose: Dose | None = None
    often: Often | None = None


def read_sig(text: str) -> Sig:
    """ "Take 1 tablet (50 mg total) by mouth twice daily": a dose and how often, and nothing else."""
    plain = _TWICE_TOLD.sub(r"\1", " ".join(text[: _LONGEST + 1].lower().split()))
    match = _SIG.fullmatch(plain) if plain and len(text) <= _LONGEST else None
    if match is None:
        return Sig()
    groups, dose = match.groupdict(), None
    if groups["amount"]:
        # "1 po bid" counts what the product is made of, as "1 tablet" does.
        dose = in_unit(Decimal(_SPELT.get(groups["amount"], groups["amount"])), groups["unit"] or "tablet")
        if dose is None:
            return Sig()
    if groups["mg"]:
        dose = in_unit(Decimal(groups["mg"]), "mg")
    return Sig(dose, of_match(groups))


def says_as_needed(text: str) -> bool:
    """Whether the words of an instruction leave it to the patient when to take it."""
    words = text[:_LONGEST].lower()
    return ("need" in words or "prn" in words or "required" in words) and _AS_NEEDED.search(words) is not None


def strength_in(texts: Iterable[str], ingredients: frozenset[str]) -> tuple[Part, ...]:
    """The strength that the words of a product name ("sertraline 50 MG Oral Tablet"), for a single ingredient.

    Nothing where the words name none, or several.
    """
    if len(ingredients) != 1:
        return ()
    found = {_strength(match) for text in texts for match in _STRENGTH.finditer(text[:_LONGEST])}
    if len(found) != 1:
        return ()
    strength, unit = found.pop()
    return (Part(next(iter(ingredients)), strength, unit),)


def _strength(match: re.Match[str]) -> tuple[Decimal, str]:
    amount, per = Decimal(match["amount"]) * MILLIGRAMS[match["unit"].lower()], Decimal(match["per"] or 1)
    if match["of"] is None:
        return plain(amount), "MG"
    return quotient(amount, per) if per else Decimal(0), "MG/ML" if match["of"].lower() == "ml" else "MG/HR"
