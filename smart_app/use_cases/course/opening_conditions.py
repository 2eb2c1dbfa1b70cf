"""Whether the next session may be opened: the course runs, the screening of that day stands, nothing is left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from fhir_mappings.facts.programme import CourseStatus, Held
from fhir_mappings.facts.treatment import Purpose
from smart_app.clinical.programme import Progress, Timing, day_words
from smart_app.use_cases.course.course_events import HOLDS
from smart_app.use_cases.course.course_progress import progress_now
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import StoredCourse, StoredScreening, StoredSession

# What is wrong, and what to do.
_ENROL = "There is no active course to hold a session in.", "Enrol the patient first."
_SCREEN = "The patient has not been screened today.", "Screen the patient, then open the session."
_FORBIDDEN = (
    "The screening of today does not allow a session.",
    "Screen again when it is settled, or a prescriber overrides the finding with a reason.",
)
_DONE = (
    "All sessions of this course are done.",
    "A prescriber confirms that the course is complete, or ends it, under Progress.",
)
ON_HOLD_ADVICE: Mapping[Held | None, str] = MappingProxyType(
    {
        Held.SCREENING: "When the finding is settled or overridden, a prescriber resumes the course.",
        Held.INTERRUPTED: "A prescriber decides: resume the course, or end it and start again.",
        Held.DECISION: "A prescriber resumes the course.",
        None: "A prescriber resumes the course.",
    }
)
# Statuses of a screening with which a session is opened by a prescriber alone, with a reason.
_ASKS: Mapping[str, str] = MappingProxyType(
    {
        "needs-review": "The screening of today needs review.",
        "insufficient-data": "The screening of today had not enough data.",
        "no-indication": "The screening of today found no indication.",
    }
)
BOOSTER_HOLDS_DAYS = 7  # after its day; then its conditions are looked at again
NOT_THAT_DAY = "No screening of that day is kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """`refusal` None: a session can be opened; where `asks` says something, by a prescriber with a reason."""

    refusal: Refused | None = None
    asks: str = ""
    interrupted: Progress | None = None  # the course has to go on hold first


def opening(
    course: StoredCourse | None,
    sessions: Sequence[StoredSession],
    screening: StoredScreening | None,
    *,
    on: date,
    today: date,
) -> Opening:
    """`on` is the day of the session: today, or an earlier day that is entered now. `screening`: the latest of it."""
    if course is not None and course.status is CourseStatus.ON_HOLD:
        return Opening(refusal=Refused(hold_words(course), advice=ON_HOLD_ADVICE[course.held]))
    if course is None or course.status is not CourseStatus.ACTIVE:
        return _refused(_ENROL)
    progress = progress_now(course, sessions, on)
    if progress.timing is Timing.INTERRUPTED:
        words = "The course was interrupted: it goes on hold until a prescriber decides."
        return Opening(refusal=Refused(words, advice=ON_HOLD_ADVICE[Held.INTERRUPTED]), interrupted=progress)
    if progress.complete:
        return _refused(_DONE)
    if screening is None or screening.ehr != course.ehr:
        return _refused(_SCREEN) if on == today else Opening(asks=NOT_THAT_DAY)
    if screening.stands_as in HOLDS:
        return _refused(_FORBIDDEN)
    return Opening(asks=_ASKS.get(screening.stands_as, "") or _booster_asks(course, on))


def _booster_asks(course: StoredCourse, on: date) -> str:
    """The conditions of a booster were looked at for its day: another day is a prescriber's decision."""
    if course.purpose is not Purpose.BOOSTER:
        return ""
    planned = next((each.day for each in course.planned if each.day is not None), None)
    if planned is None or planned <= on <= planned + timedelta(days=BOOSTER_HOLDS_DAYS):
        return ""
    return f"This booster was planned for {day_words(planned)}, and its conditions were looked at for that day."


def _refused(told: tuple[str, str]) -> Opening:
    words, advice = told
    return Opening(refusal=Refused(words, advice=advice))


def hold_words(course: StoredCourse) -> str:
    """Why a course is on hold, in the words of the note that put it there."""
    said = next((note.text for note in reversed(course.notes) if note.text.startswith("On hold: ")), "")
    why = said.removeprefix("On hold: ")
    return f"The course is on hold. {why[:1].upper()}{why[1:]}".strip()
