"""The ledger of controlled substances, with the guards that keep its vials and rows as they were entered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ledger"
down_revision = "closed_sessions"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_STAYS = "what is in the ledger stays"


def upgrade() -> None:
    op.create_table(
        "vials",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("ehr", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_vials"),
        sa.UniqueConstraint("id", name="uq_vials_id"),
    )
    op.create_index("ix_vials_ehr_number", "vials", ["ehr", "number"], unique=True)
    op.create_table(
        "ledger",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("vial", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("ehr", sa.Text, nullable=False),
        sa.Column("session", sa.Text),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("holds", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["vial"], ["vials.id"], name="fk_ledger_vial"),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger"),
        sa.UniqueConstraint("id", name="uq_ledger_id"),
    )
    op.create_index("ix_ledger_session", "ledger", ["session"])
    op.create_index("ix_ledger_vial_number", "ledger", ["vial", "number"], unique=True)
    op.create_index("ix_ledger_ehr_at", "ledger", ["ehr", "at"])
    _guard_sqlite() if op.get_bind().dialect.name == "sqlite" else _guard_postgresql()


def _guard_sqlite() -> None:
    same = {"vials": "ehr = NEW.ehr AND number = NEW.number", "ledger": "vial = NEW.vial AND number = NEW.number"}
    for name, place in same.items():
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_no_{change.lower()} BEFORE {change} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END"
            )
        # INSERT OR REPLACE would take an old row away without a DELETE.
        op.execute(
            f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "  # noqa: S608  # names of ours
            f"WHEN EXISTS (SELECT 1 FROM {name} WHERE id = NEW.id OR ({place})) "
            f"BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_STAYS}'; END $$"
    )
    for name in ("vials", "ledger"):
        op.execute(
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )
