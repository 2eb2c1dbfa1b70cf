"""SMART v1 and v2 scopes: read, print, narrow (SMART App Launch 2.2, scopes and launch context)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from smart_app.sandbox.site import SCOPES_WITHOUT_DATA

LETTERS = "cruds"
V1 = {"read": "rs", "write": "cud", "*": LETTERS}
# The gate judges these filters itself, on reads and on writes; a scope with any other is not granted.
FILTERS = frozenset({"category", "code", "status", "clinical-status"})

_DATA = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<access>read|write|\*|c?r?u?d?s?)"
    r"(?:\?(?P<filters>[^\s]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataScope:
    """One clinical scope. `letters` is a part of `cruds` in that order; `v1` remembers the form it was asked in."""

    context: str
    type: str
    letters: str
    filters: tuple[tuple[str, str], ...] = ()
    v1: str | None = None

    def __str__(self) -> str:
        query = "?" + urlencode(self.filters, safe=":/|,") if self.filters else ""
        return f"{self.context}/{self.type}.{self.v1 or self.letters}{query}"


def parse(text: str) -> DataScope | None:
    """A clinical scope; None for any other word, misspelt ones (letters out of order) among them."""
    match = _DATA.fullmatch(text)
    if not match or not match["access"]:
        return None
    access = match["access"]
    filters = tuple(parse_qsl(match["filters"] or "", keep_blank_values=True))
    if access in V1 and filters:
        return None
    return DataScope(
        context=match["context"],
        type=match["type"],
        letters=V1.get(access, access),
        filters=filters,
        v1=access if access in V1 else None,
    )


def parse_all(text: str) -> tuple[DataScope, ...]:
    """The clinical scopes of a space-separated list."""
    return tuple(scope for scope in map(parse, text.split()) if scope)


def narrow(asked: str, registered: dict[str, str]) -> list[str]:
    """What is granted of `asked`: whatever goes beyond `registered` (type -> letters) is dropped, order kept.

    A wildcard becomes the registered types one by one.
    """
    granted: list[str] = []
    for word in asked.split():
        scope = parse(word)
        if scope:
            granted += [str(one) for one in _narrow_one(scope, registered)]
        elif word in SCOPES_WITHOUT_DATA:
            granted.append(word)
    return list(dict.fromkeys(granted))


def _narrow_one(scope: DataScope, registered: dict[str, str]) -> list[DataScope]:
    if scope.context == "system" or any(name not in FILTERS for name, _ in scope.filters):
        return []
    types = registered if scope.type == "*" else [scope.type]
    narrowed = []
    for name in types:
        letters = "".join(one for one in scope.letters if one in registered.get(name, ""))
        if letters:
            whole = letters == scope.letters
            narrowed.append(
                DataScope(
                    context=scope.context,
                    type=name,
                    letters=letters,
                    filters=scope.filters,
                    v1=scope.v1 if whole else None,
                )
            )
    return narrowed
