"""SMART scopes, version 1 and 2: read, print, compare (SMART App Launch 2.2, section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

LETTERS = "cruds"  # create, read, update, delete, search: the only order the grammar knows
ScopeVersion = Literal["v1", "v2"]

_CLINICAL = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]*)\."
    r"(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?)(?:\?(?P<filter>[^\s?\"\\]+))?)\Z"
)
_LOOKS_CLINICAL = re.compile(r"(?:patient|user|system)/")
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")  # RFC 6749, section 3.3
_FROM_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """One interaction on one resource type; `filter` is the sorted query of a finer-grained scope, or ''."""

    context: str
    type: str
    filter: str = ""
    letter: str

    def covers(self, other: Permission) -> bool:
        """A wider permission covers a narrower one; a filter covers whatever is filtered at least as much."""
        return (
            self.context == other.context
            and self.type in {"*", other.type}
            and self.letter == other.letter
            and _parts(self.filter) <= _parts(other.filter)
        )

    def meet(self, other: Permission) -> Permission | None:
        """What both allow, if anything."""
        if (self.context, self.letter) != (other.context, other.letter):
            return None
        if "*" not in {self.type, other.type} and self.type != other.type:
            return None
        narrower = other.type if self.type == "*" else self.type
        both = "&".join(sorted(_parts(self.filter) | _parts(other.filter)))
        return Permission(context=self.context, type=narrower, letter=self.letter, filter=both)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """A set of permissions, the scopes that are none (openid, launch ...) and what could not be read."""

    permissions: frozenset[Permission] = frozenset()
    others: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()  # grants nothing; an EHR's mistake must not end a launch

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scope string in either version, or in both mixed."""
        permissions: set[Permission] = set()
        others: dict[str, None] = {}
        unreadable: dict[str, None] = {}
        for word in text.split():
            if match := _CLINICAL.match(word):
                permissions |= _permissions(match)
            elif _LOOKS_CLINICAL.match(word) or not _TOKEN.match(word):
                unreadable[word] = None
            else:
                others[word] = None
        return cls(permissions=frozenset(permissions), others=tuple(others), unreadable=tuple(unreadable))

    def covers(self, context: str, resource_type: str, letter: str, filter_text: str = "") -> bool:
        """Whether this context may do this interaction (a letter of cruds) on this type."""
        asked = Permission(context=context, type=resource_type, letter=letter, filter=_sorted(filter_text))
        return any(held.covers(asked) for held in self.permissions)

    def allows(self, resource_type: str, letter: str, filter_text: str = "") -> bool:
        """Whether a launched app may do it, be it by a patient/ or a user/ scope."""
        return any(self.covers(context, resource_type, letter, filter_text) for context in ("patient", "user"))

    def narrow(self, limit: Scopes) -> Scopes:
        """What both sets allow; other scopes are kept where both name them."""
        met = (mine.meet(theirs) for mine in self.permissions for theirs in limit.permissions)
        kept = tuple(word for word in self.others if word in limit.others)
        return Scopes(permissions=_without_covered(p for p in met if p), others=kept)

    def difference(self, granted: Scopes) -> Scopes:
        """What is asked here and not granted there."""
        missing = frozenset(
            asked for asked in self.permissions if not any(held.covers(asked) for held in granted.permissions)
        )
        return Scopes(permissions=missing, others=tuple(word for word in self.others if word not in granted.others))

    def as_text(self, version: ScopeVersion = "v2") -> str:
        """The shortest way to say it. Version 1 knows only read and write, so it may ask for more, never less."""
        asked = {wide for held in self.permissions for wide in _in_v1(held)} if version == "v1" else self.permissions
        grouped: dict[tuple[str, str, str], set[str]] = {}
        for held in _without_covered(asked):
            grouped.setdefault((held.context, held.type, held.filter), set()).add(held.letter)
        words = [word for key in sorted(grouped) for word in _words(key, grouped[key], version)]
        return " ".join([*self.others, *words])


def _permissions(match: re.Match[str]) -> set[Permission]:
    letters = _FROM_V1[match["v1"]] if match["v1"] else match["v2"]
    query = _sorted(match["filter"] or "")
    return {
        Permission(context=match["context"], type=match["type"], letter=letter, filter=query) for letter in letters
    }


def _in_v1(held: Permission) -> Iterator[Permission]:
    """The least that version 1 can say with this in it: all of read or all of write, and no filter."""
    (letters,) = (_FROM_V1[verb] for verb in ("read", "write") if held.letter in _FROM_V1[verb])
    for letter in letters:
        yield Permission(context=held.context, type=held.type, letter=letter)


def _words(key: tuple[str, str, str], letters: set[str], version: ScopeVersion) -> list[str]:
    context, resource_type, query = key
    stem = f"{context}/{resource_type}."
    if version == "v2":
        ordered = "".join(letter for letter in LETTERS if letter in letters)
        return [f"{stem}{ordered}?{query}" if query else f"{stem}{ordered}"]
    # Never ".*": some EHRs refuse it, and it says no more than the two words.
    return [stem + verb for verb in ("read", "write") if letters & set(_FROM_V1[verb])]


def _without_covered(permissions: Iterable[Permission]) -> frozenset[Permission]:
    held = frozenset(permissions)
    return frozenset(p for p in held if not any(q != p and q.covers(p) for q in held))


def _parts(query: str) -> frozenset[str]:
    return frozenset(part for part in query.split("&") if part)


def _sorted(query: str) -> str:
    return "&".join(sorted(_parts(query)))
