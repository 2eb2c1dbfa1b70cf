"""The app in frames of a real Chromium: sandboxed ones, foreign ones, ones without cookies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

from tests.browser import CHROMIUM
from tests.journeys.conftest import Clinic
from tests.journeys.in_chromium import (
    ANY_COOKIES,
    NO_THIRD_PARTY,
    ServedClinic,
    app_frame,
    chromium,
    open_chart,
    sign_in,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the frames are left out"),
]
SHOWN = "No exclusion found"
LIKE_ATHENA = "allow-scripts allow-forms allow-same-origin allow-popups"


def reframe(clinic: Clinic, page: Any, attributes: str) -> None:
    """Launch the app anew in a frame with other attributes."""
    chart = f"{clinic.ehr_url}/chart/{clinic.patient('two-failed-trials')}"
    launch = page.request.get(f"{chart}/open", max_redirects=0).headers["location"]
    page.evaluate(
        "([wanted, address]) => { const made = document.createElement('iframe'); made.sandbox = wanted;"
        " made.src = address; document.querySelector('iframe').replaceWith(made) }",
        [attributes, launch],
    )
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    "sandbox", [LIKE_ATHENA, LIKE_ATHENA.replace("allow-scripts ", "")], ids=["as athena does", "without scripts"]
)
def test_a_sandboxed_frame_without_top_navigation_works(clinic: Clinic, tmp_path: Path, sandbox: str) -> None:
    with chromium(tmp_path) as browser:
        page = browser.new_page()
        sign_in(clinic, page)
        open_chart(clinic, page)
        app_frame(page, "/screening")
        reframe(clinic, page, sandbox)
        frame = app_frame(page, "/screening")
        assert SHOWN in frame.inner_text("main")
        frame.get_by_role("button", name="Refresh from the EHR").click()
        page.wait_for_timeout(300)
        assert SHOWN in app_frame(page, "/screening").inner_text("main")
        assert page.url.startswith(f"{clinic.ehr_url}/chart/"), "the chart around the app is still there"


def test_the_app_works_top_level(clinic: Clinic, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        page = browser.new_page()
        sign_in(clinic, page)
        page.goto(f"{clinic.ehr_url}/chart/{clinic.patient('two-failed-trials')}/open")
        assert page.url.startswith(f"{clinic.app_url}/l/")
        page.get_by_role("button", name="Refresh from the EHR").click()
        page.wait_for_load_state("networkidle")
        assert SHOWN in page.inner_text("main")


@contextmanager
def another_site() -> Iterator[str]:
    """Pages that frame whatever their query says; no EHR of ours."""

    class Framing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = unquote(urlsplit(self.path).query)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{escape(address)}"></iframe>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Framing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def framed(page: Any, site: str, address: str) -> str | None:
    """What stands in a frame of another site's page; None: the browser left it empty."""
    page.goto(f"{site}/?{quote(address)}")
    page.wait_for_load_state("networkidle")
    (frame,) = page.frames[1:]
    return None if frame.url.startswith("chrome-error:") else str(frame.inner_text("body"))


OTHER = """
[ehr.other]
issuer = "http://127.0.0.1:9/fhir"
client_id = "ketamine-pathway"
auth = "public"
frame_ancestors = ["{site}"]
scopes = ["launch", "patient/Patient.rs"]
"""


def test_only_its_own_ehr_may_frame_a_launch(tmp_path: Path) -> None:
    """Pages, starts and errors: nobody else sees them, not even another EHR that is registered too."""
    with another_site() as site, another_site() as stranger:
        clinic = ServedClinic(data=tmp_path, more=OTHER.format(site=site))
        try:
            clinic.start()
            with chromium(tmp_path, ANY_COOKIES) as browser:
                page = browser.new_page()
                sign_in(clinic, page)
                page.goto(f"{clinic.ehr_url}/chart/{clinic.patient('two-failed-trials')}/open")
                launched = page.url
                for address in (
                    launched,
                    launched.replace("/screening", "/nothing"),
                    f"{clinic.app_url}/launch?ehr=sandbox",
                    f"{clinic.app_url}/launch?iss={clinic.ehr_url}/fhir",
                    f"{clinic.app_url}/callback/sandbox?code=x&state=y",
                    f"{clinic.app_url}/nothing",
                ):
                    assert framed(page, stranger, address) is None, address
                    assert framed(page, site, address) is None, address
                theirs = f"{clinic.app_url}/callback/other?code=x&state=y"
                assert framed(page, stranger, theirs) is None
                assert "could not start" in (framed(page, site, theirs) or "")
        finally:
            clinic.stop()


@contextmanager
def without_cookies_in_the_chart(clinic: Clinic, folder: Path) -> Iterator[Any]:
    """No cookie of the app reaches it in a frame of the EHR, partitioned or not; its own window keeps them."""
    blocked = {f"{clinic.app_url},{clinic.ehr_url}": {"setting": 2}}
    profile = NO_THIRD_PARTY | {"content_settings": {"exceptions": {"cookies": blocked}}}
    with chromium(folder, profile) as browser:
        yield browser


def way_out(clinic: Clinic, page: Any) -> Any:
    """The link of the page that says that the cookie was not kept."""
    open_chart(clinic, page)
    frame = app_frame(page, "/callback/")
    assert "did not keep the app's cookie" in frame.inner_text("main")
    return frame.get_by_role("link", name="Open in its own window")


def opened_by(browser: Any, link: Any) -> Any:
    with browser.expect_page() as opened:
        link.click()
    window = opened.value
    window.wait_for_load_state("networkidle")
    return window


def test_where_the_frame_keeps_no_cookie_the_app_goes_on_in_its_own_window(clinic: Clinic, tmp_path: Path) -> None:
    with without_cookies_in_the_chart(clinic, tmp_path) as browser:
        page = browser.new_page()
        sign_in(clinic, page)
        link = way_out(clinic, page)
        address = clinic.app_url + link.get_attribute("href")
        window = opened_by(browser, link)
        # The sandbox takes a chart's launch value once, as many EHRs do: the patient is chosen again.
        window.get_by_label("Patient").select_option(clinic.patient("two-failed-trials"))
        window.get_by_role("button", name="Allow").click()
        window.wait_for_load_state("networkidle")
        assert window.url.startswith(f"{clinic.app_url}/l/")
        assert SHOWN in window.inner_text("main")
        window.get_by_role("button", name="Refresh from the EHR").click()
        window.wait_for_load_state("networkidle")
        assert SHOWN in window.inner_text("main")
        assert browser.new_page().goto(address).status == 400, "it works once"


def test_an_open_session_goes_on_in_a_window_and_ends_in_the_frame(clinic: Clinic, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        page = browser.new_page()
        sign_in(clinic, page)
        open_chart(clinic, page)
        frame = app_frame(page, "/screening")
        framed_at = frame.url
        frame.goto(framed_at.replace("/screening", "/about"))
        frame.get_by_role("button", name="Open in its own window").click()
        link = frame.get_by_role("link", name="Open the window")
        address = clinic.app_url + link.get_attribute("href")
        window = opened_by(browser, link)
        assert SHOWN in window.inner_text("main")
        assert window.url == framed_at
        frame.goto(framed_at)
        assert "session ended" in frame.inner_text("main")
        assert browser.new_page().goto(address).status == 400, "it works once"


def test_signing_in_again_goes_there_and_back_in_the_frame(tmp_path: Path) -> None:
    """As a launch does: by the EHR's own page in the place of the app, with nothing typed lost."""
    clinic = ServedClinic(data=tmp_path)
    (tmp_path / "site.toml").write_text("[signing]\nsign_in_again = true\n", "utf-8")
    try:
        clinic.start()
        with chromium(tmp_path) as browser:
            page = browser.new_page()
            sign_in(clinic, page)
            open_chart(clinic, page)
            frame = app_frame(page, "/screening")
            frame.goto(f"{frame.url.rpartition('/')[0]}/session/missed")
            frame.fill("[name='reason']", "Snow.")
            frame.get_by_role("button", name="Record the missed session").click()
            frame.get_by_role("link", name="Sign in again to sign").click()
            app_frame(page, "/sign-in?").get_by_role("button", name="Mira Holm").click()
            assert app_frame(page, "/session/missed").input_value("[name='reason']") == "Snow."
            assert page.url.startswith(f"{clinic.ehr_url}/chart/"), "the chart around the app is still there"
    finally:
        clinic.stop()
