"""A minute that passes when a test says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from launch.pacing import Pacer


@dataclass
class Minute:
    """A clock that stands still; whoever sleeps by it wakes when `forward` has gone so far."""

    now: float = 1000.0
    sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        waking = asyncio.Event()
        self.sleepers.append((self.now + seconds, waking))
        await waking.wait()

    async def forward(self, seconds: float) -> None:
        self.now += seconds
        for until, waking in self.sleepers:
            if until <= self.now:
                waking.set()
        self.sleepers = [sleeper for sleeper in self.sleepers if not sleeper[1].is_set()]
        await settle()

    def pacer(self, *, ehr: str = "demo", per_minute: int) -> Pacer:
        return Pacer(ehr=ehr, per_minute=per_minute, seconds=self, sleep=self.sleep)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)
