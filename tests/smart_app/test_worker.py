"""The worker: delivers what is due, sleeps otherwise, survives faults, stops cleanly."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from smart_app import worker
from smart_app.use_cases.records import MessageState
from tests.fakes import FakeOutbox, FakeWork
from tests.smart_app.use_cases.an_outbox import Clinic

pytestmark = pytest.mark.anyio
START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shift:
    """A worker at work on a list of jobs, with real (short) time."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], Awaitable[None]]] = []
        self.calls = 0
        self.due: datetime | None = None
        self.stop, self.wake = asyncio.Event(), asyncio.Event()
        self.outbox = FakeOutbox(FakeWork())
        self.outbox.next_due = lambda _now: self.due  # type: ignore[method-assign]  # set by the test
        self.began = time.monotonic()

    def clock(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self.began)

    async def deliver(self) -> bool:
        self.calls += 1
        if not self.jobs:
            return False
        await self.jobs.pop(0)()
        return True

    def start(self, **limits: float) -> asyncio.Task[None]:
        limits = {"shortest_rest": 0.01, "longest_rest": 30.0, **limits}
        running = worker.run(self.outbox, self.deliver, self.clock, self.stop, self.wake, **limits)  # type: ignore[arg-type]  # at_once is whole
        return asyncio.create_task(running)

    async def end(self, task: asyncio.Task[None]) -> None:
        self.stop.set()
        await asyncio.wait_for(task, 5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # conditions of several kinds, all of them soon true
            await asyncio.sleep(0.005)


async def test_what_is_there_is_delivered_at_the_start() -> None:
    shift, done = Shift(), []

    async def job() -> None:
        done.append(1)

    shift.jobs = [job] * 10
    task = shift.start()
    await until(lambda: len(done) == 10)
    await shift.end(task)


async def test_several_go_side_by_side_but_not_more_than_allowed() -> None:
    shift = Shift()
    now = most = 0

    async def job() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1

    shift.jobs = [job] * 12
    task = shift.start(at_once=4)
    await until(lambda: not shift.jobs and now == 0)
    await shift.end(task)
    assert most == 4


async def test_a_new_message_wakes_it_from_a_long_rest() -> None:
    shift, done = Shift(), []

    async def job() -> None:
        done.append(1)

    task = shift.start()
    await until(lambda: shift.calls >= 4)
    await asyncio.sleep(0.05)
    for _ in range(20):
        shift.jobs.append(job)
        shift.wake.set()
        await until(lambda: not shift.jobs)
    assert len(done) == 20
    await shift.end(task)


async def test_a_slow_message_does_not_hold_up_a_new_one() -> None:
    shift, done, release = Shift(), [], asyncio.Event()

    async def slow() -> None:
        await release.wait()

    async def quick() -> None:
        done.append(1)

    shift.jobs = [slow]
    task = shift.start(at_once=2)
    await until(lambda: not shift.jobs)
    shift.jobs.append(quick)
    shift.wake.set()
    await until(lambda: bool(done))
    release.set()
    await shift.end(task)


async def test_it_looks_again_when_the_next_message_is_due() -> None:
    shift = Shift()
    shift.due = shift.clock() + timedelta(seconds=0.1)
    task = shift.start(at_once=1)
    await until(lambda: shift.calls >= 2)
    assert shift.clock() - START >= timedelta(seconds=0.1)
    await shift.end(task)


async def test_a_message_that_is_due_but_held_back_makes_no_busy_loop() -> None:
    shift = Shift()
    shift.due = START - timedelta(hours=1)
    task = shift.start(at_once=1, shortest_rest=0.05)
    await asyncio.sleep(0.3)
    await shift.end(task)
    assert 2 <= shift.calls <= 8


async def test_a_fault_is_logged_without_its_words_and_the_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    shift, done = Shift(), []

    async def faulty() -> None:
        raise ValueError("Ada Example, born 1970")

    async def job() -> None:
        done.append(1)

    shift.jobs = [faulty, faulty, job]
    with caplog.at_level(logging.DEBUG, logger="smart_app"):
        task = shift.start(at_once=1)
        await until(lambda: bool(done))
        await shift.end(task)
    assert caplog.text.count("a delivery could not be handled: ValueError at test_worker.py") == 2
    assert "Ada" not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_store_that_fails_for_a_moment_does_not_end_it() -> None:
    shift, asked = Shift(), []

    def next_due(_now: datetime) -> datetime | None:
        asked.append(1)
        if len(asked) < 3:
            raise OSError("disk")
        return None

    shift.outbox.next_due = next_due  # type: ignore[method-assign]  # fails twice
    task = shift.start(at_once=1)
    await until(lambda: len(asked) == 3)
    assert not task.done()
    await shift.end(task)


async def test_stopping_finishes_what_is_under_way_and_begins_nothing() -> None:
    shift, done, began = Shift(), [], asyncio.Event()

    async def job() -> None:
        began.set()
        await asyncio.sleep(0.1)
        done.append(1)

    shift.jobs = [job] * 5
    task = shift.start(at_once=2)
    await began.wait()
    await shift.end(task)
    assert len(done) == 2
    assert len(shift.jobs) == 3


async def test_stopping_ends_a_rest_at_once() -> None:
    shift = Shift()
    task = shift.start()
    await until(lambda: shift.calls == 4)
    began = time.monotonic()
    await shift.end(task)
    assert time.monotonic() - began < 2


async def test_a_clinic_is_worked_through_with_four_lanes() -> None:
    clinic = Clinic()
    for number in range(100, 106):
        course = clinic.enrol(number)
        clinic.sign(course)
        clinic.progress(course, counted=2)
    stop, wake = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(worker.run(clinic.outbox, clinic.once, clinic.clock, stop, wake, shortest_rest=0.01))
    await until(lambda: clinic.outbox.pending() == 0)
    stop.set()
    await asyncio.wait_for(task, 5)
    assert {message.state for message in clinic.messages()} == {MessageState.DELIVERED}
    assert len(clinic.ehr.resources) == 6 * 8
