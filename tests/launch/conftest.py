"""What every launch test shares: a clock, an EHR on the wire, clients that are closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx

from launch.exchange import EhrClients
from launch.transport import Transports
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.an_app import App, an_app
from tests.launch.an_ehr import Clock, Ehr


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
    return an_app(clients, ehr, clock, store=store)


@pytest.fixture
async def browser(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with app.browser() as held:
        yield held
