"""The contract tests run against every way of keeping: in memory, SQLite and PostgreSQL."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from smart_app.store.audit import START
from smart_app.store.engine import open_engine
from smart_app.store.launches import SqlLaunches
from smart_app.store.migrations import migrate
from smart_app.store.outbox import SqlOutbox
from smart_app.store.sealing import Sealer, SealingKey
from smart_app.store.tables import metadata
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.ports import Outbox, Work
from tests.fakes import FakeOutbox, FakeWork
from tests.smart_app.store.a_server import NoServer, postgresql
from tests.smart_app.store.stored_records import NOON, a_launch, some_tokens


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server of our own; its data may be lost with the machine."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgresql(durable=False))
        except NoServer as reason:
            pytest.skip(str(reason))
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'app.db'}"
    return _new_schema(request.getfixturevalue("postgres"))


@pytest.fixture
def empty_schema(postgres: str) -> str:
    """The URL of an empty PostgreSQL schema."""
    return _new_schema(postgres)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "app.db"
    _migrated(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def migrated_schema(postgres: str) -> str:
    """The URL of a PostgreSQL schema with all tables, to be emptied before each test."""
    url = _new_schema(postgres)
    _migrated(url).dispose()
    return url


@pytest.fixture
def sqlite_engine(tmp_path: Path, migrated_file: Path) -> Iterator[Engine]:
    shutil.copy(migrated_file, tmp_path / "app.db")
    made = open_engine(f"sqlite:///{tmp_path / 'app.db'}")
    yield made
    made.dispose()


@pytest.fixture
def postgresql_engine(migrated_schema: str) -> Iterator[Engine]:
    made = open_engine(migrated_schema)
    with made.begin() as connection:
        # Keeps the guards of the audit trail off while it is emptied.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        names = ", ".join(table.name for table in metadata.tables.values() if table.name != "audit_head")
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        connection.execute(update(metadata.tables["audit_head"]).values(seq=0, hash=START))
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """An empty database with all tables."""
    made = request.getfixturevalue(f"{request.param}_engine")
    assert isinstance(made, Engine)
    return made


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest) -> tuple[Work, Outbox]:
    """Every way of keeping, for the contract tests."""
    if request.param == "memory":
        fake = FakeWork()
        return fake, FakeOutbox(fake)
    made = request.getfixturevalue(f"{request.param}_engine")
    return SqlWork(made, Sealer([SealingKey.generate()])), SqlOutbox(made)


@pytest.fixture
def work(kept: tuple[Work, Outbox]) -> Work:
    return kept[0]


@pytest.fixture
def outbox(kept: tuple[Work, Outbox]) -> Outbox:
    return kept[1]


@pytest.fixture
def end_launch(kept: tuple[Work, Outbox], request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Begins and ends a launch of this id."""
    work = kept[0]
    if isinstance(work, FakeWork):
        return work.end_launch
    engine = request.getfixturevalue(f"{request.node.callspec.params['kept']}_engine")
    launches = SqlLaunches(engine, Sealer([SealingKey.generate()]), lambda: NOON)

    def end(launch: str) -> None:
        launches.complete(a_launch(id=launch), some_tokens(), "ab" * 32)
        launches.end(launch)

    return end


def _migrated(url: str) -> Engine:
    made = open_engine(url)
    migrate(made)
    return made


def _new_schema(server_url: str) -> str:
    import psycopg

    name = f"kp_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{server_url}&options=-csearch_path%3D{name}"
