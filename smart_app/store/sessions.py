"""Keeps sessions from their opening on; a change is refused when somebody else saved in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, insert, select, update

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import sessions
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.records import StoredSession

_KEPT = (sessions.c.version, sessions.c.body)


class SqlSessions:
    """The `Sessions` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, session: StoredSession) -> None:
        row = {"id": session.id, "course": session.course, "version": session.version}
        self._connection.execute(insert(sessions).values(**row, body=to_text(session)))

    def get(self, session_id: str) -> StoredSession | None:
        row = self._connection.execute(select(*_KEPT).where(sessions.c.id == session_id)).one_or_none()
        return None if row is None else _session(row)

    def of_course(self, course_id: str) -> Sequence[StoredSession]:
        found = select(*_KEPT).where(sessions.c.course == course_id).order_by(sessions.c.seq)
        return [_session(row) for row in self._connection.execute(found)]

    def replace(self, session: StoredSession) -> None:
        as_read = (sessions.c.id == session.id) & (sessions.c.version == session.version)
        change = update(sessions).where(as_read).values(version=session.version + 1, body=to_text(session))
        if self._connection.execute(change).rowcount != 1:
            raise StaleVersion("the session was changed by somebody else")


def _session(row: Row[int, str]) -> StoredSession:
    return replace(from_text(StoredSession, row.body), version=row.version)
