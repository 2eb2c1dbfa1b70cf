"""Migrations give exactly the tables of the store, and tie the database to its public address."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, inspect, text

from smart_app.store.engine import open_engine, writing
from smart_app.store.errors import TooNew, WrongInstance
from smart_app.store.instance import settle_base_url
from smart_app.store.migrations import migrate
from smart_app.store.tables import metadata
from tests.smart_app.store.stored_records import NOON


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def test_the_migrations_give_exactly_the_tables(empty: Engine) -> None:
    migrate(empty)
    with empty.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_the_migrations_give_the_same_check_constraints(empty: Engine) -> None:
    migrate(empty)
    for table in metadata.sorted_tables:
        asked = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
        assert {c["name"] for c in inspect(empty).get_check_constraints(table.name)} == asked


def test_migrating_again_changes_nothing(empty: Engine) -> None:
    migrate(empty)
    settle_base_url(empty, "https://app.test", now=NOON)
    before = _shape(empty)
    migrate(empty)
    assert _shape(empty) == before
    settle_base_url(empty, "https://app.test", now=NOON)


def test_a_migration_that_fails_leaves_nothing_half_made(empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(empty) as connection:
        connection.execute(text("CREATE TABLE audit_head (x INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(empty)
    assert inspect(empty).get_table_names() == ["audit_head"]


def test_two_processes_may_start_at_once(empty_schema: str) -> None:
    engines = [open_engine(empty_schema) for _ in range(2)]
    failures: list[Exception] = []

    def start(engine: Engine) -> None:
        try:
            migrate(engine)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert "audit" in inspect(engines[0]).get_table_names()
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_later_release_is_refused(empty: Engine) -> None:
    migrate(empty)
    with writing(empty) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of the future'"))
    with pytest.raises(TooNew, match="later release"):
        migrate(empty)


def test_another_public_address_is_refused(engine: Engine) -> None:
    settle_base_url(engine, "https://app.test/", now=NOON)
    settle_base_url(engine, "https://app.test", now=NOON)
    with pytest.raises(WrongInstance, match=r"https://app\.test.*https://other\.test"):
        settle_base_url(engine, "https://other.test", now=NOON)


def _shape(engine: Engine) -> dict[str, list[str]]:
    found = inspect(engine)
    return {name: [column["name"] for column in found.get_columns(name)] for name in found.get_table_names()}
