"""A launch from the EHR's click to the clinician's session, and every way it is refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

import anyio
import httpx
import pytest

from launch import cookies
from launch.authorization import digest
from launch.context import LaunchContext
from launch.errors import LaunchEnded
from launch.exchange import EhrClients
from tests.launch.an_app import App, an_app, question, returned, started
from tests.launch.an_ehr import (
    APP_KEY,
    ISSUER,
    ORIGIN,
    PUBLIC_BASE,
    START,
    TOKEN_URL,
    Clock,
    Ehr,
    a_registry,
    a_token_reply,
    an_id_token,
)

pytestmark = pytest.mark.anyio

ATTRIBUTES = "Path=/; HttpOnly; Secure; SameSite=None; Partitioned"


async def test_a_launch_from_the_chart_opens_a_session(app: App, browser: httpx.AsyncClient, clock: Clock) -> None:
    begun = await browser.get("/launch", params={"iss": ISSUER, "launch": "LAUNCH-secret"})
    asked = question(begun)
    assert begun.headers["location"].startswith(f"{ORIGIN}/oauth/authorize?")
    assert (asked["launch"], asked["aud"]) == ("LAUNCH-secret", ISSUER)
    assert asked["redirect_uri"] == f"{PUBLIC_BASE}/callback/demo"
    assert begun.headers["cache-control"] == "no-store"
    assert begun.headers["referrer-policy"] == "same-origin"
    (pending,) = app.store.pending.values()
    app.leads_to = "session/s-1/monitor"
    name, _, rest = begun.headers["set-cookie"].partition("=")
    assert name == f"__Host-kp-start-{pending.id}"
    assert rest.partition("; ")[2] == f"{ATTRIBUTES}; Max-Age=600"

    reply = a_token_reply(id_token=an_id_token(asked["nonce"]), intent="record-session", tenant="north")
    app.ehr.token.mock(return_value=httpx.Response(200, json=reply))
    clock.forward(seconds=30)
    done = await browser.get(returned(asked))
    assert done.status_code == 303
    assert done.headers["location"] == f"/l/{pending.id}/session/s-1/monitor", "as the app wants it"
    assert done.headers["cache-control"] == "no-store"
    assert done.headers["referrer-policy"] == "same-origin"
    dropped, session = done.headers.get_list("set-cookie")
    assert dropped == f"__Host-kp-start-{pending.id}=; {ATTRIBUTES}; Max-Age=0"
    assert session.startswith(f"__Host-kp-{pending.id}=")
    assert session.endswith(f"; {ATTRIBUTES}")

    ((context, tokens),) = app.opened
    assert context == LaunchContext(
        id=pending.id,
        ehr="demo",
        fhir_base=ISSUER,
        patient="pat-1",
        encounter="enc-1",
        fhir_user=f"{ISSUER}/Practitioner/ada",
        user_name="Dr Ada Example",
        subject="dr-ada",
        token_issuer=f"{ORIGIN}/oauth",
        scope="launch openid fhirUser offline_access patient/Patient.rs patient/Procedure.crus",
        need_patient_banner=False,
        intent="record-session",
        tenant="north",
        style_url=None,
        started=START + timedelta(seconds=30),
        expires=START + timedelta(seconds=30, hours=12),
        standalone=False,
    )
    assert tokens == app.store.tokens(pending.id)
    assert (tokens.access_token, tokens.version) == ("ACCESS-secret-1", 1)
    assert app.store.refusals == []


async def test_the_token_request_repeats_what_the_question_said(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    await browser.get(returned(asked))
    form = dict(parse_qsl(app.ehr.token.calls.last.request.content.decode()))
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert form["code"] == "CODE-secret"
    assert app.ehr.token.call_count == 1


@pytest.mark.parametrize("query", [f"iss={ISSUER}&standalone=1", "ehr=demo"])
async def test_c10_a_launch_on_its_own_asks_for_a_patient(app: App, browser: httpx.AsyncClient, query: str) -> None:
    asked = question(await browser.get(f"/launch?{query}"))
    assert asked["scope"].startswith("launch/patient ")
    assert (asked["aud"], "launch" in asked) == (ISSUER, False)
    id_token = an_id_token(asked["nonce"])
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(id_token=id_token, scope=None)))
    await browser.get(returned(asked))
    ((context, _),) = app.opened
    assert context.standalone
    assert context.scope == asked["scope"]  # a reply without scope grants what was asked


async def test_what_was_left_out_as_not_supported_is_not_taken_for_granted(
    app: App, browser: httpx.AsyncClient
) -> None:
    app.desk.registry = a_registry(ask_only_supported=True)
    app.ehr.document["scopes_supported"] = ["patient/Patient.rs"]
    asked = await started(browser, app, scope=None)
    await browser.get(returned(asked))
    ((context, _),) = app.opened
    assert context.scope == asked["scope"] == "launch openid fhirUser patient/Patient.rs"


async def test_the_host_header_does_not_bend_the_redirect_address(app: App, browser: httpx.AsyncClient) -> None:
    params = {"iss": ISSUER, "launch": "x"}
    forged = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"}
    asked = question(await browser.get("/launch", params=params, headers=forged))
    assert asked["redirect_uri"] == f"{PUBLIC_BASE}/callback/demo"


REFUSED_STARTS = [
    ("", "issuer-unknown", "This EHR is not set up for the app. EHR address: (none was sent)"),
    ("launch=x", "issuer-unknown", "This EHR is not set up for the app."),
    ("iss=&launch=x", "issuer-unknown", "This EHR is not set up for the app."),
    ("iss=https://evil.test/fhir&launch=x", "issuer-unknown", "EHR address: https://evil.test/fhir"),
    (f"iss={ISSUER}@evil.test&launch=x", "issuer-unknown", "This EHR is not set up for the app."),
    (f"iss={ISSUER}&iss=https://evil.test&launch=x", "issuer-unknown", "given twice"),
    (f"iss={ISSUER}&launch=x&launch=y", "issuer-unknown", "given twice"),
    (f"iss={ISSUER}&launch={'x' * 9000}", "issuer-unknown", "far too long"),
    (f"iss={ISSUER}", "chart-missing", "Start the app from a patient's chart."),
    (f"iss={ISSUER}&launch=", "chart-missing", "Start the app from a patient's chart."),
    (f"iss={ISSUER}&standalone=0", "chart-missing", "Start the app from a patient's chart."),
    ("ehr=nobody", "issuer-unknown", "This EHR is not set up for the app."),
    (f"ehr=demo&iss={ISSUER}", "chart-missing", "Start the app from a patient's chart."),
    ("ehr=demo&launch=x", "chart-missing", "Start the app from a patient's chart."),
    ("iss=https://evil.test/fhir&standalone=1", "issuer-unknown", "EHR address: https://evil.test/fhir"),
]


@pytest.mark.parametrize(("query", "reason", "words"), REFUSED_STARTS, ids=[row[0][:60] for row in REFUSED_STARTS])
async def test_c10_c11_a_start_that_is_refused_asks_nobody_and_is_recorded(
    app: App, browser: httpx.AsyncClient, query: str, reason: str, words: str
) -> None:
    answer = await browser.get(f"/launch?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert app.reasons == [reason]
    assert app.ehr.requests == []
    assert "set-cookie" not in answer.headers
    assert app.store.pending == {}


async def test_an_ehr_that_cannot_start_apps_alone_is_not_asked_to(app: App, browser: httpx.AsyncClient) -> None:
    app.ehr.document["capabilities"] = ["launch-ehr", "client-confidential-asymmetric"]
    assert (await browser.get("/launch?ehr=demo")).status_code == 400
    assert app.store.refusals == [("demo", "discovery-failed", None)]


async def test_c34_a_state_works_once(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    first = await browser.get(returned(asked))
    second = await browser.get(returned(asked))
    assert (first.status_code, second.status_code) == (303, 400)
    assert "The start of the app was interrupted." in second.json()["message"]
    assert app.ehr.token.call_count == 1
    assert app.reasons == ["launch-interrupted"]


async def test_c34_two_callbacks_at_once_redeem_once(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    seen: list[int] = []

    async def come_back() -> None:
        seen.append((await browser.get(returned(asked))).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(come_back)
    assert sorted(seen) == [303, 400, 400, 400, 400]
    assert app.ehr.token.call_count == 1


async def test_c24_another_browser_cannot_finish_the_launch(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    launch_id = next(iter(app.store.pending.values())).id
    async with app.browser() as stranger:
        assert (await stranger.get(returned(asked))).status_code == 400
    (error,) = app.errors
    assert (error.reason, error.ehr, error.launch_id) == ("cookie-refused", "demo", launch_id)
    assert app.store.refusals == [("demo", "cookie-refused", launch_id)]
    assert not app.ehr.token.called
    assert (await browser.get(returned(asked))).status_code == 400  # the state is used up all the same


async def test_c24_a_cookie_of_another_launch_does_not_help(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    launch_id = next(iter(app.store.pending.values())).id
    headers = {"Cookie": f"{cookies.start_cookie_name(launch_id)}=guessed"}
    async with app.browser() as stranger:
        assert (await stranger.get(returned(asked), headers=headers)).status_code == 400
    assert app.reasons == ["launch-interrupted"]
    assert not app.ehr.token.called


async def test_c24_after_ten_minutes_a_start_is_over(app: App, browser: httpx.AsyncClient, clock: Clock) -> None:
    asked = await started(browser, app)
    clock.forward(minutes=10)
    assert (await browser.get(returned(asked))).status_code == 400
    assert app.reasons == ["launch-interrupted"]
    assert not app.ehr.token.called


REFUSED_CALLBACKS: list[tuple[str, dict[str, Any], str]] = [
    ("no state", {"state": None}, "launch-interrupted"),
    ("empty state", {"state": ""}, "launch-interrupted"),
    ("another state", {"state": "guessed"}, "launch-interrupted"),
    ("consent refused", {"error": "access_denied", "code": None}, "consent-refused"),
    ("consent refused, state lost", {"error": "access_denied", "state": None}, "consent-refused"),
    ("scope refused", {"error": "invalid_scope", "error_description": "CODE-secret"}, "authorization-refused"),
    ("neither code nor error", {"code": None}, "callback-invalid"),
    ("another issuer", {"iss": "https://evil.test"}, "callback-invalid"),
]


@pytest.mark.parametrize(
    ("change", "reason"),
    [row[1:] for row in REFUSED_CALLBACKS],
    ids=[row[0].replace(" ", "-") for row in REFUSED_CALLBACKS],
)
async def test_c30_a_callback_that_is_refused_redeems_nothing(
    app: App, browser: httpx.AsyncClient, change: dict[str, Any], reason: str
) -> None:
    asked = await started(browser, app)
    answer = await browser.get(returned(asked, **change))
    assert answer.status_code == 400
    assert app.reasons == [reason]
    assert not app.ehr.token.called
    assert app.opened == []


async def test_parameters_given_twice_are_refused(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    assert (await browser.get(returned(asked) + "&code=other")).status_code == 400
    assert app.reasons == ["launch-interrupted"]


async def test_the_answer_must_come_back_on_its_own_ehr_s_path(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    swapped = returned(asked).replace("/callback/demo", "/callback/other")
    assert (await browser.get(swapped)).status_code == 400
    assert app.reasons == ["launch-interrupted"]
    unknown = await browser.get("/callback/nobody?state=x&code=y")
    assert (unknown.status_code, app.reasons[-1]) == (400, "issuer-unknown")
    assert not app.ehr.token.called


async def test_c32_an_announced_issuer_is_demanded(app: App, browser: httpx.AsyncClient) -> None:
    app.ehr.document["authorization_response_iss_parameter_supported"] = True
    asked = await started(browser, app)
    assert (await browser.get(returned(asked))).status_code == 400
    assert app.reasons == ["callback-invalid"]
    asked = await started(browser, app)
    assert (await browser.get(returned(asked, iss=f"{ORIGIN}/oauth"))).status_code == 303


async def test_an_ehr_without_issuer_answers_as_its_fhir_base(app: App, browser: httpx.AsyncClient) -> None:
    app.ehr.document.pop("issuer")
    asked = await started(browser, app, id_token=None)
    assert (await browser.get(returned(asked, iss=ISSUER))).status_code == 303


async def test_c39_without_patient_the_clinician_is_sent_to_a_chart(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app, patient=None)
    answer = await browser.get(returned(asked))
    assert answer.json()["message"] == "Start the app from a patient's chart."
    assert app.reasons == ["chart-missing"]
    assert app.store.token_sets == {}
    assert app.ehr.revoke.call_count == 1  # tokens that nobody keeps are given back


async def test_c39_without_encounter_the_launch_goes_on(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app, encounter=None)
    assert (await browser.get(returned(asked))).status_code == 303
    assert app.opened[0][0].encounter is None


@pytest.mark.parametrize(
    ("items", "encounter"),
    [
        ([{"reference": "Encounter/e-9"}], "e-9"),
        ([{"reference": "Encounter/e-9", "role": "launch"}, {"reference": "ImagingStudy/1"}], "e-9"),
        ([{"reference": "Encounter/e-9"}, {"reference": "Encounter/e-8"}], None),
        ([{"reference": "Encounter/e-9", "role": "https://ehr.example.org/earlier-visit"}], None),
        ([{"reference": "https://evil.test/fhir/Encounter/e-9"}], None),
        ([{"reference": "Encounter/.."}], None),
    ],
    ids=["one", "one among others", "two", "another role", "elsewhere", "no id"],
)
async def test_an_encounter_told_in_the_fhir_context_alone_counts_where_it_is_the_only_one(
    app: App, browser: httpx.AsyncClient, items: list[dict[str, str]], encounter: str | None
) -> None:
    asked = await started(browser, app, encounter=None, fhirContext=items)
    assert (await browser.get(returned(asked))).status_code == 303
    assert app.opened[0][0].encounter == encounter


async def test_without_id_token_nobody_is_named(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app, id_token=None)
    assert (await browser.get(returned(asked))).status_code == 303
    context = app.opened[0][0]
    assert (context.fhir_user, context.subject, context.token_issuer) == (None, None, None)


async def test_an_id_token_of_another_launch_opens_nothing(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app, id_token=an_id_token("another launch's nonce"))
    assert (await browser.get(returned(asked))).status_code == 400
    assert app.reasons == ["identity-unverified"]
    assert (app.store.contexts, app.store.token_sets, app.opened) == ({}, {}, [])


async def test_after_a_failed_redemption_the_ehr_is_asked_anew(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    app.ehr.token.mock(return_value=httpx.Response(404))
    assert (await browser.get(returned(asked))).status_code == 400
    assert app.ehr.well_known.call_count == 1
    await started(browser, app)
    assert app.ehr.well_known.call_count == 2


async def test_a_hook_that_refuses_ends_the_launch(app: App, browser: httpx.AsyncClient) -> None:
    app.hook_error = LaunchEnded(ehr="demo")
    asked = await started(browser, app)
    answer = await browser.get(returned(asked))
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    assert (app.store.contexts, app.store.token_sets) == ({}, {})
    assert app.reasons == ["launch-ended"]
    assert app.ehr.revoke.call_count == 1


async def test_l9_a_planted_session_cookie_opens_nothing(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    launch_id = next(iter(app.store.pending.values())).id
    browser.cookies.set(cookies.session_cookie_name(launch_id), "planted", domain="app.example.org")
    done = await browser.get(returned(asked))
    jar: SimpleCookie = SimpleCookie(done.headers.get_list("set-cookie")[1].partition(";")[0])
    secret = jar[cookies.session_cookie_name(launch_id)].value
    start = jar.get(cookies.start_cookie_name(launch_id))
    assert start is None
    shown = cookies.session_digest({cookies.session_cookie_name(launch_id): secret}, launch_id)
    assert (await app.desk.session(launch_id, shown)).patient == "pat-1"
    with pytest.raises(LaunchEnded):
        await app.desk.session(launch_id, digest("planted"))


async def test_c66_two_charts_in_one_browser_stay_apart(app: App, browser: httpx.AsyncClient) -> None:
    first = await started(browser, app)
    second = await started(browser, app)
    for asked, patient in ((first, "pat-1"), (second, "pat-2")):
        reply = a_token_reply(id_token=an_id_token(asked["nonce"]), patient=patient)
        app.ehr.token.mock(return_value=httpx.Response(200, json=reply))
        assert (await browser.get(returned(asked))).status_code == 303
    (one, _), (two, _) = app.opened
    assert (one.patient, two.patient) == ("pat-1", "pat-2")
    held = {name: value for name, value in browser.cookies.items() if name.startswith("__Host-kp-")}
    assert held.keys() == {cookies.session_cookie_name(one.id), cookies.session_cookie_name(two.id)}
    with pytest.raises(LaunchEnded):
        await app.desk.session(one.id, cookies.session_digest(held, two.id))
    assert (await app.desk.session(one.id, cookies.session_digest(held, one.id))).patient == "pat-1"


async def test_a_session_ends_at_its_limit_and_without_its_cookie(
    app: App, browser: httpx.AsyncClient, clock: Clock
) -> None:
    await browser.get(returned(await started(browser, app)))
    launch_id = app.opened[0][0].id
    shown = cookies.session_digest(dict(browser.cookies.items()), launch_id)
    with pytest.raises(LaunchEnded):
        await app.desk.session(launch_id, cookies.session_digest({}, launch_id))
    with pytest.raises(LaunchEnded):
        await app.desk.session("never-was", shown)
    clock.forward(hours=11, minutes=59)
    assert (await app.desk.session(launch_id, shown)).id == launch_id
    clock.forward(minutes=1)
    with pytest.raises(LaunchEnded):
        await app.desk.session(launch_id, shown)


async def test_c67_leaving_forgets_here_and_revokes_there(app: App, browser: httpx.AsyncClient) -> None:
    await browser.get(returned(await started(browser, app)))
    launch_id = app.opened[0][0].id
    assert await app.desk.end_launch(launch_id)
    assert (app.store.contexts, app.store.token_sets, app.store.sessions) == ({}, {}, {})
    assert app.ehr.revoke.call_count == 1
    assert not await app.desk.end_launch(launch_id)


async def test_leaving_works_while_the_ehr_is_away(app: App, browser: httpx.AsyncClient, clock: Clock) -> None:
    await browser.get(returned(await started(browser, app)))
    clock.forward(hours=2)
    app.ehr.well_known.mock(side_effect=httpx.ConnectError("no"))
    assert not await app.desk.end_launch(app.opened[0][0].id)
    assert app.store.token_sets == {}


async def test_an_open_launch_gets_its_tokens_refreshed(app: App, browser: httpx.AsyncClient, clock: Clock) -> None:
    await browser.get(returned(await started(browser, app)))
    clock.forward(hours=2)
    app.ehr.token.mock(return_value=httpx.Response(200, json=a_token_reply(access_token="ACCESS-2")))
    assert (await app.desk.tokens.current(app.opened[0][0].id)).access_token == "ACCESS-2"


async def test_the_key_set_is_public_and_may_be_kept(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    (jwk,) = answer.json()["keys"]
    assert (jwk["kid"], jwk["alg"]) == (APP_KEY.kid, "ES384")
    assert "d" not in jwk


SECRETS = ("CODE-secret", "LAUNCH-secret", "ACCESS-secret", "REFRESH-secret")
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("fine", {}),
    ("spent code", {"status": 400, "json": {"error": "invalid_grant", "error_description": "CODE-secret"}}),
    ("page", {"status": 500, "html": "CODE-secret ACCESS-secret"}),
    ("bad reply", {"status": 200, "json": a_token_reply(token_type="mac")}),
    ("bad patient", {"status": 200, "json": a_token_reply(patient="../ACCESS-secret")}),
    ("bad id_token", {"status": 200, "json": a_token_reply(id_token="ACCESS-secret")}),
]


@pytest.mark.parametrize("answer", [row[1] for row in FAULTS], ids=[row[0].replace(" ", "-") for row in FAULTS])
async def test_l11_no_secret_reaches_a_message_a_log_or_our_own_addresses(
    app: App, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, answer: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = await started(browser, app)
    caplog.clear()  # the test's own browser logs the addresses it visits
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if answer:
        given = dict(answer)
        app.ehr.token.mock(return_value=httpx.Response(given.pop("status"), **given))
    done = await browser.get(returned(asked))
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    said = [done.text, done.headers.get("location", ""), caplog.text]
    said += [f"{error} {error!r} {error.what_to_do} {error.__cause__}" for error in app.errors]
    said += [str(refusal) for refusal in app.store.refusals]
    everything = " ".join(said)
    for secret in (*SECRETS, asked["state"], asked["nonce"], asked["code_challenge"]):
        assert secret not in everything
    assert (done.status_code == 400) is bool(answer)


async def test_only_digests_of_the_browser_s_secrets_are_kept(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    pending = next(iter(app.store.pending.values()))
    start = browser.cookies[cookies.start_cookie_name(pending.id)]
    assert asked["state"] not in repr(pending)
    assert start not in repr(pending)
    await browser.get(returned(asked))
    session = browser.cookies[cookies.session_cookie_name(pending.id)]
    assert app.store.sessions == {pending.id: digest(session)}
    assert session not in {start, asked["state"]}


async def test_each_ehr_s_code_goes_to_that_ehr_only(app: App, browser: httpx.AsyncClient) -> None:
    asked = await started(browser, app)
    await browser.get(returned(asked))
    redeemed = [str(request.url) for request in app.ehr.requests if request.method == "POST"]
    assert redeemed == [TOKEN_URL]


async def test_the_session_cookie_can_be_dropped() -> None:
    assert cookies.dropped_session_cookie("launch-1") == f"__Host-kp-launch-1=; {ATTRIBUTES}; Max-Age=0"


async def test_a_launch_of_an_ehr_that_was_taken_off_the_list_can_still_be_left(
    app: App, browser: httpx.AsyncClient
) -> None:
    await browser.get(returned(await started(browser, app)))
    context = app.opened[0][0]
    app.store.contexts[context.id] = replace(context, ehr="gone")
    assert not await app.desk.end_launch(context.id)
    assert app.store.token_sets == {}


async def test_c26_a_long_request_goes_as_a_form_where_the_ehr_takes_one(
    app: App, browser: httpx.AsyncClient
) -> None:
    app.ehr.document["capabilities"].append("authorize-post")
    short = await browser.get("/launch", params={"iss": ISSUER, "launch": "LAUNCH-secret"})
    assert short.status_code == 303, "an address will do, and it leaves no page in the way back"
    sent = await browser.get("/launch", params={"iss": ISSUER, "launch": "L" * 2000})
    assert sent.status_code == 200
    assert sent.json()["endpoint"] == f"{ORIGIN}/oauth/authorize"
    assert sent.json()["asked"]["launch"] == "L" * 2000
    assert any(name.startswith("__Host-kp-start-") for name in browser.cookies)
    app.ehr.document["capabilities"].remove("authorize-post")
    app.desk.discovery.forget(app.desk.registry.named("demo"))
    plain = await browser.get("/launch", params={"iss": ISSUER, "launch": "L" * 2000})
    assert plain.status_code == 303


async def test_a_registration_may_forbid_the_form(clients: EhrClients, ehr: Ehr, clock: Clock) -> None:
    ehr.document["capabilities"].append("authorize-post")
    async with an_app(clients, ehr, clock, authorize_post=False).browser() as browser:
        answer = await browser.get("/launch", params={"iss": ISSUER, "launch": "L" * 2000})
    assert answer.status_code == 303
