"""Tables that only grow: what the database has to refuse of every one of them, whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

CHANGES = ("UPDATE {} SET body = '{{}}'", "DELETE FROM {}")


def assert_stays(engine: Engine, table: str, change: str) -> None:
    """`change` is one of CHANGES; the table holds a row."""
    with pytest.raises(DBAPIError, match="stays"), engine.begin() as connection:
        connection.execute(text(change.format(table)))


def assert_not_replaced(engine: Engine, table: Table, **changes: object) -> None:
    """The table's first row cannot be inserted again with another body."""
    with engine.connect() as connection:
        row = connection.execute(select(table)).mappings().first()
    again = insert(table)
    if engine.dialect.name == "sqlite":
        again = again.prefix_with("OR REPLACE")
    assert row is not None
    with pytest.raises(DBAPIError, match=r"stays|duplicate"), engine.begin() as connection:
        connection.execute(again.values(**dict(row) | {"body": "{}"} | changes))
