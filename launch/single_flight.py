"""One errand at a time for each key: whoever comes meanwhile waits and shares its outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from launch.errors import LaunchError

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = anyio.Event()
        self.value: list[T] = []
        self.error: LaunchError | None = None


class SingleFlight(Generic[T]):
    """Failures are shared with those who waited, and forgotten at once; a cancelled errand is begun anew."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def run(self, key: str, errand: Callable[[], Awaitable[T]]) -> T:
        while flight := self._flights.get(key):
            await flight.landed.wait()
            if flight.error:
                raise flight.error
            if flight.value:
                return flight.value[0]
        return await self._fly(key, errand)

    async def _fly(self, key: str, errand: Callable[[], Awaitable[T]]) -> T:
        flight = self._flights[key] = _Flight[T]()
        try:
            flight.value.append(await errand())
        except LaunchError as error:
            flight.error = error
            raise
        finally:
            del self._flights[key]
            flight.landed.set()
        return flight.value[0]
