"""One of each resource: repeats fall away, the newest version stays. FHIR R4 Meta.versionId and lastUpdated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def without_repeats(resources: Iterable[Json]) -> tuple[list[Json], list[Json]]:
    """What is left, in the order it came, and those of it that contradict another of the same id and version.

    Nobody can tell which of two contradicting texts is the chart: both are to be looked at, and neither to be
    relied on.
    """
    first: dict[str, Json] = {}
    groups: dict[str, list[Json]] = {}  # of what came more than once, which is rare
    for resource in resources:
        key = _key(resource)
        if key in first:
            _add(groups.setdefault(key, [first[key]]), resource)
        else:
            first[key] = resource
    kept = [resource for key, one in first.items() for resource in groups.get(key, (one,))]
    torn = [resource for group in groups.values() if len(group) > 1 for resource in group]
    return kept, torn


def _key(resource: Json) -> str:
    """ "Type/id"; a resource without an id goes by its whole text."""
    reference = elements.reference_of(resource)
    if "/" in reference:
        return reference
    try:
        return repr(resource)
    except (RecursionError, ValueError):  # nested too deep, or a number of more digits than Python prints
        return f"{reference} {id(resource)}"


def _add(group: list[Json], resource: Json) -> None:
    ours, theirs = _version(resource), _version(group[0])
    if ours < theirs:
        return
    if ours > theirs:
        group.clear()
    if not any(_same(resource, other) for other in group):
        group.append(resource)


def _same(one: Json, other: Json) -> bool:
    try:
        return one == other
    except RecursionError:  # nested too deep to compare: then it is not shown to be the same
        return False


def _version(resource: Json) -> tuple[int, datetime]:
    """To order by: a counted versionId, else the time; versions that are mere tokens have no order."""
    meta = elements.mapping(resource.get("meta"))
    version = elements.text(meta.get("versionId"))
    counted = version.isascii() and version.isdigit() and len(version) < 18
    return int(version) if counted else -1, _updated(meta)


def _updated(meta: Json) -> datetime:
    try:
        when = elements.partial_date(meta.get("lastUpdated"), "lastUpdated")
    except elements.Unreadable:
        return _LONG_AGO
    return when.instant if when is not None and when.instant is not None else _LONG_AGO
