"""Drafts: what is typed into a form and not saved stands there again, for its author alone, on any device."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from fhir_mappings.facts.treatment import Role
from tests.smart_app.pages.desk import HEADERS, LAUNCH, Desk, FormFound, PageParts, a_caller, a_clinician, post
from tests.smart_app.pages.treatment import ready, running

pytestmark = pytest.mark.anyio

TYPED = HEADERS | {
    "X-KP-Script": "1",
    "X-KP-Keep": "draft",
    "Content-Type": "application/x-www-form-urlencoded",
}
NOT_SAVED = "and did not save it. It stands below again."


async def page_of(client: httpx.AsyncClient, path: str, launch: str = LAUNCH) -> PageParts:
    return PageParts((await client.get(f"/l/{launch}/{path}")).text)


async def typing(client: httpx.AsyncClient, form: FormFound, **values: str) -> httpx.Response:
    """As the page's script sends a form while somebody types."""
    fields = form.fields | {name.replace("__", "."): value for name, value in values.items()}
    return await client.post(form.action, content=urlencode(fields), headers=TYPED)


def elsewhere(desk: Desk, role: Role = Role.PRESCRIBER, name: str = "Dr Synthia Example") -> httpx.AsyncClient:
    """Another device, and so another start of the app for the same patient."""
    desk.open(a_caller(launch="launch-2", clinician=a_clinician(role, name)), secret="second")
    return desk.client(launch="launch-2", secret="second")


@pytest.mark.parametrize(
    ("path", "end", "values"),
    [
        ("session/{session}/monitor", "/entries/reading", {"reading.systolic": "14", "reading.heart_rate": "7"}),
        ("session/{session}/before", "/entries/reading", {"reading.systolic": "129"}),
        ("session/{session}/monitor", "/entries/event", {"event.type": "nausea", "event.action": "Ondanse"}),
        ("session/{session}/monitor", "/entries/note", {"note.text": "Asked for wat"}),
        ("session/{session}/stop", "/stop", {"stop.reason": "Felt unw"}),
        ("session/missed", "/missed", {"reason": "Snow on the ro"}),
        ("progress", "/progress/score", {"total": "1"}),
        ("course/hold", "/hold", {"reason": "Moved to ano"}),
    ],
)
async def test_what_is_half_typed_stands_there_again_on_any_device_of_its_author(
    desk: Desk, path: str, end: str, values: dict[str, str]
) -> None:
    session = running(desk)
    path = path.format(session=session.id)
    async with desk.client() as client:
        told = await typing(client, (await page_of(client, f"{path}?add=all")).form(end), **values)
    assert told.json()["saved"] == f"{desk.now:%H:%M:%S}"
    async with elsewhere(desk) as client:
        shown = await page_of(client, path, "launch-2")
        kept = shown.form(end).fields
    assert {name: kept.get(name) for name in values} == values
    assert NOT_SAVED in shown.text
    async with elsewhere(desk, Role.NURSE, "R. Nurse") as client:
        assert NOT_SAVED not in (await page_of(client, path, "launch-2")).text, "only its author sees it"
    assert desk.work.kept.sessions[session.id] == session, "nothing is recorded before its button is pressed"


async def test_several_forms_of_a_page_are_kept_beside_each_other(desk: Desk) -> None:
    session = running(desk).id
    path = f"session/{session}/monitor"
    async with desk.client() as client:
        page = await page_of(client, path)
        await typing(client, page.form("/entries/reading"), reading__systolic="141")
        await typing(client, page.form("/entries/note"), note__text="Eye mask off")
        await typing(client, page.form("/entries/reading"), reading__systolic="142")
        page = await page_of(client, path)
    assert page.form("/entries/reading").fields["reading.systolic"] == "142"
    assert page.form("/entries/note").fields["note.text"] == "Eye mask off"


async def test_a_saved_form_leaves_no_draft_and_a_late_draft_of_it_is_not_shown(desk: Desk) -> None:
    session = running(desk).id
    path = f"session/{session}/monitor"
    async with desk.client() as client:
        form = (await page_of(client, path)).form("/entries/note")
        await typing(client, form, note__text="Eye mask o")
        await post(client, form, note__text="Eye mask off")
        assert desk.work.kept.drafts == {}
        await typing(client, form, note__text="Eye mask o")  # overtaken on its way by the button
        page = await page_of(client, path)
    assert NOT_SAVED not in page.text
    assert not page.form("/entries/note").fields.get("note.text")


async def test_what_is_taken_out_again_is_no_draft(desk: Desk) -> None:
    session = running(desk).id
    path = f"session/{session}/before"
    async with desk.client() as client:
        form = (await page_of(client, path)).form("/entries/reading")
        await typing(client, form, reading__systolic="141")
        await typing(client, form, reading__systolic="")
        assert NOT_SAVED not in (await page_of(client, path)).text
    assert desk.work.kept.drafts == {}


async def test_a_draft_of_an_older_minute_shows_when_it_was_typed(desk: Desk) -> None:
    session = running(desk).id
    path = f"session/{session}/monitor"
    async with desk.client() as client:
        await typing(client, (await page_of(client, path)).form("/entries/reading"), reading__systolic="141")
        assert not (await page_of(client, path)).form("/entries/reading").fields["reading.time"]
        desk.now += timedelta(minutes=12)
        form = (await page_of(client, path)).form("/entries/reading")
        assert form.fields["reading.time"] == "14:32"
        await post(client, form, reading__diastolic="82", reading__heart_rate="70", reading__oxygen_saturation="98")
    entry = desk.work.kept.sessions[session].entries[-1]
    assert f"{entry.at:%H:%M}" == "14:32"


async def test_a_signer_is_told_of_what_was_typed_and_not_saved(desk: Desk) -> None:
    session = ready(desk).id
    words = "You typed something and did not save it. It is not part of this record: look at monitor"
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/monitor")).form("/entries/note")
        assert words not in (await page_of(client, f"session/{session}/sign")).text
        await typing(client, form, note__text="Eye mask o")
        assert words in (await page_of(client, f"session/{session}/sign")).text
        await post(client, form, note__text="Eye mask off")
        assert words not in (await page_of(client, f"session/{session}/sign")).text


async def test_every_draft_leaves_an_audit_record_without_what_was_typed(desk: Desk) -> None:
    session = running(desk).id
    before = len(desk.work.kept.audit)
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/monitor")).form("/entries/note")
        await typing(client, form, note__text="CANARY")
    added = desk.work.kept.audit[before:]
    assert "clinician:form:draft" in [record.action for record in added]
    assert "CANARY" not in repr(added)


@pytest.mark.parametrize("wrong", [{"_token": ""}, {"_patient": ""}, {"_launch": "another"}])
async def test_a_draft_without_the_session_s_marks_is_not_kept(desk: Desk, wrong: dict[str, str]) -> None:
    session = running(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/monitor")).form("/entries/note")
        assert (await typing(client, form, note__text="Eye mask off", **wrong)).status_code in {403, 409}
    assert desk.work.kept.drafts == {}
