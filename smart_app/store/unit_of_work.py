"""One transaction over all repositories; it commits only together with an audit record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, Engine

from smart_app.store.audit import SqlAudit
from smart_app.store.care import SqlCare
from smart_app.store.courses import SqlCourses
from smart_app.store.device_keys import SqlDeviceKeys
from smart_app.store.drafts import SqlDrafts
from smart_app.store.engine import begin_writing, reading
from smart_app.store.judgements import SqlJudgements
from smart_app.store.launches import SqlCallers
from smart_app.store.ledger import SqlLedger
from smart_app.store.messages import SqlMessages
from smart_app.store.scores import SqlScores
from smart_app.store.screenings import SqlScreenings
from smart_app.store.sealing import Seals
from smart_app.store.sessions import SqlSessions
from smart_app.store.versions import SqlVersions
from smart_app.use_cases.errors import Unaudited
from smart_app.use_cases.ports import (
    Audit,
    Care,
    Courses,
    DeviceKeys,
    Drafts,
    Judgements,
    Launches,
    Ledger,
    Messages,
    Scores,
    Screenings,
    Sessions,
    Versions,
)


class SqlUnitOfWork:
    """The `UnitOfWork` of one connection."""

    def __init__(self, connection: Connection, seals: Seals | None = None) -> None:
        self._connection = connection
        self._audit = SqlAudit(connection)
        self.launches: Launches = SqlCallers(connection)
        self.screenings: Screenings = SqlScreenings(connection)
        self.judgements: Judgements = SqlJudgements(connection)
        self.courses: Courses = SqlCourses(connection)
        self.sessions: Sessions = SqlSessions(connection)
        self.versions: Versions = SqlVersions(connection)
        self.drafts: Drafts = SqlDrafts(connection)
        self.device_keys: DeviceKeys = SqlDeviceKeys(connection, seals)
        self.scores: Scores = SqlScores(connection)
        self.care: Care = SqlCare(connection)
        self.messages: Messages = SqlMessages(connection)
        self.ledger: Ledger = SqlLedger(connection)
        self.audit: Audit = self._audit

    def commit(self) -> None:
        if not self._audit.added:
            raise Unaudited("nothing was committed: the transaction holds no audit record")
        self._connection.commit()


class SqlWork:
    """The `Work` of an engine: `with work() as uow: ...; uow.commit()`.

    There is one writer at a time, so nothing slow (an EHR, a person) may be waited for inside.
    """

    def __init__(self, engine: Engine, seals: Seals | None = None) -> None:
        self._engine = engine
        self._seals = seals  # None: nothing that is sealed can be kept or read

    def __call__(self) -> AbstractContextManager[SqlUnitOfWork]:
        return self._begin()

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        with reading(self._engine) as connection:
            yield SqlUnitOfWork(connection, self._seals)

    @contextmanager
    def _begin(self) -> Iterator[SqlUnitOfWork]:
        with begin_writing(self._engine) as connection:
            yield SqlUnitOfWork(connection, self._seals)
