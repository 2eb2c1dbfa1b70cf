"""What an EHR says of itself is checked, kept for a while, and asked for once."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest

from launch.discovery import Discovery, check_launch_kind
from launch.errors import DiscoveryFailed, EhrUnreachable, EndpointNotPinned, LaunchError
from launch.exchange import EhrClients
from tests.launch.an_ehr import (
    ORIGIN,
    TOKEN_URL,
    Clock,
    Ehr,
    a_configuration,
    a_document,
    a_registration,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def discovery(clients: EhrClients, clock: Clock) -> Discovery:
    return Discovery(clients=clients, clock=clock)


async def test_c12_the_document_is_asked_for_as_json_at_the_fhir_base(ehr: Ehr, discovery: Discovery) -> None:
    found = await discovery.find(a_registration())
    assert found.token_endpoint == TOKEN_URL
    request = ehr.requests[0]
    assert str(request.url) == f"{ORIGIN}/fhir/.well-known/smart-configuration"
    assert request.headers["accept"] == "application/json"
    assert "authorization" not in request.headers


REFUSED: list[tuple[str, dict[str, Any], type[LaunchError]]] = [
    ("no authorize address", {"authorization_endpoint": None}, DiscoveryFailed),
    ("no token address", {"token_endpoint": ""}, DiscoveryFailed),
    ("a token address that is a number", {"token_endpoint": 7}, DiscoveryFailed),
    ("a token address elsewhere", {"token_endpoint": "https://evil.test/token"}, EndpointNotPinned),
    ("a token address at a look-alike", {"token_endpoint": f"{ORIGIN}.evil.test/token"}, EndpointNotPinned),
    ("a token address at a user", {"token_endpoint": f"{ORIGIN}@evil.test/token"}, EndpointNotPinned),
    ("a token address on another port", {"token_endpoint": f"{ORIGIN}:8443/token"}, EndpointNotPinned),
    ("a token address without TLS", {"token_endpoint": "http://ehr.example.org/token"}, EndpointNotPinned),
    ("a damaged token address", {"token_endpoint": "https://[::1/token"}, EndpointNotPinned),
    ("an authorize address elsewhere", {"authorization_endpoint": "//evil.test/a"}, EndpointNotPinned),
    ("a script as authorize address", {"authorization_endpoint": "javascript:alert(1)"}, EndpointNotPinned),
    ("keys elsewhere", {"jwks_uri": "https://evil.test/jwks"}, EndpointNotPinned),
    ("a revocation address elsewhere", {"revocation_endpoint": "https://evil.test/r"}, EndpointNotPinned),
    ("plain PKCE only", {"code_challenge_methods_supported": ["plain"]}, DiscoveryFailed),
    ("an empty PKCE list", {"code_challenge_methods_supported": []}, DiscoveryFailed),
    ("no PKCE list", {"code_challenge_methods_supported": None}, DiscoveryFailed),
    ("PKCE as a text", {"code_challenge_methods_supported": "S256"}, DiscoveryFailed),
    (
        "no way for our kind of client",
        {"capabilities": ["launch-ehr"], "token_endpoint_auth_methods_supported": ["client_secret_post"]},
        DiscoveryFailed,
    ),
]


@pytest.mark.parametrize(
    ("change", "error"), [row[1:] for row in REFUSED], ids=[row[0].replace(" ", "-") for row in REFUSED]
)
def test_c14_a_document_that_cannot_be_trusted_is_refused(change: dict[str, Any], error: type[LaunchError]) -> None:
    with pytest.raises(error) as caught:
        a_configuration(**change)
    assert caught.value.ehr == "demo"


def test_c12_relative_addresses_belong_to_the_fhir_base() -> None:
    found = a_configuration(token_endpoint="auth/token", authorization_endpoint="/oauth/authorize")
    assert found.token_endpoint == f"{ORIGIN}/fhir/auth/token"
    assert found.authorization_endpoint == f"{ORIGIN}/oauth/authorize"


def test_an_old_ehr_may_be_silent_about_pkce_when_it_is_registered_so() -> None:
    silent = {"code_challenge_methods_supported": None, "capabilities": None}
    registration = a_registration(smart_v1=True)
    check_launch_kind(a_configuration(registration, **silent), registration, standalone=True)


def test_the_auth_methods_list_speaks_too_when_capabilities_are_silent() -> None:
    a_configuration(capabilities=["launch-ehr"])
    a_configuration(a_registration(auth="public"), capabilities=[], token_endpoint_auth_methods_supported=["none"])


def test_the_registration_s_own_endpoint_goes_first() -> None:
    registration = a_registration(token_endpoint=f"{ORIGIN}/v2/token")
    found = a_configuration(registration, token_endpoint="https://evil.test/token")
    assert found.token_endpoint == f"{ORIGIN}/v2/token"


@pytest.mark.parametrize(("capability", "standalone"), [("launch-ehr", False), ("launch-standalone", True)])
def test_a_way_of_starting_that_is_not_offered_is_refused(capability: str, standalone: bool) -> None:
    registration = a_registration()
    check_launch_kind(a_configuration(capabilities=[capability]), registration, standalone=standalone)
    with pytest.raises(DiscoveryFailed):
        check_launch_kind(a_configuration(capabilities=[]), registration, standalone=standalone)


BAD_ANSWERS = {
    "404": httpx.Response(404, json=a_document()),
    "500": httpx.Response(500, text="oops"),
    "a page": httpx.Response(200, html="<html>Sign in</html>"),
    "JSON that is called a text": httpx.Response(200, text="{}"),
    "a list": httpx.Response(200, json=[]),
    "half a document": httpx.Response(
        200, content=b'{"token_endpoint": "x', headers={"content-type": "application/json"}
    ),
    "a redirect": httpx.Response(302, headers={"location": "https://evil.test/"}),
    "a redirect on the same host": httpx.Response(307, headers={"location": "/x"}, json=a_document()),
    "far too much": httpx.Response(200, json={**a_document(), "x": "y" * 300_000}),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_c13_a_bad_answer_is_an_error_and_is_not_kept(
    ehr: Ehr, discovery: Discovery, answer: httpx.Response
) -> None:
    usual = ehr.well_known.side_effect
    ehr.well_known.mock(return_value=answer, side_effect=None)
    with pytest.raises(DiscoveryFailed):
        await discovery.find(a_registration())
    ehr.well_known.mock(side_effect=usual)
    assert (await discovery.find(a_registration())).token_endpoint == TOKEN_URL
    assert {request.url.host for request in ehr.requests} == {"ehr.example.org"}


@pytest.mark.parametrize("fault", [httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.ConnectTimeout("slow")])
async def test_an_ehr_that_does_not_answer_is_said_to_be_away(
    ehr: Ehr, discovery: Discovery, fault: Exception
) -> None:
    ehr.well_known.mock(side_effect=fault)
    with pytest.raises(EhrUnreachable):
        await discovery.find(a_registration())


KEPT = [
    ("max-age=60", 59, 1),
    ("max-age=60", 61, 2),
    ("public, max-age=86400", 3599, 1),
    ("public, max-age=86400", 3601, 2),
    ("no-store", 1, 2),
    ("no-cache, max-age=600", 1, 2),
    ("s-maxage=9", 299, 1),
    ("", 299, 1),
    ("", 301, 2),
]


@pytest.mark.parametrize(("cache_control", "seconds", "asked"), KEPT)
async def test_c13_it_is_kept_as_long_as_the_ehr_says_and_at_most_an_hour(
    ehr: Ehr, discovery: Discovery, clock: Clock, cache_control: str, seconds: int, asked: int
) -> None:
    answer = httpx.Response(200, json=a_document(), headers={"cache-control": cache_control})
    ehr.well_known.mock(return_value=answer, side_effect=None)
    await discovery.find(a_registration())
    clock.forward(seconds=seconds)
    await discovery.find(a_registration())
    assert ehr.well_known.call_count == asked


async def test_what_proved_wrong_is_forgotten(ehr: Ehr, discovery: Discovery) -> None:
    await discovery.find(a_registration())
    discovery.forget(a_registration())
    await discovery.find(a_registration())
    assert ehr.well_known.call_count == 2


async def test_c13_twenty_launches_at_once_ask_once(ehr: Ehr, discovery: Discovery) -> None:
    async def slowly(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return httpx.Response(200, json=a_document())

    ehr.well_known.mock(side_effect=slowly)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(discovery.find, a_registration())
    assert ehr.well_known.call_count == 1


async def test_those_who_waited_share_the_failure(ehr: Ehr, discovery: Discovery) -> None:
    async def slowly(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return httpx.Response(500)

    failures: list[str] = []

    async def ask() -> None:
        try:
            await discovery.find(a_registration())
        except DiscoveryFailed as error:
            failures.append(error.message)

    ehr.well_known.mock(side_effect=slowly)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert (len(failures), ehr.well_known.call_count) == (5, 1)


async def test_a_launch_that_went_away_does_not_strand_the_others(ehr: Ehr, discovery: Discovery) -> None:
    asked, waiting = anyio.Event(), anyio.Event()
    found: list[str] = []
    requests: list[httpx.Request] = []

    async def slowly(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        asked.set()
        await waiting.wait()
        return httpx.Response(200, json=a_document())

    async def go_away_while_asking(scope: anyio.CancelScope) -> None:
        with scope:
            await discovery.find(a_registration())

    async def wait_for_it() -> None:
        found.append((await discovery.find(a_registration())).token_endpoint)

    ehr.well_known.mock(side_effect=slowly)
    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(go_away_while_asking, scope)
        await asked.wait()
        group.start_soon(wait_for_it)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        waiting.set()
    assert (found, len(requests)) == ([TOKEN_URL], 2)
