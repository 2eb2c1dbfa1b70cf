"""A signed session corrected: opened again as a draft while the signed version stands, or added to in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.treatment import KetamineSession, SessionStatus, Signature, TimedNote
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.entry import CONTROL
from smart_app.use_cases.access import (
    audited,
    own_session,
    refuse,
    require_prescriber,
    require_writer,
    retried,
)
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import required_reason
from smart_app.use_cases.records import Amendment, Caller, StoredSession
from smart_app.use_cases.session.record_session import LONGEST, with_author
from smart_app.use_cases.signing.sign_in_again import again_words, use_sign_in
from smart_app.use_cases.signing.signed_session import as_signed, keep_first, keep_signed
from smart_app.use_cases.site import Site

ADDENDUM = "addendum to the signed record"


@retried
def begin_amendment(work: Work, clock: Clock, caller: Caller, session_id: str, reason: str) -> StoredSession:
    """Open a signed session again, with the values that were signed. Until it is signed anew, nothing changes."""
    now, action = clock(), "clinician:session:amend"
    with work() as uow:
        require_writer(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        if session.amendment is not None:
            return session
        signed = _held(uow, session, caller, now, action)
        if signed.dose is None:
            words = "A missed session cannot be amended."
            advice = "Write an addendum, or enter it in error."
            refuse(uow, caller, now, action, Refused(words, advice=advice))
        why = CONTROL.sub("", required_reason(reason))[:LONGEST]
        keep_first(uow, session, course)
        opened = replace(
            session,
            status=follow(SESSION_TABLE, session.status, SessionEvent.AMEND),
            amendment=Amendment(
                reason=why,
                by=caller.clinician,
                at=now,
                status=session.status,
                fields=session.fields,
                entries=session.entries,
                authors=session.authors,
            ),
        )
        return _kept(uow, opened, caller, now, action, f"version {signed.version} is being amended")


@retried
def drop_amendment(work: Work, clock: Clock, caller: Caller, session_id: str) -> StoredSession:
    """Give up an amendment: the values that were signed come back. What had been typed is kept beside them."""
    now, action = clock(), "clinician:session:drop-amendment"
    with work() as uow:
        require_writer(uow, caller, now, action)
        session, _ = own_session(uow, caller, now, action, session_id)
        if session.amendment is None:
            return session
        return _kept(uow, as_signed(session), caller, now, action, "the signed version stands")


@retried
def add_addendum(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredSession:
    """Add words to a signed record without changing what stands there; a signed version of its own.

    fields: text, reason, attest, and version: of the signed record that was on the page. Sent twice, it adds one.
    """
    now, action = clock(), "clinician:session:addendum"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        signed = _held(uow, session, caller, now, action)
        words = CONTROL.sub("", fields.get("text", "")).strip()[:LONGEST]
        if fields.get("version", str(signed.version)) != str(signed.version):
            if signed.addenda and signed.addenda[-1].text == words:
                return session
            raise Refused("The record was changed after you read it.", advice="Read it again, then add to it.")
        if session.amendment is not None:
            raise Refused("This record is being amended.", advice="Sign or give up the amendment first.")
        why = _checked(words, fields)
        signed_in = use_sign_in(uow, caller, now, action, site)
        keep_first(uow, session, course)
        added = TimedNote(at=now, by=caller.clinician, text=words)
        made = replace(
            signed,
            version=signed.version + 1,
            amended=why,
            only_added=True,
            addenda=(*signed.addenda, added),
            signature=Signature(by=caller.clinician, at=now, meaning=ADDENDUM, signed_in=signed_in),
        )
        kept = replace(session, signed=made, authors=with_author(session, caller.clinician))
        uow.sessions.replace(kept)
        keep_signed(uow, kept, course, caller, now, ids, site)
        detail = f"version {made.version}, signature meaning: {ADDENDUM}{again_words(made.signature)}"
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=detail))
        uow.commit()
        return replace(kept, version=kept.version + 1)


def _checked(words: str, fields: Mapping[str, str]) -> str:
    problems: dict[str, str] = {}
    if not words:
        problems["text"] = "Write what you add to the record."
    try:
        why = CONTROL.sub("", required_reason(fields.get("reason", "")))[:LONGEST]
    except Refused as refused:
        why, problems = "", {**problems, **refused.problems}
    if fields.get("attest") != "yes":
        problems["attest"] = "Agree to the statement to sign."
    if problems:
        raise Refused("The addendum is not signed yet.", problems=problems)
    return why


def _held(uow: UnitOfWork, session: StoredSession, caller: Caller, now: datetime, action: str) -> KetamineSession:
    if session.status is SessionStatus.ENTERED_IN_ERROR:
        refuse(uow, caller, now, action, Refused("This session was entered in error. It cannot be amended."))
    if session.signed is None:
        refuse(uow, caller, now, action, Refused("This session is not signed yet: change it in its steps."))
    return session.signed


def _kept(
    uow: UnitOfWork, session: StoredSession, caller: Caller, now: datetime, action: str, detail: str
) -> StoredSession:
    uow.sessions.replace(session)
    uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=detail))
    uow.commit()
    return replace(session, version=session.version + 1)
