"""What a signature sets in motion: the course moves on and the outbox gets the session and the CarePlan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.treatment import KetamineSession
from fhir_mappings.wire import decode
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.session_bundle import WrittenResource, content_hash, session_resources
from fhir_mappings.writing.transaction import travelling
from smart_app.use_cases.course.course_events import moved_on
from smart_app.use_cases.course.course_messages import care_plan_message, message
from smart_app.use_cases.course.course_progress import treatment_course_now
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import (
    Caller,
    Json,
    MessageItem,
    MessageKind,
    OutboxMessage,
    SessionVersion,
    StoredCourse,
    StoredSession,
)
from smart_app.use_cases.sent import left_out_of, sendings, sent_items
from smart_app.use_cases.site import Site


def keep_signed(
    uow: UnitOfWork,
    session: StoredSession,
    course: StoredCourse,
    caller: Caller,
    now: datetime,
    ids: Callable[[], str],
    site: Site,
) -> None:
    """Freeze what was signed, move the course on and queue both messages. The caller keeps the session itself."""
    sessions = with_session(uow.sessions.of_course(course.id), session)
    moved = moved_on(course, sessions, caller, now)
    version = _version(session, moved, sessions, site)
    items = version.resources
    if caller.not_granted.intersection(item.resource_type for item in items):
        items = _items(session, moved, sessions, site, caller.not_granted)
    uow.versions.add(version)
    uow.courses.replace(moved)
    uow.messages.release(course.patient, launch=caller.launch, now=now)
    kind = MessageKind.SEND_SESSION
    if version.number > 1:
        kind = MessageKind.AMEND_SESSION
        items = differing(uow.messages.of_course(course.id), version, items, caller.not_granted)
    uow.messages.add(message(kind, moved, session.id, items, caller, now, ids()))
    uow.messages.add(care_plan_message(MessageKind.UPDATE_CARE_PLAN, moved, caller, now, ids(), site))


def as_signed(session: StoredSession) -> StoredSession:
    """The session without the draft of an amendment: the values that were signed come back, the draft stays kept."""
    before = session.amendment
    if before is None:
        return session
    draft = replace(
        before, status=session.status, fields=session.fields, entries=session.entries, authors=session.authors
    )
    return replace(
        session,
        status=before.status,
        fields=before.fields,
        entries=before.entries,
        authors=before.authors,
        amendment=None,
        given_up=(*session.given_up, draft),
    )


def keep_first(uow: UnitOfWork, session: StoredSession, course: StoredCourse) -> None:
    """Before anything is changed: a session signed by an earlier release has no version kept yet."""
    if session.signed is None or uow.versions.of_session(session.id):
        return
    sent = [each for each in uow.messages.of_course(course.id) if each.session == session.id]
    items = tuple(replace(item, reference=None) for each in sent[:1] for item in each.items)
    uow.versions.add(frozen(session.id, session.signed, items))


def differing(
    messages: Sequence[OutboxMessage],
    version: SessionVersion,
    items: Sequence[MessageItem],
    without: frozenset[str] = frozenset(),
) -> tuple[MessageItem, ...]:
    """What an amendment sends: of `items` what it changed or added, and what `version` no longer holds, without body.

    As long as it is not known that all of the session has arrived, everything goes along: what the EHR holds already
    is left as it is. Types in `without` may not be written by this launch: what the EHR holds of them stays. What the
    EHR did not take of an earlier version is not offered to it again.
    """
    earlier = sendings(messages, version.session)
    history, untaken = sent_items(earlier), left_out_of(earlier)
    arrived = all(any(one.reference for one in known) for known in history.values())
    staying = {item.value for item in version.resources}
    changed = [
        item
        for item in items
        if item.value not in untaken
        and (not arrived or item.value not in history or history[item.value][-1].body != item.body)
    ]
    gone = [
        replace(known[-1], body="", reference=None, label=f"Taken out: {known[-1].label}")
        for value, known in history.items()
        if value not in staying and known[-1].resource_type not in {"Provenance", *without}
    ]
    return (*changed, *gone)


def frozen(session_id: str, record: KetamineSession, items: tuple[MessageItem, ...]) -> SessionVersion:
    """A version as it is kept."""
    return SessionVersion(
        id=f"{session_id}/{record.version}",
        session=session_id,
        number=record.version,
        record=record,
        resources=items,
        sha256=content_hash([as_written(item) for item in items]),
    )


def _version(
    session: StoredSession, course: StoredCourse, sessions: Sequence[StoredSession], site: Site
) -> SessionVersion:
    """What was signed, whole: what an EHR does not take is part of it too."""
    items = _items(session, course, sessions, site, frozenset())
    if session.signed is None:
        raise LookupError("a session that is not signed has no version")
    return frozen(session.id, session.signed, items)


def as_written(item: MessageItem) -> WrittenResource:
    """A kept resource as the writing knows it."""
    return WrittenResource(
        resource_type=item.resource_type,
        system=item.system,
        value=item.value,
        label=item.label,
        body=item.body.encode(),
    )


def standing(item: MessageItem, *, fhir_base: str, known: Mapping[str, str | None]) -> Json:
    """The resource as it should stand in the EHR, with the EHR's own ids where they are `known`.

    What has none yet keeps its link, which is told apart by its identifier; None: the EHR does not take it.
    """
    inside = {each["reference"] for each in links_of(decode(item.body)) if each["identifier"]["value"] not in known}
    return travelling(as_written(item), fhir_base=fhir_base, known=known, inside=inside)


def links_of(element: object) -> list[Json]:
    """The References of a resource that lead to others of ours."""
    if isinstance(element, list):
        return [link for each in element for link in links_of(each)]
    if not isinstance(element, dict):
        return []
    own = [element] if str(element.get("reference", "")).startswith("urn:uuid:") else []
    return own + [link for each in element.values() for link in links_of(each)]


def with_session(sessions: Sequence[StoredSession], session: StoredSession) -> list[StoredSession]:
    """The sessions of a course with one of them as it is now."""
    return [*(each for each in sessions if each.id != session.id), session]


def _items(
    session: StoredSession,
    course: StoredCourse,
    sessions: Sequence[StoredSession],
    site: Site,
    without: frozenset[str],
) -> tuple[MessageItem, ...]:
    if session.signed is None:
        raise LookupError("a session that is not signed has nothing to send")
    try:
        now = treatment_course_now(course, sessions)
        resources = session_resources(session.signed, now, site.instance, without=without, seal=site.seal)
    except Unwritable as error:
        raise Refused(f"The record cannot be written as FHIR: {error}.") from error
    return tuple(map(MessageItem.of, resources))


def retraction_items(messages: Sequence[OutboxMessage], session_id: str) -> tuple[MessageItem, ...]:
    """What was sent of a session, with the EHR's ids as far as they are known by now. Provenance stays as it is."""
    return tuple(
        replace(known[-1], body="", reference=next((one.reference for one in reversed(known) if one.reference), None))
        for known in sent_items(sendings(messages, session_id)).values()
        if known[-1].resource_type != "Provenance"
    )
