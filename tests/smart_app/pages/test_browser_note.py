"""A signed note in a real Chromium: sound in every view, and printed with the patient on each sheet."""

from __future__ import annotations

import io

import pytest

from smart_app.notes.pdf import pdf_printer
from smart_app.use_cases.amend_session import add_addendum, begin_amendment
from smart_app.use_cases.record_session import save_fields
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.sign_session import sign
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import VIEWS, assert_sound, opened
from tests.smart_app.pages.desk import Desk, a_caller
from tests.smart_app.pages.treatment import signed

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def an_amended_desk() -> tuple[Desk, StoredSession]:
    """Two versions behind it, and a third on its way."""
    desk = Desk(print_pdf=pdf_printer())
    desk.open()
    session = signed(desk)
    work, clock, ids, site = desk.work, desk.deps.clock, desk.deps.ids, desk.deps.site
    added = {"text": "Her sister took her home.", "reason": "It was left out.", "attest": "yes"}
    add_addendum(work, clock, a_caller(), session.id, added, ids, site)
    begin_amendment(work, clock, a_caller(), session.id, "The lot was mistyped.")
    save_fields(work, clock, a_caller(), session.id, {"dose.lot": "K4412"})
    return desk, session


@pytest.mark.parametrize("view", VIEWS)
def test_the_pages_of_a_signed_note_are_sound(view: str) -> None:
    desk, session = an_amended_desk()
    root, width = f"session/{session.id}", VIEWS[view]["viewport"]["width"]
    with opened(desk, **VIEWS[view]) as page:
        for path in ("sign", "version/1", "draft", "amend", "addendum"):
            page.goto(f"{root}/{path}")
            assert_sound(page, path, width)
        deps = desk.deps
        sign(desk.work, deps.clock, a_caller(), session.id, {"attest": "yes"}, deps.ids, deps.site)
        for path in ("sign", "version/3"):
            page.goto(f"{root}/{path}")
            for summary in page.query_selector_all("details:not([open]) > summary"):
                summary.click()
            assert_sound(page, path, width)


def test_every_printed_sheet_names_the_patient_and_no_sheet_holds_a_form() -> None:
    pypdf = pytest.importorskip("pypdf")
    desk, session = an_amended_desk()
    with opened(desk, viewport={"width": 1024, "height": 1366}) as page:
        page.goto(f"session/{session.id}/version/1")
        sheets = [one.extract_text() for one in pypdf.PdfReader(io.BytesIO(page.pdf(format="Letter"))).pages]
    assert len(sheets) > 1
    for sheet in sheets:
        said = " ".join(sheet.split())
        assert "TESTPATIENT, Ada, born 04 Mar 1986, MRN TP-000123" in said
        assert "Ketamine infusion, session 1 of 6" in said
    whole = " ".join(sheets)
    for words in ("171/101", "Dissociation", "Wasted", "Signed by", "SHA-256"):
        assert words in whole, words
    for words in ("Take it as", "Go back", "Screening"):
        assert words not in whole, words
