"""The ledger in a real Chromium: a lot that is scanned, a draft that outlives its page."""

from __future__ import annotations

import pytest

from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, opened, sync_api
from tests.smart_app.pages.desk import Desk
from tests.smart_app.pages.treatment import stocked

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def test_a_scanned_lot_shows_its_vial_and_a_half_typed_receipt_outlives_the_page() -> None:
    desk = Desk()
    desk.open()
    session = stocked(desk)
    with opened(desk, **VIEWS["tablet"]) as page:
        page.goto(f"session/{session.id}/dose")
        page.fill("[name='dose.lot']", "K4411")
        vial = page.locator("#vial")
        sync_api.expect(vial).to_contain_text("Vial 1: Ketamine hydrochloride injection, lot K4411")
        sync_api.expect(vial).to_contain_text("41 mg ÷ 50 mg/mL = 0.82 mL")
        page.goto("ledger/receive")
        page.fill("[name=supplier]", "Northside Pharmacy")
        with page.expect_response(lambda each: each.request.headers.get("x-kp-keep") is not None):
            page.fill("[name=lot]", "K9")
        page.reload()
        assert page.input_value("[name=lot]") == "K9"
        assert page.input_value("[name=supplier]") == "Northside Pharmacy"
