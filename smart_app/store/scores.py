"""Keeps questionnaires as they were entered, each once, and what clinicians decide about them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import outcome_decisions, scores
from smart_app.use_cases.records import OutcomeDecision, StoredScore


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

    def decide(self, decision: OutcomeDecision) -> None:
        row = insert(outcome_decisions).values(id=decision.id, patient=decision.patient, body=to_text(decision))
        self._connection.execute(row)

    def decisions(self, patient: str) -> Sequence[OutcomeDecision]:
        table = outcome_decisions
        found = select(table.c.body).where(table.c.patient == patient).order_by(table.c.seq)
        return [from_text(OutcomeDecision, body) for body in self._connection.scalars(found)]
