"""How the app has to prove itself to the sandbox: private_key_jwt (RFC 7523)."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.smart_app.sandbox.an_app import FHIR, REDIRECT, TOKEN_URL, AnApp

pytestmark = pytest.mark.anyio


async def test_a_code_lives_sixty_seconds(app: AnApp) -> None:
    code = await app.code("ada-1")
    app.clock.pass_time(seconds=60)
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"


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
