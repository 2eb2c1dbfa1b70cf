"""Keeps the ledger of controlled substances: vials and their rows, added once and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Column, Connection, ScalarSelect, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from smart_app.clinical.ledger import Row, Vial
from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import ledger, vials
from smart_app.use_cases.errors import StaleVersion

Value = TypeVar("Value")


class SqlLedger:
    """The `Ledger` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_vial(self, vial: Vial) -> None:
        values = {"id": vial.id, "ehr": vial.ehr, "number": vial.number}
        self._connection.execute(insert(vials).values(**values, body=to_text(vial)))

    def vial(self, vial_id: str) -> Vial | None:
        body = self._connection.scalar(select(vials.c.body).where(vials.c.id == vial_id))
        return None if body is None else from_text(Vial, body)

    def vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        return self._vials(_with_last_row().where(vials.c.ehr == ehr))

    def open_vials(self, ehr: str) -> Sequence[tuple[Vial, Row]]:
        last = _last(ledger.c.holds)
        return self._vials(_with_last_row().where((vials.c.ehr == ehr) & (last == 1)))

    def next_number(self, ehr: str) -> int:
        last = self._connection.scalar(select(func.max(vials.c.number)).where(vials.c.ehr == ehr))
        return (last or 0) + 1

    def add(self, row: Row) -> None:
        values = {
            "id": row.id,
            "vial": row.vial,
            "number": row.number,
            "ehr": select(vials.c.ehr).where(vials.c.id == row.vial).scalar_subquery(),
            "session": row.session,
            "at": row.at,
            "holds": int(row.balance > 0),
        }
        try:
            self._connection.execute(insert(ledger).values(**values, body=to_text(row)))
        except IntegrityError:
            raise StaleVersion("somebody else added a row to this vial") from None

    def of_vial(self, vial_id: str) -> Sequence[Row]:
        return self._rows(select(ledger.c.body).where(ledger.c.vial == vial_id).order_by(ledger.c.number))

    def of_session(self, session_id: str) -> Sequence[Row]:
        return self._rows(select(ledger.c.body).where(ledger.c.session == session_id).order_by(ledger.c.seq))

    def between(self, ehr: str, first: datetime, before: datetime) -> Sequence[Row]:
        held = (ledger.c.ehr == ehr) & (ledger.c.at >= first) & (ledger.c.at < before)
        return self._rows(select(ledger.c.body).where(held).order_by(ledger.c.at, ledger.c.seq))

    def ehrs(self) -> Sequence[str]:
        return list(self._connection.scalars(select(vials.c.ehr).distinct().order_by(vials.c.ehr)))

    def _rows(self, query: Select[str]) -> list[Row]:
        return [from_text(Row, body) for body in self._connection.scalars(query)]

    def _vials(self, query: Select[str, str]) -> list[tuple[Vial, Row]]:
        return [
            (from_text(Vial, vial), from_text(Row, row))
            for vial, row in self._connection.execute(query)
            if row is not None
        ]


def _with_last_row() -> Select[str, str]:
    return select(vials.c.body, _last(ledger.c.body)).order_by(vials.c.number)


def _last(column: Column[Value]) -> ScalarSelect[Value]:
    """Of a vial's last row."""
    return (
        select(column).where(ledger.c.vial == vials.c.id).order_by(ledger.c.number.desc()).limit(1).scalar_subquery()
    )
