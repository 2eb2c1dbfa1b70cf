"""The outbox message of a questionnaire, sent when it is entered."""

from __future__ import annotations

from datetime import datetime

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.questionnaire import FilledIn
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.score_bundle import form_value, score_resources
from smart_app.clinical.instruments import level_words, result
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageItem, MessageKind, OutboxMessage, StoredCourse, StoredScore
from smart_app.use_cases.site import Site

_NO_PLAN = {CourseStatus.ENTERED_IN_ERROR, CourseStatus.DRAFT}


def written_as(score_id: str) -> tuple[str, str]:
    """The identifier values by which a score's result and form are known in the EHR."""
    return score_id, form_value(score_id)


def score_message(
    score: StoredScore, course: StoredCourse | None, caller: Caller, now: datetime, message_id: str, site: Site
) -> OutboxMessage | None:
    """None: the EHR lets nothing of it be written. Raises Refused."""
    named = course if course is not None and course.status not in _NO_PLAN else None
    try:
        made = score_resources(
            filled_in(score, caller, named), site.instance, without=caller.not_granted - {"CarePlan"}
        )
    except Unwritable as error:
        raise Refused(f"The result cannot be written as FHIR: {error}.") from error
    if not made:
        return None
    items = tuple(MessageItem.of(each) for each in made)
    return OutboxMessage(
        id=message_id,
        kind=MessageKind.SEND_SCORE,
        ehr=caller.ehr,
        fhir_base=caller.fhir_base,
        patient=caller.patient,
        launch=caller.launch,
        course=named.id if named else "",
        session=None,
        items=items,
        created=now,
        due=now,
    )


def filled_in(score: StoredScore, caller: Caller, course: StoredCourse | None) -> FilledIn:
    answers = {int(number): value for number, value in score.answers.items()}
    form = INSTRUMENTS[score.scale]
    if score.level:
        words = level_words(score.level)
    else:
        words = form.band(score.total) if score.total is not None else result(form, answers).words
    day = datetime(score.day.year, score.day.month, score.day.day, tzinfo=score.at.tzinfo)
    return FilledIn(
        id=score.id,
        instrument=score.scale,
        patient=score.patient,
        taken=score.taken or day,
        entered=score.at,
        by=score.by,
        answers=answers,
        total=score.total,
        watched=score.item9,
        level=score.level,
        words=words,
        source=score.source,
        day_only=score.taken is None,
        course=course.id if course is not None else None,
        session=score.session,
        encounter=f"{caller.fhir_base}/Encounter/{score.encounter}" if score.encounter else None,
        complete=score.complete,
    )
