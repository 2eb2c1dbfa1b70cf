"""What every launch test shares: a clock, an EHR on the wire, clients that are closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx

from launch.desk import LaunchDesk
from launch.exchange import EhrClients
from launch.registry import read_registry
from launch.transport import Transports
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.an_app import OTHER, App
from tests.launch.an_ehr import PUBLIC_BASE, Clock, Ehr, a_key_ring, a_table


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryLaunchStore:
    return MemoryLaunchStore()


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    with respx.mock(assert_all_called=False, assert_all_mocked=True) as router:
        yield Ehr(router)


@pytest.fixture
async def clients(ehr: Ehr) -> AsyncIterator[EhrClients]:
    held = EhrClients(Transports())
    yield held
    await held.aclose()


@pytest.fixture
async def app(clients: EhrClients, store: MemoryLaunchStore, ehr: Ehr, clock: Clock) -> App:
    tables = {"demo": a_table(), "other": a_table(issuer=OTHER)}
    desk = LaunchDesk(
        registry=read_registry({"ehr": tables}),
        keys=a_key_ring(),
        store=store,
        http=clients,
        clock=clock,
        public_base=PUBLIC_BASE + "/",
    )
    return App(desk, store, ehr)


@pytest.fixture
async def browser(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with app.browser() as held:
        yield held
