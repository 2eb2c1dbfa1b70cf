"""NLM's RxNorm files to ingredients and products. RXNCONSO and RXNREL: lines of UTF-8, fields ended by pipes.

Read line by line; what is kept grows with the number of drugs, not with the size of the files. Only rows of RxNorm
itself (SAB) that are not suppressed count. Sources: RxNorm Technical Documentation, RXNCONSO, RXNREL, appendix 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fhir_mappings.codes.medicine_names import ingredient_codes

# How a concept is taken apart, by its term type: the first group of which it has any neighbours decides. A drug goes
# by its components, which hold the strengths, before its form and its brand; a brand may be several products.
_STEPS: dict[str, tuple[frozenset[str], ...]] = {
    "BPCK": (frozenset({"SBD", "SCD"}), frozenset({"GPCK"})),
    "GPCK": (frozenset({"SCD", "SBD"}),),
    "SBD": tuple(frozenset({name}) for name in ("SCDC", "SCD", "SBDC", "SBDF", "BN")),
    "SCD": (frozenset({"SCDC"}), frozenset({"SCDF"}), frozenset({"MIN", "PIN", "IN"})),
    "SBDC": (frozenset({"SCDC"}), frozenset({"BN"})),
    "SCDC": (frozenset({"IN"}), frozenset({"PIN"})),
    "SBDF": (frozenset({"SCDF"}), frozenset({"BN"})),
    "SCDF": (frozenset({"IN", "PIN", "MIN"}),),
    "BN": (frozenset({"IN", "PIN", "MIN"}),),
    "MIN": (frozenset({"IN", "PIN"}),),
    "PIN": (frozenset({"IN"}),),
    "IN": (),
}
_PRODUCTS = frozenset({"BPCK", "GPCK", "SBD", "SCD", "SBDF", "SCDF", "BN", "MIN"})
_PACKS = frozenset({"BPCK", "GPCK"})
# A row says "the second has this relation to the first". Both directions are in the files; either suffices.
_DOWN = frozenset(
    {"contains", "consists_of", "has_ingredient", "has_ingredients", "has_precise_ingredient", "has_part"}
    | {"tradename_of", "form_of", "isa"}
)
_UP = frozenset(
    {"contained_in", "constitutes", "ingredient_of", "ingredients_of", "precise_ingredient_of", "part_of"}
    | {"has_tradename", "has_form", "inverse_isa"}
)
# Relations that list all that is in a thing: an end that is missing is a part of it that is missing.
_WHOLE = frozenset({"contains", "contained_in", "consists_of", "constitutes", "has_part", "part_of"})
_WHOLE_OF_COMPONENT = frozenset({"has_ingredient", "ingredient_of"})
_STRENGTH = re.compile(r" (\d{1,9}(?:\.\d{1,9})?) ([A-Z%][A-Z0-9/%\[\]]*)$", re.ASCII)
_FIELDS = {"RXNCONSO.RRF": 18, "RXNREL.RRF": 16, "RXNSAB.RRF": 25}
_LONGEST_LINE = 40_000  # bytes
_RELEASE_IN_NAME = re.compile(r"(?<!\d)(\d{8})(?!\d)")

Row = list[str]


class RxnormUnusable(ValueError):
    """The files cannot be used. The message names the file and the line, and quotes nothing."""


class Release(NamedTuple):
    """What one release of RxNorm says. `products`: RXCUI to its name and [ingredient, strength, unit] of each part.

    An ingredient is "" where a part could not be named; `partly` counts such products, `unknown` those of which
    nothing could be (they are left out).
    """

    release: str
    ingredients: dict[str, str]
    products: dict[str, list[object]]
    partly: int
    unknown: int


class _Concept(NamedTuple):
    kind: str
    name: str


def read_release(folder: Path) -> Release:
    """Read RXNCONSO.RRF and RXNREL.RRF of a folder or of its folder "rrf"; RxnormUnusable says what is wrong."""
    found = next((place for place in (folder, folder / "rrf") if (place / "RXNCONSO.RRF").is_file()), None)
    if found is None:
        raise RxnormUnusable(f"{folder} holds no RXNCONSO.RRF, nor does its folder rrf")
    concepts = _concepts(found / "RXNCONSO.RRF")
    walk = _Walk(concepts, *_relations(found / "RXNREL.RRF", concepts))
    ingredients = {cui: name for cui, concept in concepts.items() if (name := walk.single_ingredient(cui, concept))}
    products: dict[str, list[object]] = {}
    partly = unknown = 0
    for cui, concept in concepts.items():
        if concept.kind not in _PRODUCTS:
            continue
        parts = walk.parts(cui)
        if not any(name for name, *_ in parts):
            unknown += 1
            continue
        partly += any(not name for name, *_ in parts)
        products[cui] = [concept.name, parts]
    if not ingredients or not products:
        raise RxnormUnusable("the files hold no ingredient or no product of RxNorm that is not suppressed")
    return Release(_release(found), ingredients, products, partly, unknown)


def _concepts(path: Path) -> dict[str, _Concept]:
    """RXCUI to its RxNorm name, for the term types that lead to ingredients."""
    found: dict[str, _Concept] = {}
    for row in _rows(path):
        if row[11] == "RXNORM" and row[12] in _STEPS and row[16] == "N":
            found[row[0]] = _Concept(row[12], row[14])
    return found


def _relations(path: Path, concepts: dict[str, _Concept]) -> tuple[dict[str, set[str]], set[str]]:
    """Each concept's parts, and the concepts of which a part is not among the concepts."""
    parts: dict[str, set[str]] = {}
    torn: set[str] = set()
    for row in _rows(path):
        relation = row[7]
        if row[10] != "RXNORM" or row[14] not in ("", "N") or relation not in _DOWN | _UP:
            continue
        whole, part = (row[4], row[0]) if relation in _DOWN else (row[0], row[4])
        if whole not in concepts:
            continue
        if part in concepts:
            parts.setdefault(whole, set()).add(part)
        elif relation in _WHOLE or (relation in _WHOLE_OF_COMPONENT and concepts[whole].kind in ("SCDC", "SCDF")):
            torn.add(whole)
    return parts, torn


class _Walk:
    """From a concept down to its ingredients. Each step leads to a lower term type: no circles."""

    def __init__(self, concepts: dict[str, _Concept], parts: dict[str, set[str]], torn: set[str]) -> None:
        self._concepts = concepts
        self._parts = parts
        self._torn = torn
        self._known = ingredient_codes()

    def single_ingredient(self, cui: str, concept: _Concept) -> str:
        """The name of an ingredient or of a precise one; "" for anything else."""
        if concept.kind == "IN":
            return self._known.get(cui) or concept.name.lower()
        if concept.kind == "PIN":
            names = {name for name, *_ in self.parts(cui)}
            return names.pop() if len(names) == 1 else ""
        return ""

    def parts(self, cui: str) -> list[list[str]]:
        """[ingredient, strength, unit] of each component by name; an ingredient alone where no strength is known.

        Two salts of one ingredient are two components. What a pack holds differs from day to day: no strengths.
        """
        found: list[tuple[str, ...]] = []
        self._collect(cui, (), found)
        if self._concepts[cui].kind in _PACKS:
            found = list({(name,) for name, *_ in found})
        return [list(part) for part in sorted(found)]

    def _collect(self, cui: str, strength: tuple[str, ...], found: list[tuple[str, ...]]) -> None:
        concept = self._concepts[cui]
        if concept.kind == "IN":
            found.append((self._known.get(cui) or concept.name.lower(), *strength))
            return
        if concept.kind == "SCDC":
            match = _STRENGTH.search(concept.name)
            strength = match.groups() if match is not None else ()
        below = self._below(cui, concept.kind)
        if cui in self._torn or not below:
            found.append(("",))
        for part in below:
            self._collect(part, strength, found)

    def _below(self, cui: str, kind: str) -> list[str]:
        parts = self._parts.get(cui, set())
        for group in _STEPS[kind]:
            chosen = [part for part in parts if self._concepts[part].kind in group]
            if chosen:
                return chosen
        return []


def _release(folder: Path) -> str:
    """The version that RXNSAB states for RxNorm, else the date in a folder's name."""
    sources = folder / "RXNSAB.RRF"
    if sources.is_file():
        for row in _rows(sources):
            if row[3] == "RXNORM" and row[6].strip():
                return row[6].strip()
    for name in (folder.resolve().name, folder.resolve().parent.name):
        match = _RELEASE_IN_NAME.search(name)
        if match is not None:
            return match[1]
    return "of no stated release"


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a file; RxnormUnusable at the first that is not one, or where the file cannot be read."""
    fields = _FIELDS[path.name]
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                row = line.decode("utf-8").rstrip("\r\n").split("|")
                if len(row) != fields + 1 or row[-1] or not line.endswith(b"\n"):
                    raise RxnormUnusable(f"{path.name} is damaged: line {number} is not a row of {fields} fields")
                yield row
    except UnicodeDecodeError:
        raise RxnormUnusable(f"{path.name} is damaged: line {number} is not UTF-8") from None
    except OSError as problem:
        raise RxnormUnusable(f"{path.name} cannot be read ({problem.strerror})") from None
