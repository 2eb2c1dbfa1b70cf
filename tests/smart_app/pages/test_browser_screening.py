"""The screening, its questions and its overrides in a real Chromium: sound on every screen, and done by keyboard."""

from __future__ import annotations

import pytest

from smart_app.use_cases.records import FailedFetch
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, assert_sound, opened, tab_to
from tests.smart_app.pages.desk import Desk
from tests.smart_app.pages.screening_desk import HARD, REFUSED, with_chart

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def a_desk(*failures: FailedFetch) -> Desk:
    desk = Desk()
    desk.open()
    return with_chart(desk, *HARD, failures=failures)


@pytest.mark.parametrize("view", VIEWS)
def test_every_state_of_the_screening_is_sound(view: str) -> None:
    width = VIEWS[view]["viewport"]["width"]
    with opened(a_desk(REFUSED), **VIEWS[view]) as page:
        page.goto("screening")
        assert_sound(page, "screening", width)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert_sound(page, "screening, unfolded", width)
        page.goto("screening/override/ABS-SCZ")
        assert_sound(page, "override", width)
        page.fill("[name=reason]", "short")
        page.get_by_role("button", name="Continue").click()
        assert_sound(page, "override, refused", width)
        page.fill("[name=reason]", "Revised by two psychiatrists")
        page.get_by_role("button", name="Continue").click()
        assert_sound(page, "second look", width)
        page.get_by_role("button", name="Override as").click()
        page.wait_for_selector("#overrides")
        page.check("[name='answer.ABS-IC'][value=no]", force=True)
        page.get_by_role("button", name="Keep the answers").click()
        page.wait_for_selector("text=Asked already")
        assert_sound(page, "screening, answered and overridden", width)


def test_a_question_is_answered_without_a_mouse() -> None:
    desk = a_desk()
    with opened(desk) as page:
        page.goto("screening")
        tab_to(page, "document.activeElement.name?.startsWith('answer.')")
        question = str(page.evaluate("document.activeElement.name"))
        page.keyboard.press("Space")
        assert page.evaluate("document.activeElement.value") == "yes"
        page.keyboard.press("ArrowRight")
        tab_to(page, "document.activeElement.innerText === 'Keep the answers'")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=Kept with your name and the time.")
    (answer,) = desk.work.kept.answers
    assert (f"answer.{answer.question}", answer.said) == (question, "no")
