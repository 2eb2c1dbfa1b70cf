"""Keeps courses; a change is refused when somebody else saved in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, func, insert, select, update

from smart_app.store.rows import from_text, to_text
from smart_app.store.tables import courses
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.records import StoredCourse

_KEPT = (courses.c.version, courses.c.care_plan, courses.c.body)


class SqlCourses:
    """The `Courses` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, course: StoredCourse) -> None:
        row = {"id": course.id, "patient": course.patient, "version": course.version}
        kept = insert(courses).values(**row, care_plan=course.care_plan, body=to_text(course))
        self._connection.execute(kept)

    def get(self, course_id: str) -> StoredCourse | None:
        row = self._connection.execute(select(*_KEPT).where(courses.c.id == course_id)).one_or_none()
        return None if row is None else _course(row)

    def of_patient(self, patient: str) -> Sequence[StoredCourse]:
        found = select(*_KEPT).where(courses.c.patient == patient).order_by(courses.c.seq.desc())
        return [_course(row) for row in self._connection.execute(found)]

    def replace(self, course: StoredCourse) -> None:
        as_read = (courses.c.id == course.id) & (courses.c.version == course.version)
        change = (
            update(courses)
            .where(as_read)
            .values(
                version=course.version + 1,
                # A page that was opened before the CarePlan was known must not take it away.
                care_plan=func.coalesce(course.care_plan, courses.c.care_plan),
                body=to_text(course),
            )
        )
        if self._connection.execute(change).rowcount != 1:
            raise StaleVersion("the course was changed by somebody else")


def set_care_plan(connection: Connection, course_id: str, care_plan: str) -> None:
    """Note which CarePlan of the EHR the course is. Not a change of the course: its version stays."""
    connection.execute(update(courses).where(courses.c.id == course_id).values(care_plan=care_plan))


def _course(row: Row[int, str | None, str]) -> StoredCourse:
    return replace(from_text(StoredCourse, row.body), version=row.version, care_plan=row.care_plan)
