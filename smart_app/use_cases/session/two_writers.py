"""Two people on one field: what each wrote is kept, and a person chooses; nothing is overwritten unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from fhir_mappings.facts.treatment import Clinician

# Names that only the server writes, beside the typed ones: who wrote a field, when, what stood there before (a list
# that only grows) and what else was written at the same time and waits for somebody to choose.
BY, AT, PAST, RIVALS = "@by.", "@at.", "@past.", "@rivals."
WAS, WAS_BY = "@was.", "@was_by."  # of sessions that were begun before the list was kept: the one value before


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What one person wrote in a field. `by` is a reference; "" for what was filled in at opening."""

    value: str
    by: str
    at: str  # ISO 8601; "" for what was filled in at opening


def versions(fields: Mapping[str, str], name: str) -> tuple[Version, ...]:
    """What is written in a field now: one version, or all that wait for a choice, the one that stands first."""
    return (_standing(fields, name), *_list(fields, RIVALS + name))


def past(fields: Mapping[str, str], name: str) -> tuple[Version, ...]:
    """What stood in a field and was replaced by somebody else, or was not chosen, oldest first."""
    return _list(fields, PAST + name)


def disputed(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The fields in which two people wrote different things without seeing it."""
    return tuple(sorted(name.removeprefix(RIVALS) for name in fields if name.startswith(RIVALS)))


def mark(found: Sequence[Version]) -> str:
    """Changes with the versions: a choice between others than those that were shown is none."""
    return sha256(json.dumps([asdict(each) for each in found]).encode()).hexdigest()[:16]


def meets(
    fields: Mapping[str, str], name: str, value: str, author: str, shown: Mapping[str, str | None] | None
) -> bool:
    """Whether a value comes from a page that did not show what a colleague had written there.

    `shown` are the values that the page showed, without the empty ones; None: it is not known what it showed.
    """
    now = fields.get(name, "")
    before = None if shown is None else shown.get(name, "")
    if before is None or now in {before, value}:
        return False
    return fields.get(BY + name) not in {None, author}


def replaced(fields: Mapping[str, str], name: str, value: str, author: Clinician, at: datetime) -> dict[str, str]:
    """Write over what stands, knowingly. A colleague's value goes to the past; own older words are given up."""
    found = dict(fields)
    before = _standing(fields, name)
    gone = [before] if before.value and before.by not in {"", author.reference} else []
    gone += [each for each in _list(fields, RIVALS + name) if each.by == author.reference]
    _keep(found, PAST + name, (*past(fields, name), *gone))
    _keep(found, RIVALS + name, [each for each in _list(fields, RIVALS + name) if each not in gone])
    return found | {name: value, BY + name: author.reference, AT + name: at.isoformat()}


def set_beside(fields: Mapping[str, str], name: str, value: str, author: Clinician, at: datetime) -> dict[str, str]:
    """Keep a value beside the one that stands until somebody chooses; of one person the last words."""
    found = dict(fields)
    others = [each for each in _list(fields, RIVALS + name) if each.by != author.reference]
    _keep(found, RIVALS + name, (*others, Version(value=value, by=author.reference, at=at.isoformat())))
    return found


def chosen(fields: Mapping[str, str], name: str, place: int) -> dict[str, str]:
    """The version at `place` of `versions` stands; the others go to the past."""
    found, all_written = dict(fields), versions(fields, name)
    kept = all_written[place]
    others = [each for each in all_written if each is not kept]
    _keep(found, PAST + name, (*past(fields, name), *others))
    _keep(found, RIVALS + name, ())
    return found | {name: kept.value, BY + name: kept.by, AT + name: kept.at}


def _standing(fields: Mapping[str, str], name: str) -> Version:
    return Version(value=fields.get(name, ""), by=fields.get(BY + name, ""), at=fields.get(AT + name, ""))


def _list(fields: Mapping[str, str], key: str) -> tuple[Version, ...]:
    return tuple(Version(**each) for each in json.loads(fields.get(key, "[]")))


def _keep(fields: dict[str, str], key: str, found: Sequence[Version]) -> None:
    if found:
        fields[key] = json.dumps([asdict(each) for each in found])
    else:
        fields.pop(key, None)
