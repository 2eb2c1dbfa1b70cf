"""A prescriber's decisions about a course: what each does, who may take it, and when it is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from fhir_mappings.facts.programme import ActivityStatus, CourseStatus, Finish, Held
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.course.decision_view import decision_view
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.records import Caller, MessageKind, StoredCourse
from smart_app.use_cases.signing.missed_session import not_done
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import DEE, MONDAY, NAN, Clinic

REASON = "The patient is on holiday until then."
DAYS = [MONDAY + timedelta(days=offset) for offset in (0, 3, 7, 10, 14, 17)]


def decided(clinic: Clinic, decision: Decision, caller: Caller = DEE, **fields: str) -> StoredCourse:
    form = {"reason": REASON} | fields
    return decide(clinic.work, clinic.clock, caller, decision, form, clinic.ids, clinic.site)


def refused(clinic: Clinic, decision: Decision, caller: Caller = DEE, **fields: str) -> Refused:
    before = clinic.course, clinic.messages
    with pytest.raises(Refused) as caught:
        decided(clinic, decision, caller, **fields)
    assert (clinic.course, clinic.messages) == before, "a refused decision changes nothing"
    return caught.value


def a_course(sessions: int = 0) -> Clinic:
    clinic = Clinic()
    clinic.enrolled()
    for on in DAYS[:sessions]:
        clinic.signed(on)
    return clinic


def an_interrupted_course() -> Clinic:
    clinic = a_course(1)
    clinic.at("09:00", MONDAY + timedelta(days=15))
    with pytest.raises(Refused, match="interrupted"):
        clinic.opened()
    return clinic


class TestHoldAndResume:
    def test_on_hold_no_session_can_be_opened_and_the_page_says_why(self) -> None:
        clinic = a_course(1)
        course = decided(clinic, Decision.HOLD)
        assert (course.status, course.held, course.held_at) == (CourseStatus.ON_HOLD, Held.DECISION, clinic.now)
        assert course.notes[-1].text == f"On hold: {REASON}"
        assert clinic.kinds[-1] is MessageKind.UPDATE_CARE_PLAN
        clinic.at("14:00", DAYS[1])
        with pytest.raises(Refused, match=r"on hold\. The patient is on holiday"):
            clinic.opened()
        view = course_view(clinic.work, clinic.clock, NAN)
        assert not view.may_open
        assert "The patient is on holiday" in view.hold
        assert "A prescriber resumes the course." in view.why_not_open

    def test_resumed_it_goes_on(self) -> None:
        clinic = a_course(1)
        decided(clinic, Decision.HOLD)
        clinic.at("09:00", DAYS[1])
        course = decided(clinic, Decision.RESUME)
        assert (course.status, course.held, course.resumed) == (CourseStatus.ACTIVE, None, DAYS[1])
        assert clinic.opened().number == 2

    @pytest.mark.parametrize("status", ["hold", "contraindicated"])
    def test_not_resumed_while_the_screening_forbids_it(self, status: str) -> None:
        clinic = a_course(1)
        decided(clinic, Decision.HOLD)
        clinic.screened(status)
        assert "does not allow to go on" in refused(clinic, Decision.RESUME).words
        clinic.screened(status, after_overrides="needs-review")
        assert decided(clinic, Decision.RESUME).status is CourseStatus.ACTIVE


class TestAnInterruptedCourse:
    def test_goes_on_hold_when_its_next_session_would_come_too_late(self) -> None:
        clinic = an_interrupted_course()
        assert (clinic.course.status, clinic.course.held) == (CourseStatus.ON_HOLD, Held.INTERRUPTED)
        assert "more than 14 days between two sessions" in clinic.course.notes[-1].text
        assert clinic.kinds[-1] is MessageKind.UPDATE_CARE_PLAN
        assert [record.action for record in clinic.trail[-2:]] == ["clinician:course:hold", "clinician:session:open"]
        assert len(clinic.work.kept.sessions) == 1

    def test_is_not_interrupted_on_the_fourteenth_day(self) -> None:
        clinic = a_course(1)
        clinic.at("09:00", MONDAY + timedelta(days=14))
        assert clinic.opened().number == 2

    def test_resumed_it_may_be_completed_late(self) -> None:
        clinic = an_interrupted_course()
        decided(clinic, Decision.RESUME)
        for offset in (15, 18, 21, 24, 27):
            clinic.signed(MONDAY + timedelta(days=offset))
        assert clinic.course.status is CourseStatus.COMPLETED
        assert "Late: more than 21 days" in clinic.course.notes[-1].text

    def test_restarted_it_is_revoked_with_what_was_given_and_the_patient_is_enrolled_anew(self) -> None:
        clinic = an_interrupted_course()
        first = decided(clinic, Decision.RESTART)
        assert (first.status, first.finish) == (CourseStatus.REVOKED, Finish.RESTART)
        assert "Partial: 1 of 6 sessions counted." in first.notes[-1].text
        assert clinic.enrolled(start=clinic.now.date().isoformat(), weight_date="2026-11-16").id != first.id


class TestAnEarlyEnd:
    @pytest.mark.parametrize(
        ("finish", "status"),
        [
            (Finish.REMISSION, CourseStatus.COMPLETED),
            (Finish.ADVERSE_EVENT, CourseStatus.REVOKED),
            (Finish.WITHDRAWAL, CourseStatus.REVOKED),
            (Finish.OTHER, CourseStatus.REVOKED),
        ],
    )
    @pytest.mark.parametrize("held", [False, True])
    def test_says_why_and_how_much_was_given(self, finish: Finish, status: CourseStatus, held: bool) -> None:
        clinic = a_course(2)
        if held:
            decided(clinic, Decision.HOLD)
        course = decided(clinic, Decision.FINISH, finish=finish.value)
        assert (course.status, course.finish, course.ended) == (status, finish, clinic.now.date())
        assert f"Partial: 2 of 6 sessions counted. {REASON}" in course.notes[-1].text
        assert [each.status for each in course.planned[2:]] == [ActivityStatus.CANCELLED] * 4
        assert [each.status for each in course.planned[:2]] == [ActivityStatus.COMPLETED] * 2

    @pytest.mark.parametrize("finish", ["", "restart", "cured", "REMISSION"])
    def test_asks_why(self, finish: str) -> None:
        assert refused(a_course(1), Decision.FINISH, finish=finish).problems == {
            "finish": "Choose why the course ends."
        }

    def test_waits_for_the_session_that_is_running(self) -> None:
        clinic = a_course()
        clinic.opened()
        assert refused(clinic, Decision.FINISH, finish="remission").words == "A session is running."

    def test_in_remission_stays_completed_when_a_session_is_taken_back(self) -> None:
        clinic = a_course(3)
        decided(clinic, Decision.FINISH, finish="remission")
        session = next(iter(clinic.work.kept.sessions.values()))
        enter_in_error(clinic.work, clinic.clock, DEE, session.id, "Another patient's.", clinic.ids, clinic.site)
        assert clinic.course.status is CourseStatus.COMPLETED


class TestNewDates:
    def test_what_is_to_be_done_is_moved_and_the_rest_stays(self) -> None:
        clinic = a_course(2)
        form = {f"day.{number}": (DAYS[number - 1] + timedelta(days=2)).isoformat() for number in (3, 4, 5, 6)}
        course = decided(clinic, Decision.DATES, **form, **{"day.1": "2026-01-01"})
        assert [each.day for each in course.planned] == [*DAYS[:2], *(on + timedelta(days=2) for on in DAYS[2:])]
        assert course.notes[-1].text.startswith("New dates: session 3 to 11 Nov 2026, session 4 to 14 Nov 2026")
        assert clinic.kinds[-1] is MessageKind.UPDATE_CARE_PLAN

    @pytest.mark.parametrize(
        ("form", "problems"),
        [
            ({}, {"day.2": "Change at least one date."}),
            ({"day.3": ""}, {"day.3": "Enter the date of session 3."}),
            ({"day.3": "soon"}, {"day.3": "Enter a date as year-month-day, such as 2026-11-26."}),
            ({"day.2": "2026-11-02"}, {"day.2": "Session 2 is on the same day as session 1."}),
            ({"day.6": "2027-11-02"}, {"day.6": "This is more than 180 days ahead."}),
            ({"day.3": "2026-11-10", "reason": "no"}, {"reason": "Give a reason (10 characters or more)."}),
        ],
    )
    def test_what_is_wrong_is_said_at_the_date(self, form: dict[str, str], problems: dict[str, str]) -> None:
        assert refused(a_course(1), Decision.DATES, **form).problems == problems

    def test_the_table_warns_of_what_is_unusual(self) -> None:
        clinic = a_course(1)
        form = {"day.2": "2026-11-07", "day.3": "2026-11-08", "day.6": "2026-12-20"}
        table = decision_view(clinic.work, clinic.clock, DEE, Decision.DATES, form).dates
        assert [each.fixed for each in table] == [True] + [False] * 5
        assert table[1].remarks == ("Weekend",)
        assert table[5].remarks == (
            "Weekend",
            "More than 14 days after session 5",
            "48 days in all: the programme takes 14 to 21",
        )


class TestWhoDecidesAndHowOften:
    @pytest.mark.parametrize("decision", list(Decision))
    def test_only_prescribers_who_may_write(self, decision: Decision) -> None:
        assert refused(a_course(1), decision, NAN).words == "Only a prescriber can do this."

    @pytest.mark.parametrize("decision", list(Decision))
    def test_every_decision_needs_a_reason(self, decision: Decision) -> None:
        clinic = (
            an_interrupted_course() if decision is Decision.RESUME else a_course(decision is not Decision.WITHDRAW)
        )
        if decision is not Decision.CONFIRM:
            form = {"finish": "other", "day.2": "2026-11-06", "reason": "-"}
            assert set(refused(clinic, decision, **form).problems) == {"reason"}

    def test_pressed_twice_is_decided_once(self) -> None:
        clinic = a_course(1)
        marks = {"course": clinic.course.id, "version": str(clinic.course.version)}
        first = decided(clinic, Decision.HOLD, **marks)
        assert decided(clinic, Decision.HOLD, **marks) == first
        assert decided(clinic, Decision.HOLD) == first
        assert len(first.notes) == 1

    def test_what_changed_since_the_page_was_shown_is_looked_at_again(self) -> None:
        clinic = a_course(1)
        marks = {"course": clinic.course.id, "version": str(clinic.course.version)}
        decided(clinic, Decision.DATES, **{"day.2": "2026-11-06"})
        assert "changed since" in refused(clinic, Decision.HOLD, reason="Something else happened.", **marks).words

    @pytest.mark.parametrize(
        ("prepare", "possible"),
        [
            pytest.param(lambda: a_course(), {"hold", "finish", "withdraw", "dates"}, id="enrolled"),
            pytest.param(lambda: a_course(1), {"hold", "finish", "restart", "dates"}, id="under way"),
            pytest.param(an_interrupted_course, {"resume", "finish", "restart", "dates"}, id="interrupted"),
            pytest.param(lambda: a_course(6), set(), id="completed"),
        ],
    )
    def test_the_page_offers_what_is_possible(self, prepare: Any, possible: set[str]) -> None:
        clinic = prepare()
        assert {each.value for each in course_view(clinic.work, clinic.clock, DEE).decisions} == possible
        assert course_view(clinic.work, clinic.clock, NAN).decisions == ()


class TestAfterTheLastSession:
    def test_no_session_is_opened_while_the_completion_is_not_confirmed(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        for offset in range(0, 12, 2):
            clinic.signed(MONDAY + timedelta(days=offset))
        clinic.at("09:00", date(2026, 11, 16))
        with pytest.raises(Refused, match="All sessions of this course are done"):
            clinic.opened()
        assert Decision.CONFIRM in course_view(clinic.work, clinic.clock, DEE).decisions


class TestAMissedSession:
    @pytest.mark.parametrize(
        ("new_day", "days"),
        [
            pytest.param(4, (0, 4, 7, 10, 14, 17), id="before the next one, which stays"),
            pytest.param(6, (0, 6, 7, 10, 14, 17), id="on the day before the next one"),
            pytest.param(7, (0, 7, 11, 14, 18, 21), id="on the day of the next one: all later ones move along"),
            pytest.param(12, (0, 12, 16, 19, 23, 26), id="after the next one"),
        ],
    )
    def test_extends_the_course(self, new_day: int, days: tuple[int, ...]) -> None:
        clinic = a_course(1)
        clinic.at("09:00", DAYS[1])
        form = {"reason": "Fever.", "rescheduled": (MONDAY + timedelta(days=new_day)).isoformat()}
        not_done(clinic.work, clinic.clock, DEE, form, clinic.ids, clinic.site)
        assert tuple((each.day - MONDAY).days for each in clinic.course.planned if each.day) == days
