"""What leaves this package: one resource as bytes, with the identifier it is found by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]


# R4 gives these no search by identifier: they are found by `meta.tag`, which holds the same.
FOUND_BY_TAG: Final = frozenset({"Provenance", "AdverseEvent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenResource:
    """One resource as our bytes. References to the EHR are absolute, those among our own are `urn:uuid`.

    `system` and `value` are its business identifier; for Provenance, which has none in R4, its `meta.tag`.
    `label` is for pages and holds no patient data.
    """

    resource_type: str
    system: str
    value: str
    label: str
    body: bytes
