"""Sessions that ended by time, and a patient's launches found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "closed_sessions"
down_revision = "launch_sessions"


def upgrade() -> None:
    op.add_column("launches", sa.Column("patient", sa.Text))
    op.add_column("launches", sa.Column("closed", sa.String(27)))
    op.add_column("launches", sa.Column("closed_by", sa.Text))
    op.create_index("ix_launches_patient_started", "launches", ["patient", "started"])
