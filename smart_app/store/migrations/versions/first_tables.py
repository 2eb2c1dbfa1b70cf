"""The first tables, and the guards that make the audit trail append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "first_tables"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.String(27)
_DIGEST = sa.String(64)

# seq must be the next one: INSERT OR REPLACE on an old number is a change too.
_SQLITE_GUARDS = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
)
_POSTGRESQL_GUARDS = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def upgrade() -> None:
    _make_instance()
    _make_launches()
    _make_records()
    _make_outbox()
    _make_audit()


def _make_instance() -> None:
    op.create_table(
        "instance",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instance"),
        sa.CheckConstraint("id = 1", name="ck_instance_only_one"),
    )


def _make_launches() -> None:
    op.create_table(
        "pending_launches",
        sa.Column("state_digest", _DIGEST, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("state_digest", name="pk_pending_launches"),
    )
    op.create_index("ix_pending_launches_expires", "pending_launches", ["expires"])
    op.create_table(
        "launches",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("session_digest", _DIGEST, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("ended", _TIME),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_launches"),
    )
    op.create_table(
        "tokens",
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("launch", name="pk_tokens"),
        sa.ForeignKeyConstraint(["launch"], ["launches.id"], name="fk_tokens_launch"),
    )
    op.create_table(
        "callers",
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("launch", name="pk_callers"),
    )


def _make_records() -> None:
    _make_record("screenings", _text("patient"), _text("body"), found_by=("patient",))
    course = (_text("patient"), _version(), sa.Column("care_plan", sa.Text), _text("body"))
    _make_record("courses", *course, found_by=("patient",))
    _make_record("sessions", _text("course"), _version(), _text("body"), found_by=("course",))
    score = (_text("patient"), sa.Column("day", sa.Date, nullable=False), _text("body"))
    _make_record("scores", *score, found_by=("patient", "day"))


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer, nullable=False)


def _make_record(name: str, *columns: sa.Column[Any], found_by: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("seq", name=f"pk_{name}"),
        sa.UniqueConstraint("id", name=f"uq_{name}_id"),
    )
    op.create_index("_".join(("ix", name, *found_by, "seq")), name, [*found_by, "seq"])


def _make_outbox() -> None:
    op.create_table(
        "messages",
        sa.Column("seq", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("ehr", sa.Text, nullable=False),
        sa.Column("fhir_base", sa.Text, nullable=False),
        sa.Column("patient", sa.Text, nullable=False),
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("course", sa.Text, nullable=False),
        sa.Column("session", sa.Text),
        sa.Column("contents", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("lease_until", _TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sent", sa.Text),
        sa.Column("settle_until", _TIME),
        sa.PrimaryKeyConstraint("seq", name="pk_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
        sqlite_autoincrement=True,
    )
    for columns in (["course", "seq"], ["patient", "seq"], ["state", "due"]):
        op.create_index("_".join(("ix_messages", *columns)), "messages", columns)
    op.create_table(
        "attempts",
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("launch", sa.Text, nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("ended", _TIME),
        sa.Column("state", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("message", "number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name="fk_attempts_message"),
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("patient", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("prev_hash", _DIGEST, nullable=False),
        sa.Column("hash", _DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_patient_seq", "audit", ["patient", "seq"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("seq", _NUMBER, nullable=False),
        sa.Column("hash", _DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name="ck_audit_head_only_one"),
    )
    op.execute(sa.text("INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, :start)").bindparams(start="0" * 64))
    guards = _SQLITE_GUARDS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_GUARDS
    for guard in guards:
        op.execute(guard)
