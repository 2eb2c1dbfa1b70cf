"""The course: its two transition tables, what counts, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.programme import ActivityStatus, CourseStatus, Finish
from fhir_mappings.facts.treatment import KetamineSession, Route, SessionStatus
from smart_app.clinical.counting import tally
from smart_app.clinical.course_states import (
    ACTIVITY_TABLE,
    COURSE_TABLE,
    SESSION_TABLE,
    ActivityEvent,
    CourseEvent,
    IllegalEvent,
    SessionEvent,
    follow,
)
from smart_app.clinical.programme import Timing, due_event, progress, treatment_course
from tests.smart_app.clinical.treatments import START, a_course, a_session, at

SIX = [a_session(number, day) for number, day in enumerate((0, 3, 7, 10, 14, 17), start=1)]
TODAY = START + timedelta(days=18)


def standing(sessions: Sequence[KetamineSession], today: date = TODAY, route: Route = Route.IV, **more: Any) -> Any:
    return progress(a_course(route), sessions, today=today, **more)


class TestTables:
    @given(st.lists(st.sampled_from(CourseEvent), max_size=12))
    def test_a_course_moves_by_its_table_or_not_at_all(self, events: list[CourseEvent]) -> None:
        state = CourseStatus.DRAFT
        for event in events:
            if (state, event) in COURSE_TABLE:
                state = follow(COURSE_TABLE, state, event)
                continue
            before = state
            with pytest.raises(IllegalEvent):
                follow(COURSE_TABLE, state, event)
            assert state is before

    @given(st.lists(st.sampled_from(CourseEvent), max_size=20))
    def test_what_is_over_for_good_stays_so(self, events: list[CourseEvent]) -> None:
        state = CourseStatus.REVOKED
        for event in events:
            state = COURSE_TABLE.get((state, event), state)
        assert state in {CourseStatus.REVOKED, CourseStatus.ENTERED_IN_ERROR}

    @pytest.mark.parametrize("event", list(CourseEvent))
    def test_nothing_follows_an_error(self, event: CourseEvent) -> None:
        with pytest.raises(IllegalEvent):
            follow(COURSE_TABLE, CourseStatus.ENTERED_IN_ERROR, event)

    @pytest.mark.parametrize("event", [event for event in ActivityEvent if event is not ActivityEvent.REOPEN])
    def test_a_completed_activity_can_only_be_reopened(self, event: ActivityEvent) -> None:
        with pytest.raises(IllegalEvent):
            follow(ACTIVITY_TABLE, ActivityStatus.COMPLETED, event)

    def test_every_state_of_a_course_can_be_reached(self) -> None:
        reached = {CourseStatus.DRAFT, *COURSE_TABLE.values()}
        assert reached == set(CourseStatus)

    def test_every_state_of_a_session_can_be_reached(self) -> None:
        assert {SessionStatus.PLANNED, *SESSION_TABLE.values()} == set(SessionStatus)

    @given(st.lists(st.sampled_from(SessionEvent), max_size=8))
    def test_a_session_moves_by_its_table_or_not_at_all(self, events: list[SessionEvent]) -> None:
        state = SessionStatus.PLANNED
        for event in events:
            try:
                state = follow(SESSION_TABLE, state, event)
            except IllegalEvent:
                assert (state, event) not in SESSION_TABLE
        if SessionEvent.ENTER_IN_ERROR in events and events[0] == SessionEvent.OPEN:
            assert state is SessionStatus.ENTERED_IN_ERROR

    def test_a_session_that_was_not_done_is_never_completed_and_an_error_stays_one(self) -> None:
        after = {target for (state, _), target in SESSION_TABLE.items() if state is SessionStatus.NOT_DONE}
        assert after == {SessionStatus.NOT_DONE, SessionStatus.STOPPED, SessionStatus.ENTERED_IN_ERROR}
        assert not [event for state, event in SESSION_TABLE if state is SessionStatus.ENTERED_IN_ERROR]

    def test_every_state_of_an_activity_can_be_reached(self) -> None:
        reached = {ActivityStatus.NOT_STARTED, *ACTIVITY_TABLE.values()}
        assert reached == set(ActivityStatus)


class TestCounting:
    @pytest.mark.parametrize(
        ("session", "why_not"),
        [
            pytest.param(a_session(1, 0), "", id="whole dose"),
            pytest.param(a_session(1, 0, planned="50", given="40"), "", id="exactly 80 %"),
            pytest.param(
                a_session(1, 0, planned="50", given="39.99"), "less than 80 % of the planned dose", id="under 80 %"
            ),
            pytest.param(a_session(1, 0, planned="0"), "less than 80 %", id="nothing planned to compare with"),
            pytest.param(a_session(1, 0, status=SessionStatus.STOPPED), "stopped early", id="stopped"),
            pytest.param(a_session(1, 0, status=SessionStatus.NOT_DONE, dose=None), "missed", id="missed"),
            pytest.param(a_session(1, 0, status=SessionStatus.ENTERED_IN_ERROR), "entered in error", id="error"),
            pytest.param(a_session(1, 0, status=SessionStatus.IN_PROGRESS), "not finished", id="running"),
            pytest.param(a_session(1, 0, dose_completed=False), "dose was not completed", id="dose stopped"),
            pytest.param(a_session(1, 0, dose=None), "dose was not completed", id="no dose"),
            pytest.param(a_session(1, 0, route=Route.IM), "another route (IM)", id="other route"),
            pytest.param(a_session(1, 0, dose_route=Route.IM), "another route (IM)", id="dose by another route"),
        ],
    )
    def test_what_counts(self, session: KetamineSession, why_not: str) -> None:
        (found,) = tally([session], a_course())
        assert found.counts is (why_not == "")
        assert why_not in found.why_not

    def test_a_prescriber_can_count_a_small_dose(self) -> None:
        small = a_session(1, 0, planned="50", given="30")
        (found,) = tally([small], a_course(), {small.id})
        assert found.counts
        assert found.by_decision

    def test_a_decision_does_not_count_a_stopped_session(self) -> None:
        stopped = a_session(1, 0, given="30", status=SessionStatus.STOPPED)
        assert not tally([stopped], a_course(), {stopped.id})[0].counts

    def test_one_session_a_day_counts_and_the_second_is_told_why_not(self) -> None:
        first, second = a_session(1, 0, hour="09:00"), a_session(2, 0, hour="16:00", id="second")
        found = tally([second, first], a_course())
        assert [(each.session.number, each.counts) for each in found] == [(1, True), (2, False)]
        assert "same day" in found[1].why_not

    def test_a_stopped_session_leaves_the_day_to_another(self) -> None:
        stopped = a_session(1, 0, hour="09:00", status=SessionStatus.STOPPED)
        whole = a_session(1, 0, hour="16:00", id="whole")
        assert [each.counts for each in tally([stopped, whole], a_course())] == [False, True]

    def test_a_seventh_session_does_not_count(self) -> None:
        found = tally([*SIX, a_session(7, 20)], a_course())
        assert sum(each.counts for each in found) == 6
        assert found[-1].why_not == "the course was complete without it"

    def test_an_open_ended_programme_counts_without_end(self) -> None:
        daily = [a_session(number, number, route=Route.SL) for number in range(1, 31)]
        found = standing(daily, route=Route.SL)
        assert (found.counted, found.complete, found.of) == (30, False, None)
        assert found.words == "30 recorded, open-ended"
        assert found.timing is Timing.OPEN_ENDED


@st.composite
def histories(draw: st.DrawFn) -> list[KetamineSession]:
    days = draw(st.lists(st.integers(0, 30), max_size=9))
    made = []
    for index, offset in enumerate(days):
        status = draw(
            st.sampled_from(
                [SessionStatus.COMPLETED] * 3
                + [SessionStatus.STOPPED, SessionStatus.NOT_DONE, SessionStatus.ENTERED_IN_ERROR]
            )
        )
        number = draw(st.integers(1, 7))
        hour = draw(st.sampled_from(["08:00", "14:00"]))
        given_mg = draw(st.sampled_from(["41", "20"]))
        session = a_session(number, offset, hour=hour, given=given_mg, status=status, id=f"s{index}")
        made.append(replace(session, dose=None) if status is SessionStatus.NOT_DONE else session)
    return made


class TestHistories:
    @given(histories(), st.randoms())
    def test_the_order_in_which_sessions_are_given_does_not_matter(self, sessions: list[Any], random: Any) -> None:
        shuffled = list(sessions)
        random.shuffle(shuffled)
        assert standing(shuffled) == standing(sessions)

    @given(histories())
    def test_what_counts_is_shown_as_a_completed_activity_once(self, sessions: list[Any]) -> None:
        found = standing(sessions)
        counted = {each.session.id for each in found.tallies if each.counts}
        shown = [each.session for each in found.planned if each.session]
        assert sorted(shown) == sorted(counted)
        assert found.counted == len(counted) <= 6
        for activity in found.planned:
            assert (activity.status is ActivityStatus.COMPLETED) == (activity.session is not None)

    @given(histories(), st.data())
    def test_taking_a_counted_session_back_never_adds_one_and_reopens(self, sessions: list[Any], data: Any) -> None:
        before = standing(sessions)
        counted = [each.session for each in before.tallies if each.counts]
        if not counted:
            return
        taken = data.draw(st.sampled_from(counted))
        wrong = [replace(s, status=SessionStatus.ENTERED_IN_ERROR) if s.id == taken.id else s for s in sessions]
        after = standing(wrong)
        assert before.counted - 1 <= after.counted <= before.counted
        assert taken.id not in {each.session for each in after.planned}
        if not after.complete:
            assert due_event(a_course(status=CourseStatus.COMPLETED), after) is CourseEvent.REOPEN
            early = a_course(status=CourseStatus.COMPLETED, finish=Finish.REMISSION)
            assert due_event(early, after) is None


class TestStanding:
    def test_a_new_course_has_all_to_do(self) -> None:
        found = standing([], today=START)
        assert found.words == "0 of 6 done, next 02 Nov 2026"
        assert (found.next_number, found.timing) == (1, Timing.NOT_STARTED)

    def test_done_missed_and_next_are_said(self) -> None:
        missed = a_session(5, 14, status=SessionStatus.NOT_DONE, dose=None, reason="Fever.")
        found = standing([*SIX[:4], missed])
        assert found.words == "4 of 6 done, 1 missed, next 16 Nov 2026"
        assert (found.next_number, found.complete) == (5, False)
        assert found.planned[4].status is ActivityStatus.SCHEDULED
        assert found.planned[4].note == "Missed on 16 Nov 2026: Fever."

    def test_six_sessions_complete_an_intravenous_course(self) -> None:
        found = standing(SIX)
        assert found.complete
        assert due_event(a_course(), found) is CourseEvent.COMPLETE
        assert found.words == "6 of 6 done"

    def test_six_sessions_do_not_complete_an_intramuscular_course(self) -> None:
        sessions = [
            replace(each, route=Route.IM, dose=replace(each.dose, route=Route.IM)) for each in SIX if each.dose
        ]
        found = standing(sessions, route=Route.IM)
        assert (found.counted, found.of, found.complete) == (6, 8, False)

    def test_five_sessions_leave_the_course_as_it_is(self) -> None:
        found = standing(SIX[:5])
        assert due_event(a_course(), found) is None

    @pytest.mark.parametrize("status", [CourseStatus.ON_HOLD, CourseStatus.REVOKED, CourseStatus.ENTERED_IN_ERROR])
    def test_a_course_that_is_not_active_is_not_moved_by_counting(self, status: CourseStatus) -> None:
        assert due_event(a_course(status=status), standing(SIX)) is None
        assert due_event(a_course(status=status), standing(SIX[:2])) is None

    @pytest.mark.parametrize(
        ("days", "event"),
        [
            pytest.param((0, 3, 7, 9, 11, 13), None, id="13 days in all: too soon, to be confirmed"),
            pytest.param((0, 3, 7, 9, 11, 14), CourseEvent.COMPLETE, id="14 days in all"),
            pytest.param((0, 4, 8, 12, 16, 21), CourseEvent.COMPLETE, id="21 days in all"),
            pytest.param((0, 4, 8, 12, 16, 28), CourseEvent.COMPLETE, id="28 days in all: late"),
            pytest.param((0, 6, 12, 18, 24, 29), CourseEvent.HOLD, id="29 days in all: interrupted"),
            pytest.param((0, 2, 4, 6, 8, 22), CourseEvent.COMPLETE, id="a gap of 14 days"),
            pytest.param((0, 2, 4, 6, 8, 23), CourseEvent.HOLD, id="a gap of 15 days"),
            pytest.param((0, 15), CourseEvent.HOLD, id="a gap of 15 days in the middle"),
        ],
    )
    def test_what_the_days_of_the_sessions_ask_of_the_course(
        self, days: tuple[int, ...], event: CourseEvent | None
    ) -> None:
        sessions = [a_session(number, on) for number, on in enumerate(days, start=1)]
        assert due_event(a_course(), progress(a_course(), sessions, today=None)) is event

    def test_two_sessions_within_a_day_are_not_silently_a_complete_course(self) -> None:
        close = [*SIX[:5], a_session(6, 15, hour="13:59")]
        sixth = replace(close[4], started=at("14:00", START + timedelta(days=14)))
        found = standing([*close[:4], sixth, close[5]])
        assert found.complete
        assert found.doubts == ("The session of 17 Nov 2026 began less than 24 hours after the last.",)
        assert due_event(a_course(), found) is None

    def test_a_resumed_course_is_late_and_no_longer_interrupted(self) -> None:
        sessions = [a_session(1, 0), a_session(2, 20)]
        on = START + timedelta(days=18)
        assert standing(sessions, START + timedelta(days=20)).timing is Timing.INTERRUPTED
        resumed = progress(a_course(resumed=on), sessions, today=START + timedelta(days=33))
        assert resumed.timing is Timing.LATE
        again = progress(a_course(resumed=on), sessions, today=START + timedelta(days=35))
        assert again.timing is Timing.INTERRUPTED

    def test_two_given_on_one_day_are_flagged(self) -> None:
        twice = [a_session(1, 0, hour="09:00"), a_session(2, 0, hour="16:00", id="second")]
        assert "2 sessions are recorded on 02 Nov 2026." in standing(twice, START).flags[-1]

    @pytest.mark.parametrize(
        ("last_day", "timing"),
        [
            pytest.param(13, Timing.TOO_SOON, id="13 days"),
            pytest.param(14, Timing.ON_TIME, id="14 days"),
            pytest.param(21, Timing.ON_TIME, id="21 days"),
            pytest.param(22, Timing.LATE, id="22 days"),
            pytest.param(28, Timing.LATE, id="28 days"),
            pytest.param(29, Timing.INTERRUPTED, id="29 days"),
        ],
    )
    def test_a_complete_course_is_on_time_late_or_too_soon(self, last_day: int, timing: Timing) -> None:
        days = (0, 3, 6, 9, (9 + last_day) // 2, last_day) if last_day > 13 else (0, 2, 4, 6, 8, last_day)
        found = standing([a_session(number, day) for number, day in enumerate(days, start=1)])
        assert found.timing is timing
        assert bool(found.flags) is (timing is not Timing.ON_TIME)

    @pytest.mark.parametrize(
        ("days_since", "timing"), [(14, Timing.ON_TIME), (15, Timing.INTERRUPTED)], ids=["14 days", "15 days"]
    )
    def test_a_gap_of_more_than_14_days_interrupts_a_running_course(self, days_since: int, timing: Timing) -> None:
        assert standing(SIX[:1], today=START + timedelta(days=days_since)).timing is timing

    def test_sessions_less_than_24_hours_apart_are_flagged(self) -> None:
        near = [a_session(1, 0, hour="14:00"), a_session(2, 1, hour="13:59")]
        far = [a_session(1, 0, hour="14:00"), a_session(2, 1, hour="14:00")]
        today = START + timedelta(days=2)
        assert "less than 24 hours" in " ".join(standing(near, today).flags)
        assert standing(far, today).flags == ()

    def test_the_running_session_is_in_progress(self) -> None:
        found = standing(SIX[:2], open_number=3)
        assert [each.status for each in found.planned[1:4]] == [
            ActivityStatus.COMPLETED,
            ActivityStatus.IN_PROGRESS,
            ActivityStatus.SCHEDULED,
        ]

    def test_a_stopped_session_leaves_its_activity_to_be_done(self) -> None:
        stopped = a_session(1, 0, status=SessionStatus.STOPPED, reason="Vomiting.")
        found = standing([stopped])
        assert (found.next_number, found.counted) == (1, 0)
        assert found.planned[0].note == "Stopped early on 02 Nov 2026: Vomiting."

    def test_after_a_retraction_the_others_keep_their_numbers(self) -> None:
        sessions = [SIX[0], replace(SIX[1], status=SessionStatus.ENTERED_IN_ERROR), *SIX[2:]]
        found = standing(sessions)
        assert [each.session for each in found.planned] == [
            SIX[0].id, None, SIX[2].id, SIX[3].id, SIX[4].id, SIX[5].id
        ]  # fmt: skip
        assert (found.next_number, found.counted) == (2, 5)


def test_a_revoked_course_cancels_what_was_left() -> None:
    course = a_course(status=CourseStatus.REVOKED)
    plan = treatment_course(course, SIX[:2], open_number=3)
    assert [each.status.value for each in plan.planned] == [
        "completed", "completed", "stopped", "cancelled", "cancelled", "cancelled"
    ]  # fmt: skip


def test_the_care_plan_says_what_the_course_is() -> None:
    missed = a_session(3, 7, status=SessionStatus.NOT_DONE, dose=None, reason="Fever.")
    course = a_course()
    plan = treatment_course(course, [*SIX[:2], missed])
    assert (plan.counted, plan.missed) == (2, 1)
    kept = ("id", "ehr", "patient", "route", "status", "enrolled_at", "start", "place", "conditions", "screening")
    assert [getattr(plan, name) for name in kept] == [getattr(course, name) for name in kept]
