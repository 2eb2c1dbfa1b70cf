"""The sandbox's authorization server demands what SMART App Launch 2.2 demands, and hands out what it promises."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.smart_app.sandbox.an_app import APP, EHR, EVERYTHING, FHIR, REDIRECT, TOKEN_URL, AnApp, answered

pytestmark = pytest.mark.anyio


async def test_an_ehr_launch_ends_in_tokens_for_that_patient_and_user(app: AnApp) -> None:
    reply = await app.redeem(await app.code("ada-1", user="nurse"))
    tokens = reply.json()
    assert reply.headers["cache-control"] == "no-store"
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["patient"] == "ada-1"
    assert tokens["encounter"] == "ada-1-encounter-1"
    assert tokens["need_patient_banner"] is True
    async with app.client() as browser:
        keys = KeySet.import_key_set((await browser.get("/oauth/jwks.json")).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["iss"] == EHR
    assert claims["aud"] == "ketamine-pathway"
    assert claims["nonce"] == "n-1"
    assert claims["fhirUser"] == f"{FHIR}/Practitioner/tom-reyes"
    assert claims["exp"] > claims["iat"] == int(app.clock().timestamp())


async def test_a_patient_without_a_visit_today_comes_without_an_encounter(app: AnApp) -> None:
    assert "encounter" not in await app.tokens("carla-1")


async def test_no_private_part_of_the_signing_key_is_published(app: AnApp) -> None:
    async with app.client() as browser:
        (key,) = (await browser.get("/oauth/jwks.json")).json()["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


async def test_without_openid_or_offline_access_there_is_neither_id_token_nor_refresh_token(app: AnApp) -> None:
    tokens = await app.tokens("ada-1", "launch patient/Patient.rs")
    assert "id_token" not in tokens
    assert "refresh_token" not in tokens


async def test_scope_beyond_the_registration_is_dropped(app: AnApp) -> None:
    asked = (
        "launch patient/Condition.cruds patient/Observation.cus patient/Subscription.crs system/Patient.rs nonsense "
        "patient/Procedure.read patient/Patient.write patient/Condition.sr patient/Observation.rs?date=2020"
    )
    granted = (await app.tokens("ada-1", asked))["scope"].split()
    assert granted == ["launch", "patient/Condition.rs", "patient/Observation.cus", "patient/Procedure.read"]


async def test_a_wildcard_is_granted_type_by_type(app: AnApp) -> None:
    granted = (await app.tokens("ada-1", "launch patient/*.cud"))["scope"].split()
    assert "patient/Procedure.cud" in granted
    assert not any(one.startswith(("patient/*", "patient/Condition")) for one in granted)


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


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"code": "made-up"}, id="unknown code"),
        pytest.param({"code_verifier": "x" * 43}, id="another verifier"),
        pytest.param({"code_verifier": None}, id="no verifier"),
        pytest.param({"redirect_uri": f"{APP}/callback/other"}, id="another redirect_uri"),
    ],
)
async def test_a_code_needs_its_verifier_and_redirect_uri(app: AnApp, change: dict[str, str | None]) -> None:
    reply = await app.redeem(await app.code("ada-1"), **change)
    assert reply.status_code == 400
    assert reply.json()["error"] == "invalid_grant"


async def test_a_code_lives_sixty_seconds(app: AnApp) -> None:
    code = await app.code("ada-1")
    app.clock.pass_time(seconds=60)
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_code_used_twice_ends_its_grant(app: AnApp) -> None:
    code = await app.code("ada-1")
    tokens = (await app.redeem(code)).json()
    assert (await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")).status_code == 200
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    assert (await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_rotates_and_keeps_the_launch_context(app: AnApp) -> None:
    first = await app.tokens("ada-1")
    second = (await app.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["patient"] == "ada-1"
    assert second["scope"] == first["scope"]
    assert (await app.with_token(second["access_token"], "GET", "/Patient/ada-1")).status_code == 200


async def test_an_old_refresh_token_ends_the_grant(app: AnApp) -> None:
    first = await app.tokens("ada-1")
    second = (await app.refresh(first["refresh_token"])).json()
    assert (await app.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.refresh(second["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.with_token(second["access_token"], "GET", "/Patient/ada-1")).status_code == 401


async def test_a_refresh_may_ask_for_less_but_not_for_more(app: AnApp) -> None:
    first = await app.tokens("ada-1", "launch offline_access patient/Patient.rs patient/Observation.rs")
    more = await app.refresh(first["refresh_token"], scope="patient/Procedure.rs")
    assert more.json()["error"] == "invalid_scope"
    less = (await app.refresh(first["refresh_token"], scope="patient/Patient.rs")).json()
    assert less["scope"] == "patient/Patient.rs"
    assert (await app.with_token(less["access_token"], "GET", "/Observation")).status_code == 403


async def test_revoking_a_refresh_token_ends_its_access_tokens(app: AnApp) -> None:
    tokens = await app.tokens("ada-1")
    reply = await app.post(f"{EHR}/oauth/revoke", {"token": tokens["refresh_token"], **app.proof()})
    assert reply.status_code == 200
    assert (await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")).status_code == 401


async def test_revoking_needs_the_client_and_forgives_unknown_tokens(app: AnApp) -> None:
    tokens = await app.tokens("ada-1")
    bare = await app.post(f"{EHR}/oauth/revoke", {"token": tokens["access_token"]})
    assert bare.status_code == 401
    assert (await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")).status_code == 200
    assert (await app.post(f"{EHR}/oauth/revoke", {"token": "unknown", **app.proof()})).status_code == 200


def _seconds(app: AnApp, ahead: int) -> int:
    return int(app.clock().timestamp()) + ahead


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        pytest.param({"exp": 301}, {}, id="exp 301 seconds ahead"),
        pytest.param({"exp": 0}, {}, id="expired"),
        pytest.param({"exp": None}, {}, id="no exp"),
        pytest.param({"jti": None}, {}, id="no jti"),
        pytest.param({"aud": FHIR}, {}, id="aud is the FHIR base"),
        pytest.param({"aud": [TOKEN_URL, "http://evil.example"]}, {}, id="two audiences"),
        pytest.param({"iss": "another"}, {}, id="iss is not sub"),
        pytest.param({"iss": "another", "sub": "another"}, {}, id="unknown client"),
        pytest.param({}, {"kid": None}, id="no kid"),
        pytest.param({}, {"kid": "unknown"}, id="kid not in the key set"),
        pytest.param({}, {"typ": "JOSE"}, id="another typ"),
        pytest.param({}, {"jku": "http://evil.example/jwks.json"}, id="a jku of its own"),
    ],
)
async def test_a_faulty_client_assertion_is_refused(
    app: AnApp, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    claims = {name: _seconds(app, value) if isinstance(value, int) else value for name, value in claims.items()}
    reply = await app.redeem(await app.code("ada-1"), **app.proof(app.assertion(header=header, **claims)))
    assert reply.status_code == 401
    assert reply.json()["error"] == "invalid_client"
    assert reply.json()["error_description"]


async def test_an_assertion_works_once(app: AnApp) -> None:
    proof = app.proof()
    assert (await app.redeem(await app.code("ada-1"), **proof)).status_code == 200
    assert (await app.redeem(await app.code("ada-1"), **proof)).json()["error"] == "invalid_client"


async def test_an_assertion_signed_by_somebody_else_is_refused(app: AnApp) -> None:
    other = ECKey.generate_key("P-384", {"kid": app.key.kid}, private=True)
    forged = AnApp(app.sandbox, app.clock, app.published, other).assertion()
    assert (await app.redeem(await app.code("ada-1"), **app.proof(forged))).json()["error"] == "invalid_client"


async def test_rs256_and_no_signature_are_refused(app: AnApp) -> None:
    rsa = RSAKey.generate_key(2048, {"use": "sig"}, private=True, auto_kid=True)
    app.published.append(rsa.as_dict(private=False))
    now = _seconds(app, 0)
    claims = {"iss": "ketamine-pathway", "sub": "ketamine-pathway", "aud": TOKEN_URL, "exp": now + 60, "jti": "a"}
    weak = jwt.encode({"alg": "RS256", "kid": rsa.kid, "typ": "JWT"}, claims, rsa, algorithms=["RS256"])
    none = "eyJhbGciOiJub25lIiwia2lkIjoiYSIsInR5cCI6IkpXVCJ9." + weak.split(".")[1] + "."
    strong = jwt.encode({"alg": "RS384", "kid": rsa.kid, "typ": "JWT"}, claims, rsa, algorithms=["RS384"])
    for bad in (weak, none, "not-a-jwt"):
        assert (await app.redeem(await app.code("ada-1"), **app.proof(bad))).json()["error"] == "invalid_client"
    assert (await app.redeem(await app.code("ada-1"), **app.proof(strong))).status_code == 200
    app.published.pop()


async def test_a_new_key_of_the_app_is_fetched_at_once(app: AnApp) -> None:
    await app.tokens("ada-1")
    rotated = ECKey.generate_key("P-384", {"use": "sig"}, private=True, auto_kid=True)
    app.published.append(rotated.as_dict(private=False))
    renewed = AnApp(app.sandbox, app.clock, app.published, rotated)
    assert (await renewed.tokens("ada-1"))["patient"] == "ada-1"
    app.published.pop()


async def test_a_kid_that_is_published_twice_is_refused(app: AnApp) -> None:
    await app.tokens("ada-1")
    app.clock.pass_time(seconds=61)
    app.published.append(app.published[0])
    reply = await app.redeem(await app.code("ada-1"))
    app.published.pop()
    app.clock.pass_time(seconds=61)
    assert reply.json()["error"] == "invalid_client"


async def test_the_client_must_prove_itself_by_an_assertion(app: AnApp) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": await app.code("ada-1"),
        "redirect_uri": REDIRECT,
        "code_verifier": app.verifier,
        "client_id": "ketamine-pathway",
    }
    reply = await app.post(TOKEN_URL, form)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_only_forms_and_known_grant_types_are_taken(app: AnApp) -> None:
    assert (await app.redeem("any", grant_type="client_credentials")).json()["error"] == "unsupported_grant_type"
    async with app.client() as back_end:
        reply = await back_end.post(TOKEN_URL, json={"grant_type": "authorization_code"})
    assert reply.json()["error"] == "invalid_request"


async def test_an_expired_token_is_refused(app: AnApp) -> None:
    tokens = await app.tokens("ada-1")
    app.clock.pass_time(seconds=3599)
    assert (await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")).status_code == 200
    app.clock.pass_time(seconds=1)
    reply = await app.with_token(tokens["access_token"], "GET", "/Patient/ada-1")
    assert reply.status_code == 401
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]


async def test_discovery_promises_what_the_other_tests_find(app: AnApp) -> None:
    async with app.client() as browser:
        smart = (await browser.get("/fhir/.well-known/smart-configuration")).json()
        openid = (await browser.get("/.well-known/openid-configuration")).json()
    assert smart["issuer"] == openid["issuer"] == EHR
    assert smart["token_endpoint"] == TOKEN_URL
    assert smart["code_challenge_methods_supported"] == ["S256"]
    assert smart["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert smart["authorization_response_iss_parameter_supported"] is True
    assert openid["id_token_signing_alg_values_supported"] == ["RS256"]
    assert {"launch-ehr", "launch-standalone", "permission-v2", "client-confidential-asymmetric"} <= set(
        smart["capabilities"]
    )


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
