"""What was signed, and who countersigned it, with the guards that keep both as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "signed_versions"
down_revision = "ledger"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = ("session_versions", "countersignatures")
_STAYS = "what was signed stays"


def upgrade() -> None:
    for name in _TABLES:
        op.create_table(
            name,
            sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
            sa.Column("id", sa.Text, nullable=False),
            sa.Column("session", sa.Text, nullable=False),
            sa.Column("body", sa.Text, nullable=False),
            sa.PrimaryKeyConstraint("seq", name=f"pk_{name}"),
            sa.UniqueConstraint("id", name=f"uq_{name}_id"),
        )
        op.create_index(f"ix_{name}_session_seq", name, ["session", "seq"])
    _guard_sqlite() if op.get_bind().dialect.name == "sqlite" else _guard_postgresql()


def _guard_sqlite() -> None:
    for name in _TABLES:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_no_{change.lower()} BEFORE {change} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END"
            )
        # INSERT OR REPLACE would take an old row away without a DELETE.
        op.execute(
            f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "  # noqa: S608  # names of ours
            f"WHEN EXISTS (SELECT 1 FROM {name} WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION signed_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_STAYS}'; END $$"
    )
    for name in _TABLES:
        op.execute(
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION signed_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION signed_refuse()"
        )
