"""Who gets in, whose form is taken, and what is written down when it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.treatment import Role
from smart_app.pages.guard import Marks, Verdict, from_our_pages
from tests.smart_app.pages.desk import (
    BASE,
    HEADERS,
    LAUNCH,
    ORIGIN,
    SECRET,
    Desk,
    PageParts,
    a_caller,
    a_clinician,
    post,
)

pytestmark = pytest.mark.anyio

ABOUT = f"/l/{LAUNCH}/about"
LEAVE = f"/l/{LAUNCH}/leave"
OTHER = "launch-of-ben"


async def leave_form(client: httpx.AsyncClient, launch: str = LAUNCH) -> dict[str, str]:
    page = PageParts((await client.get(f"/l/{launch}/leave")).text)
    return page.form("/leave").fields


async def send(client: httpx.AsyncClient, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    told = {name.replace("_", "-"): value for name, value in headers.items()} if headers else HEADERS
    return await client.post(path, content=urlencode(fields), headers=kind | told)


@pytest.mark.parametrize("secret", [None, "another-secret", ""], ids=["no cookie", "wrong cookie", "empty cookie"])
async def test_without_the_session_s_cookie_nobody_gets_in(desk: Desk, secret: str | None) -> None:
    async with desk.client(secret=secret) as client:
        response = await client.get(ABOUT)
    page = PageParts(response.text)
    assert response.status_code == 401
    assert "Your session ended" in page.text
    assert "Nothing you entered is lost." in page.text
    assert "TESTPATIENT" not in page.text
    assert ("If it goes on in a window of its own, work there." in page.text) is (secret == "another-secret")


async def test_the_cookie_of_one_launch_does_not_open_another(desk: Desk) -> None:
    desk.open(a_caller(launch=OTHER, patient_id="ben"), secret="cookie-secret-of-ben")
    async with desk.client(launch=LAUNCH) as client:
        response = await client.get(f"/l/{OTHER}/about")
    assert response.status_code == 401


async def test_an_expired_launch_says_when_it_ended(desk: Desk) -> None:
    desk.now += timedelta(hours=12)
    async with desk.client() as client:
        page = PageParts((await client.get(ABOUT)).text)
    assert "Your session ended at 02:32." in page.text
    assert "Open the app again from the chart" in page.text


async def test_c65_a_form_of_another_patient_is_stopped_and_written_down(desk: Desk) -> None:
    desk.open(a_caller(launch=OTHER, patient_id="ben"), secret="cookie-secret-of-ben")
    async with desk.client(launch=OTHER, secret="cookie-secret-of-ben") as client:
        fields = await leave_form(client, OTHER)
    async with desk.client() as client:
        response = await send(client, LEAVE, fields)
    assert response.status_code == 409
    assert "This page belongs to another patient" in response.text
    assert "frame-ancestors 'self' https://ehr.example;" in response.headers["content-security-policy"]
    assert desk.ended == [], "nothing was done"
    record = desk.work.kept.audit[-1]
    assert record.outcome is AuditOutcome.REFUSED
    assert record.patient == f"{BASE}/Patient/ada"
    assert record.actor == a_caller().clinician.reference
    assert LAUNCH not in record.detail


async def test_a_stale_fingerprint_alone_is_enough_to_stop(desk: Desk) -> None:
    async with desk.client() as client:
        fields = await leave_form(client)
        response = await send(client, LEAVE, fields | {"_patient": "0" * 64})
    assert response.status_code == 409
    assert desk.ended == []


async def test_without_the_token_a_form_is_refused_and_written_down(desk: Desk) -> None:
    async with desk.client() as client:
        fields = await leave_form(client)
        response = await send(client, LEAVE, fields | {"_token": ""})
    assert response.status_code == 403
    assert desk.ended == []
    assert desk.work.kept.audit[-1].outcome is AuditOutcome.REFUSED


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ORIGIN, "Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_Nothing": "at all"},
    ],
    ids=["other origin", "null origin", "cross-site", "same-site", "says nothing"],
)
async def test_a_post_from_another_site_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    async with desk.client() as client:
        fields = await leave_form(client)
        response = await send(client, LEAVE, fields, **headers)
    assert response.status_code == 403
    assert desk.ended == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("text/plain", b"_launch=x"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 200_000),
        ("application/x-www-form-urlencoded", b"a=%ff%fe"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % number for number in range(500))),
        ("application/x-www-form-urlencoded", "a=ü".encode()),
    ],
    ids=["json", "plain", "too long", "not utf-8", "too many", "not ascii"],
)
async def test_what_is_not_a_form_of_ours_is_refused_without_a_fault(desk: Desk, kind: str, body: bytes) -> None:
    async with desk.client() as client:
        response = await client.post(LEAVE, content=body, headers=HEADERS | {"Content-Type": kind})
    assert response.status_code == 403
    assert desk.ended == []


async def test_every_refusal_is_found_by_its_number_on_the_page_in_the_trail_and_in_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk.client() as client:
        fields = await leave_form(client)
        crossed = await send(client, LEAVE, fields | {"_patient": "0" * 64})
        foreign = await send(client, LEAVE, fields, Origin="https://evil.example")
        unmarked = await send(client, LEAVE, fields | {"_token": ""})
    async with desk.client(secret=None) as client:
        outside = await client.get(ABOUT)
    for answer in (crossed, foreign, unmarked, outside):
        number = PageParts(answer.text).text.partition("Reference ")[2].split()[0].rstrip(".")
        assert len(number) == 7
        assert [record.launch for record in desk.work.kept.audit if number in record.detail] == [LAUNCH]
        assert [line for line in caplog.messages if number in line], answer.status_code
    assert not [line for line in caplog.messages if LAUNCH in line or "ada" in line.lower()]


async def test_a_page_that_refreshes_itself_after_the_end_fills_no_audit_trail(desk: Desk) -> None:
    before = len(desk.work.kept.audit)
    async with desk.client(secret=None) as client:
        answer = await client.get(ABOUT, headers={"X-KP-Refresh": "1"})
    assert answer.status_code == 401
    assert len(desk.work.kept.audit) == before


async def test_the_forms_of_two_patients_in_one_browser_never_mix(desk: Desk) -> None:
    desk.open(a_caller(launch=OTHER, patient_id="ben"), secret="cookie-secret-of-ben")
    cookies = f"__Host-kp-{LAUNCH}={SECRET}; __Host-kp-{OTHER}=cookie-secret-of-ben"
    async with desk.client(secret=None) as client:
        client.headers["Cookie"] = cookies
        ours, theirs = await leave_form(client), await leave_form(client, OTHER)
        crossed = await send(client, f"/l/{OTHER}/leave", ours)
        assert crossed.status_code == 409
        assert desk.ended == []
        assert (await send(client, f"/l/{OTHER}/leave", theirs)).status_code == 200
    assert desk.ended == [OTHER]


async def test_an_auditor_reads_the_audit_trail_and_nothing_else(desk: Desk) -> None:
    desk.open(a_caller(clinician=a_clinician(Role.AUDITOR, "A. Auditor")))
    async with desk.client() as client:
        landing = await client.get(f"/l/{LAUNCH}/screening")
        page = PageParts((await client.get(landing.headers["location"])).text)
        fields = await leave_form(client)
        refused = await send(client, f"/l/{LAUNCH}/screening", fields)
    assert landing.headers["location"] == f"/l/{LAUNCH}/audit"
    assert "Screening" not in page.links
    assert refused.status_code == 403
    assert not desk.work.kept.screenings, "the record was not read"


async def test_closing_the_app_drops_the_cookie_and_the_session(desk: Desk) -> None:
    async with desk.client() as client:
        form = PageParts((await client.get(LEAVE)).text).form("/leave")
        response = await post(client, form)
        after = await client.get(ABOUT)
    assert "The app is closed" in response.text
    assert response.headers["set-cookie"].startswith(f"__Host-kp-{LAUNCH}=; Max-Age=0;")
    assert after.status_code == 401


async def test_the_script_is_told_in_one_sentence(desk: Desk) -> None:
    async with desk.client() as client:
        fields = await leave_form(client)
        response = await send(
            client, LEAVE, fields | {"_patient": ""}, Origin=ORIGIN, Sec_Fetch_Site="same-origin", X_KP_Script="1"
        )
    assert response.status_code == 409
    assert response.json()["problem"].startswith("The form you sent was made for another patient")
    assert response.json()["ends_page"] == "This page belongs to another patient"


async def test_no_secret_stands_in_any_page(desk: Desk) -> None:
    async with desk.client() as client:
        assert SECRET not in (await client.get(LEAVE)).text


def test_marks_differ_between_patients_launches_and_secrets() -> None:
    ada = a_caller()
    made = {
        Marks.of(ada, "a").patient,
        Marks.of(ada, "b").patient,
        Marks.of(replace(ada, patient_id="ben"), "a").patient,
        Marks.of(replace(ada, fhir_base="https://other.example/fhir"), "a").patient,
        Marks.of(replace(ada, launch=OTHER), "a").patient,
        Marks.of(ada, "a").token,
    }
    assert len(made) == 6


def test_the_other_patient_is_named_before_the_missing_token() -> None:
    marks = Marks.of(a_caller(), "a")
    assert marks.judge({}) is Verdict.OTHER_PATIENT
    assert marks.judge({**marks.fields, "_token": "x"}) is Verdict.NO_TOKEN
    assert marks.judge(marks.fields) is Verdict.OURS


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": ORIGIN}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": ORIGIN, "sec-fetch-site": "same-origin"}, True),
        ({"origin": f"{ORIGIN}.evil.example"}, False),
        ({"origin": "https://ehr.example", "sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({}, False),
    ],
)
def test_only_our_own_pages_are_believed(headers: dict[str, str], ours: bool) -> None:
    assert from_our_pages(headers, ORIGIN) is ours
