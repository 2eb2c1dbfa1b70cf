"""End a session early, from every step: after the dose was started it is stopped, before that it was not done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fhir_mappings.facts.treatment import Route
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.session_rules import SessionLimits
from smart_app.use_cases.access import audited, own_session, refuse, require_writer, retried
from smart_app.use_cases.course.course_progress import may_change
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.early_stop import stop_problems
from smart_app.use_cases.session.record_session import with_fields
from smart_app.use_cases.session.typed_session import STOP_FIELDS, started, text


@retried
def stop_session(
    work: Work, clock: Clock, caller: Caller, session_id: str, fields: Mapping[str, str]
) -> StoredSession:
    """End early, by prescriber or nurse. fields: those of `STOP_FIELDS`; an empty stop.time means now.

    The session still has to be signed: as a stopped one, or without a dose as one that was not done. An infusion
    that still runs ends with it.
    """
    now, action = clock(), "clinician:session:stop"
    with work() as uow:
        require_writer(uow, caller, now, action)
        session, course = own_session(uow, caller, now, action, session_id)
        if not may_change(session):
            refuse(uow, caller, now, action, Refused("This session is signed. It cannot be stopped any more."))
        dosed = started(session, now) is not None
        typed = {name: fields.get(name, "").strip() for name in STOP_FIELDS}
        typed["stop.time"] = typed["stop.time"] or text(session, "stop.time") or f"{now:%H:%M}"
        status = follow(SESSION_TABLE, session.status, SessionEvent.STOP if dosed else SessionEvent.MISS)
        if session.status is status and all(text(session, name) == said for name, said in typed.items()):
            return session
        if dosed and course.route is Route.IV and not text(session, "dose.ended"):
            typed["dose.ended"] = typed["stop.time"]
        stopped = replace(with_fields(session, typed, caller.clinician, now), status=status)
        problems = stop_problems(AtHand.of(stopped, course, now, SessionLimits()))
        if problems:
            raise Refused("Some of this needs another look.", problems=problems)
        uow.sessions.replace(stopped)
        detail = "after the dose was started" if dosed else "before a dose"
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=detail))
        uow.commit()
        return replace(stopped, version=stopped.version + 1)
