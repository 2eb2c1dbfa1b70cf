"""The contract tests run against every way of keeping: in memory, SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from tests.fakes import FakeOutbox, FakeWork


@pytest.fixture(params=["memory"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def work(kept_in: str) -> FakeWork:
    return FakeWork()


@pytest.fixture
def outbox(work: FakeWork) -> FakeOutbox:
    return FakeOutbox(work)
