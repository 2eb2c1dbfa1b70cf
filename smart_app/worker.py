"""The outbox's clock: delivers what is due, several patients side by side, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from anyio.to_thread import run_sync

from smart_app.use_cases.ports import Clock, Outbox

_log = logging.getLogger(__name__)


async def run(
    outbox: Outbox,
    deliver: Callable[[], Awaitable[bool]],
    clock: Clock,
    stop: asyncio.Event,
    wake: asyncio.Event,
    *,
    at_once: int = 4,
    shortest_rest: float = 1.0,
    longest_rest: float = 60.0,
) -> None:
    """`deliver` claims and delivers one message (`deliver_next`, bound); False: nothing was due.

    Set `wake` when a message was added. After `stop` is set nothing more is claimed; what is under way is finished.
    The outbox keeps the order of a patient's messages, so more lanes only mean more patients at once.
    """
    async with asyncio.TaskGroup() as lanes:
        for _ in range(at_once):
            lanes.create_task(_lane(outbox, deliver, clock, stop, wake, shortest_rest, longest_rest))


async def repeat(act: Callable[[], object], stop: asyncio.Event, *, every: float = 1.0) -> None:
    """Do something small in a thread, again and again, until `stop` is set; what is under way is finished."""
    told = ""
    while not stop.is_set():
        try:
            await run_sync(act)
            told = ""
        except Exception as error:  # a bad moment of the store; the next turn tries again, and is not logged again
            if told != (told := _fault(error)):
                _log.error("a task that runs at intervals failed: %s", told)
        await _rest(every, stop)


async def _lane(
    outbox: Outbox,
    deliver: Callable[[], Awaitable[bool]],
    clock: Clock,
    stop: asyncio.Event,
    wake: asyncio.Event,
    shortest: float,
    longest: float,
) -> None:
    while not stop.is_set():
        wake.clear()  # before claiming: a message added from here on sets it again and is not slept through
        try:
            if await deliver():
                continue
            due = await run_sync(outbox.next_due, clock())
        except Exception as error:  # one message or one bad moment of the store must not end the worker
            _log.error("a delivery could not be handled: %s", _fault(error))
            await _rest(shortest, stop)
            continue
        await _rest(_seconds(due, clock(), shortest, longest), stop, wake)


def _seconds(due: datetime | None, now: datetime, shortest: float, longest: float) -> float:
    """`due` may have passed already where another lane is busy with the same patient."""
    if due is None:
        return longest
    return min(max((due - now).total_seconds(), shortest), longest)


async def _rest(seconds: float, *events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waiting:
            one.cancel()


def _fault(error: Exception) -> str:
    """The kind of an error and the place it came from. Its message may quote a record, so it is not logged."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
