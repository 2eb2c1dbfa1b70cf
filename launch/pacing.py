"""How often an EHR may be asked: what it allows in a minute is kept to, and sign-ins never wait behind charts.

Counted is any stretch of a minute, since nobody knows when the EHR's minute begins. An EHR that counts from the full
minute can thus never count more than it allows. The number is kept for each process of the app.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

import anyio

from launch.errors import EhrBusy

WINDOW = 61.0  # seconds: a minute, and one second since requests do not all travel equally fast


class Share(StrEnum):
    """What a request is for: the more somebody waits for it, the more of the minute it may use."""

    SIGN_IN = "sign-in"  # all of it: a code or a refresh token that is late is lost
    READING = "reading"  # four fifths: a clinician waits, and can ask again
    DELIVERY = "delivery"  # two fifths: nobody waits, and the outbox comes back by itself


class Pacer:
    """The turns at one EHR. The minute is cut in three parts; each share may use its own and those below it."""

    def __init__(
        self,
        *,
        ehr: str,
        per_minute: int,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`per_minute` is at least 5, so that no part is empty; `seconds` is a monotonic clock."""
        self._ehr = ehr
        self._per_minute = per_minute
        self._seconds = seconds
        self._sleep = sleep
        fifth = per_minute // 5
        delivery, reading, sign_in = _Part(per_minute - 3 * fifth), _Part(2 * fifth), _Part(fifth)
        self._parts: Mapping[Share, tuple[_Part, ...]] = {
            Share.SIGN_IN: (delivery, reading, sign_in),
            Share.READING: (delivery, reading),
            Share.DELIVERY: (delivery,),
        }

    async def turn(self, share: Share, *, patience: float | None) -> None:
        """Return when it is this request's turn. EhrBusy at once when that is more than `patience` seconds away."""
        now = self._seconds()
        part = min(self._parts[share], key=lambda part: part.free_at(now))  # of equals the one all may use
        at = part.free_at(now)
        if patience is not None and at - now > patience:
            raise EhrBusy(
                f"The EHR allows the app {self._per_minute} requests a minute, and they are used up for now.",
                ehr=self._ehr,
                retry_after=at - now,
            )
        part.take(at)
        if at > now:
            try:
                await self._sleep(at - now)
            except BaseException:
                part.give_back(at)
                raise


class _Part:
    """At most `size` turns in any window."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken: list[float] = []  # in order: the last window's, and those of the future that are waited for

    def free_at(self, now: float) -> float:
        del self._taken[: bisect_right(self._taken, now - WINDOW)]
        # Whatever came after the turn that is `size` turns back leaves room for one more.
        return now if len(self._taken) < self._size else max(now, self._taken[-self._size] + WINDOW)

    def take(self, at: float) -> None:
        insort(self._taken, at)

    def give_back(self, at: float) -> None:
        """Nobody went at this time. It may have passed unseen, where the waiter was stopped in its last moment."""
        if at in self._taken:
            self._taken.remove(at)
