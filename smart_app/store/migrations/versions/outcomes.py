"""What clinicians decide about scores and outcomes, and the guards that keep it and the scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "outcomes"
down_revision = "signed_versions"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_STAYS = "what was answered or decided stays"
_GUARDED = ("scores", "outcome_decisions")


def upgrade() -> None:
    op.create_table(
        "outcome_decisions",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_outcome_decisions"),
        sa.UniqueConstraint("id", name="uq_outcome_decisions_id"),
    )
    op.create_index("ix_outcome_decisions_patient_seq", "outcome_decisions", ["patient", "seq"])
    _guard_sqlite() if op.get_bind().dialect.name == "sqlite" else _guard_postgresql()


def _guard_sqlite() -> None:
    for name in _GUARDED:
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
        "CREATE FUNCTION outcomes_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_STAYS}'; END $$"
    )
    for name in _GUARDED:
        op.execute(
            f"CREATE TRIGGER {name}_no_change BEFORE UPDATE OR DELETE ON {name} "
            "FOR EACH ROW EXECUTE FUNCTION outcomes_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION outcomes_refuse()"
        )
