"""Our signing keys: made, kept, rotated, published (RFC 7517; SMART App Launch 2.2, asymmetric authentication).

A key is published from the day it is made and signs from `active_from` on, so that EHRs which keep our key set for
a while already know it. The old key stays published until `retire`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from launch.errors import KeysUnusable
from launch.private_files import read_private, write_private

ALGORITHMS = ("ES384", "RS384")
_RSA_BITS = 3072
_SMALLEST_RSA_BITS = 2048
_PUBLIC_MEMBERS = ("kty", "kid", "alg", "use", "crv", "x", "y", "n", "e")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key with its algorithm; `kid` is its RFC 7638 thumbprint."""

    kid: str
    algorithm: str
    active_from: datetime
    key: RSAKey | ECKey = field(repr=False)

    @classmethod
    def generate(cls, algorithm: str, *, active_from: datetime, rsa_bits: int = _RSA_BITS) -> Self:
        """A new ES384 or RS384 key."""
        if algorithm not in ALGORITHMS:
            raise KeysUnusable(f"keys are made for {' or '.join(ALGORITHMS)}, not {algorithm}")
        key = ECKey.generate_key("P-384") if algorithm == "ES384" else RSAKey.generate_key(rsa_bits)
        return cls._named(key, algorithm, active_from)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a private JWK with `alg` and `nbf`; KeysUnusable when it is anything else."""
        try:
            jwk = json.loads(read_private(path))
            key = (ECKey if jwk["kty"] == "EC" else RSAKey).import_key(jwk)
            algorithm, active_from = jwk["alg"], datetime.fromtimestamp(jwk["nbf"], UTC)
        except (ValueError, TypeError, KeyError, JoseError):
            raise KeysUnusable(f"{path.name} is not one of the app's keys") from None
        _check(key, algorithm, path.name)
        return cls._named(key, algorithm, active_from)

    @classmethod
    def _named(cls, key: RSAKey | ECKey, algorithm: str, active_from: datetime) -> Self:
        return cls(kid=key.thumbprint(), algorithm=algorithm, active_from=active_from, key=key)

    @property
    def file_name(self) -> str:
        return f"{self.algorithm.lower()}-{self.kid}.jwk"

    def public(self) -> dict[str, str]:
        """The public JWK; members are chosen by name, so that a private one cannot slip in."""
        described = {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}
        return {name: str(described[name]) for name in _PUBLIC_MEMBERS if name in described}

    def save(self, folder: Path) -> Path:
        """Write the private JWK into the folder, mode 0600."""
        path = folder / self.file_name
        begins = {"kid": self.kid, "alg": self.algorithm, "use": "sig", "nbf": int(self.active_from.timestamp())}
        write_private(path, json.dumps({**self.key.as_dict(private=True), **begins}).encode())
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """All our keys, old and new."""

    keys: tuple[SigningKey, ...]

    @classmethod
    def of(cls, keys: Iterable[SigningKey]) -> Self:
        return cls(keys=tuple(sorted(keys, key=lambda held: (held.active_from, held.kid))))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every `*.jwk` of a folder; a folder without any gives an empty ring."""
        return cls.of(SigningKey.from_file(path) for path in sorted(folder.glob("*.jwk")))

    def active(self, algorithm: str, now: datetime) -> SigningKey:
        """The key that signs now: the newest that is active, else the one that will be first."""
        held = [key for key in self.keys if key.algorithm == algorithm]
        if not held:
            raise KeysUnusable(f"the app has no {algorithm} key")
        begun = [key for key in held if key.active_from <= now]
        return begun[-1] if begun else held[0]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public key set for /.well-known/jwks.json."""
        return {"keys": [key.public() for key in self.keys]}


def retire(folder: Path, kid: str) -> None:
    """Forget a key for good: it is no longer published, and what it signed no longer counts."""
    for path in folder.glob(f"*-{kid}.jwk"):
        path.unlink()


def _check(key: RSAKey | ECKey, algorithm: Any, name: str) -> None:
    fitting = {"ES384": isinstance(key, ECKey), "RS384": isinstance(key, RSAKey)}.get(algorithm, False)
    strong = key.curve_name == "P-384" if isinstance(key, ECKey) else _bits(key) >= _SMALLEST_RSA_BITS
    if not (key.is_private and fitting and strong):
        raise KeysUnusable(f"{name} is not a private ES384 key or an RS384 key of {_SMALLEST_RSA_BITS} bits")


def _bits(key: RSAKey) -> int:
    return key.public_key.key_size
