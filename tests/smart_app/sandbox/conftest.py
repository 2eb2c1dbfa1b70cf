"""A sandbox EHR for tests, in this process, with a clock that stands still and the app it knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey

from smart_app.sandbox.server import create_sandbox
from tests.smart_app.sandbox.an_app import APP, EHR, AClock, AnApp

TODAY = date(2026, 3, 17)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def app() -> Iterator[AnApp]:
    """One EHR for a test module: tests that write take care of their own patient."""
    clock = AClock(datetime(2026, 3, 17, 9, 0, tzinfo=UTC))
    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, private=True, auto_kid=True)
    published = [key.as_dict(private=False)]

    async def fetch(url: str) -> dict[str, Any]:
        assert url == f"{APP}/.well-known/jwks.json"
        return {"keys": list(published)}

    sandbox = create_sandbox(
        public_url=EHR, app_url=APP, today=TODAY, clock=clock, control=True, fetch_client_keys=fetch
    )
    return AnApp(sandbox=sandbox, clock=clock, published=published, key=key)
