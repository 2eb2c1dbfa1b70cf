"""From the launch to the signature without a mouse, and nothing moves under the hand that types."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.treatment import SessionStatus
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, opened, sync_api, tab_to
from tests.smart_app.pages.states import STAGES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

# Where the first field of a reading stands on the page, in CSS pixels.
FIRST = "document.querySelector('[name=\"reading.systolic\"]').getBoundingClientRect().top + scrollY"


def words(text: str) -> str:
    return f"document.activeElement.textContent.trim() === {text!r}"


def name(text: str) -> str:
    return f"document.activeElement.name === {text!r}"


def press(page: sync_api.Page, button: str) -> None:
    tab_to(page, words(button))
    page.keyboard.press("Enter")


def test_a_candidate_is_enrolled_by_keys() -> None:
    desk, _ = STAGES["candidate"]()
    with opened(desk) as page:
        page.goto("screening")
        press(page, "Enrol")
        page.wait_for_selector("[name=route]")
        tab_to(page, name("route"))
        page.keyboard.press("Space")
        press(page, "Continue")
        page.wait_for_selector("#s-days")
        for field, typed in (
            ("dose_mg_per_kg", ""),
            ("escort", "B. Friend 555 0101"),
            ("emergency_name", "C. Parent"),
            ("emergency_phone", "555 0102"),
            ("emergency_relation", "Brother"),
            ("consent_signed_on", "11202026"),
            ("consent", "paper"),
            ("off_label", " "),
            ("monitoring", " "),
        ):
            tab_to(page, name(field))
            page.keyboard.type(typed)
        press(page, "Check before you enrol")
        page.wait_for_selector("button[value=enrol]")
        press(page, "Enrol")
        page.wait_for_selector("#s-next")
    assert len(desk.work.kept.courses) == 1


def test_a_check_is_answered_a_dose_started_and_a_reading_typed_by_keys() -> None:
    desk, states = STAGES["ready to dose"]()
    with opened(desk) as page:
        page.goto(states[0].path)
        tab_to(page, name("check.identity"))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("[data-saved][data-state=saved]")
        page.goto(states[1].path)
        press(page, "Start the dose now")
        page.wait_for_url("**/monitor*")
        page.wait_for_selector("[name='reading.systolic']:focus")
        pressed = 0
        for keys in ("138", "82", "70", "98"):
            page.keyboard.type(keys)
            page.keyboard.press("Enter" if keys == "98" else "Tab")
            pressed += len(keys) + 1
        page.wait_for_selector("[data-saved][data-state=saved]")
        assert pressed == 13, "nothing but the digits, three times Tab and Enter"
    (session,) = desk.work.kept.sessions.values()
    assert session.fields["check.identity"] == "yes"
    assert session.entries[-1].fields["systolic"] == "138"


def test_a_session_is_signed_by_keys() -> None:
    desk, states = STAGES["complete"]()
    with opened(desk) as page:
        page.goto(states[1].path)
        tab_to(page, name("attest"))
        page.keyboard.press("Space")
        press(page, "Sign as Dr Synthia Example")
        page.wait_for_selector("text=items written")
    (session,) = desk.work.kept.sessions.values()
    assert session.status is SessionStatus.COMPLETED


def test_a_reading_is_struck_out_by_keys() -> None:
    desk, states = STAGES["dosed"]()
    with opened(desk) as page:
        page.goto(states[0].path)
        tab_to(page, words("Readings as a table"))
        page.keyboard.press("Enter")
        tab_to(page, "document.activeElement.textContent.startsWith('Strike out reading')")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text('Strike out this line')")
        tab_to(page, name("reason"))
        page.keyboard.type("The cuff had slipped.")
        press(page, "Strike out")
        page.wait_for_url("**/monitor?saved=1")
    (session,) = desk.work.kept.sessions.values()
    assert [each.struck for each in session.entries if each.struck] == ["The cuff had slipped."]


@pytest.mark.parametrize("view", ["tablet", "phone"])
def test_no_reading_moves_the_field_of_the_next_one(view: str) -> None:
    desk, states = STAGES["dosed"]()
    with opened(desk, **VIEWS[view]) as page:
        page.goto(states[0].path)
        for systolic, diastolic in (("138", "82"), ("168", "99"), ("186", "112")):
            before = page.evaluate(FIRST)
            values = (
                ("systolic", systolic),
                ("diastolic", diastolic),
                ("heart_rate", "80"),
                ("oxygen_saturation", "97"),
            )
            for field, value in values:
                page.fill(f"[name='reading.{field}']", value)
            page.press("[name='reading.oxygen_saturation']", "Enter")
            page.wait_for_selector(f"#readings :text('{systolic}/{diastolic}')", state="attached")
            page.wait_for_timeout(300)
            assert page.evaluate(FIRST) == before, f"after {systolic}/{diastolic}"
        assert page.locator("#alert .stop").is_visible()
        assert page.locator("#alert .stop").bounding_box()["y"] < VIEWS[view]["viewport"]["height"], "in sight"
