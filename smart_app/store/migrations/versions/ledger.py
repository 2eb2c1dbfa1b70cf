"""The ledger of controlled substances, with the guards that keep its vials and rows as they were entered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smart_app.store.migrations import only_added

revision = "ledger"
down_revision = "closed_sessions"

_PLACE = {"vials": "ehr = NEW.ehr AND number = NEW.number", "ledger": "vial = NEW.vial AND number = NEW.number"}


def upgrade() -> None:
    op.create_table(
        "vials",
        sa.Column("seq", only_added.NUMBER, autoincrement=True, nullable=False),
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
        sa.Column("seq", only_added.NUMBER, autoincrement=True, nullable=False),
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
    only_added.guard(("vials", "ledger"), function="ledger_refuse", says="what is in the ledger stays", place=_PLACE)
