"""Keeps each screening as it was shown, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import ColumnElement, Connection, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import launches, screening_inputs, screenings
from smart_app.use_cases.records import ScreeningInputs, StoredScreening


class SqlScreenings:
    """The `Screenings` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, screening: StoredScreening) -> None:
        row = insert(screenings).values(id=screening.id, patient=screening.patient, body=to_text(screening))
        self._connection.execute(row)

    def get(self, screening_id: str) -> StoredScreening | None:
        return self._newest(screenings.c.id == screening_id)

    def latest(self, patient: str, launch: str = "") -> StoredScreening | None:
        newest = self._newest(screenings.c.patient == patient)
        if newest is None or not launch or newest.launch == launch:
            return newest
        began = self._connection.scalar(select(launches.c.started).where(launches.c.id == launch))
        if began is not None and newest.at < began:
            return None  # as with every launch that has not screened yet
        # Rare: somebody else has screened this patient since.
        return next((screening for screening in self._newest_first(patient) if screening.launch == launch), None)

    def of_day(self, patient: str, day: date) -> StoredScreening | None:
        return next((screening for screening in self._newest_first(patient) if screening.day == day), None)

    def keep_inputs(self, inputs: ScreeningInputs) -> None:
        row = insert(screening_inputs).values(id=inputs.id, patient=inputs.patient, body=to_text(inputs))
        self._connection.execute(row)

    def inputs(self, inputs_id: str) -> ScreeningInputs | None:
        body = self._connection.scalar(select(screening_inputs.c.body).where(screening_inputs.c.id == inputs_id))
        return None if body is None else from_text(ScreeningInputs, body)

    def _newest_first(self, patient: str) -> Iterator[StoredScreening]:
        kept = select(screenings.c.body).where(screenings.c.patient == patient).order_by(screenings.c.seq.desc())
        return (from_text(StoredScreening, body) for body in self._connection.scalars(kept))

    def _newest(self, condition: ColumnElement[bool]) -> StoredScreening | None:
        newest = select(screenings.c.body).where(condition).order_by(screenings.c.seq.desc()).limit(1)
        body = self._connection.scalar(newest)
        return None if body is None else from_text(StoredScreening, body)
