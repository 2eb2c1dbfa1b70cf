"""References inside a chart, whatever their shape: relative, absolute, urn:uuid, with or without a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json


def local(reference: Any, kind: str) -> str:
    """ "Type/id" of a Reference; `kind` is the type that a urn:uuid points to. "" where it points to nothing."""
    target = elements.text(elements.mapping(reference).get("reference")).partition("/_history/")[0]
    if target.startswith("urn:uuid:"):
        return f"{kind}/{target[9:]}"
    return "/".join(target.split("/")[-2:])


def found(reference: Any, kind: str, inside: Json, chart: Mapping[str, Json]) -> Json | None:
    """The resource that a Reference points to: contained in `inside`, or of the chart by "Type/id"."""
    target = local(reference, kind)
    if target.startswith("#"):
        contained = elements.objects(inside.get("contained"))
        return next((one for one in contained if f"#{elements.text(one.get('id'))}" == target), None)
    return chart.get(target)
