"""Two hundred times the network or the server goes at a random moment: nothing is lost and nothing comes twice."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smart_app.pages import Framing
from tests.browser import CHROMIUM, FLAGS
from tests.smart_app.pages.browsing import chromium
from tests.smart_app.pages.desk import LAUNCH, Desk
from tests.smart_app.pages.serving import with_start
from tests.smart_app.pages.treatment import running

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

RUNS = 100  # in a frame, and as many in a window of its own
FRAMED = "<!doctype html><title>EHR</title><iframe name=app width=1000 height=1300 src={origin}/start></iframe>"
FILL = """([id, fields, press]) => {
  const form = document.getElementById(id);
  if (!form) return false;
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements[name];
    if (field instanceof RadioNodeList) { [...field].find(each => each.value === value).checked = true; }
    else field.value = value;
  }
  const one = form.elements[Object.keys(fields)[0]];
  (one instanceof RadioNodeList ? one[0] : one).dispatchEvent(new InputEvent('input', { bubbles: true }));
  if (press) form.requestSubmit(form.querySelector('button'));
  return true;
}"""
IN_THE_BOX = """() => new Promise(done => {
  const request = indexedDB.open('waiting', 1);
  request.onupgradeneeded = () => request.transaction.abort();
  request.onerror = () => done(0);
  request.onsuccess = () => {
    const count = request.result.transaction('entries').objectStore('entries').count();
    count.onsuccess = () => { request.result.close(); done(count.result); };
  };
})"""


def until(asked: Callable[[], Any], page: Any, what: str, *, within: float = 30) -> None:
    end = time.monotonic() + within
    while not asked():
        assert time.monotonic() < end, what
        page.wait_for_timeout(15)


@dataclass
class Weather:
    """What happens between the page and the server beside the browser's own network."""

    app: ASGIApp
    answers: bool = True  # False: what is sent is done, and its answer never arrives

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/frame":
            _, port = scope["server"]
            await HTMLResponse(FRAMED.format(origin=f"http://127.0.0.1:{port}"))(scope, receive, send)
        elif self.answers or scope["method"] != "POST":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, self._swallow)
            await Response(status_code=502)(scope, receive, send)

    @staticmethod
    async def _swallow(_message: Message) -> None:
        pass


@dataclass
class Station:
    """A server that can be cut off and started again on its port."""

    desk: Desk
    port: int
    weather: Weather
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    def start(self) -> None:
        config = uvicorn.Config(self.weather, port=self.port, log_level="critical", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = self.server.force_exit = True
            self.thread.join(timeout=10)


@contextmanager
def station() -> Iterator[Station]:
    desk = Desk()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    desk.move_to(f"http://127.0.0.1:{port}")
    framing = Framing(ancestors=(f"http://localhost:{port}",))
    desk.deps = replace(desk.deps, framing=lambda _ehr: framing)
    desk.open()
    made = Station(desk=desk, port=port, weather=Weather(app=with_start(desk)))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@dataclass
class Bedside:
    """One page at the session, what was entered on it, and how the store looked before."""

    station: Station
    context: Any
    session: str
    chance: random.Random
    framed: bool
    page: Any = None
    view: Any = None  # the page, or the frame in it
    entered: list[dict[str, str]] = field(default_factory=list)
    half: str = ""
    before: int = 0
    number: int = 0
    offline: bool = False

    def open(self) -> None:
        self.page = self.context.new_page()
        origin = f"http://127.0.0.1:{self.station.port}"
        if self.framed:
            self.page.goto(f"http://localhost:{self.station.port}/frame")
            self.view = self.page.frame(name="app")
        else:
            self.page.goto(f"{origin}/start")
            self.view = self.page
        self.view.goto(f"{origin}/l/{LAUNCH}/session/{self.session}/monitor")
        self.view.wait_for_selector("#reading")
        self.view.wait_for_selector("#event-form", state="attached")

    def kill(self) -> None:
        """The tab goes without a goodbye, once everything entered is on the server or in the box."""
        self._all_kept()
        self.page.close(run_before_unload=False)
        self.cut(offline=False)
        self.open()

    def _all_kept(self) -> None:
        if self.half and not self.offline:
            until(lambda: self.half in self._drafts(), self.page, "no draft on the server")
        elif self.half:
            self.page.wait_for_timeout(1000)  # what is older than two seconds has to be kept, and mostly is sooner
        until(lambda: self._missing() <= self.view.evaluate(IN_THE_BOX), self.page, "not kept on this device")

    def _missing(self) -> int:
        there = self._drafts() | {json.dumps(each) for each in self._added()}
        wanted = [json.dumps(each) for each in self.entered] + ([self.half] if self.half else [])
        return sum(each not in there for each in wanted)

    def _added(self) -> list[dict[str, str]]:
        entries = self.station.desk.work.kept.sessions[self.session].entries[self.before :]
        return [dict(each.fields) | {"kind": each.kind} for each in entries]

    def _drafts(self) -> set[str]:
        kept = [json.loads(each) for page in self.station.desk.work.kept.drafts.values() for each in page.values()]
        return {each["fields"].get("note.text", "") for each in kept}

    def cut(self, *, offline: bool) -> None:
        self.offline = offline
        self.context.set_offline(offline)

    def enter(self) -> None:
        self.number += 1
        kind = self.chance.choice(("reading", "reading", "note", "event"))
        values = {
            "reading": {
                "systolic": str(100 + self.number % 40),
                "diastolic": str(60 + self.number % 30),
                "heart_rate": "70",
                "oxygen_saturation": "98",
            },
            "note": {"text": f"Note {self.number}"},
            "event": {"type": "nausea", "severity": "mild", "action": f"Action {self.number}"},
        }[kind]
        form = {"reading": "reading", "note": "note-form", "event": "event-form"}[kind]
        if not self.view.evaluate(FILL, [form, {f"{kind}.{name}": value for name, value in values.items()}, True]):
            return  # the page is being loaded again: nobody could type there
        self.entered.append(values | {"kind": kind})
        if kind == "note":
            self.half = ""

    def type_half(self) -> None:
        self.number += 1
        half = f"Half a note {self.number}"
        if self.view.evaluate(FILL, ["note-form", {"note.text": half}, False]):
            self.half = half

    def run(self, number: int) -> None:
        """One run: some entries, and in between the network comes and goes."""
        work, chance = self.station.desk.work, self.chance
        self.before, self.entered = len(work.kept.sessions[self.session].entries), []
        ways = ["offline", "offline", "no answers", "server gone" if number % 10 == 0 else "offline"]
        way = chance.choice(ways)
        for _ in range(chance.randint(2, 5)):
            match chance.random(), way:
                case (chanced, "offline") if chanced < 0.6:
                    self.cut(offline=not self.offline)
                case (chanced, "no answers") if chanced < 0.6:
                    self.station.weather.answers = not self.station.weather.answers
                case (chanced, "server gone") if chanced < 0.6 and self.station.server is not None:
                    self.station.stop()
                    self.station.server = None
            self.page.wait_for_timeout(chance.choice((0, 0, 3, 10, 40)))
            self.enter() if chance.random() < 0.8 else self.type_half()
        killed = not self.framed and number % 4 == 0
        if killed and self.station.server is not None and self.station.weather.answers:
            self.kill()
        self._calm()
        until(lambda: not self._missing(), self.page, f"lost in run {number} ({way})")
        assert self._added() == self.entered, f"run {number} ({way})"
        self.half = ""
        if not self.framed:
            until(lambda: self._waiting() == 0, self.page, f"a copy of run {number} is left")

    def _waiting(self) -> int | None:
        """How many sealed entries are on the device; None: the page is just being loaded again."""
        try:
            return int(self.view.evaluate(IN_THE_BOX))
        except sync_api.Error:
            return None

    def _calm(self) -> None:
        self.cut(offline=False)
        self.station.weather.answers = True
        if self.station.server is None:
            self.station.start()
        self.view.evaluate("dispatchEvent(new Event('online'))")


@pytest.mark.parametrize("framed", [True, False], ids=["in a frame", "in a window of its own"])
def test_storms(framed: bool, tmp_path: Path) -> None:
    with station() as made:
        session = running(made.desk).id
        kept = made.desk.work.kept
        launch = chromium.play.chromium.launch_persistent_context
        context = launch(tmp_path / "profile", executable_path=CHROMIUM, args=FLAGS)
        bedside = Bedside(made, context, session, random.Random(20261123), framed)  # noqa: S311  # a repeatable storm
        for number in range(RUNS):
            if number % 10 == 0:
                if bedside.page is not None:
                    bedside.page.close()
                now = made.desk.work.kept
                made.desk.work.kept = replace(kept.copy(), audit=list(now.audit), device_keys=now.device_keys)
                bedside.open()
            bedside.run(number)
        context.close()
    canaries = [b"Half a note", b"Note 1", b"Action ", b"systolic="]
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file()]
    found = {path.name for path in files for canary in canaries if canary in path.read_bytes()}
    assert found == set(), "readable on the disk"
