"""Answers that only a socket can give: wrong lengths, broken chunks, drips and bombs (M58, M59, E-4)."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.finding import Status
from smart_app.ehr import fhir_client
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import exchange, http_client
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.screening.screen_patient import screen_chart
from tests.builders import PATIENT, TODAY, Json
from tests.malformed import calm_chart, text_of
from tests.smart_app.ehr.conftest import NOW
from tests.smart_app.ehr.scripted import ALL, searchset
from tests.ways_out import a_way_out

pytestmark = pytest.mark.anyio
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/fhir+json\r\nconnection: close\r\n"
MOST = 64 * 1024 * 1024  # bytes: what one bad answer may cost in memory
Send = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes, *, length: int | None = None) -> bytes:
    return HEAD + f"content-length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def conditions() -> bytes:
    return text_of(searchset(*(one for one in calm_chart() if one["resourceType"] == "Condition")))


class SocketEhr:
    """A candidate's chart on a loopback socket. Conditions are sent by `send`, byte for byte."""

    def __init__(self, send: Send) -> None:
        self.send = send

    def answer(self, target: str) -> bytes:
        path, _, query = target.removeprefix("/fhir/").partition("?")
        if path == "metadata":
            resources = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in ALL]
            return text_of(
                {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]}
            )
        chart = calm_chart()
        if path == PATIENT:
            return text_of(chart[0])
        wanted = path != "Observation" or "category=vital-signs" in query
        return text_of(searchset(*(one for one in chart if one["resourceType"] == path and wanted)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            if target.startswith("/fhir/Condition"):
                await self.send(writer)
            else:
                writer.write(plain(self.answer(target)))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the app hung up, as it should
        finally:
            writer.close()


@asynccontextmanager
async def an_ehr(send: Send) -> AsyncIterator[FhirClient]:
    server = await asyncio.start_server(SocketEhr(send).serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, http_client(a_way_out(loopback=True)) as http:
        yield FhirClient(
            f"http://127.0.0.1:{port}/fhir",
            http,
            httpx.Auth(),
            offers=Offers(lambda: 0.0),
            clock=lambda: NOW,
            request_id=lambda: "r",
        )


async def judged(client: FhirClient) -> tuple[Status, set[tuple[Area, str]]]:
    chart = await client.chart(PATIENT.partition("/")[2])
    result = screen_chart(chart, patients=[PATIENT], as_of=TODAY)[1]
    return result.status, {(failure.area, failure.reason) for failure in chart.failures}


def sends(*parts: bytes) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return send


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def encoded(name: bytes, body: bytes) -> bytes:
    return HEAD + b"content-encoding: " + name + f"\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


UNASKED = "the EHR answered in an encoding that was not asked for"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GZIPPED = HEAD + b"content-encoding: gzip\r\n"


async def test_a_chart_over_a_socket_is_a_candidate() -> None:
    async with an_ehr(sends(plain(conditions()))) as client:
        assert await judged(client) == (Status.CANDIDATE, set())


@pytest.mark.parametrize(
    ("send", "reason"),
    [
        (sends(plain(conditions(), length=len(conditions()) + 9)), "the connection to the EHR was cut"),
        (sends(plain(conditions(), length=len(conditions()) - 9)), "the EHR's answer is not readable as FHIR JSON"),
        (sends(plain(conditions(), length=0)), "the EHR's answer is not readable as FHIR JSON"),
        (sends(CHUNKED, chunk(conditions()[:90])), "the connection to the EHR was cut"),
        (sends(CHUNKED, b"zz\r\n", conditions()), "the connection to the EHR was cut"),
        (sends(CHUNKED, chunk(conditions())[:-9]), "the connection to the EHR was cut"),
        (sends(b""), "the connection to the EHR was cut"),
        (sends(b"HTTP/1.1 "), "the connection to the EHR was cut"),
        (sends(b"\x16\x03\x01\x02\x00"), "the connection to the EHR was cut"),
        (sends(HEAD + b"x: " + b"y" * 200_000 + b"\r\n\r\n"), "the connection to the EHR was cut"),
        (
            sends(HEAD + b"x: " + b"y" * 20_000 + b"\r\n" + plain(conditions())[17:]),
            "the connection to the EHR was cut",
        ),
        (sends(encoded(b"br", conditions())), UNASKED),
        (sends(encoded(b"zstd", conditions())), UNASKED),
        (sends(encoded(b"deflate", zlib.compress(conditions()))), UNASKED),
        (sends(encoded(b"gzip, gzip", gzip.compress(gzip.compress(conditions())))), UNASKED),
        (sends(encoded(b"gzip", gzip.compress(conditions()) * 2)), "the EHR's answer goes on after its end"),
    ],
    ids=["M58 too long", "M58 too short", "M58 none", "M59 chunk missing", "M59 no number", "M59 chunk cut",
         "nothing", "half a line", "no HTTP", "endless header", "long header", "br", "zstd", "deflate", "gzip twice",
         "gzip and more"],
)  # fmt: skip
async def test_an_answer_that_is_broken_off_is_told(send: Send, reason: str) -> None:
    async with an_ehr(send) as client:
        assert await judged(client) == (Status.INSUFFICIENT_DATA, {(Area.CONDITION, reason)})


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(plain(b"", length=10_000))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.005)


async def hints(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("send", [drip, hints])
async def test_an_answer_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch, send: Send) -> None:
    """Each byte comes in time, all of them never would: the whole exchange has its own limit."""

    async def hurried(*given: object, **named: object) -> object:
        return await exchange(*given, **named, time_limit=0.5)  # type: ignore[arg-type]

    monkeypatch.setattr(fhir_client, "exchange", hurried)
    async with an_ehr(send) as client:
        told = {(Area.CONDITION, "the EHR did not answer in time")}
        assert await judged(client) == (Status.INSUFFICIENT_DATA, told)


def a_bomb(size: int) -> bytes:
    """A gzip of so many zeros, made without holding them."""
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(1024 * 1024)
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED)
    while True:
        writer.write(chunk(b" " * 65536))
        await writer.drain()


def nothing_packed() -> bytes:
    """Gzip that never ends and never gives a byte: empty blocks, one after the other."""
    packer = zlib.compressobj(0, wbits=31)
    return packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)


def without_end(head: bytes, *, first: bytes = b"", again: bytes) -> Send:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(head + first)
        while True:
            writer.write(again)
            await writer.drain()

    return send


@pytest.mark.parametrize(
    "send",
    [
        sends(GZIPPED + b"\r\n", a_bomb(200 * 1024 * 1024)),
        sends(GZIPPED + b"\r\n", gzip.compress(a_bomb(200 * 1024 * 1024))),
        endless,
        without_end(GZIPPED + b"\r\n", first=gzip.compress(conditions()), again=bytes(65536)),
        without_end(GZIPPED + b"\r\n", first=nothing_packed(), again=b"\x00\x00\x00\xff\xff" * 13107),
        without_end(HEAD, again=b"x: y\r\n" * 1000),
    ],
    ids=["bomb", "bomb in a bomb", "endless", "more after gzip", "gzip of nothing", "headers"],
)
async def test_an_answer_without_end_costs_little_memory(send: Send) -> None:
    async with an_ehr(send) as client:
        tracemalloc.start()
        try:
            status, told = await judged(client)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert status is Status.INSUFFICIENT_DATA
    assert {area for area, _ in told} == {Area.CONDITION}
    assert "the EHR did not answer in time" not in {reason for _, reason in told}, "it ends long before its time"
    assert peak < MOST


def a_long_chart(count: int) -> list[Json]:
    return [{"resourceType": "Condition", "id": str(n), "subject": {"reference": PATIENT}} for n in range(count)]


async def test_others_get_their_turn_while_a_long_answer_is_read() -> None:
    """The other task counts its turns between the answer's arrival and the end of the search."""
    body = text_of(searchset(*a_long_chart(3000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def answer(_request: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(body)
        return httpx.Response(200, stream=stream, headers={"content-type": "application/fhir+json"})

    async with http_client(httpx.MockTransport(answer)) as http:
        client = FhirClient(
            "https://ehr.example.org/fhir",
            http,
            httpx.Auth(),
            offers=Offers(lambda: 0.0),
            clock=lambda: NOW,
            request_id=lambda: "r",
        )
        beside = asyncio.create_task(other())
        haul = await client.haul("Condition", {"patient": "ada"})
        beside.cancel()
    assert len(haul.resources) == 3000
    assert turns >= 30
