"""What the sandbox's token endpoint hands out, for how long, and what ends it (SMART App Launch 2.2)."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.smart_app.sandbox.an_app import APP, EHR, FHIR, TOKEN_URL, AnApp

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


async def test_the_look_of_the_ehr_is_offered_and_can_be_fetched_by_anybody(app: AnApp) -> None:
    address = (await app.tokens("ada-1"))["smart_style_url"]
    async with app.client() as stranger:
        style = (await stranger.get(address)).json()
        sheet = (await stranger.get("/static/ehr.css")).text
    assert address.startswith(EHR)
    assert style["color_highlight"] in sheet
    assert style["color_background"] in sheet


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
