"""A session's note to be printed or taken along: any signed version, or a draft that says so on every page."""

from __future__ import annotations

from starlette.responses import Response

from fhir_mappings.facts.treatment import KetamineSession
from fhir_mappings.writing.session_note import note_sections, signature_words, stamp
from fhir_mappings.writing.terminology import session_title
from smart_app.pages.session_chart import record_chart
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import banner
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Json
from smart_app.use_cases.signing.session_document import PrintedNote, PrintNote, SessionDocument, document
from smart_app.use_cases.signing.sign_session import review

_NOT_YET = "The note can be printed once nothing is missing."


def show(visit: Visit) -> Response:
    """One signed version as a page that prints well."""
    found = _found(visit, "read")
    return _page(visit, _printed(visit, found), found.record, found, f"version/{found.record.version}")


def draft(visit: Visit) -> Response:
    return _page(visit, *_draft(visit), None, "draft")


def _page(
    visit: Visit, printed: PrintedNote, record: KetamineSession, found: SessionDocument | None, place: str
) -> Response:
    return visit.page(
        "note.html",
        tab="session",
        title=printed.title,
        printed=printed,
        found=found,
        chart=record_chart(record, visit.deps.site.limits),
        pdf=visit.deps.print_pdf is not None,
        place=place,
        sid=visit.path["session"],
        strip=True,
    )


def take(visit: Visit) -> Response:
    found = _found(visit, "download")
    name = f"ketamine-session-{found.record.number}-version-{found.record.version}"
    return _document(visit, _printed(visit, found), name)


def take_draft(visit: Visit) -> Response:
    printed, record = _draft(visit)
    return _document(visit, printed, f"ketamine-session-{record.number}-draft")


def _document(visit: Visit, printed: PrintedNote, name: str) -> Response:
    """The file's name holds no patient data: it ends up in lists of downloads."""
    kind = visit.path["kind"]
    printer: PrintNote | None = {"pdf": visit.deps.print_pdf, "xhtml": visit.deps.print_xhtml}.get(kind)
    if printer is None:
        raise Refused("This document cannot be made here.", advice="Print the page instead.")
    media = {"pdf": "application/pdf", "xhtml": "application/xhtml+xml"}[kind]
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(printer(printed), media_type=media, headers=headers)


def _found(visit: Visit, action: str) -> SessionDocument:
    deps = visit.deps
    return document(deps.work, deps.clock, visit.caller, visit.path["session"], visit.path["number"], action=action)


def _printed(visit: Visit, found: SessionDocument) -> PrintedNote:
    signature = found.record.signature
    older = found.record.version < found.newest
    return _note(
        visit,
        found.person,
        found.record,
        signed=f"Signed by {signature.by.name}, {stamp(signature.at)}",
        signer=signature.by.name,
        countersigned=tuple(map(signature_words, found.signatures[1:])),
        sha256=found.version.sha256 if found.version is not None else "",
        in_error=found.in_error,
        superseded=f"This is version {found.record.version}. Version {found.newest} stands." if older else "",
    )


def _draft(visit: Visit) -> tuple[PrintedNote, KetamineSession]:
    deps = visit.deps
    found = review(deps.work, deps.clock, visit.caller, visit.path["session"], deps.site)
    record = found.record
    if record is None or (found.view.session.signed is not None and found.view.session.amendment is None):
        raise Refused(_NOT_YET)
    sections = note_sections(record)[:-1]  # the last one would say that it is signed
    return _note(visit, found.view.person, record, draft=True, sections=sections), record


def _note(visit: Visit, person: Json, record: KetamineSession, **more: object) -> PrintedNote:
    told = banner(person, visit.now.date())
    chart = record_chart(record, visit.deps.site.limits)
    values: dict[str, object] = {
        "patient": f"{told.name}, born {told.born}, MRN {told.mrn}",
        "title": session_title(record.route, record.number, record.of, record.purpose),
        "sections": note_sections(record),
        "signed": "",
        "signer": "",
        "countersigned": (),
        "sha256": "",
        "at": record.signature.at.isoformat(timespec="seconds"),
        "chart": str(chart),
        "chart_words": "Blood pressure and heart rate during the session. Every value is in the table."
        if chart
        else "",
    }
    return PrintedNote(**(values | more))  # type: ignore[arg-type]  # each by its name


ROUTES = (
    Route(path="session/{session}/version/{number}", handler=show),
    Route(path="session/{session}/version/{number}/note.{kind}", handler=take, step=False),
    Route(path="session/{session}/draft", handler=draft),
    Route(path="session/{session}/draft/note.{kind}", handler=take_draft, step=False),
)
