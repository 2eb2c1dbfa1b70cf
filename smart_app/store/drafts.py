"""Keeps what a clinician has typed into a form so far, one draft for each patient, author and form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import drafts


class SqlDrafts:
    """The `Drafts` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, patient: str, author: str, form: str) -> Mapping[str, str]:
        body = self._connection.scalar(select(drafts.c.body).where(_this(patient, author, form)))
        return {} if body is None else from_text(dict[str, str], body)

    def keep(self, patient: str, author: str, form: str, fields: Mapping[str, str], at: datetime) -> None:
        self.drop(patient, author, form)
        row = {"patient": patient, "author": author, "form": form, "saved": at, "body": to_text(dict(fields))}
        self._connection.execute(insert(drafts).values(**row))

    def drop(self, patient: str, author: str, form: str) -> None:
        self._connection.execute(delete(drafts).where(_this(patient, author, form)))


def _this(patient: str, author: str, form: str) -> ColumnElement[bool]:
    return (drafts.c.patient == patient) & (drafts.c.author == author) & (drafts.c.form == form)
