"""The goals of a stored course: judged from the scores of the moment, sent where what they say has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, tzinfo

from fhir_mappings.facts.goals import CourseGoal
from fhir_mappings.facts.programme import CourseStatus, TreatmentCourse
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Purpose
from smart_app.clinical.goals import course_goals
from smart_app.clinical.outcomes import ScaleScore
from smart_app.use_cases.access import own_course
from smart_app.use_cases.course.course_messages import care_plan_message
from smart_app.use_cases.course.course_progress import treatment_course_now
from smart_app.use_cases.outcomes.judged_course import declared_relapses, first_session, primary_scale, treated
from smart_app.use_cases.outcomes.scores import own_decisions, scores_of
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, MessageKind, StoredCourse
from smart_app.use_cases.site import Site


def goals_now(uow: UnitOfWork, course: StoredCourse, zone: tzinfo | None) -> tuple[CourseGoal, ...]:
    """As the patient's scores judge them; a booster or maintenance has none of its own. `zone`: the clinic's."""
    if course.purpose is not Purpose.COURSE:
        return ()
    about = [each for each in own_decisions(uow, course) if each.about == course.id]
    return course_goals(
        _scores_until_next(uow, course, zone),
        first_session=first_session(uow.sessions.of_course(course.id)),
        scale=primary_scale(about),
        declared=declared_relapses(about),
        rules=programme_of(course).outcomes,
    )


def progress_of(work: Work, clock: Clock) -> Callable[[str], TreatmentCourse]:
    """For the delivery of CarePlans: a course as it stands now, goals included. LookupError for an unknown one."""

    def now(course_id: str) -> TreatmentCourse:
        with work() as uow:
            course = uow.courses.get(course_id)
            if course is None:
                raise LookupError("the course is not in the store")
            stands = treatment_course_now(course, uow.sessions.of_course(course_id))
            return replace(stands, goals=goals_now(uow, course, clock().tzinfo))

    return now


@contextmanager
def goals_followed(
    uow: UnitOfWork, caller: Caller, now: datetime, ids: Callable[[], str], site: Site
) -> Iterator[None]:
    """Queue the CarePlan where what is done inside changes a verdict or a target, not for each score."""
    course, _ = treated(uow, own_course(uow, caller), ())
    if course is None or course.status is CourseStatus.ENTERED_IN_ERROR:
        yield
        return
    before = _verdicts(uow, course, now.tzinfo)
    yield
    if _verdicts(uow, course, now.tzinfo) != before:
        uow.messages.add(care_plan_message(MessageKind.UPDATE_CARE_PLAN, course, caller, now, ids(), site))


def _verdicts(uow: UnitOfWork, course: StoredCourse, zone: tzinfo | None) -> list[tuple[object, ...]]:
    return [(each.scale, each.at_most, each.achievement) for each in goals_now(uow, course, zone)]


def _scores_until_next(uow: UnitOfWork, course: StoredCourse, zone: tzinfo | None) -> list[ScaleScore]:
    """What came after the next course was begun is judged by that one."""
    later = [
        each.enrolled_at.astimezone(zone).date()
        for each in uow.courses.of_patient(course.patient)
        if each.ehr == course.ehr
        and each.purpose is Purpose.COURSE
        and each.status is not CourseStatus.ENTERED_IN_ERROR
        and each.enrolled_at > course.enrolled_at
    ]
    return [score for score in scores_of(uow, course, zone) if not later or score.day <= min(later)]
