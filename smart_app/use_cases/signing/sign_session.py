"""Check a session and sign it, or end it early; signing is one transaction with course, audit and outbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import KetamineSession, Role, SessionStatus
from fhir_mappings.writing.session_note import Section, note_sections, session_note
from smart_app.clinical.counting import share_words
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.dosing import fraction_given
from smart_app.use_cases.access import (
    audited,
    own_session,
    refuse,
    require_prescriber,
    retried,
)
from smart_app.use_cases.course.course_progress import COUNT
from smart_app.use_cases.device_keys import AFTER_SIGNING
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.post_dose import repost
from smart_app.use_cases.ledger.stock import stock_of
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Countersignature, StoredSession
from smart_app.use_cases.session.early_stop import with_new_day
from smart_app.use_cases.session.record_session import view_within, with_fields
from smart_app.use_cases.session.session_lines import Missing, SessionView
from smart_app.use_cases.session.session_record import record
from smart_app.use_cases.session.typed_session import amounts
from smart_app.use_cases.signing.countersign_session import STATEMENTS, meaning_for, why_not
from smart_app.use_cases.signing.sign_in_again import again_words, must_sign_in, sign_by, use_sign_in
from smart_app.use_cases.signing.signed_session import keep_signed
from smart_app.use_cases.signing.versions import Change, VersionLine, changes, version_lines
from smart_app.use_cases.site import Site

AMENDED = "authorship of the amended record"
ATTESTATION = "I have checked this record. It is complete and correct, and I sign it as its author."


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """S5, page 1. Without `record` something blocks signing; else it is as it would be signed by the reader."""

    view: SessionView
    record: KetamineSession | None
    missing: tuple[Missing, ...]
    note: str  # the Procedure's note as it will be written, line by line; "" without a record
    sections: tuple[Section, ...]  # the same note, part by part; () without a record
    versions: tuple[VersionLine, ...]  # what was signed before, oldest first
    changes: tuple[Change, ...]  # of an amendment: how the note differs from the version that stands
    meaning: str  # what the signature would say it stands for
    countersigning: str  # the sentence that a countersigner agrees to; "" where the caller may not countersign
    attestation: str  # the sentence that fields["attest"] == "yes" agrees to
    count_question: str  # asked when less than 80 % was given; answered by fields["count"] == "yes"
    may_sign: bool
    why_not: str
    sign_in_first: bool  # the site asks for a new sign-in, and there is none that is good for a signature
    sign_by: datetime | None  # until when the one that there is will be good


def review(work: Work, clock: Clock, caller: Caller, session_id: str, site: Site) -> Review:
    """The session as it would be stored now, and what is missing."""
    now, action = clock(), "clinician:session:review"
    with work() as uow:
        session, course = own_session(uow, caller, now, action, session_id)
        view = view_within(uow, session, course, caller, now, site)
        given = uow.versions.countersignatures(session.id)
        lines = version_lines(uow.versions.of_session(session.id), given)
        sign_in_first, until = must_sign_in(uow, caller, now, site), sign_by(uow, caller, now, site)
        uow.audit.add(audited(caller, now, action, f"session/{session.id}"))
        uow.commit()
    blocked = any(each.blocks for each in view.missing)
    made = session.signed if session.amendment is None else None
    if made is None and not blocked and session.status is not SessionStatus.ENTERED_IN_ERROR:
        made = _next_version(session, record(session, course, caller.clinician, now, site.limits, view.stock))
    differs = changes(session.signed, made) if session.signed and made and session.amendment else ()
    unchanged = session.amendment is not None and made is not None and not differs
    return Review(
        view=view,
        record=made,
        missing=view.missing if view.editable else (),
        note=session_note(made) if made is not None else "",
        sections=note_sections(made) if made is not None else (),
        versions=lines,
        changes=differs,
        meaning=made.signature.meaning if made is not None else "",
        countersigning=_countersigning(session, given, caller),
        attestation=ATTESTATION,
        count_question=_count_question(session, programme_of(course), now),
        may_sign=view.may_sign and not blocked and not unchanged,
        why_not=view.why_not or _why_not(caller, blocked=blocked, unchanged=unchanged),
        sign_in_first=sign_in_first,
        sign_by=until,
    )


def _countersigning(session: StoredSession, given: Sequence[Countersignature], caller: Caller) -> str:
    if session.signed is None or why_not(session, given, caller):
        return ""
    return STATEMENTS[meaning_for(session.signed, caller.clinician)]


def _why_not(caller: Caller, *, blocked: bool, unchanged: bool) -> str:
    if caller.role is not Role.PRESCRIBER:
        return "Only a prescriber can sign."
    if unchanged:
        return "Nothing is changed yet. Change what is wrong in the steps, or give the amendment up."
    return "Something is missing." if blocked else ""


def _count_question(session: StoredSession, definition: ProgrammeDefinition, now: datetime) -> str:
    known = amounts(session, now)
    if session.status is not SessionStatus.IN_PROGRESS or known.planned_mg is None or known.given_mg is None:
        return ""
    fraction = fraction_given(known.planned_mg, known.given_mg)
    if fraction is None or fraction >= definition.least_share:
        return ""
    return (
        f"{known.given_mg} mg of {known.planned_mg} mg were given, less than {share_words(definition)}. "
        "Does this session count for the course?"
    )


def _next_version(session: StoredSession, made: KetamineSession) -> KetamineSession:
    """The record as the version that follows the signed one; as it is where nothing was signed yet."""
    if session.signed is None or session.amendment is None:
        return made
    if made.dose is not None and session.signed.dose is not None:
        # Whoever corrects the time of the dose did not give it.
        made = replace(made, dose=replace(made.dose, given_by=session.signed.dose.given_by))
    return replace(
        made,
        version=session.signed.version + 1,
        amended=session.amendment.reason,
        addenda=session.signed.addenda,
        signature=replace(made.signature, meaning=AMENDED),
    )


@retried
def sign(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredSession:
    """fields: attest, count, and version where the page knows it: what was checked is what is signed.

    Signing twice gives the session as it was signed first and adds nothing.
    """
    now, action = clock(), "clinician:session:sign"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        if session.signed is not None and session.amendment is None:
            return session
        if session.status is SessionStatus.ENTERED_IN_ERROR:
            refuse(uow, caller, now, action, Refused("This session was entered in error."))
        if fields.get("version", str(session.version)) != str(session.version):
            raise Refused("The record was changed after you checked it.", advice="Check the note again, then sign.")
        if fields.get("attest") != "yes":
            raise Refused("The record is not signed yet.", problems={"attest": "Agree to the statement to sign."})
        asked = _count_question(session, programme_of(course), now)
        decided = {COUNT: "yes"} if fields.get(COUNT) == "yes" and asked else {}
        if decided:
            session = with_fields(session, decided, caller.clinician, now)
        stock = stock_of(uow, session, site.ledger)
        made = _next_version(session, record(session, course, caller.clinician, now, site.limits, stock))
        if session.signed is not None and not changes(session.signed, made):
            raise Refused("Nothing was changed.", advice="Change what is wrong, or give the amendment up.")
        signed_in = use_sign_in(uow, caller, now, action, site)
        made = replace(made, signature=replace(made.signature, signed_in=signed_in))
        status = follow(SESSION_TABLE, session.status, SessionEvent.SIGN)
        signed = replace(session, status=status, signed=made, amendment=None)
        uow.sessions.replace(signed)
        if made.stop is not None:
            course = with_new_day(course, made.number, made.stop.rescheduled)
        keep_signed(uow, signed, course, caller, now, ids, site)
        uow.device_keys.close(signed.patient, now, now + AFTER_SIGNING)
        repost(uow, session.signed, made, caller, now, ids, site.ledger, reason=made.amended)
        said = f"{made.signature.meaning}{again_words(made.signature)}"
        detail = f"session {made.number}, {made.status}, signature meaning: {said}"
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", f"course/{course.id}", detail=detail))
        uow.commit()
        return replace(signed, version=signed.version + 1)
