"""Whose resource is it: the patient compartment, by the element that names the subject (R4 2.29, 3.1.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smart_app.sandbox.gate.offer import OFFERED

Resource = dict[str, Any]
Lookup = Callable[[str, str], Resource | None]


def local(reference: object, base: str) -> tuple[str, str] | None:
    """Type and id of a literal reference to this server; None for any other, other servers' among them."""
    if not isinstance(reference, str):
        return None
    path = reference.removeprefix(f"{base}/")
    parts = path.split("/_history/")[0].split("/")
    return (parts[0], parts[1]) if len(parts) == 2 else None


class Compartment:
    """Judges resources, stored or about to be. `lookup` finds what a Provenance points at."""

    def __init__(self, base: str, lookup: Lookup) -> None:
        self._base, self._lookup = base, lookup

    def holds(self, resource: Resource, patient: str, *, beside: frozenset[str] = frozenset()) -> bool:
        """Whether the resource is this patient's. `beside` are fullUrls of the same, separately judged, Bundle."""
        offer = OFFERED.get(resource.get("resourceType", ""))
        if offer is None or offer.patient is None:
            return False
        if offer.patient == "id":
            return resource.get("id") == patient
        if offer.patient == "target":
            return self._all_targets(resource, patient, beside)
        return self._points_at(resource.get(offer.patient), patient)

    def _points_at(self, reference: object, patient: str) -> bool:
        value = reference.get("reference") if isinstance(reference, dict) else None
        return local(value, self._base) == ("Patient", patient)

    def _all_targets(self, resource: Resource, patient: str, beside: frozenset[str]) -> bool:
        targets = resource.get("target")
        if not isinstance(targets, list) or not targets:
            return False
        return all(self._target(one, patient, beside) for one in targets)

    def _target(self, reference: object, patient: str, beside: frozenset[str]) -> bool:
        value = reference.get("reference") if isinstance(reference, dict) else None
        if value in beside:
            return True
        found = local(value, self._base)
        if found is None:
            return False
        if found == ("Patient", patient):
            return True
        target = self._lookup(*found)
        return target is not None and target["resourceType"] != "Provenance" and self.holds(target, patient)
