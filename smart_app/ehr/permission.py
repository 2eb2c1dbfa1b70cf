"""What the granted scopes let the app read, asked before the EHR is (SMART App Launch 2.2, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fhir_mappings.facts.clinical import Area
from launch.scopes import Scopes

_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CONTEXTS: Final = ("patient", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """What the scopes keep from the app. `total`: nothing may be read, so nothing is asked."""

    total: bool
    reason: str


def barrier(
    granted: Scopes, area: Area, resource_type: str, letter: str = "s", category: str | None = None
) -> Barrier | None:
    """None where the scopes allow it, or where the EHR did not say readably what it granted: then it answers itself.

    A scope with a filter lets a part be read: all that is asked for, or nothing of it, where both name a category.
    """
    if not granted.permissions or granted.unreadable or _allowed(granted, resource_type, letter, category):
        return None
    total = not any(
        held.type in ("*", resource_type)
        and held.letter == letter
        and held.context in _CONTEXTS
        and _may_hold(held.filter, category)
        for held in granted.permissions
    )
    what = "to read" if total else "to read more than a part of the"
    return Barrier(
        total=total,
        reason=f"the EHR did not allow this app {what} {area.value} (scope patient/{resource_type}.rs)",
    )


def _allowed(granted: Scopes, resource_type: str, letter: str, category: str | None) -> bool:
    return any(granted.allows(resource_type, letter, spelling) for spelling in _spellings(category))


def _may_hold(scope_filter: str, category: str | None) -> bool:
    """Whether anything of the category may pass the filter of a scope."""
    named = [part.partition("=")[2].split(",") for part in scope_filter.split("&") if part.startswith("category=")]
    spelt = {spelling.partition("=")[2] for spelling in _spellings(category)}
    return category is None or all(not spelt.isdisjoint(values) for values in named)


def _spellings(category: str | None) -> list[str]:
    return [f"category={category}", f"category={_CATEGORIES}|{category}"] if category else [""]
