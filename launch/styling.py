"""The EHR's style document (`smart_style_url`, SMART App Launch 2.2, experimental), fetched by the server alone.

The browser never asks for it, so that no address of the EHR's choice gets our users' requests and no style of others
gets into our pages. We ask only a registered host, with neither token nor cookie, and follow no redirect. The
document is a comfort: it is fetched beside the launch, and neither a launch nor a page ever waits for it or fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from launch.addresses import parse_address
from launch.context import LaunchContext
from launch.discovery import pinned_endpoint
from launch.errors import EhrFault, LaunchError
from launch.exchange import EhrClients, exchange
from launch.registry import Registration, Registry

SIZE_LIMIT: Final = 64 * 1024  # bytes; such a document is a dozen short members
TIME_LIMIT: Final = 3.0  # seconds
_ASK_AGAIN: Final = timedelta(minutes=5)  # after a document that could not be used
_MOST: Final = 100  # documents kept: an EHR that names a new address at every launch must not fill the memory
_NONE: Final[Mapping[str, object]] = {}

_log = logging.getLogger("ketamine_pathway.launch")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    document: Mapping[str, object]
    until: datetime | None  # None: for good, since a changed style has another address


class Styles:
    """Style documents by EHR and address, each fetched once however many ask. Close it with `aclose`."""

    def __init__(self, *, registry: Registry, clients: EhrClients, clock: Callable[[], datetime]) -> None:
        self._registry = registry
        self._clients = clients
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}

    def of(self, context: LaunchContext) -> Mapping[str, object] | None:
        """What the EHR offers for this launch, unread; None: it is on its way. Empty: nothing that can be used.

        Never waits and never fails. Call it in the event loop: what is not known yet is fetched from here on.
        """
        registration = self._registry.by_name.get(context.ehr)
        if context.style_url is None or registration is None:
            return _NONE
        key = (context.ehr, context.style_url)
        kept = self._kept.get(key)
        if kept and (kept.until is None or self._clock() < kept.until):
            return kept.document
        if key not in self._under_way:
            self._under_way[key] = asyncio.create_task(self._learn(key, registration))
        return None

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._under_way.values())

    async def aclose(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _learn(self, key: tuple[str, str], registration: Registration) -> None:
        kept = _Kept(document=_NONE, until=self._clock() + _ASK_AGAIN)
        try:
            kept = _Kept(document=await self._fetch(key[1], registration), until=None)
        except LaunchError as error:
            _log.info("the style document of EHR %s is not used: %s", registration.name, error.message)
        finally:
            del self._under_way[key]
            self._kept.pop(key, None)
            self._kept[key] = kept
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]

    async def _fetch(self, url: str, registration: Registration) -> Mapping[str, object]:
        base = parse_address(registration.issuer).origin
        pinned_endpoint(url, replace(registration, origins=registration.origins | {base}))
        reply = await exchange(
            self._clients.of(registration),
            "GET",
            url,
            ehr=registration.name,
            time_limit=TIME_LIMIT,
            size_limit=SIZE_LIMIT,
        )
        document = reply.json_object()
        if reply.status != 200 or document is None:
            raise EhrFault("The EHR's style document is not a JSON object.", ehr=registration.name)
        return document
