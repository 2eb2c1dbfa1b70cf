"""Drafts of forms that belong to no session: what a clinician has typed so far for a patient."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "drafts"
down_revision = "first_tables"


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("saved", sa.String(27), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("patient", "author", "form", name="pk_drafts"),
    )
