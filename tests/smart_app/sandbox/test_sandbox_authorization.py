"""What the sandbox demands of an authorization request (SMART App Launch 2.2), in the frame and standalone."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.smart_app.sandbox.an_app import EHR, EVERYTHING, FHIR, REDIRECT, AnApp, answered

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_callback_names_the_issuer_and_repeats_the_state(app: AnApp, method: str) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        params = app.request(launch=await app.launch_value(browser, "ada-1"))
        sent = {"params": params} if method == "GET" else {"data": params}
        reply = await browser.request(method, "/oauth/authorize", **sent)
    assert reply.status_code == 303
    assert answered(reply)["iss"] == EHR
    assert answered(reply)["state"] == params["state"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit flow"),
        pytest.param({"code_challenge": None}, "invalid_request", id="no code_challenge"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="a challenge that is no SHA-256"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain PKCE"),
        pytest.param({"code_challenge_method": None}, "invalid_request", id="no challenge method"),
        pytest.param({"aud": f"{FHIR}/"}, "invalid_request", id="aud with a trailing slash"),
        pytest.param({"aud": None}, "invalid_request", id="no aud"),
        pytest.param({"aud": "http://127.0.0.1:9999/fhir"}, "invalid_request", id="aud of another server"),
        pytest.param({"state": "abcdefgh12345678"}, "invalid_request", id="a state of 96 bits"),
        pytest.param({"state": "a" * 43}, "invalid_request", id="a state of one letter"),
        pytest.param({"state": "0123456789abcdef0123456789"}, "invalid_request", id="26 hexadecimal digits"),
        pytest.param({"state": None}, "invalid_request", id="no state"),
        pytest.param({"launch": "unknown"}, "invalid_request", id="a launch that no chart made"),
        pytest.param({"launch": None}, "invalid_scope", id="scope launch, but no launch value"),
        pytest.param({"scope": "patient/Patient.rs"}, "invalid_scope", id="a launch value without the scope launch"),
    ],
)
async def test_a_faulty_authorization_request_is_sent_back_refused(
    app: AnApp, change: dict[str, str | None], error: str
) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        launch = await app.launch_value(browser, "ada-1")
        reply = await browser.get("/oauth/authorize", params=app.request(**{"launch": launch, **change}))
    assert answered(reply)["error"] == error
    assert "code" not in answered(reply)
    assert answered(reply)["iss"] == EHR


async def test_a_uuid_is_state_enough(app: AnApp) -> None:
    assert await app.code("ada-1", state="5b1c0f52-9a3e-4d0f-8c67-2f4d1e9b7a30")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"redirect_uri": f"{REDIRECT}/"}, id="redirect_uri with a slash more"),
        pytest.param({"redirect_uri": f"{REDIRECT}?x=1"}, id="redirect_uri with a query"),
        pytest.param({"redirect_uri": "http://evil.example/callback"}, id="redirect_uri elsewhere"),
        pytest.param({"redirect_uri": None}, id="no redirect_uri"),
        pytest.param({"client_id": "another-app"}, id="unknown client"),
    ],
)
async def test_an_unregistered_target_is_never_redirected_to(app: AnApp, change: dict[str, str | None]) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        launch = await app.launch_value(browser, "ada-1")
        reply = await browser.get("/oauth/authorize", params=app.request(launch=launch, **change))
    assert reply.status_code == 400
    assert "location" not in reply.headers


async def test_a_parameter_given_twice_is_refused(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        params = [*app.request(launch=await app.launch_value(browser, "ada-1")).items(), ("scope", "launch")]
        reply = await browser.get("/oauth/authorize", params=params)
    assert answered(reply)["error"] == "invalid_request"


async def test_a_launch_works_once(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        launch = await app.launch_value(browser, "ada-1")
        first = await browser.get("/oauth/authorize", params=app.request(launch=launch))
        again = await browser.get("/oauth/authorize", params=app.request(launch=launch))
    assert "code" in answered(first)
    assert answered(again)["error"] == "invalid_request"


async def test_a_launch_is_dead_after_five_minutes(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        launch = await app.launch_value(browser, "ada-1")
        app.clock.pass_time(seconds=300)
        reply = await browser.get("/oauth/authorize", params=app.request(launch=launch))
    assert answered(reply)["error"] == "invalid_request"


async def test_a_launch_serves_only_the_session_that_made_it(app: AnApp) -> None:
    async with app.client() as psychiatrist, app.client() as nurse, app.client() as stranger:
        await app.sign_in(psychiatrist)
        await app.sign_in(nurse, "nurse")
        for thief in (nurse, stranger):
            launch = await app.launch_value(psychiatrist, "ada-1")
            reply = await thief.get("/oauth/authorize", params=app.request(launch=launch))
            assert answered(reply)["error"] == "access_denied"


async def _standalone(app: AnApp, browser: httpx.AsyncClient) -> httpx.Response:
    scope = EVERYTHING.replace("launch", "launch/patient")
    return await browser.get("/oauth/authorize", params=app.request(scope=scope))


def _handle(page: httpx.Response) -> str:
    return page.text.split('name="request" value="')[1].split('"')[0]


async def test_a_standalone_launch_lets_the_user_pick_the_patient(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        page = await _standalone(app, browser)
        form = {"request": _handle(page), "patient": "ben-1", "decision": "allow"}
        reply = await browser.post("/oauth/decision", data=form)
        again = await browser.post("/oauth/decision", data=form)
    assert (await app.redeem(answered(reply)["code"])).json()["patient"] == "ben-1"
    assert again.status_code == 400


async def test_denying_a_standalone_launch_tells_the_app(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        page = await _standalone(app, browser)
        reply = await browser.post(
            "/oauth/decision", data={"request": _handle(page), "patient": "ben-1", "decision": "deny"}
        )
    assert answered(reply)["error"] == "access_denied"
    assert answered(reply)["state"]


async def test_nobody_answers_for_another_user(app: AnApp) -> None:
    async with app.client() as psychiatrist, app.client() as nurse:
        await app.sign_in(psychiatrist)
        await app.sign_in(nurse, "nurse")
        page = await _standalone(app, psychiatrist)
        form = {"request": _handle(page), "patient": "ben-1", "decision": "allow"}
        assert (await nurse.post("/oauth/decision", data=form)).status_code == 400


async def test_a_standalone_launch_asks_a_stranger_to_sign_in_first_and_goes_on(app: AnApp) -> None:
    async with app.client() as browser:
        first = await _standalone(app, browser)
        assert first.headers["location"].startswith("/sign-in?next=")
        page = await browser.get(first.headers["location"])
        target = page.text.split('name="next" value="')[1].split('"')[0].replace("&amp;", "&")
        reply = await browser.post("/sign-in", data={"user": "nurse", "next": target})
        page = await browser.get(reply.headers["location"])
    assert "asks for access" in page.text


IDENTITY = "openid fhirUser"


async def _asked_to_sign_in(app: AnApp, browser: httpx.AsyncClient, **changes: str) -> str:
    """Where the sign-in page is told to lead on to."""
    params = app.request(scope=IDENTITY, **changes)
    reply = await browser.get("/oauth/authorize", params=params)
    assert reply.headers["location"].startswith("/sign-in?"), reply.headers["location"]
    return parse_qs(urlsplit(reply.headers["location"]).query)["next"][0]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"prompt": "login"}, id="prompt=login"),
        pytest.param({"max_age": "0"}, id="max_age=0"),
        pytest.param({"max_age": "59"}, id="signed in a minute ago"),
    ],
)
async def test_a_person_is_asked_again_and_the_id_token_says_when(app: AnApp, change: dict[str, str]) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        app.clock.pass_time(seconds=60)
        onward = await _asked_to_sign_in(app, browser, **change)
        assert (await browser.get(onward)).status_code == 400, "nobody signed in for it"
        onward = await _asked_to_sign_in(app, browser, **change)
        app.clock.pass_time(seconds=5)
        await browser.post("/sign-in", data={"user": "nurse", "next": onward})
        code = answered(await browser.get(onward))["code"]
        assert (await browser.get(onward)).status_code == 400, "once"
    reply = (await app.redeem(code)).json()
    claims = json.loads(urlsafe_b64decode(reply["id_token"].split(".")[1] + "=="))
    assert (claims["sub"], claims["auth_time"]) == ("user-nurse", int(app.clock().timestamp()))
    assert reply["scope"] == IDENTITY
    assert "patient" not in reply


async def test_a_person_who_signed_in_lately_is_not_asked(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        app.clock.pass_time(seconds=59)
        reply = await browser.get("/oauth/authorize", params=app.request(scope=IDENTITY, max_age="60"))
        assert answered(reply)["code"]


@pytest.mark.parametrize("change", [{"prompt": "none"}, {"max_age": "-1"}, {"max_age": "soon"}])
async def test_what_is_not_offered_is_refused(app: AnApp, change: dict[str, str]) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        reply = await browser.get("/oauth/authorize", params=app.request(scope=IDENTITY, **change))
    assert answered(reply)["error"] == "invalid_request"


async def test_signing_in_again_is_announced(app: AnApp) -> None:
    async with app.client() as browser:
        told = (await browser.get("/.well-known/openid-configuration")).json()
    assert "auth_time" in told["claims_supported"]
    assert told["prompt_values_supported"] == ["login"]
