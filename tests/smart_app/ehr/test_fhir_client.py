"""How the client speaks to an EHR, and what it makes of every way in which an EHR fails."""

from __future__ import annotations

import gzip
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import httpx
import pytest
import respx

from launch.errors import EhrUnreachable, LaunchEnded
from smart_app.ehr import exchange as exchange_module
from smart_app.ehr.fhir_client import FhirClient
from smart_app.use_cases.errors import (
    BadReply,
    Busy,
    Conflict,
    EhrError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Rejected,
    Unauthorized,
    Unreachable,
)
from tests.smart_app.ehr.scripted import BASE, fhir, outcome

pytestmark = pytest.mark.anyio
PATIENT = {"resourceType": "Patient", "id": "1"}
GOOD = b'{"resourceType":"Patient","id":"1"}'
NEW = b'{"resourceType":"CarePlan"}'


async def read(client: FhirClient) -> None:
    await client.read("Patient/1")


async def write(client: FhirClient) -> None:
    await client.create("CarePlan", NEW, if_none_exist="identifier=s|v")


def answered(content: bytes, content_type: str = "application/fhir+json", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, content=content, headers={"content-type": content_type, **named})


async def test_read_asks_for_json_with_our_request_id_and_token(client: FhirClient, ehr: respx.MockRouter) -> None:
    route = ehr.get(f"{BASE}/Patient/1").mock(return_value=fhir(PATIENT, etag='W/"3"'))
    received = await client.read("Patient/1")
    sent = route.calls.last.request.headers
    assert sent["accept"] == "application/fhir+json"
    assert sent["x-request-id"] == "request-1"
    assert sent["authorization"] == "Bearer first"
    assert (received.resource, received.etag, received.created) == (PATIENT, 'W/"3"', False)


async def test_a_cookie_set_for_one_launch_never_goes_out_with_another(
    client: FhirClient, ehr: respx.MockRouter
) -> None:
    cookie = {"content-type": "application/fhir+json", "set-cookie": "session=of-dr-ada; Path=/"}
    route = ehr.get(f"{BASE}/Patient/1").respond(content=GOOD, headers=cookie)
    await client.read("Patient/1")
    await client.read("Patient/1")  # the pool is shared, so another launch's request would be the same here
    assert [call.request.headers.get("cookie") for call in route.calls] == [None, None]


async def test_amounts_keep_their_digits(client: FhirClient, ehr: respx.MockRouter) -> None:
    body = b'{"resourceType":"Observation","id":"1","valueQuantity":{"value":0.50}}'
    ehr.get(f"{BASE}/Observation/1").respond(content=body, headers={"content-type": "application/json"})
    resource = (await client.read("Observation/1")).resource
    assert resource is not None
    assert str(resource["valueQuantity"]["value"]) == "0.50"
    assert isinstance(resource["valueQuantity"]["value"], Decimal)


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        (301, BadReply, BadReply),
        (307, BadReply, BadReply),
        (400, Rejected, Rejected),
        (401, Unauthorized, Unauthorized),
        (403, Forbidden, Forbidden),
        (404, Missing, Missing),
        (405, Forbidden, Forbidden),
        (406, Rejected, Rejected),
        (408, Busy, OutcomeUnknown),
        (409, Conflict, Conflict),
        (410, Missing, Missing),
        (412, Conflict, Conflict),
        (422, Rejected, Rejected),
        (429, Busy, Busy),
        (500, Busy, OutcomeUnknown),
        (502, Busy, OutcomeUnknown),
        (503, Busy, Busy),
        (504, Busy, OutcomeUnknown),
    ],
)
async def test_each_status_is_told_by_its_error(
    client: FhirClient, ehr: respx.MockRouter, status: int, reading: type[EhrError], writing: type[EhrError]
) -> None:
    headers = {"location": "https://elsewhere.example.org/"} if status < 400 else {}
    ehr.get(f"{BASE}/Patient/1").mock(return_value=httpx.Response(status, headers=headers))
    ehr.post(f"{BASE}/CarePlan").mock(return_value=httpx.Response(status, headers=headers))
    elsewhere = ehr.route(host="elsewhere.example.org").respond(200)
    for ask, expected in ((read, reading), (write, writing)):
        with pytest.raises(EhrError) as raised:
            await ask(client)
        assert type(raised.value) is expected
        assert f"({status}" in raised.value.words
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("fault", "reading", "writing"),
    [
        (httpx.ConnectError("refused"), Unreachable, Unreachable),
        (httpx.ConnectTimeout("slow"), Unreachable, Unreachable),
        (httpx.PoolTimeout("full"), Unreachable, Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable, OutcomeUnknown),
        (httpx.WriteTimeout("slow"), Unreachable, OutcomeUnknown),
        (httpx.ReadError("cut"), Unreachable, OutcomeUnknown),
        (httpx.WriteError("cut"), Unreachable, OutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), Unreachable, OutcomeUnknown),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
async def test_a_write_that_may_have_arrived_is_unknown(
    client: FhirClient,
    ehr: respx.MockRouter,
    fault: Exception,
    reading: type[EhrError],
    writing: type[EhrError],
) -> None:
    ehr.route().mock(side_effect=fault)
    for ask, expected in ((read, reading), (write, writing)):
        with pytest.raises(EhrError) as raised:
            await ask(client)
        assert type(raised.value) is expected


async def test_an_answer_that_drips_is_cut_off(
    client: FhirClient, ehr: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip() -> AsyncIterator[bytes]:
        import anyio

        while True:
            await anyio.sleep(0.01)
            yield b" "

    monkeypatch.setattr(exchange_module.exchange, "__kwdefaults__", {"body": None, "time_limit": 0.1})
    ehr.post(f"{BASE}/CarePlan").mock(side_effect=lambda _request: httpx.Response(200, content=drip()))
    with pytest.raises(OutcomeUnknown, match="in time"):
        await write(client)


async def test_the_words_of_the_ehr_are_kept_for_the_clinician_only(
    client: FhirClient, ehr: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ehr.post(f"{BASE}/CarePlan").mock(return_value=fhir(outcome("Ada Example: no such category"), status=422))
    ehr.get(url__startswith=f"{BASE}/Condition").mock(return_value=fhir(outcome("Ada Example"), status=403))
    with pytest.raises(Rejected) as raised:
        await write(client)
    assert raised.value.issues == ("Ada Example: no such category",)
    with pytest.raises(Forbidden):
        await client.search("Condition", {"patient": "secret-id"})
    assert "Ada" not in str(raised.value) + caplog.text
    assert "secret-id" not in caplog.text
    assert "Bearer" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "1000000000"}, 6 * 3600.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 14:02:00 GMT"}, 120.0),
        ({"retry-after": "Fri, 20 Nov 2026 14:02:00 GMT", "date": "Fri, 20 Nov 2026 14:01:00 GMT"}, 60.0),
        ({"retry-after": "Fri, 20 Nov 2020 14:02:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
    ids=[
        "seconds",
        "absurd",
        "at once",
        "date",
        "date by the EHR's clock",
        "past date",
        "words",
        "negative",
        "absent",
    ],
)
async def test_retry_after(
    client: FhirClient, ehr: respx.MockRouter, headers: dict[str, str], seconds: float | None
) -> None:
    ehr.get(f"{BASE}/Patient/1").respond(429, headers=headers)
    with pytest.raises(Busy) as raised:
        await read(client)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"<p>Please sign in</p>", "text/html"),
        answered(b""),
        answered(b"{"),
        answered(b"[]"),
        answered(b"[" * 100_000),
        answered(b'{"resourceType":"Patient","id":"1","x":NaN}'),
        answered(b'{"resourceType":"Patient","id":"1","x":"\xff"}'),
        answered(b"<Patient/>", "application/fhir+xml"),
        answered(GOOD, "application/fhir+json; charset=utf-16"),
        answered(GOOD, "text/plain"),
        fhir({"resourceType": "Patient", "id": "2"}),
        fhir({"resourceType": "Patient"}),
        fhir({"resourceType": "Person", "id": "1"}),
        fhir({"id": "1"}),
        fhir(outcome("no")),
        answered(GOOD, content_encoding="br"),
    ],
    ids=[
        "login page", "empty", "cut short", "list", "deep", "NaN", "not UTF-8", "XML", "UTF-16", "plain text",
        "another id", "no id", "another type", "no type", "OperationOutcome", "unasked encoding",
    ],
)  # fmt: skip
async def test_c65_an_answer_that_is_not_what_was_asked(
    client: FhirClient, ehr: respx.MockRouter, answer: httpx.Response
) -> None:
    ehr.get(f"{BASE}/Patient/1").mock(return_value=answer)
    with pytest.raises(BadReply):
        await read(client)


def packed(content: bytes) -> httpx.Response:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 4096):
            yield content[start : start + 4096]

    return httpx.Response(
        200, content=pieces(), headers={"content-type": "application/fhir+json", "content-encoding": "gzip"}
    )


async def test_a_packed_answer_is_unpacked(client: FhirClient, ehr: respx.MockRouter) -> None:
    ehr.get(f"{BASE}/Patient/1").mock(return_value=packed(gzip.compress(b'{"resourceType":"Patient","id":"1"}')))
    assert (await client.read("Patient/1")).resource == PATIENT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b" " * 40_000_000), "far larger"),
        (gzip.compress(GOOD)[:-8], "cut short"),
        (b"no gzip at all", "damaged"),
    ],
    ids=["bomb", "cut short", "damaged"],
)
async def test_packed_answers_that_are_refused(
    client: FhirClient, ehr: respx.MockRouter, content: bytes, words: str
) -> None:
    ehr.get(f"{BASE}/Patient/1").mock(return_value=packed(content))
    with pytest.raises(BadReply, match=words):
        await read(client)


async def test_an_endless_answer_is_refused(client: FhirClient, ehr: respx.MockRouter) -> None:
    served = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal served
        while True:
            served += 1
            yield b" " * 1_000_000

    ehr.get(f"{BASE}/Patient/1").mock(return_value=httpx.Response(200, content=endless()))
    with pytest.raises(BadReply, match="larger"):
        await read(client)
    assert served <= 35


async def test_a_refused_token_is_renewed_once_and_the_same_bytes_sent(
    client: FhirClient, ehr: respx.MockRouter
) -> None:
    route = ehr.post(f"{BASE}/CarePlan").mock(
        side_effect=[
            httpx.Response(401, content=b"x" * 1000),
            httpx.Response(201, headers={"location": "CarePlan/5"}),
        ]
    )
    received = await client.create("CarePlan", NEW, if_none_exist="identifier=s|v")
    assert received.location == "CarePlan/5"
    assert [call.request.content for call in route.calls] == [NEW, NEW]
    assert [call.request.headers["authorization"] for call in route.calls] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(LaunchEnded(), Unauthorized), (EhrUnreachable("no"), Unreachable)],
    ids=["ended", "no answer"],
)
async def test_a_sign_in_that_fails_is_told(
    client: FhirClient,
    ehr: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    expected: type[EhrError],
) -> None:
    async def failing(_request: httpx.Request) -> AsyncIterator[httpx.Request]:
        if _request is not None:
            raise fault
        yield _request

    monkeypatch.setattr(client._auth, "async_auth_flow", failing)
    with pytest.raises(expected):
        await write(client)
    assert not ehr.calls


@pytest.mark.parametrize(
    ("location", "reference"),
    [
        ("CarePlan/5", "CarePlan/5"),
        (f"{BASE}/CarePlan/5/_history/2", "CarePlan/5"),
        ("http://inside.local:8080/other/CarePlan/5", "CarePlan/5"),
        ("/fhir/r4/CarePlan/5/", "CarePlan/5"),
        ("CarePlan", None),
        ("", None),
        (f"CarePlan/{'x' * 65}", None),
    ],
)
async def test_c61_a_location_gives_an_id_and_is_never_followed(
    client: FhirClient, ehr: respx.MockRouter, location: str, reference: str | None
) -> None:
    ehr.post(f"{BASE}/CarePlan").respond(201, headers={"location": location})
    received = await client.create("CarePlan", NEW, if_none_exist="identifier=s|v")
    assert (received.location, received.created, received.resource) == (reference, True, None)


async def test_create_is_conditional_and_update_is_bound_to_a_version(
    client: FhirClient, ehr: respx.MockRouter
) -> None:
    created = ehr.post(f"{BASE}/CarePlan").mock(return_value=fhir({"resourceType": "CarePlan", "id": "5"}, 200))
    updated = ehr.put(f"{BASE}/CarePlan/5").mock(return_value=fhir(outcome("fine", "information"), etag='W/"2"'))
    received = await client.create("CarePlan", NEW, if_none_exist="identifier=https://c.example|v")
    assert created.calls.last.request.headers["if-none-exist"] == "identifier=https://c.example|v"
    assert created.calls.last.request.headers["content-type"] == "application/fhir+json"
    assert received.resource is not None
    assert not received.created
    received = await client.update("CarePlan/5", NEW, if_match='W/"1"')
    assert updated.calls.last.request.headers["if-match"] == 'W/"1"'
    assert (received.resource, received.etag) == (None, 'W/"2"')


async def test_a_transaction_goes_to_the_base_and_answers_with_a_response(
    client: FhirClient, ehr: respx.MockRouter
) -> None:
    answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": []}
    route = ehr.post(BASE).mock(side_effect=[fhir(answer), fhir({"resourceType": "Bundle", "type": "searchset"})])
    assert await client.transaction(b'{"resourceType":"Bundle"}') == answer
    assert route.calls.last.request.content == b'{"resourceType":"Bundle"}'
    with pytest.raises(BadReply):
        await client.transaction(b"{}")


BUNDLE = b"""{"resourceType": "Bundle", "type": "transaction", "entry": [
    {"resource": {"resourceType": "Procedure"}, "request": {"method": "POST"}},
    {"resource": {"resourceType": "Observation"}, "request": {"method": "POST"}},
    {"resource": {"resourceType": "Observation"}, "request": {"method": "POST"}},
    {"resource": {"resourceType": "CarePlan"}, "request": {"method": "PUT"}}]}"""


@pytest.mark.parametrize(
    ("ask", "needs"),
    [
        (lambda client: client.read("Patient/1"), "patient/Patient.r"),
        (lambda client: client.search("Condition", {"patient": "1"}), "patient/Condition.s"),
        (lambda client: client.create("CarePlan", NEW, if_none_exist="x"), "patient/CarePlan.c"),
        (lambda client: client.update("CarePlan/5", NEW, if_match="x"), "patient/CarePlan.u"),
        (
            lambda client: client.transaction(BUNDLE),
            "patient/Procedure.c, patient/Observation.c, patient/CarePlan.u",
        ),
    ],
    ids=["read", "search", "create", "update", "transaction"],
)
async def test_c64_a_403_says_which_permission_is_missing(
    client: FhirClient, ehr: respx.MockRouter, ask: Callable[[FhirClient], Awaitable[object]], needs: str
) -> None:
    ehr.route().respond(403)
    with pytest.raises(Forbidden) as raised:
        await ask(client)
    assert f"the EHR refused it (403; it needs {needs})" in raised.value.words


@pytest.mark.parametrize(
    "reference", ["Patient/..", "Patient/1/../2", "https://x.example/Patient/1", "#p", "patient/1", ""]
)
async def test_a_reference_that_is_none_is_not_asked(
    client: FhirClient, ehr: respx.MockRouter, reference: str
) -> None:
    with pytest.raises(BadReply):
        await client.read(reference)
    assert not ehr.calls
