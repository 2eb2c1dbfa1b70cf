"""Sessions end by time: what counts as somebody being there, what is kept of what came too late, and what is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from fhir_mappings.facts.treatment import Role
from launch.sessions import Why
from smart_app.use_cases.session.record_session import save_fields
from tests.smart_app.pages.desk import (
    HEADERS,
    LAUNCH,
    Desk,
    FormFound,
    PageParts,
    a_caller,
    a_clinician,
    a_screening,
    post,
)
from tests.smart_app.pages.treatment import opened, ready, running

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"
REFRESH = {"X-KP-Refresh": "1"}
KEPT = "What you had typed is kept"
NOT_KEPT = "What this form held was not kept. Enter it again."


def wait(desk: Desk, **time: int) -> None:
    desk.now += timedelta(**time)


async def page_of(client: httpx.AsyncClient, path: str) -> PageParts:
    return PageParts((await client.get(f"{ROOT}/{path}")).text)


async def silently(client: httpx.AsyncClient, form: FormFound, **values: str) -> httpx.Response:
    """As the page's script sends what was typed when the session is over."""
    told = HEADERS | {"X-KP-Script": "1", "X-KP-Keep": "1", "Content-Type": "application/x-www-form-urlencoded"}
    fields = form.fields | {name.replace("__", "."): value for name, value in values.items()}
    return await client.post(form.action, content=urlencode(fields), headers=told)


def again(desk: Desk) -> httpx.AsyncClient:
    """The same user has opened the app again for the same patient."""
    caller = a_caller(launch="launch-2")
    desk.open(caller, secret="second-secret")
    return desk.client(launch="launch-2", secret="second-secret")


async def test_after_a_quarter_of_an_hour_without_anybody_the_page_shows_nothing(desk: Desk) -> None:
    desk.keep(screening=a_screening())
    async with desk.client() as client:
        assert "TESTPATIENT" in (await client.get(f"{ROOT}/screening")).text
        wait(desk, minutes=15)
        response = await client.get(f"{ROOT}/screening")
    assert response.status_code == 401
    assert "Your session ended at 14:47. Nothing you entered is lost." in response.text
    assert "Open the app again from the chart to go on." in response.text
    assert "TESTPATIENT" not in response.text
    assert response.headers["cache-control"] == "no-store"


async def test_every_request_of_a_person_begins_the_time_anew(desk: Desk) -> None:
    async with desk.client() as client:
        for _ in range(4):
            wait(desk, minutes=14)
            assert (await client.get(f"{ROOT}/progress")).status_code == 200


async def test_what_the_page_asks_by_itself_does_not(desk: Desk) -> None:
    async with desk.client() as client:
        await client.get(f"{ROOT}/progress")
        for _ in range(14):
            wait(desk, minutes=1)
            for path in ("progress", "time"):
                assert (await client.get(f"{ROOT}/{path}", headers=REFRESH)).status_code == 200
            assert (await client.get(f"{ROOT}/time")).status_code == 200
            assert (await client.get(f"{ROOT}/stay")).status_code == 200
        wait(desk, minutes=1)
        assert (await client.get(f"{ROOT}/screening")).status_code == 401


async def test_a_draft_saved_while_typing_counts_and_one_sent_again_does_not(desk: Desk) -> None:
    session = opened(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/dose")).form("/fields")
        script = HEADERS | {"X-KP-Script": "1", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form.fields | {"dose.lot": "K1"})
        left = {}
        for name, more in (("typed", {}), ("again", REFRESH)):
            wait(desk, minutes=10)
            response = await client.post(form.action, content=body, headers=script | more)
            left[name] = response.headers["x-kp-ends"].partition(";")[0]
    assert left == {"typed": "3600", "again": "3000"}


async def test_a_running_session_is_watched_for_an_hour(desk: Desk) -> None:
    session = running(desk).id
    async with desk.client() as client:
        page = await client.get(f"{ROOT}/session/{session}/monitor")
        assert page.headers["x-kp-ends"] == "3600;idle;15:32"
        wait(desk, minutes=59)
        assert (await client.get(f"{ROOT}/session/{session}/monitor")).status_code == 200


@pytest.mark.parametrize("why", ["observation has ended", "opened yesterday", "entered later", "nobody watches"])
async def test_a_session_that_nobody_watches_lasts_no_longer(desk: Desk, why: str) -> None:
    session = running(desk)
    if why == "observation has ended":
        save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"discharge.ended": "14:30"})
    if why == "opened yesterday":
        wait(desk, hours=11, minutes=30)
        desk.open()
    if why == "entered later":
        save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"dose.date": "2026-11-20"})
    if why == "nobody watches":
        desk.open(a_caller(clinician=a_clinician(Role.AUDITOR)))
    async with desk.client() as client:
        ends = (await client.get(f"{ROOT}/audit")).headers["x-kp-ends"]
    assert ends.startswith("900;idle;")


async def test_what_ended_stays_ended_when_a_treatment_begins_meanwhile(desk: Desk) -> None:
    async with desk.client() as client:
        wait(desk, minutes=20)
        assert (await client.get(f"{ROOT}/screening")).status_code == 401
        opened(desk)
        assert (await client.get(f"{ROOT}/screening")).status_code == 401


async def test_the_site_s_own_limit_counts(desk: Desk) -> None:
    desk.deps = replace(desk.deps, idle=timedelta(minutes=5))
    async with desk.client() as client:
        assert (await client.get(f"{ROOT}/screening")).headers["x-kp-ends"] == "300;idle;14:37"
        wait(desk, minutes=5)
        assert (await client.get(f"{ROOT}/screening")).status_code == 401


async def test_the_end_is_closed_once_and_the_tokens_are_left_to_the_worker(desk: Desk) -> None:
    async with desk.client() as client:
        await client.get(f"{ROOT}/screening")
        wait(desk, minutes=40)
        for _ in range(3):
            await client.get(f"{ROOT}/screening")
    (end,) = desk.launches.closings.values()
    assert (end.why, f"{end.at:%H:%M}") == (Why.IDLE, "14:47")
    assert desk.ended == [], "nothing was revoked"


async def test_the_longest_time_is_said_in_its_own_word(desk: Desk) -> None:
    async with desk.client() as client:
        for _ in range(71):
            wait(desk, minutes=10)
            response = await client.get(f"{ROOT}/screening")
        assert response.headers["x-kp-ends"] == "600;limit;02:32"
        wait(desk, minutes=10)
        response = await client.get(f"{ROOT}/screening")
    assert "Your session ended at 02:32." in response.text
    assert desk.launches.closings[LAUNCH].why is Why.LIMIT


async def test_not_every_request_is_a_durable_write(desk: Desk) -> None:
    async with desk.client() as client:
        before = len(desk.launches.notes)
        for _ in range(20):
            wait(desk, seconds=2)
            await client.get(f"{ROOT}/screening")
            await client.get(f"{ROOT}/screening", headers=REFRESH)
        assert len(desk.launches.notes) == before
        wait(desk, seconds=30)
        await client.get(f"{ROOT}/screening")
    assert len(desk.launches.notes) == before + 1


async def test_the_place_is_the_page_last_opened_and_no_query(desk: Desk) -> None:
    session = running(desk).id

    def place() -> str:
        return desk.launches.notes[-1][2]

    async with desk.client() as client:
        await client.get(f"{ROOT}/session/{session}/monitor?saved=1&note=SECRET")
        assert place() == f"session/{session}/monitor"
        await client.get(f"{ROOT}/progress", headers=REFRESH)
        await client.get(f"{ROOT}/no/such/page")
        await client.get(f"{ROOT}/session/{session}")
        await client.get(f"{ROOT}/time")
        await client.get(f"{ROOT}/theme.css")
        await client.get(f"{ROOT}/about")
        await client.get(f"{ROOT}/leave")
        assert place() == f"session/{session}/monitor"
        await client.get(f"{ROOT}/progress")
        assert place() == "progress"


async def test_staying_is_one_form_and_leads_back_without_a_script(desk: Desk) -> None:
    async with desk.client() as client:
        await client.get(f"{ROOT}/rules")
        wait(desk, minutes=14)
        page = await page_of(client, "stay")
        assert "Your session ends at 14:47 unless you go on." in page.text
        back = await post(client, page.form("/stay"))
        assert back.headers["location"] == f"{ROOT}/rules"
        assert back.headers["x-kp-ends"] == "900;idle;15:01"
        wait(desk, minutes=14)
        assert (await client.get(f"{ROOT}/rules")).status_code == 200


async def test_staying_needs_the_marks_of_the_session(desk: Desk) -> None:
    async with desk.client() as client:
        form = (await page_of(client, "stay")).form("/stay")
        wait(desk, minutes=14)
        assert (await post(client, form, _token="")).status_code == 403
        assert (await post(client, form, _patient="x")).status_code == 409
        wait(desk, minutes=1)
        assert (await client.get(f"{ROOT}/screening")).status_code == 401


async def test_a_page_without_script_leaves_only_where_nothing_can_be_typed(desk: Desk) -> None:
    session = running(desk).id
    async with desk.client() as client:
        for path, leaves in (("audit", True), ("rules", True), ("about", True), (f"session/{session}/dose", False)):
            page = await page_of(client, path)
            metas = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "refresh"]
            assert metas == ([f"3480; url={ROOT}/stay"] if leaves else []), path


async def test_an_enrolment_that_comes_too_late_is_kept_as_the_draft_and_said_so(desk: Desk) -> None:
    desk.keep(screening=a_screening(at=desk.now))
    async with desk.client() as client:
        form = (await page_of(client, "enrolment")).form("/enrolment")
        wait(desk, minutes=16)
        response = await post(client, form, route="IV", escort="B. Friend", do="check")
    assert response.status_code == 401
    assert "Your session ended at 14:47." in response.text
    assert "What you had typed is kept as your draft." in response.text
    assert "Nothing you entered is lost" not in response.text
    (draft,) = desk.work.kept.drafts.values()
    assert (draft["route"], draft["escort"]) == ("IV", "B. Friend")


async def test_what_was_typed_into_a_step_is_kept_but_its_button_sets_no_time(desk: Desk) -> None:
    session = opened(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/dose")).form("/fields")
        form.action = form.action.replace("/fields", "/start")  # as its button says
        wait(desk, minutes=70)
        response = await post(client, form, dose__lot="K77", do="start")
    assert "kept as your draft" in response.text
    fields = desk.work.kept.sessions[session].fields
    assert fields["dose.lot"] == "K77"
    assert not fields.get("dose.started")


async def test_a_reading_that_comes_too_late_stands_in_the_form_again_and_is_saved_once(desk: Desk) -> None:
    session = running(desk).id
    before = len(desk.work.kept.sessions[session].entries)
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/monitor")).form("/entries/reading")
        values = {"reading__systolic": "141", "reading__diastolic": "86", "reading__heart_rate": "80"}
        wait(desk, minutes=61)
        late = await post(client, form, **values, reading__oxygen_saturation="98")
    assert late.status_code == 401
    assert KEPT in late.text
    assert len(desk.work.kept.sessions[session].entries) == before, "kept, not recorded"
    wait(desk, minutes=5)
    async with again(desk) as client:
        path = f"/l/launch-2/session/{session}/monitor"
        page = PageParts((await client.get(path)).text)
        assert "You sent this at 23 Nov 2026 15:33, after your session had ended. It is not saved yet" in page.text
        shown = page.form("/entries/reading")
        assert (shown.fields["reading.systolic"], shown.fields["reading.time"]) == ("141", "15:33")
        assert (await post(client, shown)).status_code == 303
        after = PageParts((await client.get(path)).text)
        assert "after your session had ended" not in after.text
        assert not after.form("/entries/reading").fields.get("reading.systolic")
    entries = desk.work.kept.sessions[session].entries
    assert len(entries) == before + 1
    assert f"{entries[-1].at.astimezone(desk.now.tzinfo):%H:%M}" == "15:33", (
        "when it was typed, not when it was saved"
    )


async def test_several_late_readings_come_back_one_after_the_other(desk: Desk) -> None:
    session = running(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/monitor")).form("/entries/reading")
        wait(desk, minutes=61)
        for number in ("131", "132"):
            entry = {"entry": f"entry-{number}"}
            told = await silently(client, form, reading__systolic=number, reading__diastolic="80", **entry)
            assert told.json()["kept"].startswith(KEPT)
    seen = []
    async with again(desk) as client:
        for _ in range(2):
            page = PageParts((await client.get(f"/l/launch-2/session/{session}/monitor")).text)
            seen.append(page.form("/entries/reading").fields["reading.systolic"])
            await post(client, page.form("/late/drop"))
        page = PageParts((await client.get(f"/l/launch-2/session/{session}/monitor")).text)
    assert seen == ["131", "132"]
    assert not [form for form in page.forms if form.action.endswith("/late/drop")]


@pytest.mark.parametrize(
    ("path", "end", "values"),
    [
        ("progress", "/progress/score", {"total": "17", "date": "2026-11-22"}),
        ("session/{session}/stop", "/stop", {"stop.reason": "Felt unwell"}),
        ("session/missed", "/missed", {"reason": "Snow on the roads"}),
        ("session/{session}/monitor", "/entries/note", {"note.text": "Asked for water"}),
        ("course/hold", "/hold", {"reason": "Moved to another town"}),
    ],
)
async def test_every_form_with_words_comes_back_to_its_author(
    desk: Desk, path: str, end: str, values: dict[str, str]
) -> None:
    session = running(desk).id
    path = path.format(session=session)
    async with desk.client() as client:
        form = (await page_of(client, path)).form(end)
        wait(desk, minutes=61)
        assert KEPT in (await post(client, form, **values)).text
    async with again(desk) as client:
        shown = PageParts((await client.get(f"/l/launch-2/{path}")).text)
        kept = shown.form(end).fields
        assert {name: kept.get(name) for name in values} == values
        assert "It is not saved yet" in shown.text
    desk.open(a_caller(launch="launch-3", clinician=a_clinician(Role.NURSE, "R. Nurse")), secret="third")
    async with desk.client(launch="launch-3", secret="third") as client:
        theirs = PageParts((await client.get(f"/l/launch-3/{path}")).text)
        assert "It is not saved yet" not in theirs.text, "only its author sees it"


async def test_a_signature_that_comes_too_late_is_not_given_and_said_so(desk: Desk) -> None:
    session = ready(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/sign")).form("/sign")
        wait(desk, minutes=61)
        response = await post(client, form, attest="yes")
    assert response.status_code == 401
    assert NOT_KEPT in response.text
    assert "Nothing you entered is lost" not in response.text
    assert desk.work.kept.sessions[session].signed is None


async def test_after_twenty_hours_nothing_more_is_taken(desk: Desk) -> None:
    async with desk.client() as client:
        form = (await page_of(client, "progress")).form("/progress/score") if running(desk) else None
        assert form is not None
        wait(desk, hours=21)
        assert NOT_KEPT in (await post(client, form, total="17")).text
    assert desk.work.kept.drafts == {}


@pytest.mark.parametrize("wrong", [{"_token": ""}, {"_patient": ""}, {"_launch": "another"}])
async def test_a_late_form_without_the_session_s_marks_is_not_kept(desk: Desk, wrong: dict[str, str]) -> None:
    running(desk)
    async with desk.client() as client:
        form = (await page_of(client, "progress")).form("/progress/score")
        wait(desk, minutes=61)
        assert (await post(client, form, total="17", **wrong)).status_code in {403, 409}
    assert desk.work.kept.drafts == {}


async def test_a_late_form_of_a_closed_app_says_that_nothing_was_kept(desk: Desk) -> None:
    running(desk)
    async with desk.client() as client:
        form = (await page_of(client, "progress")).form("/progress/score")
        desk.deps.end_launch(LAUNCH)
        response = await post(client, form, total="17")
    assert response.status_code == 401
    assert NOT_KEPT in response.text
    assert "Nothing you entered is lost" not in response.text


async def test_what_the_page_gives_up_is_kept_and_not_done(desk: Desk) -> None:
    session = running(desk).id
    async with desk.client() as client:
        form = (await page_of(client, f"session/{session}/stop")).form("/stop")
        told = await silently(client, form, **{"stop.reason": "Felt unwell"})
    assert told.status_code == 200
    assert told.json()["kept"].startswith(KEPT)
    assert desk.work.kept.sessions[session].status == "in-progress"


async def test_only_an_app_that_was_opened_without_a_chart_is_opened_again_without_one(desk: Desk) -> None:
    link = 'href="/launch?ehr=demo"'
    async with desk.client() as client:
        page = (await client.get(f"{ROOT}/screening")).text
        wait(desk, minutes=15)
        assert link not in page + (await client.get(f"{ROOT}/screening")).text
    desk.open()
    desk.launches.closings.clear()
    desk.launches.contexts[LAUNCH] = replace(desk.launches.contexts[LAUNCH], standalone=True)
    async with desk.client() as client:
        assert link in (await client.get(f"{ROOT}/screening")).text, "for the script, which shows it at the end"
        wait(desk, minutes=15)
        ended = (await client.get(f"{ROOT}/screening")).text
    assert link in ended
    assert "Sign in again to go on." in ended
    assert "chart" not in PageParts(ended).text


async def test_what_is_dropped_leads_to_a_page_of_ours_whatever_the_form_says(desk: Desk) -> None:
    async with desk.client() as client:
        form = FormFound(f"{ROOT}/late/drop", dict((await page_of(client, "stay")).form("/stay").fields))
        for target in ("//evil.test", "https://evil.test", "/x", "..", "\\\\evil.test", ""):
            response = await post(client, form, page=target)
            assert response.headers["location"] == f"{ROOT}/screening"
