"""The client's rules from the callback to the open session, C30 to C53: what comes back, and what is made of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from joserfc import jwt

from launch.context import FhirContextItem
from launch.exchange import EhrClients
from launch.keys import KeyRing, SigningKey
from tests.launch.an_app import OTHER, App, an_app, question, returned, started
from tests.launch.an_ehr import (
    EHR_RSA,
    ID_ISSUER,
    ISSUER,
    JWKS_URL,
    PUBLIC_BASE,
    START,
    TOKEN_URL,
    Clock,
    Ehr,
    a_document,
    a_key_set,
    a_token_reply,
    an_id_token,
)

pytestmark = pytest.mark.anyio
NOW = int(START.timestamp())


def form_of(request: httpx.Request) -> dict[str, str]:
    pairs = parse_qsl(request.content.decode(), strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


class OneSecret:
    def secret(self, ehr: str) -> str | None:
        return f"s3cret of {ehr}"


async def opened(app: App, **reply: Any) -> httpx.Response:
    async with app.browser() as browser:
        return await browser.get(returned(await started(browser, app, **reply)))


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "access_denied", "<script>alert(1)</script>"])
async def test_c30_a_refusal_of_the_token_endpoint_is_told_in_words_and_ends_there(
    app: App, browser: httpx.AsyncClient, status: int, error: str
) -> None:
    asked = await started(browser, app)
    app.ehr.token.mock(return_value=httpx.Response(status, json={"error": error, "error_description": "<b>CODE"}))
    answer = await browser.get(returned(asked))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert answer.json()["message"].startswith("The EHR")
    assert not [mark for mark in ("<", "alert", "CODE", "_") if mark in answer.json()["message"]]
    assert (app.ehr.token.call_count, len(app.store.refusals)) == (1, 1)


@pytest.mark.parametrize(
    "added",
    [
        "next=https://evil.test",
        "redirect_uri=https://evil.test",
        "url=//evil.test",
        "target_link_uri=https://evil.test",
    ],
)
async def test_c31_nothing_that_is_handed_in_bends_where_the_browser_goes(
    app: App, browser: httpx.AsyncClient, added: str
) -> None:
    begun = await browser.get(f"/launch?iss={ISSUER}&launch=x&{added}")
    asked = question(begun)
    assert "evil.test" not in begun.headers["location"]
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(id_token=an_id_token(asked["nonce"]))))
    done = await browser.get(f"{returned(asked)}&{added}")
    ((context, _),) = app.opened
    assert (done.status_code, done.headers["location"]) == (303, f"/l/{context.id}/screening")


@pytest.mark.parametrize(
    ("iss", "status"),
    [(ID_ISSUER, 303), (f"{ID_ISSUER}/", 400), (ISSUER, 400), ("https://evil.test", 400), ("", 400)],
)
async def test_c32_the_answer_s_issuer_is_the_one_of_the_metadata(
    app: App, browser: httpx.AsyncClient, iss: str, status: int
) -> None:
    asked = await started(browser, app)
    assert (await browser.get(returned(asked, iss=iss))).status_code == status
    assert app.ehr.token.called is (status == 303)


@pytest.mark.parametrize("auth", ["private_key_jwt", "client_secret_basic", "public"])
async def test_c33_the_code_goes_back_by_form_and_only_a_public_client_names_itself(
    clients: EhrClients, ehr: Ehr, clock: Clock, auth: str
) -> None:
    ehr.document = a_document(token_endpoint_auth_methods_supported=[auth if auth != "public" else "none"])
    app = an_app(clients, ehr, clock, secrets=OneSecret(), auth=auth)
    assert (await opened(app)).status_code == 303
    request = ehr.token.calls.last.request
    form = form_of(request)
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (form["grant_type"], form["code"]) == ("authorization_code", "CODE-secret")
    assert form["redirect_uri"] == f"{PUBLIC_BASE}/callback/demo"
    assert 43 <= len(form["code_verifier"]) <= 128
    assert ("client_id" in form) is (auth == "public")
    assert ("client_assertion" in form) is (auth == "private_key_jwt")
    assert request.headers.get("authorization", "").startswith("Basic ") is (auth == "client_secret_basic")
    assert "client_secret" not in form


async def test_c34_one_callback_makes_one_request_for_tokens_also_when_it_fails(app: App) -> None:
    for answer in (httpx.Response(503), httpx.ConnectError("cut"), httpx.ReadTimeout("slow")):
        before = app.ehr.token.call_count
        async with app.browser() as browser:
            asked = await started(browser, app)
            app.ehr.token.mock(
                side_effect=answer if isinstance(answer, Exception) else None,
                return_value=None if isinstance(answer, Exception) else answer,
            )
            for _ in range(3):
                assert (await browser.get(returned(asked))).status_code == 400
        assert app.ehr.token.call_count == before + 1


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
async def test_c35_c36_each_request_to_the_ehr_s_authorization_server_is_signed_anew(
    clients: EhrClients, ehr: Ehr, clock: Clock, algorithm: str
) -> None:
    """For the code, for a refresh and for the revocation, whose address is another one."""
    key = SigningKey.generate(algorithm, active_from=START, rsa_bits=2048)
    app = an_app(clients, ehr, clock, keys=KeyRing.of([key]), algorithm=algorithm)
    assert (await opened(app)).status_code == 303
    clock.forward(hours=1)
    await app.desk.tokens.current(app.opened[0][0].id)
    await app.desk.end_launch(app.opened[0][0].id)
    forms = [form_of(request) for request in ehr.requests if request.method == "POST"]
    assert [form.get("grant_type", "revocation") for form in forms] == [
        "authorization_code",
        "refresh_token",
        "revocation",
    ]
    told = [jwt.decode(form["client_assertion"], key.key, algorithms=[algorithm]) for form in forms]
    for token, now in zip(told, [NOW, NOW + 3600, NOW + 3600], strict=True):
        assert token.header == {"typ": "JWT", "alg": algorithm, "kid": key.kid}
        assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == (
            "kp-client",
            "kp-client",
            TOKEN_URL,
        )
        assert now < token.claims["exp"] <= now + 300
    assert len({token.claims["jti"] for token in told}) == 3
    assert {form["client_assertion_type"] for form in forms} == {
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    }


@pytest.mark.parametrize(
    ("said", "ends"), [("3600", NOW + 3600), (3600, NOW + 3600), (3600.0, NOW + 3600), (None, None)], ids=repr
)
@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
async def test_c37_a_life_in_words_or_unsaid_and_any_spelling_of_bearer_will_do(
    app: App, said: Any, ends: int | None, kind: str
) -> None:
    assert (await opened(app, expires_in=said, token_type=kind)).status_code == 303
    assert app.opened[0][1].expires_at == ends


async def test_c38_what_was_granted_is_read_back_to_the_letter(app: App) -> None:
    granted = "launch openid fhirUser patient/Patient.rs"
    await opened(app, scope=granted)
    ((context, tokens),) = app.opened
    assert (context.scope, tokens.scope) == (granted, granted)


@pytest.mark.parametrize(
    "patient", [None, "", "../Patient/x", "Patient/x", "..", "x" * 65, "a b", "x?y", "x#y", "ä", 7]
)
async def test_c39_l15_without_a_patient_whose_id_is_one_nothing_opens(app: App, patient: Any) -> None:
    answer = await opened(app, patient=patient)
    assert answer.status_code == 400
    assert app.reasons == ["chart-missing" if not patient else "token-reply-invalid"]
    assert (app.store.contexts, app.store.token_sets, app.opened) == ({}, {}, [])


@pytest.mark.parametrize(
    ("said", "kept"), [(False, False), (True, True), (None, True), ("false", True), (0, True)], ids=repr
)
async def test_c40_our_banner_goes_only_where_the_ehr_said_false_itself(app: App, said: Any, kept: bool) -> None:
    await opened(app, need_patient_banner=said)
    assert app.opened[0][0].need_patient_banner is kept


async def test_c40_what_else_the_ehr_says_of_the_launch_is_kept_and_oddities_are_dropped(app: App) -> None:
    items = [{"reference": "Task/1"}, {"canonical": "https://x.test/q|1", "role": "launch"}, "Task/2", {}]
    await opened(app, intent="unheard-of", tenant="north", fhirContext=items)
    await opened(app, intent=["odd"], tenant=7, fhirContext="Task/1")
    (first, _), (second, _) = app.opened
    assert (first.intent, first.tenant) == ("unheard-of", "north")
    assert first.fhir_context == (
        FhirContextItem(reference="Task/1"),
        FhirContextItem(canonical="https://x.test/q|1"),
    )
    assert (second.intent, second.tenant, second.fhir_context) == (None, None, ())


async def test_c41_the_style_s_address_is_kept_and_nobody_asks_it_during_the_launch(app: App) -> None:
    await opened(app, smart_style_url="https://evil.test/style.json")
    assert app.opened[0][0].style_url == "https://evil.test/style.json"
    assert {request.url.host for request in app.ehr.requests} == {"ehr.example.org"}


FORGED: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.test"},
    "another audience": {"aud": "another-app"},
    "expired": {"iat": NOW - 400, "exp": NOW - 100},
    "another start": {"nonce": "n"},
    "fetch my key": {"header": {"jku": "https://evil.test/jwks"}},
    "here is my key": {"header": {"x5u": "https://evil.test/cert"}},
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
async def test_c50_l8_a_forged_word_on_the_user_opens_nothing_and_fetches_nothing_elsewhere(
    app: App, browser: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    asked = await started(browser, app)
    stranger = type(EHR_RSA).generate_key(2048, parameters={"kid": "rsa-1"})
    key = stranger if "header" in change else EHR_RSA
    id_token = an_id_token(asked["nonce"], **{"key": key, **change})
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(id_token=id_token)))
    assert (await browser.get(returned(asked))).status_code == 400
    assert app.reasons == ["identity-unverified"]
    assert (app.store.contexts, app.opened) == ({}, [])
    assert {request.url.host for request in app.ehr.requests} == {"ehr.example.org"}
    assert app.ehr.revoke.called  # the tokens that came with it are given back


async def test_c50_keys_are_fetched_once_more_for_an_unknown_kid(app: App) -> None:
    assert (await opened(app)).status_code == 303
    new = type(EHR_RSA).generate_key(2048, parameters={"kid": "rsa-2"})
    app.ehr.jwks.mock(return_value=httpx.Response(200, json=a_key_set(EHR_RSA, new)))
    async with app.browser() as browser:
        asked = await started(browser, app)
        reply = a_token_reply(id_token=an_id_token(asked["nonce"], key=new))
        app.ehr.token.mock(return_value=httpx.Response(200, json=reply))
        assert (await browser.get(returned(asked))).status_code == 303
    assert [str(request.url) for request in app.ehr.requests].count(JWKS_URL) == 2


@pytest.mark.parametrize("issuer", ["https://login.example.org", None])
async def test_c51_only_the_pinned_issuer_vouches(
    clients: EhrClients, ehr: Ehr, clock: Clock, issuer: str | None
) -> None:
    app = an_app(clients, ehr, clock, id_token_issuer=issuer, jwks_uri=JWKS_URL)
    assert (await opened(app)).status_code == (400 if issuer else 303)
    if issuer:
        assert app.reasons == ["identity-unverified"]


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("Practitioner/ada", f"{ISSUER}/Practitioner/ada"),
        (f"{ISSUER}/PractitionerRole/1", f"{ISSUER}/PractitionerRole/1"),
        ("https://EHR.example.org:443/fhir/Practitioner/ada", f"{ISSUER}/Practitioner/ada"),
        ("Patient/pat-1", f"{ISSUER}/Patient/pat-1"),
        (f"{OTHER}/Practitioner/ada", None),
        ("https://ehr.example.org.evil.test/fhir/Practitioner/ada", None),
        ("Device/1", None),
        ("../Practitioner/ada", None),
    ],
)
async def test_c52_the_user_is_a_record_of_this_ehr(
    app: App, browser: httpx.AsyncClient, named: str, kept: str | None
) -> None:
    asked = await started(browser, app)
    reply = a_token_reply(id_token=an_id_token(asked["nonce"], fhirUser=named))
    app.ehr.token.mock(return_value=httpx.Response(200, json=reply))
    assert (await browser.get(returned(asked))).status_code == (303 if kept else 400)
    assert [context.fhir_user for context, _ in app.opened] == ([kept] if kept else [])


async def test_c53_the_launch_keeps_who_vouched_for_whom_under_which_name(app: App) -> None:
    await opened(app)
    ((context, _),) = app.opened
    assert (context.token_issuer, context.subject) == (ID_ISSUER, "dr-ada")
    assert context.fhir_user == f"{ISSUER}/Practitioner/ada"
