"""What only a socket can say to the sign-in: drips, bombs, lies about lengths. It ends as the EHR's fault (E-4)."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable

import pytest

from launch.errors import EhrFault, EhrUnreachable
from launch.exchange import SIZE_LIMIT, EhrClients, Reply, exchange
from launch.transport import Transports
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio
Send = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
BODY = b'{"a": 1}'
MOST = 4 * 1024 * 1024  # bytes: what one bad answer may cost in memory


def whole(body: bytes = BODY, *, length: int | None = None, encoding: bytes = b"identity") -> bytes:
    lines = f"content-length: {len(body) if length is None else length}\r\n\r\n".encode()
    return HEAD + b"content-encoding: " + encoding + b"\r\n" + lines + body


def once(said: bytes) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    return send


def for_ever(first: bytes, again: bytes, *, pause: float = 0) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return send


def a_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(200)) + packer.flush()


async def ask(send: Send, *, time_limit: float = 5.0) -> Reply:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await send(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    clients = EhrClients(Transports())
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    there = clients.of(somewhere(allow_loopback_http=True))
    async with server:
        try:
            return await exchange(there, "GET", url, ehr="demo", time_limit=time_limit)
        finally:
            await clients.aclose()


async def test_an_answer_over_a_socket_is_read() -> None:
    assert (await ask(once(whole()))).json_object() == {"a": 1}
    assert (await ask(once(whole(gzip.compress(BODY), encoding=b"gzip")))).json_object() == {"a": 1}


BAD = {
    "longer than said": once(whole(length=len(BODY) + 9)),
    "a chunk broken off": once(CHUNKED + b"8\r\n" + BODY[:4]),
    "no number of a chunk": once(CHUNKED + b"zz\r\n" + BODY),
    "two lengths": once(HEAD + b"content-length: 8\r\ncontent-length: 9\r\n\r\n" + BODY),
    "nothing": once(b""),
    "no HTTP": once(b"\x16\x03\x01\x02\x00"),
    "a long header": once(HEAD + b"x: " + b"y" * 20_000 + b"\r\ncontent-length: 8\r\n\r\n" + BODY),
    "endless headers": for_ever(HEAD, b"x: y\r\n" * 1000),
    "far too long": once(whole(b" " * (SIZE_LIMIT + 1))),
    "endless chunks": for_ever(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"),
    "endless without a length": for_ever(HEAD + b"\r\n", b" " * 4096),
    "a bomb": once(whole(a_bomb(), encoding=b"gzip")),
    "br": once(whole(encoding=b"br")),
    "zstd": once(whole(encoding=b"zstd")),
    "gzip twice": once(whole(gzip.compress(gzip.compress(BODY)), encoding=b"gzip, gzip")),
    "a redirect": once(b"HTTP/1.1 307 x\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("send", BAD.values(), ids=BAD)
async def test_an_answer_out_of_bounds_is_refused_and_costs_little(send: Send) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(EhrFault):
            await ask(send)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


async def test_a_bomb_in_a_bomb_is_no_json() -> None:
    assert (await ask(once(whole(gzip.compress(a_bomb()), encoding=b"gzip")))).json_object() is None


async def test_what_comes_after_the_length_is_not_read() -> None:
    assert (await ask(once(whole(BODY + b"more", length=len(BODY))))).json_object() == {"a": 1}
    assert (await ask(once(whole(length=len(BODY) - 2)))).json_object() is None


SLOW = {
    "a byte now and then": for_ever(HEAD + b"content-length: 9999\r\n\r\n", b" ", pause=0.01),
    "a header now and then": for_ever(HEAD, b"x: y\r\n", pause=0.01),
    "hints and never an answer": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.01),
    "silence": for_ever(b"", b"", pause=0.01),
}


@pytest.mark.parametrize("send", SLOW.values(), ids=SLOW)
async def test_slowness_has_an_end(send: Send) -> None:
    with pytest.raises(EhrUnreachable, match="in time"):
        await ask(send, time_limit=0.3)
