"""An EHR whose every answer a test writes itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest
import respx

from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import http_client
from smart_app.ehr.fhir_client import FhirClient
from tests.smart_app.ehr.scripted import BASE
from tests.ways_out import a_way_out

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


class TokenAuth(httpx.Auth):
    """Adds a token, and a newer one after a 401, as the launch's own auth does."""

    def __init__(self) -> None:
        self.refreshed = 0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = "Bearer first"
        response = yield request
        if response.status_code == 401:
            self.refreshed += 1
            request.headers["Authorization"] = "Bearer second"
            yield request


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def ehr() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def auth() -> TokenAuth:
    return TokenAuth()


@pytest.fixture
async def client(anyio_backend: str, auth: TokenAuth) -> AsyncIterator[FhirClient]:
    numbers = count(1)
    async with http_client(a_way_out()) as http:
        yield FhirClient(
            BASE,
            http,
            auth,
            offers=Offers(lambda: 0.0),
            clock=lambda: NOW,
            request_id=lambda: f"request-{next(numbers)}",
        )
