"""The client's rules for an open launch, C60 to C70: where tokens go, how they are renewed, and when it is over."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import anyio
import httpcore
import httpx
import pytest

from launch.bearer import SmartAuth
from launch.errors import EhrUnreachable, ForeignAddress, LaunchEnded, RegistrationInvalid
from launch.exchange import EhrClients, exchange
from launch.live_tokens import RENEWAL_LIMIT
from launch.scopes import Scopes
from launch.transport import Transports
from tests.launch.an_app import App, an_app, returned, started
from tests.launch.an_ehr import ISSUER, Clock, Ehr, a_registry, a_token_reply
from tests.ways_out import somewhere

pytestmark = pytest.mark.anyio
PATIENT = f"{ISSUER}/Patient/pat-1"


async def an_open_launch(app: App) -> str:
    async with app.browser() as browser:
        assert (await browser.get(returned(await started(browser, app)))).status_code == 303
    return app.opened[-1][0].id


async def ask(app: App, launch_id: str, url: str = PATIENT) -> httpx.Response:
    auth = SmartAuth(fhir_base=ISSUER, launch_id=launch_id, tokens=app.desk.tokens)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, auth=auth)


class Renewing:
    """A token endpoint that counts on: each refresh token is good once."""

    def __init__(self) -> None:
        self.spent: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.spent.append(parse_qs(request.content.decode())["refresh_token"][0])
        await anyio.sleep(0.01)
        number = len(self.spent) + 1
        reply = a_token_reply(access_token=f"ACCESS-secret-{number}", refresh_token=f"REFRESH-secret-{number}")
        return httpx.Response(200, json=reply)


async def test_c60_a_request_bears_the_token_in_its_header_alone(app: App) -> None:
    launch_id = await an_open_launch(app)
    route = app.ehr.router.get(PATIENT).mock(return_value=httpx.Response(200))
    await ask(app, launch_id)
    assert route.calls.last.request.headers["authorization"] == "Bearer ACCESS-secret-1"
    assert "ACCESS" not in str(route.calls.last.request.url)


async def test_c60_a_server_has_to_prove_its_name_by_tls_1_2_or_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[ssl.SSLContext, str | None]] = []

    class Line(httpcore.AsyncNetworkStream):
        async def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: Any = None, **_more: Any) -> Any:
            asked.append((ssl_context, server_hostname))
            raise httpcore.ConnectError

        async def aclose(self) -> None: ...

    async def connect(*_given: Any, **_named: Any) -> Line:
        return Line()

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    clients = EhrClients(Transports(resolve=resolve))
    with pytest.raises(EhrUnreachable):
        await exchange(clients.of(somewhere()), "GET", PATIENT, ehr="demo")
    await clients.aclose()
    ((context, name),) = asked
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname, name) == (ssl.CERT_REQUIRED, True, "ehr.example.org")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/fhir/Patient/1",
        f"{ISSUER}-evil/Patient/1",
        f"{ISSUER}/../admin",
        "http://ehr.example.org/fhir",
    ],
)
async def test_c61_a_reference_to_elsewhere_gets_no_request(app: App, url: str) -> None:
    launch_id, before = await an_open_launch(app), len(app.ehr.requests)
    with pytest.raises(ForeignAddress):
        await ask(app, launch_id, url)
    assert len(app.ehr.requests) == before


async def test_c62_l12_the_browser_gets_a_random_word_and_no_token(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    done = await browser.get(returned(asked))
    ((context, tokens),) = app.opened
    handed = "\n".join([*done.headers.get_list("set-cookie"), done.headers["location"], done.text])
    pending_or_granted = (tokens.access_token, tokens.refresh_token, context.patient, "dr-ada", "CODE-secret")
    assert not [word for word in pending_or_granted if word and word in handed]
    assert all("HttpOnly" in line and "Secure" in line for line in done.headers.get_list("set-cookie"))


async def test_c63_l13_no_refresh_token_is_ever_sent_twice_whoever_asks(
    app: App, clients: EhrClients, ehr: Ehr, clock: Clock
) -> None:
    """Four processes over one store, five requests in each, through three lives of a token."""
    launch_id, renewing = await an_open_launch(app), Renewing()
    processes = [app, *(an_app(clients, ehr, clock, store=app.store) for _ in range(3))]
    ehr.token.mock(side_effect=renewing)
    seen: set[str] = set()

    async def use(one: App) -> None:
        seen.add((await one.desk.tokens.current(launch_id)).access_token)

    for life in range(3):
        clock.forward(hours=2)
        async with anyio.create_task_group() as group:
            for _ in range(5):
                for one in processes:
                    group.start_soon(use, one)
        assert seen == {f"ACCESS-secret-{number}" for number in range(2, life + 3)}
    assert renewing.spent == ["REFRESH-secret-1", "REFRESH-secret-2", "REFRESH-secret-3"]


async def test_c63_the_new_refresh_token_is_kept_before_the_new_access_token_is_used(app: App, clock: Clock) -> None:
    launch_id = await an_open_launch(app)
    app.ehr.token.mock(side_effect=Renewing())
    kept_at_use: list[str | None] = []

    def patient(request: httpx.Request) -> httpx.Response:
        held = app.store.tokens(launch_id)
        assert held is not None
        assert request.headers["authorization"] == f"Bearer {held.access_token}"
        kept_at_use.append(held.refresh_token)
        return httpx.Response(200)

    app.ehr.router.get(PATIENT).mock(side_effect=patient)
    clock.forward(hours=1)
    await ask(app, launch_id)
    assert kept_at_use == ["REFRESH-secret-2"]


async def test_l13_a_process_killed_before_it_kept_the_reply_costs_the_sign_in_and_nothing_else(
    app: App, clock: Clock
) -> None:
    launch_id = await an_open_launch(app)
    assert app.store.claim_renewal(launch_id, version=1, now=clock(), until=clock() + RENEWAL_LIMIT)
    app.ehr.token.mock(return_value=httpx.Response(400, json={"error": "invalid_grant"}))  # it saw the token before
    before = app.ehr.token.call_count
    clock.forward(hours=1)
    for _ in range(3):
        with pytest.raises(LaunchEnded):
            await app.desk.tokens.current(launch_id)
    assert app.ehr.token.call_count == before + 1, "a dead refresh token is not tried again"
    assert app.store.find(launch_id) is not None, "what was entered stays within reach"


async def test_c63_a_refresh_asks_for_no_more_than_was_granted(app: App, clock: Clock) -> None:
    launch_id = await an_open_launch(app)
    app.ehr.token.mock(side_effect=Renewing())
    clock.forward(hours=1)
    await app.desk.tokens.current(launch_id)
    form = parse_qs(app.ehr.token.calls.last.request.content.decode())
    assert form.keys() == {"grant_type", "refresh_token", "client_assertion_type", "client_assertion"}


async def test_c64_a_401_is_answered_with_one_refresh_and_one_retry_then_with_a_new_start(app: App) -> None:
    launch_id = await an_open_launch(app)
    renewing = Renewing()
    app.ehr.token.mock(side_effect=renewing)
    route = app.ehr.router.get(PATIENT).mock(side_effect=[httpx.Response(401), httpx.Response(200)])
    assert (await ask(app, launch_id)).status_code == 200
    assert (route.call_count, len(renewing.spent)) == (2, 1)
    route.mock(side_effect=None, return_value=httpx.Response(401))
    assert (await ask(app, launch_id)).status_code == 401
    assert (route.call_count, len(renewing.spent)) == (4, 2)
    app.ehr.token.mock(side_effect=None, return_value=httpx.Response(400, json={"error": "invalid_grant"}))
    with pytest.raises(LaunchEnded) as caught:
        await ask(app, launch_id)
    assert "from the chart" in f"{caught.value} {caught.value.what_to_do}"
    assert app.store.find(launch_id) is not None, "what was entered stays within reach"


async def test_c65_a_refresh_cannot_change_the_patient(app: App, clock: Clock) -> None:
    launch_id = await an_open_launch(app)
    held = app.store.tokens(launch_id)
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(patient="pat-2")))
    clock.forward(hours=1)
    with pytest.raises(Exception, match="another patient"):
        await app.desk.tokens.current(launch_id)
    assert app.store.tokens(launch_id) == held
    context = app.store.find(launch_id)
    assert context is not None
    assert context.patient == "pat-1"


async def test_c66_tokens_of_two_launches_never_stand_in_for_each_other(app: App, clock: Clock) -> None:
    first, second = await an_open_launch(app), await an_open_launch(app)
    app.store.token_sets[second] = replace(app.store.token_sets[second], access_token="SECOND")
    route = app.ehr.router.get(PATIENT).mock(return_value=httpx.Response(200))
    for launch_id, token in ((first, "ACCESS-secret-1"), (second, "SECOND"), (first, "ACCESS-secret-1")):
        await ask(app, launch_id)
        assert route.calls.last.request.headers["authorization"] == f"Bearer {token}"
    await app.desk.end_launch(first)
    assert (await app.desk.tokens.current(second)).access_token == "SECOND"


@pytest.mark.parametrize("offered", [True, False], ids=["revoked there too", "no place to revoke"])
async def test_c67_leaving_drops_the_tokens_whatever_the_ehr_offers(app: App, *, offered: bool) -> None:
    if not offered:
        del app.ehr.document["revocation_endpoint"]
    launch_id = await an_open_launch(app)
    assert await app.desk.end_launch(launch_id) is offered
    assert app.ehr.revoke.called is offered
    assert app.store.tokens(launch_id) is None
    with pytest.raises(LaunchEnded):
        await ask(app, launch_id)


async def test_c70_nothing_is_asked_for_or_read_without_a_user(app: App) -> None:
    with pytest.raises(RegistrationInvalid, match="system/, which is not for an app that a clinician starts"):
        a_registry(scopes=["launch", "patient/Patient.rs", "system/Patient.rs"])
    await an_open_launch(app)
    grants = [parse_qs(each.content.decode()).get("grant_type") for each in app.ehr.requests if each.method == "POST"]
    assert grants == [["authorization_code"]]
    assert not Scopes.parse("system/*.cruds").allows("Patient", "r")
