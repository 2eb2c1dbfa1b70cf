"""One HTTP exchange with an EHR's authorization server: timed, capped, never redirected."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Never

import anyio
import httpx

from launch.errors import EhrBusy, EhrFault, EhrUnreachable
from launch.pacing import Share
from launch.registry import Registration
from launch.retry_after import seconds_to_wait
from launch.transport import Transports

TIME_LIMIT = 5.0  # seconds, for the whole exchange
PATIENT_LIMIT = 10.0  # where giving up early would cost the launch its code or its refresh token
SIZE_LIMIT = 256 * 1024  # bytes, decoded; a JWKS of many keys stays far below
_CACHE_CAP = timedelta(hours=1)
_CACHE_SILENT = timedelta(minutes=5)  # where the EHR names no time


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reply:
    """A complete answer. It has no repr, since it may hold tokens."""

    status: int
    media_type: str
    cache_control: str
    body: bytes

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is anything else, or says two things under one name."""
        if not re.fullmatch(r"application/([\w.+-]+\+)?json", self.media_type):
            return None
        try:
            value = json.loads(self.body, object_pairs_hook=_once_each, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def fresh_for(self) -> timedelta:
        """How long the answer may be kept (Cache-Control), at most an hour."""
        if re.search(r"\b(no-store|no-cache)\b", self.cache_control):
            return timedelta(0)
        age = re.search(r"\bmax-age=\"?(\d{1,9})\b", self.cache_control)
        return min(timedelta(seconds=int(age[1])), _CACHE_CAP) if age else _CACHE_SILENT


class EhrClients:
    """One client for the sign-in at each EHR; no proxy or netrc of the environment, no redirects, no cookies kept."""

    def __init__(self, transports: Transports) -> None:
        self._transports = transports
        self._clients: dict[str, httpx.AsyncClient] = {}

    def of(self, registration: Registration) -> httpx.AsyncClient:
        if registration.name not in self._clients:
            self._clients[registration.name] = httpx.AsyncClient(
                transport=self._transports.to(registration, Share.SIGN_IN),
                trust_env=False,
                follow_redirects=False,
                timeout=TIME_LIMIT,
                cookies=no_cookies(),
            )
        return self._clients[registration.name]

    async def count_one(self, registration: Registration) -> None:
        """For a request that the browser makes, which counts as ours. EhrBusy when the EHR allows no more now."""
        await self._transports.turn(registration, Share.SIGN_IN, patience=TIME_LIMIT)

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def no_cookies() -> CookieJar:
    """A jar that keeps nothing: a pool serves many users, and a cookie set for one would go out with the next."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    ehr: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    time_limit: float = TIME_LIMIT,
    size_limit: int = SIZE_LIMIT,
) -> Reply:
    """Send one request and read the whole answer; EhrUnreachable or EhrFault when that fails, EhrBusy on a 429."""
    asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    try:
        with anyio.fail_after(time_limit):
            async with client.stream(method, url, data=form, headers=asked, timeout=time_limit) as response:
                return await _read(response, ehr, size_limit)
    except (httpx.TimeoutException, TimeoutError):
        raise EhrUnreachable("The EHR did not answer in time.", ehr=ehr) from None
    except (httpx.TransportError, httpx.InvalidURL):
        raise EhrUnreachable("The EHR could not be reached.", ehr=ehr) from None


async def _read(response: httpx.Response, ehr: str, size_limit: int) -> Reply:
    if response.has_redirect_location or 300 <= response.status_code < 400:
        raise EhrFault("The EHR sent the app to another address instead of answering.", ehr=ehr)
    wait = seconds_to_wait(response.headers)
    if response.status_code == 429 or (response.status_code == 503 and wait is not None):
        raise EhrBusy("The EHR is busy and asks the app to come back later.", ehr=ehr, retry_after=wait)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > size_limit:
            raise _too_much(ehr)
    return Reply(
        status=response.status_code,
        media_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        cache_control=response.headers.get("cache-control", "").lower(),
        body=_unpacked(bytes(body), response.headers.get("content-encoding", "identity").lower(), ehr, size_limit),
    )


def _unpacked(body: bytes, encoding: str, ehr: str, size_limit: int) -> bytes:
    """Undo gzip, which some proxies apply unasked, without ever making more than the limit."""
    if encoding in {"identity", ""}:
        return body
    if encoding != "gzip":
        raise EhrFault("The EHR answered in an encoding the app did not ask for.", ehr=ehr)
    try:
        plain = zlib.decompressobj(wbits=31).decompress(body, size_limit + 1)
    except zlib.error:
        raise EhrFault("The EHR's answer is damaged.", ehr=ehr) from None
    if len(plain) > size_limit:
        raise _too_much(ehr)
    return plain


def _too_much(ehr: str) -> EhrFault:
    return EhrFault("The EHR's answer is far larger than such an answer can be.", ehr=ehr)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _no_constant(_name: str) -> Never:
    raise ValueError("not JSON")
