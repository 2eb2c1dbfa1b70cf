"""No minute, wherever it begins, sees more requests than the EHR allows; and who waits longest for, goes first."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from launch.errors import EhrBusy
from launch.pacing import WINDOW, Pacer, Share
from tests.launch.a_minute import Minute, settle

pytestmark = pytest.mark.anyio


@pytest.fixture
def minute() -> Minute:
    return Minute()


async def free_now(pacer: Pacer, share: Share) -> int:
    """How many may go at once."""
    count = 0
    while True:
        try:
            await pacer.turn(share, patience=0)
        except EhrBusy:
            return count
        count += 1


@pytest.mark.parametrize(("per_minute", "readings", "deliveries"), [(10, 8, 4), (250, 200, 100), (13, 11, 7)])
async def test_each_share_has_its_part_of_the_minute(
    minute: Minute, per_minute: int, readings: int, deliveries: int
) -> None:
    assert await free_now(minute.pacer(per_minute=per_minute), Share.SIGN_IN) == per_minute
    assert await free_now(minute.pacer(per_minute=per_minute), Share.READING) == readings
    assert await free_now(minute.pacer(per_minute=per_minute), Share.DELIVERY) == deliveries


async def test_a_sign_in_goes_at_once_however_much_is_read_and_delivered(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=250)
    assert await free_now(pacer, Share.DELIVERY) == 100
    assert await free_now(pacer, Share.READING) == 100
    assert await free_now(pacer, Share.SIGN_IN) == 50


async def test_a_reading_goes_at_once_however_much_is_delivered(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=50)
    waiting = [asyncio.create_task(pacer.turn(Share.DELIVERY, patience=None)) for _ in range(200)]
    await settle()
    assert await free_now(pacer, Share.READING) == 20
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_finds_no_room_waits_for_it_and_no_longer(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=10)
    await free_now(pacer, Share.READING)
    await minute.forward(WINDOW - 15)
    waiting = asyncio.create_task(pacer.turn(Share.READING, patience=20))
    await settle()
    await minute.forward(14.9)
    assert not waiting.done()
    await minute.forward(0.2)
    assert waiting.done()


async def test_beyond_its_patience_a_request_is_told_at_once_and_takes_no_turn(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=10)
    await free_now(pacer, Share.READING)
    await minute.forward(1)
    with pytest.raises(EhrBusy) as caught:
        await pacer.turn(Share.READING, patience=20)
    assert caught.value.retry_after == WINDOW - 1
    assert caught.value.ehr == "demo"
    assert "10 requests a minute" in caught.value.message
    assert "Wait a minute" in caught.value.what_to_do
    await minute.forward(WINDOW - 1)
    assert await free_now(pacer, Share.READING) == 8


async def test_who_gives_up_waiting_leaves_the_turn_to_others(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=10)
    await free_now(pacer, Share.READING)
    waiting = [asyncio.create_task(pacer.turn(Share.READING, patience=None)) for _ in range(8)]
    await settle()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await free_now(pacer, Share.READING) == 0, "the minute is still full"
    await minute.forward(WINDOW)
    assert await free_now(pacer, Share.READING) == 8


async def test_a_waiter_stopped_in_its_last_moment_changes_nothing(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=10)
    await free_now(pacer, Share.READING)
    waiting = asyncio.create_task(pacer.turn(Share.READING, patience=None))
    await settle()
    minute.now += 3 * WINDOW  # it has not woken up yet
    assert await free_now(pacer, Share.READING) == 8
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await free_now(pacer, Share.READING) == 0


@pytest.mark.parametrize("seed", range(20))
async def test_no_minute_sees_more_than_the_ehr_allows(minute: Minute, seed: int) -> None:
    """Random crowds over ten minutes, some of whom walk away, all of whom may wake up to a second late."""
    dice, allowed = random.Random(seed), 20  # noqa: S311
    pacer, went, tasks = minute.pacer(per_minute=allowed), [], []

    async def one(share: Share) -> None:
        try:
            await pacer.turn(share, patience=dice.choice([0, 0, 5, 20, 30]))
        except EhrBusy:
            return
        went.append((minute.now, share))

    for _ in range(1000):
        tasks += [asyncio.create_task(one(dice.choice(list(Share)))) for _ in range(dice.choice([0, 0, 0, 1, 3, 12]))]
        await settle()
        if tasks and dice.random() < 0.2:
            dice.choice(tasks).cancel()
        await minute.forward(dice.choice([0.2, 0.6, 0.9]))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    times = sorted(at for at, _ in went)
    assert len(times) > 8 * allowed, "the limit is used"
    assert all(later - earlier > 60 for earlier, later in zip(times, times[allowed:], strict=False))
    assert Counter(share for _, share in went)[Share.SIGN_IN] > Counter(share for _, share in went)[Share.DELIVERY]


async def test_waiting_turns_come_in_the_order_they_were_asked_for(minute: Minute) -> None:
    pacer = minute.pacer(per_minute=10)
    await free_now(pacer, Share.READING)
    order: list[int] = []

    async def one(number: int) -> None:
        await pacer.turn(Share.READING, patience=None)
        order.append(number)

    waiting = [asyncio.create_task(one(number)) for number in range(20)]
    await settle()
    for _ in range(3):
        await minute.forward(WINDOW)
    await asyncio.gather(*waiting)
    assert order == list(range(20))
