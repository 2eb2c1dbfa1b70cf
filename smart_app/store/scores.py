"""Keeps questionnaire totals that were typed in, each once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import scores
from smart_app.use_cases.records import StoredScore


class SqlScores:
    """The `Scores` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, score: StoredScore) -> bool:
        # Nobody else writes meanwhile, so looking first is safe.
        if self._connection.scalar(select(scores.c.seq).where(scores.c.id == score.id)) is not None:
            return False
        row = {"id": score.id, "patient": score.patient, "day": score.day, "body": to_text(score)}
        self._connection.execute(insert(scores).values(**row))
        return True

    def of_patient(self, patient: str) -> Sequence[StoredScore]:
        found = select(scores.c.body).where(scores.c.patient == patient).order_by(scores.c.day, scores.c.seq)
        return [from_text(StoredScore, body) for body in self._connection.scalars(found)]
