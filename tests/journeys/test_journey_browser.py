"""The main job in a real Chromium: the app in the EHR's frame, third-party cookies blocked, every page checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CHROMIUM, FLAGS, RULES
from tests.journeys.conftest import Clinic, eventually

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the browser journey is left out"),
]
BLOCKED = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(data=tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


class Tablet:
    """A browser at the bedside: what it complains about and what axe finds fails the journey."""

    def __init__(self, page: Any, axe: Any, shots: Path) -> None:
        self.page, self.axe, self.shots = page, axe, shots
        self.complaints: list[str] = []
        self.violations: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda each: self.complaints.append(each.text) if _is_complaint(each) else None)

    @property
    def app(self) -> Any:
        """The app's frame in the chart."""
        return next(frame for frame in self.page.frames if "/l/" in frame.url)

    def look(self, name: str, inside: Any = None) -> None:
        """Keep a picture and check the accessibility of what is shown."""
        inside = inside or self.app
        inside.wait_for_load_state("networkidle")
        self.page.screenshot(path=str(self.shots / f"{name}.png"), full_page=True)
        found = self.axe.run(inside, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        self.violations += [f"{name}: {one['id']} {one['nodes'][0]['html'][:120]}" for one in found]

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.app.locator(f"[name='{name.replace('__', '.')}']").last.fill(value)

    def choose(self, name: str, value: str) -> None:
        self.app.locator(f"[name='{name}'][value='{value}']").first.check(force=True)

    def press(self, text: str) -> None:
        self.app.get_by_role("button", name=text, exact=False).first.click()
        self.page.wait_for_timeout(150)
        self.app.wait_for_load_state("networkidle")

    def follow(self, text: str) -> None:
        self.app.get_by_role("link", name=text, exact=False).first.click()
        self.page.wait_for_timeout(150)
        self.app.wait_for_load_state("networkidle")

    def reading(self, *numbers: str, at: str) -> None:
        names = ("systolic", "diastolic", "heart_rate", "oxygen_saturation")
        self.fill(reading__time=at, **{f"reading__{n}": v for n, v in zip(names, numbers, strict=True)})
        self.press("Save reading")


def _is_complaint(message: sync_api.ConsoleMessage) -> bool:
    """A form that asks back, as that of a session held earlier does, is answered 422 and is part of the journey."""
    return message.type == "error" and "status of 422" not in message.text


@pytest.fixture
def tablet(tmp_path: Path) -> Iterator[Tablet]:
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(BLOCKED), "utf-8")
    shots = tmp_path / "shots"
    shots.mkdir()
    with sync_api.sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(profile), executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1366, "height": 1024}
        )
        yield Tablet(context.new_page(), axe_module.Axe(), shots)
        context.close()


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
    tablet.reading("124", "78", "71", "98", at="09:45")
    tablet.reading("126", "78", "71", "98", at="09:50")
    for box in tablet.app.locator("input[type=radio][name^='check.'][value='yes']").all():
        box.check(force=True)
    for several in tablet.app.locator("select[name^='check.']").all():
        several.select_option(index=1)
    tablet.fill(check__fasting__solids="8", check__fasting__fluids="3", check__staff__name="Tom Reyes")
    tablet.fill(check__escort__name="Sam Larsen", check__escort__phone="555 0104")
    tablet.look("before")
    tablet.press("Save and go to the dose")
    _receive(tablet)
    tablet.fill(dose__given_mg="37", dose__wasted_mg="0", dose__lot="K24-118")
    tablet.fill(dose__second_person="Tom Reyes", dose__started="10:00", dose__ended="10:40")
    tablet.look("dose")
    tablet.press("Save and go to monitoring")
    for at, numbers in (
        ("10:10", ("138", "85", "80", "97")),
        ("10:20", ("152", "92", "86", "97")),
        ("10:30", ("163", "98", "90", "97")),
        ("10:40", ("171", "101", "92", "96")),
        ("11:00", ("146", "90", "84", "97")),
        ("11:30", ("134", "82", "78", "98")),
        ("12:00", ("129", "79", "73", "98")),
    ):
        tablet.reading(*numbers, at=at)
    tablet.look("monitor")
    tablet.app.goto(tablet.app.url.split("?")[0].replace("/monitor", "/discharge"))
    for box in tablet.app.locator("input[type=radio][name^='discharge.'][value='yes']").all():
        box.check(force=True)
    tablet.choose("discharge.next", "na")
    tablet.fill(discharge__ended="12:05", discharge__escort="Sam Larsen")
    tablet.look("discharge")
    tablet.press("Save and check the note")
    tablet.app.wait_for_url("**/sign*")


def _receive(tablet: Tablet) -> None:
    tablet.follow("Receive a vial")
    tablet.fill(lot="K24-118", expiry="2027-06", concentration="50", volume="10", supplier="Riverside Pharmacy")
    tablet.fill(received=_yesterday())
    tablet.look("receive")
    tablet.press("Receive")
    assert "lot K24-118" in tablet.app.inner_text("#vial")


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
