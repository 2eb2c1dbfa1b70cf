"""A desk with an open launch, anyio's back end, and the end of a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.smart_app.pages.desk import Desk


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.open()
    return made


@pytest.fixture(scope="module", autouse=True)
def no_browser_left() -> Iterator[None]:
    """A module's browser ends with it; most modules have none."""
    yield
    browsing = sys.modules.get("tests.smart_app.pages.browsing")
    if browsing is not None:
        browsing.chromium.close()
