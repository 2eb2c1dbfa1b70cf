"""Keeps what was signed: the versions of a session and their countersignatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.exc import IntegrityError

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import countersignatures, session_versions
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.records import Countersignature, SessionVersion

Kept = TypeVar("Kept", SessionVersion, Countersignature)


class SqlVersions:
    """The `Versions` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, version: SessionVersion) -> None:
        self._add(session_versions, version)

    def of_session(self, session_id: str) -> Sequence[SessionVersion]:
        return self._of_session(session_versions, SessionVersion, session_id)

    def countersign(self, countersignature: Countersignature) -> None:
        self._add(countersignatures, countersignature)

    def countersignatures(self, session_id: str) -> Sequence[Countersignature]:
        return self._of_session(countersignatures, Countersignature, session_id)

    def _add(self, table: Table, record: SessionVersion | Countersignature) -> None:
        if self._connection.scalar(select(table.c.seq).where(table.c.id == record.id)) is not None:
            raise StaleVersion("this version was signed by somebody else meanwhile")
        row = insert(table).values(id=record.id, session=record.session, body=to_text(record))
        try:
            self._connection.execute(row)
        except IntegrityError:  # two at the same moment, which only PostgreSQL lets come so far
            raise StaleVersion("this version was signed by somebody else meanwhile") from None

    def _of_session(self, table: Table, kind: type[Kept], session_id: str) -> list[Kept]:
        rows = select(table.c.body).where(table.c.session == session_id).order_by(table.c.seq)
        return [from_text(kind, body) for body in self._connection.scalars(rows)]
