"""The only way out to an EHR: its host is resolved once, every address of the answer is judged, one is dialled.

So a name that leads inside, or changes its mind between the look and the call, gets no connection. The certificate is
checked against the name all the same. Requests keep to the pace that the EHR allows, and headers have a limit.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import cast

import anyio
import httpcore
import httpx

from launch.errors import AddressForbidden, CertificateRefused
from launch.networks import Reach, is_numeric, reach_of
from launch.pacing import Pacer, Share
from launch.registry import Registration

HEADER_LIMIT = 16 * 1024  # bytes of all header lines together
_MOST_ADDRESSES = 6  # of one name that are dialled
_IDLE = 4.0  # seconds; many servers close after 5, and a request that meets the closing is lost
_CONNECTIONS = 20  # at once, to one EHR for one share

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The numeric addresses of a host; OSError or UnicodeError where it has none."""


class Transports:
    """Makes the transports of this process. Those to one EHR share its pace, each has its own connections."""

    def __init__(
        self,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        pacer: Callable[..., Pacer] = Pacer,
    ) -> None:
        self._resolve = resolve or _system_resolve
        self._tls = tls
        self._new_pacer = pacer
        self._pacers: dict[str, Pacer] = {}

    def to(self, registration: Registration, share: Share) -> httpx.AsyncBaseTransport:
        return EhrTransport(
            registration.name,
            partial(
                httpcore.AsyncConnectionPool,
                ssl_context=self._tls or _verifying(),
                network_backend=_VettedNetwork(registration, self._resolve),
                max_connections=1,
                keepalive_expiry=_IDLE,
                http2=False,  # it put our parallel searches one after the other
            ),
            partial(self.turn, registration, share),
        )

    async def turn(self, registration: Registration, share: Share, *, patience: float | None) -> None:
        """Wait for a turn at the EHR, at most `patience` seconds if given; EhrBusy where that would not do."""
        if registration.requests_per_minute is None:
            return
        if registration.name not in self._pacers:
            self._pacers[registration.name] = self._new_pacer(
                ehr=registration.name, per_minute=registration.requests_per_minute
            )
        await self._pacers[registration.name].turn(share, patience=patience)


@cache
def _verifying() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    if is_numeric(host):
        return [host]
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class _VettedNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's own way to connect, given nothing but addresses that were judged."""

    def __init__(self, registration: Registration, resolve: Resolve) -> None:
        self._ehr = registration.name
        self._resolve = resolve
        self._open = {Reach.PUBLIC}
        if registration.private_network:
            self._open.add(Reach.PRIVATE)
        if registration.allow_loopback_http:
            self._open.add(Reach.LOOPBACK)
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore prescribes the signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        dial = partial(self._inner.connect_tcp, local_address=local_address, socket_options=socket_options)
        try:
            with anyio.fail_after(timeout):
                return await _first_to_answer(dial, await self._vetted(host, port), port)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def _vetted(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError):
            raise httpcore.ConnectError from None
        for reach in map(reach_of, addresses):  # one bad address among good ones spoils them all
            if reach not in self._open:
                raise AddressForbidden(reach, ehr=self._ehr, advice=_advice(reach))
        return addresses[:_MOST_ADDRESSES]


async def _first_to_answer(
    dial: Callable[..., Awaitable[httpcore.AsyncNetworkStream]], addresses: Sequence[str], port: int
) -> httpcore.AsyncNetworkStream:
    """One after the other; each has its share of the time that is left, so that a dead one does not use it up."""
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        time_left = anyio.current_effective_deadline() - anyio.current_time()
        try:
            return await dial(address, port, timeout=time_left / left)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            continue
    raise httpcore.ConnectError


def _advice(reach: Reach) -> str | None:
    if reach is not Reach.PRIVATE:
        return None
    return (
        "Tell whoever runs the app: if the EHR is meant to be there, its registration needs private_network = true."
    )


class _Lanes:
    """As many connections as may be open at once, each a pool of one.

    A pool of httpcore looks at every connection for every request that waits, whenever one begins or ends: of twenty
    launches at once that alone took a third of the time. Here the last lane that came free is taken first.
    """

    def __init__(self, new: Callable[[], httpcore.AsyncConnectionPool]) -> None:
        self._new = new
        self._all: list[httpcore.AsyncConnectionPool] = []
        self._free: dict[tuple[bytes, bytes, int | None], list[httpcore.AsyncConnectionPool]] = {}
        self._room = anyio.Semaphore(_CONNECTIONS)

    async def take(self, url: httpx.URL, patience: float | None) -> httpcore.AsyncConnectionPool:
        """A lane to the host of this address; httpx.PoolTimeout when none came free within `patience` seconds."""
        with anyio.move_on_after(patience) as waiting:
            await self._room.acquire()
        if waiting.cancelled_caught:
            raise httpx.PoolTimeout("PoolTimeout")
        free = self._free.get(_origin(url))
        if free:
            return free.pop()
        lane = self._new()
        self._all.append(lane)
        return lane

    def give_back(self, url: httpx.URL, lane: httpcore.AsyncConnectionPool) -> None:
        self._free.setdefault(_origin(url), []).append(lane)
        self._room.release()

    async def aclose(self) -> None:
        for lane in self._all:
            await lane.aclose()


def _origin(url: httpx.URL) -> tuple[bytes, bytes, int | None]:
    return url.raw_scheme, url.raw_host, url.port


class EhrTransport(httpx.AsyncBaseTransport):
    """httpx over connections of httpcore whose network is ours; httpx itself has no place to put one."""

    def __init__(
        self, ehr: str, new: Callable[[], httpcore.AsyncConnectionPool], turn: Callable[..., Awaitable[None]]
    ) -> None:
        self._ehr = ehr
        self._lanes = _Lanes(new)
        self._turn = turn

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # httpx's time for a free connection: a turn at the EHR is waited for no longer.
        patience = request.extensions.get("timeout", {}).get("pool")
        await self._turn(patience=patience)
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        lane = await self._lanes.take(url, patience)
        leave = partial(self._lanes.give_back, url, lane)
        try:
            with _as_httpx(self._ehr):
                answer = await _answered(lane, asked)
        except BaseException:
            leave()
            raise
        body = _Body(answer, self._ehr, leave)
        if sum(len(name) + len(value) + 4 for name, value in answer.headers) > HEADER_LIMIT:
            await body.aclose()
            raise httpx.RemoteProtocolError("the header is too long")
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=body, extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._lanes.aclose()


async def _answered(lane: httpcore.AsyncConnectionPool, asked: httpcore.Request) -> httpcore.Response:
    """An EHR may close a connection while a request is on its way to it. Where that was a look and the connection was
    used before, it is asked once more on a new one; what may have changed something is never sent twice."""
    used_before = bool(lane.connections)
    try:
        return await lane.handle_async_request(asked)
    except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
        if not used_before or asked.method not in {b"GET", b"HEAD"}:
            raise
    return await lane.handle_async_request(asked)


class _Body(httpx.AsyncByteStream):
    """What comes of the answer. Its lane is given back once, when it is closed."""

    def __init__(self, answer: httpcore.Response, ehr: str, leave: Callable[[], None]) -> None:
        self._answer = answer
        self._ehr = ehr
        self._leave: Callable[[], None] | None = leave

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._ehr):
            async for part in cast(AsyncIterable[bytes], self._answer.stream):
                yield part

    async def aclose(self) -> None:
        leave, self._leave = self._leave, None
        try:
            await self._answer.aclose()
        finally:
            if leave is not None:
                leave()


_FAULTS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error := error and (error.__cause__ or error.__context__):
        yield error


@contextmanager
def _as_httpx(ehr: str) -> Iterator[None]:
    """httpcore's errors under the names that httpx gives them, without their words: those name addresses."""
    try:
        yield
    except _FAULTS as error:
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
            raise CertificateRefused(ehr=ehr) from None
        raise getattr(httpx, type(error).__name__)(type(error).__name__) from None
