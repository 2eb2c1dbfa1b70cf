"""A session that did not take place: recorded and signed in one step, told to the EHR, never counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import KetamineSession, SessionStatus, Signature
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.entry import NotUsable, at_time, day
from smart_app.use_cases.access import audited, own_course, refuse, require_prescriber, retried
from smart_app.use_cases.course.course_progress import next_number, open_one
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredCourse, StoredSession
from smart_app.use_cases.session.early_stop import with_new_day
from smart_app.use_cases.session.record_session import LONGEST
from smart_app.use_cases.session.typed_session import started
from smart_app.use_cases.signing.sign_in_again import again_words, use_sign_in
from smart_app.use_cases.signing.signed_session import keep_signed
from smart_app.use_cases.site import Site


@retried
def not_done(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> StoredSession:
    """The next session was missed: it extends the course and never counts.

    fields: reason, day (the day that was missed; empty: the planned day, else today), rescheduled (a new day, or
    empty). A running session without a dose becomes the missed one.
    """
    now, action = clock(), "clinician:session:miss"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        course = own_course(uow, caller)
        if course is None or course.status is not CourseStatus.ACTIVE:
            refuse(uow, caller, now, action, Refused("There is no active course to miss a session of."))
        sessions = uow.sessions.of_course(course.id)
        running = open_one(sessions)
        if running is not None and started(running, now) is not None:
            words = "A dose was started in the running session. Stop that session instead."
            refuse(uow, caller, now, action, Refused(words))
        number = running.number if running is not None else next_number(course, sessions, now.date())
        missed_on, new_day = _missed_days(fields, course, number, now)
        base = running or _blank(course, number, caller, now, ids)
        made = _missed(base, course, caller, missed_on, fields["reason"].strip()[:LONGEST], now)
        signed_in = use_sign_in(uow, caller, now, action, site)
        made = replace(made, signature=replace(made.signature, signed_in=signed_in))
        missed = replace(base, status=made.status, signed=made)
        if running is None:
            uow.sessions.add(missed)
        else:
            uow.sessions.replace(missed)
        keep_signed(uow, missed, with_new_day(course, number, new_day), caller, now, ids, site)
        detail = f"session {number}{again_words(made.signature)}"
        uow.audit.add(audited(caller, now, action, f"session/{missed.id}", detail=detail))
        uow.commit()
        return missed


def _missed_days(
    fields: Mapping[str, str], course: StoredCourse, number: int, now: datetime
) -> tuple[date, date | None]:
    """The missed day and the new one; Refused with what is wrong with the form."""
    problems: dict[str, str] = {}
    planned = next((each.day for each in course.planned if each.number == number), None)
    missed_on, new_day = min(planned or now.date(), now.date()), None
    try:
        missed_on = day(fields["day"]) if fields.get("day", "").strip() else missed_on
    except NotUsable as error:
        problems["day"] = str(error)
    if missed_on > now.date():
        problems["day"] = "This day has not come yet."
    try:
        new_day = day(fields["rescheduled"]) if fields.get("rescheduled", "").strip() else None
    except NotUsable as error:
        problems["rescheduled"] = str(error)
    if new_day is not None and new_day <= missed_on:
        problems["rescheduled"] = "The new day must come after the missed one."
    if not fields.get("reason", "").strip():
        problems["reason"] = "Say why the session did not take place."
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    return missed_on, new_day


def _blank(course: StoredCourse, number: int, caller: Caller, now: datetime, ids: Callable[[], str]) -> StoredSession:
    return StoredSession(
        id=ids(),
        course=course.id,
        ehr=course.ehr,
        patient=course.patient,
        number=number,
        status=SessionStatus.PLANNED,
        opened=now,
        opened_by=caller.clinician,
        dose=ids(),
        fields={},
        authors=(caller.clinician,),
    )


def _missed(
    session: StoredSession, course: StoredCourse, caller: Caller, on: date, reason: str, now: datetime
) -> KetamineSession:
    planned = at_time(on, "12:00", now)
    return KetamineSession(
        id=session.id,
        course=course.id,
        number=session.number,
        of=programme_of(course).sessions,
        route=course.route,
        patient=course.patient,
        place=course.place,
        status=follow(SESSION_TABLE, session.status, SessionEvent.MISS),
        checks=(),
        dose=None,
        readings=(),
        events=(),
        notes=(),
        discharge=(),
        started=planned,
        ended=planned,
        signature=Signature(by=caller.clinician, at=now, meaning="the session did not take place"),
        recorders=session.authors or (caller.clinician,),
        conditions=course.conditions,
        reason=reason,
    )
