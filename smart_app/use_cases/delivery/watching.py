"""Whether somebody is watching a patient: a session of treatment that is under way."""

from __future__ import annotations

from datetime import datetime

from fhir_mappings.facts.treatment import Role, SessionStatus
from smart_app.clinical.entry import NIGHT
from smart_app.use_cases.access import own_course
from smart_app.use_cases.course.course_progress import open_one
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller


def is_watching(uow: UnitOfWork, caller: Caller, now: datetime) -> bool:
    """A prescriber or nurse whose patient has a session that runs now.

    A session that is entered on a later day, was stopped, has ended or was left open overnight is nobody's watch.
    """
    if caller.role not in {Role.PRESCRIBER, Role.NURSE}:
        return False
    course = own_course(uow, caller)
    session = open_one(uow.sessions.of_course(course.id)) if course is not None else None
    if session is None or session.status is not SessionStatus.IN_PROGRESS or now - session.opened > NIGHT:
        return False
    begun = session.opened.date().isoformat()
    held = session.fields.get("dose.date") or begun
    return held >= begun and not session.fields.get("discharge.ended")
