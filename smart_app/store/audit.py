"""The audit trail: append-only, numbered without gaps, each record's hash resting on the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select, update

from fhir_mappings.facts.audit import AuditRecord
from smart_app.store.engine import reading
from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import audit, audit_head

START = "0" * 64  # what the first record rests on
_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The end of the chain at one time. Kept outside the database it shows a chain that was made anew."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheck:
    """What `verify` found. `broken_at` is the seq of the first record that is wrong, `problem` says how."""

    records: int
    broken_at: int | None = None
    problem: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_at is None


class SqlAudit:
    """The `Audit` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.added = 0

    def add(self, record: AuditRecord) -> None:
        append(self._connection, record)
        self.added += 1

    def of_patient(self, patient: str, *, limit: int = 200) -> Sequence[AuditRecord]:
        found = select(audit.c.body).where(audit.c.patient == patient).order_by(audit.c.seq.desc()).limit(limit)
        return [from_text(AuditRecord, body) for body in self._connection.scalars(found)]


def append(connection: Connection, record: AuditRecord) -> None:
    """Add a record at the end of the chain. The transaction must be a writing one: there is only one at a time."""
    last = head(connection)
    body = to_text(record)
    seq, digest = last.seq + 1, link(last.hash, body)
    connection.execute(
        insert(audit).values(
            seq=seq, at=record.at, patient=record.patient, body=body, prev_hash=last.hash, hash=digest
        )
    )
    connection.execute(update(audit_head).values(seq=seq, hash=digest))


def head(connection: Connection) -> Checkpoint:
    """The end of the chain as the database names it."""
    row = connection.execute(select(audit_head.c.seq, audit_head.c.hash)).one()
    return Checkpoint(seq=row.seq, hash=row.hash)


def link(prev_hash: str, body: str) -> str:
    """SHA-256 over the 32 bytes of the hash before and the bytes of the record as stored, in hex."""
    return hashlib.sha256(bytes.fromhex(prev_hash) + body.encode()).hexdigest()


def checkpoint(engine: Engine) -> Checkpoint:
    """The end of the chain now, to be kept outside the database."""
    with reading(engine) as connection:
        return head(connection)


def verify(engine: Engine, *, against: Checkpoint | None = None) -> ChainCheck:
    """Check the whole chain, as it stands at one moment.

    Without a checkpoint from outside the database, whoever can write every table can also make a chain anew.
    """
    with reading(engine) as connection:
        return _verify(connection, against)


def _verify(connection: Connection, against: Checkpoint | None) -> ChainCheck:
    prev_hash, count = START, 0
    for row in _in_order(connection):
        count += 1
        problem = _wrong(row, count, prev_hash)
        if against is not None and row.seq == against.seq and row.hash != against.hash:
            problem = problem or "it is not the record that the checkpoint names"
        if problem:
            return ChainCheck(records=count, broken_at=count, problem=problem)
        prev_hash = row.hash
    end = head(connection)
    if end.seq > count or (against is not None and against.seq > count):
        return ChainCheck(records=count, broken_at=count + 1, problem="records are missing at the end")
    if (end.seq, end.hash) != (count, prev_hash):
        return ChainCheck(records=count, broken_at=count, problem="it is not the record that the chain ends with")
    return ChainCheck(records=count)


def _in_order(connection: Connection) -> Iterator[Row[int, datetime, str | None, str, str, str]]:
    columns = (audit.c.seq, audit.c.at, audit.c.patient, audit.c.body, audit.c.prev_hash, audit.c.hash)
    last = 0
    while rows := connection.execute(select(*columns).where(audit.c.seq > last).order_by(audit.c.seq).limit(_BATCH)):
        batch = rows.all()
        yield from batch
        if len(batch) < _BATCH:
            return
        last = batch[-1].seq


def _wrong(row: Row[int, datetime, str | None, str, str, str], seq: int, prev_hash: str) -> str:
    if row.seq != seq:
        return "a record is missing or was put in"
    if row.prev_hash != prev_hash:
        return "it does not rest on the record before it"
    if row.hash != link(prev_hash, row.body):
        return "its text was changed"
    try:
        record = from_text(AuditRecord, row.body)
    except msgspec.MsgspecError:
        return "it cannot be read"
    if (record.patient, record.at) != (row.patient, row.at):
        return "it was moved to another patient or time"
    return ""
