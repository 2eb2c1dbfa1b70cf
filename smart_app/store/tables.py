"""All tables. A record is kept whole as JSON text (`body`); beside it stand the columns that are searched or locked.

Clinical text is stored as text: encrypting the disk is the site's task. Tokens and verifiers are always sealed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """A time as UTC text of one width, so that it sorts as time does on both databases. Comes back in UTC."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a time without an offset cannot be stored")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # as above
        return None if value is None else datetime.fromisoformat(value)


# SQLite numbers rows by itself only for a column that is an INTEGER to the letter.
_Number = BigInteger().with_variant(Integer, "sqlite")


def _seq() -> Column[int]:
    """The order of arrival. Clocks step back; this does not."""
    return Column("seq", _Number, primary_key=True, autoincrement=True)


instance = Table(
    "instance",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    CheckConstraint("id = 1", name="only_one"),
    # Identifiers that were sent to EHRs begin with it: it can never change.
    Column("base_url", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

pending_launches = Table(
    "pending_launches",
    metadata,
    # The key is a digest: who reads the table cannot finish somebody else's launch.
    Column("state_digest", String(64), primary_key=True),
    Column("expires", Instant, nullable=False, index=True),
    Column("sealed", Text, nullable=False),  # the whole launch, since verifier and nonce are secrets
)

launches = Table(
    "launches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("patient", Text),  # absolute URL
    Column("session_digest", String(64), nullable=False),
    Column("started", Instant, nullable=False),
    Column("seen", Instant),  # the last request of a person; a page that refreshes itself does not count
    Column("place", Text),  # the page last opened, below the launch's address: where signing in again leads
    Column("closed", Instant),  # the browser's session ended by time; the tokens stay
    Column("closed_by", Text),  # idle or limit
    Column("signed_in", Instant),  # the user signed in again, which no signature has used up
    Column("ended", Instant),  # by a person, or by a launch that failed: the tokens went
    Column("body", Text, nullable=False),
    Index(None, "patient", "started"),
)

handovers = Table(
    "handovers",
    metadata,
    # As with pending launches, the key is a digest of the code that stands in the address.
    Column("code_digest", String(64), primary_key=True),
    Column("expires", Instant, nullable=False, index=True),
    Column("sealed", Text, nullable=False),  # it may hold the EHR's launch value
)

tokens = Table(
    "tokens",
    metadata,
    # The row goes when the launch ends; the launch stays, for the audit trail names it.
    Column("launch", Text, ForeignKey(launches.c.id), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("renewing_until", Instant),  # a process is at the token endpoint with this row's refresh token
    Column("sealed", Text, nullable=False),
)

callers = Table(
    "callers",
    metadata,
    Column("launch", Text, primary_key=True),
    Column("body", Text, nullable=False),
)


def _records_of_patients(name: str) -> Table:
    """Records that are found by patient and come back in the order in which they were kept."""
    return Table(
        name,
        metadata,
        _seq(),
        Column("id", Text, nullable=False, unique=True),
        Column("patient", Text, nullable=False),
        Column("body", Text, nullable=False),
        Index(None, "patient", "seq"),
    )


screenings = _records_of_patients("screenings")

# Apart from the screenings: every page reads the latest screening, and none needs these.
screening_inputs = _records_of_patients("screening_inputs")

# Triggers of the migrations refuse UPDATE and DELETE of both: what a person said or decided stays.
answers = _records_of_patients("answers")
overrides = _records_of_patients("overrides")

# Triggers refuse UPDATE and DELETE of both: an error is taken back by a row of its own.
vials = Table(
    "vials",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("ehr", Text, nullable=False),
    Column("number", Integer, nullable=False),  # written on the vial
    Column("body", Text, nullable=False),
    Index(None, "ehr", "number", unique=True),
)

ledger = Table(
    "ledger",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("vial", Text, ForeignKey(vials.c.id), nullable=False),
    # Two rows that were both made to follow the same one cannot both come in: no vial is drawn empty twice.
    Column("number", Integer, nullable=False),
    Column("ehr", Text, nullable=False),
    Column("session", Text, index=True),
    Column("at", Instant, nullable=False),  # of the act
    Column("holds", Integer, nullable=False),  # 1: something is left in the vial
    Column("body", Text, nullable=False),
    Index(None, "vial", "number", unique=True),
    Index(None, "ehr", "at"),
)

# As above: scores, and what was decided about them.
outcome_decisions = _records_of_patients("outcome_decisions")

# As above: a wrong entry is struck out by another.
care_entries = _records_of_patients("care_entries")

courses = Table(
    "courses",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("patient", Text, nullable=False),
    Column("version", Integer, nullable=False),
    # Not in the body: the worker sets it while a clinician has the course open, and neither must undo the other.
    Column("care_plan", Text),
    Column("body", Text, nullable=False),
    Index(None, "patient", "seq"),
)

sessions = Table(
    "sessions",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("course", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "course", "seq"),
)


def _of_sessions(name: str) -> Table:
    """What was signed. Triggers of the migrations refuse UPDATE and DELETE: it stays as it was signed."""
    return Table(
        name,
        metadata,
        _seq(),
        Column("id", Text, nullable=False, unique=True),
        Column("session", Text, nullable=False),
        Column("body", Text, nullable=False),
        Index(None, "session", "seq"),
    )


session_versions = _of_sessions("session_versions")
countersignatures = _of_sessions("countersignatures")

drafts = Table(
    "drafts",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("author", Text, primary_key=True),
    Column("form", Text, primary_key=True),
    Column("saved", Instant, nullable=False),
    Column("body", Text, nullable=False),
)

device_keys = Table(
    "device_keys",
    metadata,
    # Destroying a row makes everything unreadable that a device sealed with it.
    Column("id", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("made", Instant, nullable=False),
    Column("expires", Instant, nullable=False, index=True),
    Column("closed", Instant),
    Column("sealed", Text, nullable=False),
    Index(None, "patient", "author"),
)

scores = Table(
    "scores",
    metadata,
    # Triggers refuse UPDATE and DELETE: a wrong answer is struck out by a decision.
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("patient", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "patient", "day", "seq"),
)

messages = Table(
    "messages",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("ehr", Text, nullable=False),
    Column("fhir_base", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("launch", Text, nullable=False),
    Column("course", Text, nullable=False),
    Column("session", Text),
    Column("contents", Text, nullable=False),  # the items as JSON
    Column("created", Instant, nullable=False),
    Column("due", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("before", Text, nullable=False),  # the state it was claimed in, for when its sender is lost
    Column("lease_until", Instant),
    Column("attempts", Integer, nullable=False),  # also fences: who was overtaken holds an older number
    Column("crashes", Integer, nullable=False),  # senders lost one after another
    Column("reason", Text, nullable=False),
    Column("sent", Text),
    Column("settle_until", Instant),
    Index(None, "course", "seq"),
    Index(None, "patient", "seq"),
    Index(None, "state", "due"),  # the worker asks often, and delivered messages become many
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("message", Text, ForeignKey(messages.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("launch", Text, nullable=False),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("state", Text),  # as settled; "lost" when the sender never came back
    Column("reason", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # Triggers of the migrations refuse UPDATE and DELETE. `hash` is SHA-256 over `prev_hash` and the bytes of `body`.
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("patient", Text),
    Column("body", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "patient", "seq"),
)

audit_head = Table(
    "audit_head",
    metadata,
    # The end of the chain, so that records missing at the end are noticed too.
    Column("id", Integer, primary_key=True, autoincrement=False),
    CheckConstraint("id = 1", name="only_one"),
    Column("seq", _Number, nullable=False),
    Column("hash", String(64), nullable=False),
)
