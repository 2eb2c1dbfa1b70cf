"""Tables whose rows are only ever added: how a migration makes them, and the triggers that keep every row as it came.

Releases have run this: what it makes of the same words stays the same for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import sqlalchemy as sa
from alembic import op

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_NONE: Mapping[str, str] = MappingProxyType({})


def make(name: str, *, found_by: str) -> None:
    """A table of records kept whole as JSON, found by one column in the order of their arrival."""
    op.create_table(
        name,
        sa.Column("seq", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column(found_by, sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name=f"pk_{name}"),
        sa.UniqueConstraint("id", name=f"uq_{name}_id"),
    )
    op.create_index(f"ix_{name}_{found_by}_seq", name, [found_by, "seq"])


def guard(names: Iterable[str], *, function: str, says: str, place: Mapping[str, str] = _NONE) -> None:
    """Refuse UPDATE, DELETE and whatever would replace a row. `function`: its name on PostgreSQL; `says`: the error.

    `place`: by table, the SQL condition of its unique index beside the id: an index that is not named would let
    SQLite's INSERT OR REPLACE take the old row away.
    """
    if op.get_bind().dialect.name == "sqlite":
        for name in names:
            same = f"id = NEW.id OR ({place[name]})" if name in place else "id = NEW.id"
            _guard_sqlite(name, says, same)
        return
    op.execute(
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{says}'; END $$"
    )
    for name in names:
        _guard_postgresql(name, function)


def _guard_sqlite(name: str, says: str, same: str) -> None:
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {name}_no_{change.lower()} BEFORE {change} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
        )
    # INSERT OR REPLACE would take an old row away without a DELETE.
    op.execute(
        f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "  # noqa: S608  # names of ours
        f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {same}) BEGIN SELECT RAISE(ABORT, '{says}'); END"
    )


def _guard_postgresql(name: str, function: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()"
    )
    op.execute(
        f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )
