"""Opening the database: who owns it, how it keeps what was committed, and what an error may say."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from smart_app.store import audit
from smart_app.store.engine import describe, journal_mode, open_engine, reading, writing
from smart_app.store.errors import InUse, NotPrivate, StoreRefused
from smart_app.store.tables import messages
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.store.stored_records import ADA, NOON, a_course, a_message, an_audit

ROOT = Path(__file__).parents[3]

OPEN_IT = """
import sys
from smart_app.store.engine import open_engine
open_engine(sys.argv[1])
"""

COMMIT_FOR_EVER = """
import sys
from smart_app.store.engine import open_engine
from smart_app.store.unit_of_work import SqlWork
from tests.smart_app.store.stored_records import a_message, a_session, an_audit
work, first = SqlWork(open_engine(sys.argv[1])), int(sys.argv[2])
for number in range(first, first + 100_000):
    with work() as uow:
        uow.sessions.add(a_session(id=f"s{number}"))
        uow.messages.add(a_message(id=f"m{number}", session=f"s{number}"))
        uow.audit.add(an_audit(detail=str(number)))
        uow.commit()
    print(number, flush=True)
"""


def run(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_process_is_refused_in_words(sqlite_engine: Engine, tmp_path: Path) -> None:
    second = run(OPEN_IT, f"sqlite:///{tmp_path / 'app.db'}")
    _, told = second.communicate(timeout=30)
    assert second.returncode != 0
    assert "another process has this database open" in told


def test_a_second_engine_in_this_process_is_refused_until_the_first_is_disposed_of(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    first = open_engine(url)
    with pytest.raises(InUse):
        open_engine(url)
    first.dispose()
    with pytest.raises(InUse), reading(first):
        pass
    open_engine(url).dispose()


def test_another_path_to_the_same_file_is_refused(sqlite_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(InUse):
        open_engine(f"sqlite:///{tmp_path / 'link' / 'app.db'}")


def test_new_files_are_private(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
    engine.dispose()
    assert {path.name for path in tmp_path.iterdir()} >= {"new.db", "new.db.lock"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_others_can_read_is_refused_and_not_left_locked(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch(mode=0o600)
    path.chmod(0o644)
    with pytest.raises(NotPrivate, match="600"):
        open_engine(f"sqlite:///{path}")
    path.chmod(0o600)
    open_engine(f"sqlite:///{path}").dispose()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "sqlite:////no/such/place/a.db"]
)
def test_what_cannot_keep_anything_is_refused(url: str) -> None:
    with pytest.raises(StoreRefused):
        open_engine(url)


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), ("truncate", "EXTRA")),
        ((3, 51, 2), ("truncate", "EXTRA")),
        ((3, 51, 3), ("wal", "FULL")),
        ((3, 53, 4), ("wal", "FULL")),
    ],
)
def test_wal_only_where_it_does_not_corrupt(version: tuple[int, ...], mode: tuple[str, str]) -> None:
    assert journal_mode(version) == mode


def test_every_connection_is_set_up_to_lose_nothing(sqlite_engine: Engine) -> None:
    mode, synchronous = journal_mode(sqlite3.sqlite_version_info)
    expected = {
        "journal_mode": mode,
        "synchronous": {"FULL": 2, "EXTRA": 3}[synchronous],
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "busy_timeout": 15000,
    }
    with reading(sqlite_engine) as one, reading(sqlite_engine) as two:
        for connection in (one, two):
            asked = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected}
            assert asked == expected
            # A build without memory mapping answers nothing.
            assert connection.exec_driver_sql("PRAGMA mmap_size").scalar() in {0, None}
    assert sqlite3.sqlite_version in describe(sqlite_engine)


def test_postgresql_says_whether_it_syncs(postgresql_engine: Engine) -> None:
    assert describe(postgresql_engine).startswith("PostgreSQL ")
    assert describe(postgresql_engine).endswith("fsync off")  # as the tests start it


def test_a_reader_sees_one_moment(engine: Engine) -> None:
    with reading(engine) as connection:
        assert audit.head(connection).seq == 0
        if engine.dialect.name == "postgresql":
            with writing(engine) as other:
                audit.append(other, an_audit())
        assert audit.head(connection).seq == 0


def test_a_reader_cannot_write_on_postgresql(postgresql_engine: Engine) -> None:
    with pytest.raises(Exception, match="read-only"), reading(postgresql_engine) as connection:
        audit.append(connection, an_audit())


def test_no_error_quotes_a_record(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)null") as failure, SqlWork(engine)() as uow:
        uow.courses.add(a_course(id=None))
    told = "".join(traceback.format_exception(failure.value))
    assert ADA not in told
    assert "Dr Dee" not in told
    assert "82.0" not in told


def test_a_time_without_an_offset_is_refused(engine: Engine) -> None:
    with pytest.raises(Exception, match="without an offset"), SqlWork(engine)() as uow:
        uow.messages.add(a_message(due=NOON.replace(tzinfo=None)))


def test_times_are_kept_as_utc_text_that_sorts(engine: Engine) -> None:
    with SqlWork(engine)() as uow:
        uow.messages.add(a_message())
        uow.audit.add(an_audit())
        uow.commit()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT due FROM messages")).scalar() == "2026-11-23T17:00:00.000000Z"
        assert connection.scalar(messages.select().with_only_columns(messages.c.due)) == NOON


def test_what_was_acknowledged_survives_kill_9(sqlite_engine: Engine, tmp_path: Path) -> None:
    sqlite_engine.dispose()
    url, acknowledged = f"sqlite:///{tmp_path / 'app.db'}", set[int]()
    for life in range(3):
        process = run(COMMIT_FOR_EVER, url, str(life * 100_000))
        assert process.stdout is not None
        acknowledged.add(int(process.stdout.readline()))
        time.sleep(0.05 + 0.04 * life)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        acknowledged |= {int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")}
    engine = open_engine(url)
    with reading(engine) as connection:
        sessions = set(connection.scalars(text("SELECT id FROM sessions")))
        queued = set(connection.scalars(text("SELECT session FROM messages")))
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert {f"s{number}" for number in acknowledged} <= sessions
    assert sessions == queued
    assert audit.verify(engine) == audit.ChainCheck(records=len(sessions))
    engine.dispose()
