"""A Chromium beside the clinic: its profile, the way into a chart, and an app that is served from this process."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

from smart_app.app import create_app
from smart_app.cli.demo import demo_registry
from smart_app.settings import settings_from
from tests.browser import CHROMIUM, FLAGS, RULES
from tests.journeys.conftest import Clinic, eventually

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
NO_THIRD_PARTY = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
ANY_COOKIES = {"cookie_controls_mode": 0, "block_third_party_cookies": False}


@contextmanager
def chromium(folder: Path, profile: dict[str, Any] = NO_THIRD_PARTY, **options: Any) -> Iterator[Any]:
    """A browser with these settings of its profile; what a page says as an error fails the test."""
    (folder / "profile" / "Default").mkdir(parents=True)
    (folder / "profile" / "Default" / "Preferences").write_text(json.dumps({"profile": profile}), "utf-8")
    with sync_api.sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(folder / "profile"), executable_path=CHROMIUM, args=FLAGS, **options
        )
        yield context
        context.close()


def sign_in(clinic: Clinic, page: Any) -> None:
    page.goto(clinic.ehr_url)
    page.get_by_role("button", name="Mira Holm").click()
    page.wait_for_load_state("networkidle")


def open_chart(clinic: Clinic, page: Any, slug: str = "two-failed-trials") -> None:
    page.goto(f"{clinic.ehr_url}/chart/{clinic.patient(slug)}")


def app_frame(page: Any, part: str = "/l/") -> Any:
    def found() -> Any:
        page.wait_for_timeout(50)
        return next((frame for frame in page.frames if part in frame.url), None)

    frame = eventually(found)
    frame.wait_for_load_state("networkidle")
    return frame


class Tablet:
    """A browser at the bedside: what it complains about and what axe finds fails the journey."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page, self.axe, self.shots = page, axe_module.Axe(), folder / "shots"
        self.shots.mkdir()
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
        self.app.wait_for_selector("[name='reading.time']", state="attached")
        folded = self.app.locator("details:has([name='reading.time'])")  # of a session that runs now
        folded.evaluate_all("all => all.forEach(each => { each.open = true; })")
        self.fill(reading__time=at, **{f"reading__{n}": v for n, v in zip(names, numbers, strict=True)})
        self.press("Save reading")


def _is_complaint(message: sync_api.ConsoleMessage) -> bool:
    """A form that asks back, as that of a session held earlier does, is answered 422 and is part of the journey."""
    return message.type == "error" and "status of 422" not in message.text


def run_session(tablet: Tablet, received: str = "") -> None:
    """The four steps of an open IV session from 10:00 on, up to its note. `received`: the vial's day; "": none."""
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
    tablet.app.wait_for_url(re.compile("/(dose|gate)"))
    if "/gate" in tablet.app.url:  # the readings are judged against the dose, whose time follows
        tablet.app.goto(f"{tablet.app.url.rpartition('/')[0]}/dose")
    if received:
        _receive(tablet, received)
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


def _receive(tablet: Tablet, received: str) -> None:
    tablet.follow("Receive a vial")
    tablet.fill(lot="K24-118", expiry="2027-06", concentration="50", volume="10", supplier="Riverside Pharmacy")
    tablet.fill(received=received)
    tablet.look("receive")
    tablet.press("Receive")
    assert "lot K24-118" in tablet.app.inner_text("#vial")


@dataclass
class ServedClinic(Clinic):
    """The app in this process: open to be looked into, and registered with more EHRs than the sandbox."""

    more: str = ""
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    def start_app(self) -> None:
        registry = self.data / "two.toml"
        registry.write_text(demo_registry(self.ehr_url) + self.more, "utf-8")
        environment = {"KP_BASE_URL": self.app_url, "KP_REGISTRY": str(registry), "KP_DATA": str(self.data)}
        app = create_app(settings_from(environment, demo=True))
        config = uvicorn.Config(
            self.around(app), host="localhost", port=self.app_port, log_level="warning", access_log=False
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        eventually(lambda: self._answers(f"{self.app_url}/healthz"))

    def stop(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = True
            self.thread.join(timeout=20)
        super().stop()
