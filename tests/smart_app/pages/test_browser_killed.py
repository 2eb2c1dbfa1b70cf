"""The server is killed at random moments, as by a power cut: what the page called kept is in the database, once."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from smart_app.store.opened import open_kept
from smart_app.use_cases.late_forms import late_forms
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import chromium
from tests.smart_app.pages.desk import LAUNCH, a_caller

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

KILLS = 3
ROOT = Path(__file__).parents[3]


@dataclass
class Server:
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.smart_app.pages.killable", str(self.port), str(self.folder)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        for _ in range(600):
            with suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.port}/no-connection", trust_env=False).is_success:
                    return
            time.sleep(0.1)
        pytest.fail("the server did not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


def enter(page: Any, number: int) -> str:
    for name, value in (("systolic", str(100 + number)), ("diastolic", "80"), ("heart_rate", "70")):
        page.fill(f"[name='reading.{name}']", value)
    page.fill("[name='reading.oxygen_saturation']", "98")
    page.press("[name='reading.oxygen_saturation']", "Enter")
    return str(100 + number)


def test_a_killed_server_loses_nothing_and_writes_nothing_twice(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        server = Server(free.getsockname()[1], tmp_path)
    chance, entered = random.Random(20), []  # noqa: S311  # the same moments in every run
    server.start()
    session = (tmp_path / "session").read_text(encoding="utf-8")
    context = chromium.browser.new_context()
    try:
        page = context.new_page()
        origin = f"http://127.0.0.1:{server.port}"
        page.goto(f"{origin}/start")
        page.goto(f"{origin}/l/{LAUNCH}/session/{session}/before")
        for number in range(KILLS):
            entered.append(enter(page, 2 * number))
            page.wait_for_timeout(chance.choice((0, 5, 20, 60, 150)))
            server.kill()
            entered.append(enter(page, 2 * number + 1))
            page.fill("[name='reading.systolic']", f"{number}")  # half a reading
            page.wait_for_selector("[data-saved][data-state=waiting]")
            if number % 2:
                page.wait_for_timeout(1000)
                page.close()
                page = context.new_page()
            server.start()
            if number % 2:
                page.goto(f"{origin}/l/{LAUNCH}/session/{session}/before")
            else:
                page.evaluate("dispatchEvent(new Event('online'))")
            there = f"#readings:has-text('{entered[-1]}/80')"
            page.wait_for_selector(there, state="attached", timeout=240_000)  # some rounds of the queue
    finally:
        context.close()
        server.kill()
    work, close = open_kept(f"sqlite:///{tmp_path / 'app.db'}")
    try:
        with work.reading() as uow:
            kept = uow.sessions.get(session)
            drafts = late_forms(uow, a_caller(), f"session/{session}/before")
    finally:
        close()
    assert kept is not None
    assert [entry.fields["systolic"] for entry in kept.entries] == entered
    assert str(KILLS - 1) in {form.fields["reading.systolic"] for form in drafts}
