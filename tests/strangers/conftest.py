"""Strangers the app has to live with: an EHR by other people's OAuth library, and one that lies on order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.strangers.canary import Canary


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def canary() -> Iterator[Canary]:
    with Canary() as listening:
        yield listening
