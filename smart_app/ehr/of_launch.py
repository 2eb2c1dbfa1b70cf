"""The FHIR client of a launch: one connection pool for each EHR, the token of one launch for each client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import uuid4

import httpx

from launch.bearer import SmartAuth, TokenSource
from launch.context import LaunchContext, LaunchStore
from launch.errors import UnknownIssuer
from launch.scopes import Scopes
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.fhir_client import FhirClient, http_client
from smart_app.use_cases.ports import Clock, Ehr


class EhrsOfLaunches:
    """The `EhrOf` of the use cases. Close it with `aclose`."""

    def __init__(
        self,
        launches: LaunchStore,
        tokens: TokenSource,
        clock: Clock,
        transport_to: Callable[[str], httpx.AsyncBaseTransport],
    ) -> None:
        """`transport_to` an EHR, given by its name; UnknownIssuer where it is not registered."""
        self._launches = launches
        self._tokens = tokens
        self._clock = clock
        self._transport_to = transport_to
        self._offers = Offers(time.monotonic)
        self._pools: dict[str, httpx.AsyncClient] = {}
        self._lock = threading.Lock()  # asked from threads: a pool made twice would never be closed

    def __call__(self, launch: str) -> Ehr | None:
        """None: the launch has ended and has no token any more, or its EHR is no longer registered."""
        context = self._launches.find(launch)  # whoever ends a launch forgets its tokens with it
        if context is None:
            return None
        try:
            return self.of_context(context)
        except UnknownIssuer:
            return None

    def of_context(self, context: LaunchContext) -> Ehr:
        """The EHR of a launch that was just granted."""
        with self._lock:
            if context.ehr not in self._pools:
                self._pools[context.ehr] = http_client(self._transport_to(context.ehr))
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
