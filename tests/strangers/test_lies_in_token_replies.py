"""Token replies and metadata that lie, break off or send elsewhere (L-14, L-15, E-2, E-4, C37 to C41)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from launch import tokens
from launch.discovery import exchange
from smart_app.sandbox.clinician import Clinician
from tests.strangers.conftest import Lied
from tests.strangers.fault_proxy import JWKS, TOKEN, WELL_KNOWN
from tests.strangers.forgeries import (
    ABSENT,
    HTML,
    REDIRECTS,
    altered,
    answers,
    bomb,
    cut,
    drips,
    endless,
    head,
    members,
    redirects,
)

pytestmark = pytest.mark.anyio

NO_REPLY = (502, "answered with something else than tokens", "token-reply-invalid")
NOT_RIGHT = (502, "token reply is not as it should be", "token-reply-invalid")
TOO_LARGE = (502, "far larger than such an answer can be", "token-reply-invalid")
NOT_REACHED = (502, "The EHR could not be reached.", "ehr-unreachable")
REFUSED = (502, "The EHR refused to give access", "token-refused")
NO_PATIENT = (400, "Start the app from a patient's chart.", "chart-missing")
NOT_AGREED = (400, "did not accept the app's own credentials", "authorization-refused")


def oauth(error: str, status: int = 400) -> Any:
    return answers(b'{"error": "%s", "error_description": "<b>LARSEN 555</b>"}' % error.encode(), status=status)


REPLIES: dict[str, tuple[Any, tuple[int, str, str]]] = {
    "N HTML for JSON": (answers(HTML, kind="text/html"), NO_REPLY),
    "N HTML that calls itself JSON": (answers(HTML), NO_REPLY),
    "N JSON that calls itself HTML": (answers(b"{}", kind="text/html"), NO_REPLY),
    "N empty": (answers(), NO_REPLY),
    "N empty, 204": (answers(status=204), REFUSED),
    "N a list": (altered(lambda body: b"[" + body + b"]"), NO_REPLY),
    "N null": (answers(b"null"), NO_REPLY),
    "N cut in the middle": (altered(lambda body: body[:-20]), NO_REPLY),
    "N a name twice": (altered(lambda body: body[:-1] + b', "access_token": "another"}'), NO_REPLY),
    "N a thousand brackets": (answers(b'{"a":' * 30000), NO_REPLY),
    "N damaged gzip": (answers(b"not gzip", content_encoding="gzip"), (502, "damaged", "token-reply-invalid")),
    "N another encoding": (answers(b"x", content_encoding="br"), (502, "encoding", "token-reply-invalid")),
    "E-4 bomb": (bomb(), TOO_LARGE),
    "E-4 bomb in a bomb": (bomb(nested=True), NO_REPLY),
    "E-4 without end": (endless(), TOO_LARGE),
    "N connection cut before": (cut(), NOT_REACHED),
    "N connection cut in the head": (cut(b"HTTP/1.1 200 OK\r\ncontent-ty"), NOT_REACHED),
    "N connection cut in the body": (cut(head(content_length="500") + b'{"access_token"'), NOT_REACHED),
    "N no HTTP": (cut(b"\x16\x03\x01\x02\x00"), NOT_REACHED),
    "C37 no access token": (members(access_token=ABSENT), NOT_RIGHT),
    "C37 a number as access token": (members(access_token=12345), NOT_RIGHT),
    "C37 an access token with a line break": (members(access_token="a\r\nHost: evil.test"), NOT_RIGHT),
    "C37 another token type": (members(token_type="mac"), NOT_RIGHT),
    "C37 no token type": (members(token_type=ABSENT), NOT_RIGHT),
    "C37 expires_in in words": (members(expires_in="soon"), NOT_RIGHT),
    "C37 expires_in below nothing": (members(expires_in=-1), NOT_RIGHT),
    "C37 expires_in true": (members(expires_in=True), NOT_RIGHT),
    "C37 expires_in as a list": (members(expires_in=[3600]), NOT_RIGHT),
    "C37 an id_token without end": (members(id_token="x" * 20_000), NOT_RIGHT),
    "C37 scope as a number": (members(scope=1), NOT_RIGHT),
    "L-15 C39 no patient": (members(patient=ABSENT), NO_PATIENT),
    "L-15 C39 an empty patient": (members(patient=""), NO_PATIENT),
    "L-15 C39 patient null": (members(patient=None), NO_PATIENT),
    "L-15 C39 a patient that climbs": (members(patient="../Practitioner/mira-holm"), NOT_RIGHT),
    "L-15 C39 two dots": (members(patient=".."), NOT_RIGHT),
    "L-15 C39 a patient with a query": (members(patient="1?_summary=true"), NOT_RIGHT),
    "L-15 C39 a patient elsewhere": (members(patient="http://evil.test/fhir/Patient/1"), NOT_RIGHT),
    "L-15 C39 a number as patient": (members(patient=7), NOT_RIGHT),
    "L-15 C39 an encounter that climbs": (members(encounter="../../admin"), NOT_RIGHT),
    "N error with status 200": (oauth("invalid_grant", 200), (502, "no longer accepts", "token-refused")),
    "N a spent code": (oauth("invalid_grant"), (502, "no longer accepts", "token-refused")),
    "D invalid_client": (oauth("invalid_client", 401), NOT_AGREED),
    "N an error without a name": (answers(b"{}", status=400), REFUSED),
    "N 401 in HTML": (answers(HTML, status=401, kind="text/html"), REFUSED),
    "N 403": (answers(status=403), REFUSED),
    "N 429": (answers(status=429, retry_after="1"), (502, "asks the app to come back later", "ehr-busy")),
    "N 500": (answers(HTML, status=500), (502, "(HTTP 500)", "ehr-unreachable")),
    "N 503": (answers(status=503), (502, "(HTTP 503)", "ehr-unreachable")),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "told"), [pytest.param(*case, id=name) for name, case in REPLIES.items()])
async def test_a_token_reply_that_does_not_hold_opens_nothing(
    lied: Lied, browser: Clinician, forge: Any, told: tuple[int, str, str]
) -> None:
    lied.ehr.order(TOKEN, forge, method="POST")
    status, words, reason = told
    page = await lied.refused(browser, status=status, words=words, reason=reason)
    assert "555" not in page.text  # what the EHR writes is not shown: anyone may have written it
    assert lied.token_requests() == 1  # a code is never sent twice


@pytest.mark.parametrize("status", [pytest.param(status, id=f"E-2 {status}") for status in REDIRECTS])
@pytest.mark.parametrize("where", ["the canary", "the same host"])
async def test_a_token_endpoint_that_redirects_is_not_followed(
    lied: Lied, browser: Clinician, status: int, where: str
) -> None:
    """A 307 would carry code, verifier and assertion along."""
    home = lied.canary.url if where == "the canary" else lied.ehr.url
    lied.ehr.order(TOKEN, redirects(status, f"{home}/moved/token"), method="POST")
    await lied.refused(browser, status=502, words="to another address", reason="token-reply-invalid")
    assert lied.ehr.requests("POST", "/moved") == []


async def test_a_token_endpoint_that_drips_has_an_end(
    lied: Lied, browser: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-4: each byte comes in time, all of them never would."""
    monkeypatch.setattr(tokens, "PATIENT_LIMIT", 0.4)
    lied.ehr.order(TOKEN, drips(), method="POST")
    await lied.refused(browser, status=502, words="did not answer in time", reason="ehr-unreachable")


METADATA: dict[str, tuple[Any, str, str]] = {
    "N HTML for JSON": (answers(HTML, kind="text/html"), "does not say how apps are started", "discovery-failed"),
    "N empty": (answers(), "does not say how apps are started", "discovery-failed"),
    "N cut in the middle": (altered(lambda body: body[:-9]), "does not say how apps are started", "discovery-failed"),
    "N 404": (answers(status=404), "does not say how apps are started", "discovery-failed"),
    "N 500": (answers(status=500), "does not say how apps are started", "discovery-failed"),
    "N connection cut": (cut(), "could not be reached", "ehr-unreachable"),
    "E-4 bomb": (bomb(), "far larger", "discovery-failed"),
    "E-4 without end": (endless(), "far larger", "discovery-failed"),
}


@pytest.mark.parametrize(
    ("forge", "words", "reason"), [pytest.param(*case, id=name) for name, case in METADATA.items()]
)
async def test_metadata_that_do_not_hold_stop_the_launch(
    lied: Lied, browser: Clinician, forge: Any, words: str, reason: str
) -> None:
    lied.ehr.order(WELL_KNOWN, forge)
    await lied.refused(browser, status=502, words=words, reason=reason)


@pytest.mark.parametrize("path", [pytest.param(WELL_KNOWN, id="E-4 C13 metadata"), pytest.param(JWKS, id="E-4 keys")])
async def test_metadata_that_drip_have_an_end(
    lied: Lied, browser: Clinician, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    hurried = partial(exchange, time_limit=0.4)
    monkeypatch.setattr("launch.discovery.exchange", hurried)
    monkeypatch.setattr("launch.identity.exchange", hurried)
    lied.ehr.order(path, drips())
    await lied.refused(browser, status=502, words="did not answer in time", reason="ehr-unreachable")


TOLERATED: dict[str, Any] = {
    "C37 expires_in as a text": members(expires_in="3600"),
    "C37 expires_in as a fraction": members(expires_in=3600.0),
    "C37 no expires_in": members(expires_in=ABSENT),
    "C37 expires_in of thirty years": members(expires_in=999_999_999),
    "C37 token type in small letters": members(token_type="bearer"),
    "C37 no scope": members(scope=ABSENT),
    "C39 no encounter": members(encounter=ABSENT),
    "C37 no refresh token": members(refresh_token=ABSENT),
    "C40 need_patient_banner as a text": members(need_patient_banner="false"),
    "C40 an intent of ten thousand letters": members(intent="<script>" * 1250),
    "C40 an intent as a list": members(intent=["reconcile"]),
    "C40 a tenant with markup": members(tenant="<b>tenant</b>"),
    "C40 fhirContext as a text": members(fhirContext="Encounter/1"),
    "C40 fhirContext elsewhere": members(fhirContext=[{"reference": "http://evil.test/fhir/ImagingStudy/1"}, 7, {}]),
    "C37 members nobody knows": members(__proto__={"admin": True}, patient_name="x"),
}


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in TOLERATED.items()])
async def test_what_does_no_harm_opens_the_chart(lied: Lied, browser: Clinician, forge: Any) -> None:
    lied.ehr.order(TOKEN, forge, method="POST")
    page = await lied.launch(browser)
    assert page.status == 200
    assert "LARSEN" in page.text
    assert "<script><script>" not in page.html


async def test_a_style_elsewhere_is_not_fetched(lied: Lied, browser: Clinician) -> None:
    """C41, B-6."""
    for url in (f"{lied.canary.url}/style.json", "http://evil.test/style.json", "file:///etc/passwd", "//evil.test"):
        lied.ehr.order(TOKEN, members(smart_style_url=url), method="POST", times=1)
        assert (await lied.launch(browser)).status == 200


async def test_a_reply_that_names_another_patient_shows_neither(lied: Lied, browser: Clinician) -> None:
    """L-15, C65: the token is for one patient, the reply names another; the EHR gives out nothing for it."""
    lied.ehr.order(TOKEN, members(patient=lied.patient("five-sessions")), method="POST")
    page = await lied.launch(browser)
    assert "LARSEN" not in page.text
    assert "WHITFIELD" not in page.text
    assert "Not enough data" in page.text


SCOPES = {
    "L-14 C38 reading only": ("launch openid fhirUser patient/*.rs", "LARSEN"),
    "L-14 C38 no session may be written": ("launch openid fhirUser patient/*.rs patient/CarePlan.cruds", "LARSEN"),
    "L-14 C28 letters out of order": ("launch openid fhirUser patient/Patient.sr patient/*.rs", "LARSEN"),
    "L-14 C38 conditions left out": ("launch fhirUser patient/Patient.rs patient/Observation.rs", "Not enough data"),
    "L-14 more than was asked": ("launch openid fhirUser system/*.cruds user/*.cruds patient/*.cruds", "LARSEN"),
}  # fmt: skip


@pytest.mark.parametrize(("scope", "words"), [pytest.param(*case, id=name) for name, case in SCOPES.items()])
async def test_the_granted_scopes_are_read_back(lied: Lied, browser: Clinician, scope: str, words: str) -> None:
    lied.ehr.order(TOKEN, members(scope=scope), method="POST")
    page = await lied.launch(browser)
    assert page.status == 200
    assert words in page.text
    may_enrol = any(link.text == "Enrolment" for link in page.links)
    enrolment = lied.seen(await browser.open(page.url.replace("/screening", "/enrolment"))) if may_enrol else None
    writes = "patient/*.cruds" in scope
    assert enrolment is None or bool([one for one in enrolment.forms if one.action.endswith("/enrolment")]) is writes
