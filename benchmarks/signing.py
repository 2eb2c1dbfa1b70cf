"""A signature kept durably, on SQLite and on PostgreSQL, against an fdatasync of 8 KiB appended to a file.

Goal: the transaction at most 1.5 times the fdatasync on SQLite and 3.5 times on PostgreSQL. A row of 8 KiB committed
by the bare driver with the same settings says what the database itself takes; the same signature kept in memory says
what the rules and FHIR take, which the transaction is counted without. Everything is measured in one run,
interleaved; medians. PostgreSQL's own CPU is not counted.

Run it with `make bench`, or `python -m benchmarks.signing [ROUNDS]`.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.store.engine import begin_writing, describe, open_engine
from smart_app.store.migrations import migrate
from smart_app.store.unit_of_work import SqlUnitOfWork, SqlWork
from smart_app.use_cases.ports import Work
from smart_app.use_cases.signing.sign_session import sign
from tests.fakes import FakeWork
from tests.smart_app.store.a_server import NoServer, postgresql
from tests.smart_app.use_cases.a_clinic import BASE, DEE, Clinic

EACH_ROUND = 10  # measurements of each kind in a round
BLOCK = b"x" * 8192
READINGS = ("138/84", "146/90", "152/94", "148/92", "141/88", "134/82")


@dataclass
class Taken:
    """Seconds by the clock and of this process's CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @contextmanager
    def measured(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.wall), statistics.median(self.cpu)


class Commits(SqlWork):
    """Measures the commit alone."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.taken = Taken()

    @contextmanager
    def _begin(self) -> Iterator[SqlUnitOfWork]:
        with super()._begin() as uow:
            commit = uow.commit

            def measured() -> None:
                with self.taken.measured():
                    commit()

            uow.commit = measured  # type: ignore[method-assign]  # of this one object
            yield uow


class Desk:
    """A session of the usual length, ready to be signed, again and again with another patient."""

    def __init__(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.recorded()
        for minute, pressure in enumerate(READINGS):
            clinic.at(f"15:{5 + 10 * minute}")
            clinic.read(session, pressure)
        clinic.at("16:20")
        self.clinic, self.course, self.session = clinic, clinic.course, clinic.session(session.id)
        self._numbers = count(1)

    def sign(self, keep: Work, work: Work, taken: Taken) -> None:
        """`keep` puts the session where `work` finds it; only the signing is measured."""
        patient = f"patient-{next(self._numbers)}"
        course = replace(self.course, id=str(uuid4()), patient=f"{BASE}/Patient/{patient}", version=1)
        session = replace(self.session, id=str(uuid4()), course=course.id, patient=course.patient, version=1)
        with keep() as uow:
            uow.courses.add(course)
            uow.sessions.add(session)
            uow.audit.add(AuditRecord(action="bench:session:keep", at=self.clinic.now))
            uow.commit()
        caller, ids = replace(DEE, patient_id=patient), lambda: str(uuid4())
        with taken.measured():
            made = sign(work, self.clinic.clock, caller, session.id, {"attest": "yes"}, ids, self.clinic.site)
        assert made.status is SessionStatus.COMPLETED


def one_row(engine: Engine, taken: Taken) -> None:
    """Through the driver's own cursor, with the settings that our engine made."""
    place = "?" if engine.dialect.name == "sqlite" else "%s"
    with begin_writing(engine) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with taken.measured():
            driver.cursor().execute(f"INSERT INTO bench_rows (body) VALUES ({place})", (BLOCK,))  # noqa: S608  # no input
            driver.commit()


def append(file: int, taken: Taken) -> None:
    with taken.measured():
        os.write(file, BLOCK)
        os.fdatasync(file)


def main() -> None:
    rounds = max(5, int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = os.open(folder / "appended", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        stack.callback(os.close, file)
        desk, engines = Desk(), [_ready(stack, f"sqlite:///{folder / 'bench.db'}")]
        try:
            engines.append(_ready(stack, stack.enter_context(postgresql(durable=True))))
        except NoServer as reason:
            print(reason)
        report(rounds, partial(append, file), desk, engines)


def _ready(stack: ExitStack, url: str) -> Engine:
    engine = open_engine(url)
    stack.callback(engine.dispose)
    migrate(engine)
    with begin_writing(engine) as connection:
        kind = "BLOB" if engine.dialect.name == "sqlite" else "BYTEA"
        connection.exec_driver_sql(f"CREATE TABLE bench_rows (body {kind})")
        connection.commit()
    return engine


def report(rounds: int, floor: Callable[[Taken], None], desk: Desk, engines: list[Engine]) -> None:
    works = [Commits(engine) for engine in engines]
    floors, memory = Taken(), Taken()
    rows, signed = [Taken() for _ in engines], [Taken() for _ in engines]
    for number in range(-1, rounds):
        for _ in range(EACH_ROUND):
            floor(floors)
            empty = FakeWork()
            desk.sign(empty, empty, memory)
            for engine, work, row, whole in zip(engines, works, rows, signed, strict=True):
                one_row(engine, row)
                desk.sign(SqlWork(engine), work, whole)
        if number < 0:  # to warm up
            for each in (floors, memory, *rows, *signed, *(work.taken for work in works)):
                each.wall.clear()
                each.cpu.clear()
    unit = floors.medians()[0]
    print(f"Python {platform.python_version()}, {rounds} rounds of {EACH_ROUND}: ms, CPU ms, times the fdatasync")
    _line("fdatasync of 8 KiB", *floors.medians(), unit)
    _line("signing, in memory", *memory.medians(), unit)
    for engine, work, row, whole in zip(engines, works, rows, signed, strict=True):
        print(describe(engine))
        _line("one row of 8 KiB, driver", *row.medians(), unit)
        _line("commit of a signature", *work.taken.medians(), unit)
        pairs = zip(whole.medians(), memory.medians(), strict=True)
        _line("its transaction", *(kept - made for kept, made in pairs), unit)
        _line("signing", *whole.medians(), unit)


def _line(what: str, wall: float, cpu: float, unit: float) -> None:
    print(f"  {what:26}{wall * 1e3:8.2f}{cpu * 1e3:8.2f}{wall / unit:8.1f} times")


if __name__ == "__main__":
    main()
