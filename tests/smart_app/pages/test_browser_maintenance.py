"""The pages after the course in a real Chromium: sound in every view."""

from __future__ import annotations

import pytest

from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, assert_sound, opened
from tests.smart_app.pages.desk import Desk
from tests.smart_app.pages.test_maintenance_page import at_home, ended

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


@pytest.mark.parametrize("view", VIEWS)
def test_the_pages_after_the_course_are_sound(view: str) -> None:
    desk = Desk()
    ended(desk)
    desk.open()
    with opened(desk, **VIEWS[view]) as page:
        for path in ("maintenance", "maintenance/booster", "maintenance/record/liver"):
            page.goto(path)
            assert_sound(page, path, VIEWS[view]["viewport"]["width"])


@pytest.mark.parametrize("view", VIEWS)
def test_the_pages_of_doses_at_home_are_sound(view: str) -> None:
    desk = Desk()
    at_home(desk)
    desk.open()
    with opened(desk, **VIEWS[view]) as page:
        for path in ("microdosing", "microdosing/log", "microdosing/review", "progress"):
            page.goto(path)
            assert_sound(page, path, VIEWS[view]["viewport"]["width"])
