"""A desk's pages in a real Chromium, and what every page of them has to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.browser import CHROMIUM, FLAGS, RULES
from tests.smart_app.pages.desk import LAUNCH, Desk
from tests.smart_app.pages.serving import served

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

# What may be pressed and is not a word in a sentence: what of it is too low for a glove.
SMALL = (
    "[...document.querySelectorAll("
    "'main :is(button, select, textarea, summary, a.button):not([hidden], [aria-hidden]),"
    " main input:not([type=hidden]), nav a')]"
    ".filter(e => e.checkVisibility())"
    ".filter(e => { const r = (e.closest('label') ?? e).getBoundingClientRect();"
    " return r.height && r.height < 47.5; }).map(e => e.outerHTML.slice(0, 120))"
)
VIEWS: dict[str, dict[str, Any]] = {
    "tablet": {"viewport": {"width": 1024, "height": 1366}},
    "dark": {"viewport": {"width": 1024, "height": 1366}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 900}},
}


# How many entries wait on the device.
COUNT = """() => new Promise(done => {
  const request = indexedDB.open('waiting', 1);
  request.onsuccess = () => {
    const count = request.result.transaction('entries').objectStore('entries').count();
    count.onsuccess = () => { request.result.close(); done(count.result); };
  };
})"""
KEEPS = """async () => {
  const { src } = document.querySelector('script[src*="app."]');
  return (await import(new URL('waiting.js', src).href)).device.keeps();
}"""


class Chromium:
    """One browser for all tests of a module: starting it costs more than most of them. Each has its own context."""

    def __init__(self) -> None:
        self._play: sync_api.Playwright | None = None
        self._browser: sync_api.Browser | None = None

    @property
    def play(self) -> sync_api.Playwright:
        """To start another browser with: there can be no second Playwright beside this one."""
        if self._play is None:
            self._play = sync_api.sync_playwright().start()
        return self._play

    @property
    def browser(self) -> sync_api.Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self.play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self._browser

    def close(self) -> None:
        """Before anything else wants an event loop in this thread."""
        if self._browser is not None:
            self._browser.close()
        if self._play is not None:
            self._play.stop()
        self._play = self._browser = None


chromium = Chromium()


@contextmanager
def opened(desk: Desk, **options: object) -> Iterator[sync_api.Page]:
    """A page that has the session cookie. Anything the browser complains about fails the test."""
    complaints: list[str] = []
    with (
        served(desk) as origin,
        closing(chromium.browser.new_context(base_url=f"{origin}/l/{LAUNCH}/", **options)) as context,
    ):
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda each: complaints.append(each.text) if _is_complaint(each) else None)
        page.goto(f"{origin}/start")
        yield page
    assert complaints == []


def _is_complaint(message: sync_api.ConsoleMessage) -> bool:
    """A refused form and a cut connection are part of these tests; what the policy blocks is not."""
    return message.type in {"error", "warning"} and "Failed to load resource" not in message.text


def assert_sound(page: sync_api.Page, path: str, width: int) -> None:
    """No accessibility rule broken, nothing over the edge, every target large enough for a glove."""
    found = axe_module.Axe().run(page, options={"runOnly": RULES}).response["violations"]
    assert [(path, each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert page.evaluate(SMALL) == [], f"{path}: targets below 48 px"


def tab_to(page: sync_api.Page, wanted: str) -> None:
    """By the Tab key alone to the element for which the expression holds."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate(f"Boolean({wanted})"):
            return
    raise AssertionError(f"no way by Tab to {wanted}")


def until_kept(page: Any) -> None:
    """The page has its key: what is entered from now on survives the tab."""
    with page.expect_response("**/device-key"):
        page.reload()
    until(page, KEEPS)


def until(page: Any, holds: str) -> None:
    """Asked again and again from outside: what waits inside a page is forbidden by its policy."""
    for _ in range(600):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never so: {holds}")
