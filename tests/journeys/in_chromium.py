"""A Chromium beside the clinic: its profile, the way into a chart, and an app that is served from this process."""

from __future__ import annotations

import json
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
from tests.browser import CHROMIUM, FLAGS
from tests.journeys.conftest import Clinic, eventually

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NO_THIRD_PARTY = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
ANY_COOKIES = {"cookie_controls_mode": 0, "block_third_party_cookies": False}


@contextmanager
def chromium(folder: Path, profile: dict[str, Any] = NO_THIRD_PARTY) -> Iterator[Any]:
    """A browser with these settings of its profile; what a page says as an error fails the test."""
    (folder / "profile" / "Default").mkdir(parents=True)
    (folder / "profile" / "Default" / "Preferences").write_text(json.dumps({"profile": profile}), "utf-8")
    with sync_api.sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(folder / "profile"), executable_path=CHROMIUM, args=FLAGS
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
