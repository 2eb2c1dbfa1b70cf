"""What a clinician meets in the sandbox EHR: sign-in, list, chart, tabs, reset."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from smart_app.sandbox.forms import PageReader
from smart_app.sandbox.patients.table import PATIENTS
from smart_app.sandbox.people import STAFF
from tests.smart_app.sandbox.an_app import APP, EVERYTHING, FHIR, AnApp, answered

pytestmark = pytest.mark.anyio


def read(reply: httpx.Response) -> PageReader:
    assert reply.headers["content-type"].startswith("text/html")
    reader = PageReader()
    reader.feed(reply.text)
    return reader


async def test_the_door_shows_who_one_can_be(app: AnApp) -> None:
    async with app.client() as browser:
        assert (await browser.get("/")).headers["location"] == "/sign-in"
        page = read(await browser.get("/sign-in"))
        buttons = [one.value for form in page.forms for one in form.buttons]
        assert buttons == [one.slug for one in STAFF]
        await app.sign_in(browser, "auditor")
        assert (await browser.get("/")).headers["location"] == "/patients"
        assert "Lee Okafor" in (await browser.get("/patients")).text


async def test_the_session_cookie_is_lax_and_out_of_reach_of_scripts(app: AnApp) -> None:
    async with app.client() as browser:
        cookie = (await browser.post("/sign-in", data={"user": "nurse"})).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize("path", ["/patients", "/chart/ada-1", "/chart/ada-1/open", "/chart/ada-1/conditions"])
async def test_nobody_sees_a_chart_unsigned(app: AnApp, path: str) -> None:
    async with app.client() as stranger:
        reply = await stranger.get(path)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("target", ["//evil.example", "http://evil.example", "/\\evil.example", "evil"])
async def test_signing_in_leads_nowhere_else(app: AnApp, target: str) -> None:
    async with app.client() as browser:
        reply = await browser.post("/sign-in", data={"user": "nurse", "next": target})
    assert reply.headers["location"] == "/patients"


async def test_signing_out_ends_the_session(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        kept = dict(browser.cookies)
        await browser.post("/sign-out")
        browser.cookies.update(kept)
        assert (await browser.get("/patients")).headers["location"].startswith("/sign-in")


async def test_the_list_says_of_every_patient_what_is_expected(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        page = read(await browser.get("/patients"))
    for patient in PATIENTS:
        assert patient.shows in page.text
        assert f"{patient.given} {patient.family}" in {link.text for link in page.links}


async def test_a_chart_frames_the_app_at_its_launch_url(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        reply = await browser.get("/chart/ada-1")
        page = read(reply)
        (frame,) = page.frames
        query = parse_qs(urlsplit(frame).query)
        granted = await browser.get("/oauth/authorize", params=app.request(launch=query["launch"][0]))
    assert frame.startswith(f"{APP}/launch?")
    assert query["iss"] == [FHIR]
    assert "code" in answered(granted)
    assert 'title="Ketamine pathway"' in reply.text
    assert 'allow="screen-wake-lock"' in reply.text
    policy = reply.headers["content-security-policy"]
    assert f"frame-src 'self' {APP}" in policy
    assert reply.headers["cache-control"] == "no-store"


async def test_every_window_is_a_launch_of_its_own(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        first = await app.launch_value(browser, "ada-1")
        assert first != await app.launch_value(browser, "ada-1")
        assert 'target="_blank"' in (await browser.get("/chart/ada-1")).text


@pytest.mark.parametrize(
    ("tab", "words"),
    [
        ("conditions", ["Severe recurrent major depression", "active, confirmed", "2025-01-21", "No known allergy"]),
        ("medications", ["sertraline", "stopped", "150 mg by mouth once a day", "MedicationStatement/"]),
        ("observations", ["Systolic blood pressure: 124 mm[Hg]", "19", "Negative", "74.5 kg"]),
        ("procedures", ["Ketamine infusion", "completed", "Procedure/ada-1-p"]),
        ("administrations", ["ketamine", "35 mg, Intravenous route"]),
        ("questionnaires", ["phq9|1.0.0", "2026-03-17", "Little interest: Several days", "Item 2: 3"]),
        ("care-plans", ["Induction", "Session 1 (completed)", "Response (not judged)", "Remission (Achieved)"]),
    ],
)
async def test_the_tabs_show_what_the_chart_holds(app: AnApp, tab: str, words: list[str]) -> None:
    subject = {"subject": {"reference": "Patient/ada-1"}}
    dose = {"dose": {"value": 35, "unit": "mg"}, "route": {"text": "Intravenous route"}}
    app.sandbox.charts.store.put(
        [
            {"resourceType": "Procedure", "id": "ada-1-p", "status": "completed", **subject}
            | {"code": {"text": "Ketamine infusion"}, "performedPeriod": {"start": "2026-03-17T09:00:00Z"}},
            {"resourceType": "MedicationAdministration", "id": "ada-1-m", "status": "completed", **subject}
            | {"medicationCodeableConcept": {"text": "ketamine"}, "dosage": dose},
            {"resourceType": "QuestionnaireResponse", "id": "ada-1-q", "status": "completed", **subject}
            | {"questionnaire": "https://x.example/Questionnaire/phq9|1.0.0", "authored": "2026-03-17T09:00:00Z"}
            | {
                "item": [
                    {
                        "linkId": "1",
                        "text": "Little interest",
                        "answer": [{"valueCoding": {"display": "Several days"}}],
                    },
                    {"linkId": "2", "text": "Item 2", "answer": [{"valueInteger": 3}]},
                ]
            },
            {"resourceType": "CarePlan", "id": "ada-1-c", "status": "active", "intent": "plan", **subject}
            | {"title": "Induction"}
            | {"activity": [{"detail": {"code": {"text": "Session 1"}, "status": "completed"}}]}
            | {
                "contained": [
                    {"resourceType": "Goal", "description": {"text": "Response"}},
                    {"resourceType": "Goal", "description": {"text": "Remission"}}
                    | {"achievementStatus": {"coding": [{"code": "achieved", "display": "Achieved"}]}},
                ]
            },
        ]
    )
    async with app.client() as browser:
        await app.sign_in(browser)
        text = read(await browser.get(f"/chart/ada-1/{tab}")).text
    for word in words:
        assert word in text


async def test_a_long_note_is_folded_and_still_whole(app: AnApp) -> None:
    note = "Given over forty minutes. " * 20
    app.sandbox.charts.store.put(
        [
            {"resourceType": "Procedure", "id": "long", "status": "completed", "note": [{"text": note}]}
            | {"subject": {"reference": "Patient/katrin-1"}, "code": {"text": "Ketamine infusion"}}
        ]
    )
    async with app.client() as browser:
        await app.sign_in(browser)
        reply = await browser.get("/chart/katrin-1/procedures")
    assert "<summary>Given over forty" in reply.text
    assert note.strip() in reply.text


async def test_unknown_charts_and_tabs_get_a_page_not_a_fault(app: AnApp) -> None:
    async with app.client() as browser:
        await app.sign_in(browser)
        for path in ("/chart/nobody-1", "/chart/ada-1/nonsense", "/chart/nobody-1/conditions"):
            reply = await browser.get(path)
            assert reply.status_code == 404
            assert "patient list" in read(reply).text


async def test_names_are_shown_as_text_whatever_they_hold(app: AnApp) -> None:
    app.sandbox.charts.store.put(
        [
            {
                "resourceType": "Procedure",
                "id": "evil",
                "status": "completed",
                "subject": {"reference": "Patient/rosa-1"},
                "code": {"text": "<script>alert(1)</script>"},
            }
        ]
    )
    async with app.client() as browser:
        await app.sign_in(browser)
        reply = await browser.get("/chart/rosa-1/procedures")
    assert "<script>" not in reply.text
    assert "&lt;script&gt;" in reply.text


async def test_a_reset_gives_new_ids_and_ends_all_that_was_granted(app: AnApp) -> None:
    generation = app.sandbox.charts.generation
    old, new = f"ada-{generation}", f"ada-{generation + 1}"
    tokens = await app.tokens(old)
    code = await app.code(old)
    async with app.client() as browser:
        assert (await browser.post("/reset")).headers["location"].startswith("/sign-in")
        await app.sign_in(browser)
        launch = await app.launch_value(browser, old)
        await browser.post("/reset")
        assert (await browser.get(f"/chart/{old}")).status_code == 404
        assert (await browser.get(f"/chart/{new}")).status_code == 200
        spent = await browser.get("/oauth/authorize", params=app.request(launch=launch))
    assert answered(spent)["error"] == "invalid_request"
    assert (await app.with_token(tokens["access_token"], "GET", f"/Patient/{old}")).status_code == 401
    assert (await app.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    assert app.sandbox.charts.store.read("Patient", old) is None
    assert (await app.tokens(new, EVERYTHING))["patient"] == new
