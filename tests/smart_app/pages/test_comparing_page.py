"""The page that shows both sides of a conflict, and what can be done next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.records import MessageState
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_clinician, post
from tests.smart_app.pages.treatment import disputed, signed

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"


def in_conflict(desk: Desk) -> str:
    (key,) = (key for key, each in desk.work.kept.queue.items() if each.message.state is MessageState.CONFLICT)
    return key


async def test_the_signed_page_leads_to_both_sides(desk: Desk) -> None:
    session = disputed(desk)
    async with desk.client() as client:
        signed_page = PageParts((await client.get(f"{ROOT}/session/{session.id}/sign")).text)
        (link,) = {href for href in signed_page.links.values() if "/delivery/compare/" in href}
        response = await client.get(link)
    page = PageParts(response.text)
    assert response.status_code == 200
    assert link.endswith(in_conflict(desk))
    assert "Ketamine dose" in page.text
    for words in ("dose: 40.5 mg", "dose: 39 mg", "Sent before:", "Not as the app sent it", "urn:pharmacy"):
        assert words in page.text
    assert "Amend this record" in page.text
    assert "TESTPATIENT, Ada" in page.text


async def test_trying_again_from_there_leads_back_to_the_record(desk: Desk) -> None:
    session, message = disputed(desk), in_conflict(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(f"{ROOT}/delivery/compare/{message}")).text)
        response = await post(client, page.form("/delivery/retry"))
    assert response.headers["location"] == f"{ROOT}/session/{session.id}/sign"
    assert desk.work.kept.queue[message].message.state is MessageState.QUEUED


async def test_who_may_not_write_sees_both_sides_and_no_button(desk: Desk) -> None:
    disputed(desk)
    desk.open(replace(a_caller(), may_write=False))
    async with desk.client() as client:
        page = PageParts((await client.get(f"{ROOT}/delivery/compare/{in_conflict(desk)}")).text)
    assert "dose: 39 mg" in page.text
    assert not [form for form in page.forms if form.action.endswith("/retry")]
    assert not [href for href in page.links.values() if href.endswith("/amend")]


async def test_an_auditor_does_not_see_it(desk: Desk) -> None:
    disputed(desk)
    desk.open(a_caller(clinician=a_clinician(Role.AUDITOR)))
    async with desk.client() as client:
        response = await client.get(f"{ROOT}/delivery/compare/{in_conflict(desk)}")
    assert response.status_code == 303
    assert response.headers["location"] == f"{ROOT}/audit"
    assert "39 mg" not in response.text


async def test_what_is_in_no_conflict_is_refused_in_words(desk: Desk) -> None:
    signed(desk)
    key = next(iter(desk.work.kept.queue))
    async with desk.client() as client:
        response = await client.get(f"{ROOT}/delivery/compare/{key}")
    assert response.status_code in {403, 404, 409}
    assert "not in conflict" in response.text


async def test_what_the_ehr_sends_is_shown_as_text(desk: Desk) -> None:
    disputed(desk)
    ehr = desk.deps.ehr_of(LAUNCH)
    (dose,) = ehr.held("MedicationAdministration")  # type: ignore[union-attr]  # a scripted one
    dose["dosage"]["text"] = "<script>alert(1)</script>"
    ehr.put(dose)  # type: ignore[union-attr]  # a scripted one
    async with desk.client() as client:
        response = await client.get(f"{ROOT}/delivery/compare/{in_conflict(desk)}")
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text
