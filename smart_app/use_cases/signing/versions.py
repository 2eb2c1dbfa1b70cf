"""The signed versions of a session: what each changed, field by field, and who signed it a second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fhir_mappings.facts.treatment import KetamineSession, Signature
from fhir_mappings.writing.session_note import note_sections
from smart_app.use_cases.records import Countersignature, SessionVersion

_ALWAYS_OTHER = frozenset({"Signature", "Entered later"})  # each signature is another one; the second says it twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of the note that differs. "": it was not there before, or is not any more."""

    section: str
    name: str
    before: str
    after: str


def changes(before: KetamineSession, after: KetamineSession) -> tuple[Change, ...]:
    """What a reader of the note sees differ from one version to the next, in the order of the note."""
    old, new = dict(_named(before)), dict(_named(after))
    return tuple(
        Change(section=key[0], name=key[1], before=old.get(key, ""), after=new.get(key, ""))
        for key in dict.fromkeys((*old, *new))
        if old.get(key) != new.get(key)
    )


def _named(session: KetamineSession) -> Iterator[tuple[tuple[str, str, int], str]]:
    """Every fact by its section and name; those of one name, such as two notes of one minute, by their turn."""
    seen: dict[tuple[str, str], int] = {}
    for section in note_sections(session):
        if section.title in _ALWAYS_OTHER:
            continue
        for fact in section.facts:
            turn = seen[section.title, fact.name] = seen.get((section.title, fact.name), 0) + 1
            yield (section.title, fact.name, turn), fact.value


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One signed version as a page lists it. `changes` since the one before; none for the first."""

    number: int
    signature: Signature
    reason: str
    sha256: str
    changes: tuple[Change, ...]
    countersignatures: tuple[Signature, ...]


def version_lines(
    versions: Sequence[SessionVersion], countersignatures: Sequence[Countersignature]
) -> tuple[VersionLine, ...]:
    """Oldest first, as they come."""
    before: Sequence[SessionVersion | None] = [None, *versions]
    return tuple(
        VersionLine(
            number=each.number,
            signature=each.record.signature,
            reason=each.record.amended,
            sha256=each.sha256,
            changes=changes(earlier.record, each.record) if earlier is not None else (),
            countersignatures=tuple(one.signature for one in countersignatures if one.number == each.number),
        )
        for earlier, each in zip(before, versions, strict=False)
    )
