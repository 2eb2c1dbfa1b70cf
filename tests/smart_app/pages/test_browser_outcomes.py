"""Questionnaires in a real Chromium: filled in by keys alone, and never lost."""

from __future__ import annotations

import pytest

from smart_app.use_cases.outcomes.record_score import record_score
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import opened
from tests.smart_app.pages.desk import Desk, a_caller
from tests.smart_app.pages.treatment import signed

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def a_desk() -> Desk:
    """A course with scores of two scales, one of them with an answer on self-harm."""
    desk = Desk()
    signed(desk)
    desk.open()
    for scale, answers in (("phq9", "2 2 1 1 0 1 1 0 1"), ("madrs", "3 3 2 2 1 2 3 2 1 0")):
        fields = {f"item.{number}": answer for number, answer in enumerate(answers.split(), start=1)}
        deps = desk.deps
        record_score(desk.work, deps.clock, a_caller(), deps.ids(), scale, fields, deps.ids, deps.site)
    return desk


def test_a_questionnaire_is_filled_in_and_saved_by_keys() -> None:
    desk = a_desk()
    with opened(desk) as page:
        page.goto("outcomes/phq9")
        page.focus("[name='item.1']")
        for key in "12131111":
            page.keyboard.press(key)
        assert page.inner_text("[data-sum]") == "Total so far: 11 of 27. 8 of 9 items answered."
        page.keyboard.press("0")
        assert page.evaluate("document.activeElement.textContent") == "Save"
        page.wait_for_selector("[data-saved][data-state=saved]")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=The result is saved.")
    score = list(desk.work.kept.scores.values())[-1]
    assert (score.total, score.item9, len(score.answers)) == (11, 0, 9)


def test_what_was_answered_is_there_after_the_tab_was_lost() -> None:
    desk = a_desk()
    with opened(desk) as page:
        page.goto("outcomes/phq9")
        page.focus("[name='item.1']")
        page.keyboard.press("3")
        page.wait_for_selector("[data-saved][data-state=saved]")
        other = page.context.new_page()
        page.close()
        other.goto("outcomes/phq9")
        assert other.is_checked("[name='item.1'][value='3']")
