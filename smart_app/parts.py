"""What the web application, the worker and the commands share: opened once, given to whoever needs it."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.codes.site_medicines import table_of
from fhir_mappings.facts.treatment import Role
from launch.desk import LaunchDesk
from launch.exchange import EhrClients
from launch.key_folder import KeyFolder
from launch.key_rotation import make_first_keys
from launch.pacing import Share
from launch.record_seal import RecordSeal
from launch.registry import Registry, load_registry
from launch.styling import Styles
from launch.transport import Transports
from smart_app.ehr.of_launch import EhrsOfLaunches
from smart_app.registration.sheet import Here
from smart_app.settings import (
    CLIENT_SECRETS,
    RECORD_KEYS,
    SEALING_KEYS,
    SIGNING_KEYS,
    Settings,
    SiteSettings,
    SystemClock,
    load_site,
)
from smart_app.store.opened import Store, open_store

VERSION = version("ketamine-pathway")
ROLE_WORDS = tuple(role.value for role in Role if role is not Role.NONE)

_log = logging.getLogger("ketamine_pathway")


class Wake:
    """Tells the worker that a message was added; pages call it from their threads."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self) -> asyncio.Event:
        """The event, in the loop of whoever waits for it."""
        self._loop = asyncio.get_running_loop()
        return self.event

    def __call__(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.event.set)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the web application and the worker share. Close it with `aclose`."""

    settings: Settings
    clock: SystemClock
    registry: Registry
    store: Store
    desk: LaunchDesk
    seal: RecordSeal
    clients: EhrClients
    styles: Styles
    ehrs: EhrsOfLaunches
    ehrs_of_worker: EhrsOfLaunches  # goes after the clinicians where an EHR limits its requests
    site: SiteSettings
    medicines: MedicineTable
    wake: Wake

    async def aclose(self) -> None:
        await self.styles.aclose()
        await self.clients.aclose()
        await self.ehrs.aclose()
        await self.ehrs_of_worker.aclose()
        self.store.close()


def assemble(settings: Settings) -> Parts:
    """Open the store, bring it up to date, read registrations and keys. Raises what the operator must put right."""
    clock = SystemClock(settings.zone)
    site, medicines = load_site(settings.site), table_of(settings.data)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = registrations(settings.registry, demo=settings.demo)
    keys = _signing_keys(settings, registry, clock)
    seal = RecordSeal(KeyFolder(settings.data / RECORD_KEYS), clock())
    store = open_store(
        settings.database,
        base_url=settings.base_url,
        sealing_keys=settings.data / SEALING_KEYS,
        client_secrets=settings.data / CLIENT_SECRETS,
        clock=clock,
    )
    for ehr in store.secrets.missing(registry.by_name.values()):
        _log.warning("%s: no client secret can be read, launches there will fail: ketamine-pathway keys secret", ehr)
    transports = Transports()

    def ehrs(share: Share) -> EhrsOfLaunches:
        return EhrsOfLaunches(
            store.launches, desk.tokens, clock, lambda ehr: transports.to(registry.named(ehr), share)
        )

    clients = EhrClients(transports)
    desk = LaunchDesk(
        registry=registry,
        keys=keys,
        secrets=store.secrets,
        store=store.launches,
        http=clients,
        clock=clock,
        public_base=settings.base_url,
        session_limit=settings.longest,
    )
    _log.info("store: %s", store.description)
    return Parts(
        settings=settings,
        clock=clock,
        registry=registry,
        store=store,
        desk=desk,
        seal=seal,
        clients=clients,
        styles=Styles(registry=registry, clients=clients, clock=clock),
        ehrs=ehrs(Share.READING),
        ehrs_of_worker=ehrs(Share.DELIVERY),
        site=site,
        medicines=medicines,
        wake=Wake(),
    )


def registrations(path: Path, *, demo: bool = False) -> Registry:
    """All registrations. RegistrationInvalid names every problem, a role that we do not know among them."""
    return load_registry(path, allow_loopback_http=demo, role_words=ROLE_WORDS)


def _signing_keys(settings: Settings, registry: Registry, clock: SystemClock) -> KeyFolder:
    """The keys of the data folder; an EHR that needs one and has none gets its first."""
    folder = KeyFolder(settings.data / SIGNING_KEYS)
    folder.check()
    make_first_keys(folder, registry.by_name.values(), clock())
    return folder


def here(settings: Settings) -> Here:
    """This installation, as EHRs are told of it."""
    return Here(base_url=settings.base_url, version=VERSION, contact=settings.contact)


def environment() -> dict[str, str]:
    """The process environment: read here, nowhere below."""
    return dict(os.environ)
