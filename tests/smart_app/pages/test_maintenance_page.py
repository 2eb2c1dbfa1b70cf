"""The page after the course: relapse, the conditions of a booster, entries between sessions, and the short form."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fhir_mappings.facts.treatment import Purpose, Role
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.clinical.programme_settings import programme_settings
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.course.enrol import enrol
from tests.smart_app.pages.desk import LAUNCH, Desk, PageParts, a_caller, a_clinician, a_screening, post
from tests.smart_app.pages.treatment import enrolment_fields, signed

pytestmark = pytest.mark.anyio
PAGE = f"/l/{LAUNCH}/maintenance"
REASON = "I have seen the patient, and both of us want it."


def ended(desk: Desk) -> None:
    """One session, then the course was finished in remission; eight days later."""
    signed(desk)
    form = {"reason": REASON, "finish": "remission"}
    decide(desk.work, desk.deps.clock, a_caller(), Decision.FINISH, form, desk.deps.ids, desk.deps.site)
    desk.now += timedelta(days=8)
    desk.keep(screening=a_screening(id="screening-2", at=desk.now - timedelta(minutes=5)))


async def shown(desk: Desk, path: str = PAGE) -> PageParts:
    async with desk.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    return PageParts(answer.text)


async def test_without_a_course_it_says_so() -> None:
    desk = Desk()
    desk.open()
    page = await shown(desk)
    assert "No course yet" in page.text
    assert "Plan a single booster" not in page.links


async def test_each_condition_says_its_state_and_what_to_do() -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    page = await shown(desk)
    assert "Liver values of the last 90 days are not far over their limit Unknown Nothing is on record." in page.text
    assert "Have ALT and AST taken" in page.text
    assert "Course: Intravenous, 6 sessions in 2 to 3 weeks" in page.text
    assert "Relapse: after response or remission" in page.text
    assert page.links["Plan a single booster"] == PAGE + "/booster"
    assert page.links["Move to sublingual maintenance"] == f"/l/{LAUNCH}/enrolment?route=SL"


async def test_an_entry_is_typed_shown_and_struck_out() -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    async with desk.client() as client:
        form = PageParts((await client.get(PAGE + "/record/liver")).text).form("record/liver")
        wrong = await post(client, form, alt="24")
        assert wrong.status_code == 422
        assert PageParts(wrong.text).form("record/liver").fields["alt"] == "24", "what was typed stays"
        assert (await post(client, form, alt="24", alt_upper="40", source="lab")).status_code == 303
        page = PageParts((await client.get(PAGE)).text)
        assert "ALT 24 U/L (limit 40)" in page.text
        link = next(href for words, href in page.links.items() if href.startswith(PAGE + "/strike/"))
        asked = PageParts((await client.get(link)).text)
        assert "Liver values of 01 Dec 2026: ALT 24 U/L. Dr Synthia Example" in asked.text
        strike = asked.forms[-1]
        assert (await post(client, strike, reason="Another patient.")).status_code == 303
        assert "Struck out by Dr Synthia Example: Another patient." in (await client.get(PAGE)).text


async def test_a_booster_is_planned_from_the_short_form() -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    async with desk.client() as client:
        form = PageParts((await client.get(PAGE + "/booster")).text).form("maintenance/booster")
        assert (form.fields["route"], form.fields["escort"]) == ("IV", "B. Friend 555 0101")
        filled = {
            "do": "plan",
            "day__1": (desk.now.date() + timedelta(days=2)).isoformat(),
            "off_label": "yes",
            "monitoring": "yes",
        }
        wrong = await post(client, form, **filled)
        assert wrong.status_code == 422
        assert "A condition is not met. Say why" in PageParts(wrong.text).text
        done = await post(client, form, **filled, override=REASON)
        assert done.headers["location"] == PAGE + "?saved=booster"
        page = PageParts((await client.get(PAGE)).text)
        assert "Booster: Intravenous, a single booster session" in page.text
        assert "A plan is running: booster, active." in page.text
        session = PageParts((await client.get(f"/l/{LAUNCH}/session")).text)
        assert "Booster session" in session.text
    assert [each.purpose for each in desk.work.kept.courses.values()] == [Purpose.COURSE, Purpose.BOOSTER]
    assert desk.woken


async def test_a_nurse_sees_it_and_plans_nothing() -> None:
    desk = Desk()
    ended(desk)
    desk.open(a_caller(clinician=a_clinician(Role.NURSE, "R. Nurse")))
    page = await shown(desk)
    assert "Plan a single booster" not in page.links
    assert "Enter liver values" in page.links
    assert "Only a prescriber plans a booster" in (await shown(desk, PAGE + "/booster")).text


@pytest.mark.parametrize("kind", ["urinary", "liver", "pressure"])
async def test_each_entry_has_a_page_of_its_own(kind: str) -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    page = await shown(desk, f"{PAGE}/record/{kind}")
    assert page.form(f"record/{kind}").fields["entry"]


def at_home(desk: Desk) -> None:
    """After the course, on sublingual doses for ten days."""
    ended(desk)
    fields = enrolment_fields(desk) | {
        "route": "SL",
        "place": "home",
        "address_confirmed": "yes",
        "dose_mg_per_kg": "",
        "dose_mg": "25",
        "weight_date": (desk.now - timedelta(days=1)).date().isoformat(),
    }
    enrol(desk.work, desk.deps.clock, a_caller(), fields, desk.deps.ids, desk.deps.site)
    desk.now += timedelta(days=10)


async def test_doses_at_home_are_titrated_reviewed_and_written_down() -> None:
    desk = Desk()
    at_home(desk)
    desk.open()
    home = f"/l/{LAUNCH}/microdosing"
    async with desk.client() as client:
        page = PageParts((await client.get(home)).text)
        assert "FDA alerts of February 2022" in page.text
        assert "25 mg once a day, since 01 Dec 2026" in page.text
        assert "No dose was observed yet" in page.text
        assert "Review of month 1: 01 Jan 2027" in page.text
        log = PageParts((await client.get(home + "/log")).text).form("microdosing/log")
        assert (log.fields["day"], log.fields["until"]) == ("2026-12-01", "2026-12-11"), "what was not told yet"
        wrong = await post(client, log, day="2026-12-01", until="2026-12-07", taken="partly")
        assert wrong.status_code == 422
        assert "Enter a whole number from 1 to 6." in PageParts(wrong.text).text
        told = {"taken": "partly", "missed": "2", "more": "yes", "source": "phone", "effects": "tired"}
        saved = await post(client, log, day="2026-12-01", until="2026-12-07", **told)
        assert saved.headers["location"] == home + "?saved=log"
        again = PageParts((await client.get(home + "/log")).text).form("microdosing/log")
        assert again.fields["day"] == "2026-12-08"
        assert PageParts((await client.get(f"/l/{LAUNCH}/enrolment")).text).links["Doses taken at home"] == home
        dose = PageParts((await client.get(home + "/dose")).text).form("microdosing/dose")
        assert dose.fields["mg"] == "", "no dose is proposed"
        assert (await post(client, dose, mg="30", reason=REASON)).status_code == 303
        review = PageParts((await client.get(home + "/review")).text).form("microdosing/review")
        assert (await post(client, review, decision="continue", reason=REASON)).status_code == 303
        page = PageParts((await client.get(home)).text)
        assert "30 mg once a day, since 11 Dec 2026" in page.text
        assert "Taken on 5 of 7 reported days. No entry for 3 days." in page.text
        assert "5 of 7 More than ordered tired by telephone" in page.text
        progress = PageParts((await client.get(f"/l/{LAUNCH}/progress")).text)
        assert "Taken on 5 of 7 reported days." in progress.text
        assert "Last change of dose: 30 mg once a day from 11 Dec 2026" in progress.text
        after = PageParts((await client.get(PAGE)).text)
        assert "The patient took more than ordered between 01 Dec 2026 and 07 Dec 2026." in after.text
        assert "Maintenance: Sublingual, daily and open-ended" in after.text
    assert desk.woken


async def test_what_the_site_has_set_is_what_the_pages_ask_for() -> None:
    desk = Desk()
    rules = MaintenanceRules(review_months=(1, 2, 3, 6, 9), pressure_days=3)
    programmes = programme_settings({"outcomes": {"relapse_total": 8}}).programmes
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, maintenance=rules, programmes=programmes))
    at_home(desk)
    desk.open()
    home = f"/l/{LAUNCH}/microdosing"
    first = (await shown(desk, home)).text
    assert "Due after 1, 2, 3, 6 and 9 months, then every 3 months." in first
    assert "Blood pressure: 04 Dec 2026 Overdue , every 3 days in the first month, then monthly" in first
    desk.now += timedelta(days=15)
    desk.open()
    async with desk.client() as client:
        form = PageParts((await client.get(home + "/review")).text).form("microdosing/review")
        assert (await post(client, form, decision="continue", reason=REASON)).status_code == 303
    assert "Review of month 2: 01 Feb 2027" in (await shown(desk, home)).text
    assert "Review of month 2: 01 Feb 2027" in (await shown(desk, f"/l/{LAUNCH}/progress")).text
    for place in (PAGE, f"/l/{LAUNCH}/outcomes"):
        told = (await shown(desk, place)).text
        assert "PHQ-9 8 or more and at least 5 above the best" in told
        assert "Set by your clinic." in told


async def test_without_doses_at_home_the_page_says_so() -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    assert "not enrolled for sublingual doses" in (await shown(desk, f"/l/{LAUNCH}/microdosing")).text
