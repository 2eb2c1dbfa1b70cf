"""Encryption at rest for tokens and verifiers (Fernet): a sealed text opens only in the row it was sealed for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from smart_app.store.errors import KeyMissing, SealBroken, StoreRefused
from smart_app.store.ownership import PRIVATE, require_private


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """`id` stands before everything that the key sealed; it says nothing about the key."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> SealingKey:
        return cls(id=secrets.token_hex(4), secret=Fernet.generate_key().decode())


class Sealer:
    """Seals with the first of its keys (the newest) and opens with any of them."""

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        if not keys:
            raise StoreRefused("there is no key to seal with")
        self._newest = keys[0].id
        self._known = frozenset(key.id for key in keys)
        self._fernets = MultiFernet([Fernet(key.secret) for key in keys])

    def seal(self, context: str, text: str) -> str:
        """`context` names the row, for example "tokens/LAUNCH/1"; the same is needed to open."""
        plain = msgspec.json.encode((context, text))
        return f"{self._newest}.{self._fernets.encrypt(plain).decode()}"

    def open(self, context: str, sealed: str) -> str:
        """The text again. Raises KeyMissing or SealBroken."""
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

    def is_newest(self, sealed: str) -> bool:
        """Whether the newest key sealed this."""
        return sealed.partition(".")[0] == self._newest


def sealer_at(path: Path) -> Sealer:
    """The sealer of a key file; a first key is made when there is no file. Raises StoreRefused."""
    if not path.exists():
        _write(path, (SealingKey.generate(),), new=True)
    return Sealer(read_keys(path))


def read_keys(path: Path) -> tuple[SealingKey, ...]:
    """The keys of a file, newest first: a line each, an id and a Fernet key."""
    require_private(path)
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = tuple(SealingKey(id=key_id, secret=secret) for key_id, secret in lines)
        Sealer(keys)
    except ValueError:
        raise StoreRefused(f"{path.name} is not a file of sealing keys: a line each, an id and a key") from None
    return keys


def add_key(path: Path) -> SealingKey:
    """Make a new newest key; what the older ones sealed still opens."""
    key = SealingKey.generate()
    _write(path, (key, *read_keys(path)), new=False)
    return key


def drop_old_keys(path: Path) -> None:
    """Keep the newest key alone. Only after everything was sealed anew: see `launches.reseal`."""
    _write(path, read_keys(path)[:1], new=False)


def _write(path: Path, keys: Sequence[SealingKey], *, new: bool) -> None:
    """Write beside it and move into place, so that no reader and no power cut finds half a key."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{key.id} {key.secret}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    if new:
        _link(beside, path)
    else:
        beside.replace(path)


def _link(beside: Path, path: Path) -> None:
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        pass  # another process made the first key; that one counts
    finally:
        beside.unlink()
