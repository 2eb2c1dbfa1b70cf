"""A signed note in a real Chromium: printed with the patient on each sheet."""

from __future__ import annotations

import io

import pytest

from smart_app.notes.pdf import pdf_printer
from tests.browser import CHROMIUM
from tests.smart_app.pages.browsing import opened
from tests.smart_app.pages.desk import Desk
from tests.smart_app.pages.treatment import amended

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine"),
]


def test_every_printed_sheet_names_the_patient_and_no_sheet_holds_a_form() -> None:
    pypdf = pytest.importorskip("pypdf")
    desk = Desk(print_pdf=pdf_printer())
    desk.open()
    session = amended(desk)
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
