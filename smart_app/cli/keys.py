"""`ketamine-pathway keys`: signing keys, client secrets and the sealing key, all changed while the server runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from getpass import getpass
from pathlib import Path
from typing import Any, TypeVar

from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.key_rotation import SHORTEST_WAIT, WAIT, KeyChangeRefused, new_key, retire, rotate, state
from launch.keys import ALGORITHMS
from launch.registry import Registration, Registry, load_registry
from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked
from smart_app.cli.storage_rotation import rotate_storage
from smart_app.parts import environment
from smart_app.settings import (
    CLIENT_SECRETS,
    SEALING_KEYS,
    SIGNING_KEYS,
    SystemClock,
    data_folder,
    database_url,
    registry_file,
    zone_of,
)
from smart_app.store.client_secrets import SealedSecrets, missing_secrets
from smart_app.store.key_file import KeyFile

Made = TypeVar("Made")
_LONGEST_SECRET = 1024
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
    _action(actions, "list", run_list, "show the keys of every EHR, or of one", ehr="?")
    _action(
        actions, "secret", run_secret, "keep the client secret for an EHR, sealed; it is read from standard input"
    )
    anew = _action(actions, "rotate-storage", run_rotate_storage, "seal tokens and secrets with a new key", ehr="")
    anew.add_argument(
        "--wait", type=_duration, default=timedelta(minutes=1), metavar="DURATION", help="for a running server (1m)"
    )


def _action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], int], told: str, *, ehr: str | None = None
) -> Any:
    """`ehr` as argparse's nargs: None for one, "?" where all are meant without one, "" for none."""
    made = actions.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
    if ehr != "":
        made.add_argument("ehr", metavar="EHR", nargs=ehr, help="its name in the registrations")
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

    def secrets(self) -> SealedSecrets:
        return SealedSecrets(self.data / CLIENT_SECRETS, KeyFile(self.data / SEALING_KEYS))

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


def run_secret(chosen: argparse.Namespace) -> int:
    """Neither an argument nor a variable, which other users of the machine could read."""
    place = _place(chosen)
    registration = place.registration(chosen.ehr)
    if registration.auth != "client_secret_basic":
        raise CommandFailed(f"{chosen.ehr} has auth {registration.auth}: no client secret is sent there")
    secret = _read_secret(chosen.ehr)
    place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _tried(lambda: checked(lambda: place.secrets().keep(chosen.ehr, secret)))
    print(f"{chosen.ehr}: the client secret is kept, sealed. A running server uses it from now on.")
    return 0


def _read_secret(ehr: str) -> str:
    given = getpass(f"Client secret for {ehr}: ") if sys.stdin.isatty() else sys.stdin.read(_LONGEST_SECRET + 3)
    secret = given.rstrip("\r\n")
    if not secret or not secret.isprintable() or secret != secret.strip() or len(secret) > _LONGEST_SECRET:
        raise CommandFailed("the client secret must be one line of text, without spaces around it")
    return secret


def run_rotate_storage(chosen: argparse.Namespace) -> int:
    given = environment()
    data = chosen.data or data_folder(given)
    _check_owner(data)
    wait = chosen.wait.total_seconds()
    print(_tried(lambda: checked(lambda: rotate_storage(data, database_url(given, data), wait=wait))))
    return 0


def _told(place: _Place, ehr: str) -> Iterable[str]:
    registration = place.registry.by_name.get(ehr)
    ring = place.folder.ring(ehr)
    yield f"{ehr}: {_authentication(registration)}{_of_secret(place, registration)}"
    for key in ring.keys_of(ehr) if registration is None or registration.auth == "private_key_jwt" else ():
        shared = "; shared by all EHRs" if key in ring.shared else ""
        yield f"  {key.kid}  {key.algorithm}  {state(ring, registration, key, place.now)}{shared}"


def _authentication(registration: Registration | None) -> str:
    if registration is None:
        return "not registered any more"
    if registration.auth == "private_key_jwt":
        return f"signs with {registration.algorithm}; the EHR reads /jwks/{registration.name}.json"
    return "a public client, without key or secret" if registration.auth == "public" else "a client secret"


def _of_secret(place: _Place, registration: Registration | None) -> str:
    if registration is None or registration.auth != "client_secret_basic":
        return ""
    missing = missing_secrets(
        [registration], folder=place.data / CLIENT_SECRETS, sealing_keys=place.data / SEALING_KEYS
    )
    return f", which is not kept: use keys secret {registration.name}" if missing else ", kept and sealed"


def _place(chosen: argparse.Namespace) -> _Place:
    """Nothing is sent from here, so the demo's registrations with plain http are read as well."""
    given = environment()
    data = chosen.data or data_folder(given)
    path = checked(lambda: registry_file(given))
    _check_owner(data)
    return _Place(
        data=data,
        folder=KeyFolder(data / SIGNING_KEYS),
        registry=checked(lambda: load_registry(path, allow_loopback_http=True)),
        now=SystemClock(checked(lambda: zone_of(given)))(),
    )


def _check_owner(data: Path) -> None:
    """The server could not read what somebody else makes, and with a new sealing key it would stand still."""
    if data.exists() and data.stat().st_uid != os.geteuid():
        raise CommandFailed(f"{data} belongs to another user: run this as that user, as the server does")


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
