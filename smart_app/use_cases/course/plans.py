"""All plans of a patient at one EHR, each with its sessions, and which of them a booster or maintenance follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.treatment import KetamineSession, Purpose, SessionStatus
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller, StoredCourse, StoredSession

_RUNNING = frozenset({CourseStatus.ACTIVE, CourseStatus.ON_HOLD})


class Plan(NamedTuple):
    course: StoredCourse
    sessions: Sequence[StoredSession]


def plans_of(uow: UnitOfWork, caller: Caller) -> tuple[Plan, ...]:
    """Newest first."""
    courses = uow.courses.of_patient(caller.patient)
    return tuple(Plan(each, uow.sessions.of_course(each.id)) for each in courses if each.ehr == caller.ehr)


def plan_before(plans: Sequence[Plan]) -> Plan | None:
    """The course that boosters and maintenance follow: the newest in which a session was signed, else the newest that
    is not over; None: the patient was in none."""
    courses = [
        each
        for each in plans
        if each.course.purpose is Purpose.COURSE and each.course.status is not CourseStatus.ENTERED_IN_ERROR
    ]
    treated = [each for each in courses if any(one.signed is not None for one in each.sessions)]
    open_ones = [each for each in courses if each.course.status in _RUNNING]
    return next(iter([*treated, *open_ones]), None)


def signed_sessions(plans: Sequence[Plan]) -> tuple[KetamineSession, ...]:
    """Of all plans, as they stand, without those entered in error."""
    return tuple(
        each.signed
        for plan in plans
        for each in plan.sessions
        if each.signed is not None and each.status is not SessionStatus.ENTERED_IN_ERROR
    )
