"""The note as one XHTML file that needs nothing else: words, tables and the chart (XHTML5, no script)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from fhir_mappings.writing.session_note import Grid, Section
from smart_app.notes.drawing import standalone
from smart_app.use_cases.signing.session_document import PrintedNote

DRAFT = "DRAFT - NOT SIGNED"
_STYLE = (
    "body{font-family:serif;max-width:50em;margin:1em auto;padding:0 1em}"
    "table{border-collapse:collapse}th,td{border:1px solid #999;padding:.2em .5em;text-align:left}"
    "dt{font-weight:bold}dd{margin:0 0 .4em 1em}header,footer{border-bottom:1px solid #999}"
)


def print_xhtml(note: PrintedNote) -> bytes:
    """UTF-8; the same note gives the same bytes."""
    title = escape(note.title)
    parts = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html>\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en" xml:lang="en"><head><meta charset="UTF-8"/>',
        f"<title>{title}: {escape(note.patient)}</title><style>{_STYLE}</style></head><body>",
        f"<header><p>{escape(note.patient)}</p></header><main><h1>{title}</h1>",
        *_warnings(note),
        *(part for section in note.sections for part in _section(section, note)),
        f"</main><footer>{''.join(_foot(note))}</footer></body></html>\n",
    )
    return "".join(parts).encode()


def _warnings(note: PrintedNote) -> Iterator[str]:
    if note.draft:
        yield f"<p><strong>{DRAFT}</strong></p>"
    if note.in_error:
        yield f"<p><strong>Entered in error:</strong> {escape(note.in_error)}</p>"
    if note.superseded:
        yield f"<p><strong>{escape(note.superseded)}</strong></p>"


def _section(section: Section, note: PrintedNote) -> Iterator[str]:
    yield f"<section><h2>{escape(section.title)}</h2>"
    if section.remark:
        yield f"<p>{escape(section.remark)}</p>"
    if section.grid is not None and section.facts:
        yield f"<figure>{standalone(note.chart)}</figure>" if note.chart else ""
        yield _table(section.grid)
    elif section.facts:
        lines = "".join(f"<dt>{escape(one.name)}</dt><dd>{escape(one.value)}</dd>" for one in section.facts)
        yield f"<dl>{lines}</dl>"
    yield "</section>"


def _table(grid: Grid) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in grid.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in grid.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _foot(note: PrintedNote) -> Iterator[str]:
    yield from (f"<p>Countersigned by: {escape(words)}</p>" for words in note.countersigned)
    if note.sha256:
        yield f"<p>SHA-256 of what was signed: {note.sha256}</p>"
