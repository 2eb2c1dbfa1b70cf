"""The tokens a launch may use now: refreshed in time, once for all who ask, stored before they are used.

SMART App Launch 2.2, section 2.0.16: a refresh token is never sent twice, since strict servers then end the grant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import anyio
from anyio.to_thread import run_sync

from launch.context import LaunchContext, LaunchStore, TokenSet
from launch.discovery import Discovery
from launch.errors import LaunchEnded, TokenRefused, TokenReplyInvalid
from launch.registry import Registry
from launch.single_flight import SingleFlight
from launch.token_reply import TokenReply
from launch.tokens import TokenEndpoint

EARLY = 30  # seconds before the end at which a token counts as old
RENEWAL_LIMIT = timedelta(seconds=30)  # twice and more of what the exchange may take
LOOK_AGAIN = 0.1  # seconds


class LiveTokens:
    """Tokens of granted launches. LaunchEnded when only a new launch can help."""

    def __init__(
        self,
        *,
        registry: Registry,
        discovery: Discovery,
        endpoint: TokenEndpoint,
        store: LaunchStore,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._sleep = sleep
        self._registry = registry
        self._discovery = discovery
        self._endpoint = endpoint
        self._store = store
        self._clock = clock
        self._flights: SingleFlight[TokenSet] = SingleFlight()

    async def current(self, launch_id: str) -> TokenSet:
        """Tokens to use at once, refreshed first when they are about to end."""
        held = await self._held(launch_id)
        left = None if held.expires_at is None else held.expires_at - self._clock().timestamp()
        if left is None or left >= EARLY:
            return held
        if held.refresh_token is None and left > 0:
            return held
        return await self.renewed(launch_id, stale=held)

    async def renewed(self, launch_id: str, *, stale: TokenSet) -> TokenSet:
        """Tokens newer than `stale`: somebody else's refresh if there was one, else ours."""
        return await self._flights.run(launch_id, lambda: self._renew(launch_id, stale))

    async def _renew(self, launch_id: str, stale: TokenSet) -> TokenSet:
        held = await self._held(launch_id)
        if held.version > stale.version:
            return held
        context = await run_sync(self._store.find, launch_id)
        if context is None or held.refresh_token is None:
            raise LaunchEnded(launch_id=launch_id)
        if not await self._claim(launch_id, held):
            return await self._held(launch_id)
        # Shielded: a reply that is not stored would cost the launch its only refresh token.
        with anyio.CancelScope(shield=True):
            try:
                fresh = await self._exchange(context, held, held.refresh_token)
            except BaseException:
                await run_sync(partial(self._store.leave_renewal, launch_id, version=held.version))
                raise
        return fresh

    async def _claim(self, launch_id: str, held: TokenSet) -> bool:
        """Whether the refresh is ours to make; False: another process has made it meanwhile.

        A process that died at the token endpoint holds the others up for RENEWAL_LIMIT. Then the same refresh token
        is sent again: if the EHR has seen it, the launch ends, and so it would without.
        """
        while True:
            now = self._clock()
            until = now + RENEWAL_LIMIT
            claim = partial(self._store.claim_renewal, launch_id, version=held.version, now=now, until=until)
            if await run_sync(claim):
                return True
            if (await self._held(launch_id)).version != held.version:
                return False
            await self._sleep(LOOK_AGAIN)

    async def _exchange(self, context: LaunchContext, held: TokenSet, refresh_token: str) -> TokenSet:
        registration = self._registry.named(context.ehr)
        configuration = await self._discovery.find(registration)
        try:
            reply = await self._endpoint.refresh(registration, configuration, refresh_token=refresh_token)
        except TokenRefused as error:
            if error.oauth_code != "invalid_grant":
                raise
            return await self._spent(context, held)
        _check_patient(reply, context)
        fresh = self._endpoint.as_token_set(reply, asked=held.scope, version=held.version + 1)
        fresh = replace(fresh, refresh_token=fresh.refresh_token or refresh_token)
        if await run_sync(self._store.replace_tokens, context.id, fresh):
            return fresh
        return await self._newer(context, held)

    async def _spent(self, context: LaunchContext, held: TokenSet) -> TokenSet:
        """Another process was first, or the grant is over; then the dead refresh token is not tried again."""
        without = replace(held, refresh_token=None, version=held.version + 1)
        if await run_sync(self._store.replace_tokens, context.id, without):
            raise LaunchEnded(ehr=context.ehr, launch_id=context.id)
        return await self._newer(context, held)

    async def _newer(self, context: LaunchContext, held: TokenSet) -> TokenSet:
        newest = await self._held(context.id)
        if newest.version > held.version:
            return newest
        raise LaunchEnded(ehr=context.ehr, launch_id=context.id)

    async def _held(self, launch_id: str) -> TokenSet:
        held = await run_sync(self._store.tokens, launch_id)
        if held is None:
            raise LaunchEnded(launch_id=launch_id)
        return held


def _check_patient(reply: TokenReply, context: LaunchContext) -> None:
    if reply.patient not in {None, context.patient}:
        text = "The EHR now names another patient than at the start of the app."
        raise TokenReplyInvalid(text, ehr=context.ehr, launch_id=context.id)
