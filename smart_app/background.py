"""What runs beside the web application: the delivery of the outbox, and what is left of a rotation of keys."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fhir_mappings.writing.instance import Instance
from smart_app import worker
from smart_app.parts import VERSION, Parts
from smart_app.use_cases.delivery.deliver_outbox import Pauses, deliver_next
from smart_app.use_cases.delivery.delivery_verdict import Limits
from smart_app.use_cases.outcomes.goals import progress_of

_log = logging.getLogger("ketamine_pathway")


@asynccontextmanager
async def running_worker(parts: Parts) -> AsyncIterator[None]:
    """The outbox worker beside the web application; on leaving it finishes what is under way."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(parts, stop))
    task.add_done_callback(_tell_if_broken)
    try:
        yield
    finally:
        stop.set()
        parts.wake()
        await task


@asynccontextmanager
async def following_rotations(parts: Parts) -> AsyncIterator[None]:
    """What `keys rotate-storage` began is finished here: with SQLite nobody else has the database."""
    stop = asyncio.Event()

    def finish() -> None:
        if done := parts.store.finish_rotation():
            _log.info("sealing key rotated: %s rows and %s client secrets sealed anew", done.rows, done.secrets)
            if done.left:
                _log.warning("%s sealed texts cannot be opened and were left as they are", done.left)

    task = asyncio.create_task(worker.repeat(finish, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the delivery worker stopped: %s", type(task.exception()).__name__)


async def run_worker(parts: Parts, stop: asyncio.Event) -> None:
    """Deliver what is due until `stop` is set."""
    pauses: Pauses = {}
    deliver = partial(
        deliver_next,
        parts.store.outbox,
        parts.store.work,
        parts.ehrs_of_worker,
        parts.clock,
        Instance(base_url=parts.settings.base_url, version=VERSION),
        progress_of=progress_of(parts.store.work, parts.clock),
        uniform=random.SystemRandom().uniform,
        pauses=pauses,
        limits=Limits(settle=parts.settings.settle_seconds),
    )
    await worker.run(parts.store.outbox, deliver, parts.clock, stop, parts.wake.listen())
