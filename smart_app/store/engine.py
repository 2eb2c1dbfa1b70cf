"""Opens the database: SQLite owned by one process, or PostgreSQL; one writer at a time on both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text

from smart_app.store.errors import StoreRefused
from smart_app.store.ownership import Ownership

WAIT_SECONDS = 15
_AT_ONCE = 40  # as many threads as the web framework's pool has
# Below this version, WAL can corrupt the file when two connections write or checkpoint at the same time.
WAL_IS_SAFE_FROM = (3, 51, 3)
_LEAST_SQLITE = (3, 35, 0)
_LOCKS = 0x4B50  # our family of PostgreSQL advisory locks
WRITERS, SENDERS = 1, 2


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`. Raises StoreRefused. `dispose()` gives the file back."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed)
        case "postgresql":
            return _open_postgresql(parsed)
        case other:
            raise StoreRefused(f"the database must be SQLite or PostgreSQL, not {other}")


def journal_mode(version: tuple[int, ...]) -> tuple[str, str]:
    """The journal_mode and synchronous settings for a version of SQLite."""
    return ("wal", "FULL") if version >= WAL_IS_SAFE_FROM else ("truncate", "EXTRA")


def describe(engine: Engine) -> str:
    """Which database this is and how it keeps what was committed, for the start-up log and /health."""
    if engine.dialect.name == "sqlite":
        mode, synchronous = journal_mode(sqlite3.sqlite_version_info)
        return f"SQLite {sqlite3.sqlite_version}, journal {mode}, synchronous {synchronous}"
    with reading(engine) as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        fsync = connection.exec_driver_sql("SHOW fsync").scalar_one()
    return f"PostgreSQL {version}, fsync {fsync}"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, sees one moment, and waits for no writer. It keeps nothing."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin() as transaction:
            yield connection
            transaction.rollback()


@contextmanager
def writing(engine: Engine, *, lock: int = WRITERS) -> Iterator[Connection]:
    """A transaction that writes: it commits on leaving and rolls back on an exception."""
    with begin_writing(engine, lock=lock) as connection:
        yield connection
        connection.commit()


@contextmanager
def begin_writing(engine: Engine, *, lock: int = WRITERS) -> Iterator[Connection]:
    """A transaction that writes and keeps nothing unless `commit` is called.

    There is one writer at a time. SQLite has no other way; on PostgreSQL the same rule keeps the audit chain and
    the order of a patient's messages whole, and rules out deadlocks.
    """
    with _turn(engine), engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin() as transaction:
            if engine.dialect.name == "postgresql":
                locking = text("SELECT pg_advisory_xact_lock(:family, :lock)")
                connection.execute(locking, {"family": _LOCKS, "lock": lock})
            try:
                yield connection
            finally:
                if transaction.is_active:
                    transaction.rollback()


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Wait for the turn to write. SQLite alone only polls, and passes over an unlucky writer for seconds."""
    turns: Lock | None = engine.get_execution_options().get("turns")
    if turns is None:
        yield
        return
    if not turns.acquire(timeout=WAIT_SECONDS):
        raise TimeoutError("another transaction has not ended: nothing slow may be waited for inside one")
    try:
        yield
    finally:
        turns.release()


def _open_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreRefused("a SQLite database must be a file")
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        raise StoreRefused(f"SQLite {sqlite3.sqlite_version} is too old: DELETE ... RETURNING came with 3.35")
    owner = Ownership(Path(url.database))
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite", database=str(owner.path)),
        hide_parameters=True,
        pool_size=_AT_ONCE,  # making a connection and setting it up costs more than a read
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        execution_options={"turns": Lock()},
        connect_args={"isolation_level": None, "timeout": WAIT_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        owner.assert_held()
        _set_up(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A plain BEGIN that writes later can fail at once where IMMEDIATE would wait its turn.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "engine_disposed")
    def give_back(_engine: Engine) -> None:
        owner.release()

    return engine


def _set_up(connection: sqlite3.Connection) -> None:
    mode, synchronous = journal_mode(sqlite3.sqlite_version_info)
    if connection.execute(f"PRAGMA journal_mode={mode}").fetchone() != (mode,):
        raise StoreRefused(f"SQLite did not take journal_mode={mode}")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA mmap_size=0")
    connection.execute("PRAGMA foreign_keys=ON")
    # Without it, INSERT OR REPLACE would delete audit records past their trigger.
    connection.execute("PRAGMA recursive_triggers=ON")


def _open_postgresql(url: URL) -> Engine:
    # A writer that hangs must not hold up the others for ever.
    options = f"-c lock_timeout={WAIT_SECONDS}s -c idle_in_transaction_session_timeout=60s"
    asked = url.query.get("options", "")
    engine = create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=WAIT_SECONDS,
        connect_args={
            "application_name": "ketamine-pathway",
            "connect_timeout": WAIT_SECONDS,
            "options": f"{options} {asked if isinstance(asked, str) else ' '.join(asked)}",
        },
    )

    @event.listens_for(engine, "handle_error")
    def keep_values_out(context: Any) -> None:
        # PostgreSQL's DETAIL lines quote the row that was refused.
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None and error.args:
                error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])

    return engine
