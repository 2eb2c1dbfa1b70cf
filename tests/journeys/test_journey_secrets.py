"""What a browser gets to see of a launch: history, Referers, cookies, storage and pages (security L-11, L-12)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launch.token_reply import TokenReply
from launch.tokens import TokenEndpoint
from tests.browser import CHROMIUM
from tests.journeys.in_chromium import ServedClinic, app_frame, chromium, open_chart, sign_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: what it keeps is left out"),
]
PLACES = ("enrolment", "session", "progress", "audit", "about", "rules", "leave", "nothing")
PASSING = ("code", "state", "launch")  # they pass through addresses, and must not stay


class Watcher:
    """Everything a browser asked and was answered."""

    def __init__(self, browser: Any) -> None:
        self.requests: list[Any] = []
        self.loaded: list[tuple[str, str]] = []  # what a page asked for beside itself, and that page
        browser.on("request", self._note)
        browser.on("requestfinished", lambda request: self.requests.append(request))

    def _note(self, request: Any) -> None:
        if request.service_worker is None and not request.is_navigation_request():
            self.loaded.append((request.url, request.frame.url))

    def passing(self) -> set[str]:
        """The codes, states and launch values that stood in an address."""
        return {
            value
            for request in self.requests
            for name, value in parse_qsl(urlsplit(request.url).query)
            if name in PASSING and len(value) > 8
        }

    def referers(self) -> list[tuple[str, str]]:
        """Each address that was asked with a Referer, and the Referer."""
        found = [(request.url, request.all_headers().get("referer", "")) for request in self.requests]
        return [(url, referer) for url, referer in found if referer]


class Answers:
    """Headers and bodies of all that the app answered."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def around(self, app: ASGIApp) -> ASGIApp:
        async def kept(scope: Scope, receive: Receive, send: Send) -> None:
            async def noted(message: Message) -> None:
                told = {name: value for name, value in message.items() if name in ("headers", "body")}
                self.texts.append(str(told))
                await send(message)

            await app(scope, receive, noted)

        return kept


def walk(clinic: ServedClinic, page: Any) -> list[str]:
    """A launch in the EHR's frame and one in its own window, and every page of both; what the pages hold and keep."""
    kept = []
    open_chart(clinic, page)
    frame = app_frame(page, "/screening")
    kept.append(frame.content())
    root = frame.url.removesuffix("/screening")
    for place in PLACES:
        frame.goto(f"{root}/{place}")
        kept.append(frame.content())
    page.goto(f"{clinic.ehr_url}/chart/{clinic.patient('two-failed-trials')}/open")
    page.get_by_role("button", name="Refresh from the EHR").click()
    page.wait_for_load_state("networkidle")
    root = page.url.removesuffix("/screening")
    for place in PLACES:
        page.goto(f"{root}/{place}")
        kept += [
            page.content(),
            page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"),
        ]
    return kept


def test_a_browser_keeps_and_tells_nothing_of_a_launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tokens: set[str] = set()
    redeem = TokenEndpoint.redeem

    async def remembered(self: TokenEndpoint, *given: Any, **named: Any) -> TokenReply:
        reply = await redeem(self, *given, **named)
        tokens.update(one for one in (reply.access_token, reply.refresh_token, reply.id_token) if one)
        return reply

    monkeypatch.setattr(TokenEndpoint, "redeem", remembered)
    answers = Answers()
    clinic = ServedClinic(data=tmp_path, around=answers.around)
    try:
        clinic.start()
        with caplog.at_level(logging.INFO), chromium(tmp_path) as browser:
            watcher, page = Watcher(browser), browser.new_page()
            sign_in(clinic, page)
            kept = walk(clinic, page)
            passing = watcher.passing()
            assert len(tokens) == 6
            assert len(passing) == 6, "a code, a state and a launch value of each launch"
            history = str(browser.new_cdp_session(page).send("Page.getNavigationHistory"))
            assert clinic.app_url in history
            none_of(passing | tokens, {"history": history, "log": caplog.text})
            none_of(passing | tokens, dict(watcher.referers()))
            none_of(tokens, {f"answer {number}": text for number, text in enumerate(answers.texts)})
            assert len(answers.texts) > 2 * len(PLACES)
            none_of(passing | tokens, {f"page {number}": text for number, text in enumerate(kept)})
            none_of(passing | tokens, {"cookies": str(browser.cookies())})
            assert [(url, told) for url, told in watcher.referers() if leaves(clinic, url, told)] == []
            assert elsewhere(clinic, watcher) == []
    finally:
        clinic.stop()


def none_of(secrets: set[str], places: dict[str, str]) -> None:
    assert [place for place, text in places.items() if any(secret in text for secret in secrets)] == []


def leaves(clinic: ServedClinic, url: str, referer: str) -> bool:
    """Whether another origin was told an address of ours."""
    return referer.startswith(clinic.app_url) and not url.startswith(clinic.app_url)


def elsewhere(clinic: ServedClinic, watcher: Watcher) -> list[str]:
    """What our pages loaded from anywhere else. Going to the EHR's own pages is no loading."""
    ours = clinic.app_url
    assert any(page.startswith(ours) for _, page in watcher.loaded)
    return [url for url, page in watcher.loaded if page.startswith(ours) and not url.startswith(ours)]
