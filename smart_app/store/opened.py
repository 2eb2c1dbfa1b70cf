"""The whole store, opened: brought up to date, tied to its public address, sealed with its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, inspect, make_url

from smart_app.store.browser_sessions import SqlBrowserSessions
from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.engine import describe, open_engine
from smart_app.store.errors import StoreRefused
from smart_app.store.instance import settle_base_url
from smart_app.store.key_file import KeyFile
from smart_app.store.launches import SqlLaunches
from smart_app.store.migrations import migrate
from smart_app.store.outbox import SqlOutbox
from smart_app.store.rotation import Resealed, finish_rotation
from smart_app.store.unit_of_work import SqlWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What the app takes from the store. `close` gives a SQLite file back to the next process."""

    launches: SqlLaunches
    sessions: SqlBrowserSessions
    work: SqlWork
    outbox: SqlOutbox
    secrets: SealedSecrets
    finish_rotation: Callable[[], Resealed | None]  # of the sealing key; None: none is under way
    description: str  # which database, and how it keeps what was committed
    close: Callable[[], None]


def open_kept(url: str) -> tuple[SqlWork, Callable[[], None]]:
    """The records of a database that is there already, and how to close it: for what needs neither keys nor address.

    Raises StoreRefused, also where there is no such database: asking must not make one.
    """
    path = make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).is_file():
        raise StoreRefused(f"{path}: there is no such database")
    engine = open_engine(url)
    try:
        if not inspect(engine).has_table("screenings"):
            raise StoreRefused("the database holds nothing of this app")
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlWork(engine), engine.dispose


def open_store(
    url: str, *, base_url: str, sealing_keys: Path, client_secrets: Path, clock: Callable[[], datetime]
) -> Store:
    """Raises StoreRefused for what the operator must put right."""
    engine: Engine = open_engine(url)
    try:
        migrate(engine)
        settle_base_url(engine, base_url, now=clock())
        keys = KeyFile(sealing_keys)
        secrets = SealedSecrets(client_secrets, keys)
        launches = SqlLaunches(engine, keys, clock)
        outbox = SqlOutbox(engine)
        if engine.dialect.name == "sqlite":
            outbox.end_leases(clock())  # the file is ours alone: who leased them is gone
    except BaseException:
        engine.dispose()
        raise
    return Store(
        launches=launches,
        sessions=SqlBrowserSessions(engine, clock),
        work=SqlWork(engine, keys),
        outbox=outbox,
        secrets=secrets,
        finish_rotation=partial(finish_rotation, keys, engine, secrets),
        description=describe(engine),
        close=engine.dispose,
    )
