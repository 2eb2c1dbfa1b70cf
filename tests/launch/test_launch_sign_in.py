"""The user of an open launch signs in at the EHR once more: what is asked, what is believed, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from launch import cookies
from launch.errors import LaunchEnded, LaunchInterrupted, OtherUser, Party, SignInNotOffered, SignInUnproven
from tests.launch.an_app import App, returned, started
from tests.launch.an_ehr import ID_ISSUER, ISSUER, OPENID, PUBLIC_BASE, START, Clock, a_token_reply, an_id_token

pytestmark = pytest.mark.anyio
PLACE = "session/s-1/sign"
NOW = int(START.timestamp())


@pytest.fixture
def announced(app: App) -> dict[str, Any]:
    """The issuer's openid-configuration, to be changed by a test."""
    document: dict[str, Any] = {
        "issuer": ID_ISSUER,
        "claims_supported": ["sub", "auth_time"],
        "prompt_values_supported": ["none", "login"],
    }
    app.ehr.router.get(OPENID).mock(side_effect=lambda _: httpx.Response(200, json=document))
    return document


async def opened(app: App, browser: httpx.AsyncClient) -> str:
    """The id of a launch that is open in this browser."""
    asked = await started(browser, app)
    assert (await browser.get(returned(asked))).status_code == 303
    return app.opened[-1][0].id


async def begun(app: App, browser: httpx.AsyncClient, launch: str) -> dict[str, str]:
    """The request of the EHR, begun in this browser as the pages do."""
    request = await app.desk.begin_sign_in(launch, PLACE)
    name = cookies.start_cookie_name(request.pending.id)
    browser.cookies.set(name, request.browser_secret, domain=httpx.URL(PUBLIC_BASE).host)
    return dict(request.asked)


async def answered(
    app: App, browser: httpx.AsyncClient, asked: dict[str, str], *, reply: dict[str, Any] | None = None, **claims: Any
) -> httpx.Response:
    """What the browser gets when the EHR has asked its user; None among the claims leaves one out."""
    id_token = an_id_token(asked["nonce"], **{"auth_time": NOW, **claims})
    told = a_token_reply(**{"id_token": id_token, "scope": "openid fhirUser", "patient": None, **(reply or {})})
    app.ehr.token.mock(return_value=httpx.Response(200, json=told))
    return await browser.get(returned(asked))


async def test_only_who_the_user_is_is_asked_for(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any]
) -> None:
    launch = await opened(app, browser)
    asked = await begun(app, browser, launch)
    assert asked["scope"] == "openid fhirUser"
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert (asked["aud"], asked["redirect_uri"]) == (ISSUER, f"{PUBLIC_BASE}/callback/demo")
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert "launch" not in asked
    announced["prompt_values_supported"] = ["none"]
    assert "prompt" not in await begun(app, browser, launch), "nothing is sent that is not announced"


async def test_a_sign_in_is_kept_and_leads_back_and_nothing_else_changes(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any], clock: Clock
) -> None:
    launch = await opened(app, browser)
    context, tokens = app.store.contexts[launch], app.store.token_sets[launch]
    asked = await begun(app, browser, launch)
    clock.forward(seconds=40)
    answer = await answered(app, browser, asked, auth_time=NOW + 38)
    assert answer.headers["location"] == f"/l/{launch}/{PLACE}"
    assert app.store.sign_ins[launch] == (clock.now, START + timedelta(seconds=38))
    assert (app.store.contexts[launch], app.store.token_sets[launch]) == (context, tokens)
    assert app.ehr.revoke.call_count == 0, "some EHRs would end the launch's own tokens too"
    assert len(app.opened) == 1
    assert (await browser.get(returned(asked))).status_code == 400, "a state works once"


@pytest.mark.parametrize(
    ("claims", "reply", "error"),
    [
        pytest.param({"sub": "dr-ben"}, {}, OtherUser, id="somebody else"),
        pytest.param({"auth_time": None}, {}, SignInUnproven, id="no time"),
        pytest.param({"auth_time": "soon"}, {}, SignInUnproven, id="a time that is none"),
        pytest.param({"auth_time": True}, {}, SignInUnproven, id="a time that is yes"),
        pytest.param({"auth_time": NOW - 61}, {}, SignInUnproven, id="signed in before we asked"),
        pytest.param({"auth_time": NOW + 61}, {}, SignInUnproven, id="signed in after now"),
        pytest.param({"auth_time": 10**20}, {}, SignInUnproven, id="a time beyond all calendars"),
        pytest.param({}, {"id_token": None}, SignInUnproven, id="no word on the user"),
    ],
)
async def test_what_proves_nothing_is_refused_and_leads_back(
    app: App,
    browser: httpx.AsyncClient,
    announced: dict[str, Any],
    claims: dict[str, Any],
    reply: dict[str, Any],
    error: type[Exception],
) -> None:
    launch = await opened(app, browser)
    context, tokens = app.store.contexts[launch], app.store.token_sets[launch]
    answer = await answered(app, browser, await begun(app, browser, launch), reply=reply, **claims)
    assert answer.status_code == 400
    assert isinstance(app.errors[-1], error)
    assert app.errors[-1].back == f"/l/{launch}/{PLACE}"
    assert app.store.refusals[-1] == ("demo", app.errors[-1].reason, launch)
    assert app.store.sign_ins == {}
    assert (app.store.contexts[launch], app.store.token_sets[launch]) == (context, tokens)


@pytest.mark.parametrize("earlier", [-60, 0, 60])
async def test_clocks_may_differ_by_a_minute(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any], earlier: int
) -> None:
    launch = await opened(app, browser)
    await answered(app, browser, await begun(app, browser, launch), auth_time=NOW + earlier)
    assert launch in app.store.sign_ins


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"claims_supported": ["sub"]}, id="no auth_time"),
        pytest.param({"claims_supported": "auth_time"}, id="no list"),
        pytest.param({"issuer": "https://other.example.org"}, id="another issuer's"),
    ],
)
async def test_an_ehr_that_does_not_announce_it_is_not_asked(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any], document: dict[str, Any]
) -> None:
    launch = await opened(app, browser)
    announced |= document
    with pytest.raises(SignInNotOffered) as refused:
        await app.desk.begin_sign_in(launch, PLACE)
    assert refused.value.party is Party.EHR
    assert "sign_in_again = false" in refused.value.what_to_do
    assert app.store.pending == {}


async def test_the_smart_configuration_may_announce_it_too(app: App, browser: httpx.AsyncClient) -> None:
    launch = await opened(app, browser)
    app.desk.discovery.forget(app.desk.registry.named("demo"))
    app.ehr.router.get(OPENID).mock(return_value=httpx.Response(404))
    app.ehr.document |= {"claims_supported": ["auth_time"]}
    asked = await begun(app, browser, launch)
    assert asked["max_age"] == "0"
    assert "prompt" not in asked


async def test_the_answer_counts_in_the_browser_that_asked_and_has_the_launch_open(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any]
) -> None:
    launch = await opened(app, browser)
    asked = await begun(app, browser, launch)
    async with app.browser() as other:
        await answered(app, other, asked)
        assert isinstance(app.errors[-1], LaunchInterrupted)
        assert app.errors[-1].back == "", "whoever it is learns of no launch"
        await answered(app, other, await begun(app, other, launch))  # the start cookie, and not the launch's
        assert isinstance(app.errors[-1], LaunchEnded)
    assert app.store.sign_ins == {}


async def test_of_a_launch_that_ended_nothing_is_kept(
    app: App, browser: httpx.AsyncClient, announced: dict[str, Any]
) -> None:
    launch = await opened(app, browser)
    asked = await begun(app, browser, launch)
    await app.desk.end_launch(launch)
    await answered(app, browser, asked)
    assert isinstance(app.errors[-1], LaunchEnded)
    with pytest.raises(LaunchEnded):
        await app.desk.begin_sign_in(launch, PLACE)
