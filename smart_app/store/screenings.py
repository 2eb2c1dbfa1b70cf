"""Keeps each screening as it was shown."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import screenings
from smart_app.use_cases.records import StoredScreening


class SqlScreenings:
    """The `Screenings` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, screening: StoredScreening) -> None:
        row = insert(screenings).values(id=screening.id, patient=screening.patient, body=to_text(screening))
        self._connection.execute(row)

    def get(self, screening_id: str) -> StoredScreening | None:
        return self._newest(screenings.c.id == screening_id)

    def latest(self, patient: str) -> StoredScreening | None:
        return self._newest(screenings.c.patient == patient)

    def _newest(self, condition: ColumnElement[bool]) -> StoredScreening | None:
        newest = select(screenings.c.body).where(condition).order_by(screenings.c.seq.desc()).limit(1)
        body = self._connection.scalar(newest)
        return None if body is None else from_text(StoredScreening, body)
