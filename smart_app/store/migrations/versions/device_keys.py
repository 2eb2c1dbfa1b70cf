"""The keys with which devices seal what they could not send."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "device_keys"
down_revision = "outcomes"


def upgrade() -> None:
    op.create_table(
        "device_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("made", sa.String(27), nullable=False),
        sa.Column("expires", sa.String(27), nullable=False),
        sa.Column("closed", sa.String(27)),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device_keys"),
    )
    op.create_index("ix_device_keys_expires", "device_keys", ["expires"])
    op.create_index("ix_device_keys_patient_author", "device_keys", ["patient", "author"])
