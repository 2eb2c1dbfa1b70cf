"""The session that is looked at while its steps are checked, and what every check of a typed value shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fhir_mappings.facts.programme import CourseStatus, ProgrammeDefinition
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Place, Role, SessionStatus
from smart_app.clinical.entry import NOT_YET, NotUsable, at_time
from smart_app.clinical.session_rules import Gate, SessionLimits, elapsed, gate
from smart_app.use_cases.course.opening_conditions import hold_words
from smart_app.use_cases.ledger.stock import ELSEWHERE, Stock
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import StoredCourse, StoredSession
from smart_app.use_cases.session.typed_session import ended, readings, started, text, written

GONE = frozenset({"transfer", "admitted", "left"})  # dispositions after which nobody is discharged from here


@dataclass(frozen=True, slots=True)
class AtHand:
    """The session that is looked at, and what it is measured by."""

    session: StoredSession
    definition: ProgrammeDefinition
    now: datetime
    limits: SessionLimits
    place: Place
    stock: Stock
    held: str = ""  # why the course is on hold, while it is
    held_at: datetime | None = None
    enrolled_kg: str = ""  # the weight of the enrolment, as typed there

    @classmethod
    def of(
        cls,
        session: StoredSession,
        course: StoredCourse,
        now: datetime,
        limits: SessionLimits,
        stock: Stock = ELSEWHERE,
    ) -> AtHand:
        """Without `stock` nothing is asked about the vials: for what does not look at the dose step."""
        definition = programme_of(course)
        if not definition.monitoring_minutes:
            limits = replace(limits, baseline_readings=1)
        held = hold_words(course) if course.status is CourseStatus.ON_HOLD else ""
        enrolled = course.enrolment.get("weight_kg") or ""
        return cls(session, definition, now, limits, course.place, stock, held, course.held_at, enrolled)

    @property
    def held_before_dose(self) -> bool:
        """The course went on hold before the dose, or there is no dose yet."""
        begun = self.started
        return bool(self.held) and (begun is None or self.held_at is None or begun >= self.held_at)

    def text(self, name: str) -> str:
        return text(self.session, name)

    @property
    def stopped(self) -> bool:
        return self.session.status is SessionStatus.STOPPED

    @property
    def not_done(self) -> bool:
        """Ended before a dose: nothing of the steps is asked any more."""
        return self.session.status is SessionStatus.NOT_DONE

    @property
    def gone(self) -> bool:
        """Stopped, and in other hands or away: what is asked of a discharge does not apply."""
        return self.stopped and self.text("stop.disposition") in GONE

    @property
    def started(self) -> datetime | None:
        return started(self.session, self.now)

    @property
    def observed(self) -> timedelta | None:
        """From the dose to the end of observation, as typed."""
        finished = ended(self.session, "discharge.ended", self.now)
        return elapsed(self.started, finished) if self.started and finished else None

    def gate(self) -> Gate:
        """The blood pressure check for the dose as it was given, or for a dose given now.

        Of an earlier day whose start is not typed yet, the last reading is judged by itself.
        """
        taken = readings(self.session)
        dose_at = self.started or self.now
        if self.started is None and taken and self.session.held_on < self.now.date():
            dose_at = max(reading.measured.at for reading in taken)
        return gate(taken, dose_at=dose_at, limits=self.limits)

    def reason_problem(self, name: str) -> str:
        """What is wrong with a prescriber's reason; empty when it is there."""
        if not says_enough(self.text(name)):
            return f"A prescriber gives a reason here ({REASON_LENGTH} characters or more)."
        author = written(self.session, name)
        if author is None or author.by.role is not Role.PRESCRIBER:
            return "This reason must be a prescriber's."
        return ""


def note_problem(problems: dict[str, str], name: str, check: Callable[[], str]) -> None:
    try:
        words = check()
    except NotUsable as error:
        words = str(error)
    if words:
        problems[name] = words


def end_problem(at_hand: AtHand, name: str) -> str:
    """A time that cannot be placed without the start says nothing more than the missing start does."""
    at_time(at_hand.session.held_on, at_hand.text(name), at_hand.now)
    finished = ended(at_hand.session, name, at_hand.now)
    if finished is None or at_hand.started is None:
        return ""
    if finished < at_hand.started:
        return "This is before the start of the dose."
    return NOT_YET if finished > at_hand.now else ""
