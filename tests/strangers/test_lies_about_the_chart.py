"""The EHR's FHIR server points elsewhere, breaks off or gives another's records (E-1, E-2, E-4, E-6, E-8, C61, C64).

The page always says which part of the chart could not be read, and never more than "not enough data".
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from smart_app.ehr import fhir_client
from smart_app.ehr.exchange import exchange
from smart_app.sandbox.clinician import Clinician, Page
from tests.strangers.conftest import Lied, leaving
from tests.strangers.fault_proxy import TOKEN, Asked, Forge, Reply
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

FHIR = "application/fhir+json"
CONDITIONS = "/fhir/Condition"
OUTSIDE = "the EHR named an address outside its FHIR base"
UNREADABLE = "the EHR's answer is not readable as FHIR JSON"
CUT = "the connection to the EHR was cut"
PLACES = {
    "another port": "{canary}/fhir/Condition?page=2",
    "another host": "http://evil.test:{port}/fhir/Condition?page=2",
    "a host that begins alike": "http://127.0.0.1.evil.test:{port}/fhir/Condition?page=2",
    "our host as a user name": "http://127.0.0.1@evil.test:{port}/fhir/Condition",
    "no scheme": "//evil.test:{port}/fhir/Condition",
    "backslashes": "\\\\evil.test:{port}\\fhir\\Condition",
    "https of our own host": "https://{own}/fhir/Condition?page=2",
    "a path that begins alike": "http://{own}/fhir-other/Condition?page=2",
    "a path that climbs": "http://{own}/fhir/../admin/Condition",
    "a path that climbs in code": "http://{own}/fhir/%2e%2e/admin/Condition",
    "the login page": "http://{own}/sign-in",
    "a file": "file:///etc/passwd",
}


def at(lied: Lied, place: str) -> str:
    own = lied.ehr.url.removeprefix("http://")
    return PLACES[place].format(canary=lied.canary.url, port=lied.canary.port, own=own)


def a_bundle(*resources: dict[str, Any], following: str | None = None) -> Any:
    link = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}


def listed(*resources: dict[str, Any], following: str | None = None, **headers: str) -> Forge:
    return answers(json.dumps(a_bundle(*resources, following=following)).encode(), kind=FHIR, **headers)


def check_part_missing(page: Page, words: str) -> None:
    assert page.status == 200, page.text[:400]
    assert "Not enough data" in page.text.partition("Decision support. You decide.")[0]
    assert f"Conditions: {words}" in page.text, page.text[:2500]


every_place = pytest.mark.parametrize("place", [pytest.param(place, id=f"E-1 {place}") for place in PLACES])


@every_place
async def test_a_next_page_elsewhere_is_not_asked_for(lied: Lied, browser: Clinician, place: str) -> None:
    lied.ehr.order(CONDITIONS, listed(following=at(lied, place)))
    page = await lied.launch(browser)
    assert page.status == 200
    assert "Not enough data" in page.text
    assert "Conditions:" in page.text
    asked = [one.target for one in lied.ehr.asked if one.headers.get("authorization")]
    assert all(target.startswith("/fhir/") and ".." not in target for target in asked), asked
    assert len(lied.ehr.requests("GET", CONDITIONS)) == 1


@pytest.mark.parametrize(
    "following",
    [pytest.param("Condition?page=2", id="E-1 relative"), pytest.param("{own}", id="E-1 HOST in capitals")],
)
async def test_a_next_page_at_home_is_read(lied: Lied, browser: Clinician, following: str) -> None:
    """So that the cases above are refused for where they lead, not for being pages."""
    address = following.format(own=f"{lied.ehr.url.replace('http', 'HTTP')}/fhir/Condition?page=2")
    lied.ehr.order(CONDITIONS, listed(following=address), times=1)
    lied.ehr.order(CONDITIONS + r"\?page=2", listed())
    page = await lied.launch(browser)
    assert len(lied.ehr.requests("GET", CONDITIONS + r"\?page=2")) == 1
    assert "Conditions:" not in page.text


@every_place
async def test_a_reference_elsewhere_is_not_followed(lied: Lied, browser: Clinician, place: str) -> None:
    """A medicine that is named by a reference; the same address in the headers of the answer."""
    order = {
        "resourceType": "MedicationRequest",
        "id": "elsewhere",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{lied.patient('two-failed-trials')}"},
        "medicationReference": {"reference": at(lied, place).replace("Condition", "Medication/1").partition("?")[0]},
    }
    headers = {
        "location": at(lied, place),
        "content_location": at(lied, place),
        "link": f"<{at(lied, place)}>; rel=next",
    }
    lied.ehr.order("/fhir/MedicationRequest", listed(order, **headers))
    page = await lied.launch(browser)
    assert page.status == 200
    assert [one.target for one in lied.ehr.asked if "/Medication/" in one.target or "admin" in one.target] == []


@pytest.mark.parametrize("status", [pytest.param(status, id=f"E-2 {status}") for status in REDIRECTS])
@pytest.mark.parametrize("where", ["the canary", "the same host", "the same base"])
async def test_a_redirect_is_not_followed(lied: Lied, browser: Clinician, status: int, where: str) -> None:
    home = {"the canary": lied.canary.url, "the same host": lied.ehr.url, "the same base": f"{lied.ehr.url}/fhir"}
    lied.ehr.order(CONDITIONS, redirects(status, f"{home[where]}/moved"))
    check_part_missing(await lied.launch(browser), "the EHR sent the app to another address instead of answering")
    assert lied.ehr.requests("GET", "(/fhir)?/moved") == []


ANSWERS: dict[str, tuple[Forge, str]] = {
    "E-8 HTML for JSON": (answers(HTML, kind="text/html"), "the EHR answered with a page or file"),
    "E-8 HTML that calls itself FHIR": (answers(HTML, kind=FHIR), UNREADABLE),
    "E-7 XML": (answers(b"<Bundle/>", kind="application/fhir+xml"), "the EHR answered with a page or file"),
    "E-8 empty": (answers(kind=FHIR), UNREADABLE),
    "E-8 empty, 204": (answers(status=204), "the EHR"),
    "E-8 cut in the middle": (altered(lambda body: body[:-30]), UNREADABLE),
    "E-8 a list": (altered(lambda body: b"[" + body + b"]"), UNREADABLE),
    "E-8 an OperationOutcome with 200": (
        answers(b'{"resourceType": "OperationOutcome", "issue": []}', kind=FHIR),
        "the EHR answered with an error message",
    ),
    "E-8 another resource": (answers(b'{"resourceType": "Patient"}', kind=FHIR), "something else than was asked for"),
    "E-4 bomb": (bomb(FHIR), "far larger than such an answer can be"),
    "E-4 bomb in a bomb": (bomb(FHIR, nested=True), UNREADABLE),
    "E-4 without end": (endless(FHIR), "far larger than such an answer can be"),
    "N connection cut before": (cut(), CUT),
    "N connection cut in the body": (cut(head(FHIR, content_length="900") + b'{"resourceType"'), CUT),
    "N no HTTP": (cut(b"\x16\x03\x01\x02\x00"), CUT),
    "C64 403": (answers(status=403, kind=FHIR), "the EHR refused it (403; it needs patient/Condition.s)"),
    "N 404": (answers(status=404, kind=FHIR), "the EHR does not have it (404)"),
    "N 429": (answers(status=429, kind=FHIR, retry_after="60"), "the EHR asks to wait (429)"),
    "N 500": (answers(HTML, status=500, kind="text/html"), "the EHR failed (500)"),
    "N 503": (answers(status=503), "the EHR is not available now (503)"),
    "E-3 a circle of pages": (
        lambda asked, _reply: listed(following=f"http://{asked.headers['host']}{asked.target}")(asked, Reply(200)),
        "the EHR's pages go round in a circle",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("forge", "words"), [pytest.param(*case, id=name) for name, case in ANSWERS.items()])
async def test_a_part_that_cannot_be_read_is_named(lied: Lied, browser: Clinician, forge: Forge, words: str) -> None:
    lied.ehr.order(CONDITIONS, forge)
    page = await lied.launch(browser)
    assert page.status == 200
    assert "Not enough data" in page.text.partition("Decision support. You decide.")[0]
    missing = page.text.partition("Parts of the record could not be read")[2]
    assert "Conditions: " in missing
    assert words in missing


async def test_an_answer_that_drips_has_an_end(
    lied: Lied, browser: Clinician, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-4."""
    monkeypatch.setattr(fhir_client, "exchange", partial(exchange, time_limit=1.5))
    lied.ehr.order(CONDITIONS, drips(FHIR))
    check_part_missing(await lied.launch(browser), "the EHR did not answer in time")


def of_another(lied: Lied) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "not-ours",
        "subject": {"reference": f"Patient/{lied.patient('five-sessions')}"},
        "code": {"text": "A word of another chart"},
    }


async def test_an_entry_of_another_patient_spoils_the_list(lied: Lied, browser: Clinician) -> None:
    """E-6, C65."""
    lied.ehr.order(CONDITIONS, listed(of_another(lied)))
    page = await lied.launch(browser)
    check_part_missing(page, "an entry of another patient was in the answer")
    assert "A word of another chart" not in page.text


async def test_another_patient_is_never_shown_as_this_one(lied: Lied, browser: Clinician) -> None:
    """E-6, C65: the EHR answers the read of the patient with another's record."""
    his = {"resourceType": "Patient", "id": lied.patient("five-sessions"), "name": [{"family": "Whitfield"}]}
    lied.ehr.order("/fhir/Patient/", answers(json.dumps(his).encode(), kind=FHIR))
    page = await lied.launch(browser)
    assert page.status == 200
    assert "the EHR answered with another record than was asked for" in page.text
    assert "Not enough data" in page.text
    assert "LARSEN" not in page.text
    assert "WHITFIELD" not in page.text


def refreshing(page: Page) -> str:
    return next(form.action for form in page.forms if form.action.endswith("/screening"))


async def refreshed(lied: Lied, browser: Clinician, page: Page) -> Page:
    return lied.seen(await browser.submit(page, refreshing(page)))


def refused_tokens(_asked: Asked, _reply: Reply) -> Reply:
    return Reply(401, {"content-type": FHIR, "www-authenticate": "Bearer"}, b"{}")


def the_token_of_now_ends() -> Forge:
    """The token of the first request is refused from then on; a newer one is good."""
    ended: list[str] = []

    def forge(asked: Asked, reply: Reply) -> Reply:
        shown = asked.headers.get("authorization", "")
        ended.extend([shown] if shown and not ended else [])
        return refused_tokens(asked, reply) if shown in ended else reply

    return forge


def refreshes(lied: Lied) -> list[str]:
    """The refresh tokens that were sent."""
    forms = (dict(one.pairs) for one in lied.ehr.requests("POST", TOKEN))
    return [form["refresh_token"] for form in forms if form.get("grant_type") == "refresh_token"]


async def test_one_401_is_put_right_unseen(lied: Lied, browser: Clinician) -> None:
    """C64: one refresh, one retry."""
    page = await lied.launch(browser)
    lied.ehr.order("/fhir/[A-Z]", the_token_of_now_ends())
    again = await refreshed(lied, browser, page)
    assert "LARSEN" in again.text
    assert "could not be read" not in again.text.partition("Decision support. You decide.")[2][:600]
    assert len(refreshes(lied)) == 1


async def test_401_for_ever_ends_at_the_chart(lied: Lied, browser: Clinician) -> None:
    """C64, C63: then the user is sent back to the chart; no refresh token is sent twice on the way."""
    page = await lied.launch(browser)
    lied.ehr.order("/fhir/", refused_tokens)
    ended = await refreshed(lied, browser, page)
    assert ended.status == 401
    assert "Nothing you entered is lost" in ended.text
    assert "Open the app again from the chart" in ended.text
    sent = refreshes(lied)
    assert len(sent) == len(set(sent))


ENDED = "Your session ended."
REFRESHES: dict[str, tuple[Forge, int, str]] = {
    "C63 spent": (answers(b'{"error": "invalid_grant"}', status=400), 401, ENDED),
    "L-15 C65 another patient": (members(patient="somebody-else"), 401, ENDED),
    "N HTML for JSON": (answers(HTML, kind="text/html"), 401, ENDED),
    "C37 no access token": (members(access_token=ABSENT), 401, ENDED),
    "E-4 bomb": (bomb(), 401, ENDED),
    "N connection cut": (cut(), 200, "the EHR's sign-in could not be reached"),
    "N 500": (answers(status=500), 200, "the EHR's sign-in could not be reached"),
    "C63 no new refresh token": (members(refresh_token=ABSENT), 200, "LARSEN"),
    "C37 expires_in as a text": (members(expires_in="3600"), 200, "LARSEN"),
    "C39 no patient named again": (members(patient=ABSENT), 200, "LARSEN"),
    "C50 a stranger's id_token": (members(id_token="a.b.c"), 200, "LARSEN"),
}


@pytest.mark.parametrize(
    ("forge", "status", "words"), [pytest.param(*case, id=name) for name, case in REFRESHES.items()]
)
async def test_a_refresh_that_goes_wrong_is_told(
    lied: Lied, browser: Clinician, forge: Forge, status: int, words: str
) -> None:
    page = await lied.launch(browser)
    lied.ehr.order("/fhir/[A-Z]", the_token_of_now_ends())
    lied.ehr.order(TOKEN, forge, method="POST", times=1)
    again = await refreshed(lied, browser, page)
    assert again.status == status, again.text[:400]
    assert words in again.text
    sent = refreshes(lied)
    assert len(sent) == len(set(sent)), "a refresh token was sent twice"


@pytest.mark.parametrize("status", [pytest.param(status, id=f"E-2 L-13 {status}") for status in REDIRECTS])
async def test_a_refresh_token_goes_nowhere_else(lied: Lied, browser: Clinician, status: int) -> None:
    page = await lied.launch(browser)
    lied.ehr.order("/fhir/[A-Z]", the_token_of_now_ends())
    lied.ehr.order(TOKEN, redirects(status, f"{lied.canary.url}/oauth/token"), method="POST")
    again = await refreshed(lied, browser, page)
    assert again.status == 401


async def test_metadata_that_move_after_the_launch_get_no_refresh_token(lied: Lied, browser: Clinician) -> None:
    """L-3: the endpoints are read anew for a refresh, and pinned anew."""
    page = await lied.launch(browser)
    well_known = r"/fhir/\.well-known/smart-configuration"
    lied.ehr.order(well_known, members(token_endpoint=f"{lied.canary.url}/oauth/token"))
    lied.ehr.order("/fhir/[A-Z]", the_token_of_now_ends())
    again = await refreshed(lied, browser, page)
    assert again.status == 401
    assert refreshes(lied) == []


async def test_a_logout_sends_the_token_to_no_other_host(lied: Lied, browser: Clinician) -> None:
    """L-3, C67: the session ends here even where the EHR's revocation cannot be used."""
    page = await lied.launch(browser)
    lied.ehr.order(r"/fhir/\.well-known/", members(revocation_endpoint=f"{lied.canary.url}/oauth/revoke"))
    leave = await browser.open(page.link("Close the app"), on=page)
    left = lied.seen(await browser.submit(leave, leaving(leave)))
    assert left.status == 200
    assert (await browser.open(page.url)).status == 401


async def test_a_capability_statement_that_lies_hides_nothing(lied: Lied, browser: Clinician) -> None:
    """E-5: kept for an hour, so that only its damage at the first reading counts; the searches go on either way."""
    lied.ehr.order("/fhir/metadata", lambda _asked, reply: replace(reply, body=b"{"))
    assert "LARSEN" in (await lied.launch(browser)).text
