"""Many threads at once: a state works once, a message goes out once, and the audit chain stays one chain."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select

from smart_app.store import audit
from smart_app.store import engine as engine_module
from smart_app.store.engine import reading
from smart_app.store.launches import SqlLaunches
from smart_app.store.outbox import SqlOutbox
from smart_app.store.sealing import Sealer, SealingKey
from smart_app.store.tables import attempts
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.errors import Refused, StaleVersion
from smart_app.use_cases.records import MessageKind, MessageState
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.signing.amend_session import begin_amendment
from smart_app.use_cases.signing.sign_session import sign
from tests.smart_app.store.stored_records import (
    ADA,
    BASE,
    NOON,
    a_caller,
    a_course,
    a_launch,
    a_message,
    a_pending_launch,
    a_session,
    an_audit,
    later,
    some_tokens,
)
from tests.smart_app.use_cases.a_clinic import DEE, MONDAY, Clinic

T = TypeVar("T")


def at_once(threads: int, act: Callable[[int], T]) -> list[T]:
    """Run `act(0)`, `act(1)` ... all starting at the same moment."""
    gate = threading.Barrier(threads)

    def run(number: int) -> T:
        gate.wait(timeout=20)
        return act(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.mark.parametrize("amended", [False, True], ids=["signed", "amended"])
def test_fifty_who_sign_at_once_leave_one_version(engine: Engine, *, amended: bool) -> None:
    clinic = Clinic()
    clinic.enrolled()
    session = clinic.signed(MONDAY) if amended else clinic.recorded(MONDAY)
    if amended:
        clinic.at("18:00")
        begin_amendment(clinic.work, clinic.clock, DEE, session.id, "The lot was mistyped.")
        session = clinic.save(session, {"dose.lot": "L-78"})
    work = SqlWork(engine)
    with work() as uow:
        uow.courses.add(clinic.course)
        uow.sessions.add(clinic.session(session.id))
        for version in clinic.work.kept.versions.values():
            uow.versions.add(version)
        uow.audit.add(an_audit())
        uow.commit()
    version = clinic.session(session.id).version

    def one(_number: int) -> object:
        fields = {"attest": "yes", "version": str(version)}
        ids = lambda: str(uuid4())  # noqa: E731  # the clinic's own numbers are not made for threads
        return sign(work, clinic.clock, DEE, session.id, fields, ids, clinic.site).signed

    with ThreadPoolExecutor(10) as people:
        found = set(people.map(one, range(50)))
    assert len(found) == 1
    with work() as uow:
        kept = uow.versions.of_session(session.id)
        kinds = Counter(message.kind for message in uow.messages.of_course(clinic.course.id))
    assert [each.number for each in kept] == ([1, 2] if amended else [1])
    assert kinds[MessageKind.AMEND_SESSION if amended else MessageKind.SEND_SESSION] == 1


def launches_of(engine: Engine) -> SqlLaunches:
    return SqlLaunches(engine, Sealer([SealingKey.generate()]), lambda: NOON)


def test_of_16_callbacks_with_one_state_one_wins(engine: Engine) -> None:
    launches = launches_of(engine)
    launches.keep_pending(a_pending_launch())
    taken = at_once(16, lambda _: launches.take_pending("ab" * 32))
    assert [pending for pending in taken if pending is not None] == [a_pending_launch()]


def test_of_16_refreshes_of_one_token_one_is_kept(engine: Engine) -> None:
    launches = launches_of(engine)
    launches.complete(a_launch(), some_tokens(), "ef" * 32)
    kept = at_once(16, lambda n: launches.replace_tokens("launch-1", some_tokens(access_token=str(n), version=2)))
    assert kept.count(True) == 1
    now = launches.tokens("launch-1")
    assert now is not None
    assert now.access_token == str(kept.index(True))


def test_of_8_people_saving_one_course_one_is_kept(engine: Engine) -> None:
    work = SqlWork(engine)
    with work() as uow:
        uow.courses.add(a_course())
        uow.audit.add(an_audit())
        uow.commit()

    def save(number: int) -> bool:
        with work() as uow:
            try:
                uow.courses.replace(a_course(enrolment={"saved by": str(number)}))
            except StaleVersion:
                return False
            uow.audit.add(an_audit())
            uow.commit()
            return True

    saved = at_once(8, save)
    with work() as uow:
        course = uow.courses.get("course-1")
    assert saved.count(True) == 1
    assert course is not None
    assert (course.version, course.enrolment) == (2, {"saved by": str(saved.index(True))})


def test_8_workers_send_each_message_once_and_in_the_order_of_its_patient(engine: Engine) -> None:
    patients, each = 5, 6
    with SqlWork(engine)() as uow:
        for number in range(patients * each):
            whose = number % patients
            uow.messages.add(
                a_message(id=f"m{number:02}", patient=f"{BASE}/Patient/{whose}", course=f"course-{whose}")
            )
        uow.audit.add(an_audit())
        uow.commit()
    outbox = SqlOutbox(engine)
    sent: list[tuple[str, str]] = []
    sending: Counter[str] = Counter()
    overlaps: list[str] = []
    lock = threading.Lock()

    last_turn = time.monotonic() + 60  # a lost message would keep the workers waiting for ever

    def deliver(_worker: int) -> None:
        while outbox.pending() and time.monotonic() < last_turn:
            message = outbox.claim(NOON, lease=60)
            if message is None:
                continue
            with lock:
                sending[message.patient] += 1
                if sending[message.patient] > 1:
                    overlaps.append(message.id)
                sent.append((message.patient, message.id))
            with lock:
                sending[message.patient] -= 1
            outbox.settle(
                message, MessageState.DELIVERED, due=None, reason="", references={}, audit=an_audit(at=later(1))
            )

    at_once(8, deliver)
    lines = defaultdict(list)
    for patient, message_id in sent:
        lines[patient].append(message_id)
    assert Counter(message_id for _, message_id in sent) == {f"m{n:02}": 1 for n in range(patients * each)}
    assert all(line == sorted(line) for line in lines.values())
    assert overlaps == []
    assert audit.verify(engine) == audit.ChainCheck(records=1 + patients * each)


def test_16_writers_make_one_chain_and_nobody_is_told_that_the_database_is_locked(engine: Engine) -> None:
    work = SqlWork(engine)

    def write(number: int) -> None:
        for turn in range(5):
            with work() as uow:
                uow.messages.add(a_message(id=f"{number}-{turn}"))
                uow.audit.add(an_audit())
                uow.commit()

    at_once(16, write)
    assert audit.verify(engine) == audit.ChainCheck(records=80)
    with work() as uow:
        seqs = [message.seq for message in uow.messages.of_course("course-1")]
    assert len(set(seqs)) == 80


def test_a_transaction_inside_another_one_is_told_apart_from_a_busy_database(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "WAIT_SECONDS", 0.05)
    work = SqlWork(sqlite_engine)
    with work() as outer:
        with pytest.raises(TimeoutError, match="has not ended"), work():
            pass
        outer.audit.add(an_audit())
        outer.commit()
    with work() as again:
        assert len(again.audit.of_patient(ADA)) == 1


def test_every_attempt_leaves_a_row(engine: Engine) -> None:
    with SqlWork(engine)() as uow:
        uow.messages.add(a_message())
        uow.audit.add(an_audit())
        uow.commit()
    outbox = SqlOutbox(engine)
    outbox.claim(NOON, lease=60)
    second = outbox.claim(later(60), lease=60)
    assert second is not None
    outbox.settle(
        second,
        MessageState.RETRY_AT,
        due=later(100),
        reason="busy",
        references={},
        audit=an_audit(at=later(70)),
    )
    outbox.claim(later(100), lease=60)
    with reading(engine) as connection:
        rows = [tuple(row) for row in connection.execute(select(attempts).order_by(attempts.c.number))]
    lost = "The sender did not come back in time."

    def at(seconds: float) -> datetime:
        return later(seconds)

    assert rows == [
        ("message-1", 1, "launch-1", at(0), at(60), "lost", lost),
        ("message-1", 2, "launch-1", at(60), at(70), "retry-at", "busy"),
        ("message-1", 3, "launch-1", at(100), None, None, ""),
    ]


def test_r20_of_50_identical_entries_one_is_kept_and_another_body_changes_nothing(engine: Engine) -> None:
    work, caller, fields = SqlWork(engine), a_caller(), {"systolic": "128", "diastolic": "78"}
    with work() as uow:
        uow.courses.add(a_course())
        uow.sessions.add(a_session(entries=()))
        uow.audit.add(an_audit())
        uow.commit()

    def send(_: int, systolic: str = "128") -> tuple[str, ...]:
        typed = fields | {"systolic": systolic}
        saved = add_entry(work, lambda: NOON, caller, "session-1", "reading", "entry-1", typed)
        return tuple(entry.id for entry in saved.entries)

    assert at_once(50, send) == [("entry-1",)] * 50
    with pytest.raises(Refused, match="other values"):
        send(0, "199")
    with work() as uow:
        kept = uow.sessions.get("session-1")
    assert kept is not None
    assert [entry.fields for entry in kept.entries] == [fields]
