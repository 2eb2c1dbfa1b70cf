"""The four steps of a session: what they show, keep, refuse and never do twice."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from fhir_mappings.facts.treatment import Route, SessionStatus
from smart_app.pages.templating import PARTS
from smart_app.use_cases.session.record_session import save_fields, session_view
from smart_app.use_cases.session.session_entries import strike_entry
from tests.answers import before_answers, discharge_answers
from tests.smart_app.pages.desk import HEADERS, LAUNCH, Desk, PageParts, a_caller, a_clinician, post
from tests.smart_app.pages.treatment import a_dose, enrolled, nurse, opened, reading, ready, running, signed

pytestmark = pytest.mark.anyio

ROOT = f"/l/{LAUNCH}"
STEPS = ("before", "dose", "monitor", "discharge")


def at(session: object, step: str = "monitor") -> str:
    return f"{ROOT}/session/{session.id}/{step}"  # type: ignore[attr-defined]  # a stored session


async def page_of(client: httpx.AsyncClient, path: str) -> PageParts:
    response = await client.get(path)
    assert response.status_code == 200, response.text[:500]
    return PageParts(response.text)


async def test_without_a_course_the_page_leads_to_enrolment(desk: Desk) -> None:
    async with desk.client() as client:
        page = await page_of(client, f"{ROOT}/session")
    assert "not enrolled" in page.text
    assert not [form for form in page.forms if form.action.endswith("/session")]


async def test_opening_twice_opens_one_session(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = (await page_of(client, f"{ROOT}/session")).form("/session")
        first = await post(client, form)
        second = await post(client, form)
    assert first.headers["location"] == second.headers["location"]
    assert len(desk.work.kept.sessions) == 1


async def test_the_tab_leads_back_to_the_first_step_to_do(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        landing = await client.get(f"{ROOT}/session")
        step = await client.get(landing.headers["location"])
    assert step.headers["location"] == at(session, "before")


@pytest.mark.parametrize("step", STEPS)
async def test_every_step_renders_empty_and_full(desk: Desk, step: str) -> None:
    empty, full = Desk(), desk
    empty.open()
    first, second = opened(empty), running(full)
    async with empty.client() as client:
        bare = await page_of(client, at(first, step))
    async with full.client() as client:
        page = await page_of(client, at(second, step))
    for each in (bare, page):
        assert each.title.startswith("Session 1 of 6: ")
        assert {"Before", "Dose", "Monitor", "Discharge"} <= {words.split(" ")[0] for words in _rail(each)}


def _rail(page: PageParts) -> list[str]:
    return [words for words, href in page.links.items() if re.search(r"/(before|dose|monitor|discharge)$", href)]


async def test_no_reading_closes_the_gate_in_words(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        assert "Measure blood pressure first." in (await page_of(client, at(session, "before"))).text


@pytest.mark.parametrize(
    ("systolic", "diastolic", "words"),
    [
        (139, 99, "below 140/100."),
        (140, 80, "Do not start: 140/80 is not below 140/100. Repeat in 5 minutes."),
        (120, 100, "Do not start: 120/100 is not below 140/100. Repeat in 5 minutes."),
    ],
    ids=["just below", "systolic at the limit", "diastolic at the limit"],
)
async def test_the_gate_line_says_whether_to_start(desk: Desk, systolic: int, diastolic: int, words: str) -> None:
    session = opened(desk)
    reading(desk, session, systolic, diastolic, baseline="yes")
    async with desk.client() as client:
        page = await page_of(client, at(session, "dose"))
    assert words in page.text


async def test_start_now_behind_a_closed_gate_explains_and_keeps_what_was_typed(desk: Desk) -> None:
    session = opened(desk)
    reading(desk, session, 152, 104, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        response = await post(client, form, dose__planned_mg="41", do="start")
        page = await page_of(client, response.headers["location"])
    assert "Do not start: 152/104" in page.text
    fields = desk.work.kept.sessions[session.id].fields
    assert fields["dose.planned_mg"] == "41"
    assert not fields.get("dose.started")


async def test_a_prescriber_starts_behind_a_closed_gate_only_with_a_reason(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV))
    reading(desk, session, 152, 104, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "gate"))).form("/start")
        short = await post(client, form, gate__reason="ok", do="start")
        assert short.status_code == 422
        assert not desk.work.kept.sessions[session.id].fields.get("dose.started")
        done = await post(client, form, gate__reason="White coat; home readings 120/75 all week", do="start")
    assert done.headers["location"].startswith(at(session, "monitor"))
    fields = desk.work.kept.sessions[session.id].fields
    assert fields["dose.started"] == "14:32"
    assert fields["dose.date"] == "2026-11-23"


async def test_with_every_check_answered_a_closed_gate_leads_to_the_page_that_says_what_to_do(desk: Desk) -> None:
    session = opened(desk)
    reading(desk, session, 152, 104, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "before"))).form("/fields")
        answers = {name.replace(".", "__"): value for name, value in before_answers(Route.IV).items()}
        stopped = await post(client, form, **answers)
        assert stopped.headers["location"] == at(session, "gate")
        page = await page_of(client, at(session, "gate"))
    assert "Do not start: 152/104 is not below 140/100." in page.text
    assert page.links["Record a reading"].endswith("/before#reading")
    assert page.links["End the session without a dose"].endswith("/stop")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"check.consent": "no"}, "“Consent is current, off-label use explained” is no."),
        ({"check.fasting.solids": "4.5"}, "Fasted too short: 4.5 h of 6 h without solids."),
        ({"check.fasting.fluids": "1"}, "Fasted too short: 1 h of 2 h without clear fluids."),
        ({"check.suicidality.finding": "plan"}, "A plan, an intent or an attempt"),
        ({"check.sober": ""}, "Not answered yet Free of alcohol and drugs for 24 hours"),
    ],
    ids=["consent", "solids", "clear fluids", "plan", "not answered"],
)
async def test_a_check_that_stands_against_the_dose_stops_it_like_the_gate(
    desk: Desk, typed: dict[str, str], words: str
) -> None:
    session = opened(desk)
    for _ in range(2):
        reading(desk, session, 128, 78, baseline="yes")
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV) | typed)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        above = await page_of(client, at(session, "dose"))
        assert words in above.text or "1 check that decides is not answered yet" in above.text
        response = await post(client, form, do="start")
        assert response.headers["location"] == at(session, "gate")
        page = await page_of(client, at(session, "gate"))
        assert words in page.text
        assert not desk.work.kept.sessions[session.id].fields.get("dose.started")
        done = await post(client, page.form("/start"), check__reason="Discussed with the anaesthetist", do="start")
    assert done.headers["location"].startswith(at(session, "monitor"))
    assert desk.work.kept.sessions[session.id].fields["dose.started"] == "14:32"


async def test_a_reason_does_not_cover_what_was_found_after_it(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV))
    reading(desk, session, 142, 90, baseline="yes")
    save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"gate.reason": "By hand it is 138/88."})
    desk.now += timedelta(minutes=5)
    reading(desk, session, 176, 108, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        response = await post(client, form, do="start")
    assert response.headers["location"] == at(session, "gate")


async def test_an_unusual_value_beside_a_check_is_asked_back_until_it_is_kept(desk: Desk) -> None:
    session = opened(desk)
    for _ in range(2):
        reading(desk, session, 128, 78, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "before"))).form("/fields")
        answers = before_answers(Route.IV) | {"check.fasting.solids": "30"}
        asked = await post(client, form, **{name.replace(".", "__"): value for name, value in answers.items()})
        page = PageParts(asked.text)
        assert "Check: last solids 30 h. Is that right?" in page.text
        kept = await post(client, page.form("/fields"), check__confirm="yes")
        assert kept.headers["location"].startswith(at(session, "dose"))
        save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"check.fasting.solids": "31"})
        assert "Check: last solids 31 h. Is that right?" in (await page_of(client, at(session, "before"))).text


async def test_a_nurse_cannot_override_the_gate(desk: Desk) -> None:
    session = opened(desk)
    desk.open(nurse())
    reading(desk, session, 152, 104, baseline="yes")
    async with desk.client() as client:
        page = await page_of(client, at(session, "gate"))
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        response = await post(client, form, gate__reason="A nurse's reason, long enough", do="start")
    assert not [each for each in page.forms if each.action.endswith("/start")]
    assert response.status_code == 422
    assert not desk.work.kept.sessions[session.id].fields.get("dose.started")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"dose__given_mg": "410"}, "Check: 410 mg given, 41 mg planned. Is that right?"),
        ({"dose__planned_mg": "410"}, "= 41 mg, but 410 mg are planned. Is that right?"),
        ({"dose__given_mg": "4l"}, "This field is in mg. Enter the number alone."),
    ],
    ids=["given", "planned", "not a number"],
)
async def test_start_now_asks_an_unusual_amount_back_before_it_starts(
    desk: Desk, typed: dict[str, str], words: str
) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV))
    reading(desk, session, 128, 78, baseline="yes")
    reading(desk, session, 128, 78, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        asked = await post(client, form, do="start", **typed)
        assert asked.status_code == 422
        page = PageParts(asked.text)
        assert words in page.text
        stored = desk.work.kept.sessions[session.id].fields
        assert not stored.get("dose.started")
        assert {name: stored[name.replace("__", ".")] for name in typed} == typed
        if "4l" not in typed.values():
            again = page.form("/fields")
            again.action = again.action.replace("/fields", "/start")
            done = await post(client, again, do="start", dose__confirm="yes")
            assert done.headers["location"].startswith(at(session, "monitor"))
            assert desk.work.kept.sessions[session.id].fields["dose.started"] == "14:32"


async def test_start_now_with_an_open_gate_takes_the_server_s_time(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, before_answers(Route.IV))
    reading(desk, session, 128, 78, baseline="yes")
    reading(desk, session, 128, 78, baseline="yes")
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        response = await post(client, form, do="start")
    assert response.headers["location"].startswith(at(session, "monitor"))
    assert desk.work.kept.sessions[session.id].fields["dose.started"] == "14:32"


async def test_the_dose_page_shows_both_factors_and_the_volume(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        page = await page_of(client, at(session, "dose"))
    assert "0.5 mg/kg × 82.0 kg = 41 mg" in page.text
    assert "41 mg ÷ 50 mg/mL = 0.82 mL" in page.text
    assert "20 Nov 2026" in page.text


async def test_an_unusual_dose_is_asked_back(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, a_dose(desk) | {"dose.planned_mg_per_kg": "1.2"})
    async with desk.client() as client:
        page = await page_of(client, at(session, "dose"))
    assert "Unusual amounts" in page.text
    assert "f-dose.confirm" in page.ids


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
async def test_a_yes_to_unusual_amounts_holds_for_those_that_its_page_asked_about(desk: Desk, script: bool) -> None:
    session, nan = opened(desk), nurse()
    save_fields(desk.work, desk.deps.clock, nan, session.id, a_dose(desk) | {"dose.given_mg": "60"})
    async with desk.client() as client:
        stale = (await page_of(client, at(session, "dose"))).form("/fields")
        save_fields(desk.work, desk.deps.clock, nan, session.id, {"dose.given_mg": "600"})
        if script:
            client.headers["X-KP-Script"] = "1"
            refused = await post(client, stale, dose__confirm="yes", dose__body_site="right forearm")
            assert refused.json() == {"saved": "14:32:07", "again": ["dose.confirm"]}
            del client.headers["X-KP-Script"]
        else:
            refused = await post(client, stale, dose__confirm="yes", dose__body_site="right forearm")
            assert "Check: 600 mg given, 41 mg planned. Is that right?" in PageParts(refused.text).text
        kept = desk.work.kept.sessions[session.id].fields
        assert kept.get("dose.confirm") != "yes"
        assert (kept["dose.given_mg"], kept["dose.body_site"]) == ("600", "right forearm"), "nothing else is lost"
        fresh = (await page_of(client, at(session, "dose"))).form("/fields")
        await post(client, fresh, dose__confirm="yes")
    assert desk.work.kept.sessions[session.id].fields["dose.confirm"] == "yes"


async def test_a_yes_that_came_with_the_start_is_not_asked_for_again_until_something_changes(desk: Desk) -> None:
    session, nan = opened(desk), nurse()
    for _ in range(2):
        reading(desk, session, 128, 78, baseline="yes")
    typed = before_answers(Route.IV) | a_dose(desk) | {"dose.given_mg": "60", "dose.started": "", "dose.date": ""}
    save_fields(desk.work, desk.deps.clock, nan, session.id, typed | {"dose.volume_ml": ""})
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        form.action = form.action.replace("/fields", "/start")
        await post(client, form, do="start", dose__confirm="yes")
    kept = desk.work.kept.sessions[session.id].fields
    assert (kept["dose.started"], kept["dose.confirm"]) == ("14:32", "yes")
    for name, text in (("dose.ended", "14:40"), ("dose.date", "2026-11-20"), ("dose.given_mg", "61")):
        save_fields(desk.work, desk.deps.clock, nan, session.id, {"dose.confirm": "yes"})
        save_fields(desk.work, desk.deps.clock, nan, session.id, {name: text})
        assert desk.work.kept.sessions[session.id].fields["dose.confirm"] == "", name


async def test_a_yes_beside_a_check_holds_for_the_values_of_its_page(desk: Desk) -> None:
    session, nan = opened(desk), nurse()
    save_fields(
        desk.work, desk.deps.clock, nan, session.id, before_answers(Route.IV) | {"check.fasting.solids": "30"}
    )
    async with desk.client() as client:
        stale = (await page_of(client, at(session, "before"))).form("/fields")
        save_fields(desk.work, desk.deps.clock, nan, session.id, {"check.fasting.solids": "300"})
        await post(client, stale, check__confirm="yes")
        assert desk.work.kept.sessions[session.id].fields.get("check.confirm") != "yes"
        await post(client, (await page_of(client, at(session, "before"))).form("/fields"), check__confirm="yes")
    assert desk.work.kept.sessions[session.id].fields["check.confirm"] == "yes"


async def test_saving_goes_on_when_the_step_is_complete_and_says_what_is_missing_when_not(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "before"))).form("/fields")
        response = await post(client, form, check__identity="yes")
        page = PageParts(response.text)
        assert response.status_code == 422
        assert page.title.startswith("Error: ")
        assert desk.work.kept.sessions[session.id].fields["check.identity"] == "yes", "kept all the same"
        reading(desk, session, 128, 78, baseline="yes")
        reading(desk, session, 128, 78, baseline="yes")
        answers = {name.replace(".", "__"): value for name, value in before_answers(Route.IV).items()}
        done = await post(client, form, **answers)
    assert done.headers["location"].startswith(at(session, "dose"))


async def test_a_page_does_not_undo_what_somebody_else_wrote_meanwhile(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"check.escort": "yes"})
    async with desk.client() as client:
        form = (await page_of(client, at(session, "before"))).form("/fields")
        save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"check.escort": "no"})
        await post(client, form, check__fasting="yes")
    fields = desk.work.kept.sessions[session.id].fields
    assert (fields["check.escort"], fields["check.fasting"]) == ("no", "yes")


async def test_two_people_at_one_field_are_asked_which_to_keep(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.given_mg": "41"})
        client.headers["X-KP-Script"] = "1"
        told = await post(client, form, dose__given_mg="42")
        del client.headers["X-KP-Script"]
        assert told.json() == {"saved": "14:32:07", "beside": ["dose.given_mg"]}
        page = await page_of(client, at(session, "dose"))
        assert "Given, mg: keep which?" in page.text
        assert "R. Nurse wrote 41 at 14:32, you wrote 42 at 14:32." in page.text
        stale = page.form("/choose")
        save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.given_mg": "40"})
        refused = await post(client, stale, place="1")
        assert (refused.status_code, desk.work.kept.sessions[session.id].fields["dose.given_mg"]) == (422, "40")
        kept = await post(client, PageParts(refused.text).form("/choose"), place="1")
        assert kept.headers["location"].startswith(at(session, "dose"))
        assert "keep which" not in (await page_of(client, at(session, "dose"))).text
    assert desk.work.kept.sessions[session.id].fields["dose.given_mg"] == "42"


async def test_typing_on_is_no_conflict_with_what_one_saved_oneself(desk: Desk) -> None:
    session = opened(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.given_mg": "41"})
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        client.headers["X-KP-Script"] = "1"
        for value in ("4", "42"):
            assert "beside" not in (await post(client, form, dose__given_mg=value)).json()
            form.fields["was"] = json.dumps({"dose.given_mg": [value]})
    assert desk.work.kept.sessions[session.id].fields["dose.given_mg"] == "42"


async def test_a_form_whose_name_is_taken_says_so_and_changes_nothing(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "monitor"))).form("/entries/note")
        await post(client, form, note__text="Calm.")
        response = await post(client, form, note__text="Restless.")
    assert response.status_code == 422
    assert "already saved at 14:32, with other values" in PageParts(response.text).text
    notes = [entry.fields["text"] for entry in desk.work.kept.sessions[session.id].entries if entry.kind == "note"]
    assert notes == ["Eye mask on.", "Calm."]


async def test_autosave_answers_in_one_word_and_keeps_the_value_as_typed(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "dose"))).form("/fields")
        client.headers["X-KP-Script"] = "1"
        response = await post(client, form, dose__given_mg="forty-one")
    assert response.json() == {"saved": "14:32:07"}
    assert desk.work.kept.sessions[session.id].fields["dose.given_mg"] == "forty-one"


async def test_four_numbers_make_a_reading(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session))).form("/entries/reading")
        before = len(desk.work.kept.sessions[session.id].entries)
        values = {"reading__systolic": "141", "reading__diastolic": "86", "reading__heart_rate": "80"}
        response = await post(client, form, **values, reading__oxygen_saturation="98")
        again = await post(client, form, **values, reading__oxygen_saturation="98")
        page = await page_of(client, response.headers["location"])
    assert response.status_code == again.status_code == 303
    assert len(desk.work.kept.sessions[session.id].entries) == before + 1, "the same form sent twice adds one line"
    assert "14:32" in page.text
    assert "141/86" in page.text
    assert "Saved to server 14:32:07" in page.text


async def test_a_refused_reading_keeps_what_was_typed_and_says_what_to_do(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session))).form("/entries/reading")
        response = await post(client, form, reading__systolic="abc", reading__diastolic="86")
    page = PageParts(response.text)
    assert response.status_code == 422
    assert page.title.startswith("Error: Session 1 of 6: monitor")
    kept = page.form("/entries/reading").fields
    assert (kept["reading.systolic"], kept["reading.diastolic"]) == ("abc", "86")
    assert kept["entry"] == form.fields["entry"]
    assert "#f-reading.systolic" in page.links.values()
    assert "invalid" not in page.text.lower()


async def test_an_unusual_reading_is_asked_back_and_kept_on_yes(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session))).form("/entries/reading")
        asked = PageParts((await post(client, form, reading__systolic="240", reading__diastolic="110")).text)
        assert "Check: 240 systolic. Is that right?" in asked.text
        names = [attrs.get("name", "") for tag, attrs in _after_the_form_s_start(asked) if tag == "button"]
        assert names[:2] == ["", "reading.confirm"], "Enter takes the first button: it must not say yes"
        kept = await post(client, asked.form("/entries/reading"), reading__confirm="yes")
        page = await page_of(client, kept.headers["location"])
    assert "Stop: 240/110 is not below 180/110." in page.text


def _after_the_form_s_start(page: PageParts) -> list[tuple[str, dict[str, str]]]:
    actions = [attrs.get("action", "") for _, attrs in page.tags]
    return page.tags[next(i for i, action in enumerate(actions) if action.endswith("/entries/reading")) :]


async def test_a_reading_that_waited_for_a_connection_keeps_its_own_time(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session))).form("/entries/reading")
        measured = str(round((desk.now - timedelta(seconds=720)).timestamp() * 1000))
        await post(client, form, reading__systolic="131", reading__diastolic="80", measured=measured)
    entry = desk.work.kept.sessions[session.id].entries[-1]
    assert f"{entry.at:%H:%M}" == f"{desk.now - timedelta(seconds=720):%H:%M}"
    assert entry.late


@pytest.mark.parametrize("measured", ["", "0", "-5", "abc", "9" * 13, "9" * 40, "１２", "nan"])
async def test_a_time_of_measuring_that_makes_no_sense_means_now(desk: Desk, measured: str) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session))).form("/entries/reading")
        await post(client, form, reading__systolic="131", reading__diastolic="80", measured=measured)
    assert desk.work.kept.sessions[session.id].entries[-1].at.strftime("%H:%M:%S") in {"14:32:00", "14:32:07"}


async def test_the_next_reading_s_time_is_on_the_page_for_the_timer(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        page = await page_of(client, at(session))
    (due,) = [int(attrs["data-due"]) for _, attrs in page.tags if "data-due" in attrs]
    assert desk.now.timestamp() * 1000 < due < (desk.now + timedelta(minutes=15)).timestamp() * 1000
    assert "Next reading due at 14:40." in page.text


async def test_an_adverse_event_and_a_note_are_added_once(desk: Desk) -> None:
    session = running(desk)
    before = len(desk.work.kept.sessions[session.id].entries)
    async with desk.client() as client:
        page = await page_of(client, at(session) + "?add=event")
        for _ in range(2):
            await post(client, page.form("/entries/event"), event__type="nausea", event__severity="mild")
            await post(client, page.form("/entries/note"), note__text="Music changed")
        page = await page_of(client, at(session))
    assert len(desk.work.kept.sessions[session.id].entries) == before + 2
    assert "Nausea Mild" in page.text
    assert "Music changed" in page.text


async def test_two_lines_from_two_pages_are_two_lines(desk: Desk) -> None:
    session = running(desk)
    before = len(desk.work.kept.sessions[session.id].entries)
    async with desk.client() as client:
        for _ in range(2):
            page = await page_of(client, at(session) + "?add=event")
            await post(client, page.form("/entries/event"), event__type="nausea", event__severity="mild")
            await post(client, page.form("/entries/note"), note__text="Calm")
            await post(client, page.form("/entries/reading"), reading__systolic="128", reading__diastolic="80")
    assert len(desk.work.kept.sessions[session.id].entries) == before + 6


async def test_an_infusion_is_paused_resumed_and_stopped_from_the_page(desk: Desk) -> None:
    session = running(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.ended": ""})
    async with desk.client() as client:
        for change, words in (("paused", "Paused after running for"), ("resumed", "Running for")):
            page = await page_of(client, at(session))
            await post(client, page.form("/entries/infusion"), infusion__change=change)
            assert words in (await page_of(client, at(session))).text
        form = (await page_of(client, at(session) + "?add=infusion")).forms
        rate = next(each for each in form if "infusion.rate" in each.fields)
        refused = await post(client, rate, infusion__change="rate", infusion__rate="55")
        assert "Choose the unit: mg/min or mL/h." in refused.text
        asked = await post(client, rate, infusion__change="rate", infusion__rate="5", infusion__unit="mg/min")
        assert "Check: 5 mg/min. Is that right?" in asked.text
        await post(client, rate, infusion__change="rate", infusion__rate="75", infusion__unit="mL/h")
        page = await page_of(client, at(session))
        assert "Rate 75 mL/h" in page.text
        await post(client, page.form("/entries/infusion"), infusion__change="stopped")
        page = await page_of(client, at(session))
    assert "14:32 Stopped" in page.text
    assert desk.work.kept.sessions[session.id].fields["dose.ended"] == "14:32"


async def test_the_stop_card_stops_the_infusion_and_asks_for_the_repeat(desk: Desk) -> None:
    session = running(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.ended": ""})
    reading(desk, session, 186, 112)
    async with desk.client() as client:
        page = await page_of(client, at(session))
        assert "Stop: 186/112 is not below 180/110." in page.text
        assert "Infusion stopped at 14:32" in page.text
        assert "Repeat now" in page.links
        await post(client, page.forms[1], infusion__change="stopped")
        page = await page_of(client, at(session))
    assert "The infusion was stopped at 14:32." in page.text
    (entry,) = (each for each in desk.work.kept.sessions[session.id].entries if each.kind == "infusion")
    assert entry.fields == {"change": "stopped"}


async def test_a_rescue_medicine_and_its_effect(desk: Desk) -> None:
    session = running(desk)
    given = {"drug": "midazolam", "dose": "2", "unit": "mg", "route": "IV", "reason": "agitation"}
    async with desk.client() as client:
        form = (await page_of(client, at(session) + "?add=rescue")).form("/entries/rescue")
        refused = await post(
            client, form, **{f"rescue__{name}": text for name, text in given.items()} | {"rescue__unit": ""}
        )
        assert (refused.status_code, PageParts(refused.text).form("/entries/rescue").fields["rescue.dose"]) == (
            422,
            "2",
        )
        await post(client, form, **{f"rescue__{name}": text for name, text in given.items()})
        page = await page_of(client, at(session))
        assert "14:32 Midazolam 2 mg, intravenous" in page.text
        assert "record MOAA/S with the next reading" in page.text
        effect = next(each for each in page.forms if any(name.startswith("rescue.") for name in each.fields))
        name = next(each for each in effect.fields if each.endswith(".effect"))
        await post(client, effect, **{name: "Calm", f"{name}_time": "14:31"})
        refused_time = await page_of(client, at(session))
    assert "Effect at 14:31: Calm" in refused_time.text


async def test_a_serious_event_says_what_to_report(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session) + "?add=event")).form("/entries/event")
        severe = {"event__type": "chest-pain", "event__severity": "severe"}
        refused = await post(client, form, **severe)
        assert "Say whether it was serious." in refused.text
        await post(client, form, **severe, event__serious="yes")
        page = await page_of(client, at(session))
    assert "to the FDA by MedWatch (form 3500). The REMS programme is for esketamine alone." in page.text
    assert "Stop: chest pain. Give no more" in page.text


async def test_an_event_s_end_is_saved(desk: Desk) -> None:
    session = running(desk)
    event = next(each for each in session.entries if each.kind == "event")
    async with desk.client() as client:
        page = await page_of(client, at(session))
        form = next(each for each in page.forms if f"event.{event.id}.resolved" in each.fields)
        response = await post(client, form, **{f"event__{event.id}__resolved": "14:30"})
        assert response.headers["location"].startswith(at(session))
        assert "over at 14:30" in (await page_of(client, at(session))).text


async def test_striking_out_needs_a_reason_and_leaves_the_line_readable(desk: Desk) -> None:
    session = running(desk)
    entry = next(each for each in session.entries if each.fields.get("systolic") == "171")
    path = f"{ROOT}/session/{session.id}/strike/{entry.id}"
    async with desk.client() as client:
        asked = await page_of(client, path)
        assert "171/101 mmHg, heart rate 80 /min, SpO₂ 97 %. R. Nurse" in asked.text, "one sees what one strikes out"
        form = asked.form(entry.id)
        assert (await post(client, form, reason="")).status_code == 422
        assert (await post(client, form, reason="Cuff had slipped")).status_code == 303
        page = await page_of(client, at(session))
    assert "171/101" in page.text, "in the table"
    assert "Cuff had slipped" in page.text
    assert page.text.count("171/101") == 1, "no longer in the chart"


async def test_every_kind_of_line_says_what_it_is_before_it_is_struck_out(desk: Desk) -> None:
    session = running(desk)
    said = {"event": "Dissociation", "note": "Eye mask on."}
    async with desk.client() as client:
        for entry in session.entries:
            if entry.kind in said:
                asked = await page_of(client, f"{ROOT}/session/{session.id}/strike/{entry.id}")
                assert said[entry.kind] in asked.text
        unknown = await client.get(f"{ROOT}/session/{session.id}/strike/none")
    assert unknown.headers["location"] == at(session)


async def test_stopping_early_is_offered_on_every_step(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        for step in STEPS:
            assert (await page_of(client, at(session, step))).links["Stop the session early"].endswith("/stop")
        form = (await page_of(client, at(session, "stop"))).form("/stop")
        assert (await post(client, form, stop__reason="")).status_code == 422
        values = {"stop__cause": "adverse", "stop__reason": "Severe headache", "stop__disposition": "transfer"}
        values |= {"stop__time": "14:31", "stop__told": "Dr Example", "stop__destination": "Riverside ED"}
        values |= {"stop__handed_to": "Dr Ward", "stop__handed_at": "14:32"}
        response = await post(client, form, **values)
        page = await page_of(client, response.headers["location"])
        note = await page_of(client, at(session, "sign"))
    assert desk.work.kept.sessions[session.id].status is SessionStatus.STOPPED
    assert "Another adverse event: Severe headache" in note.text
    assert "Emergency transfer" in note.text
    assert "Dr Ward, 14:32, Riverside ED" in note.text
    assert "This session was stopped early." in page.text


async def test_a_session_without_a_dose_ends_as_not_done_from_every_step(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        for step in STEPS:
            assert (
                (await page_of(client, at(session, step))).links["End the session without a dose"].endswith("/stop")
            )
        form = (await page_of(client, at(session, "stop"))).form("/stop")
        values = {"stop__cause": "checks", "stop__disposition": "home", "stop__told": "Dr Example"}
        response = await post(client, form, **values, stop__rescheduled="2026-11-25")
        assert response.headers["location"] == at(session, "sign")
        note = await page_of(client, at(session, "sign"))
        assert note.form("/sign"), "nothing is missing: it can be signed"
        assert "A check before the dose" in note.text
        assert "ended without a dose" in (await page_of(client, at(session, "before"))).text
        again = await client.get(f"{ROOT}/session/{session.id}")
        assert again.headers["location"] == at(session, "sign")
    assert desk.work.kept.sessions[session.id].status is SessionStatus.NOT_DONE


async def test_a_missed_session_moves_the_plan(desk: Desk) -> None:
    enrolled(desk)
    async with desk.client() as client:
        form = (await page_of(client, f"{ROOT}/session/missed")).form("/missed")
        assert (await post(client, form, reason="")).status_code == 422
        response = await post(client, form, reason="The patient had a cold", rescheduled="2026-11-24")
        page = await page_of(client, response.headers["location"])
    assert "1 missed" in page.text


async def test_who_answered_a_check_and_when_stands_beside_it(desk: Desk) -> None:
    session = running(desk)
    async with desk.client() as client:
        assert "R. Nurse, 13:17" in (await page_of(client, at(session, "before"))).text


async def test_a_signed_session_has_no_form_any_more(desk: Desk) -> None:
    session = signed(desk)
    async with desk.client() as client:
        for step in STEPS:
            assert (await client.get(at(session, step))).headers["location"] == at(session, "sign")


async def test_another_patient_s_session_is_stopped_at_the_door(desk: Desk) -> None:
    session = running(desk)
    desk.open(a_caller(launch="launch-of-ben", patient_id="ben"), secret="cookie-of-ben")
    async with desk.client(launch="launch-of-ben", secret="cookie-of-ben") as client:
        response = await client.get(f"/l/launch-of-ben/session/{session.id}/monitor")
    assert response.status_code in {403, 404, 409}
    assert "TESTPATIENT" not in response.text
    assert "171/101" not in response.text


async def test_a_reader_without_write_access_sees_no_button(desk: Desk) -> None:
    session = running(desk)
    desk.open(replace(a_caller(), may_write=False, clinician=a_clinician()))
    async with desk.client() as client:
        page = await page_of(client, at(session))
    assert not [each for each in page.forms if "/entries/" in each.action]


async def test_the_discharge_page_says_how_long_was_observed(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        page = await page_of(client, at(session, "discharge"))
    assert (
        "Observed for 122 of at least 120 minutes since the dose. Last blood pressure 129/79 at 15:32." in page.text
    )


async def test_the_page_of_a_full_session_stays_light(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        response = await client.get(at(session))
        page = PageParts(response.text)
        total = len(re.sub(rb"<svg.*?</svg>", b"", response.content, flags=re.DOTALL))  # without its pictures
        linked = {attrs.get(name, "") for _, attrs in page.tags for name in ("href", "src")}
        files = {link for link in linked if link.startswith("/static/")}
        (script,) = (link for link in files if link.endswith("/app.js"))
        for path in files | {script.replace("app.js", part) for part in PARTS}:
            sent = await client.get(path, headers=HEADERS | {"Accept-Encoding": "gzip"})
            assert sent.status_code == 200, path
            total += int(sent.headers["content-length"])
    assert total <= 40 * 1024


async def test_while_readings_are_to_come_the_tab_leads_to_the_monitor_which_is_not_complete(desk: Desk) -> None:
    session = running(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"dose.ended": "", "discharge.ended": ""})
    async with desk.client() as client:
        landing = await client.get(f"{ROOT}/session/{session.id}")
        assert landing.headers["location"] == at(session, "monitor")
        assert re.search(r"Monitor next at \d\d:\d\d", (await page_of(client, at(session, "monitor"))).text)
        save_fields(desk.work, desk.deps.clock, nurse(), session.id, {"discharge.ended": "14:30"})
        assert "Monitor complete" in (await page_of(client, at(session, "monitor"))).text


async def test_a_step_says_what_is_to_do_not_only_how_much(desk: Desk) -> None:
    session = opened(desk)
    dose = a_dose(desk) | {"dose.given_mg": ""}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, dose | {"check.identity": "yes"})
    async with desk.client() as client:
        monitor = (await page_of(client, at(session, "monitor"))).text
        before = await page_of(client, at(session, "before"))
    assert "Monitor Record at least one blood pressure after the dose." in monitor
    assert "Still to do in this step" in before.text
    assert before.links["Answer yes or no: Suicidality asked about today."] == "#f-check.suicidality"


async def test_a_dose_started_with_a_reason_is_not_told_to_wait(desk: Desk) -> None:
    session = opened(desk)
    reading(desk, session, 152, 104, baseline="yes")
    desk.now += timedelta(minutes=1)
    fields = {"dose.started": f"{desk.now:%H:%M}", "dose.date": desk.now.date().isoformat()}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, fields)
    async with desk.client() as client:
        without = (await page_of(client, at(session, "dose"))).text
        save_fields(desk.work, desk.deps.clock, a_caller(), session.id, {"gate.reason": "By hand it is 138/88."})
        with_reason = (await page_of(client, at(session, "dose"))).text
    assert "The dose was started at 14:33 although the check was not passed" in without
    assert "A prescriber's reason is missing." in without
    assert "Reason: By hand it is 138/88." in with_reason
    assert "Repeat in 5 minutes" not in with_reason


async def test_a_baseline_of_the_minute_of_the_dose_is_not_judged_as_one_after_it(desk: Desk) -> None:
    session = opened(desk)
    reading(desk, session, 152, 104, baseline="yes")
    fields = {"dose.started": f"{desk.now:%H:%M}", "dose.date": desk.now.date().isoformat()}
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, fields)
    async with desk.client() as client:
        assert "Watch" not in (await page_of(client, at(session))).text
        desk.now += timedelta(minutes=2)
        reading(desk, session, 161, 90)
        assert "Watch: 161/90 is not below 160/100." in (await page_of(client, at(session))).text


async def test_a_struck_reading_is_not_the_last_blood_pressure(desk: Desk) -> None:
    session = running(desk)
    entry = reading(desk, session, 186, 112)
    strike_entry(desk.work, desk.deps.clock, nurse(), session.id, entry, "The cuff slipped")
    async with desk.client() as client:
        page = await page_of(client, at(session, "discharge"))
    assert "Last blood pressure 150/90 at" in page.text


async def test_a_page_that_refreshes_itself_leaves_one_record_in_five_minutes(desk: Desk) -> None:
    session = running(desk)
    refreshing = {"X-KP-Refresh": "1"}

    def looks() -> int:
        return sum(each.action == "clinician:session:read" for each in desk.work.kept.audit)

    async with desk.client() as client:
        await client.get(at(session), headers=refreshing)
        assert looks() == 1, "without an earlier look the marker saves nothing"
        for _ in range(4):
            desk.now += timedelta(seconds=15)
            assert (await client.get(at(session), headers=refreshing)).status_code == 200
        assert looks() == 1
        await client.get(at(session))
        assert looks() == 2, "opening the page is a look of its own"
        desk.now += timedelta(minutes=5)
        await client.get(at(session), headers=refreshing)
        assert looks() == 3


async def test_the_refresh_of_one_launch_does_not_lean_on_the_look_of_another(desk: Desk) -> None:
    session = running(desk)
    session_view(desk.work, desk.deps.clock, nurse(), session.id, desk.deps.site)
    before = len(desk.work.kept.audit)
    async with desk.client() as client:
        await client.get(at(session), headers={"X-KP-Refresh": "1"})
    assert len(desk.work.kept.audit) == before + 1


async def test_a_line_of_another_day_says_the_day_on_which_it_was_entered(desk: Desk) -> None:
    session = running(desk)
    desk.now += timedelta(days=1)
    desk.open()
    day = (desk.now - timedelta(days=1)).date().isoformat()
    reading(desk, session, 131, 80, time="14:20", date=day)
    async with desk.client() as client:
        assert "14:20 entered 24 Nov 2026 14:32" in (await page_of(client, at(session))).text


async def test_what_the_readings_say_is_proposed_and_one_press_confirms_it(desk: Desk) -> None:
    session = ready(desk)
    save_fields(desk.work, desk.deps.clock, nurse(), session.id, dict.fromkeys(before_discharge(), ""))
    async with desk.client() as client:
        page = await page_of(client, at(session, "discharge"))
        assert "Readings: 129/79 at 15:32, baseline 128/78: below 140/100." in page.text
        assert "Readings: MOAA/S 5 at 15:32." in page.text
        assert "Next visit booked Planned for 26 Nov 2026." in page.text
        buttons = [attrs.get("value", "") for tag, attrs in page.tags if tag == "button"]
        assert buttons.index("") < buttons.index("confirm"), "Enter takes the first button: it must confirm nothing"
        await post(client, page.form("/fields"), do="confirm")
    fields = desk.work.kept.sessions[session.id].fields
    agreed = {name for name in before_discharge() if fields.get(name)}
    measured = ("time", "pressure", "saturation", "alert", "dissociation")
    assert agreed == {f"discharge.{name}" for name in measured}, "what nobody measured stays the clinician's"


def before_discharge() -> list[str]:
    return [name for name in discharge_answers(Route.IV) if name.count(".") == 1]


async def test_a_yes_against_the_readings_needs_a_prescriber_s_reason(desk: Desk) -> None:
    session = ready(desk)
    desk.now += timedelta(minutes=5)
    reading(desk, session, 158, 96)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "discharge"))).form("/fields")
        refused = await post(client, form)
        page = PageParts(refused.text)
        assert refused.status_code == 422
        assert "158/96 at 15:37, baseline 128/78: neither below 140/100 nor within 10 % of the baseline." in page.text
        done = await post(
            client, page.form("/fields"), discharge__reason="Seen by the anaesthetist; rises when asked"
        )
    assert done.headers["location"].startswith(at(session, "sign"))


async def test_psychotherapy_is_recorded_with_its_minutes_and_therapist(desk: Desk) -> None:
    session = ready(desk)
    async with desk.client() as client:
        form = (await page_of(client, at(session, "discharge"))).form("/fields")
        asked = await post(client, form, therapy__support="yes", therapy__support__minutes="900")
        assert "Enter 1 to 480 min." in PageParts(asked.text).text
        typed = {
            "therapy__support": "yes",
            "therapy__support__minutes": "45",
            "therapy__support__therapist": "T. Calm",
        }
        done = await post(client, form, **typed)
        assert done.headers["location"].startswith(at(session, "sign"))
        note = (await page_of(client, at(session, "sign"))).text
    assert "Support during the session yes (time 45 min; T. Calm)" in note


async def test_what_the_scores_ask_for_stands_before_the_checks_with_its_questionnaire(desk: Desk) -> None:
    session = opened(desk)
    async with desk.client() as client:
        page = await page_of(client, at(session, "before"))
        assert "C-SSRS due. Ask about suicidality today." in page.text, "item 9 was 1 three days ago"
        form = page.links["Fill in the C-SSRS"]
        assert (await client.get(form)).status_code == 200
        assert (await client.get(page.links["Questionnaires of this patient"])).status_code == 200
        assert "C-SSRS due" not in (await page_of(client, at(session, "dose"))).text
