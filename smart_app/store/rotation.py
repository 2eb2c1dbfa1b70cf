"""A new sealing key while the app serves: everything is sealed anew, then the old key goes.

The key file alone says how far a rotation is. A crash at any point leaves both keys in it, everything opens, and
whoever comes next goes on: the running server, its next start, or the command again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Row, inspect, make_url, select, update
from sqlalchemy.exc import OperationalError

from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.engine import open_engine, writing
from smart_app.store.errors import KeyMissing, SealBroken, StoreRefused
from smart_app.store.key_file import KeyFile
from smart_app.store.sealed_rows import device_key_row, handover_row, pending_row, tokens_row
from smart_app.store.tables import device_keys, handovers, pending_launches, tokens

_AT_ONCE = 100  # rows in one transaction, so that other writers wait for a moment only

_SEALED: tuple[tuple[Column[Any], Callable[[Row[Any]], str]], ...] = (
    (tokens.c.launch, lambda row: tokens_row(row.launch, row.version)),
    (pending_launches.c.state_digest, lambda row: pending_row(row.state_digest)),
    (handovers.c.code_digest, lambda row: handover_row(row.code_digest)),
    (device_keys.c.id, lambda row: device_key_row(row.id)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """How many were sealed anew; `left`: nobody can open them, neither before nor now, and they stay as they are."""

    rows: int
    secrets: int
    left: int


def finish_rotation(keys: KeyFile, engine: Engine | None, secrets: SealedSecrets) -> Resealed | None:
    """Seal everything anew with the newest key and drop the others; None: no rotation is under way.

    `engine` None: there is no database yet.
    """
    if not keys.rotating():
        return None
    with keys.changing():
        if not keys.rotating():
            return None  # another process has done it
        rows, broken = _reseal(keys, engine)
        renewed, unreadable = secrets.reseal()
        keys.drop_old_keys()
    return Resealed(rows=rows, secrets=renewed, left=broken + unreadable)


@contextmanager
def database_for_rotation(url: str) -> Iterator[Engine | None]:
    """The database; None: it was never made. Raises InUse, or StoreRefused where it cannot be reached."""
    path = make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).is_file():
        yield None
        return
    engine = open_engine(url)
    try:
        with engine.connect():
            pass
        yield engine
    except OperationalError as problem:
        raise StoreRefused(f"the database cannot be used: {str(problem.orig).partition(chr(10))[0]}") from None
    finally:
        engine.dispose()


def _reseal(keys: KeyFile, engine: Engine | None) -> tuple[int, int]:
    """A second time, since nothing may be left when the old key goes: with all writers in turn it finds nothing."""
    if engine is None:
        return 0, 0
    there = set(inspect(engine).get_table_names())
    rows = broken = 0
    for _ in range(2):
        broken = 0
        for key, context in _SEALED:
            if key.table.name in there:
                done, left = _reseal_table(engine, keys, key, context)
                rows, broken = rows + done, broken + left
    return rows, broken


def _reseal_table(
    engine: Engine, keys: KeyFile, key: Column[Any], context: Callable[[Row[Any]], str]
) -> tuple[int, int]:
    done = left = 0
    last = ""
    while True:
        with writing(engine) as connection:
            # By order of the key, so that a row nobody can open is not found again and again.
            sealed = key.table.c.sealed
            old = ~sealed.startswith(f"{keys.now().newest}.")
            rows = connection.execute(select(key.table).where(old, key > last).order_by(key).limit(_AT_ONCE)).all()
            for row in rows:
                last = getattr(row, key.name)
                try:
                    again = keys.seal(context(row), keys.open(context(row), row.sealed))
                except (KeyMissing, SealBroken):
                    left += 1
                    continue
                connection.execute(update(key.table).where(key == last).values(sealed=again))
                done += 1
        if len(rows) < _AT_ONCE:
            return done, left
