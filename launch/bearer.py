"""The bearer token, added to one request at a time and only inside its FHIR base (RFC 6750; SMART App Launch 2.2)."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Protocol

import anyio
import httpx

from launch.addresses import under_base
from launch.context import TokenSet
from launch.errors import ForeignAddress

__all__ = ["SmartAuth", "TokenSource", "under_base"]


KEPT = 2.0  # seconds for which a token is used without asking again; a launch that ends meanwhile ends then


class TokenSource(Protocol):
    """Where tokens come from: `live_tokens.LiveTokens`, or a test."""

    async def current(self, launch_id: str) -> TokenSet: ...

    async def renewed(self, launch_id: str, *, stale: TokenSet) -> TokenSet: ...


class SmartAuth(httpx.Auth):
    """Give it to each request, never to a client that follows redirects.

    A 401 leads to one refresh and one retry. ForeignAddress when the request would leave the FHIR base.
    """

    def __init__(
        self,
        *,
        fhir_base: str,
        launch_id: str,
        tokens: TokenSource,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fhir_base = fhir_base
        self._launch_id = launch_id
        self._tokens = tokens
        self._seconds = seconds
        self._held: TokenSet | None = None
        self._asked = 0.0
        self._one_at_a_time = anyio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if not under_base(self._fhir_base, str(request.url)):
            raise ForeignAddress("The app was about to ask another server than this EHR.", launch_id=self._launch_id)
        held = await self._current()
        response = yield _with_token(request, held)
        if response.status_code == 401:
            renewed = await self._tokens.renewed(self._launch_id, stale=held)
            self._keep(renewed)
            yield _with_token(request, renewed)

    async def _current(self) -> TokenSet:
        """A chart is read by a dozen requests at once: they share one look at the store."""
        async with self._one_at_a_time:
            held = self._held
            if held is None or self._seconds() - self._asked >= KEPT:
                held = await self._tokens.current(self._launch_id)
                self._keep(held)
            return held

    def _keep(self, held: TokenSet) -> None:
        self._held, self._asked = held, self._seconds()

    def sync_auth_flow(
        self,
        request: httpx.Request,  # noqa: ARG002  # httpx prescribes the signature
    ) -> Generator[httpx.Request, httpx.Response, None]:
        raise TypeError("tokens are refreshed asynchronously: use httpx.AsyncClient")


def _with_token(request: httpx.Request, held: TokenSet) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {held.access_token}"
    return request
