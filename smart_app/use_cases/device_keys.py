"""The key with which a device seals what it could not send: for one user and one patient, and for a short time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from smart_app.use_cases.access import audited, looked, require_writer
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, DeviceKey

SEALS_FOR = timedelta(hours=24)  # afterwards a new one seals, so that every entry can be opened for two days
OPENS_FOR = timedelta(hours=72)
AFTER_SIGNING = timedelta(hours=24)  # entries of another device, which nobody has heard of yet, can still be told


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a page of this user and patient gets. Secrets are base64 of 32 bytes."""

    id: str
    secret: str
    older: Mapping[str, str]  # by id: keys of entries that this device still holds


def give_key(
    work: Work,
    clock: Clock,
    caller: Caller,
    held: Collection[str],
    *,
    ids: Callable[[], str],
    secret: Callable[[], str],
) -> Grant:
    """The key to seal with, made where there is none; `held` are the ids of the keys that the device has entries of.

    Of `held` only what belongs to this user and this patient is given, as long as it is not destroyed.
    """
    now, action = clock(), "clinician:device-key:give"
    with work() as uow:
        require_writer(uow, caller, now, action)
        uow.device_keys.destroy(now)
        kept = uow.device_keys.of(caller.patient, caller.clinician.reference)
        key = next((each for each in kept if each.closed is None and now - each.made < SEALS_FOR), None)
        known = key is not None
        if key is None:
            key = DeviceKey(
                id=ids(),
                patient=caller.patient,
                author=caller.clinician.reference,
                made=now,
                expires=now + OPENS_FOR,
                secret=secret(),
            )
            uow.device_keys.add(key)
        older = {each.id: each.secret for each in kept if each.id in held and each.id != key.id}
        if known and not older:  # each page asks; the trail is to stay readable
            if looked(uow, caller, now, action, f"device-key/{key.id}", again=True):
                uow.commit()
        else:
            uow.audit.add(audited(caller, now, action, *(f"device-key/{each}" for each in (key.id, *older))))
            uow.commit()
    return Grant(id=key.id, secret=key.secret, older=older)
