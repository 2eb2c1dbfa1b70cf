"""Keeps what was asked, measured and told between sessions, each entry once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import care_entries
from smart_app.use_cases.records import CareEntry


class SqlCare:
    """The `Care` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entry: CareEntry) -> bool:
        # Nobody else writes meanwhile, so looking first is safe.
        if self._connection.scalar(select(care_entries.c.seq).where(care_entries.c.id == entry.id)) is not None:
            return False
        row = insert(care_entries).values(id=entry.id, patient=entry.patient, body=to_text(entry))
        self._connection.execute(row)
        return True

    def of_patient(self, patient: str) -> Sequence[CareEntry]:
        table = care_entries
        found = select(table.c.body).where(table.c.patient == patient).order_by(table.c.seq)
        return [from_text(CareEntry, body) for body in self._connection.scalars(found)]
