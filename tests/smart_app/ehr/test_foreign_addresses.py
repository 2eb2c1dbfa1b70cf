"""Addresses that an EHR names, in every place where one can stand: none outside the FHIR base is asked (E-1, E-2).

A listener at another port counts connections, the EHR keeps every path that it was asked for, and look-ups are kept.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from launch.bearer import SmartAuth
from launch.context import TokenSet
from launch.pacing import Share
from launch.registry import Registration
from launch.transport import Transports
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import http_client
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import BadReply
from tests.elsewhere import ELSEWHERE, OWN, filled
from tests.launch.an_ehr import a_token_set
from tests.malformed import text_of
from tests.smart_app.ehr.conftest import NOW
from tests.smart_app.ehr.scripted import ALL, about, searchset
from tests.ways_out import somewhere

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]


class Tokens:
    async def current(self, _launch: str) -> TokenSet:
        return a_token_set(access_token="TOKEN-secret")

    async def renewed(self, _launch: str, *, stale: TokenSet) -> TokenSet:
        return stale


@dataclass
class World:
    """An EHR at one port, the canary at another. `answers` is what the EHR says to a path."""

    port: int = 0
    canary: int = 0
    calls: int = 0
    asked: list[str] = field(default_factory=list)
    looked_up: list[Any] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    def said(self, template: str) -> str:
        return filled(template, port=self.port, canary=f"127.0.0.1:{self.canary}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1].decode()
            assert b"TOKEN-secret" in head
            self.asked.append(target)
            writer.write(self.answers.get(target.partition("?")[0], b"HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n"))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def sing(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        writer.close()

    def silent(self) -> bool:
        return (self.calls, self.looked_up) == (0, [])

    def registration(self) -> Registration:
        return somewhere(issuer=f"http://127.0.0.1:{self.port}/fhir", allow_loopback_http=True)


def answer(body: dict[str, Any], *headers: str, status: int = 200) -> bytes:
    content = text_of(body)
    lines = ["content-type: application/fhir+json", f"content-length: {len(content)}", "connection: close", *headers]
    return f"HTTP/1.1 {status} x\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, anyio_backend: str) -> AsyncIterator[World]:
    made = World()
    ehr = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    canary = await asyncio.start_server(made.sing, "127.0.0.1", 0)
    made.port, made.canary = (one.sockets[0].getsockname()[1] for one in (ehr, canary))
    look_up = socket.getaddrinfo

    def noted(host: Any, *more: Any, **named: Any) -> Any:
        made.looked_up.append(host)
        return look_up(host, *more, **named)

    async with ehr, canary:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", noted)
            yield made


@asynccontextmanager
async def client_of(world: World) -> AsyncIterator[FhirClient]:
    registration = world.registration()
    async with http_client(Transports().to(registration, Share.READING)) as http:
        yield FhirClient(
            registration.issuer,
            http,
            SmartAuth(fhir_base=registration.issuer, launch_id="l", tokens=Tokens()),
            offers=Offers(lambda: 0.0),
            clock=lambda: NOW,
            request_id=lambda: "r",
        )


async def in_a_next_link(world: World, url: str) -> None:
    page = searchset(about("Condition", "1"), following=url)
    world.answers["/fhir/Condition"] = answer(page)
    async with client_of(world) as client:
        haul = await client.haul("Condition", {"patient": "1"})
    assert isinstance(haul.failure, BadReply)
    assert [resource["id"] for resource in haul.resources] == ["1"]
    assert world.asked == ["/fhir/Condition?patient=1"]


async def in_a_reference(world: World, url: str) -> None:
    offered = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in ALL]
    world.answers["/fhir/metadata"] = answer(
        {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": offered}]}
    )
    use = about("MedicationRequest", "1", medicationReference={"reference": url}, encounter={"reference": url})
    world.answers["/fhir/MedicationRequest"] = answer(searchset(use))
    await _whole_chart(world)


async def in_an_attachment(world: World, url: str) -> None:
    world.answers["/fhir/Patient/1"] = answer({"resourceType": "Patient", "id": "1", "photo": [{"url": url}]})
    binary = {"contentType": "application/pdf", "url": url}
    written = about(
        "Observation", "1", valueAttachment=binary, derivedFrom=[{"reference": url}], extension=[{"url": url}]
    )
    world.answers["/fhir/Observation"] = answer(searchset(written))
    await _whole_chart(world)


async def _whole_chart(world: World) -> None:
    async with client_of(world) as client:
        await client.chart("1")
    paths = {target.partition("?")[0] for target in world.asked}
    assert paths <= {"/fhir/metadata", "/fhir/Patient/1", *(f"/fhir/{kind}" for kind in ALL)}


async def in_a_header(world: World, name: str, url: str) -> None:
    printable = "".join(c if c.isprintable() else "?" for c in url)  # a line break would end the header
    made = {"resourceType": "CarePlan", "id": "5"}
    world.answers["/fhir/CarePlan"] = answer(made, f"{name}: {printable}", status=201)
    world.answers["/fhir/CarePlan/5"] = answer(made, f"{name}: {printable}", 'etag: W/"2"')
    async with client_of(world) as client:
        created = await client.create("CarePlan", b"{}", if_none_exist="identifier=s|v")
        await client.update("CarePlan/5", b"{}", if_match='W/"1"')
    assert world.asked == ["/fhir/CarePlan", "/fhir/CarePlan/5"]
    assert created.location is None or created.location.count("/") == 1, "an id, never an address"


async def in_location(world: World, url: str) -> None:
    await in_a_header(world, "location", url)


async def in_content_location(world: World, url: str) -> None:
    await in_a_header(world, "content-location", url)


Place = Callable[[World, str], Awaitable[None]]
PLACES: list[Place] = [in_a_next_link, in_a_reference, in_an_attachment, in_location, in_content_location]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_no_address_elsewhere_is_asked(world: World, place: Place) -> None:
    for template in ELSEWHERE:
        world.asked.clear()
        await place(world, world.said(template))
        assert world.silent(), template


@pytest.mark.parametrize("template", OWN)
async def test_a_page_of_the_ehr_s_own_is_read_however_it_is_named(world: World, template: str) -> None:
    world.answers["/fhir/Condition"] = answer(searchset(about("Condition", "1"), following=world.said(template)))
    async with client_of(world) as client:
        await client.haul("Condition", {"patient": "1"})
    assert world.asked[1] == "/fhir/Condition?page=2"
    assert world.silent()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308, 399])
@pytest.mark.parametrize("template", ["http://{canary}/fhir/Patient/1", "http://{own}/fhir/Patient/2", "Patient/2"])
async def test_a_redirect_is_an_error_and_is_not_followed(world: World, status: int, template: str) -> None:
    away = f"HTTP/1.1 {status} x\r\nlocation: {world.said(template)}\r\ncontent-length: 0\r\n\r\n".encode()
    world.answers |= {"/fhir/Patient/1": away, "/fhir/CarePlan": away}
    async with client_of(world) as client:
        with pytest.raises(BadReply, match="another address"):
            await client.read("Patient/1")
        with pytest.raises(BadReply, match="another address"):
            await client.create("CarePlan", b"{}", if_none_exist="identifier=s|v")
    assert world.asked == ["/fhir/Patient/1", "/fhir/CarePlan"]
    assert world.silent()


async def test_upper_case_and_the_usual_port_are_the_same_place(
    client: FhirClient, ehr: Any, anyio_backend: str
) -> None:
    following = "HTTPS://EHR.Example.ORG:443/fhir/r4/Condition?page=2"
    pages = [searchset(about("Condition", "1"), following=following), searchset(about("Condition", "2"))]
    route = ehr.get(url__startswith="https://ehr.example.org/fhir/r4/Condition").mock(
        side_effect=[
            httpx.Response(200, json=page, headers={"content-type": "application/fhir+json"}) for page in pages
        ]
    )
    found = await client.search("Condition", {"patient": "1"})
    assert [one["id"] for one in found] == ["1", "2"]
    assert route.calls.last.request.headers["authorization"] == "Bearer first"
