"""A second person signs a version of the record: a colleague who approves it, or who recorded a part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.treatment import Clinician, KetamineSession, Role, SessionStatus, Signature
from fhir_mappings.writing.session_bundle import countersigned
from smart_app.use_cases.access import audited, own_session, refuse, require_writer, retried
from smart_app.use_cases.course.course_messages import message
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import (
    Caller,
    Countersignature,
    MessageItem,
    MessageKind,
    SessionVersion,
    StoredCourse,
    StoredSession,
)
from smart_app.use_cases.signing.sign_in_again import again_words, use_sign_in
from smart_app.use_cases.signing.signed_session import as_written
from smart_app.use_cases.site import Site

APPROVAL = "review and approval"
OWN_ENTRIES = "authorship of my entries"
STATEMENTS: Mapping[str, str] = {
    APPROVAL: "I have read this record and I approve it.",
    OWN_ENTRIES: "I have read this record. What it says I entered is what I entered.",
}


def meaning_for(record: KetamineSession, clinician: Clinician) -> str:
    """What this person's countersignature would mean; "": none is theirs to give."""
    if clinician.role is Role.PRESCRIBER:
        return APPROVAL
    recorded = clinician.reference in {each.reference for each in record.recorders}
    return OWN_ENTRIES if clinician.role is Role.NURSE and recorded else ""


def why_not(session: StoredSession, given: Sequence[Countersignature], caller: Caller) -> str:
    """Why this caller may not countersign the version that stands; "": they may."""
    record = session.signed
    if record is None:
        return "This session is not signed yet."
    if session.status is SessionStatus.ENTERED_IN_ERROR:
        return "This session was entered in error."
    if record.signature.by.reference == caller.clinician.reference:
        return "Whoever signed a record cannot countersign it."
    if not meaning_for(record, caller.clinician):
        return "A prescriber, or a nurse who recorded a part of this session, can countersign it."
    if any(each.signature.by.reference == caller.clinician.reference for each in of_standing_version(session, given)):
        return "You have countersigned this version."
    return "" if caller.may_write else "The EHR did not allow this app to write for you."


def of_standing_version(session: StoredSession, given: Sequence[Countersignature]) -> tuple[Countersignature, ...]:
    """The countersignatures of the version that stands: those of an earlier one do not pass to the next."""
    number = session.signed.version if session.signed is not None else 0
    return tuple(each for each in given if each.number == number)


@retried
def countersign(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> Countersignature:
    """fields: attest, and number: of the version that was read. Signing twice gives the first signature."""
    now, action = clock(), "clinician:session:countersign"
    with work() as uow:
        require_writer(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        given = uow.versions.countersignatures(session.id)
        own = [
            each
            for each in of_standing_version(session, given)
            if each.signature.by.reference == caller.clinician.reference
        ]
        if own and str(own[0].number) == fields.get("number"):
            return own[0]
        refusal = why_not(session, given, caller)
        if refusal:
            refuse(uow, caller, now, action, Refused(refusal))
        version = _standing_version(uow, session)
        if fields.get("number") != str(version.number):
            raise Refused("The record was amended after you read it.", advice="Read it again, then countersign.")
        if fields.get("attest") != "yes":
            problems = {"attest": "Agree to the statement to countersign."}
            raise Refused("The record is not countersigned yet.", problems=problems)
        signed_in = use_sign_in(uow, caller, now, action, site)
        made = _made(version, caller, now, site, signed_in)
        uow.versions.countersign(made)
        _queue(uow, made, course, caller, now, ids())
        detail = f"version {version.number}, signature meaning: {made.signature.meaning}{again_words(made.signature)}"
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=detail))
        uow.commit()
        return made


def _standing_version(uow: UnitOfWork, session: StoredSession) -> SessionVersion:
    number = session.signed.version if session.signed is not None else 0
    found = next((each for each in uow.versions.of_session(session.id) if each.number == number), None)
    if found is None:
        raise Refused("This session was signed by an earlier release, which kept no bytes to sign again.")
    return found


def _made(
    version: SessionVersion, caller: Caller, now: datetime, site: Site, signed_in: datetime | None
) -> Countersignature:
    meaning = meaning_for(version.record, caller.clinician)
    signature = Signature(by=caller.clinician, at=now, meaning=meaning, signed_in=signed_in)
    resources = [as_written(item) for item in version.resources]
    resource = MessageItem.of(countersigned(version.record, resources, signature, site.instance, site.seal))
    return Countersignature(
        id=f"{version.id}/{resource.value}",
        session=version.session,
        number=version.number,
        signature=signature,
        sha256=version.sha256,
        resource=resource,
    )


def _queue(
    uow: UnitOfWork, made: Countersignature, course: StoredCourse, caller: Caller, now: datetime, message_id: str
) -> None:
    if "Provenance" in caller.not_granted:
        return  # said on the page: the record of who signed stays in the app
    items = (replace(made.resource, label=f"Countersignature of version {made.number}"),)
    kind = MessageKind.COUNTERSIGN_SESSION
    uow.messages.add(message(kind, course, made.session, items, caller, now, message_id))
