"""Tokens are fetched once, refreshed once for all, stored before use, and never spent twice."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import httpx
import pytest
from joserfc import jwt

from launch.context import TokenSet
from launch.discovery import Discovery
from launch.errors import (
    AuthorizationRefused,
    ConsentRefused,
    EhrBusy,
    EhrUnreachable,
    LaunchEnded,
    LaunchError,
    TokenRefused,
    TokenReplyInvalid,
)
from launch.exchange import EhrClients
from launch.live_tokens import RENEWAL_LIMIT, LiveTokens
from launch.token_reply import TokenReply
from launch.tokens import TokenEndpoint
from tests.fakes_launch import MemoryLaunchStore
from tests.launch.an_ehr import (
    APP_KEY,
    PUBLIC_BASE,
    START,
    TOKEN_URL,
    Clock,
    Ehr,
    a_configuration,
    a_context,
    a_key_ring,
    a_registration,
    a_registry,
    a_token_reply,
    a_token_set,
)

pytestmark = pytest.mark.anyio
NOW = int(START.timestamp())


@pytest.fixture
def endpoint(clients: EhrClients, clock: Clock) -> TokenEndpoint:
    return TokenEndpoint(clients=clients, keys=a_key_ring(), clock=clock)


@pytest.fixture
def live(clients: EhrClients, endpoint: TokenEndpoint, store: MemoryLaunchStore, clock: Clock) -> LiveTokens:
    store.complete(a_context(), a_token_set(), "digest")
    return LiveTokens(
        registry=a_registry(),
        discovery=Discovery(clients=clients, clock=clock),
        endpoint=endpoint,
        store=store,
        clock=clock,
    )


def form_of(request: httpx.Request) -> dict[str, str]:
    fields = parse_qs(request.content.decode(), strict_parsing=True, keep_blank_values=True)
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


async def redeem(endpoint: TokenEndpoint, **registration: Any) -> TokenReply:
    held = a_registration(**registration)
    return await endpoint.redeem(
        held,
        a_configuration(held),
        code="CODE-secret",
        redirect_uri=f"{PUBLIC_BASE}/callback/demo",
        verifier="VERIFIER-secret",
    )


async def test_c33_a_code_is_sent_with_its_verifier_and_our_assertion(ehr: Ehr, endpoint: TokenEndpoint) -> None:
    reply = await redeem(endpoint)
    assert reply.patient == "pat-1"
    request = ehr.requests[-1]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/json"
    assert request.url.query == b""
    form = form_of(request)
    assertion = form.pop("client_assertion")
    assert jwt.decode(assertion, APP_KEY.key, algorithms=["ES384"]).claims["aud"] == TOKEN_URL
    assert form == {
        "grant_type": "authorization_code",
        "code": "CODE-secret",
        "redirect_uri": f"{PUBLIC_BASE}/callback/demo",
        "code_verifier": "VERIFIER-secret",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


def fault(status: int, **document: Any) -> httpx.Response:
    return httpx.Response(status, json=document)


REFUSED: list[tuple[str, httpx.Response, type[LaunchError], str | None]] = [
    ("spent code", fault(400, error="invalid_grant"), TokenRefused, "invalid_grant"),
    ("an error called 200", fault(200, error="invalid_grant"), TokenRefused, "invalid_grant"),
    ("our key refused", fault(401, error="invalid_client"), AuthorizationRefused, "invalid_client"),
    ("scope refused", fault(400, error="invalid_scope"), AuthorizationRefused, "invalid_scope"),
    ("consent refused", fault(403, error="access_denied"), ConsentRefused, "access_denied"),
    ("a made-up error", fault(400, error="CODE-secret"), TokenRefused, None),
    ("an error that is no text", fault(400, error={"a": 1}), TokenRefused, None),
    ("a 400 without error", fault(400, access_token="x", token_type="Bearer"), TokenRefused, None),
    ("a 201", fault(201, **a_token_reply()), TokenRefused, None),
    ("a 404 page", httpx.Response(404, html="<p>CODE-secret</p>"), TokenRefused, None),
    ("a 500", httpx.Response(500, text="CODE-secret"), EhrUnreachable, None),
    ("a 503", fault(503, **a_token_reply()), EhrUnreachable, None),
    ("too many requests", httpx.Response(429), EhrBusy, None),
    ("busy for a while", httpx.Response(503, headers={"retry-after": "9"}), EhrBusy, None),
    ("a sign-in page", httpx.Response(200, html="<form>"), TokenReplyInvalid, None),
    ("nothing", httpx.Response(200), TokenReplyInvalid, None),
    (
        "JSON cut short",
        httpx.Response(200, content=b'{"a":', headers={"content-type": "application/json"}),
        TokenReplyInvalid,
        None,
    ),
    ("no access token", fault(200, **a_token_reply(access_token=None)), TokenReplyInvalid, None),
    ("a redirect", httpx.Response(302, headers={"location": TOKEN_URL}), TokenReplyInvalid, None),
    (
        "a redirect with tokens",
        httpx.Response(307, headers={"location": "/x"}, json=a_token_reply()),
        TokenReplyInvalid,
        None,
    ),
    ("far too much", httpx.Response(200, json=a_token_reply(x="y" * 300_000)), TokenReplyInvalid, None),
]


@pytest.mark.parametrize(
    ("answer", "error", "code"), [row[1:] for row in REFUSED], ids=[row[0].replace(" ", "-") for row in REFUSED]
)
async def test_a_refusal_is_named_without_any_secret(
    ehr: Ehr, endpoint: TokenEndpoint, answer: httpx.Response, error: type[LaunchError], code: str | None
) -> None:
    ehr.token.mock(return_value=answer)
    with pytest.raises(error) as caught:
        await redeem(endpoint)
    assert type(caught.value) is error
    assert (caught.value.oauth_code, caught.value.ehr) == (code, "demo")
    assert "secret" not in f"{caught.value!s}{caught.value!r}"
    assert ehr.token.call_count == 1


async def test_a_slow_token_endpoint_gets_ten_seconds(ehr: Ehr, endpoint: TokenEndpoint) -> None:
    await redeem(endpoint)
    assert set(ehr.requests[-1].extensions["timeout"].values()) == {10.0}


async def test_an_ehr_that_hangs_up_is_unreachable(ehr: Ehr, endpoint: TokenEndpoint) -> None:
    ehr.token.mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(EhrUnreachable):
        await redeem(endpoint)


async def test_the_end_is_kept_in_whole_seconds_and_the_scope_as_granted(endpoint: TokenEndpoint, ehr: Ehr) -> None:
    ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(expires_in="300", scope="launch")))
    held = endpoint.as_token_set(await redeem(endpoint), asked="asked")
    assert (held.expires_at, held.scope, held.version) == (NOW + 300, "launch", 1)
    ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(expires_in=None, scope=None)))
    held = endpoint.as_token_set(await redeem(endpoint), asked="asked")
    assert (held.expires_at, held.scope) == (None, "asked")


@pytest.mark.parametrize(
    ("tokens", "sent", "hint"),
    [
        (a_token_set(), "REFRESH-secret-1", "refresh_token"),
        (a_token_set(refresh_token=None), "ACCESS-secret-1", "access_token"),
    ],
    ids=["the refresh token takes all with it", "only an access token"],
)
async def test_c36_tokens_are_revoked_by_us_as_ourselves(
    ehr: Ehr, endpoint: TokenEndpoint, tokens: TokenSet, sent: str, hint: str
) -> None:
    assert await endpoint.revoke(a_registration(), a_configuration(), tokens)
    form = form_of(ehr.requests[-1])
    assert (form["token"], form["token_type_hint"]) == (sent, hint)
    assertion = jwt.decode(form["client_assertion"], APP_KEY.key, algorithms=["ES384"])
    assert assertion.claims["aud"] == TOKEN_URL, "SMART knows no other audience, wherever it is sent"


async def test_an_ehr_that_cannot_revoke_does_not_stop_anyone_from_leaving(ehr: Ehr, endpoint: TokenEndpoint) -> None:
    without = a_configuration(revocation_endpoint=None)
    assert not await endpoint.revoke(a_registration(), without, a_token_set())
    ehr.revoke.mock(return_value=httpx.Response(503))
    assert not await endpoint.revoke(a_registration(), a_configuration(), a_token_set())
    ehr.revoke.mock(side_effect=httpx.ConnectError("no"))
    assert not await endpoint.revoke(a_registration(), a_configuration(), a_token_set())


async def test_a_live_token_is_used_as_it_is(ehr: Ehr, live: LiveTokens, clock: Clock) -> None:
    clock.forward(seconds=3600 - 30)
    assert await live.current("launch-1") == a_token_set()
    assert ehr.requests == []


async def test_a_token_of_unknown_life_is_used_until_it_fails(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    store.token_sets["launch-1"] = a_token_set(expires_at=None)
    clock.forward(hours=9)
    assert (await live.current("launch-1")).version == 1
    assert ehr.requests == []


async def test_c36_c63_an_old_token_is_refreshed_and_stored_first(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    reply = a_token_reply(access_token="ACCESS-2", refresh_token="REFRESH-2", scope="patient/*.rs", patient=None)
    ehr.token.mock(return_value=httpx.Response(200, json=reply))
    clock.forward(seconds=3600 - 29)
    fresh = await live.current("launch-1")
    assert (fresh.access_token, fresh.refresh_token, fresh.version) == ("ACCESS-2", "REFRESH-2", 2)
    assert fresh.scope == "patient/*.rs"
    assert store.token_sets["launch-1"] == fresh
    form = form_of(ehr.token.calls.last.request)
    assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "REFRESH-secret-1")
    assert form["client_assertion"]


async def test_a_refresh_token_is_kept_when_no_new_one_comes(ehr: Ehr, live: LiveTokens) -> None:
    ehr.token.mock(
        return_value=httpx.Response(200, json={"access_token": "A2", "token_type": "Bearer", "expires_in": 60})
    )
    fresh = await live.renewed("launch-1", stale=a_token_set())
    assert (fresh.refresh_token, fresh.scope) == ("REFRESH-secret-1", "patient/Patient.rs")


async def test_c63_twenty_requests_with_an_old_token_refresh_once(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    async def slowly(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep(0.02)
        return httpx.Response(200, json=a_token_reply(access_token="ACCESS-2", refresh_token="REFRESH-2"))

    ehr.token.mock(side_effect=slowly)
    clock.forward(hours=2)
    seen: list[str] = []

    async def ask() -> None:
        seen.append((await live.current("launch-1")).access_token)

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
    assert ehr.token.call_count == 1
    assert seen == ["ACCESS-2"] * 20
    assert store.token_sets["launch-1"].version == 2


async def test_a_token_that_somebody_refreshed_already_is_not_refreshed_again(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore
) -> None:
    store.token_sets["launch-1"] = a_token_set(access_token="ACCESS-2", version=2)
    assert (await live.renewed("launch-1", stale=a_token_set())).access_token == "ACCESS-2"
    assert ehr.requests == []


@pytest.mark.parametrize("status", [200, 400], ids=["both got tokens", "the second was refused"])
async def test_when_another_process_was_first_its_tokens_count(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, status: int
) -> None:
    def overtaken(_request: httpx.Request) -> httpx.Response:
        store.token_sets["launch-1"] = a_token_set(access_token="THEIRS", version=2)
        document = a_token_reply(access_token="OURS") if status == 200 else {"error": "invalid_grant"}
        return httpx.Response(status, json=document)

    ehr.token.mock(side_effect=overtaken)
    assert (await live.renewed("launch-1", stale=a_token_set())).access_token == "THEIRS"
    assert store.token_sets["launch-1"].access_token == "THEIRS"


async def test_c63_a_spent_refresh_token_is_tried_once_only(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    ehr.token.mock(return_value=fault(400, error="invalid_grant"))
    clock.forward(hours=2)
    for _ in range(3):
        with pytest.raises(LaunchEnded, match="The session with the EHR has ended"):
            await live.current("launch-1")
    assert ehr.token.call_count == 1
    assert store.find("launch-1") is not None  # the unsaved session stays reachable


async def test_a_busy_ehr_costs_no_refresh_token(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    ehr.token.mock(return_value=httpx.Response(503))
    clock.forward(hours=2)
    with pytest.raises(EhrUnreachable):
        await live.current("launch-1")
    ehr.token.mock(return_value=fault(400))
    with pytest.raises(TokenRefused):
        await live.current("launch-1")
    assert store.token_sets["launch-1"] == a_token_set()


@pytest.mark.parametrize(("seconds", "alive"), [(3599, True), (3600, False)])
async def test_without_refresh_token_a_launch_lasts_to_its_last_second(
    live: LiveTokens, store: MemoryLaunchStore, clock: Clock, seconds: int, alive: bool
) -> None:
    store.token_sets["launch-1"] = a_token_set(refresh_token=None)
    clock.forward(seconds=seconds)
    if alive:
        assert (await live.current("launch-1")).version == 1
    else:
        with pytest.raises(LaunchEnded):
            await live.current("launch-1")


async def test_c65_tokens_for_another_patient_are_not_kept(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore
) -> None:
    ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(patient="pat-2")))
    with pytest.raises(TokenReplyInvalid, match="another patient"):
        await live.renewed("launch-1", stale=a_token_set())
    assert store.token_sets["launch-1"] == a_token_set()


async def test_an_ended_launch_has_no_tokens(live: LiveTokens, store: MemoryLaunchStore) -> None:
    with pytest.raises(LaunchEnded):
        await live.current("never-was")
    store.contexts.clear()
    with pytest.raises(LaunchEnded):
        await live.renewed("launch-1", stale=a_token_set())


async def test_a_launch_ended_during_its_refresh_stays_ended(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore
) -> None:
    def ended(_request: httpx.Request) -> httpx.Response:
        store.end("launch-1")
        return httpx.Response(200, json=a_token_reply())

    ehr.token.mock(side_effect=ended)
    with pytest.raises(LaunchEnded):
        await live.renewed("launch-1", stale=a_token_set())
    assert store.tokens("launch-1") is None


async def test_a_store_that_contradicts_itself_ends_in_words_not_in_a_loop(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "replace_tokens", lambda *_: False)
    with pytest.raises(LaunchEnded):
        await live.renewed("launch-1", stale=a_token_set())
    assert ehr.token.call_count == 1


async def test_a_cancelled_request_does_not_lose_the_new_refresh_token(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore
) -> None:
    with anyio.CancelScope() as request_of_ours:

        async def meanwhile(_request: httpx.Request) -> httpx.Response:
            request_of_ours.cancel()
            await anyio.lowlevel.checkpoint()
            return httpx.Response(200, json=a_token_reply(refresh_token="REFRESH-2"))

        ehr.token.mock(side_effect=meanwhile)
        await live.renewed("launch-1", stale=a_token_set())
    assert request_of_ours.cancel_called
    assert store.token_sets["launch-1"].refresh_token == "REFRESH-2"


async def test_the_store_is_never_reached_from_the_event_loop(
    live: LiveTokens, store: MemoryLaunchStore, monkeypatch: pytest.MonkeyPatch, ehr: Ehr
) -> None:
    home, seen = threading.get_ident(), set()
    for name in ("tokens", "find", "replace_tokens"):
        real = getattr(store, name)

        def spied(*given: Any, _real: Any = real) -> Any:
            seen.add(threading.get_ident())
            return _real(*given)

        monkeypatch.setattr(store, name, spied)
    await live.renewed("launch-1", stale=a_token_set())
    assert seen
    assert home not in seen


def another_process(
    clients: EhrClients, store: MemoryLaunchStore, clock: Clock, *, time_passes: bool = False
) -> LiveTokens:
    """The same store, and nothing else in common. Its waiting moves the clock, or nothing."""

    async def wait(seconds: float) -> None:
        clock.forward(seconds=seconds if time_passes else 0)
        await anyio.lowlevel.checkpoint()

    return LiveTokens(
        registry=a_registry(),
        discovery=Discovery(clients=clients, clock=clock),
        endpoint=TokenEndpoint(clients=clients, keys=a_key_ring(), clock=clock),
        store=store,
        clock=clock,
        sleep=wait,
    )


async def test_c63_of_several_processes_one_refreshes(
    ehr: Ehr, live: LiveTokens, clients: EhrClients, store: MemoryLaunchStore, clock: Clock
) -> None:
    held = store.token_sets["launch-1"]
    others = [another_process(clients, store, clock) for _ in range(5)]
    gate = anyio.Event()

    async def answer(_request: httpx.Request) -> httpx.Response:
        await gate.wait()
        fresh = a_token_reply(access_token="ACCESS-secret-2", refresh_token="REFRESH-secret-2")
        return httpx.Response(200, json=fresh)

    ehr.token.mock(side_effect=answer)
    got: list[str] = []

    async def ask(one: LiveTokens) -> None:
        got.append((await one.renewed("launch-1", stale=held)).access_token)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, live)
        await anyio.wait_all_tasks_blocked()
        for one in others:
            tasks.start_soon(ask, one)
        for _ in range(50):
            await anyio.sleep(0.002)
        gate.set()
    assert ehr.token.call_count == 1
    assert got == ["ACCESS-secret-2"] * 6


async def test_a_process_that_died_at_the_token_endpoint_holds_the_others_up_for_half_a_minute(
    ehr: Ehr, live: LiveTokens, clients: EhrClients, store: MemoryLaunchStore, clock: Clock
) -> None:
    held = store.token_sets["launch-1"]
    began = clock()
    assert store.claim_renewal("launch-1", version=1, now=began, until=began + RENEWAL_LIMIT)
    await another_process(clients, store, clock, time_passes=True).renewed("launch-1", stale=held)
    assert clock() >= began + RENEWAL_LIMIT
    assert ehr.token.call_count == 1


async def test_after_a_failed_refresh_the_next_may_try_at_once(
    ehr: Ehr, live: LiveTokens, store: MemoryLaunchStore, clock: Clock
) -> None:
    held = store.token_sets["launch-1"]
    ehr.token.mock(side_effect=[httpx.ConnectError("no"), httpx.Response(200, json=a_token_reply())])
    with pytest.raises(EhrUnreachable):
        await live.renewed("launch-1", stale=held)
    assert (await live.renewed("launch-1", stale=held)).version == 2
    assert clock() == START
