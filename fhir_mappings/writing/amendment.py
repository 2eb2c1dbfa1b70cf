"""A written session brought to its next version where it is: our elements are replaced, everybody else's stay.

R4 http 3.1.0.5.1 (version-aware updates): each is updated only in the version that was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fhir_mappings import wire
from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.writing.datatypes import annotation
from fhir_mappings.writing.instance import urn
from fhir_mappings.writing.read_back import holds
from fhir_mappings.writing.retraction import is_retracted, retracted
from fhir_mappings.writing.transaction import create_entry, put_entry
from fhir_mappings.writing.written import Json, WrittenResource

_THE_SERVERS = frozenset({"resourceType", "id", "meta", "text"})
_OF_PARTS = frozenset({"dosage"})  # an EHR's user changes its dose or route and leaves its text
_MISSING = object()


class Disputed(Exception):
    """Somebody else changed what this amendment would change. `names` are the elements, without their values."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


def amended(current: Json, before: Sequence[Json], ours: Json) -> Json | None:
    """`current` as it should stand now; None: it does already. Raises Disputed.

    `before` are all our earlier versions: what they and `ours` have in common is not touched, and of what differs
    only that is replaced which still stands there as one of them left it. What others added to a list stays in it.
    """
    result, disputed = dict(current), []
    names = dict.fromkeys(name for one in (*before, ours) for name in one if name not in _THE_SERVERS)
    for name in names:
        wanted, earlier = ours.get(name, _MISSING), [one.get(name, _MISSING) for one in before]
        if all(one == wanted for one in earlier):
            continue
        there = current.get(name, _MISSING)
        by_parts = name in _OF_PARTS and isinstance(there, dict)
        known, replaced = (_parts_known, _parts_replaced) if by_parts else (_known, _replaced)
        if there is not _MISSING and not known(there, [*earlier, wanted]):
            disputed.append(name)
            continue
        made = replaced(there, [*earlier, wanted], wanted)
        if made is _MISSING:
            result.pop(name, None)
        else:
            result[name] = made
    if disputed:
        raise Disputed(disputed)
    return None if result == current else result


def _known(there: Any, ours: Sequence[Any]) -> bool:
    """Whether what is there is one of our versions, with what others may have added to a list."""
    if not isinstance(there, list):
        return any(one is not _MISSING and holds(there, one) for one in ours)
    return any(all(any(holds(x, item) for x in there) for item in one) for one in ours if isinstance(one, list)) or (
        any(one is _MISSING for one in ours)
    )


def _parts_known(there: Json, ours: Sequence[Any]) -> bool:
    """Whether each part that we write is one that we wrote, be it in another version than the part beside it."""
    versions = [one for one in ours if isinstance(one, dict)]
    parts = {part for one in versions for part in one} & there.keys()
    return all(any(part in one and holds(there[part], one[part]) for one in versions) for part in parts)


def _parts_replaced(there: Json, ours: Sequence[Any], wanted: Any) -> Any:
    """What others added beside our parts stays."""
    if wanted is _MISSING or holds(there, wanted):
        return there if wanted is not _MISSING else _MISSING
    own = {part for one in ours if isinstance(one, dict) for part in one}
    return {part: value for part, value in there.items() if part not in own} | wanted


def _replaced(there: Any, ours: Sequence[Any], wanted: Any) -> Any:
    if there is _MISSING:
        return wanted
    if not isinstance(there, list):
        # An EHR may have written a display beside our words: what says the same is left as it is.
        return there if wanted is not _MISSING and holds(there, wanted) else wanted
    own = [item for one in ours if isinstance(one, list) for item in one]
    kept = [] if wanted is _MISSING else [next((x for x in there if holds(x, item)), item) for item in wanted]
    foreign = [x for x in there if not any(holds(x, item) for item in own)]
    both = kept + foreign
    if len(both) == len(there) and all(x in both for x in there):
        return there
    return both or _MISSING


def taken_out(current: Json, when: datetime, author: Clinician) -> Json | None:
    """What no longer belongs to the record, marked as entered in error; None: it is marked already."""
    if is_retracted(current):
        return None
    note = annotation("author", author, when, "Entered in error: taken out when the record was amended.")
    return retracted(current, note)


def amendment(
    created: Sequence[WrittenResource],
    updated: Sequence[Json],
    *,
    fhir_base: str,
    known: Mapping[str, str | None],
) -> bytes:
    """The transaction: what is new by conditional creates, what is changed in the versions that were read.

    Raises Unwritable where a resource links to nothing that is known, or came without its version.
    """
    inside = {urn(one.system, one.value) for one in created}
    entries = [create_entry(one, inside, fhir_base, known) for one in created]
    entries += [put_entry(one) for one in updated]
    return wire.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})
