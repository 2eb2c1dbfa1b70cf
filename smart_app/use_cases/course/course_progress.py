"""Progress of a stored course: the signed sessions in the store, handed to the rules that count them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fhir_mappings.facts.programme import PlannedSession, TreatmentCourse
from fhir_mappings.facts.treatment import KetamineSession, SessionStatus
from smart_app.clinical import programme
from smart_app.clinical.programme import Progress
from smart_app.use_cases.records import StoredCourse, StoredSession

COUNT = "count"  # the field with which a prescriber counts a session of less than 80 % of the dose


def open_one(sessions: Sequence[StoredSession]) -> StoredSession | None:
    """The session that is not signed yet; there is never more than one in a course."""
    return next((each for each in sessions if is_open(each)), None)


def is_open(session: StoredSession) -> bool:
    """Whether it still waits for its first signature."""
    return session.signed is None and session.status is not SessionStatus.ENTERED_IN_ERROR


def may_change(session: StoredSession) -> bool:
    """Whether its steps may be written in: it was never signed, or it is being amended."""
    return is_open(session) or session.amendment is not None


def progress_now(course: StoredCourse, sessions: Sequence[StoredSession], today: date | None) -> Progress:
    running = open_one(sessions)
    return programme.progress(
        course,
        _signed(sessions),
        today=today,
        decided=_decided(sessions),
        open_number=running.number if running is not None else None,
    )


def treatment_course_now(course: StoredCourse, sessions: Sequence[StoredSession]) -> TreatmentCourse:
    running = open_one(sessions)
    return programme.treatment_course(
        course,
        _signed(sessions),
        decided=_decided(sessions),
        open_number=running.number if running is not None else None,
    )


def activities_now(course: StoredCourse, sessions: Sequence[StoredSession]) -> tuple[PlannedSession, ...]:
    return treatment_course_now(course, sessions).planned


def next_number(course: StoredCourse, sessions: Sequence[StoredSession], today: date) -> int:
    return progress_now(course, sessions, today).next_number


def _signed(sessions: Sequence[StoredSession]) -> list[KetamineSession]:
    return [each.signed for each in sessions if each.signed is not None]


def _decided(sessions: Sequence[StoredSession]) -> frozenset[str]:
    return frozenset(each.id for each in sessions if each.fields.get(COUNT) == "yes")
