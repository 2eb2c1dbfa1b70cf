"""`ketamine-pathway keys`: the keys that sign for each EHR, made, rotated and retired while the server runs."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.key_rotation import SHORTEST_WAIT, WAIT, KeyChangeRefused, new_key, retire, rotate, state
from launch.keys import ALGORITHMS
from launch.registry import Registration, Registry, load_registry
from smart_app.app import environment
from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked
from smart_app.settings import SIGNING_KEYS, SystemClock, data_folder, registry_file, zone_of

Made = TypeVar("Made")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_commands(commands: Any) -> None:
    group = commands.add_parser("keys", help="the keys and secrets of this installation", description=__doc__)
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))
    new = _action(actions, "new", run_new, "make the first key for an EHR")
    new.add_argument("--algorithm", choices=ALGORITHMS, help="default: what the registration says")
    turn = _action(actions, "rotate", run_rotate, "publish a successor, which signs later")
    turn.add_argument(
        "--after",
        type=_duration,
        default=WAIT,
        metavar="DURATION",
        help="when it begins to sign, for example 90m, 24h or 2d (default: 1d; EHRs keep our key set for a while)",
    )
    drop = _action(actions, "retire", run_retire, "forget a key that signs no more")
    drop.add_argument("kid", metavar="KID")
    _action(actions, "list", run_list, "show the keys of every EHR, or of one", needs_ehr=False)


def _action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], int], told: str, *, needs_ehr: bool = True
) -> Any:
    made = actions.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
    made.add_argument("ehr", metavar="EHR", nargs=None if needs_ehr else "?", help="its name in the registrations")
    made.add_argument("--data", type=Path, metavar="FOLDER", help="the app's data folder (default: KP_DATA)")
    made.set_defaults(run=run)
    return made


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What every action looks at."""

    data: Path
    folder: KeyFolder
    registry: Registry
    now: datetime

    def registration(self, ehr: str) -> Registration:
        if ehr not in self.registry.by_name:
            raise CommandFailed(f"{ehr}: no EHR of this name is registered; there are: {self.names()}")
        return self.registry.by_name[ehr]

    def names(self) -> str:
        return ", ".join(sorted(self.registry.by_name))


def run_new(chosen: argparse.Namespace) -> int:
    place = _place(chosen)
    registration = _signing(place, chosen.ehr)
    algorithm = chosen.algorithm or registration.algorithm
    key = _tried(lambda: new_key(place.folder, registration, algorithm, place.now))
    print(f"{chosen.ehr}: {key.kid} ({algorithm}) is published and signs from now on.")
    return 0


def run_rotate(chosen: argparse.Namespace) -> int:
    place = _place(chosen)
    registration = _signing(place, chosen.ehr)
    key = _tried(lambda: rotate(place.folder, registration, place.now, after=chosen.after))
    begins = f"{key.active_from:%Y-%m-%d %H:%M}"
    print(f"{chosen.ehr}: {key.kid} ({key.algorithm}) is published now and signs from {begins}.")
    print("The old key stays published until it is retired, which is possible five minutes later.")
    if chosen.after < SHORTEST_WAIT:
        print("EHRs may keep our key set for an hour: launches can fail where the new key is not known by then.")
    return 0


def run_retire(chosen: argparse.Namespace) -> int:
    place = _place(chosen)
    if chosen.ehr not in place.folder.ehrs():
        place.registration(chosen.ehr)
    _tried(lambda: retire(place.folder, chosen.ehr, chosen.kid, place.registry.by_name.values(), place.now))
    print(f"{chosen.ehr}: {chosen.kid} is retired: no longer published, and gone.")
    return 0


def run_list(chosen: argparse.Namespace) -> int:
    place = _place(chosen)
    known = {*place.registry.by_name, *place.folder.ehrs()}
    if chosen.ehr and chosen.ehr not in known:
        place.registration(chosen.ehr)
    for ehr in [chosen.ehr] if chosen.ehr else sorted(known):
        print("\n".join(_told(place, ehr)))
    return 0


def _told(place: _Place, ehr: str) -> Iterable[str]:
    registration = place.registry.by_name.get(ehr)
    ring = place.folder.ring(ehr)
    yield f"{ehr}: {_authentication(registration)}"
    for key in ring.keys_of(ehr) if registration is None or registration.auth == "private_key_jwt" else ():
        shared = "; shared by all EHRs" if key in ring.shared else ""
        yield f"  {key.kid}  {key.algorithm}  {state(ring, registration, key, place.now)}{shared}"


def _authentication(registration: Registration | None) -> str:
    if registration is None:
        return "not registered any more"
    if registration.auth == "private_key_jwt":
        return f"signs with {registration.algorithm}; the EHR reads /jwks/{registration.name}.json"
    return "a public client, without key or secret" if registration.auth == "public" else "a client secret, no key"


def _place(chosen: argparse.Namespace) -> _Place:
    """Nothing is sent from here, so the demo's registrations with plain http are read as well."""
    given = environment()
    data = chosen.data or data_folder(given)
    path = checked(lambda: registry_file(given))
    if data.exists() and data.stat().st_uid != os.geteuid():
        raise CommandFailed(
            f"{data} belongs to another user: run this as that user, or the server cannot read the keys"
        )
    return _Place(
        data=data,
        folder=KeyFolder(data / SIGNING_KEYS),
        registry=checked(lambda: load_registry(path, allow_loopback_http=True)),
        now=SystemClock(checked(lambda: zone_of(given)))(),
    )


def _signing(place: _Place, ehr: str) -> Registration:
    registration = place.registration(ehr)
    if registration.auth != "private_key_jwt":
        raise CommandFailed(f"{ehr} has auth {registration.auth}: no key signs there")
    return registration


def _tried(act: Callable[[], Made]) -> Made:
    try:
        return act()
    except (KeyChangeRefused, KeysUnusable) as problem:
        raise CommandFailed(str(problem)) from None
    except OSError as problem:
        raise CommandFailed(f"the keys cannot be changed ({problem.strerror})", code=1) from None


def _duration(text: str) -> timedelta:
    matched = re.fullmatch(r"([0-9]{1,5})([smhd])", text)
    if matched is None:
        raise argparse.ArgumentTypeError(f"{text} is not a duration such as 90m, 24h or 2d")
    return timedelta(**{_UNITS[matched[2]]: int(matched[1])})
