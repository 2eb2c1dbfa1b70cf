"""Medicines to ingredients, offline: RxNorm ingredient codes, products, brand names, words.

The order is that of the clinical content, 3.4: every coding of an entry is tried before its words are. Where codings
name different ingredients all of them count, since that can only add caution. NDC has no table: its words decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from fhir_mappings.codes.forms import form_of
from fhir_mappings.codes.medicine_names import all_parts_named, classes_of, ingredient_codes, names_in, table
from fhir_mappings.codes.systems import RXNORM
from fhir_mappings.facts.clinical import Code, Resolution

_NOTHING: frozenset[str] = frozenset()
_NEVER_MISSED = frozenset({"maoi", "theophylline", "ketamine"})  # classes whose rules have an effect


class Part(NamedTuple):
    """What a product holds of one ingredient. `ingredient` is "" where the table could not name it.

    `strength` is in `unit` ("MG", "MG/ML", "MG/HR"), per tablet, millilitre or hour; None: not known.
    """

    ingredient: str
    strength: Decimal | None = None
    unit: str = ""


class Resolved(NamedTuple):
    """What an entry was found to hold; `whole` is False where the table could not name a part of the product."""

    ingredients: frozenset[str] = _NOTHING
    resolution: Resolution = Resolution.NONE
    parts: tuple[Part, ...] = ()  # of the one product the codings name; empty where they name several, or none
    product: str = ""  # its RxNorm name
    form: str = ""  # of the product, by its name
    whole: bool = True


UNRESOLVED = Resolved()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MedicineTable:
    """RxNorm codes and what they stand for: the shipped tables, or a site's full one over them.

    A product is kept as its file holds it: its name, then a list of [ingredient, strength, unit] for each part.
    """

    release: str
    ingredients: Mapping[str, str]
    products: Mapping[str, list[Any]]
    _seen: dict[str, Resolved] = field(default_factory=dict)  # what was looked up: charts repeat their codes

    def resolve(self, codes: Iterable[Code], texts: Iterable[str]) -> Resolved:
        """The ingredients by every RxNorm code that is known, else by the brand names and words of the texts."""
        known = [code.code for code in codes if code.system == RXNORM]
        by_code = [found for code in known if (found := self._of_code(code)) is not None]
        if by_code:
            return _with_words(by_code[0] if len(by_code) == 1 else _together(by_code), texts)
        texts = tuple(texts)
        named = [name for text in texts for name in names_in(text)]
        if not named or (all(name.common for name in named) and not all(map(all_parts_named, texts))):
            return UNRESOLVED
        means = Resolution.BRAND if any(name.brand for name in named) else Resolution.TEXT
        return Resolved(_NOTHING.union(*(name.ingredients for name in named)), means)

    def _of_code(self, rxcui: str) -> Resolved | None:
        found = self._seen.get(rxcui)
        if found is None:
            if rxcui in self.ingredients:
                found = Resolved(frozenset({self.ingredients[rxcui]}), Resolution.INGREDIENT)
            elif rxcui in self.products:
                found = _product(*self.products[rxcui])
            else:
                return None
            self._seen[rxcui] = found
        return found


def _with_words(found: Resolved, texts: Iterable[str]) -> Resolved:
    """What the codes say, and what the words name beside it of a class that must not be missed."""
    named = _NOTHING.union(*(name.ingredients for text in texts for name in names_in(text)))
    more = {one for one in named - found.ingredients if not _NEVER_MISSED.isdisjoint(classes_of({one}))}
    # Of a product that contradicts its own words no strength can be relied on.
    return found._replace(ingredients=found.ingredients | more, parts=()) if more else found


def _product(name: str, rows: Iterable[list[str]]) -> Resolved:
    parts = _parts(rows)
    held = frozenset(part.ingredient for part in parts if part.ingredient)
    whole = all(part.ingredient for part in parts)
    return Resolved(held, Resolution.PRODUCT, parts, name, form_of((), [name]), whole)


def _parts(rows: Iterable[list[str]]) -> tuple[Part, ...]:
    """One part for each ingredient: two salts of one ingredient add up, as in mixed amphetamine salts."""
    found: dict[str, Part] = {}
    for ingredient, *amount in rows:
        strength, unit = (Decimal(amount[0]) if amount and amount[0] else None), (amount[1] if amount else "")
        before = found.get(ingredient)
        if before is not None:
            addable = before.unit == unit and None not in (before.strength, strength)
            strength = before.strength + strength if addable and before.strength and strength else None
        found[ingredient] = Part(ingredient, strength, unit)
    return tuple(found.values())


def _together(found: list[Resolved]) -> Resolved:
    """Several codings of one entry: all ingredients count; the product only where there is but one."""
    ingredients = _NOTHING.union(*(one.ingredients for one in found))
    by_ingredient = any(one.resolution is Resolution.INGREDIENT for one in found)
    products = {one[2:5] for one in found if one.parts and one.ingredients == ingredients}
    parts, product, form = products.pop() if len(products) == 1 else ((), "", "")
    means = Resolution.INGREDIENT if by_ingredient else Resolution.PRODUCT
    return Resolved(ingredients, means, parts, product, form, whole=all(one.whole for one in found))


@cache
def shipped_table() -> MedicineTable:
    """The tables that come with the product: the medicines that the rules ask about."""
    found = table("products.json")
    return MedicineTable(release=found["version"], ingredients=ingredient_codes(), products=found["products"])


def ingredients_of(codes: Iterable[Code], texts: Iterable[str]) -> frozenset[str]:
    """The ingredients by the shipped tables alone: by code where one is known, else by whole words of the texts."""
    return shipped_table().resolve(codes, texts).ingredients
