"""Checking, signing, delivery, retry and taking back."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from fhir_mappings.facts.treatment import SessionStatus
from smart_app.use_cases.records import MessageState
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, post
from tests.smart_app.pages.treatment import nurse, reading, ready, running, signed

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"


def sign_path(session: object) -> str:
    return f"{ROOT}/session/{session.id}/sign"  # type: ignore[attr-defined]  # a stored session


async def page_of(client: httpx.AsyncClient, path: str) -> PageParts:
    response = await client.get(path)
    assert response.status_code == 200, response.text[:500]
    return PageParts(response.text)


def settle(desk: Desk, state: MessageState, reason: str = "") -> None:
    """What the worker would have left behind, for every message."""
    for key, queued in desk.work.kept.queue.items():
        desk.work.kept.queue[key] = queued.with_message(state=state, reason=reason)


async def test_what_is_missing_is_listed_with_links_to_where_it_is_done(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
        assert "Still missing" in page.text
        assert not [form for form in page.forms if form.action.endswith("/sign")]
        links = [href for href in page.links.values() if "/discharge#f-" in href]
        assert links
        target = await page_of(client, links[0].partition("#")[0])
    assert links[0].partition("#")[2] in target.ids


async def test_the_review_shows_the_whole_record_before_the_signature(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
    for words in (
        "TESTPATIENT, Ada",
        "Ketamine 41 mg",
        "0.82 mL",
        "lot K4411",
        "171/101",
        "Eye mask on.",
        "Walks unaided yes",
    ):
        assert words in page.text, words
    assert page.text.index("171/101") < page.text.index("Sign as Dr Synthia Example")


async def test_the_patient_stands_on_the_sign_page_even_without_a_banner(desk: Desk) -> None:
    session = ready(desk)
    desk.open(a_caller(show_banner=False))
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
    assert [attrs for _, attrs in page.tags if attrs.get("class", "").split() == ["patient", "strip"]]
    assert "MRN TP-000123" in page.text


async def test_signing_without_the_statement_is_refused_beside_it(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        form = (await page_of(client, sign_path(session))).form("/sign")
        response = await post(client, form)
    assert response.status_code == 422
    assert "f-attest" in PageParts(response.text).ids
    assert desk.work.kept.sessions[session.id].signed is None


async def test_signing_twice_signs_once(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        form = (await page_of(client, sign_path(session))).form("/sign")
        first = await post(client, form, attest="yes")
        messages = len(desk.work.kept.queue)
        second = await post(client, form, attest="yes")
        page = await page_of(client, first.headers["location"])
    assert first.status_code == second.status_code == 303
    assert len(desk.work.kept.queue) == messages
    assert desk.woken
    assert "Signed 23 Nov 2026 15:32 (UTC−6) by Dr Synthia Example" in page.text


async def test_what_changed_after_the_page_was_read_is_shown_before_it_is_signed(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        form = (await page_of(client, sign_path(session))).form("/sign")
        reading(desk, session, 188, 90)
        response = await post(client, form, attest="yes")
    page = PageParts(response.text)
    assert response.status_code == 409
    assert "The session changed since you opened this page" in page.text
    assert "188/90" in page.text
    assert desk.work.kept.sessions[session.id].signed is None


async def test_a_nurse_reads_the_record_and_is_told_who_signs(desk: Desk) -> None:
    session = ready(desk)
    desk.open(nurse())
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
    assert "Only a prescriber can sign." in page.text
    assert "171/101" in page.text
    assert not [form for form in page.forms if form.action.endswith("/sign")]


async def test_nothing_is_called_written_before_the_ehr_has_it(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
        assert "0 of 32 items written. 32 waiting." in page.text
        assert [attrs for _, attrs in page.tags if attrs.get("data-refresh") == "5"]
        settle(desk, MessageState.DELIVERED)
        done = await page_of(client, sign_path(session))
    assert "32 of 32 items written." in done.text
    assert not [attrs for _, attrs in done.tags if "data-refresh" in attrs]


async def test_a_refused_item_shows_why_and_can_be_sent_again(desk: Desk) -> None:
    session = signed(desk)
    settle(desk, MessageState.REJECTED, "The EHR refused it: unit not known")
    woken = desk.woken
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
        assert "unit not known" in page.text
        assert len([form for form in page.forms if form.action.endswith("/delivery/retry")]) == 1, (
            "one message, one try"
        )
        response = await post(client, page.form("/delivery/retry"))
    assert response.headers["location"] == sign_path(session)
    assert desk.woken > woken
    assert MessageState.QUEUED in {queued.message.state for queued in desk.work.kept.queue.values()}


async def test_what_waits_for_a_launch_is_released_by_a_button(desk: Desk) -> None:
    signed(desk)
    settle(desk, MessageState.WAIT_AUTH)
    async with desk.client() as client:
        page = await page_of(client, f"{ROOT}/progress")
        response = await post(client, page.form("/delivery/release"))
    assert response.headers["location"] == f"{ROOT}/progress"
    assert MessageState.WAIT_AUTH not in {queued.message.state for queued in desk.work.kept.queue.values()}


async def test_the_way_back_is_never_an_address_from_the_form(desk: Desk) -> None:
    signed(desk)
    settle(desk, MessageState.WAIT_AUTH)
    async with desk.client() as client:
        form = (await page_of(client, f"{ROOT}/progress")).form("/delivery/release")
        for back in ("https://evil.example", "//evil.example", "../../x"):
            response = await post(client, form, back=back, session=back)
            assert response.headers["location"] == f"{ROOT}/progress"


async def test_entered_in_error_needs_a_reason_and_shows_it(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        form = (await page_of(client, f"{ROOT}/session/{session.id}/error")).form("/error")
        assert (await post(client, form, reason="")).status_code == 422
        response = await post(client, form, reason="Recorded for the wrong patient")
        page = await page_of(client, response.headers["location"])
    assert desk.work.kept.sessions[session.id].status is SessionStatus.ENTERED_IN_ERROR
    assert "Recorded for the wrong patient" in page.text
    assert "Entered in error" not in page.links, "it cannot be done twice"


async def test_only_a_prescriber_is_offered_to_take_a_note_back(desk: Desk) -> None:
    session = signed(desk)
    desk.open(replace(nurse()))
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
    assert "Entered in error" not in page.links


async def test_what_waits_after_a_try_says_once_why(desk: Desk) -> None:
    session = signed(desk)
    settle(desk, MessageState.RETRY_AT, "The EHR is not available now (503).")
    async with desk.client() as client:
        page = await page_of(client, sign_path(session))
    assert page.text.count("The last try: The EHR is not available now (503).") == 1
