"""At the bedside in a real Chromium: what waits on the device, for whom it is sent, and what is said meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.session.record_session import save_fields
from smart_app.use_cases.signing.sign_session import sign
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import COUNT, VIEWS, assert_sound, opened, until_kept
from tests.smart_app.pages.desk import LAUNCH, Desk, a_caller, a_clinician
from tests.smart_app.pages.treatment import nurse, ready, running

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


@contextmanager
def at_the_bedside(**options: Any) -> Iterator[tuple[Desk, Any, str]]:
    """A page at the monitoring of a session that could be signed."""
    desk = Desk()
    desk.open()
    session = ready(desk).id
    with opened(desk, **options) as page:
        page.goto(f"session/{session}/monitor")
        until_kept(page)
        yield desk, page, session


def go_offline(page: Any, *numbers: str, words: str = "entr") -> None:
    page.context.set_offline(True)
    for number in numbers:
        type_reading(page, number)
    page.wait_for_selector(f"[data-saved]:has-text('{words}')")


def type_reading(page: Any, systolic: str) -> None:
    for name, value in (("systolic", systolic), ("diastolic", "80"), ("heart_rate", "70")):
        page.fill(f"[name='reading.{name}']", value)
    page.fill("[name='reading.oxygen_saturation']", "98")
    page.press("[name='reading.oxygen_saturation']", "Enter")


def systolics(desk: Desk, session: str) -> list[str]:
    return [e.fields["systolic"] for e in desk.work.kept.sessions[session].entries if e.kind == "reading"]


def signed_in(desk: Desk, page: Any, launch: str, **caller: Any) -> Any:
    """A new tab of the same browser, in another launch."""
    desk.open(a_caller(launch=launch, **caller))
    tab = page.context.new_page()
    tab.goto(page.url.partition("/no-connection")[0] + f"/start/{launch}")
    return tab


def test_what_a_killed_tab_left_is_sent_for_its_user_and_patient_in_a_new_start_and_for_nobody_else() -> None:
    with at_the_bedside() as (desk, page, session):
        before = systolics(desk, session)
        go_offline(page, "131", "132", words="2 entries kept on this device, sealed.")
        context, origin = page.context, page.url.partition("/l/")[0]
        page.close()
        context.set_offline(False)
        page = context.new_page()
        page.goto(f"{origin}/no-connection")
        page.wait_for_selector("text=2 sealed entries wait on this device.")
        nurse = a_clinician(Role.NURSE, "R. Nurse")
        for launch, other in (("of-nurse", {"clinician": nurse}), ("of-ben", {"patient_id": "ben"})):
            tab = signed_in(desk, page, launch, **other)
            with tab.expect_response("**/device-key"):
                tab.goto(f"{origin}/l/{launch}/progress")
            tab.wait_for_timeout(500)
            assert tab.evaluate(COUNT) == 2
            assert "131" not in tab.content()
            tab.close()
        assert systolics(desk, session) == before
        tab = signed_in(desk, page, "again")
        tab.goto(f"{origin}/l/again/session/{session}/monitor")
        tab.wait_for_selector("[data-saved][data-state=saved]")
        assert systolics(desk, session) == [*before, "131", "132"]
        assert tab.evaluate(COUNT) == 0


def test_a_tick_for_amounts_that_somebody_changed_meanwhile_is_taken_back_and_asked_again() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    save = partial(save_fields, desk.work, desk.deps.clock, nurse(), session)
    save({"dose.given_mg": "60"})
    with opened(desk) as page:
        page.goto(f"session/{session}/dose")
        page.wait_for_selector("#asks:has-text('60 mg given')")
        save({"dose.given_mg": "600"})
        page.check("[name='dose.confirm']")
        page.wait_for_selector("[data-saved][data-state=problem]:has-text('changed meanwhile')")
        page.wait_for_selector("#asks:has-text('600 mg given')")
        assert not page.is_checked("[name='dose.confirm']")
        assert desk.work.kept.sessions[session].fields.get("dose.confirm") != "yes"
        page.check("[name='dose.confirm']")
        page.wait_for_selector("[data-saved][data-state=saved]")
        assert desk.work.kept.sessions[session].fields["dose.confirm"] == "yes"


def test_an_entry_of_a_session_that_was_signed_meanwhile_is_shown_with_what_it_holds() -> None:
    with at_the_bedside() as (desk, page, session):
        go_offline(page, "131", "132", words="2 entries kept")
        deps = desk.deps
        sign(deps.work, deps.clock, a_caller(), session, {"attest": "yes"}, deps.ids, deps.site)
        before = desk.work.kept.sessions[session]
        page.context.set_offline(False)
        page.wait_for_selector("#waiting h2:has-text('Not saved')")
        told = page.inner_text("#waiting")
        assert "systolic 131" in told
        assert "systolic 132" in told
        assert "signed" in told
        page.reload()
        page.wait_for_selector("#waiting h2:has-text('Not saved')")
        assert page.evaluate(COUNT) == 2, "it is not dropped"
        for left in ("132", ""):
            page.click("#waiting button")
            page.wait_for_selector(f"#waiting li:has-text('{left}')" if left else "main:not(:has(#waiting))")
        assert page.evaluate(COUNT) == 0
        assert desk.work.kept.sessions[session] == before


def test_what_is_refused_stops_those_behind_it_until_somebody_deals_with_it() -> None:
    with at_the_bedside() as (desk, page, session):
        before = systolics(desk, session)
        go_offline(page, "abc", "132", words="2 entries kept")
        page.fill("[name='reading.systolic']", "133")
        page.context.set_offline(False)
        page.wait_for_selector("#waiting h2:has-text('Not saved')")
        assert "systolic abc" in page.inner_text("#waiting")
        assert page.input_value("[name='reading.systolic']") == "133", "what somebody types is left alone"
        assert systolics(desk, session) == before
        page.click("#waiting button")
        page.wait_for_selector("main:not(:has(#waiting))")
        page.wait_for_selector("[data-saved][data-state=saved]")
        assert systolics(desk, session) == [*before, "132"]


def test_signing_needs_the_network_and_says_so() -> None:
    with at_the_bedside() as (desk, page, session):
        page.goto(f"session/{session}/sign")
        page.check("[name=attest]")
        page.context.set_offline(True)
        page.wait_for_selector("[data-cut]:has-text('Signing needs the network.')")
        page.click("text=Sign as")
        page.wait_for_timeout(300)
        assert page.locator("[data-cut]").count() == 1
        assert page.is_checked("[name=attest]")
        assert desk.work.kept.sessions[session].signed is None
        page.context.set_offline(False)
        page.wait_for_selector("[data-cut]", state="detached")
        page.wait_for_selector("text=Connected again. Nothing waits.")
        page.click("text=Sign as")
        page.wait_for_selector("text=items written")
    assert desk.work.kept.sessions[session].signed is not None


def test_closing_the_app_sends_what_waits_and_leaves_nothing_on_the_device() -> None:
    with at_the_bedside() as (desk, page, session):
        origin = page.url.partition("/l/")[0]
        page.goto("leave")
        other = page.context.new_page()
        other.goto(f"session/{session}/monitor")
        until_kept(other)
        before = systolics(desk, session)
        go_offline(other, "131", words="1 entry kept")
        other.close()
        page.click("main button")
        page.wait_for_selector("[data-cut]")
        assert desk.ended == []
        page.context.set_offline(False)
        page.wait_for_timeout(300)
        page.click("main button")
        page.wait_for_selector("text=The app is closed")
        assert systolics(desk, session) == [*before, "131"]
        page.goto(f"{origin}/no-connection")
        page.wait_for_selector("text=Nothing waits on this device.")
    assert desk.ended == [LAUNCH]


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_without_a_connection_and_what_waits_on_it(view: str) -> None:
    width = VIEWS[view]["viewport"]["width"]
    with at_the_bedside(**VIEWS[view]) as (_desk, page, _session):
        go_offline(page, "131", words="1 entry kept")
        page.wait_for_selector("#waiting")
        assert_sound(page, "what waits", width)
        page.click("nav.tabs a >> nth=0")
        page.wait_for_selector("text=The page stays open.")
        page.goto("progress")
        page.wait_for_selector("text=1 sealed entry waits on this device.")
        assert_sound(page, "no connection", width)
        assert "TESTPATIENT" not in page.content()


def test_a_wrong_clock_of_the_device_is_said_and_set_right() -> None:
    with at_the_bedside() as (desk, page, session):
        page.clock.install(time=desk.now + timedelta(minutes=42))
        page.reload()
        page.wait_for_selector("text=This device's clock is 42 minutes ahead of the server's.")
        go_offline(page, "131", words="1 entry kept")
        desk.now += timedelta(minutes=3)
        page.clock.fast_forward(180_000)
        page.context.set_offline(False)
        page.wait_for_selector("[data-saved][data-state=saved]")
        entry = desk.work.kept.sessions[session].entries[-1]
    assert entry.at == (desk.now - timedelta(minutes=3)).replace(second=0)
    assert entry.entered == desk.now
    assert entry.late


def test_the_timer_goes_on_without_a_connection() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.clock.install(time=desk.now)
        page.goto(f"session/{session}/monitor")
        page.context.set_offline(True)
        page.clock.run_for(10 * 60 * 1000)
        assert page.inner_text("[data-due]").startswith("Overdue 2:")
        type_reading(page, "131")
        page.wait_for_selector("text=Reading kept. This is the next by the schedule.")
        page.clock.run_for(1000)
        assert not page.inner_text("[data-due]").startswith("Overdue")


def test_fields_of_a_step_that_were_typed_without_a_connection_outlive_their_tab() -> None:
    with at_the_bedside() as (desk, page, session):
        page.goto(f"session/{session}/dose")
        until_kept(page)
        page.context.set_offline(True)
        page.fill("[name='dose.lot']", "K9000")
        page.fill("[name='dose.wasted_mg']", "9")
        page.wait_for_selector("[data-saved]:has-text('2 entries kept on this device, sealed.')")
        context, place = page.context, page.url
        page.close()
        context.set_offline(False)
        page = context.new_page()
        page.goto(place)
        page.wait_for_selector("[name='dose.lot'][value=K9000]")
        assert page.input_value("[name='dose.wasted_mg']") == "9"
        fields = desk.work.kept.sessions[session].fields
        assert (fields["dose.lot"], fields["dose.wasted_mg"]) == ("K9000", "9")
        assert page.evaluate(COUNT) == 0
