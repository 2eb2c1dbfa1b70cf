"""`ketamine-pathway config check`: all that is wrong with registrations and settings, before a patient waits."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from fhir_mappings.codes.site_medicines import SiteTableUnusable, table_of
from launch.errors import RegistrationInvalid
from launch.exchange import EhrClients
from launch.pacing import Share
from launch.registry import Registration, Registry
from launch.transport import Transports
from smart_app.ehr.fhir_client import http_client
from smart_app.ehr.metadata import public_statement
from smart_app.parts import environment, registrations
from smart_app.registration.advice import warnings_of
from smart_app.registration.online import Fit, fit_of
from smart_app.settings import (
    CLIENT_SECRETS,
    PREFIX,
    SEALING_KEYS,
    SettingInvalid,
    SystemClock,
    data_folder,
    load_site,
    settings_from,
    site_file,
)
from smart_app.store.client_secrets import missing_secrets


def add_commands(commands: Any) -> None:
    group = commands.add_parser("config", help="check registrations and settings", description=__doc__)
    actions = group.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(group))
    check = actions.add_parser("check", help="tell every problem at once", description=__doc__)
    check.add_argument("--registry", type=Path, metavar="FILE", help="the EHR registrations (default: KP_REGISTRY)")
    check.add_argument("--online", action="store_true", help="ask each EHR for its public documents and compare")
    check.set_defaults(run=run_check)


def run_check(chosen: argparse.Namespace) -> int:
    """0: the app would start; warnings do not count. 2: it would not, or (--online) not at every EHR."""
    given = _Asked(environment() | ({PREFIX + "REGISTRY": str(chosen.registry)} if chosen.registry else {}))
    problems = list(_setting_problems(given))
    registry, wrong = _registry(given)
    problems += wrong
    warnings = [*_unknown_settings(given)]
    fits: Mapping[str, Fit] = {}
    if registry is not None:
        problems += _missing_secrets(given, registry)
        for registration in registry.by_name.values():
            warnings += (f"[ehr.{registration.name}] {words}" for words in warnings_of(registration))
        if chosen.online:
            fits = asyncio.run(_fits(registry, sign_in_again=_asks_to_sign_in(given)))
    for problem in problems:
        print(f"problem: {problem}")
    for warning in warnings:
        print(f"warning: {warning}")
    for name, fit in fits.items():
        print(f"online: [ehr.{name}] {fit.words}")
    stopped = sum(bool(fit.stops) for fit in fits.values())
    print(_summary(registry, len(problems) + stopped, len(warnings)))
    return 2 if problems or stopped else 0


def _summary(registry: Registry | None, problems: int, warnings: int) -> str:
    ehrs = f"{_counted(len(registry.by_name), 'EHR')}, " if registry else ""
    return f"{ehrs}{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}."


def _counted(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def _setting_problems(given: Mapping[str, str]) -> Iterator[str]:
    checks: tuple[Callable[[], object], ...] = (
        partial(settings_from, given),
        lambda: load_site(site_file(given)),
        lambda: table_of(data_folder(given)),
    )
    for check in checks:
        try:
            check()
        except (SettingInvalid, SiteTableUnusable) as problem:
            yield from str(problem).splitlines()


def _registry(given: Mapping[str, str]) -> tuple[Registry | None, list[str]]:
    """None where there is none to speak of; that KP_REGISTRY is missing is told with the settings."""
    named = given.get(PREFIX + "REGISTRY", "").strip()
    if not named:
        return None, []
    try:
        return registrations(Path(named)), []
    except RegistrationInvalid as problem:
        return None, str(problem).splitlines()


def _missing_secrets(given: Mapping[str, str], registry: Registry) -> Iterator[str]:
    data = data_folder(given)
    for name in missing_secrets(
        registry.by_name.values(), folder=data / CLIENT_SECRETS, sealing_keys=data / SEALING_KEYS
    ):
        yield (
            f"[ehr.{name}] auth is client_secret_basic but no secret can be read in {data}: launches would fail; "
            f"ketamine-pathway keys secret {name}"
        )


class _Asked(dict[str, str]):
    """An environment that knows what was asked of it, so that a mistyped variable stands out."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def _unknown_settings(given: _Asked) -> Iterator[str]:
    known = {name for name in given.names if name.startswith(PREFIX)}
    for name in sorted(name for name in given if name.startswith(PREFIX) and name not in known):
        near = get_close_matches(name, known, n=1)
        yield f"{name} is not a setting the app knows{f'; did you mean {near[0]}?' if near else '.'}"


def _asks_to_sign_in(given: Mapping[str, str]) -> bool:
    """What is wrong with site.toml is told among the problems."""
    try:
        return load_site(site_file(given)).signing.sign_in_again
    except SettingInvalid:
        return False


async def _fits(registry: Registry, *, sign_in_again: bool) -> Mapping[str, Fit]:
    """All EHRs side by side; a slow one holds nobody up."""
    clock, transports = SystemClock(), Transports()
    clients = EhrClients(transports)
    try:
        found = await asyncio.gather(
            *(
                _fit(registration, transports, clients, clock, sign_in_again=sign_in_again)
                for registration in registry.by_name.values()
            )
        )
    finally:
        await clients.aclose()
    return dict(zip(registry.by_name, found, strict=True))


async def _fit(
    registration: Registration,
    transports: Transports,
    clients: EhrClients,
    clock: SystemClock,
    *,
    sign_in_again: bool,
) -> Fit:
    async with http_client(transports.to(registration, Share.READING)) as http:
        statement = partial(public_statement, registration.issuer, http, clock)
        return await fit_of(
            registration, clients=clients, clock=clock, statement=statement, sign_in_again=sign_in_again
        )
