"""The client's rules up to the EHR's own pages, C10 to C28: what a launch asks of whom, seen from outside."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import pytest

from launch.exchange import EhrClients
from tests.launch.an_app import App, an_app, question, returned, started
from tests.launch.an_ehr import ISSUER, ORIGIN, PUBLIC_BASE, TOKEN_URL, WELL_KNOWN, Clock, Ehr, a_document

pytestmark = pytest.mark.anyio

USUAL = [
    *("launch", "openid", "fhirUser", "offline_access", "launch/encounter"),
    *("patient/Patient.r", "patient/Patient.s", "patient/Condition.rs", "patient/Observation.cs"),
    "patient/Procedure.crus",
]
ASKED = {
    "v2": "launch openid fhirUser offline_access launch/encounter patient/Condition.rs patient/Observation.cs "
    "patient/Patient.rs patient/Procedure.crus",
    "v1": "launch openid fhirUser offline_access launch/encounter patient/Condition.read patient/Observation.read "
    "patient/Observation.write patient/Patient.read patient/Procedure.read patient/Procedure.write",
}


async def asked_of(app: App, *, iss: str = ISSUER, launch: str = "LAUNCH-secret") -> dict[str, str]:
    async with app.browser() as browser:
        return question(await browser.get("/launch", params={"iss": iss, "launch": launch}))


@pytest.mark.parametrize("query", ["", "launch=x", f"iss={ISSUER}", "iss=&launch=", f"iss={ISSUER}&launch="])
async def test_c10_a_launch_that_lacks_a_part_is_told_so_and_reaches_nobody(app: App, query: str) -> None:
    async with app.browser() as browser:
        answer = await browser.get(f"/launch?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(("This EHR is not set up", "Start the app from a patient's chart."))
    assert (app.ehr.requests, app.store.pending) == ([], {})


async def test_c11_an_unlisted_issuer_is_neither_looked_up_nor_asked(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[Any] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *given, **_named: looked_up.append(given))
    async with app.browser() as browser:
        for iss in (
            "https://evil.test/fhir",
            f"{ISSUER}.evil.test",
            f"{ISSUER}/deeper",
            "http://ehr.example.org/fhir",
        ):
            answer = await browser.get("/launch", params={"iss": iss, "launch": "x"})
            assert (answer.status_code, app.reasons[-1]) == (400, "issuer-unknown")
    assert (app.ehr.requests, looked_up) == ([], [])


async def test_c12_relative_endpoints_are_those_of_the_fhir_base(app: App, browser: httpx.AsyncClient) -> None:
    app.ehr.document |= {"authorization_endpoint": "auth/authorize", "token_endpoint": "/oauth/token"}
    begun = await browser.get("/launch", params={"iss": ISSUER, "launch": "x"})
    assert begun.headers["location"].startswith(f"{ISSUER}/auth/authorize?")
    (request,) = app.ehr.requests
    assert (str(request.url), request.headers["accept"]) == (WELL_KNOWN, "application/json")
    await browser.get(returned(question(begun)))
    assert str(app.ehr.token.calls.last.request.url) == TOKEN_URL


async def test_c13_twenty_launches_ask_once_and_a_failure_is_asked_again(app: App, clock: Clock) -> None:
    usual = app.ehr.well_known.side_effect
    app.ehr.well_known.mock(return_value=httpx.Response(503), side_effect=None)
    async with app.browser() as browser:
        refused = await browser.get("/launch", params={"iss": ISSUER, "launch": "x"})
    assert refused.status_code == 400
    app.ehr.well_known.mock(side_effect=usual)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(asked_of, app)
    assert app.ehr.well_known.call_count == 2
    assert set(app.ehr.requests[-1].extensions["timeout"].values()) == {5.0}
    app.ehr.well_known.mock(
        return_value=httpx.Response(200, json=a_document(), headers={"cache-control": "max-age=999999"}),
        side_effect=None,
    )
    clock.forward(hours=1, seconds=1)
    await asked_of(app)
    clock.forward(minutes=59)
    await asked_of(app)
    assert app.ehr.well_known.call_count == 3
    clock.forward(minutes=2)
    await asked_of(app)
    assert app.ehr.well_known.call_count == 4, "an hour is the most, whatever the EHR says"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"token_endpoint": "https://evil.test/token"}, "endpoint-not-pinned"),
        ({"authorization_endpoint": "https://evil.test/authorize"}, "endpoint-not-pinned"),
        ({"token_endpoint": "http://ehr.example.org/oauth/token"}, "endpoint-not-pinned"),
        ({"capabilities": ["launch-standalone", "client-confidential-asymmetric"]}, "discovery-failed"),
        (
            {"capabilities": ["launch-ehr"], "token_endpoint_auth_methods_supported": ["client_secret_basic"]},
            "discovery-failed",
        ),
    ],
    ids=["token elsewhere", "authorize elsewhere", "no TLS", "no launch from the chart", "no asymmetric client"],
)
async def test_c14_what_the_metadata_must_not_say_stops_the_launch(
    app: App, browser: httpx.AsyncClient, change: dict[str, Any], reason: str
) -> None:
    app.ehr.document |= change
    answer = await browser.get("/launch", params={"iss": ISSUER, "launch": "x"})
    assert (answer.status_code, app.reasons) == (400, [reason])
    assert [str(request.url) for request in app.ehr.requests] == [WELL_KNOWN]


async def test_c20_the_question_holds_what_smart_wants_once_each_and_nothing_else(app: App) -> None:
    sent = await asked_of(app)
    assert {name: sent[name] for name in ("response_type", "client_id", "redirect_uri", "code_challenge_method")} == {
        "response_type": "code",
        "client_id": "kp-client",
        "redirect_uri": f"{PUBLIC_BASE}/callback/demo",
        "code_challenge_method": "S256",
    }
    others = {"scope", "state", "aud", "launch", "code_challenge", "nonce"}
    assert sent.keys() == {"response_type", "client_id", "redirect_uri", "code_challenge_method"} | others


@pytest.mark.parametrize("iss", [ISSUER, f"{ISSUER}/", "https://EHR.example.org/fhir", f"{ORIGIN}:443/fhir/"])
async def test_c21_aud_is_the_iss_of_the_launch_to_the_letter(app: App, iss: str) -> None:
    assert (await asked_of(app, iss=iss))["aud"] == iss


@pytest.mark.parametrize("launch", ["x", "a+b /ü&=%41#?", "eyJhIjoxfQ==", "{}", " space ", "L" * 5000])
async def test_c22_the_launch_value_goes_back_as_it_came(app: App, launch: str) -> None:
    assert (await asked_of(app, launch=launch))["launch"] == launch


@pytest.mark.parametrize(
    "methods", [None, [], ["plain"], ["S256"], ["plain", "S256"]], ids=["silent", "empty", "plain", "S256", "both"]
)
@pytest.mark.parametrize("smart_v1", [False, True], ids=["2.2", "1.0"])
async def test_c23_l5_s256_is_sent_always_and_plain_never(
    clients: EhrClients, ehr: Ehr, clock: Clock, methods: list[str] | None, smart_v1: bool
) -> None:
    ehr.document = a_document(code_challenge_methods_supported=methods)
    app = an_app(clients, ehr, clock, smart_v1=smart_v1)
    if smart_v1 or "S256" in (methods or ()):
        sent = await asked_of(app)
        assert (sent["code_challenge_method"], len(sent["code_challenge"])) == ("S256", 43)
        return
    async with app.browser() as browser:
        answer = await browser.get("/launch", params={"iss": ISSUER, "launch": "x"})
    assert "PKCE S256" in answer.json()["message"]
    assert app.store.pending == {}


async def test_c23_l5_the_verifier_fits_its_challenge_and_serves_one_launch_of_a_thousand(app: App) -> None:
    challenges: set[str] = set()
    async with app.browser() as browser:
        for _ in range(1000):
            browser.cookies.clear()
            sent = question(await browser.get("/launch", params={"iss": ISSUER, "launch": "x"}))
            challenges.add(sent["code_challenge"])
    verifiers = {pending.verifier for pending in app.store.pending.values()}
    assert len(verifiers) == len(challenges) == 1000
    assert all(43 <= len(verifier) <= 128 for verifier in verifiers)
    hashed = (hashlib.sha256(verifier.encode()).digest() for verifier in verifiers)
    assert {base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in hashed} == challenges


async def test_c24_the_state_is_long_new_each_time_and_bound_to_one_browser(
    app: App, browser: httpx.AsyncClient
) -> None:
    states = [(await asked_of(app))["state"] for _ in range(50)]
    assert len(set(states)) == 50
    assert all(len(base64.urlsafe_b64decode(state + "==")) * 8 >= 122 for state in states)
    mine = await started(browser, app)
    async with app.browser() as victim:
        theirs = await started(victim, app)
        assert (await victim.get(returned(mine))).status_code == 400  # login CSRF: their cookie, my state
        assert not app.ehr.token.called
        assert (await victim.get(returned(theirs, state=None))).status_code == 400
    assert (app.opened, app.ehr.token.called) == ([], False)


@pytest.mark.parametrize("version", ["v2", "v1"])
async def test_c25_scopes_are_asked_for_in_the_fewest_words_and_without_wildcards(
    clients: EhrClients, ehr: Ehr, clock: Clock, version: str
) -> None:
    sent = await asked_of(an_app(clients, ehr, clock, scopes=USUAL, scope_version=version))
    assert sent["scope"] == ASKED[version]
    assert "*" not in sent["scope"]


async def test_c26_a_long_list_of_scopes_goes_as_a_form_where_that_is_offered(
    clients: EhrClients, ehr: Ehr, clock: Clock
) -> None:
    scopes = [*USUAL, *(f"patient/Observation.rs?category=local-{number}" for number in range(60))]
    offered = {**a_document(), "capabilities": [*a_document()["capabilities"], "authorize-post"]}
    query = urlencode({"iss": ISSUER, "launch": "x"})
    for document, status in ((offered, 200), (a_document(), 303)):
        ehr.document = document
        async with an_app(clients, ehr, clock, scopes=scopes).browser() as browser:
            answer = await browser.get(f"/launch?{query}")
        assert answer.status_code == status
        sent = answer.json()["asked"] if status == 200 else question(answer)
        assert sent["scope"].count("category=local-") == 60


@pytest.mark.parametrize("start", [f"iss={ISSUER}&launch=x", "ehr=demo"], ids=["from the chart", "on its own"])
async def test_c27_the_user_is_asked_for_and_max_age_is_not(app: App, browser: httpx.AsyncClient, start: str) -> None:
    sent = question(await browser.get(f"/launch?{start}"))
    words = sent["scope"].split()
    assert {"openid", "fhirUser"} <= set(words)
    assert all(word == word.lower() for word in words if word.startswith("launch"))
    assert not {"max_age", "auth_time", "prompt", "claims"} & sent.keys()
    assert sent["nonce"]
