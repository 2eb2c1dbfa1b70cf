"""Which ingredients the rules ask about: their classes, RxNorm codes, brand names, and finding them in words.

The tables are the reviewable files of `fhir_mappings/value_sets/medicines`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from fhir_mappings.codes.concepts import LONGEST_TEXT

_TABLES = frozenset({"brands.json", "common-medicines.json", "products.json"})
# How the parts of a combination are parted: as RxNorm writes it, or in a person's words.
_PARTS = re.compile(r"\s/\s|[+;&]|,\s|\band\b|\bwith\b|\bplus\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")  # bounded by letters alone: "ketamine_50mg" names ketamine, "norketamine" does not


def table(name: str) -> dict[str, Any]:
    """One file of the folder, as it stands."""
    text = files("fhir_mappings").joinpath("value_sets", "medicines", name).read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _classes() -> tuple[dict[str, Any], ...]:
    folder = files("fhir_mappings").joinpath("value_sets", "medicines")
    return tuple(table(entry.name) for entry in folder.iterdir() if entry.name not in _TABLES)


@cache
def _class_index() -> dict[str, frozenset[str]]:
    index: dict[str, set[str]] = {}
    for medicines in _classes():
        for entry in medicines["ingredients"]:
            index.setdefault(entry["ingredient"], set()).add(medicines["name"])
    return {ingredient: frozenset(names) for ingredient, names in index.items()}


def classes_of(ingredients: Iterable[str]) -> frozenset[str]:
    """The classes any of the ingredients is in ("benzodiazepine", "maoi", ...); none for one no rule asks about."""
    return _classes_of(frozenset(ingredients))


@lru_cache(maxsize=1024)  # names of the tables, in the same few combinations
def _classes_of(ingredients: frozenset[str]) -> frozenset[str]:
    return frozenset[str]().union(*(_class_index().get(ingredient, ()) for ingredient in ingredients))


@cache
def ingredient_codes() -> dict[str, str]:
    """RXCUI to ingredient, for the ingredients whose code is verified."""
    entries = (entry for medicines in _classes() for entry in medicines["ingredients"])
    return {entry["rxcui"]: entry["ingredient"] for entry in entries if "rxcui" in entry}


class Named(NamedTuple):
    """A name that stands in a text, and what it stands for."""

    ingredients: frozenset[str]
    brand: bool
    common: bool = False  # a medicine that no rule asks about


@cache
def _names() -> dict[str, tuple[tuple[tuple[str, ...], Named], ...]]:
    """By first word: the names that begin with it, longest first."""
    brands: dict[str, list[str]] = table("brands.json")["brands"]
    common = table("common-medicines.json")["names"]
    named = {name: Named(frozenset({name}), brand=False, common=True) for name in common}
    named |= {brand: Named(frozenset(held), brand=True) for brand, held in brands.items()}
    for ingredient in {one for held in brands.values() for one in held}:
        named[ingredient] = Named(frozenset({ingredient}), brand=False)
    for entry in (entry for medicines in _classes() for entry in medicines["ingredients"]):
        for name in (entry["ingredient"], *entry.get("also", ())):
            named[name] = Named(frozenset({entry["ingredient"]}), brand=False)
    index: dict[str, list[tuple[tuple[str, ...], Named]]] = {}
    for name, meaning in named.items():
        words = tuple(_WORD.findall(name))
        index.setdefault(words[0], []).append((words, meaning))
    return {first: tuple(sorted(some, key=lambda one: (-len(one[0]), one[0]))) for first, some in index.items()}


def names_in(text: str) -> Iterator[Named]:
    """Every name in a text, by whole words, in any case, the longest first ("esketamine" is no "ketamine")."""
    words = _WORD.findall(text[:LONGEST_TEXT].lower())
    names, place = _names(), 0
    while place < len(words):
        length = 1
        for name, meaning in names.get(words[place], ()):
            if tuple(words[place : place + len(name)]) == name:
                yield meaning
                length = len(name)
                break
        place += length


def all_parts_named(text: str) -> bool:
    """Whether each part of a combination holds a name: beside aspirin there may be one that nobody knows."""
    parts = _PARTS.split(text[:LONGEST_TEXT])
    return all(next(names_in(part), None) is not None for part in parts if _WORD.search(part))
