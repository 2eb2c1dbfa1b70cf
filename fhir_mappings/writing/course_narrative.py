"""A course in words and as the XHTML of CarePlan.text (R4 narrative), with everything escaped."""

from __future__ import annotations

from html import escape

from fhir_mappings.facts.goals import CourseGoal
from fhir_mappings.facts.programme import CourseStatus, PlannedSession, TreatmentCourse
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.writing.datatypes import plain
from fhir_mappings.writing.goal import goal_sentence

_STATUS = {
    CourseStatus.DRAFT: "being prepared",
    CourseStatus.ACTIVE: "active",
    CourseStatus.ON_HOLD: "on hold",
    CourseStatus.COMPLETED: "completed",
    CourseStatus.REVOKED: "ended before it was complete",
    CourseStatus.ENTERED_IN_ERROR: "entered in error",
}


def course_sentence(course: TreatmentCourse) -> str:
    """The state of the course in a sentence. Completion says nothing of response: outcomes are kept apart."""
    done = f"{course.counted} of {len(course.planned)}" if course.planned else str(course.counted)
    missed = f", {course.missed} missed" if course.missed else ""
    ended = f", ended {course.ended.isoformat()}" if course.ended else ""
    first = "planned from" if course.ended and course.ended < course.start else "first day"
    return (
        f"Ketamine for depression, {programme_of(course).title}: {_STATUS[course.status]}, {done} sessions"
        f" counted{missed}; {first} {course.start.isoformat()}{ended}; place: {course.place}."
    )


def course_narrative(course: TreatmentCourse) -> str:
    rows = "".join(_row(planned) for planned in course.planned)
    head = "<thead><tr><th>Session</th><th>Day</th><th>Status</th><th>Note</th></tr></thead>"
    table = f"<table>{head}<tbody>{rows}</tbody></table>" if rows else ""
    goals = "".join(f"<li>{_text(_goal(goal))}</li>" for goal in course.goals)
    sought = f"<p>Goals</p><ul>{goals}</ul>" if goals else ""
    notes = "".join(
        f"<li>{note.at.date().isoformat()}, {_text(note.author.name)}: {_text(note.text)}</li>"
        for note in course.notes
    )
    listed = f"<ul>{notes}</ul>" if notes else ""
    said = f"<p>{_text(course_sentence(course))}</p>"
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{said}{sought}{table}{listed}</div>'


def _goal(goal: CourseGoal) -> str:
    status = f" ({goal.achievement.replace('-', ' ')})" if goal.achievement is not None else ""
    return f"{goal_sentence(goal)}{status}. {goal.words}"


def _row(planned: PlannedSession) -> str:
    day = planned.day.isoformat() if planned.day else "not planned yet"
    cells = (str(planned.number), day, planned.status.value.replace("-", " "), planned.note or "")
    return f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>"


def _text(value: str) -> str:
    return escape(plain(value))
