"""One version of a session's record, whole and ready to be read, printed and kept as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fhir_mappings.facts.treatment import KetamineSession, SessionStatus, Signature
from fhir_mappings.writing.session_note import Section, note_sections
from fhir_mappings.writing.terminology import session_title
from smart_app.use_cases.access import audited, own_session, person, refuse
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Json
from smart_app.use_cases.signing.versions import VersionLine, version_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDocument:
    """`version` None: the session was signed by an earlier release, which kept no bytes to hash."""

    person: Json
    title: str
    record: KetamineSession
    sections: tuple[Section, ...]
    version: VersionLine | None
    newest: int  # the number of the version that stands
    in_error: str  # why the session was entered in error; "" while it stands

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """Of the author, then of everybody who countersigned this version."""
        more = self.version.countersignatures if self.version is not None else ()
        return (self.record.signature, *more)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedNote:
    """What a printer of notes is given: words and a drawing, nothing to look up. `draft`: it says so on each page."""

    patient: str  # name, birth date and number of the chart, as the banner words them
    title: str
    sections: Sequence[Section]
    signer: str  # "" for a draft
    signed: str  # who and when, for the foot of each page; "" for a draft
    countersigned: tuple[str, ...]
    sha256: str
    at: str  # the time of the signature in ISO 8601: the document's own date
    chart: str  # SVG; "" without readings
    chart_words: str  # the same for those who do not see it
    draft: bool = False
    in_error: str = ""
    superseded: str = ""  # "Version 2 stands." on an older version


class PrintNote(Protocol):
    """A note as the bytes of a document; the same note gives the same bytes."""

    def __call__(self, note: PrintedNote, /) -> bytes: ...


def document(
    work: Work, clock: Clock, caller: Caller, session_id: str, number: str, *, action: str = "read"
) -> SessionDocument:
    """A signed version by its number. `action` is what the audit trail says of it: read or download."""
    now, audited_as = clock(), f"clinician:version:{action}"
    with work() as uow:
        session, _ = own_session(uow, caller, now, audited_as, session_id)
        kept = uow.versions.of_session(session.id)
        lines = version_lines(kept, uow.versions.countersignatures(session.id))
        records = {str(each.number): each.record for each in kept}
        if session.signed is not None:
            records.setdefault(str(session.signed.version), session.signed)
        record = records.get(number)
        if record is None or session.signed is None:
            refuse(uow, caller, now, audited_as, Refused("There is no such version of this session."))
        uow.audit.add(audited(caller, now, audited_as, f"session/{session.id}", detail=f"version {number}"))
        banner = person(uow, caller)
        uow.commit()
    wrong = session.status is SessionStatus.ENTERED_IN_ERROR
    return SessionDocument(
        person=banner,
        title=session_title(record.route, record.number, record.of, record.purpose),
        record=record,
        sections=note_sections(record),
        version=next((line for line in lines if str(line.number) == number), None),
        newest=session.signed.version,
        in_error=session.signed.reason if wrong else "",
    )
