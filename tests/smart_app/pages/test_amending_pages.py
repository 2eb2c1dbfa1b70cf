"""Amend, add to, countersign, look at old versions, print and take along."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.treatment import Clinician, Role
from smart_app.notes.pdf import print_pdf
from smart_app.use_cases.records import Caller, MessageKind, StoredSession
from smart_app.use_cases.session.record_session import save_fields
from tests.smart_app.pages.desk import BASE, LAUNCH, Desk, PageParts, a_caller, post
from tests.smart_app.pages.treatment import nurse, ready, signed

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"
WHY = "The lot was mistyped."


def place(session: StoredSession, *more: str) -> str:
    return "/".join((ROOT, "session", session.id, *more))


def a_colleague() -> Caller:
    who = Clinician(reference=f"{BASE}/Practitioner/colleague", name="Dr Cole League", role=Role.PRESCRIBER)
    return a_caller(clinician=who)


async def amended(desk: Desk, session: StoredSession) -> None:
    async with desk.client() as client:
        form = PageParts((await client.get(place(session, "amend"))).text).form("/amend")
        response = await post(client, form, reason=WHY)
        assert response.headers["location"] == place(session, "before")
        save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"dose.lot": "K4412"})
        page = PageParts((await client.get(place(session, "sign"))).text)
        assert "You are amending version 1" in page.text
        assert "lot K4411" in page.text
        assert "lot K4412" in page.text
        assert (await post(client, page.form("/sign"), attest="yes")).status_code == 303


async def test_a_record_is_amended_from_its_page_and_shows_what_changed(desk: Desk) -> None:
    session = signed(desk)
    await amended(desk, session)
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        old = PageParts((await client.get(page.links["Version 1"])).text)
    assert "Version 2" in page.text
    assert f"Reason: {WHY}" in page.text
    assert "authorship of the amended record" in page.text
    assert "1 change from version 1" in page.text
    assert "This is version 1. Version 2 stands." in old.text
    assert "lot K4411" in old.text
    assert "lot K4412" not in old.text
    assert "SHA-256" in old.text


async def test_while_it_is_amended_the_steps_are_open_and_the_signed_version_can_be_read(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(place(session, "amend"))).text).form("/amend")
        await post(client, form, reason=WHY)
        dose = PageParts((await client.get(place(session, "dose"))).text)
        assert [each for each in dose.forms if each.fields.get("dose.lot") == "K4411"]
        assert (await client.get(place(session, "version", "1"))).status_code == 200
        page = PageParts((await client.get(place(session, "sign"))).text)
        await post(client, page.form("/amend/drop"))
        after = PageParts((await client.get(place(session, "sign"))).text)
    assert "signed note" in after.text
    assert desk.work.kept.sessions[session.id].amendment is None


async def test_a_reason_that_says_nothing_is_asked_for_again(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(place(session, "amend"))).text).form("/amend")
        response = await post(client, form, reason="x")
    assert response.status_code == 422
    assert "f-reason" in PageParts(response.text).ids
    assert desk.work.kept.sessions[session.id].amendment is None


async def test_an_addendum_is_signed_from_its_page(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        form = PageParts((await client.get(place(session, "addendum"))).text).form("/addendum")
        refused = await post(client, form, text="The escort was her sister.")
        assert refused.status_code == 422
        assert "The escort was her sister." in refused.text, "what was typed is kept"
        form = PageParts(refused.text).form("/addendum")
        response = await post(client, form, reason="It was left out.", attest="yes")
        page = PageParts((await client.get(response.headers["location"])).text)
    assert "The escort was her sister." in page.text
    assert "addendum to the signed record" in page.text
    assert desk.woken


async def test_a_colleague_countersigns_and_the_signer_cannot(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        own = PageParts((await client.get(place(session, "sign"))).text)
        assert not [form for form in own.forms if form.action.endswith("/countersign")]
    desk.open(a_colleague())
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        form = page.form("/countersign")
        assert (await post(client, form)).status_code == 422
        response = await post(client, form, attest="yes")
        again = await post(client, form, attest="yes")
        page = PageParts((await client.get(response.headers["location"])).text)
    assert response.status_code == again.status_code == 303
    assert "Countersigned: Dr Cole League" in page.text
    assert "review and approval" in page.text
    assert len(desk.work.kept.countersignatures) == 1
    kinds = [queued.message.kind for queued in desk.work.kept.queue.values()]
    assert kinds.count(MessageKind.COUNTERSIGN_SESSION) == 1


async def test_a_nurse_who_recorded_signs_for_her_entries(desk: Desk) -> None:
    session = signed(desk)
    desk.open(nurse())
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        assert "What it says I entered is what I entered." in page.text
        await post(client, page.form("/countersign"), attest="yes")
    (kept,) = desk.work.kept.countersignatures.values()
    assert kept.signature.meaning == "authorship of my entries"


async def test_an_amended_record_waits_for_its_countersignature_again(desk: Desk) -> None:
    session = signed(desk)
    desk.open(nurse())
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
        await post(client, page.form("/countersign"), attest="yes")
    desk.open(a_caller())
    await amended(desk, session)
    desk.open(nurse())
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "sign"))).text)
    assert [form for form in page.forms if form.action.endswith("/countersign")]


async def test_the_note_is_taken_along_as_a_document_and_that_is_recorded(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "version", "1"))).text)
        assert "PDF is not installed here" in page.text
        taken = await client.get(place(session, "version", "1", "note.xhtml"))
        refused = await client.get(place(session, "version", "1", "note.pdf"))
    assert taken.headers["content-type"].startswith("application/xhtml+xml")
    assert taken.headers["content-disposition"] == 'attachment; filename="ketamine-session-1-version-1.xhtml"'
    assert "171/101" in taken.text
    assert refused.status_code >= 400
    actions = [record.action for record in desk.work.kept.audit]
    assert "clinician:version:download" in actions


async def test_with_the_extra_the_note_is_a_pdf(desk: Desk) -> None:
    pytest.importorskip("typst")
    desk = Desk(print_pdf=print_pdf)
    desk.open(a_caller())
    session = signed(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "version", "1"))).text)
        taken = await client.get(page.links["Take it as PDF"])
    assert taken.headers["content-type"] == "application/pdf"
    assert taken.content.startswith(b"%PDF-")


async def test_a_draft_says_that_it_is_not_signed(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        page = PageParts((await client.get(place(session, "draft"))).text)
        taken = await client.get(place(session, "draft", "note.xhtml"))
    for text in (page.text, taken.text):
        assert "DRAFT - NOT SIGNED" in text
        assert "Signed by" not in text
    assert "Ketamine 41 mg" in page.text


async def test_a_version_that_never_was_is_refused(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        for number in ("0", "2", "x"):
            assert (await client.get(place(session, "version", number))).status_code >= 400
