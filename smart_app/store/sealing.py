"""Encryption at rest for tokens and verifiers (Fernet): a sealed text opens only in the row it was sealed for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from smart_app.store.errors import KeyMissing, SealBroken, StoreRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """`id` stands before everything that the key sealed; it says nothing about the key."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> SealingKey:
        return cls(id=secrets.token_hex(4), secret=Fernet.generate_key().decode())


class Seals(Protocol):
    """What the store seals with.

    A row is sealed inside the transaction that writes it, and opened inside the one that deletes it. Only then has a
    rotation, which is a writer too, either not begun yet or sealed that row anew before the old key goes.
    """

    def seal(self, context: str, text: str) -> str:
        """`context` names the row, for example "tokens/LAUNCH/1"; the same is needed to open."""
        ...

    def open(self, context: str, sealed: str) -> str:
        """The text again. Raises KeyMissing or SealBroken."""
        ...


class Sealer:
    """The `Seals` of some keys: seals with the first (the newest) and opens with any of them."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        if not keys:
            raise StoreRefused("there is no key to seal with")
        self.newest = keys[0].id
        self._known = frozenset(key.id for key in keys)
        self._fernets = MultiFernet([Fernet(key.secret) for key in keys])

    def seal(self, context: str, text: str) -> str:
        plain = msgspec.json.encode((context, text))
        return f"{self.newest}.{self._fernets.encrypt(plain).decode()}"

    def open(self, context: str, sealed: str) -> str:
        key_id, _, token = sealed.partition(".")
        if key_id not in self._known:
            raise KeyMissing(f"sealed with key {key_id}, which the key file does not hold")
        try:
            plain = self._fernets.decrypt(token)
        except InvalidToken:
            raise SealBroken("a sealed text was changed") from None
        # Fernet has no associated data, so the row's name is inside: a text moved to another row is refused.
        found, text = msgspec.json.decode(plain, type=tuple[str, str])
        if found != context:
            raise SealBroken("a sealed text stands in a row it was not sealed for")
        return text


def open_found(seals: Seals, find: Callable[[], tuple[str, str] | None]) -> str | None:
    """Open what `find` reads, a context and a sealed text; None: it finds nothing.

    Where the key is not known it is read once more: a rotation may have sealed it anew since, and dropped that key.
    """
    try:
        return _opened(seals, find())
    except KeyMissing:
        return _opened(seals, find())


def _opened(seals: Seals, found: tuple[str, str] | None) -> str | None:
    return None if found is None else seals.open(*found)
