"""A session entered in error: here, in the course, and in the EHR where its resources become entered-in-error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.treatment import SessionStatus
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.use_cases.access import audited, own_session, refuse, require_prescriber, retried
from smart_app.use_cases.course.course_events import moved_on
from smart_app.use_cases.course.course_messages import care_plan_message, message
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.post_dose import repost
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import required_reason
from smart_app.use_cases.records import Caller, MessageKind, StoredCourse, StoredSession
from smart_app.use_cases.session.record_session import LONGEST, with_fields
from smart_app.use_cases.session.typed_session import started
from smart_app.use_cases.signing.signed_session import as_signed, retraction_items, with_session
from smart_app.use_cases.site import Site


@retried
def enter_in_error(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    reason: str,
    ids: Callable[[], str],
    site: Site,
) -> StoredSession:
    """Take a signed session back, here and in the EHR; or drop one that was opened by mistake, before its dose.

    The reason stands in `signed.reason` and, with its author and time, in the field error.reason.
    """
    now, action = clock(), "clinician:session:error"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        if session.status is SessionStatus.ENTERED_IN_ERROR:
            return session
        if session.signed is None and started(session, now) is not None:
            words = "A dose was started: sign or stop this session, then enter it in error."
            refuse(uow, caller, now, action, Refused(words))
        why = required_reason(reason)[:LONGEST]
        taken_back = _taken_back(session, caller, why, now)
        uow.sessions.replace(taken_back)
        _retract(uow, taken_back, course, caller, now, ids, site)
        repost(uow, session.signed, taken_back.signed, caller, now, ids, site.ledger, reason=why)
        uow.audit.add(
            audited(
                caller,
                now,
                action,
                f"session/{session.id}",
                f"course/{course.id}",
                detail=f"session {session.number}",
            )
        )
        uow.commit()
        return replace(taken_back, version=taken_back.version + 1)


def _taken_back(session: StoredSession, caller: Caller, why: str, now: datetime) -> StoredSession:
    session = as_signed(session)
    wrong = follow(SESSION_TABLE, session.status, SessionEvent.ENTER_IN_ERROR)
    made = session.signed
    if made is not None:
        made = replace(made, status=wrong, reason=why, entered_in_error_at=now)
    noted = with_fields(session, {"error.reason": why}, caller.clinician, now)
    return replace(noted, status=wrong, signed=made)


def _retract(
    uow: UnitOfWork,
    session: StoredSession,
    course: StoredCourse,
    caller: Caller,
    now: datetime,
    ids: Callable[[], str],
    site: Site,
) -> None:
    """A session that waits to be sent is sent first and taken back after: the order of messages sees to it."""
    sessions = with_session(uow.sessions.of_course(course.id), session)
    moved = moved_on(course, sessions, caller, now)
    uow.courses.replace(moved)
    if session.signed is None:
        return
    items = retraction_items(uow.messages.of_course(course.id), session.id)
    uow.messages.add(message(MessageKind.RETRACT_SESSION, moved, session.id, items, caller, now, ids()))
    uow.messages.add(care_plan_message(MessageKind.UPDATE_CARE_PLAN, moved, caller, now, ids(), site))
