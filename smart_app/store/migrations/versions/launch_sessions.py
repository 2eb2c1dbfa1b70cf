"""When a launch was last used and where, hand-overs to another window, and who is refreshing a token."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "launch_sessions"
down_revision = "judgements"


def upgrade() -> None:
    op.add_column("launches", sa.Column("seen", sa.String(27)))
    op.add_column("launches", sa.Column("place", sa.Text))
    op.add_column("tokens", sa.Column("renewing_until", sa.String(27)))
    op.create_table(
        "handovers",
        sa.Column("code_digest", sa.String(64), nullable=False),
        sa.Column("expires", sa.String(27), nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("code_digest", name="pk_handovers"),
    )
    op.create_index("ix_handovers_expires", "handovers", ["expires"])
