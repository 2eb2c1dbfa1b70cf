"""What an EHR says in /metadata that it offers (FHIR R4 CapabilityStatement), kept for an hour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import anyio

from smart_app.use_cases.records import Json, Offer

KEPT_FOR: Final = 3600.0  # seconds


class Offers:
    """One memory for all EHRs of this process. A failure is never kept, and one fetch serves all who wait for it."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a monotonic clock."""
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Offer]] = {}
        self._locks: dict[str, anyio.Lock] = {}

    async def of(self, fhir_base: str, fetch: Callable[[], Awaitable[Json]]) -> Offer:
        async with self._locks.setdefault(fhir_base, anyio.Lock()):
            since, offer = self._kept.get(fhir_base, (0.0, None))
            if offer is None or self._seconds() - since >= KEPT_FOR:
                offer = read_offer(await fetch())
                self._kept[fhir_base] = (self._seconds(), offer)
            return offer


def read_offer(statement: Mapping[str, Any]) -> Offer:
    """Tolerant: what is misshapen counts as not offered."""
    servers = [rest for rest in _dicts(statement.get("rest")) if rest.get("mode") == "server"]
    resources = [entry for rest in servers for entry in _dicts(rest.get("resource"))]
    return Offer(
        transaction=any("transaction" in _codes(rest) for rest in servers),
        readable=_types(resources, "read", "search-type"),
        creatable=_types(resources, "create"),
        updatable=_types(resources, "update"),
    )


def _types(resources: list[dict[str, Any]], *interactions: str) -> frozenset[str]:
    return frozenset(
        entry["type"]
        for entry in resources
        if isinstance(entry.get("type"), str) and not _codes(entry).isdisjoint(interactions)
    )


def _codes(part: Mapping[str, Any]) -> frozenset[str]:
    codes: Iterator[object] = (interaction.get("code") for interaction in _dicts(part.get("interaction")))
    return frozenset(code for code in codes if isinstance(code, str))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
