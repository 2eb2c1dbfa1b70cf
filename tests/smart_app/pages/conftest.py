"""A desk with an open launch, and anyio's back end."""

from __future__ import annotations

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
