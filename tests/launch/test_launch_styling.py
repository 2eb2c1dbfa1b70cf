"""The EHR's style document: asked for once, on a registered host, with nothing of ours, and never waited for."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx
import pytest

from launch.exchange import EhrClients
from launch.registry import read_registry
from launch.styling import SIZE_LIMIT, Styles
from tests.launch.an_ehr import ISSUER, ORIGIN, Clock, Ehr, a_context, a_registration, a_registry, a_table

pytestmark = pytest.mark.anyio
URL = f"{ORIGIN}/style/v3.json"
STYLE = {"color_highlight": "#003366"}


@pytest.fixture
async def styles(ehr: Ehr, clients: EhrClients, clock: Clock) -> AsyncIterator[Styles]:
    held = Styles(registry=a_registry(), clients=clients, clock=clock)
    yield held
    await held.aclose()


async def _learned(styles: Styles, url: str | None = URL) -> object:
    """What a page sees once nothing is under way."""
    context = a_context(style_url=url)
    styles.of(context)
    await styles.settled()
    return styles.of(context)


async def test_a_page_gets_nothing_at_first_and_then_the_document(ehr: Ehr, styles: Styles) -> None:
    route = ehr.router.get(URL).respond(json=STYLE)
    assert styles.of(a_context(style_url=URL)) is None
    await styles.settled()
    assert styles.of(a_context(style_url=URL)) == STYLE
    assert route.call_count == 1


async def test_c41_the_request_carries_nothing_of_a_user(ehr: Ehr, styles: Styles, clients: EhrClients) -> None:
    ehr.router.get(f"{ISSUER}/metadata").respond(headers={"set-cookie": "who=dr-ada; Path=/"})
    ehr.router.get(URL).respond(json=STYLE)
    await clients.of(a_registration()).get(f"{ISSUER}/metadata")
    assert await _learned(styles) == STYLE
    sent = ehr.requests[-1].headers
    assert str(ehr.requests[-1].url) == URL
    assert not {"authorization", "cookie", "referer", "origin"} & set(sent)


async def test_many_launches_at_once_ask_once_and_later_ones_not_at_all(
    ehr: Ehr, styles: Styles, clock: Clock
) -> None:
    route = ehr.router.get(URL).respond(json=STYLE)
    for number in range(20):
        styles.of(a_context(id=f"launch-{number}", style_url=URL))
    await styles.settled()
    clock.forward(days=30)
    assert styles.of(a_context(style_url=URL)) == STYLE
    assert route.call_count == 1


async def test_c41_another_address_is_another_version(ehr: Ehr, styles: Styles) -> None:
    ehr.router.get(URL).respond(json=STYLE)
    ehr.router.get(f"{ORIGIN}/style.json", params={"v": "4"}).respond(json={"color_highlight": "#004477"})
    assert await _learned(styles) == STYLE
    assert await _learned(styles, f"{ORIGIN}/style.json?v=4") == {"color_highlight": "#004477"}


ELSEWHERE = {
    "another host": "https://style.evil.test/style.json",
    "a host that begins alike": f"{ORIGIN}.evil.test/style.json",
    "another port": f"{ORIGIN}:8443/style.json",
    "without TLS": "http://ehr.example.org/style.json",
    "a user's name before the host": "https://ehr.example.org@evil.test/style.json",
    "a user's name": "https://ada:secret@ehr.example.org/style.json",
    "the machine itself": "http://127.0.0.1/style.json",
    "a cloud's metadata": "http://169.254.169.254/latest/meta-data",
    "no address": "javascript:alert(1)",
    "a document in the address": "data:application/json,{}",
    "a file": "file:///etc/passwd",
    "steps up": f"{ORIGIN}/style/../admin",
    "relative": "/style.json",
    "backslashes": "https://ehr.example.org\\@evil.test/",
}


@pytest.mark.parametrize("url", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_c41_nothing_is_asked_of_an_address_that_is_not_registered(ehr: Ehr, styles: Styles, url: str) -> None:
    canary = ehr.router.route().respond(json=STYLE)
    assert await _learned(styles, url) == {}
    assert canary.call_count == 0


async def test_a_registered_host_beside_the_fhir_base_may_hold_it(
    ehr: Ehr, clients: EhrClients, clock: Clock
) -> None:
    registry = read_registry({"ehr": {"demo": a_table(hosts=["https://login.example.org"])}})
    styles = Styles(registry=registry, clients=clients, clock=clock)
    there = "https://login.example.org/style.json"
    for url in (there, URL):
        ehr.router.get(url).respond(json=STYLE)
        assert await _learned(styles, url) == STYLE


async def test_each_ehr_has_its_own_list_of_hosts(ehr: Ehr, clients: EhrClients, clock: Clock) -> None:
    tables = {"demo": a_table(), "other": a_table(issuer="https://other.example/fhir")}
    styles = Styles(registry=read_registry({"ehr": tables}), clients=clients, clock=clock)
    route = ehr.router.get(URL).respond(json=STYLE)
    assert await _learned(styles) == STYLE
    other = a_context(ehr="other", fhir_base="https://other.example/fhir", style_url=URL)
    styles.of(other)
    await styles.settled()
    assert styles.of(other) == {}
    assert route.call_count == 1


HOSTILE = {
    "a page": httpx.Response(200, html="<style>body{display:none}</style>"),
    "a style sheet": httpx.Response(200, content=b"*{}", headers={"content-type": "text/css"}),
    "a list": httpx.Response(200, json=[STYLE]),
    "10 MB": httpx.Response(200, json={"color_highlight": "#" + "0" * 10_000_000}),
    "just too much": httpx.Response(200, json={"x": "0" * SIZE_LIMIT}),
    "very deep": httpx.Response(
        200, content=b'{"a":' * 10_000 + b"1" + b"}" * 10_000, headers={"content-type": "application/json"}
    ),
    "one name twice": httpx.Response(200, content=b'{"a":"1","a":"2"}', headers={"content-type": "application/json"}),
    "a refusal": httpx.Response(401, json=STYLE),
    "a fault": httpx.Response(500, json=STYLE),
    "a redirect": httpx.Response(302, headers={"location": "https://evil.test/style.json"}),
    "no answer": httpx.ConnectError("gone"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
async def test_what_cannot_be_used_is_left_alone_for_a_while_and_then_asked_again(
    ehr: Ehr, styles: Styles, clock: Clock, answer: httpx.Response | Exception
) -> None:
    canary = ehr.router.route(host="evil.test").respond(json=STYLE)
    route = ehr.router.get(URL).mock(side_effect=[answer, httpx.Response(200, json=STYLE)])
    assert await _learned(styles) == {}
    assert await _learned(styles) == {}
    assert route.call_count == 1
    clock.forward(minutes=6)
    assert await _learned(styles) == STYLE
    assert canary.call_count == 0


async def test_a_silent_host_is_left_in_the_end_and_holds_nobody_up(
    ehr: Ehr, styles: Styles, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr("launch.styling.TIME_LIMIT", 0.05)
    ehr.router.get(URL).mock(side_effect=silent)
    assert styles.of(a_context(style_url=URL)) is None
    assert styles.of(a_context(style_url=URL)) is None
    with anyio.fail_after(2):
        await styles.settled()
    assert styles.of(a_context(style_url=URL)) == {}


async def test_closing_the_app_leaves_a_request_that_is_under_way(
    ehr: Ehr, clients: EhrClients, clock: Clock
) -> None:
    async def silent(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    ehr.router.get(URL).mock(side_effect=silent)
    styles = Styles(registry=a_registry(), clients=clients, clock=clock)
    styles.of(a_context(style_url=URL))
    await anyio.lowlevel.checkpoint()
    with anyio.fail_after(1):
        await styles.aclose()


async def test_a_launch_without_a_style_or_of_an_ehr_that_is_gone_asks_nothing(ehr: Ehr, styles: Styles) -> None:
    assert await _learned(styles, None) == {}
    assert styles.of(a_context(ehr="gone", style_url=URL)) == {}
    assert ehr.requests == []


async def test_an_ehr_that_names_ever_new_addresses_does_not_fill_the_memory(ehr: Ehr, styles: Styles) -> None:
    route = ehr.router.get(url__startswith=ORIGIN).respond(json=STYLE)
    for number in range(101):
        await _learned(styles, f"{URL}?{number}")
    assert route.call_count == 101
    await _learned(styles, f"{URL}?100")
    assert route.call_count == 101
    await _learned(styles, f"{URL}?0")
    assert route.call_count == 102, "the first was forgotten"


async def test_the_log_says_why_a_style_is_not_used_without_its_address(
    ehr: Ehr, styles: Styles, caplog: pytest.LogCaptureFixture
) -> None:
    ehr.router.get(f"{URL}?user=s3cret").respond(content=json.dumps(STYLE), headers={"content-type": "text/html"})
    with caplog.at_level(logging.INFO, "ketamine_pathway"):
        await _learned(styles, f"{URL}?user=s3cret")
    told = [record.getMessage() for record in caplog.records]
    assert told == ["the style document of EHR demo is not used: The EHR's style document is not a JSON object."]
