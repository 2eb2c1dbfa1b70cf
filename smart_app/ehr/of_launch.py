"""The FHIR client of a launch: one connection pool for each EHR, the token of one launch for each client."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import httpx

from launch.bearer import SmartAuth, TokenSource
from launch.context import LaunchContext, LaunchStore
from launch.scopes import Scopes
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.fhir_client import FhirClient, http_client
from smart_app.use_cases.ports import Clock, Ehr


class EhrsOfLaunches:
    """The `EhrOf` of the use cases. Close it with `aclose`."""

    def __init__(self, launches: LaunchStore, tokens: TokenSource, clock: Clock) -> None:
        self._launches = launches
        self._tokens = tokens
        self._clock = clock
        self._offers = Offers(time.monotonic)
        self._pools: dict[str, httpx.AsyncClient] = {}
        self._lock = threading.Lock()  # asked from threads: a pool made twice would never be closed

    def __call__(self, launch: str) -> Ehr | None:
        """None: the launch has ended and has no token any more."""
        context = self._launches.find(launch)
        if context is None or self._launches.tokens(launch) is None:
            return None
        return self.of_context(context)

    def of_context(self, context: LaunchContext) -> Ehr:
        """The EHR of a launch that was just granted."""
        with self._lock:
            if context.ehr not in self._pools:
                self._pools[context.ehr] = http_client()
            pool = self._pools[context.ehr]
        return FhirClient(
            context.fhir_base,
            pool,
            SmartAuth(fhir_base=context.fhir_base, launch_id=context.id, tokens=self._tokens),
            offers=self._offers,
            clock=self._clock,
            request_id=lambda: str(uuid4()),
            granted=Scopes.parse(context.scope),
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
