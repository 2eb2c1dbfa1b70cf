"""Decisions about a course on their pages: what is offered, what is asked, and where one lands."""

from __future__ import annotations

import httpx
import pytest

from fhir_mappings.facts.programme import CourseStatus, Held
from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.records import StoredCourse
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_clinician, a_screening, post
from tests.smart_app.pages.treatment import enrolled, signed

pytestmark = pytest.mark.anyio

WHY = "The family asked for a break."


async def page_of(client: httpx.AsyncClient, path: str) -> PageParts:
    return PageParts((await client.get(f"/l/{LAUNCH}/{path}")).text)


def course(desk: Desk) -> StoredCourse:
    return next(reversed(desk.work.kept.courses.values()))


async def test_from_progress_to_hold_and_back(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        progress = await page_of(client, "progress")
        assert progress.links["Put on hold"].endswith("/course/hold")
        asked = await page_of(client, "course/hold")
        answer = await post(client, asked.form("/course/hold"), reason=WHY)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/l/{LAUNCH}/progress")
        held = await page_of(client, "progress")
        assert f"The course is on hold. {WHY}" in held.text
        assert "Put on hold" not in held.links
        start = await page_of(client, "session")
        assert "Open session" not in start.text
        assert start.links["See the course and its decisions"].endswith("/progress")
        resume = await page_of(client, "course/resume")
        await post(client, resume.form("/course/resume"), reason="They are ready to go on.")
    assert (course(desk).status, desk.woken) == (CourseStatus.ACTIVE, 2)


async def test_what_is_missing_is_said_with_what_was_typed_kept(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        asked = await page_of(client, "course/finish")
        answer = await post(client, asked.form("/course/finish"), reason=WHY)
        shown = PageParts(answer.text)
    assert answer.status_code == 422
    assert "Choose why the course ends." in shown.text
    assert shown.form("/course/finish").fields["reason"] == WHY
    assert course(desk).status is CourseStatus.ACTIVE


async def test_start_again_leads_to_the_enrolment(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        asked = await page_of(client, "course/restart")
        answer = await post(client, asked.form("/course/restart"), reason=WHY)
        assert answer.headers["location"] == f"/l/{LAUNCH}/enrolment"
        assert "An earlier course" in (await page_of(client, "enrolment")).text


async def test_what_cannot_be_decided_now_says_why_and_offers_no_form(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        for path, words in (
            ("course/resume", "This cannot be done: the course is active."),
            ("course/confirm", "There is nothing to confirm."),
            ("enrolment/withdraw", "A session was opened already."),
        ):
            shown = await page_of(client, path)
            assert words in shown.text
            assert not [form for form in shown.forms if "/course/" in form.action or "/withdraw" in form.action]
        assert (await client.get(f"/l/{LAUNCH}/course/forget")).status_code == 303


async def test_a_nurse_sees_no_decisions_and_no_form(desk: Desk) -> None:
    signed(desk)
    desk.open(a_caller(clinician=a_clinician(Role.NURSE, "R. Nurse")))
    async with desk.client() as client:
        assert "Put on hold" not in (await page_of(client, "progress")).links
        assert "Only a prescriber can do this." in (await page_of(client, "course/hold")).text


async def test_new_dates_are_a_table_with_what_took_place_fixed(desk: Desk) -> None:
    signed(desk)
    async with desk.client() as client:
        asked = await page_of(client, "course/dates")
        form = asked.form("/course/dates")
        assert "day.1" not in form.fields
        await post(client, form, reason=WHY, day__2="2026-11-28")
        assert "28 Nov 2026" in (await page_of(client, "progress")).text
    assert "New dates: session 2 to 28 Nov 2026." in course(desk).notes[-1].text


async def test_the_session_page_asks_for_a_reason_where_the_screening_needs_review(desk: Desk) -> None:
    enrolled(desk)
    desk.keep(screening=a_screening(status="needs-review", at=desk.now, id="of-today"))
    async with desk.client() as client:
        start = await page_of(client, "session")
        assert "The screening of today needs review." in start.text
        refused = await post(client, start.form("/session"), reason="ok")
        assert refused.status_code == 422
        opened = await post(client, start.form("/session"), reason="Reviewed with the patient this morning.")
        assert opened.status_code == 303


async def test_a_running_session_says_that_the_course_was_held(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        start = await page_of(client, "session")
        opened = await post(client, start.form("/session"))
        held = await page_of(client, "course/hold")
        await post(client, held.form("/course/hold"), reason=WHY)
        step = PageParts((await client.get(opened.headers["location"])).text)
    assert course(desk).held is Held.DECISION
    assert f"The course is on hold. {WHY}" in step.text
    assert "Do not give the dose." in step.text
    assert "hold.reason" in step.form("/fields").fields
