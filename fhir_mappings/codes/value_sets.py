"""Which value sets a code is in. The sets are the reviewable files of `fhir_mappings/value_sets`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from fhir_mappings.codes.systems import ICD10CM, SNOMED
from fhir_mappings.facts.clinical import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSet:
    """One set: ICD-10-CM by prefixes (with exceptions), SNOMED CT by enumerated codes (no hierarchy)."""

    name: str
    title: str
    purpose: str
    version: str
    prefixes: tuple[str, ...]  # without dots, upper case
    excluded: tuple[str, ...]
    snomed: frozenset[str]


@cache
def value_sets() -> tuple[ValueSet, ...]:
    """All shipped sets, in the order of their names."""
    folder = files("fhir_mappings").joinpath("value_sets")
    entries = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(_value_set(folder.joinpath(name).read_text("utf-8")) for name in entries)


def _value_set(text: str) -> ValueSet:
    data = json.loads(text)
    icd = data.get("icd10cm", {"prefixes": [], "exclude": []})
    return ValueSet(
        name=data["name"],
        title=data["title"],
        purpose=data["purpose"],
        version=data["version"],
        prefixes=tuple(undotted(rule["prefix"]) for rule in icd["prefixes"]),
        excluded=tuple(undotted(prefix) for prefix in icd["exclude"]),
        snomed=frozenset(concept["code"] for concept in data.get("snomed", ())),
    )


def undotted(code: str) -> str:
    """An ICD-10-CM code as it is compared: upper case, no dot, no blanks ("f33.1 " and "F331" are one)."""
    return code.replace(".", "").replace(" ", "").upper()


def sets_of(code: Code) -> frozenset[str]:
    """Names of the sets a code is in. Codes of other systems are in none."""
    if code.system == ICD10CM:
        return _icd_sets(_key(code))
    if code.system == SNOMED:
        return _snomed_sets(code.code.strip())
    return frozenset()


def decides(code: Code) -> bool:
    """Whether the code alone settles which sets it is in.

    Not where it is no code of its system ("IMO0001"), where it is too coarse ("F31" holds mania and depression), or
    where SNOMED CT may have put it below a code of a set: then the words of the entry have to be read.
    """
    if code.system == ICD10CM:
        return _icd_decides(_key(code))
    return code.system == SNOMED and bool(_snomed_sets(code.code.strip()))


def _key(code: Code) -> str:
    """An ICD-10-CM code, far enough to tell it: free text in its place is not to be kept in the caches below."""
    return undotted(code.code)[:_FAR_ENOUGH]


@lru_cache(maxsize=4096)
def _icd_decides(code: str) -> bool:
    if not _ICD_CODE.fullmatch(code):
        return False
    coarse = any(prefix.startswith(code) for value_set in value_sets() for prefix in value_set.prefixes)
    return bool(_icd_sets(code)) or not coarse


_FAR_ENOUGH = 12  # characters: a code has at most 7, and every prefix of a set is shorter still
_ICD_CODE = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}", re.ASCII)


@lru_cache(maxsize=4096)
def _icd_sets(code: str) -> frozenset[str]:
    return frozenset(
        value_set.name
        for value_set in value_sets()
        if value_set.prefixes and code.startswith(value_set.prefixes) and not _excluded(code, value_set)
    )


def _excluded(code: str, value_set: ValueSet) -> bool:
    return bool(value_set.excluded) and code.startswith(value_set.excluded)


@cache
def _snomed_index() -> dict[str, frozenset[str]]:
    index: dict[str, set[str]] = {}
    for value_set in value_sets():
        for code in value_set.snomed:
            index.setdefault(code, set()).add(value_set.name)
    return {code: frozenset(names) for code, names in index.items()}


def _snomed_sets(code: str) -> frozenset[str]:
    return _snomed_index().get(code, frozenset())
