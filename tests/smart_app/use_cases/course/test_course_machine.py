"""The course as a machine, through the use cases: whatever is tried in whatever order, what is refused changes
nothing, and what is kept agrees with the tables."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.programme import ActivityStatus, CourseStatus
from fhir_mappings.facts.treatment import SessionStatus
from smart_app.clinical.course_states import COURSE_TABLE, SESSION_TABLE
from smart_app.use_cases.course.course_events import hold_by_screening
from smart_app.use_cases.course.course_progress import open_one, progress_now
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.session.stop_session import stop_session
from smart_app.use_cases.signing.missed_session import not_done
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import DEE, DOSE_FIELDS, MONDAY, NAN, Clinic, before_fields, discharge_fields

REASON = "Because the machine said so, number "
STOPPED = {"stop.cause": "other", "stop.reason": "Unwell", "stop.disposition": "home", "stop.told": "The family"}


class Course(RuleBasedStateMachine):
    """A patient's courses in the hands of a prescriber and a nurse who try everything."""

    def __init__(self) -> None:
        super().__init__()
        self.clinic = Clinic()
        self.clinic.enrolled()
        self.said = 0

    # What was, to compare with

    def attempt(self, act: Any) -> bool:
        """Whether it was done. A refusal leaves the audit trail longer and all else as it was, but for a hold."""
        clinic = self.clinic
        before = deepcopy(clinic.work.kept)
        try:
            act()
        except Refused:
            after = clinic.work.kept
            new = after.audit[len(before.audit) :]
            done = {each.action for each in new if each.outcome is AuditOutcome.SUCCESS}
            if "clinician:course:hold" not in done:
                assert (_settled(after), after.queue) == (_settled(before), before.queue)
            return False
        self.moved_by_the_tables(before)
        return True

    def moved_by_the_tables(self, before: Any) -> None:
        """Each course and session is where it was, or where one path of its table leads."""
        for course in self.clinic.work.kept.courses.values():
            was = before.courses.get(course.id)
            start = CourseStatus.DRAFT if was is None else was.status
            assert course.status in _reached(COURSE_TABLE, start, steps=2)
        for session in self.clinic.work.kept.sessions.values():
            earlier = before.sessions.get(session.id)
            begun = SessionStatus.PLANNED if earlier is None else earlier.status
            assert session.status in _reached(SESSION_TABLE, begun, steps=1)

    @property
    def reason(self) -> str:
        self.said += 1
        return f"{REASON}{self.said}"

    @property
    def sessions(self) -> list[Any]:
        return [each for each in self.clinic.work.kept.sessions.values() if each.course == self.clinic.course.id]

    # What people do

    @initialize(given=st.integers(0, 5), apart=st.sampled_from([2, 3, 3]))
    def begun(self, given: int, apart: int) -> None:
        for number in range(given):
            self.clinic.signed(MONDAY + timedelta(days=apart * number))

    @rule(days=st.sampled_from([1, 2, 15]))
    def time_passes(self, days: int) -> None:
        self.clinic.at("13:55", self.clinic.now.date() + timedelta(days=days))

    @rule()
    def open(self) -> None:
        self.attempt(self.clinic.opened)

    @rule(days=st.sampled_from([0, 1, 3, 3, 4, 4]), whole=st.sampled_from([True, True, True, False]))
    def hold_a_session(self, days: int, whole: bool) -> None:
        """From opening to signature, on a day to come."""
        clinic = self.clinic
        clinic.at("13:55", clinic.now.date() + timedelta(days=days))
        if self.attempt(clinic.opened):
            self.attempt(lambda: self.recorded_and_signed(whole=whole))

    @precondition(lambda self: open_one(self.sessions) is not None)
    @rule()
    def go_on_with_the_session(self) -> None:
        self.attempt(lambda: self.recorded_and_signed(whole=True))

    def recorded_and_signed(self, *, whole: bool) -> None:
        session, clinic = open_one(self.sessions), self.clinic
        assert session is not None
        day = clinic.now.date()
        clinic.at("13:55", day)
        clinic.read(session, "130/80", baseline="yes", respiratory_rate="14")
        clinic.at("14:00", day)
        clinic.read(session, "128/78", baseline="yes")
        clinic.save(session, before_fields(clinic.course.route) | {"dose.date": day.isoformat()})
        clinic.save(session, {"hold.reason": REASON}, DEE)
        clinic.at("14:10", day)
        clinic.save(session, DOSE_FIELDS | ({} if whole else {"dose.given_mg": "20", "dose.volume_ml": "0.4"}))
        clinic.at("14:20", day)
        clinic.read(session, "142/88")
        clinic.at("16:12", day)
        clinic.save(session, discharge_fields(clinic.course.route))
        clinic.at("16:20", day)
        clinic.sign(clinic.session(session.id))

    @precondition(lambda self: open_one(self.sessions) is not None)
    @rule()
    def stop_early(self) -> None:
        session = open_one(self.sessions)
        assert session is not None
        clinic = self.clinic
        self.attempt(lambda: stop_session(clinic.work, clinic.clock, NAN, session.id, STOPPED))

    @precondition(lambda self: self.said % 3 == 0)
    @rule()
    def miss(self) -> None:
        clinic = self.clinic
        form = {"reason": self.reason}
        self.attempt(lambda: not_done(clinic.work, clinic.clock, DEE, form, clinic.ids, clinic.site))

    @precondition(lambda self: bool(self.sessions))
    @rule(which=st.integers(0, 20))
    def take_back(self, which: int) -> None:
        clinic, session = self.clinic, self.sessions[which % len(self.sessions)]
        why = self.reason
        self.attempt(lambda: enter_in_error(clinic.work, clinic.clock, DEE, session.id, why, clinic.ids, clinic.site))

    @rule(
        decision=st.sampled_from(Decision),
        finish=st.sampled_from(["remission", "adverse event", "withdrawal", "other", "restart", ""]),
        days=st.integers(0, 30),
        nurse=st.booleans(),
    )
    def decide(self, decision: Decision, finish: str, days: int, nurse: bool) -> None:
        clinic = self.clinic
        form = {"reason": self.reason, "finish": finish}
        form |= {"day.6": (clinic.now.date() + timedelta(days=days)).isoformat()}
        caller = NAN if nurse else DEE
        done = self.attempt(
            lambda: decide(clinic.work, clinic.clock, caller, decision, form, clinic.ids, clinic.site)
        )
        assert not (done and nurse), "only a prescriber decides"

    @rule()
    def resume(self) -> None:
        self.clinic.screened()
        form = {"reason": self.reason}
        clinic = self.clinic
        self.attempt(lambda: decide(clinic.work, clinic.clock, DEE, Decision.RESUME, form, clinic.ids, clinic.site))

    @rule(status=st.sampled_from(["candidate"] * 5 + ["hold", "contraindicated", "needs-review"]))
    def screen(self, status: str) -> None:
        clinic = self.clinic
        screening = clinic.screened(status)
        was = clinic.course.status
        with clinic.work() as uow:
            hold_by_screening(uow, screening, NAN, clinic.now, clinic.site)
            uow.audit.add(clinic.trail[-1])
            uow.commit()
        if status in {"hold", "contraindicated"} and was is CourseStatus.ACTIVE:
            assert clinic.course.status is CourseStatus.ON_HOLD

    @rule()
    def enrol_again(self) -> None:
        clinic = self.clinic
        today = clinic.now.date().isoformat()
        self.attempt(lambda: clinic.enrolled(start=today, weight_date=today, consent_signed_on=today))

    # What holds at every moment

    @invariant()
    def one_course_is_open_at_most(self) -> None:
        over = {CourseStatus.COMPLETED, CourseStatus.REVOKED, CourseStatus.ENTERED_IN_ERROR}
        assert sum(each.status not in over for each in self.clinic.work.kept.courses.values()) <= 1

    @invariant()
    def one_session_is_open_at_most(self) -> None:
        assert sum(open_one([each]) is not None for each in self.sessions) <= 1

    @invariant()
    def a_completed_course_is_complete_or_a_prescriber_ended_it(self) -> None:
        for course in self.clinic.work.kept.courses.values():
            if course.status is not CourseStatus.COMPLETED:
                continue
            sessions = [each for each in self.clinic.work.kept.sessions.values() if each.course == course.id]
            assert course.finish is not None or progress_now(course, sessions, None).complete

    @invariant()
    def what_is_counted_is_what_the_plan_shows(self) -> None:
        course = self.clinic.course
        progress = progress_now(course, self.sessions, None)
        shown = [each.session for each in course.planned if each.status is ActivityStatus.COMPLETED]
        assert sorted(filter(None, shown)) == sorted(each.session.id for each in progress.tallies if each.counts)
        assert progress.counted <= 6

    @invariant()
    def who_is_on_hold_says_why(self) -> None:
        course = self.clinic.course
        assert (course.status is CourseStatus.ON_HOLD) == (course.held is not None) == (course.held_at is not None)
        if course.held is not None:
            assert any(note.text.startswith("On hold: ") for note in course.notes)

    @invariant()
    def every_change_left_a_record(self) -> None:
        for course in self.clinic.work.kept.courses.values():
            touched = [each for each in self.clinic.trail if f"course/{course.id}" in each.entities]
            assert len(touched) >= len(course.notes)


def _settled(kept: Any) -> Any:
    """The courses, and of each session what only a decision changes: what is typed before one is kept as it is."""
    return kept.courses, {each.id: (each.status, each.signed) for each in kept.sessions.values()}


def _reached(table: Any, start: Any, *, steps: int) -> set[Any]:
    found = {start}
    for _ in range(steps):
        found |= {target for (state, _), target in table.items() if state in found}
    return found


Course.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTheCourse = Course.TestCase
