"""Our signing keys: made, kept, rotated, published (RFC 7517; SMART App Launch 2.2, asymmetric authentication).

A key belongs to one EHR. It is published from the day it is made and signs from `active_from` on, so that an EHR
which keeps our key set for a while already knows it. The old key stays published until it is retired.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, Self

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from launch.errors import KeysUnusable
from launch.private_files import read_private, write_private

ALGORITHMS = ("ES384", "RS384")
JWKS_MAX_AGE = 3600  # seconds for which an EHR may keep our key set
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
        while True:
            key = ECKey.generate_key("P-384") if algorithm == "ES384" else RSAKey.generate_key(rsa_bits)
            made = cls._named(key, algorithm, active_from)
            if not made.kid.startswith("-"):  # on a command line it would pass for an option
                return made

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


class SigningKeys(Protocol):
    """Our keys as the launch asks for them."""

    def active(self, ehr: str, algorithm: str, now: datetime) -> SigningKey:
        """The key that signs for this EHR now. Raises KeysUnusable."""
        ...

    def jwks(self, ehr: str | None = None) -> dict[str, list[dict[str, str]]]:
        """The public key set of one EHR; None: of all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """Our keys at one moment, each tuple oldest first.

    `shared` are keys of earlier releases, for every EHR: they go on signing where no key of the EHR's own has begun.
    """

    own: Mapping[str, tuple[SigningKey, ...]] = field(default_factory=dict)
    shared: tuple[SigningKey, ...] = ()

    @classmethod
    def of(cls, shared: Iterable[SigningKey] = (), own: Mapping[str, Iterable[SigningKey]] | None = None) -> Self:
        return cls(shared=_in_order(shared), own={ehr: _in_order(keys) for ehr, keys in (own or {}).items()})

    def keys_of(self, ehr: str) -> tuple[SigningKey, ...]:
        """All keys that this EHR has to know: its own, and the shared ones."""
        return (*self.own.get(ehr, ()), *self.shared)

    def active(self, ehr: str, algorithm: str, now: datetime) -> SigningKey:
        """The newest key that is active, own before shared, else the one that will be first. Never another EHR's."""
        held = [key for key in self.keys_of(ehr) if key.algorithm == algorithm]
        if not held:
            raise KeysUnusable(f"The app has no {algorithm} key for this EHR.", ehr=ehr)
        for keys in (self.own.get(ehr, ()), self.shared):
            begun = [key for key in keys if key.algorithm == algorithm and key.active_from <= now]
            if begun:
                return begun[-1]
        return held[0]

    def jwks(self, ehr: str | None = None) -> dict[str, list[dict[str, str]]]:
        """The public key set; no kid stands in it twice."""
        ehrs = sorted(self.own) if ehr is None else [ehr]
        published = {key.kid: key.public() for name in ehrs for key in self.keys_of(name)}
        return {"keys": list(({key.kid: key.public() for key in self.shared} | published).values())}


def _in_order(keys: Iterable[SigningKey]) -> tuple[SigningKey, ...]:
    return tuple(sorted(keys, key=lambda held: (held.active_from, held.kid)))


def _check(key: RSAKey | ECKey, algorithm: Any, name: str) -> None:
    fitting = {"ES384": isinstance(key, ECKey), "RS384": isinstance(key, RSAKey)}.get(algorithm, False)
    strong = key.curve_name == "P-384" if isinstance(key, ECKey) else _bits(key) >= _SMALLEST_RSA_BITS
    if not (key.is_private and fitting and strong):
        raise KeysUnusable(f"{name} is not a private ES384 key or an RS384 key of {_SMALLEST_RSA_BITS} bits")


def _bits(key: RSAKey) -> int:
    return key.public_key.key_size
