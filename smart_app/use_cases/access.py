"""Whose record, and by whose right: every refusal leaves an audit record that stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.treatment import Role
from smart_app.use_cases.errors import Refused, StaleVersion
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller, Json, StoredCourse, StoredSession
from smart_app.use_cases.references import refused

TRIES = 5
LOOK_HOLDS = timedelta(minutes=5)
RECENT = 100  # records among which the last look is searched

Given = ParamSpec("Given")
Result = TypeVar("Result")


class OtherPatient(Refused):
    """The page belongs to another patient than the launch does."""


def audited(
    caller: Caller,
    at: datetime,
    action: str,
    *entities: str,
    outcome: AuditOutcome = AuditOutcome.SUCCESS,
    detail: str = "",
) -> AuditRecord:
    return AuditRecord(
        action=action,
        at=at,
        outcome=outcome,
        ehr=caller.ehr,
        launch=caller.launch,
        actor=caller.clinician.reference,
        actor_name=caller.clinician.name,
        role=caller.role.value,
        patient=caller.patient,
        entities=entities,
        detail=detail,
    )


def looked(uow: UnitOfWork, caller: Caller, at: datetime, action: str, entity: str, *, again: bool) -> bool:
    """The record of a look at one thing; False: none was added, so there is nothing to commit.

    A page that refreshes itself says `again`: it leaves no further record while the last look of this launch at
    the same thing is less than LOOK_HOLDS old. So nothing is ever shown without a record, whatever a page claims.
    """
    if again and any(
        (each.action, each.outcome, each.launch, each.actor)
        == (action, AuditOutcome.SUCCESS, caller.launch, caller.clinician.reference)
        and entity in each.entities
        and timedelta(0) <= at - each.at < LOOK_HOLDS
        for each in uow.audit.of_patient(caller.patient, limit=RECENT)
    ):
        return False
    uow.audit.add(audited(caller, at, action, entity))
    return True


def refuse(uow: UnitOfWork, caller: Caller, at: datetime, action: str, refusal: Refused) -> NoReturn:
    """Keep the refusal in the audit trail, with what was written before, and raise it."""
    record, refusal.reference = refused(audited(caller, at, action, detail=refusal.words))
    uow.audit.add(record)
    uow.commit()
    raise refusal


def require_writer(uow: UnitOfWork, caller: Caller, at: datetime, action: str) -> None:
    """A prescriber or a nurse whose launch may write."""
    if caller.role not in {Role.PRESCRIBER, Role.NURSE}:
        refuse(uow, caller, at, action, Refused("Only prescribers and nurses can do this."))
    refusal = _write_refusal(caller)
    if refusal is not None:
        refuse(uow, caller, at, action, refusal)


def require_prescriber(uow: UnitOfWork, caller: Caller, at: datetime, action: str) -> None:
    refusal = prescriber_refusal(caller)
    if refusal is not None:
        refuse(uow, caller, at, action, refusal)


def prescriber_refusal(caller: Caller) -> Refused | None:
    """Why this caller may not do what only prescribers do; None: they may."""
    if caller.role is not Role.PRESCRIBER:
        return Refused("Only a prescriber can do this.")
    return _write_refusal(caller)


def _write_refusal(caller: Caller) -> Refused | None:
    if caller.may_write:
        return None
    words = "The EHR did not allow this app to write for you."
    advice = "Open the app again from the chart, or ask your administrator for the write scopes."
    return Refused(words, advice=advice)


def own_session(
    uow: UnitOfWork, caller: Caller, at: datetime, action: str, session_id: str
) -> tuple[StoredSession, StoredCourse]:
    """The session and its course, which are the launch patient's; else a refusal that is kept."""
    session = uow.sessions.get(session_id)
    if session is None:
        refuse(uow, caller, at, action, Refused("There is no such session."))
    if (session.ehr, session.patient) != (caller.ehr, caller.patient):
        refuse(uow, caller, at, action, OtherPatient("This page belongs to another patient."))
    course = uow.courses.get(session.course)
    if course is None:
        raise LookupError("the session's course is not in the store")
    return session, course


def own_course(uow: UnitOfWork, caller: Caller) -> StoredCourse | None:
    """The patient's newest course at this EHR."""
    courses = uow.courses.of_patient(caller.patient)
    return next((course for course in courses if course.ehr == caller.ehr), None)


def person(uow: UnitOfWork, caller: Caller) -> Json:
    """The banner, as the latest screening read it; empty when there was none."""
    screening = uow.screenings.latest(caller.patient)
    return screening.person if screening is not None else {}


def retried(use_case: Callable[Given, Result]) -> Callable[Given, Result]:
    """Do it again when somebody else saved in between: each try reads afresh in a transaction of its own."""

    @wraps(use_case)
    def again(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        for _ in range(TRIES - 1):
            try:
                return use_case(*args, **kwargs)
            except StaleVersion:
                continue
        return use_case(*args, **kwargs)

    return again
