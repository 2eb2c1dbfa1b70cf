"""Which antidepressant a medication entry is, by which daily dose it is judged, and when it is no trial at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from fhir_mappings.facts.antidepressants import ANTIDEPRESSANTS, DEXTROMETHORPHAN_BUPROPION
from fhir_mappings.facts.clinical import MedicationUse
from smart_app.clinical.trials.medication_words import for_depression, other_purpose, says_nothing

PURPOSE_OPEN = "what it was given for"

_CONTROLLED_RELEASE = re.compile(r"\b(?:cr|controlled|extended|24 ?hr?)\b", re.IGNORECASE)
_PATCH = re.compile(r"\b(?:emsam|patch(?:es)?|transdermal)\b", re.IGNORECASE)
_NO_PATCH = re.compile(r"\b(?:eldepryl|zelapar|tablets?|capsules?|oral(?:ly)?|mouth|disintegrating)\b", re.IGNORECASE)
_ON_THE_SKIN = re.compile(r"\b(?:cream|topical|ointment|gel|zonalon|prudoxin)\b", re.IGNORECASE)
# Brands that are sold for something else than depression: no trial, unless the entry itself says depression.
_OTHER_BRANDS: Mapping[str, str] = MappingProxyType(
    {
        "brisdelle": "hot flushes",
        "zyban": "smoking cessation",
        "contrave": "weight",
        "silenor": "sleep",
        "savella": "pain",
    }
)
_OTHER_BRAND = re.compile(rf"\b(?:{'|'.join(_OTHER_BRANDS)})\b", re.IGNORECASE)
_PAROXETINE_CONTROLLED = Decimal(25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One entry as one antidepressant. Doses in mg a day; `dose` None: not known, or not surely taken every day.

    `excluded`: why it is no trial; empty when it may be one. `other_purpose`: excluded for what it was given for.
    `missing`: what has to be known before it can count, the dates apart.
    """

    name: str
    dose: Decimal | None
    minimum: Decimal
    why_minimum: str = ""
    excluded: str = ""
    other_purpose: bool = False
    missing: tuple[str, ...] = ()


def antidepressants_of(use: MedicationUse) -> tuple[str, ...]:
    """The names in the table that this entry holds. Esketamine and augmenters are not in it."""
    names = {name for name in use.ingredients if name in ANTIDEPRESSANTS}
    if {"bupropion", "dextromethorphan"} <= use.ingredients:
        names.add(DEXTROMETHORPHAN_BUPROPION)
    if DEXTROMETHORPHAN_BUPROPION in names:
        names.discard("bupropion")
    return tuple(sorted(names))


def judge(use: MedicationUse, name: str) -> Judged:
    """Clinical content 2.4 with its special cases. `name` is one of `antidepressants_of(use)`."""
    drug = ANTIDEPRESSANTS[name]
    minimum, why = drug.minimum, ""
    if name == "paroxetine" and _CONTROLLED_RELEASE.search(use.label):
        minimum, why = _PAROXETINE_CONTROLLED, "controlled release"
    elif name == DEXTROMETHORPHAN_BUPROPION:
        why = "bupropion in this product"
    dose = None if use.as_needed else _daily(use, name)
    excluded, purpose = _excluded(use, name)
    return Judged(
        name=name,
        dose=dose,
        minimum=minimum,
        why_minimum=why,
        excluded=excluded,
        other_purpose=purpose,
        missing=_missing(use, name, dose),
    )


def _daily(use: MedicationUse, name: str) -> Decimal | None:
    measured = "bupropion" if name == DEXTROMETHORPHAN_BUPROPION else name
    return max((amount for ingredient, amount in use.daily_mg if ingredient == measured), default=None)


def _excluded(use: MedicationUse, name: str) -> tuple[str, bool]:
    """Why the entry is no trial of this drug, and whether that is for its purpose."""
    if name == "selegiline":
        if use.form not in ("", "transdermal") or (not _is_patch(use) and _NO_PATCH.search(use.label)):
            return "selegiline other than the patch", False
    elif use.form == "topical" or _ON_THE_SKIN.search(use.label):
        return "used on the skin", False
    purpose = other_purpose(use.reasons)
    if not purpose and not for_depression(use.reasons):
        brand = _OTHER_BRAND.search(use.label)
        purpose = _OTHER_BRANDS[brand[0].lower()] if brand else ""
        if not purpose and name == "bupropion" and "naltrexone" in use.ingredients:
            purpose = "weight"
    return (f"given for {purpose}", True) if purpose else ("", False)


def _missing(use: MedicationUse, name: str, dose: Decimal | None) -> tuple[str, ...]:
    words = []
    if use.as_needed:
        words.append("how much was taken: it is as needed")
    elif dose is None:
        words.append("no dose")
    if len(antidepressants_of(use)) > 1:
        words.append("which of several antidepressants it is")
    if name == "selegiline" and not _is_patch(use):
        words.append("whether it is the patch")
    if (name == "milnacipran" and not for_depression(use.reasons)) or says_nothing(use.reasons):
        words.append(PURPOSE_OPEN)
    return tuple(words)


def _is_patch(use: MedicationUse) -> bool:
    return use.form == "transdermal" or _PATCH.search(use.label) is not None
