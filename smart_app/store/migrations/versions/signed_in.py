"""When the user of a launch signed in at the EHR again, to sign."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "signed_in"
down_revision = "care_entries"


def upgrade() -> None:
    op.add_column("launches", sa.Column("signed_in", sa.String(27)))
