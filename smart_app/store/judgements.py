"""Keeps what people add to a screening: the patient's answers and the prescribers' overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Connection, Table, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import answers, overrides
from smart_app.use_cases.records import StoredAnswer, StoredOverride

Kept = TypeVar("Kept", StoredAnswer, StoredOverride)


class SqlJudgements:
    """The `Judgements` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_answer(self, answer: StoredAnswer) -> None:
        self._add(answers, answer)

    def answers(self, patient: str) -> Sequence[StoredAnswer]:
        return self._of_patient(answers, StoredAnswer, patient)

    def add_override(self, override: StoredOverride) -> None:
        self._add(overrides, override)

    def overrides(self, patient: str) -> Sequence[StoredOverride]:
        return self._of_patient(overrides, StoredOverride, patient)

    def _add(self, table: Table, record: StoredAnswer | StoredOverride) -> None:
        row = insert(table).values(id=record.id, patient=record.patient, body=to_text(record))
        self._connection.execute(row)

    def _of_patient(self, table: Table, kind: type[Kept], patient: str) -> list[Kept]:
        rows = select(table.c.body).where(table.c.patient == patient).order_by(table.c.seq)
        return [from_text(kind, body) for body in self._connection.scalars(rows)]
