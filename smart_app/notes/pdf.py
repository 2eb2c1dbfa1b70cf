"""The note as a tagged PDF (PDF/UA-1) by typst, where it is installed: the extra `pdf`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

from fhir_mappings.writing.session_note import Section
from smart_app.notes.drawing import standalone
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.signing.session_document import PrintedNote

_LAYOUT = "note.typ"


def pdf_printer() -> Callable[[PrintedNote], bytes] | None:
    """None: typst is not installed here."""
    return print_pdf if find_spec("typst") is not None else None


def print_pdf(note: PrintedNote) -> bytes:
    """The same note gives the same bytes: its date is the signature's, and no font of the machine is looked at.

    Raises Refused where a sign of the note is in none of the fonts: a document with holes would be worse than none.
    """
    import typst  # an extra: the app runs without it

    layout = files("smart_app.notes").joinpath(_LAYOUT).read_bytes()
    try:
        made = typst.compile(
            layout,
            format="pdf",
            sys_inputs={"note": json.dumps(_data(note), ensure_ascii=False)},
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
        )
    except typst.TypstError:
        words = "The note holds a sign that the PDF cannot show."
        raise Refused(words, advice="Print the page, or take it as a web page.") from None
    return bytes(made)


def _data(note: PrintedNote) -> dict[str, Any]:
    warnings = (
        "DRAFT - NOT SIGNED" if note.draft else "",
        f"Entered in error: {note.in_error}" if note.in_error else "",
        note.superseded,
    )
    return {
        "patient": note.patient,
        "title": note.title,
        "author": note.signer or "not signed",
        "at": note.at,
        "draft": note.draft,
        "signed": note.signed,
        "countersigned": list(note.countersigned),
        "sha256": note.sha256,
        "warnings": [words for words in warnings if words],
        "sections": [_section(section) for section in note.sections],
        "chart": standalone(note.chart),
        "chart_words": note.chart_words,
    }


def _section(section: Section) -> dict[str, Any]:
    grid = asdict(section.grid) if section.grid is not None and section.facts else None
    return {
        "title": section.title,
        "remark": section.remark,
        "facts": [asdict(fact) for fact in section.facts],
        "grid": grid,
    }
