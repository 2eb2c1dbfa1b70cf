"""What is asked, measured and told between sessions, with the guards that keep it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "care_entries"
down_revision = "device_keys"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_STAYS = "what was entered stays"


def upgrade() -> None:
    for name in ("care_entries",):
        op.create_table(
            name,
            sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
            sa.Column("id", sa.Text, nullable=False),
            sa.Column("patient", sa.Text, nullable=False),
            sa.Column("body", sa.Text, nullable=False),
            sa.PrimaryKeyConstraint("seq", name=f"pk_{name}"),
            sa.UniqueConstraint("id", name=f"uq_{name}_id"),
        )
        op.create_index(f"ix_{name}_patient_seq", name, ["patient", "seq"])
    _guard_sqlite() if op.get_bind().dialect.name == "sqlite" else _guard_postgresql()


def _guard_sqlite() -> None:
    for name in ("care_entries",):
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
        "CREATE FUNCTION care_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_STAYS}'; END $$"
    )
    for name in ("care_entries",):
        op.execute(
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION care_entries_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION care_entries_refuse()"
        )
