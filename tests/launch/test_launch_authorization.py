"""The question put to the EHR says all that SMART asks for; the answer is believed only from the right place."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from launch.authorization import (
    AuthorizationRequest,
    Callback,
    check_answer,
    check_pending,
    digest,
    ehr_launch_request,
    refusal,
    standalone_request,
)
from launch.errors import (
    AuthorizationRefused,
    CallbackInvalid,
    ConsentRefused,
    CookieRefused,
    EhrUnreachable,
    LaunchError,
    LaunchInterrupted,
    Party,
)
from launch.registry import Registration
from tests.launch.an_ehr import ORIGIN, PUBLIC_BASE, START, a_configuration, a_registration

ISS = "https://EHR.example.org:443/fhir/"
LAUNCH = "lau+nch /ü&=%41"
REDIRECT = f"{PUBLIC_BASE}/callback/demo"


def begun(registration: Registration | None = None, **document: Any) -> AuthorizationRequest:
    registration = registration or a_registration()
    configuration = a_configuration(registration, **document)
    return ehr_launch_request(registration, configuration, iss=ISS, launch=LAUNCH, redirect_uri=REDIRECT, now=START)


def begun_standalone(registration: Registration | None = None) -> AuthorizationRequest:
    registration = registration or a_registration()
    return standalone_request(registration, a_configuration(registration), iss=ISS, redirect_uri=REDIRECT, now=START)


def parameters(request: AuthorizationRequest) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(request.url).query, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_the_request_from_the_chart_is_complete() -> None:
    request = begun()
    sent = parameters(request)
    assert request.url.startswith(f"{ORIGIN}/oauth/authorize?")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(request.pending.verifier.encode()).digest())
    state = sent.pop("state")
    assert sent == {
        "response_type": "code",
        "client_id": "kp-client",
        "redirect_uri": REDIRECT,
        "scope": "launch openid fhirUser offline_access patient/Patient.rs patient/Procedure.crus",
        "aud": ISS,
        "launch": LAUNCH,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "nonce": request.pending.nonce,
    }
    assert len(base64.urlsafe_b64decode(state + "==")) >= 16
    assert digest(state) == request.pending.state_digest
    assert digest(request.browser_secret) == request.pending.browser_digest
    assert 43 <= len(request.pending.verifier) <= 128
    assert request.pending.expires - START == timedelta(minutes=10)


def test_a_standalone_request_asks_for_a_patient_instead_of_echoing_a_launch() -> None:
    sent = parameters(begun_standalone())
    assert "launch" not in sent
    assert sent["scope"].split()[0] == "launch/patient"
    assert "launch" not in sent["scope"].split()
    assert begun_standalone().pending.standalone
    assert not begun().pending.standalone


def test_registered_launch_scopes_are_not_doubled_and_hints_are_kept() -> None:
    registration = a_registration(scopes=["launch/patient", "launch", "launch/encounter", "patient/Patient.r"])
    assert parameters(begun(registration))["scope"] == "launch launch/encounter patient/Patient.r"


SUPPORTED = [
    pytest.param(["patient/Patient.rs", "launch"], "patient/Patient.rs", id="what is not listed is left out"),
    pytest.param(
        ["patient/*.read", "offline_access"], "offline_access patient/Patient.rs patient/Procedure.rs", id="all"
    ),
    pytest.param(["patient/Procedure.*"], "patient/Procedure.crus", id="version 1 means the same"),
    pytest.param(["openid", "launch", "profile"], None, id="a list without clinical scopes says nothing"),
    pytest.param(["user/Patient.rs"], None, id="a list with nothing of ours says nothing"),
    pytest.param(None, None, id="no list"),
    pytest.param(["patient/Patient.sr", 7], None, id="garbage"),
]


@pytest.mark.parametrize(("listed", "asked"), SUPPORTED)
def test_only_what_the_ehr_supports_is_asked_for_where_that_was_registered(
    listed: list[str] | None, asked: str | None
) -> None:
    everything = "openid fhirUser offline_access patient/Patient.rs patient/Procedure.crus"
    registration = a_registration(ask_only_supported=True)
    sent = parameters(begun(registration, scopes_supported=listed))["scope"]
    assert sent == f"launch {everything if asked is None else f'openid fhirUser {asked}'}"
    assert parameters(begun(scopes_supported=listed))["scope"] == f"launch {everything}"


def test_without_openid_there_is_no_nonce_to_send() -> None:
    assert "nonce" not in parameters(begun(a_registration(scopes=["patient/Patient.r"])))


def test_an_old_ehr_is_asked_in_its_own_scope_words() -> None:
    registration = a_registration(scope_version="v1", scopes=["patient/Procedure.crus"])
    assert parameters(begun(registration))["scope"] == "launch patient/Procedure.read patient/Procedure.write"


def test_s256_is_sent_even_where_the_ehr_is_silent() -> None:
    request = begun(a_registration(smart_v1=True), code_challenge_methods_supported=None)
    assert parameters(request)["code_challenge_method"] == "S256"


def test_an_authorize_address_with_a_query_keeps_it_to_the_letter() -> None:
    address = f"{ORIGIN}/a?tenant=7&shape={{round}}&flag"
    url = begun(authorization_endpoint=address).url
    assert url.startswith(address + "&response_type=code&")
    assert parse_qs(urlsplit(url).query)["tenant"] == ["7"]


def test_no_secret_is_used_twice_and_none_is_shown() -> None:
    requests = [begun() for _ in range(200)]
    secrets = [
        secret
        for request in requests
        for secret in (
            request.pending.id,
            request.pending.verifier,
            request.pending.nonce,
            request.browser_secret,
            parameters(request)["state"],
        )
    ]
    assert len(set(secrets)) == len(secrets)
    shown = repr(replace(requests[0], pending=replace(requests[0].pending, verifier="", nonce="")))
    assert requests[0].browser_secret not in shown
    assert parameters(requests[0])["state"] not in shown


def test_the_right_browser_in_time_may_finish() -> None:
    request = begun()
    late = START + timedelta(minutes=9, seconds=59)
    held = check_pending(request.pending, ehr="demo", browser_secret=request.browser_secret, now=late)
    assert held is request.pending


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ehr": "other"}, LaunchInterrupted),
        ({"now": START + timedelta(minutes=10)}, LaunchInterrupted),
        ({"browser_secret": "another browser's"}, LaunchInterrupted),
        ({"browser_secret": None}, CookieRefused),
        ({"browser_secret": ""}, CookieRefused),
    ],
    ids=["another EHR's path", "too late", "another browser", "no cookie", "an empty cookie"],
)
def test_nobody_else_may_finish(change: dict[str, Any], error: type[LaunchError]) -> None:
    request = begun()
    usual = {"ehr": "demo", "browser_secret": request.browser_secret, "now": START}
    with pytest.raises(error) as caught:
        check_pending(request.pending, **{**usual, **change})
    assert type(caught.value) is error
    assert caught.value.launch_id == request.pending.id


def test_an_unknown_state_finishes_nothing() -> None:
    with pytest.raises(LaunchInterrupted, match="The start of the app was interrupted"):
        check_pending(None, ehr="demo", browser_secret="x", now=START)


def test_a_lost_cookie_tells_the_page_where_to_start_again() -> None:
    error = CookieRefused(ehr="demo", launch_id="launch-1")
    assert (error.ehr, error.launch_id, error.what_to_do) == (
        "demo",
        "launch-1",
        "Open the app in its own window.",
    )


def answer(callback: Callback, *, announced: bool = False) -> str:
    return check_answer(callback, ehr="demo", issuers={f"{ORIGIN}/oauth"}, issuer_announced=announced)


def test_a_code_is_taken_from_the_right_issuer() -> None:
    assert answer(Callback(state="s", code="c0de")) == "c0de"
    assert answer(Callback(state="s", code="c0de", iss=f"{ORIGIN}/oauth"), announced=True) == "c0de"


@pytest.mark.parametrize(
    ("callback", "announced"),
    [
        (Callback(state="s"), False),
        (Callback(state="s", code=""), False),
        (Callback(state="s", code="c\n"), False),
        (Callback(state="s", code="c0de"), True),
        (Callback(state="s", code="c0de", iss="https://evil.test"), False),
        (Callback(state="s", code="c0de", iss=f"{ORIGIN}/oauth/"), False),
        (Callback(state="s", code="c0de", iss=""), False),
        (Callback(state="s", error="access_denied", iss="https://evil.test"), False),
    ],
    ids=["nothing", "empty", "unprintable", "no iss", "other iss", "nearly iss", "empty iss", "other's error"],
)
def test_an_answer_that_is_none_is_the_ehr_s_fault(callback: Callback, announced: bool) -> None:
    with pytest.raises(CallbackInvalid) as caught:
        answer(callback, announced=announced)
    assert caught.value.party is Party.EHR
    assert "c0de" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "error", "kept"),
    [
        ("access_denied", ConsentRefused, "access_denied"),
        ("invalid_scope", AuthorizationRefused, "invalid_scope"),
        ("invalid_request", AuthorizationRefused, "invalid_request"),
        ("server_error", EhrUnreachable, "server_error"),
        ("temporarily_unavailable", EhrUnreachable, "temporarily_unavailable"),
        ("<script>alert(1)</script>", AuthorizationRefused, None),
    ],
)
def test_a_refusal_is_told_in_our_own_words(code: str, error: type[LaunchError], kept: str | None) -> None:
    with pytest.raises(error) as caught:
        answer(Callback(state="s", code="c0de", error=code))
    assert caught.value.oauth_code == kept
    assert code not in str(caught.value)
    assert type(refusal(code, ehr="demo")) is error


def test_a_refused_consent_says_who_refused_and_what_to_do() -> None:
    error = refusal("access_denied", ehr="demo")
    assert "The EHR or the user refused" in str(error)
    assert error.what_to_do == "Start the app again from the chart."
