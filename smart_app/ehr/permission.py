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

    A scope with a filter lets a part be read, unless it is the very category that is asked for.
    """
    if not granted.permissions or granted.unreadable or _allowed(granted, resource_type, letter, category):
        return None
    total = not any(
        held.type in ("*", resource_type) and held.letter == letter and held.context in _CONTEXTS
        for held in granted.permissions
    )
    what = "to read" if total else "to read more than a part of the"
    return Barrier(
        total=total,
        reason=f"the EHR did not allow this app {what} {area.value} (scope patient/{resource_type}.rs)",
    )


def _allowed(granted: Scopes, resource_type: str, letter: str, category: str | None) -> bool:
    spellings = [f"category={category}", f"category={_CATEGORIES}|{category}"] if category else [""]
    return any(granted.allows(resource_type, letter, spelling) for spelling in spellings)
