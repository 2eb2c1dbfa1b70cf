"""Launches that go wrong: each is a page in plain words, leaves an audit record, and opens nothing."""

from __future__ import annotations

import sqlite3
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from smart_app.sandbox.clinician import Clinician

pytestmark = pytest.mark.anyio
INTERRUPTED = "The start of the app was interrupted."


def get(url: str, **more: Any) -> httpx.Response:
    return httpx.get(url, timeout=20, trust_env=False, follow_redirects=False, **more)


def refusals(clinic: Any) -> int:
    """How many refused launches the audit trail holds."""
    with sqlite3.connect(f"file:{clinic.data / 'ketamine-pathway.db'}?mode=ro", uri=True) as database:
        (count,) = database.execute("select count(*) from audit where body like '%app:launch:refuse%'").fetchone()
        return int(count)


def begun(clinic: Any) -> httpx.Response:
    """A standalone launch up to its redirect to the EHR."""
    reply = get(f"{clinic.app_url}/launch", params={"ehr": "sandbox"})
    assert reply.status_code == 303
    return reply


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param({}, "This EHR is not set up for the app", id="no iss"),
        pytest.param(
            {"iss": "https://evil.example/fhir", "launch": "x"}, "https://evil.example/fhir", id="unknown iss"
        ),
        pytest.param({"iss": "http://127.0.0.1.evil.example/fhir", "launch": "x"}, "not set up", id="look-alike iss"),
        pytest.param({"ehr": "nowhere"}, "not set up", id="unknown name"),
    ],
)
async def test_an_ehr_that_is_not_registered_is_refused(clinic: Any, query: dict[str, str], words: str) -> None:
    before = refusals(clinic)
    clinic.control("DELETE", "log")
    reply = get(f"{clinic.app_url}/launch", params=query)
    assert reply.status_code == 400
    assert words in reply.text
    assert "set-cookie" not in reply.headers
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert clinic.control("GET", "log") == []
    assert refusals(clinic) == before + 1


async def test_a_launch_value_is_needed(clinic: Any) -> None:
    reply = get(f"{clinic.app_url}/launch", params={"iss": f"{clinic.ehr_url}/fhir"})
    assert reply.status_code == 400
    assert "Start the app from a patient" in reply.text


async def test_the_authorization_request_is_what_smart_asks_for(clinic: Any) -> None:
    reply = begun(clinic)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}
    assert asked["aud"] == f"{clinic.ehr_url}/fhir"
    assert asked["redirect_uri"] == f"{clinic.app_url}/callback/sandbox"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["state"]) >= 22
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    for part in ("Path=/", "HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert part in cookie


@pytest.mark.parametrize("state", ["", "forged-state-of-somebody-else-0000000000"], ids=["none", "forged"])
async def test_a_state_that_is_not_ours_is_refused(clinic: Any, state: str) -> None:
    before = refusals(clinic)
    query = urlencode({"code": "x", **({"state": state} if state else {})})
    reply = get(f"{clinic.app_url}/callback/sandbox?{query}")
    assert reply.status_code == 400
    assert INTERRUPTED in reply.text
    assert refusals(clinic) == before + 1


async def test_the_state_of_another_browser_is_refused_and_then_used_up(clinic: Any) -> None:
    started = begun(clinic)
    state = parse_qs(urlsplit(started.headers["location"]).query)["state"][0]
    address = f"{clinic.app_url}/callback/sandbox?{urlencode({'code': 'x', 'state': state})}"
    clinic.control("DELETE", "log")
    for headers in ({}, {"cookie": started.headers["set-cookie"].partition(";")[0]}):
        reply = get(address, headers=headers)
        assert reply.status_code == 400
    assert [one for one in clinic.control("GET", "log") if "token" in str(one)] == []


async def test_a_refused_consent_is_said_and_opens_nothing(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url) as doctor:
        page = await doctor.open(f"{clinic.app_url}/launch?ehr=sandbox")
        page = await doctor.submit(page, page.forms[-1].action or page.forms[-1].id, button="Deny")
    assert page.status == 400
    assert page.title.startswith("The app could not start")
    assert "/l/" not in page.url


async def test_a_standalone_launch_opens_the_chosen_patient(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url, user="nurse") as nurse:
        page = await nurse.open(f"{clinic.app_url}/launch?ehr=sandbox")
        chosen = clinic.patient("blood-pressure-140-80") if "blood-pressure-140-80" in page.html else None
        form = page.forms[-1]
        field = next(name for name in form.choices if "patient" in name)
        page = await nurse.submit(
            page, form.action or form.id, {field: chosen or form.choices[field][0]}, button="Allow"
        )
    assert page.status == 200
    assert "/l/" in page.url
    assert "You decide." in page.text


async def test_a_callback_works_once(clinic: Any) -> None:
    """Back and reload after the launch must not redeem the code again."""
    seen: list[str] = []
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        client.event_hooks = {"request": [_remember(seen)]}
        async with Clinician(clinic.ehr_url, client=client) as doctor:
            await doctor.launch(clinic.patient("two-failed-trials"))
            callback = next(url for url in seen if "/callback/" in url)
            page = await doctor.open(callback)
    assert page.status == 400
    assert INTERRUPTED in page.text


def _remember(seen: list[str]) -> Any:
    async def hook(request: httpx.Request) -> None:
        seen.append(str(request.url))

    return hook


async def test_a_page_without_its_cookie_shows_nothing(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url) as doctor:
        page = await doctor.launch(clinic.patient("two-failed-trials"))
    reply = get(page.url)
    assert reply.status_code == 401
    assert "Nothing you entered is lost" in reply.text
    assert "Larsen" not in reply.text
    assert f"frame-ancestors 'self' {clinic.ehr_url}" in reply.headers["content-security-policy"]


async def test_a_form_of_one_patient_is_refused_under_another_launch(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url) as doctor:
        ada = await doctor.launch(clinic.patient("two-failed-trials"))
        ben = await doctor.launch(clinic.patient("five-sessions"))
        form = next(form for form in ada.forms if form.action.endswith("/screening"))
        form.action = form.action.replace(
            ada.url.split("/l/")[1].split("/")[0], ben.url.split("/l/")[1].split("/")[0]
        )
        refused = await doctor.submit(ada, form.action)
        assert refused.status == 409
        assert "another patient" in refused.text
        again = await doctor.open(ada.url)
    assert again.status == 200
    assert "LARSEN" in again.text


async def test_the_pages_take_the_ehr_s_look_without_sending_the_browser_there(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url) as doctor:
        page = await doctor.launch(clinic.patient("two-failed-trials"))
        sheet = await doctor.open(page.url.replace("/screening", "/theme.css"))
    assert "/theme.css" in page.html
    assert "style-1.json" not in page.html
    assert "--act: #1b4f72;" in sheet.html
    assert get(sheet.url).status_code == 401


async def test_the_key_set_is_public_and_holds_no_private_part(clinic: Any) -> None:
    keys = get(f"{clinic.app_url}/.well-known/jwks.json").json()["keys"]
    assert keys == get(f"{clinic.app_url}/jwks/sandbox.json").json()["keys"]
    assert {key["alg"] for key in keys} == {"ES384"}
    assert all(not {"d", "p", "q", "dp", "dq", "qi"} & set(key) for key in keys)


async def test_logging_out_ends_the_launch_and_its_token(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url) as doctor:
        page = await doctor.launch(clinic.patient("two-failed-trials"))
        leave = await doctor.open(page.link("Close the app"), on=page)
        clinic.control("DELETE", "log")
        left = await doctor.submit(leave, next(form.action for form in leave.forms if form.action.endswith("/leave")))
        assert left.status == 200
        assert any("revoke" in str(one) for one in clinic.control("GET", "log"))
        assert (await doctor.open(page.url)).status == 401


async def test_a_nurse_cannot_enrol_and_an_auditor_sees_no_chart(clinic: Any) -> None:
    async with Clinician(clinic.ehr_url, user="nurse") as nurse:
        page = await nurse.launch(clinic.patient("two-failed-trials"))
        enrol = await nurse.open(page.url.replace("/screening", "/enrolment"))
    assert "prescriber" in enrol.text.lower()
    assert not [form for form in enrol.forms if form.action.endswith("/enrolment")]
    async with Clinician(clinic.ehr_url, user="auditor") as auditor:
        page = await auditor.launch(clinic.patient("two-failed-trials"))
    assert page.url.endswith("/audit")
    assert "Major depressive" not in page.text


async def test_whom_the_screening_stops_cannot_be_enrolled(clinic: Any) -> None:
    for slug in ("schizophrenia-resolved", "blood-pressure-140-80", "no-depression"):
        known = clinic.control("GET", "patients")
        if slug not in known:
            slug = next(name for name, one in known.items() if one["expected"] in ("contraindicated", "hold"))
        async with Clinician(clinic.ehr_url) as doctor:
            page = await doctor.launch(clinic.patient(slug))
            enrol = await doctor.open(page.url.replace("/screening", "/enrolment"))
        assert not [form for form in enrol.forms if form.action.endswith("/enrolment")], slug
