"""The main job in a real Chromium: the app in the EHR's frame, third-party cookies blocked, every page checked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, FLAGS
from tests.journeys.conftest import Clinic, eventually
from tests.journeys.in_chromium import Tablet, chromium, run_session, sync_api

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the browser journey is left out"),
]


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(data=tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    with chromium(tmp_path, viewport={"width": 1366, "height": 1024}) as context:
        yield Tablet(context.new_page(), tmp_path)


def test_the_main_job_in_the_frame_with_third_party_cookies_blocked(clinic: Clinic, tablet: Tablet) -> None:
    page, patient = tablet.page, clinic.patient("two-failed-trials")
    page.goto(clinic.ehr_url)
    tablet.look("choose", page)
    page.get_by_role("button", name="Mira Holm").click()
    tablet.look("patients", page)
    page.get_by_role("link", name="Larsen").first.click()
    page.wait_for_selector("iframe")
    eventually(lambda: page.wait_for_timeout(100) or any("/screening" in frame.url for frame in page.frames))
    tablet.look("screening")
    assert "No exclusion found" in tablet.app.inner_text("main")
    _enrol(tablet)
    _record(tablet)
    tablet.look("note")
    tablet.app.locator("form[action$='/sign'] input[type=checkbox]").first.check(force=True)
    tablet.press("Sign as")
    _see_it_in_the_chart(clinic, tablet, patient)
    assert tablet.complaints == []
    assert tablet.violations == []


def _enrol(tablet: Tablet) -> None:
    tablet.follow("Enrol")
    tablet.choose("route", "IV")
    yesterday = _yesterday()
    tablet.fill(start=yesterday)
    tablet.press("Continue")
    tablet.choose("place", "clinic")
    tablet.fill(escort="Sam Larsen, 555 0100", emergency_name="Sam Larsen", emergency_phone="555 0100")
    tablet.fill(emergency_relation="Brother")
    tablet.fill(consent_signed_on=yesterday, consent="paper")
    tablet.choose("off_label", "yes")
    tablet.choose("monitoring", "yes")
    tablet.look("enrolment")
    tablet.press("Check before you enrol")
    tablet.look("enrolment-check")
    tablet.app.locator("button[value='enrol']").click()
    tablet.page.wait_for_timeout(300)
    tablet.look("enrolled")
    assert "Enrolled" in tablet.app.inner_text("main")


def _record(tablet: Tablet) -> None:
    tablet.follow("Session")
    tablet.fill(held=_yesterday())
    tablet.press("Open session 1")
    tablet.fill(reason="Held yesterday, entered from the paper record")
    tablet.press("Open session 1")
    run_session(tablet, received=_yesterday())


def _see_it_in_the_chart(clinic: Clinic, tablet: Tablet, patient: str) -> None:
    eventually(lambda: tablet.page.wait_for_timeout(300) or "waiting" not in tablet.app.inner_text("main"))
    tablet.look("written")
    assert "Written" in tablet.app.inner_text("main")
    eventually(lambda: clinic.chart("CarePlan", patient)[0]["activity"][0]["detail"]["status"] == "completed")
    for tab, words in (
        ("Procedures", "session 1 of 6"),
        ("Medication administrations", "37"),
        ("Care plans", "active"),
    ):
        tablet.page.get_by_role("link", name=tab).first.click()
        tablet.look(tab.split()[0].lower(), tablet.page)
        assert words in tablet.page.inner_text("main")
    tablet.page.get_by_role("link", name="Ketamine pathway").first.click()
    eventually(lambda: tablet.page.wait_for_timeout(100) or any("/screening" in f.url for f in tablet.page.frames))
    tablet.follow("Progress")
    tablet.look("progress")
    assert "1 of 6 done" in tablet.app.inner_text("main")


def test_the_frame_works_with_the_script_blocked(clinic: Clinic, tmp_path: Path) -> None:
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(clinic.ehr_url)
        page.get_by_role("button", name="Mira Holm").click()
        page.get_by_role("link", name="Larsen").first.click()
        page.wait_for_load_state("networkidle")
        frame = next(frame for frame in page.frames if "/l/" in frame.url)
        assert "No exclusion found" in frame.inner_text("main")
        frame.get_by_role("button", name="Refresh from the EHR").click()
        page.wait_for_load_state("networkidle")
        assert "No exclusion found" in frame.inner_text("main")
        browser.close()


def _yesterday() -> str:
    return (datetime.now(UTC).astimezone().date() - timedelta(days=1)).isoformat()


def test_what_came_with_a_refused_launch_does_not_stay_in_the_address_bar(clinic: Clinic, tablet: Tablet) -> None:
    tablet.page.goto(f"{clinic.app_url}/callback/sandbox?state=STATE-never-begun&code=CODE-secret")
    sync_api.expect(tablet.page).to_have_url(f"{clinic.app_url}/callback/sandbox")
    sync_api.expect(tablet.page.get_by_role("heading")).to_have_text("The app could not start")
