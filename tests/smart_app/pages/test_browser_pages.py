"""The pages in a real Chromium: with and without script, offline, by keyboard, in the dark, on a phone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import COUNT, VIEWS, assert_sound, opened, until_kept
from tests.smart_app.pages.desk import LAUNCH, Desk, a_screening
from tests.smart_app.pages.treatment import ready, running, signed

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

STEPS = ("before", "dose", "monitor", "discharge", "sign", "stop", "gate")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def type_reading(page: sync_api.Page, *values: str) -> None:
    for name, value in zip(("systolic", "diastolic", "heart_rate", "oxygen_saturation"), values, strict=True):
        page.fill(f"[name='reading.{name}']", value)
    page.press("[name='reading.oxygen_saturation']", "Enter")


def said(page: sync_api.Page, state: str) -> str:
    page.wait_for_selector(f"[data-saved][data-state={state}]")
    return str(page.inner_text("[data-saved]"))


def entries(desk: Desk, session: str) -> int:
    return len(desk.work.kept.sessions[session].entries)


LOOKS = {
    "light": {"color_background": "#edeae3", "color_highlight": "#5b2d8e", "dim_border_radius": "0"},
    "dark": {"color_background": "#0b1220", "color_highlight": "#8fc1ee", "dim_border_radius": "16px"},
}


@pytest.mark.parametrize("scheme", LOOKS)
def test_pages_in_the_ehr_s_colours_are_as_sound_and_print_as_ever(scheme: str) -> None:
    desk = Desk()
    desk.open()
    desk.launches.contexts[LAUNCH] = replace(desk.launches.contexts[LAUNCH], style_url="https://ehr.example/s.json")
    desk.deps = replace(desk.deps, style_of=lambda _context: LOOKS[scheme])
    session = running(desk).id
    act = "getComputedStyle(document.documentElement).getPropertyValue('--act')"
    with opened(desk, viewport={"width": 1024, "height": 1366}, color_scheme=scheme) as page:
        for path in ("screening", "about", f"session/{session}/monitor", f"session/{session}/before"):
            page.goto(path)
            assert page.evaluate(act) == LOOKS[scheme]["color_highlight"]
            assert_sound(page, path, 1024)
        page.emulate_media(media="print")
        assert page.evaluate(act) == "#06405f"
        page.emulate_media(media="screen", color_scheme="light" if scheme == "dark" else "dark")
        assert page.evaluate(act) in {"#0a5a8a", "#66b9e8"}, "made for the other mode, so ours"


STOPPED = "This page belongs to another patient"
FORGE = "document.querySelectorAll('[name=_patient]').forEach(each => { each.value = 'x'; })"


@pytest.mark.parametrize("view", VIEWS)
def test_a_form_of_another_patient_ends_in_a_full_page_stop(view: str) -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    before = entries(desk, session)
    with opened(desk, java_script_enabled=False, **VIEWS[view]) as page:
        page.goto(f"session/{session}/monitor")
        page.evaluate(FORGE)
        type_reading(page, "141", "82", "70", "98")
        page.wait_for_selector(f"h1:text('{STOPPED}')")
        assert page.locator("form, nav, .patient").count() == 0
        assert page.title().startswith(STOPPED)
        assert page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"]
        page.emulate_media(media="print")
        assert page.locator("text=Nothing was written.").is_visible()
        assert page.locator("text=Reference").is_visible()
    assert entries(desk, session) == before


@pytest.mark.parametrize(("step", "entered"), [("monitor", False), ("monitor", True), ("dose", False)])
def test_a_form_of_another_patient_that_the_script_sends_leaves_nothing_of_the_page(step: str, entered: bool) -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    before = desk.work.kept.sessions[session]
    with opened(desk) as page:
        page.goto(f"session/{session}/{step}")
        until_kept(page)
        page.evaluate(FORGE)
        if entered:
            type_reading(page, "141", "82", "70", "98")
        elif step == "monitor":
            page.fill("[name='reading.systolic']", "141")  # the draft of it is refused already
        else:
            page.fill("[name='dose.lot']", "K7000")
        page.wait_for_selector(f"h1:text('{STOPPED}')")
        assert page.locator("form, nav, input, .patient").count() == 0
        assert "Nothing was written." in page.inner_text("main")
        assert "Open the app again from the chart" in page.inner_text("main")
        assert page.title() == STOPPED
        page.wait_for_timeout(500)
        with page.expect_response("**/device-key"):
            page.goto(f"session/{session}/monitor")  # no question about what is not kept
        page.wait_for_timeout(500)
        assert page.evaluate(COUNT) == 0
    assert desk.work.kept.sessions[session] == before


def test_a_reading_is_four_numbers_and_enter() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    before = entries(desk, session)
    with opened(desk) as page:
        page.goto(f"session/{session}/monitor")
        assert page.evaluate("document.activeElement.name") == "reading.systolic"
        bars = page.locator(".c-bp").count()
        for number in ("141", "82", "70", "98"):
            page.keyboard.type(number)
            page.keyboard.press("Tab" if number != "98" else "Enter")
        assert said(page, "saved").startswith("Saved to server ")
        assert page.evaluate("document.activeElement.name") == "reading.systolic"
        assert page.locator(".c-bp").count() == bars + 1
    assert entries(desk, session) == before + 1


def test_readings_made_without_a_connection_arrive_once_and_in_order() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    before = entries(desk, session)
    with opened(desk) as page:
        page.goto(f"session/{session}/monitor")
        page.context.set_offline(True)
        type_reading(page, "131", "82", "70", "98")
        type_reading(page, "132", "82", "70", "98")
        page.wait_for_selector("text=2 entries kept on this")
        assert "connection" in said(page, "waiting")
        assert entries(desk, session) == before
        page.context.set_offline(False)
        said(page, "saved")
    added = desk.work.kept.sessions[session].entries[before:]
    assert [each.fields["systolic"] for each in added] == ["131", "132"]


def test_a_refused_reading_comes_back_and_the_keyboard_leads_to_its_field() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.goto(f"session/{session}/monitor")
        type_reading(page, "abc", "82", "70", "98")
        page.wait_for_selector("[data-problems]")
        assert page.title().startswith("Error: ")
        assert page.evaluate("document.activeElement.id") == "problems"
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.name") == "reading.systolic"
        assert page.input_value("[name='reading.systolic']") == "abc"
        type_reading(page, "141", "82", "70", "98")
        said(page, "saved")
        assert page.locator("[data-problems]").count() == 0
        assert not page.title().startswith("Error: ")


def test_what_is_typed_is_on_the_server_without_pressing_a_button() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.goto(f"session/{session}/dose")
        page.fill("[name='dose.weight_kg']", "80.0")
        assert re.fullmatch(r"Saved to server \d\d:\d\d:\d\d", said(page, "saved"))
        page.wait_for_selector("text=0.5 mg/kg × 80.0 kg = 40 mg")
        page.context.set_offline(True)
        page.fill("[name='dose.lot']", "K5000")
        said(page, "waiting")
        page.context.set_offline(False)
        said(page, "saved")
    fields = desk.work.kept.sessions[session].fields
    assert (fields["dose.weight_kg"], fields["dose.lot"]) == ("80.0", "K5000")


def test_a_link_pressed_right_after_the_last_key_saves_first_and_asks_nothing() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    asked: list[str] = []
    with opened(desk) as page:
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        page.goto(f"session/{session}/dose")
        page.fill("[name='dose.lot']", "K6000")
        page.click("nav.steps a >> nth=3")
        page.wait_for_url("**/discharge")
    assert asked == []
    assert desk.work.kept.sessions[session].fields["dose.lot"] == "K6000"


def test_the_due_timer_counts_down_and_then_says_overdue_in_the_title() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.clock.install()
        page.goto(f"session/{session}/monitor")
        assert re.fullmatch(r"7:\d\d", page.inner_text("[data-due]"))
        page.clock.run_for(9 * 60 * 1000)
        assert page.inner_text("[data-due]").startswith("Overdue 1:")
        assert page.title().startswith("(1) due · Session 1 of 6: monitor")


COUNTS_TONES = """window.tones = 0; const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function () { window.tones++; start.call(this); };"""


def test_a_tone_is_played_once_when_a_reading_becomes_due_where_it_was_asked_for() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk) as page:
        page.add_init_script(COUNTS_TONES)
        page.clock.install()
        for wanted in (0, 1):
            page.goto(f"session/{session}/monitor")
            page.clock.run_for(9 * 60 * 1000)
            page.clock.run_for(60 * 1000)
            assert page.title().startswith("(1) due")
            assert page.evaluate("window.tones") == wanted
            page.goto("about")
            page.check("[name=tone]")
            page.click("text=Save for this device")
            page.wait_for_selector("text=Saved for this device.")


def test_everything_works_with_the_script_blocked() -> None:
    desk = Desk()
    desk.open()
    session = ready(desk).id
    before = entries(desk, session)
    with opened(desk, java_script_enabled=False) as page:
        page.goto(f"session/{session}/monitor")
        type_reading(page, "128", "76", "70", "98")
        page.wait_for_url("**/monitor?saved=1*")
        assert page.inner_text("[data-saved]").startswith("Saved to server")
        type_reading(page, "abc", "76", "70", "98")
        page.wait_for_selector("[data-problems]")
        assert page.title().startswith("Error: ")
        assert page.input_value("[name='reading.diastolic']") == "76"
        page.goto(f"session/{session}/sign")
        page.check("[name=attest]")
        page.click("text=Sign as Dr Synthia Example")
        page.wait_for_selector("text=items written")
    assert entries(desk, session) == before + 1
    assert desk.work.kept.sessions[session].signed is not None


def test_a_script_in_the_record_does_not_run() -> None:
    desk = Desk()
    desk.open()
    text = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    desk.keep(screening=a_screening(person={"family": text, "given": text, "allergies": text}))
    with opened(desk) as page:
        page.goto("screening")
        page.wait_for_timeout(200)
        assert "owned" not in page.title().replace(text, "").replace(text.upper(), "")
        assert page.locator("main img, header img").count() == 0


def test_a_print_names_the_patient_and_opens_what_is_folded() -> None:
    desk = Desk()
    desk.open()
    session = signed(desk).id
    with opened(desk) as page:
        page.goto(f"session/{session}/sign")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".tabs").is_hidden()
        assert page.locator("header.patient").is_visible()
        assert page.locator("details:not([open])").count() == 0
        assert page.get_by_role("heading", name="At discharge", exact=True).is_visible(), "the note on paper"


def test_a_link_to_a_rule_opens_it() -> None:
    desk = Desk()
    desk.open()
    with opened(desk) as page:
        page.goto("rules#rule-HOLD-BP")
        assert page.locator("details[open] dt", has_text="Logic").is_visible()
        assert page.locator("details[open]").count() == 1
        assert page.locator("#rule-HOLD-BP[open]").is_visible()
        page.evaluate("location.hash = 'rule-URG-BP'")
        page.wait_for_selector("#rule-URG-BP[open]")


def test_a_phone_scrolls_the_table_and_not_the_page() -> None:
    desk = Desk()
    desk.open()
    session = running(desk).id
    with opened(desk, viewport={"width": 320, "height": 640}) as page:
        for step in ("before", "monitor"):
            page.goto(f"session/{session}/{step}")
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") == 320, step
