"""No look-up reads a whole table, whatever the database holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event

from launch.sessions import End, Why
from smart_app.store.browser_sessions import SqlBrowserSessions
from smart_app.store.launches import SqlLaunches
from smart_app.store.outbox import SqlOutbox
from smart_app.store.sealing import Sealer, SealingKey
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import MessageState
from tests.smart_app.clinical.vials import a_posting, a_vial, posted
from tests.smart_app.store.stored_records import (
    ADA,
    NOON,
    a_caller,
    a_course,
    a_decision,
    a_launch,
    a_message,
    a_pending_launch,
    a_score,
    a_screening,
    a_session,
    an_audit,
    some_tokens,
)

SINGLE_ROW = {"audit_head", "instance"}


def test_every_statement_of_a_day_finds_its_rows_by_an_index(sqlite_engine: Engine) -> None:
    statements: list[tuple[str, Any]] = []

    @event.listens_for(sqlite_engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            statements.append((statement, parameters))

    _a_day(sqlite_engine)
    noted = list(statements)
    with sqlite_engine.connect() as connection:
        plans = [
            (statement, step.detail)
            for statement, parameters in noted
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    scans = [(step, sql) for sql, step in plans if _reads_much(step)]
    assert len(noted) > 30
    assert scans == []


def _reads_much(step: str) -> bool:
    """A whole table, or all of it up to a row number."""
    return "(rowid<?)" in step or (step.startswith("SCAN") and step.split()[1] not in SINGLE_ROW)


def _a_day(engine: Engine) -> None:
    work, outbox = SqlWork(engine), SqlOutbox(engine)
    launches = SqlLaunches(engine, Sealer([SealingKey.generate()]), lambda: NOON)
    launches.keep_pending(a_pending_launch())
    launches.take_pending("ab" * 32)
    launches.complete(a_launch(), some_tokens(), "ef" * 32)
    launches.find("launch-1")
    launches.session_matches("launch-1", "ef" * 32)
    launches.tokens("launch-1")
    launches.replace_tokens("launch-1", some_tokens(version=2))
    sessions = SqlBrowserSessions(engine, lambda: NOON)
    sessions.session("launch-1", "ef" * 32)
    sessions.note("launch-1", NOON, "progress")
    sessions.close("launch-1", End(at=NOON, why=Why.IDLE))
    sessions.last_place(a_launch(), timedelta(minutes=15))
    with work() as uow:
        uow.launches.keep_caller(a_caller())
        uow.launches.caller("launch-1")
        uow.screenings.add(a_screening())
        uow.screenings.get("screening-1")
        uow.screenings.latest(ADA)
        uow.courses.add(a_course())
        uow.courses.get("course-1")
        uow.courses.of_patient(ADA)
        uow.courses.replace(a_course())
        uow.sessions.add(a_session())
        uow.sessions.get("session-1")
        uow.sessions.of_course("course-1")
        uow.sessions.replace(a_session())
        uow.scores.add(a_score())
        uow.scores.of_patient(ADA)
        uow.scores.decide(a_decision())
        uow.scores.decisions(ADA)
        uow.messages.add(a_message())
        uow.messages.of_course("course-1")
        uow.messages.of_patient("demo", ADA)
        uow.messages.retry("message-1", launch="launch-1", now=NOON)
        uow.messages.release(ADA, launch="launch-1", now=NOON)
        uow.ledger.add_vial(a_vial())
        for row in posted(a_posting()):
            uow.ledger.add(row)
        uow.ledger.vial("vial-1")
        uow.ledger.open_vials("demo")
        uow.ledger.next_number("demo")
        uow.ledger.of_vial("vial-1")
        uow.ledger.of_session("session-1")
        uow.ledger.between("demo", NOON, NOON)
        uow.audit.add(an_audit())
        uow.audit.of_patient(ADA)
        uow.commit()
    message = outbox.claim(NOON, lease=60)
    assert message is not None
    outbox.keep_sent(message.id, "bytes")
    outbox.next_due(NOON)
    outbox.pending()
    outbox.pending(launch="launch-1")
    outbox.settle(
        message, MessageState.DELIVERED, due=None, reason="", references={}, audit=an_audit(), care_plan="CarePlan/1"
    )
    launches.end("launch-1")
