"""The course on one page: progress, scores, the EHR's acceptance in words, the audit trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.programme import Timing
from smart_app.use_cases.access import OtherPatient
from smart_app.use_cases.delivery.delivery_status import (
    WORDS,
    DeliveryView,
    delivery_view,
    release_waiting,
    retry_delivery,
)
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import CourseView, audit_view, course_view
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.records import Caller, MessageKind, MessageState
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, MONDAY, NAN, OTHERS, Clinic, a_caller

AUDITOR = a_caller(OTHERS[Role.AUDITOR])


def shown(clinic: Clinic, caller: Caller = DEE) -> CourseView:
    return course_view(clinic.work, clinic.clock, caller)


def delivered(clinic: Clinic, session: str | None = None, caller: Caller = DEE) -> DeliveryView:
    return delivery_view(clinic.work, clinic.clock, caller, session)


def a_signed_course() -> Clinic:
    clinic = Clinic()
    clinic.enrolled()
    clinic.signed(MONDAY)
    return clinic


class TestTheCourse:
    def test_without_a_course_scores_and_banner_are_shown(self) -> None:
        clinic = Clinic()
        clinic.screened()
        view = shown(clinic)
        assert view.course is view.progress is view.open_session is None
        assert view.person["family"] == "Test"
        assert view.outcomes.judged.sentence == "PHQ-9 21 (severe). No score after baseline yet."
        assert view.delivery.summary == "Nothing to write yet."
        assert not view.may_open

    def test_done_missed_and_next_are_said(self) -> None:
        view = shown(a_signed_course())
        assert view.progress is not None
        assert view.progress.words == "1 of 6 done, next 05 Nov 2026"
        assert view.progress.timing is Timing.ON_TIME
        assert view.may_open
        assert "withdraw" not in view.decisions

    def test_each_session_shows_dose_peak_and_events(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.recorded(MONDAY)
        clinic.read(session, "151/92", time="14:15")
        typed = {"type": "nausea", "severity": "mild"}
        add_entry(clinic.work, clinic.clock, NAN, session.id, "event", "v1", typed)
        (row,) = shown(clinic).sessions
        assert (row.dose, row.peak, row.events, row.words) == ("41 mg", "151/92", ("Nausea",), "open")
        assert shown(clinic).open_session == session.id
        clinic.sign(session)
        (row,) = shown(clinic).sessions
        assert (row.signed, row.counts, row.words, row.day) == (True, True, "counted", MONDAY)

    def test_a_session_taken_back_stays_in_sight(self) -> None:
        clinic = a_signed_course()
        (session,) = clinic.work.kept.sessions
        enter_in_error(clinic.work, clinic.clock, DEE, session, "For the wrong patient.", clinic.ids, clinic.site)
        (row,) = shown(clinic).sessions
        assert (row.counts, row.words) == (False, "not counted: entered in error")
        progress = shown(clinic).progress
        assert progress is not None
        assert progress.counted == 0

    def test_a_small_dose_says_why_it_does_not_count(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.recorded(MONDAY)
        clinic.save(session, {"dose.given_mg": "30", "dose.volume_ml": ""})
        clinic.sign(session)
        (row,) = shown(clinic).sessions
        assert row.words == "not counted: less than 80 % of the planned dose was given"

    @pytest.mark.parametrize(
        ("caller", "may_open", "may_withdraw"),
        [
            (DEE, True, True),
            (NAN, True, False),
            (AUDITOR, False, False),
            (replace(DEE, may_write=False), False, False),
        ],
        ids=["prescriber", "nurse", "auditor", "without write scopes"],
    )
    def test_what_a_role_may_do_is_said(self, caller: Caller, may_open: bool, may_withdraw: bool) -> None:
        clinic = Clinic()
        clinic.enrolled()
        view = shown(clinic, caller)
        assert (view.may_open, "withdraw" in view.decisions) == (may_open, may_withdraw)

    def test_another_patients_launch_sees_nothing_of_it(self) -> None:
        clinic = a_signed_course()
        view = shown(clinic, BENS_DOCTOR)
        assert view.course is None
        assert view.sessions == view.outcomes.scales[0].scores == view.delivery.rows == ()

    def test_looking_is_audited(self) -> None:
        clinic = a_signed_course()
        shown(clinic)
        assert clinic.trail[-1].action == "clinician:course:read"
        assert clinic.trail[-1].entities == (f"course/{clinic.course.id}",)


class TestDelivery:
    @pytest.mark.parametrize(
        ("state", "reason", "words"),
        [
            (MessageState.QUEUED, "", "Waiting to be sent"),
            (MessageState.SENDING, "", "Being sent"),
            (MessageState.RETRY_AT, "no connection", "Waiting, next try 15:42"),
            (MessageState.UNKNOWN, "", "Checking with the EHR"),
            (MessageState.WAIT_AUTH, "", "Waiting for you to open the app from this patient's chart again"),
            (MessageState.REJECTED, "code is not known", "Refused: code is not known"),
            (MessageState.CONFLICT, "It was changed.", "Changed in the EHR: It was changed."),
            (MessageState.MANUAL, "", "Not taken by this EHR"),
            (MessageState.DELIVERED, "", "Written 15:41"),
            (
                MessageState.DELIVERED,
                "Written. The EHR left out or changed: note.",
                "Written 15:41. The EHR left out or changed: note.",
            ),
        ],
    )
    def test_each_state_has_its_words(self, state: MessageState, reason: str, words: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        (message,) = clinic.messages
        items = tuple(replace(item, reference="CarePlan/7") for item in message.items)
        clinic.at("15:42")
        clinic.settle(message, state=state, reason=reason, items=items, due=clinic.now)
        clinic.work.kept.audit.append(
            AuditRecord(
                action="app:care-plan:create",
                at=clinic.now - timedelta(minutes=1),
                patient=DEE.patient,
                entities=("CarePlan/7",),
            )
        )
        (row,) = delivered(clinic).rows
        assert row.words == words
        assert row.reference == "CarePlan/7"
        assert ("Written" in row.words) is (state is MessageState.DELIVERED)

    def test_every_state_is_in_the_table(self) -> None:
        assert set(WORDS) == set(MessageState)

    def test_a_failed_attempt_is_not_the_time_of_writing(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        (message,) = clinic.messages
        items = tuple(replace(item, reference="CarePlan/7") for item in message.items)
        clinic.settle(message, state=MessageState.DELIVERED, items=items)
        failed = AuditRecord(
            action="app:care-plan:create",
            at=clinic.now,
            outcome=AuditOutcome.FAILED,
            patient=DEE.patient,
            entities=("CarePlan/7",),
        )
        clinic.work.kept.audit.append(failed)
        assert delivered(clinic).rows[0].words == "Written"

    def test_each_update_of_the_plan_has_its_own_time(self) -> None:
        clinic = a_signed_course()
        clinic.signed(date(2026, 11, 5))
        plan, *_ = clinic.messages
        updates = [message for message in clinic.messages if message.kind is MessageKind.UPDATE_CARE_PLAN]
        items = tuple(replace(item, reference="CarePlan/7") for item in plan.items)
        for hhmm, update in zip(("17:01", "17:02"), updates, strict=True):
            clinic.at(hhmm)
            clinic.settle(update, state=MessageState.DELIVERED, items=items)
            record = AuditRecord(
                action="app:care-plan:update", at=clinic.now, patient=DEE.patient, entities=("CarePlan/7",)
            )
            clinic.work.kept.audit.append(record)
        words = [row.words for row in delivered(clinic).rows if row.reference]
        assert words == ["Written 17:01", "Written 17:02"]

    def test_what_waits_behind_another_says_so(self) -> None:
        clinic = a_signed_course()
        words = [row.words for row in delivered(clinic).rows]
        assert words[0] == "Waiting to be sent"
        assert set(words[1:]) == {"Waiting for an earlier item to be written"}

    def test_the_summary_counts_items(self) -> None:
        clinic = a_signed_course()
        plan, session, update = clinic.messages
        size = len(session.items)
        assert delivered(clinic).summary == f"0 of {size + 2} items written. {size + 2} waiting."
        clinic.settle(plan, state=MessageState.DELIVERED)
        clinic.settle(session, state=MessageState.REJECTED)
        view = delivered(clinic)
        assert view.summary == f"1 of {size + 2} items written. 1 waiting. {size} not written: see below."
        assert not view.settled
        clinic.settle(session, state=MessageState.DELIVERED)
        clinic.settle(update, state=MessageState.DELIVERED)
        view = delivered(clinic)
        assert view.summary == f"{size + 2} of {size + 2} items written."
        assert view.settled

    def test_one_sessions_items_can_be_looked_at_alone(self) -> None:
        clinic = a_signed_course()
        (session,) = clinic.work.kept.sessions
        rows = delivered(clinic, session).rows
        assert {row.session for row in rows} == {session}
        assert rows[0].target == "Procedure"
        assert "Blood pressure 14:00" in {row.item for row in rows}

    def test_items_taken_back_are_named_so(self) -> None:
        clinic = a_signed_course()
        (session,) = clinic.work.kept.sessions
        enter_in_error(clinic.work, clinic.clock, DEE, session, "For the wrong patient.", clinic.ids, clinic.site)
        assert "Entered in error: Blood pressure 14:00" in {row.item for row in delivered(clinic).rows}

    def test_another_patients_session_is_refused(self) -> None:
        clinic = a_signed_course()
        (session,) = clinic.work.kept.sessions
        with pytest.raises(OtherPatient):
            delivered(clinic, session, BENS_DOCTOR)
        assert clinic.refusals == ["clinician:delivery:read"]

    def test_a_refused_item_can_be_tried_again_with_this_launch(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.settle(clinic.messages[0], state=MessageState.REJECTED)
        (row,) = delivered(clinic).rows
        retry_delivery(clinic.work, clinic.clock, NAN, row.message)
        assert (clinic.messages[0].state, clinic.messages[0].launch) == (MessageState.QUEUED, "launch-2")
        assert delivered(clinic).rows[0].message == ""

    @pytest.mark.parametrize("caller", [BENS_DOCTOR, AUDITOR], ids=["another patient", "an auditor"])
    def test_nobody_else_tries_again(self, caller: Caller) -> None:
        clinic = Clinic()
        clinic.enrolled()
        message = clinic.messages[0]
        clinic.settle(message, state=MessageState.REJECTED)
        with pytest.raises(Refused):
            retry_delivery(clinic.work, clinic.clock, caller, message.id)
        assert clinic.messages[0].state is MessageState.REJECTED
        assert clinic.refusals == ["clinician:delivery:retry"]

    def test_what_waits_for_a_launch_is_given_this_one(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.settle(clinic.messages[0], state=MessageState.WAIT_AUTH)
        assert delivered(clinic).waiting_for_launch
        assert release_waiting(clinic.work, clinic.clock, BENS_DOCTOR) == 0
        assert release_waiting(clinic.work, clinic.clock, NAN) == 1
        assert clinic.messages[0].launch == "launch-2"
        assert not delivered(clinic).waiting_for_launch
        assert [r.detail for r in clinic.trail if r.action == "clinician:delivery:release"] == [
            "0 messages",
            "1 messages",
        ]


class TestTheAuditTrail:
    def test_every_role_may_look_and_is_seen_looking(self) -> None:
        clinic = a_signed_course()
        first = audit_view(clinic.work, clinic.clock, AUDITOR)
        assert first.records[0].action == "clinician:session:sign"
        second = audit_view(clinic.work, clinic.clock, DEE)
        assert (second.records[0].action, second.records[0].role) == ("clinician:audit:read", "auditor")

    def test_only_this_patients_records_are_shown(self) -> None:
        clinic = a_signed_course()
        assert audit_view(clinic.work, clinic.clock, BENS_DOCTOR).records == ()


def test_the_care_plan_is_built_from_the_course_as_it_stands() -> None:
    clinic = a_signed_course()
    now = progress_of(clinic.work, clinic.clock)
    assert (now(clinic.course.id).counted, now(clinic.course.id).status) == (1, CourseStatus.ACTIVE)
    clinic.signed(date(2026, 11, 5))
    assert now(clinic.course.id).counted == 2
    with pytest.raises(LookupError):
        now("guessed")
