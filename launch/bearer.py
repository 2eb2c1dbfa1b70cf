"""The bearer token, added to one request at a time and only inside its FHIR base (RFC 6750; SMART App Launch 2.2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Protocol

import httpx

from launch.addresses import under_base
from launch.context import TokenSet
from launch.errors import ForeignAddress

__all__ = ["SmartAuth", "TokenSource", "under_base"]


class TokenSource(Protocol):
    """Where tokens come from: `live_tokens.LiveTokens`, or a test."""

    async def current(self, launch_id: str) -> TokenSet: ...

    async def renewed(self, launch_id: str, *, stale: TokenSet) -> TokenSet: ...


class SmartAuth(httpx.Auth):
    """Give it to each request, never to a client that follows redirects.

    A 401 leads to one refresh and one retry. ForeignAddress when the request would leave the FHIR base.
    """

    def __init__(self, *, fhir_base: str, launch_id: str, tokens: TokenSource) -> None:
        self._fhir_base = fhir_base
        self._launch_id = launch_id
        self._tokens = tokens

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if not under_base(self._fhir_base, str(request.url)):
            raise ForeignAddress("The app was about to ask another server than this EHR.", launch_id=self._launch_id)
        held = await self._tokens.current(self._launch_id)
        response = yield _with_token(request, held)
        if response.status_code == 401:
            renewed = await self._tokens.renewed(self._launch_id, stale=held)
            yield _with_token(request, renewed)

    def sync_auth_flow(
        self,
        request: httpx.Request,  # noqa: ARG002  # httpx prescribes the signature
    ) -> Generator[httpx.Request, httpx.Response, None]:
        raise TypeError("tokens are refreshed asynchronously: use httpx.AsyncClient")


def _with_token(request: httpx.Request, held: TokenSet) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {held.access_token}"
    return request
