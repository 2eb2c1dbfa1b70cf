"""Signing keys made, rotated and retired so that no launch fails on the way (SMART App Launch 2.2; RFC 7517).

A key is published and signs from `active_from` on; a successor is published, then signs; the old key is retired.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from launch.client_assertion import LIFETIME
from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.keys import JWKS_MAX_AGE, KeyRing, SigningKey
from launch.registry import Registration

# An EHR that keeps our set for longer than Cache-Control allows mostly does so for a day.
WAIT = timedelta(days=1)
SHORTEST_WAIT = timedelta(seconds=JWKS_MAX_AGE)
_UNDER_WAY = timedelta(
    seconds=LIFETIME + 60
)  # the last assertion of a key counts for this long, slow clocks included


class KeyChangeRefused(Exception):
    """Nothing was changed, since launches would have failed. The message says what to do instead."""


def make_first_keys(folder: KeyFolder, registrations: Iterable[Registration], now: datetime) -> None:
    """A key of the right algorithm for every EHR that has to have one and has none, so that the first start works."""
    with folder.changing():
        for registration in registrations:
            if _signs(registration) and not _fitting(folder.ring(registration.name), registration):
                _make(folder, registration.name, registration.algorithm, now)


def new_key(folder: KeyFolder, registration: Registration, algorithm: str, now: datetime) -> SigningKey:
    """A first key of this algorithm, which signs at once."""
    with folder.changing():
        if any(key.algorithm == algorithm for key in folder.ring(registration.name).keys_of(registration.name)):
            raise KeyChangeRefused(
                f"{registration.name} has an {algorithm} key, and a second one would sign before the EHR knows it: "
                f"use keys rotate {registration.name}"
            )
        return _make(folder, registration.name, algorithm, now)


def rotate(folder: KeyFolder, registration: Registration, now: datetime, *, after: timedelta = WAIT) -> SigningKey:
    """A successor of the key that signs: published at once, signing `after` this long."""
    name, algorithm = registration.name, registration.algorithm
    with folder.changing():
        held = _fitting(folder.ring(name), registration)
        if not held:
            raise KeyChangeRefused(f"{name} has no {algorithm} key to follow: use keys new {name}")
        signing = folder.active(name, algorithm, now)
        waiting = [key for key in held if key.active_from > now and key.kid != signing.kid]
        if waiting:
            raise KeyChangeRefused(
                f"a rotation is under way: {waiting[0].kid} signs from {_minute(waiting[0].active_from, now)}. "
                f"Wait for it, or take it back: keys retire {name} {waiting[0].kid}"
            )
        # Key files tell whole seconds; two keys of one second would be told apart by chance.
        return _make(folder, name, algorithm, max(now + after, signing.active_from + timedelta(seconds=1)))


def retire(folder: KeyFolder, ehr: str, kid: str, registrations: Iterable[Registration], now: datetime) -> None:
    """Forget a key for good: it is no longer published, and what it signed no longer counts."""
    with folder.changing():
        path = folder.file_of(ehr, kid)
        if path is None:
            raise KeyChangeRefused(f"{ehr} has no key {kid}: keys list {ehr} names those it has")
        ring = folder.ring()
        for registration in registrations:
            if _signs(registration) and any(key.kid == kid for key in ring.keys_of(registration.name)):
                _check_unused(ring, registration, kid, now)
        path.unlink()


def state(ring: KeyRing, registration: Registration | None, key: SigningKey, now: datetime) -> str:
    """What a key does for this EHR at this moment, in words. None: an EHR that is not registered any more."""
    since = _minute(key.active_from, now)
    if registration is None or not _signs(registration):
        return f"signs nothing: no registration uses it; made to sign from {since}"
    if key.algorithm != registration.algorithm:
        return f"signs nothing: the registration says {registration.algorithm}; made to sign from {since}"
    if key.kid == ring.active(registration.name, key.algorithm, now).kid:
        return f"signs now, since {since}"
    if key.active_from > now:
        return f"published, signs from {since}"
    return f"old: published until it is retired; signed from {since}"


def _check_unused(ring: KeyRing, registration: Registration, kid: str, now: datetime) -> None:
    name = registration.name
    if len(ring.keys_of(name)) == 1:
        raise KeyChangeRefused(f"{kid} is the only key of {name}: use keys rotate {name} first")
    if not _fitting(ring, registration):
        return
    signing = ring.active(name, registration.algorithm, now)
    if signing.kid == kid:
        coming = [key for key in _fitting(ring, registration) if key.active_from > now and key.kid != kid]
        advice = f"wait until {_minute(coming[0].active_from, now)}" if coming else f"use keys rotate {name} first"
        raise KeyChangeRefused(f"{kid} signs for {name} now: {advice}")
    if ring.active(name, registration.algorithm, now - _UNDER_WAY).kid == kid:
        until = _minute(signing.active_from + _UNDER_WAY + timedelta(minutes=1), now)
        raise KeyChangeRefused(
            f"{kid} signed for {name} a moment ago, and the EHR may be checking it: wait until {until}"
        )


def _make(folder: KeyFolder, ehr: str, algorithm: str, active_from: datetime) -> SigningKey:
    key = SigningKey.generate(algorithm, active_from=active_from)
    try:
        key.save(folder.path / ehr)
    except OSError as problem:
        raise KeysUnusable(f"the key of {ehr} cannot be written ({problem.strerror})") from None
    return key


def _signs(registration: Registration) -> bool:
    return registration.auth == "private_key_jwt"


def _fitting(ring: KeyRing, registration: Registration) -> list[SigningKey]:
    """The EHR's keys of the algorithm it asks for."""
    return [key for key in ring.keys_of(registration.name) if key.algorithm == registration.algorithm]


def _minute(at: datetime, now: datetime) -> str:
    return f"{at.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"
