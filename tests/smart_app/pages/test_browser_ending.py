"""The end of a session in a real Chromium: the warning by keyboard, an empty page after, and nothing typed lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CHROMIUM, FLAGS
from tests.smart_app.pages.browsing import VIEWS, assert_sound, chromium, opened
from tests.smart_app.pages.desk import LAUNCH, Desk, a_screening
from tests.smart_app.pages.serving import served
from tests.smart_app.pages.treatment import running

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

OF_THE_PATIENT = ("testpatient", "ada", "04 mar 1986", "tp-000123", "penicillin", "f33.2")
EVERYTHING = "document.documentElement.outerHTML + document.title"


@contextmanager
def at(path: str, **options: Any) -> Iterator[tuple[Desk, Any]]:
    """A page under a clock that stands still, beside a server whose clock does."""
    desk = Desk()
    desk.keep(screening=a_screening(at=desk.now))
    desk.open()
    with opened(desk, **options) as page:
        page.clock.install()
        page.goto(path, wait_until="networkidle")  # nothing asked before is heard after the clocks move
        yield desk, page


def pass_time(desk: Desk, page: Any, **time: float) -> None:
    span = timedelta(**time)
    desk.now += span
    page.clock.fast_forward(round(span.total_seconds() * 1000))


def assert_empty(page: Any) -> None:
    page.wait_for_selector(".stop-page")
    everything = page.evaluate(EVERYTHING).lower()
    assert [each for each in OF_THE_PATIENT if f"{each}" in everything.replace("/l/launch-of-ada", "")] == []
    assert page.title() == "Your session ended · ketamine-pathway"


@pytest.mark.parametrize("view", VIEWS)
def test_two_minutes_before_the_end_one_key_keeps_the_session(view: str) -> None:
    with at("progress", **VIEWS[view]) as (desk, page):
        page.click("summary:has-text('Record a PHQ-9')")
        page.focus("[name=total]")
        pass_time(desk, page, minutes=12, seconds=55)
        page.wait_for_timeout(300)
        assert page.locator("dialog[open]").count() == 0
        pass_time(desk, page, seconds=10)
        page.wait_for_selector("dialog[open][role=alertdialog]")
        assert page.evaluate("document.activeElement.textContent") == "Stay signed in"
        assert "At 14:47 the session ends" in page.inner_text("dialog")
        assert page.inner_text("[data-left]") == "1:55"
        assert_sound(page, "the dialog", VIEWS[view]["viewport"]["width"])
        pass_time(desk, page, seconds=5)
        page.wait_for_selector("text=1:50")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="hidden")
        assert page.evaluate("document.activeElement.name") == "total", "the focus is where it was"
        pass_time(desk, page, minutes=10)
        page.wait_for_timeout(300)
        assert page.locator("dialog[open]").count() == 0


def test_escape_is_a_key_press_too() -> None:
    with at("progress") as (desk, page):
        pass_time(desk, page, minutes=14)
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="hidden")
        assert desk.launches.notes[-1][1] == desk.now


def test_the_longest_time_cannot_be_extended_and_says_so() -> None:
    with at("progress") as (desk, page):
        desk.launches.wake(desk.now + timedelta(hours=11, minutes=55))
        desk.now += timedelta(hours=11, minutes=55)
        page.reload(wait_until="networkidle")
        pass_time(desk, page, minutes=3, seconds=30)
        page.wait_for_selector("dialog[open]")
        assert "At 02:32 the session reaches its longest time" in page.inner_text("dialog")
        assert page.evaluate("document.activeElement.textContent") == "Go on until then"
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="hidden")
        pass_time(desk, page, seconds=10)
        page.wait_for_timeout(300)
        assert page.locator("dialog[open]").count() == 0, "it was read once"
        pass_time(desk, page, minutes=2)
        assert_empty(page)


@pytest.mark.parametrize("offline", [False, True], ids=["with a connection", "without"])
def test_at_the_end_nothing_of_the_patient_is_left(offline: bool) -> None:
    with at("screening", **VIEWS["tablet"]) as (desk, page):
        assert "TESTPATIENT" in page.inner_text("header")
        page.context.set_offline(offline)
        pass_time(desk, page, minutes=15, seconds=1)
        assert_empty(page)
        assert "Your session ended at 14:47. Nothing you entered is lost." in page.inner_text("body")
        assert "Open the app again from the chart to go on." in page.inner_text("body")
        assert page.evaluate("document.activeElement.className") == "card stop-page"
        assert_sound(page, "the end", 1024)


def test_a_page_that_refreshes_itself_does_not_keep_the_session() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.clock.install()
        page.goto(f"session/{session}/monitor")
        for _ in range(6):
            pass_time(desk, page, minutes=10, seconds=1)
            page.wait_for_timeout(150)
        assert_empty(page)


def test_another_tab_that_goes_on_takes_the_warning_away() -> None:
    with at("progress") as (desk, page):
        other = page.context.new_page()
        pass_time(desk, page, minutes=14)
        page.wait_for_selector("dialog[open]")
        other.goto("rules")
        pass_time(desk, page, seconds=6)
        page.wait_for_selector("dialog", state="hidden")


def test_the_app_closed_in_another_tab_empties_this_one() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.clock.install()
        page.goto(f"session/{session}/monitor")
        other = page.context.new_page()
        other.goto("leave")
        other.click("main button")
        other.wait_for_selector("text=The app is closed")
        page.clock.run_for(15_000)
        assert_empty(page)
        assert "Your session ended. Nothing you entered is lost." in page.inner_text("body")


def test_what_was_typed_and_not_sent_is_kept_and_stands_there_again() -> None:
    with at("progress") as (desk, page):
        page.click("summary:has-text('Record a PHQ-9')")
        page.fill("[name=total]", "17")
        pass_time(desk, page, minutes=15, seconds=1)
        assert_empty(page)
        page.wait_for_selector("text=What you had typed is kept: it will stand on the same page again")
        assert "Nothing you entered is lost" not in page.inner_text("body")
        assert not desk.work.kept.scores
        page.wait_for_load_state("networkidle")  # a late answer must not end the session that is woken now
        desk.launches.closings.clear()
        desk.launches.wake(desk.now)
        page.goto("progress")
        assert page.input_value("[name=total]") == "17"
        page.click("text=Save the score")
        page.wait_for_selector("text=The score is saved.")
        assert page.locator("[data-late]").count() == 0
    assert len(desk.work.kept.scores) == 1


def test_readings_that_waited_for_a_connection_are_kept_when_it_comes_back() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.clock.install()
        page.goto(f"session/{session}/monitor")
        before = len(desk.work.kept.sessions[session].entries)
        page.context.set_offline(True)
        for number in ("131", "132"):
            for name, value in (("systolic", number), ("diastolic", "80"), ("heart_rate", "70")):
                page.fill(f"[name='reading.{name}']", value)
            page.fill("[name='reading.oxygen_saturation']", "98")
            page.press("[name='reading.oxygen_saturation']", "Enter")
        page.wait_for_selector("text=2 entries kept on this")
        pass_time(desk, page, minutes=61)
        assert_empty(page)
        page.wait_for_selector("text=2 entries are kept in this page, out of sight. Keep it open")
        assert "131" not in page.evaluate(EVERYTHING)
        page.context.set_offline(False)
        page.wait_for_selector("text=What you had typed is kept:")
        assert len(desk.work.kept.sessions[session].entries) == before
        desk.launches.closings.clear()
        desk.launches.wake(desk.now)
        for number in ("131", "132"):
            page.goto(f"session/{session}/monitor")
            assert page.input_value("[name='reading.systolic']") == number
            assert page.input_value("[name='reading.time']") == "14:32", "when it was typed"
            page.press("[name='reading.oxygen_saturation']", "Enter")
            page.wait_for_timeout(300)
    added = desk.work.kept.sessions[session].entries[before:]
    assert [each.fields["systolic"] for each in added] == ["131", "132"]


def test_typing_where_nothing_is_saved_meanwhile_keeps_the_session() -> None:
    with at("progress") as (desk, page):
        page.click("summary:has-text('Record a PHQ-9')")
        for text in ("1", "7"):
            pass_time(desk, page, minutes=12)
            page.type("[name=total]", text)
            page.wait_for_timeout(300)
        pass_time(desk, page, minutes=12)
        page.wait_for_timeout(300)
        assert page.locator("dialog[open]").count() == 0
        assert page.input_value("[name=total]") == "17"


@pytest.mark.parametrize("left", ["leaving", "the end"])
def test_going_back_shows_nothing_and_no_page_is_on_the_disk(left: str, tmp_path: Path) -> None:
    desk = Desk()
    desk.keep(screening=a_screening(at=desk.now))
    desk.open()
    folder = tmp_path / "profile"
    with served(desk) as origin:
        context = chromium.play.chromium.launch_persistent_context(
            folder,
            executable_path=CHROMIUM,
            args=FLAGS,
            ignore_default_args=["--disable-back-forward-cache"],
            base_url=f"{origin}/l/{LAUNCH}/",
        )
        page = context.new_page()
        page.goto(f"{origin}/start")
        for path in ("screening", "progress", "audit"):
            page.goto(path)
            assert "TESTPATIENT" in page.content()
        if left == "leaving":
            page.goto("leave")
            page.click("main button")
            page.wait_for_selector("text=The app is closed")
        else:
            desk.now += timedelta(minutes=16)
            page.goto("progress")
        for _ in range(3):
            page.go_back()
            page.wait_for_selector(".stop-page")
            assert "TESTPATIENT" not in page.content()
        context.close()
    found = [path.name for path in folder.rglob("*") if path.is_file() and b"TESTPATIENT" in path.read_bytes()]
    assert [name for name in found if "History" not in name] == []


@pytest.mark.parametrize(("path", "back"), [("audit", "audit"), ("rules", "rules"), ("about", "screening")])
def test_without_a_script_a_page_where_nothing_can_be_typed_is_left_before_the_end(path: str, back: str) -> None:
    desk = Desk()
    desk.deps = replace(desk.deps, idle=timedelta(seconds=125))  # the warning comes soon
    desk.open()
    with opened(desk, java_script_enabled=False) as page:
        page.goto(path)
        page.wait_for_selector("text=Are you still there?")
        page.click("text=Stay signed in")
        page.wait_for_url(f"**/{back}")
