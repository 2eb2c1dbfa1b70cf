"""The way out: a name is resolved once, judged whole, and only a judged address of that answer is dialled."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpcore
import httpx
import pytest

from launch.errors import AddressForbidden, LaunchError
from launch.exchange import EhrClients, exchange
from launch.pacing import Share
from launch.transport import HEADER_LIMIT, Transports
from tests.launch.test_launch_networks import LOOPBACK, NOWHERE, PRIVATE, PUBLIC
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio
URL = "https://ehr.example.org/fhir"
ROOT = Path(__file__).parents[2]


class Names:
    """A resolver that gives one answer after the other, and the last one for ever; it keeps what it was asked."""

    def __init__(self, *answers: list[str] | OSError | UnicodeError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where connections were tried. Nobody answers there."""
    tried: list[str] = []

    async def connect(_self: object, host: str, _port: int, *_more: Any, **_named: Any) -> None:
        tried.append(host)
        raise httpcore.ConnectError("[Errno 111] Connect call failed")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    return tried


async def ask(names: Names, *, url: str = URL, times: int = 1, **registered: Any) -> None:
    clients = EhrClients(Transports(resolve=names))
    try:
        for _ in range(times):
            await exchange(clients.of(somewhere(**registered)), "GET", url, ehr="demo")
    finally:
        await clients.aclose()


EVERYWHERE_ELSE = [*PRIVATE, *LOOPBACK, *(one for family in NOWHERE.values() for one in family)]


@pytest.mark.parametrize("address", EVERYWHERE_ELSE)
async def test_a_name_that_leads_inside_is_not_dialled(dialled: list[str], address: str) -> None:
    with pytest.raises(AddressForbidden) as caught:
        await ask(Names([address]))
    assert dialled == []
    assert not address or address not in f"{caught.value}{caught.value.what_to_do}"


@pytest.mark.parametrize("bad", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "64:ff9b::7f00:1"])
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_bad_address_spoils_all_of_an_answer(dialled: list[str], bad: str, place: int) -> None:
    addresses = ["93.184.216.34", "2a00::1"]
    addresses.insert(place, bad)
    with pytest.raises(AddressForbidden):
        await ask(Names(addresses))
    assert dialled == []


async def test_a_bad_address_behind_many_good_ones_is_seen(dialled: list[str]) -> None:
    with pytest.raises(AddressForbidden):
        await ask(Names([f"93.184.216.{n}" for n in range(1, 60)] + ["127.0.0.1"]))
    assert dialled == []


async def test_a_name_that_changes_its_mind_is_caught(dialled: list[str]) -> None:
    """DNS rebinding: good at the first look, inside at the second. There is one look for each connection."""
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    with pytest.raises(LaunchError, match="could not be reached"):
        await ask(names)
    assert (dialled, names.asked) == (["93.184.216.34"], ["ehr.example.org"])
    with pytest.raises(AddressForbidden):
        await ask(names)
    assert (dialled, len(names.asked)) == (["93.184.216.34"], 2)


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_are_dialled_as_they_were_judged(dialled: list[str], address: str) -> None:
    with pytest.raises(LaunchError, match="could not be reached"):
        await ask(Names([address, address]))
    assert dialled == [address]


@pytest.mark.parametrize(
    ("registered", "allowed", "refused"),
    [
        ({}, PUBLIC, [*PRIVATE, *LOOPBACK]),
        ({"private_network": True}, [*PUBLIC, *PRIVATE], LOOPBACK),
        ({"allow_loopback_http": True}, [*PUBLIC, *LOOPBACK], PRIVATE),
    ],
    ids=["as shipped", "private network", "demo"],
)
async def test_the_registration_says_which_networks_are_meant(
    dialled: list[str], registered: dict[str, bool], allowed: list[str], refused: list[str]
) -> None:
    for address in allowed:
        with pytest.raises(LaunchError, match="could not be reached"):
            await ask(Names([address]), **registered)
    assert dialled == allowed
    for address in [*refused, *(one for family in NOWHERE.values() for one in family)]:
        with pytest.raises(AddressForbidden):
            await ask(Names([address]), **registered)
    assert dialled == allowed


async def test_only_a_private_network_is_advised_to_be_allowed() -> None:
    with pytest.raises(AddressForbidden) as private:
        await ask(Names(["192.168.4.4"]))
    assert "leads to a private network" in private.value.message
    assert "private_network = true" in private.value.what_to_do
    with pytest.raises(AddressForbidden) as metadata:
        await ask(Names(["169.254.169.254"]))
    assert "private_network" not in metadata.value.what_to_do


@pytest.mark.parametrize("number", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "10.0.0.1"])
async def test_an_address_in_the_place_of_a_name_is_judged_too(dialled: list[str], number: str) -> None:
    clients = EhrClients(Transports())
    with pytest.raises(AddressForbidden):
        await exchange(clients.of(somewhere()), "GET", f"https://{number}/fhir", ehr="demo")
    await clients.aclose()
    assert dialled == []


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f000001", "017700000001", "localhost"])
async def test_what_the_system_takes_for_this_machine_is_judged_by_where_it_leads(
    dialled: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    clients = EhrClients(Transports())
    with pytest.raises(AddressForbidden):
        await exchange(clients.of(somewhere()), "GET", f"https://{name}/fhir", ehr="demo")
    await clients.aclose()
    assert dialled == []


@pytest.mark.parametrize(
    "answer", [[], socket.gaierror(-2, "unknown"), UnicodeError("label too long")], ids=["none", "unknown", "no name"]
)
async def test_a_name_without_address_is_unreachable(
    dialled: list[str], answer: list[str] | OSError | UnicodeError
) -> None:
    with pytest.raises(LaunchError, match="could not be reached"):
        await ask(Names(answer))
    assert dialled == []


async def test_a_resolver_that_sleeps_is_not_waited_for(dialled: list[str]) -> None:
    async def asleep(host: str, port: int) -> Sequence[str]:
        await anyio.sleep_forever()
        return []

    client = httpx.AsyncClient(transport=Transports(resolve=asleep).to(somewhere(), Share.READING))
    async with client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get(URL, timeout=httpx.Timeout(5, connect=0.05))
    assert dialled == []


class Server:
    """A listener on this machine that answers every request alike and keeps what came."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}") -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """The port."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]


async def test_a_dead_address_does_not_keep_us_from_the_next() -> None:
    server = Server()
    async with server.listening() as port:
        await ask(
            Names(["127.0.0.7", "127.0.0.1"]),
            url=f"http://ehr.example.org:{port}/x",
            times=3,
            allow_loopback_http=True,
        )
    assert len(server.heads) == 3
    assert server.connections == 1, "the connection is kept"
    assert f"\r\nHost: ehr.example.org:{port}\r\n".encode() in server.heads[0]


async def test_a_canary_on_this_machine_hears_nothing() -> None:
    server = Server()
    async with server.listening() as port:
        for registered in ({}, {"private_network": True}):
            for address in ("127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"):  # noqa: S104
                with pytest.raises(AddressForbidden):
                    await ask(Names([address]), url=f"http://ehr.example.org:{port}/x", **registered)
        await anyio.lowlevel.checkpoint()
    assert server.connections == 0


@pytest.mark.parametrize(("spare", "read"), [(0, True), (1, False)])
async def test_headers_have_a_limit(spare: int, read: bool) -> None:
    usual = b"content-length: 2\r\nx: "
    filling = b"y" * (HEADER_LIMIT - len(usual) - 2 + spare)
    server = Server(b"HTTP/1.1 200 OK\r\n" + usual + filling + b"\r\n\r\n{}")
    async with server.listening() as port:
        try:
            await ask(Names(["127.0.0.1"]), url=f"http://ehr.example.org:{port}/x", allow_loopback_http=True)
            assert read
        except LaunchError:
            assert not read


async def test_many_requests_share_few_connections_and_none_is_lost_to_those_who_give_up() -> None:
    held, server = asyncio.Event(), Server()
    at_once = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once
        server.connections += 1
        at_once = max(at_once, server.connections)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b"/held" in head:
                    await held.wait()
                writer.write(server.answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            server.connections -= 1
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"http://ehr.example.org:{listener.sockets[0].getsockname()[1]}"
    clients = EhrClients(Transports(resolve=Names(["127.0.0.1"])))
    client = clients.of(somewhere(allow_loopback_http=True))
    async with listener:
        assert {answer.status_code for answer in await asyncio.gather(*(client.get(base) for _ in range(100)))} == {
            200
        }
        assert at_once <= 20
        waiting = [asyncio.create_task(client.get(f"{base}/held")) for _ in range(40)]
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(httpx.PoolTimeout):
            await client.get(base, timeout=httpx.Timeout(5, pool=0.01))
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        held.set()
        assert (await client.get(base)).status_code == 200
        again = await asyncio.gather(*(client.get(base) for _ in range(40)))
        assert {answer.status_code for answer in again} == {200}
        await clients.aclose()


@pytest.mark.parametrize(("method", "heads", "read"), [("GET", 3, True), ("POST", 2, False)])
async def test_a_connection_that_the_ehr_closes_between_requests_costs_no_look_and_repeats_no_deed(
    method: str, heads: int, read: bool
) -> None:
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(server.answer)
        if server.connections == 1:  # closed as the next request arrives
            server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://ehr.example.org:{listener.sockets[0].getsockname()[1]}/x"
    clients = EhrClients(Transports(resolve=Names(["127.0.0.1"])))
    client = clients.of(somewhere(allow_loopback_http=True))
    async with listener:
        assert (await client.get(url)).status_code == 200
        try:
            assert (await client.request(method, url)).status_code == 200
            assert read
        except httpx.TransportError:
            assert not read
        await clients.aclose()
    assert len(server.heads) == heads


FAULTS = [
    kind
    for kind in vars(httpcore).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not httpcore.ConnectionNotAvailable
]


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
async def test_every_fault_of_the_wire_has_its_name_in_httpx_and_tells_no_address(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    async def fail(_self: object, _request: object) -> None:
        raise kind("10.1.2.3 refused")

    monkeypatch.setattr(httpcore.AsyncConnectionPool, "handle_async_request", fail)
    async with httpx.AsyncClient(transport=Transports().to(somewhere(), Share.READING)) as client:
        with pytest.raises(httpx.TransportError) as caught:
            await client.get(URL)
    assert type(caught.value).__name__ == kind.__name__
    assert "10.1.2.3" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_no_log_line_names_an_address(dialled: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(AddressForbidden):
        await ask(Names(["10.9.8.7"]))
    assert "10.9.8.7" not in caplog.text


def test_there_is_no_other_way_out() -> None:
    """A client made without one of our transports would dial whatever a name leads to."""
    made = {
        str(file.relative_to(ROOT)): re.findall(r"httpx\.(?:Async)?Client\((.*)", file.read_text(encoding="utf-8"))
        for folder in ("launch", "smart_app")
        for file in (ROOT / folder).rglob("*.py")
        if "sandbox" not in file.parts
    }
    assert {name for name, found in made.items() if found} == {"launch/exchange.py", "smart_app/ehr/exchange.py"}
    for name in ("launch/exchange.py", "smart_app/ehr/exchange.py"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert len(re.findall(r"httpx\.AsyncClient\(\s*transport=", text)) == len(made[name]) == 1
        assert "trust_env=False" in text
        assert "follow_redirects=False" in text
