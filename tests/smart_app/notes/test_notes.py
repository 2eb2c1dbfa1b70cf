"""The note as documents: whole, literal, the same bytes each time, and a PDF that says what it is."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from fhir_mappings.writing.session_note import note_sections, signature_words, stamp
from smart_app.clinical.session_rules import SessionLimits
from smart_app.notes.pdf import pdf_printer
from smart_app.notes.xhtml import print_xhtml
from smart_app.pages.session_chart import record_chart
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.signing.session_document import PrintedNote
from tests.fhir_mappings.writing.a_session import a_full_session

EVIL = "#evil [x] $y$ <b> *b* @ref"
SHA = "0123456789abcdef" * 4
HTML = "{http://www.w3.org/1999/xhtml}"


def a_note(**changes: Any) -> PrintedNote:
    session = a_full_session(escort=EVIL)
    chart = record_chart(session, SessionLimits())
    note = PrintedNote(
        patient="TESTPATIENT, Ada, born 04 Mar 1986, MRN TP-000123",
        title="Ketamine infusion, session 3 of 6",
        sections=note_sections(session),
        signer=session.signature.by.name,
        signed=f"Signed by {session.signature.by.name}, {stamp(session.signature.at)}",
        countersigned=(signature_words(session.signature),),
        sha256=SHA,
        at=session.signature.at.isoformat(timespec="seconds"),
        chart=str(chart),
        chart_words="Blood pressure and heart rate.",
    )
    return replace(note, **changes)


def as_pdf(note: PrintedNote) -> bytes:
    printer = pdf_printer()
    if printer is None:
        pytest.skip("the extra pdf is not installed")
    return printer(note)


def pages(pdf: bytes) -> list[str]:
    reader = pytest.importorskip("pypdf").PdfReader(io.BytesIO(pdf))
    return [page.extract_text() for page in reader.pages]


def test_every_page_of_the_pdf_says_whose_it_is_who_signed_it_and_what_was_signed() -> None:
    found = pages(as_pdf(a_note()))
    assert len(found) > 1
    for number, page in enumerate(found, start=1):
        assert "TESTPATIENT, Ada, born 04 Mar 1986, MRN TP-000123" in page
        assert "Ketamine infusion, session 3 of 6" in page
        assert "Signed by Dr Ada Okafor, 20 Nov 2026 16:05:00 (UTC-05:00)" in page
        assert SHA in page
        assert f"Page {number} of {len(found)}" in page
        assert "DRAFT" not in page


def test_what_people_typed_stands_there_to_the_letter() -> None:
    assert EVIL in " ".join(pages(as_pdf(a_note())))
    assert "Countersigned by" in " ".join(pages(as_pdf(a_note())))


def test_a_draft_says_so_on_every_page() -> None:
    found = pages(as_pdf(a_note(draft=True, signed="", signer="", sha256="", countersigned=())))
    assert all("DRAFT - NOT SIGNED" in page for page in found)
    assert not any("SHA-256" in page for page in found)


def test_the_same_note_gives_the_same_bytes() -> None:
    assert as_pdf(a_note()) == as_pdf(a_note())
    assert print_xhtml(a_note()) == print_xhtml(a_note())
    assert as_pdf(a_note()) != as_pdf(a_note(sha256="f" * 64))


def test_the_pdf_is_tagged_in_a_language_with_a_table_and_words_for_its_drawing() -> None:
    pypdf = pytest.importorskip("pypdf")
    reader = pypdf.PdfReader(io.BytesIO(as_pdf(a_note())))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] is True or bool(root["/MarkInfo"]["/Marked"])
    assert root["/Lang"] == "en"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    assert str(reader.metadata.title).startswith("Ketamine infusion, session 3 of 6")
    kinds, words = _structure(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/Figure"} <= kinds
    assert "Blood pressure and heart rate." in words


def _structure(element: Any) -> tuple[set[str], set[str]]:
    element = element.get_object() if hasattr(element, "get_object") else element
    if isinstance(element, list):
        found = [_structure(each) for each in element]
    elif hasattr(element, "get"):
        found = [_structure(element["/K"])] if "/K" in element else []
        found.append(({str(element.get("/S", ""))}, {str(element.get("/Alt", ""))}))
    else:
        found = []
    return {k for kinds, _ in found for k in kinds}, {w for _, words in found for w in words}


def test_a_sign_that_no_font_holds_is_said_and_not_left_out() -> None:
    with pytest.raises(Refused, match="cannot show"):
        as_pdf(a_note(patient="\N{CJK UNIFIED IDEOGRAPH-5F20}, born 04 Mar 1986"))


def test_names_of_other_alphabets_are_printed() -> None:
    name = "Łukasiewicz, Zoë, Ωmega, Иванов"
    assert name in pages(as_pdf(a_note(patient=name)))[0]


def test_the_web_page_stands_alone_and_holds_every_word() -> None:
    made = print_xhtml(a_note(superseded="This is version 1. Version 2 stands.", in_error="Wrong patient"))
    root = ElementTree.fromstring(made)  # noqa: S314  # made by us a line above
    assert root.tag == f"{HTML}html"
    said = "".join(root.itertext())
    for section in note_sections(a_full_session(escort=EVIL)):
        assert section.title in said
        for fact in section.facts if section.grid is None else ():
            assert fact.name in said
            assert fact.value in said
    for words in (EVIL, SHA, "Wrong patient", "Version 2 stands", "TESTPATIENT, Ada"):
        assert words in said
    assert root.find(".//{http://www.w3.org/2000/svg}svg") is not None
    assert not [each for each in root.iter() if each.tag.endswith("script")]
    assert not [each for each in root.iter() if "http" in each.get("src", "") or "http" in each.get("href", "")]


def test_a_note_without_readings_has_no_drawing() -> None:
    note = a_note(sections=note_sections(a_full_session(readings=())), chart=str(Markup("")))
    assert b"<svg" not in print_xhtml(note)
    assert as_pdf(note)
