"""Enter a questionnaire: scored here, tagged with the course and the session of the day, and sent to the chart."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import Instrument
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.use_cases.access import audited, own_course, require_writer
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.outcomes.goals import goals_followed
from smart_app.use_cases.outcomes.score_draft import drop_score_draft
from smart_app.use_cases.outcomes.score_form import Typed, read_form
from smart_app.use_cases.outcomes.score_messages import score_message
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, StoredCourse, StoredScore
from smart_app.use_cases.site import Site

_SCORE_ID = re.compile(r"[A-Za-z0-9-]{1,50}")


def form_of(scale: str) -> Instrument:
    """Refused for a name that is not in the table."""
    form = INSTRUMENTS.get(scale)
    if form is None:
        raise Refused("There is no such questionnaire.", advice="Choose one from the list of outcomes.")
    return form


def record_score(
    work: Work,
    clock: Clock,
    caller: Caller,
    score_id: str,
    scale: str,
    fields: Mapping[str, str],
    ids: Callable[[], str],
    site: Site,
) -> StoredScore:
    """fields: as `score_form.read_form` takes them. A known `score_id` adds nothing."""
    now, action = clock(), "clinician:score:record"
    form = form_of(scale)
    with work() as uow:
        require_writer(uow, caller, now, action)
        known = [each for each in uow.scores.of_patient(caller.patient) if each.id == score_id]
        if known:
            return known[0]
        if not _SCORE_ID.fullmatch(score_id):
            raise Refused("This form is not one of this app's. Open the page again.")
        course = own_course(uow, caller)
        score = _stored(uow, caller, course, score_id, read_form(form, fields, now), form, now)
        with goals_followed(uow, caller, now, ids, site):
            if not uow.scores.add(score):
                raise Refused("This form was used already. Open the page again.")
            message = score_message(score, course, caller, now, ids(), site)
            if message is not None:
                uow.messages.add(message)
        drop_score_draft(uow, caller, scale)
        uow.audit.add(audited(caller, now, action, f"score/{score.id}", detail=_detail(form, score)))
        uow.commit()
        return score


def _stored(
    uow: UnitOfWork,
    caller: Caller,
    course: StoredCourse | None,
    score_id: str,
    typed: Typed,
    form: Instrument,
    now: datetime,
) -> StoredScore:
    return StoredScore(
        id=score_id,
        course=course.id if course is not None else None,
        ehr=caller.ehr,
        patient=caller.patient,
        scale=form.key,
        total=typed.result.total,
        item9=typed.result.watched,
        day=typed.day,
        at=now,
        by=caller.clinician,
        answers={str(number): score for number, score in typed.answers.items()},
        level=typed.result.level,
        complete=typed.result.complete,
        source=typed.source,
        taken=typed.taken,
        session=_session_of(uow, course, typed.day),
        encounter=caller.encounter,
        version=form.version,
    )


def _session_of(uow: UnitOfWork, course: StoredCourse | None, on: date) -> str | None:
    """The session held on this day; None: there is none."""
    if course is None:
        return None
    held = (
        each.id
        for each in uow.sessions.of_course(course.id)
        if each.status not in {SessionStatus.ENTERED_IN_ERROR, SessionStatus.NOT_DONE} and each.held_on == on
    )
    return next(held, None)


def _detail(form: Instrument, score: StoredScore) -> str:
    what = "answers" if score.answers else "total"
    return f"{form.name}, {what}{'' if score.complete else ', unfinished'}."
