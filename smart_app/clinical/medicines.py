"""The medicines of a patient: entries that tell of one use are one use, and brand and generic are one medicine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_mappings.facts.clinical import MedicationUse, PatientFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a medicine, told by one or more entries that derive from each other; the entries by reference."""

    entries: tuple[MedicationUse, ...]

    @property
    def current(self) -> bool:
        """Whether any entry says so: of two that differ neither is known to be right, and this one adds caution."""
        return any(entry.current for entry in self.entries)

    @property
    def as_needed(self) -> bool:
        return all(entry.as_needed for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Medicine:
    """All that a chart tells of one ingredient, or of one label that could not be resolved.

    A combination product stands under each of its ingredients; `combined_with` names the others, and `classes` are
    those of all it holds.
    """

    name: str  # the ingredient, or the label where none is known
    resolved: bool
    uses: tuple[Use, ...]
    classes: frozenset[str] = frozenset()
    combined_with: frozenset[str] = frozenset()

    @property
    def current(self) -> bool:
        return any(use.current for use in self.uses)

    @property
    def entries(self) -> tuple[MedicationUse, ...]:
        """Every entry of every use, by reference."""
        return tuple(sorted((entry for use in self.uses for entry in use.entries), key=_order))

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(entry.reference for entry in self.entries)


def medicines(facts: PatientFacts) -> tuple[Medicine, ...]:
    """The medicines by name, those that could not be resolved last; the order of the entries does not matter."""
    by_name: dict[tuple[bool, str], list[Use]] = {}
    labels: dict[tuple[bool, str], str] = {}
    for use in _uses(facts.medications):
        together = frozenset[str]().union(*(entry.ingredients for entry in use))
        parts: dict[tuple[bool, str], list[MedicationUse]] = {}
        for entry in use:
            for name in sorted(entry.ingredients or together) or [entry.label]:
                key = (not together, name if together else " ".join(name.lower().split()))
                labels.setdefault(key, name)
                parts.setdefault(key, []).append(entry)
        for key, entries in parts.items():
            by_name.setdefault(key, []).append(Use(entries=tuple(entries)))
    return tuple(
        _medicine(labels[key], not key[0], uses) for key, uses in sorted(by_name.items(), key=lambda i: i[0])
    )


def _medicine(name: str, resolved: bool, uses: list[Use]) -> Medicine:
    entries = [entry for use in uses for entry in use.entries]
    return Medicine(
        name=name,
        resolved=resolved,
        uses=tuple(sorted(uses, key=lambda use: _order(use.entries[0]))),
        classes=frozenset[str]().union(*(entry.classes for entry in entries)),
        combined_with=frozenset[str]().union(*(entry.ingredients for entry in entries)) - {name},
    )


def _uses(entries: Iterable[MedicationUse]) -> list[tuple[MedicationUse, ...]]:
    """The entries in groups: each with those it derives from, directly or through others."""
    ordered = sorted(set(entries), key=_order)
    group = {entry.reference: entry.reference for entry in ordered}

    def head(reference: str) -> str:
        while group[reference] != reference:
            above = group[group[reference]]
            group[reference] = above
            reference = above
        return reference

    for entry in ordered:
        for origin in entry.derived_from:
            if origin in group:
                group[head(origin)] = head(entry.reference)
    found: dict[str, list[MedicationUse]] = {}
    for entry in ordered:
        found.setdefault(head(entry.reference), []).append(entry)
    return [tuple(entries) for entries in found.values()]


def _order(entry: MedicationUse) -> tuple[str, str, str]:
    return entry.reference, entry.label, repr(entry.daily_mg)
