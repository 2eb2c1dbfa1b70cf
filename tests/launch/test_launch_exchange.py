"""One exchange with an EHR: bounded in time and size, deaf to redirects and to the environment."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from launch.errors import EhrFault, EhrUnreachable
from launch.exchange import SIZE_LIMIT, EhrClients, Reply, exchange
from launch.transport import Transports
from tests.launch.an_ehr import WELL_KNOWN, Ehr
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio
DEMO = somewhere()


async def _ask(ehr: Ehr, clients: EhrClients, answer: httpx.Response) -> Reply:
    ehr.well_known.mock(return_value=answer, side_effect=None)
    return await exchange(clients.of(DEMO), "GET", WELL_KNOWN, ehr="demo")


def _json(content: bytes, **headers: str) -> httpx.Response:
    """As it is on the wire: httpx would unpack a body given as content at once."""

    async def stream() -> AsyncIterator[bytes]:
        yield content

    return httpx.Response(200, content=stream(), headers={"content-type": "application/json", **headers})


async def test_gzip_is_undone_even_though_it_was_not_asked_for(ehr: Ehr, clients: EhrClients) -> None:
    reply = await _ask(ehr, clients, _json(gzip.compress(b'{"a": 1}'), **{"content-encoding": "gzip"}))
    assert reply.json_object() == {"a": 1}
    assert ehr.requests[0].headers["accept-encoding"] == "identity"


BOMBS = {
    "too long": _json(b" " * (SIZE_LIMIT + 1)),
    "a gzip bomb": _json(gzip.compress(b" " * 50_000_000), **{"content-encoding": "gzip"}),
    "damaged gzip": _json(b"not gzip", **{"content-encoding": "gzip"}),
    "an encoding of its own": _json(b"{}", **{"content-encoding": "br"}),
    "a redirect": httpx.Response(301, headers={"location": WELL_KNOWN}),
    "a redirect to nowhere": httpx.Response(302),
}


@pytest.mark.parametrize("answer", BOMBS.values(), ids=BOMBS)
async def test_an_answer_out_of_bounds_is_the_ehr_s_fault(
    ehr: Ehr, clients: EhrClients, answer: httpx.Response
) -> None:
    with pytest.raises(EhrFault):
        await _ask(ehr, clients, answer)


async def test_an_answer_of_exactly_the_limit_is_read(ehr: Ehr, clients: EhrClients) -> None:
    body = b'{"a": "' + b"x" * (SIZE_LIMIT - 9) + b'"}'
    assert len(body) == SIZE_LIMIT
    assert (await _ask(ehr, clients, _json(body))).json_object() is not None


NOT_AN_OBJECT = {
    "two values under one name": b'{"a": 1, "a": 2}',
    "not a number": b'{"a": NaN}',
    "too deep": b"[" * 100_000,
    "a list": b"[1]",
    "nothing": b"",
    "a broken character": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
async def test_only_a_plain_json_object_is_read(ehr: Ehr, clients: EhrClients, body: bytes) -> None:
    assert (await _ask(ehr, clients, _json(body))).json_object() is None


@pytest.mark.parametrize(
    ("media_type", "read"),
    [
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON", True),
        ("application/fhir+json", True),
        ("text/json", False),
        ("application/xjson", False),
        ("text/html", False),
    ],
)
async def test_the_media_type_must_be_json(ehr: Ehr, clients: EhrClients, media_type: str, read: bool) -> None:
    reply = await _ask(ehr, clients, _json(b"{}", **{"content-type": media_type}))
    assert (reply.json_object() is not None) is read


async def test_a_dripping_answer_is_cut_off(ehr: Ehr, clients: EhrClients) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.sleep(0.01)

    ehr.well_known.mock(return_value=httpx.Response(200, content=drip()), side_effect=None)
    with pytest.raises(EhrUnreachable, match="in time"):
        await exchange(clients.of(DEMO), "GET", WELL_KNOWN, ehr="demo", time_limit=0.05)


async def test_a_connection_that_breaks_off_is_said_so(ehr: Ehr, clients: EhrClients) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"{"
        raise httpx.ReadError("gone")

    with pytest.raises(EhrUnreachable, match="could not be reached"):
        await _ask(ehr, clients, httpx.Response(200, content=broken()))


async def test_a_caller_may_expect_less(ehr: Ehr, clients: EhrClients) -> None:
    body = b'{"a": 10}'
    for answer in (_json(body), _json(gzip.compress(body), **{"content-encoding": "gzip"})):
        ehr.well_known.mock(return_value=answer, side_effect=None)
        with pytest.raises(EhrFault, match="far larger"):
            await exchange(clients.of(DEMO), "GET", WELL_KNOWN, ehr="demo", size_limit=len(body) - 1)


async def test_a_cookie_of_the_ehr_never_comes_back_with_another_request(ehr: Ehr, clients: EhrClients) -> None:
    for _ in range(2):
        await _ask(ehr, clients, _json(b"{}", **{"set-cookie": "who=dr-ada; Path=/"}))
    assert [request.headers.get("cookie") for request in ehr.requests] == [None, None]


async def test_an_ehr_has_one_client_of_its_own_without_the_environment() -> None:
    held = EhrClients(Transports())
    one, two = somewhere(name="one"), somewhere(name="two")
    assert held.of(one) is held.of(one)
    assert held.of(one) is not held.of(two)
    assert held.of(one).trust_env is False
    assert held.of(one).follow_redirects is False
    first = held.of(one)
    await held.aclose()
    assert first.is_closed


async def test_a_reply_is_not_shown_by_its_repr(ehr: Ehr, clients: EhrClients) -> None:
    reply = await _ask(ehr, clients, _json(b'{"access_token": "s3cret"}'))
    assert "s3cret" not in repr(reply)
