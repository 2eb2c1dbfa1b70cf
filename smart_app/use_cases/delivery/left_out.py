"""What is left out of the chart where the EHR does not grant the scope or take the type; the rest is written."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from smart_app.use_cases.delivery.features import NEEDS
from smart_app.use_cases.records import Offer

PARTS: Final = MappingProxyType({need.resource_type: need.part for need in NEEDS if need.part is not None})


def losses(not_granted: Iterable[str], tab: str | None = None) -> tuple[str, ...]:
    """What is not written, in words, on one page; None: all of it."""
    lost = frozenset(not_granted)
    return tuple(
        f"{need.without.removesuffix('.')}: the EHR did not allow this app to write {need.part.plural}."
        for need in NEEDS
        if need.part is not None and need.resource_type in lost and tab in {None, *need.part.tabs}
    )


def not_offered(offer: Offer | None) -> frozenset[str]:
    """Types that are left out because the EHR's statement does not say that it creates them.

    A statement that cannot be read (None), or that names no type to create, says nothing: the write has to show.
    """
    if offer is None or not offer.creatable:
        return frozenset()
    return frozenset(PARTS) - offer.creatable
