"""Whether what the EHR holds is what was sent: amounts by value, times by instant, references wherever they point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from fhir_mappings.writing.written import Json

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_IGNORED = frozenset({"id", "meta", "text"})  # the server's own, and the narrative it may write anew
_MISSING = object()


def differences(sent: Json, received: Json) -> tuple[str, ...]:
    """The paths of elements that were sent and did not come back as they were.

    Elements that the server added are not differences; items of a list may be reordered and joined by others.
    A `urn:uuid` of `sent` is met by any reference to its type, since only the server knows what it became.
    """
    return tuple(
        path
        for name, value in sent.items()
        if name not in _IGNORED
        for path in _differences(f"{sent.get('resourceType', '')}.{name}", value, received.get(name, _MISSING))
    )


def same_subject_and_identifier(sent: Json, received: Json) -> bool:
    """Whether `received` is the resource that was sent: its type, its patient and each of its identifiers.

    A Provenance, which has no identifier in R4, is known by its tags.
    """
    mine, theirs = _names(sent), _names(received)
    return (
        sent.get("resourceType") == received.get("resourceType")
        and bool(mine)
        and mine <= theirs
        and same_reference(_subject(sent), _subject(received))
    )


def holds(element: Any, part: Any) -> bool:
    """Whether `element` says all that `part` says, and perhaps more."""
    return next(_differences("", part, element), None) is None  # a difference of the whole has an empty path


def same_reference(one: str, other: str) -> bool:
    """Whether two reference strings may name the same resource: versions are ignored, one may be relative."""
    first, second = _unversioned(one), _unversioned(other)
    if "://" in first and "://" in second:
        return first == second
    return _tail(first) == _tail(second)


def _differences(path: str, sent: Any, received: Any) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(received, dict):
        for name, value in sent.items():
            there = received.get(name, _MISSING)
            if name == "reference" and isinstance(value, str) and isinstance(there, str):
                if not _points_there(sent, there):
                    yield f"{path}.{name}"
            else:
                yield from _differences(f"{path}.{name}", value, there)
    elif isinstance(sent, list) and isinstance(received, list):
        yield from _list_differences(path, sent, received)
    elif not _equal(sent, received):
        yield path


def _points_there(sent: Json, there: str) -> bool:
    value: str = sent["reference"]
    if not value.startswith("urn:uuid:"):
        return same_reference(value, there)
    kind = _tail(_unversioned(there))[0]
    return value == there or kind == sent.get("type", kind)


def _list_differences(path: str, sent: list[Any], received: list[Any]) -> Iterator[str]:
    """Each item sent takes the first item received that holds it; one that finds none tells how its twin differs."""
    free = dict(enumerate(received))
    lost = []
    for index, item in enumerate(sent):
        places = _outward(index, max(len(sent), len(received)))
        match = next((place for place in places if place in free and holds(free[place], item)), None)
        if match is None:
            lost.append((index, item))
        else:
            del free[match]
    for index, item in lost:
        if index in free:
            yield from _differences(f"{path}[{index}]", item, free[index])
        else:
            yield f"{path}[{index}]"


def _outward(place: int, steps: int) -> Iterator[int]:
    """Places around `place`, nearest first: a long list that came back in its order is walked once."""
    yield place
    for step in range(1, steps + 1):
        yield place - step
        yield place + step


def _equal(sent: Any, received: Any) -> bool:
    if isinstance(sent, bool) or isinstance(received, bool):
        return sent is received
    if isinstance(sent, int | Decimal) and isinstance(received, int | float | Decimal):
        return Decimal(sent) == Decimal(str(received))
    if isinstance(sent, str) and isinstance(received, str):
        return sent == received or _same_instant(sent, received)
    return type(sent) is type(received) and bool(sent == received)


def _same_instant(one: str, other: str) -> bool:
    if not (_DATE_TIME.fullmatch(one) and _DATE_TIME.fullmatch(other)):
        return False
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except ValueError:
        return False


def _names(resource: Json) -> set[tuple[str, str]]:
    if resource.get("resourceType") == "Provenance":
        return {(tag.get("system", ""), tag.get("code", "")) for tag in resource.get("meta", {}).get("tag", [])}
    named = resource.get("identifier", [])
    several = [named] if isinstance(named, dict) else named  # a QuestionnaireResponse has one, and no list
    return {(one.get("system", ""), one.get("value", "")) for one in several}


def _subject(resource: Json) -> str:
    reference: str = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
    return reference


def _unversioned(reference: str) -> str:
    return reference.partition("/_history/")[0]


def _tail(reference: str) -> tuple[str, ...]:
    return tuple(reference.split("/")[-2:])
