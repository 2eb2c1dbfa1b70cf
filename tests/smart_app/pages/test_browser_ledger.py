"""The ledger in a real Chromium: a lot that is scanned, a draft that outlives its page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.treatment import Role
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.use_cases.ledger_acts import count_vial, waste_rest
from smart_app.use_cases.receive_vials import asked_about, receive_vials
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, opened, sync_api
from tests.smart_app.pages.desk import Desk, a_caller, a_clinician
from tests.smart_app.pages.treatment import nurse
from tests.smart_app.pages.treatment import opened as opened_session

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]

VIAL = {
    "product": "Ketamine hydrochloride injection",
    "lot": "K4411",
    "expiry": "2027-05",
    "concentration": "50",
    "volume": "10",
    "vials": "1",
    "received": "2026-11-20",
    "supplier": "Riverside Pharmacy",
    "entry": "one",
}


def a_desk() -> tuple[Desk, str]:
    """A session that waits for its dose, a vial that was counted, and an expired one whose waste wants a witness."""
    desk = Desk()
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, ledger=LedgerRules()))
    desk.open()
    session = opened_session(desk)
    work, clock, ids, site = desk.work, desk.deps.clock, desk.deps.ids, desk.deps.site
    receive_vials(work, clock, nurse(), VIAL, ids, site)
    old = VIAL | {"lot": "OLD-7", "expiry": "2026-10", "entry": "two"}
    old["confirmed"] = asked_about(old)
    receive_vials(work, clock, nurse(), old, ids, site)
    colleague = replace(a_clinician(Role.NURSE, "C. League"), reference="https://ehr.example/fhir/Practitioner/col")
    waste = {"wasted": "500", "method": "Charcoal pouch", "reason": "Expired last month", "entry": "three"}
    waste_rest(work, clock, a_caller(clinician=colleague), "two-1", waste, site)
    told = {"counted": "499.5", "reason": "Lost in the hub of the needle", "confirm": "yes", "entry": "four"}
    count_vial(work, clock, nurse(), "one-1", told, site)
    return desk, session.id


def test_a_scanned_lot_shows_its_vial_and_a_half_typed_receipt_outlives_the_page() -> None:
    desk, session = a_desk()
    with opened(desk, **VIEWS["tablet"]) as page:
        page.goto(f"session/{session}/dose")
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
