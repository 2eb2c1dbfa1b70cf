"""Review, signature, early end, missed sessions and what is taken back: what is kept, counted and queued."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.facts.programme import ActivityStatus, CourseStatus
from fhir_mappings.facts.treatment import Answer, KetamineSession, Role, SessionStatus
from fhir_mappings.writing.session_note import note_sections
from smart_app.use_cases.access import OtherPatient
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.course.enrol import enrol
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.records import Caller, MessageKind, StoredSession
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.session.stop_session import stop_session
from smart_app.use_cases.signing.missed_session import not_done
from smart_app.use_cases.signing.sign_session import review, sign
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import (
    BENS_DOCTOR,
    DEE,
    DOCTOR,
    ENROLMENT,
    MONDAY,
    NAN,
    NURSE,
    OTHERS,
    Clinic,
    a_caller,
)

IV_DAYS = [MONDAY + timedelta(days=offset) for offset in (0, 3, 7, 10, 14, 17)]
ONDANSETRON = {"drug": "ondansetron", "dose": "4.0", "unit": "mg", "route": "IV", "reason": "nausea"}
WRONG_PATIENT = "Recorded for the wrong patient."


def a_recorded_session(**enrolment: str) -> tuple[Clinic, StoredSession]:
    clinic = Clinic()
    clinic.enrolled(**enrolment)
    return clinic, clinic.recorded(MONDAY)


def made(session: StoredSession) -> KetamineSession:
    assert session.signed is not None
    return session.signed


def test_a_session_is_sent_without_what_the_ehr_does_not_let_be_written() -> None:
    clinic, session = a_recorded_session()
    caller = replace(DEE, not_granted=frozenset({"Observation", "CarePlan"}))
    fields = {"attest": "yes"}
    sign(clinic.work, clinic.clock, caller, session.id, fields, clinic.ids, clinic.site)
    (sent,) = [each for each in clinic.messages if each.kind is MessageKind.SEND_SESSION]
    assert {item.resource_type for item in sent.items} == {"Procedure", "MedicationAdministration", "Provenance"}


def taken_back(clinic: Clinic, session: StoredSession, caller: Caller = DEE, reason: str = WRONG_PATIENT) -> Any:
    return enter_in_error(clinic.work, clinic.clock, caller, session.id, reason, clinic.ids, clinic.site)


def missed(clinic: Clinic, caller: Caller = DEE, **fields: str) -> StoredSession:
    typed = {"reason": "Fever."} | fields
    return not_done(clinic.work, clinic.clock, caller, typed, clinic.ids, clinic.site)


def stopped(clinic: Clinic, session: StoredSession, caller: Caller = NAN, **fields: str) -> StoredSession:
    typed = {"stop.cause": "adverse", "stop.reason": "Vomiting", "stop.time": "14:30", "stop.told": "Dr Dee"}
    typed |= {"stop.disposition": "home"}
    typed |= {f"stop.{name}": text for name, text in fields.items()}
    return stop_session(clinic.work, clinic.clock, caller, session.id, typed)


class TestReview:
    def test_a_complete_session_shows_the_note_as_it_will_be_written(self) -> None:
        clinic, session = a_recorded_session()
        found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
        assert found.may_sign
        assert found.record is not None
        assert "Ketamine 41 mg" in found.note
        assert "128/78" in found.note
        assert found.record == made(clinic.sign(session))

    def test_what_is_missing_is_listed_with_its_step_and_field(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.given_mg": ""})
        found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
        assert (found.may_sign, found.record, found.note) == (False, None, "")
        assert [(each.step, each.field) for each in found.missing if each.blocks] == [("dose", "dose.given_mg")]

    def test_what_is_only_worth_a_look_does_not_block(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.lot": ""})
        found = review(clinic.work, clinic.clock, DEE, session.id, clinic.site)
        assert found.may_sign
        assert [each.field for each in found.missing] == ["dose.lot"]

    def test_a_nurse_sees_why_she_cannot_sign(self) -> None:
        clinic, session = a_recorded_session()
        found = review(clinic.work, clinic.clock, NAN, session.id, clinic.site)
        assert (found.may_sign, found.why_not) == (False, "Only a prescriber can sign.")

    def test_a_signed_session_shows_its_record(self) -> None:
        clinic, session = a_recorded_session()
        signed = clinic.sign(session)
        found = review(clinic.work, clinic.clock, NAN, session.id, clinic.site)
        assert found.record == signed.signed
        assert found.missing == ()
        assert not found.may_sign


class TestTheRecord:
    def test_it_holds_what_was_typed_digit_for_digit(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(
            session, {"dose.given_mg": "41.00", "dose.wasted_mg": "0.50", "dose.second_person": "Wes Witness"}
        )
        dose = made(clinic.sign(session)).dose
        assert dose is not None
        assert (str(dose.given_mg), str(dose.wasted_mg), str(dose.mg_per_kg)) == ("41.00", "0.50", "0.5")
        assert dose.weighing is not None
        assert (str(dose.weighing.kilograms), dose.weighing.source) == ("82.0", "as at enrolment")
        assert (dose.lot, dose.expiry, dose.volume_ml) == ("L-77", "2027-03", Decimal("0.82"))

    def test_a_dose_in_milligrams_needs_no_weight(self) -> None:
        clinic, session = a_recorded_session()
        empty = dict.fromkeys(("dose.planned_mg_per_kg", "dose.weight_kg", "dose.weight_date"), "")
        clinic.save(session, empty)
        dose = made(clinic.sign(session)).dose
        assert dose is not None
        assert (dose.weighing, dose.mg_per_kg) == (None, None)

    def test_it_says_who_did_what_when(self) -> None:
        clinic, session = a_recorded_session()
        record = made(clinic.sign(session))
        assert record.signature.by == DOCTOR
        assert record.signature.at == clinic.now
        assert record.recorders == (NURSE,)
        assert record.dose is not None
        assert record.dose.given_by == NURSE
        assert (f"{record.started:%H:%M}", f"{record.ended:%H:%M}") == ("14:10", "16:10")
        assert [f"{reading.measured.at:%H:%M}" for reading in record.readings] == ["13:55", "14:00", "14:20"]
        assert {check.answer for check in record.checks} == {Answer.YES}
        assert all(check.by == NURSE for check in (*record.checks, *record.discharge))
        assert (record.number, record.of, record.escort) == (1, 6, "Sam Sister")
        assert record.conditions == clinic.course.conditions

    def test_a_time_typed_afterwards_is_marked_with_its_entry(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.ended": "14:52"})
        dose = made(clinic.sign(session)).dose
        assert dose is not None
        assert dose.ended is not None
        assert dose.ended.late
        assert f"{dose.ended.entered:%H:%M}" == "16:20"
        assert not dose.started.late

    def test_struck_lines_are_not_in_it_but_struck_readings_keep_their_reason(self) -> None:
        clinic, session = a_recorded_session()
        for kind, entry, fields in (
            ("note", "n1", {"text": "a note to strike"}),
            ("event", "v1", {"type": "nausea", "severity": "mild"}),
            ("reading", "r1", {"heart_rate": "70"}),
        ):
            add_entry(clinic.work, clinic.clock, NAN, session.id, kind, entry, fields)
            strike_entry(clinic.work, clinic.clock, NAN, session.id, entry, "wrong line")
        record = made(clinic.sign(session))
        assert record.notes == record.events == ()
        assert [reading.struck for reading in record.readings] == [None, None, None, "wrong line"]

    def test_every_kind_of_line_that_was_struck_out_stands_in_the_note_with_who_when_and_why(self) -> None:
        clinic, session = a_recorded_session()
        struck: tuple[tuple[str, dict[str, str]], ...] = (
            ("reading", {"heart_rate": "70", "time": "14:31"}),
            ("event", {"type": "nausea", "severity": "mild", "action": "Bowl given", "time": "14:32"}),
            ("note", {"text": "Of another patient", "time": "14:33"}),
            ("infusion", {"change": "paused", "time": "14:34"}),
            ("rescue", ONDANSETRON | {"time": "14:35"}),
        )
        for kind, fields in struck:
            add_entry(clinic.work, clinic.clock, NAN, session.id, kind, f"{kind}-1", fields)
            strike_entry(clinic.work, clinic.clock, DEE, session.id, f"{kind}-1", f"wrong {kind}")
        at = f"{clinic.clock():%H:%M}"
        record = made(clinic.sign(session))
        (section,) = [each for each in note_sections(record) if each.title == "Struck out"]
        by = f"Struck out by Dr Dee at {at}:"
        assert [(fact.name, fact.value) for fact in section.facts] == [
            ("Reading 14:31 Nan Nurse", f"heart rate 70/min. {by} wrong reading"),
            ("Adverse event 14:32 Nan Nurse", f"Nausea, mild, action: Bowl given. {by} wrong event"),
            ("Note 14:33 Nan Nurse", f"Of another patient. {by} wrong note"),
            ("Infusion 14:34 Nan Nurse", f"paused. {by} wrong infusion"),
            ("Rescue medicine 14:35 Nan Nurse", f"Ondansetron 4.0 mg, intravenous, for nausea. {by} wrong rescue"),
        ]
        assert record.events == record.notes == record.infusion == record.rescues == ()

    def test_a_record_that_kept_its_readings_alone_says_what_it_said(self) -> None:
        clinic, session = a_recorded_session()
        add_entry(clinic.work, clinic.clock, NAN, session.id, "reading", "r1", {"heart_rate": "70", "time": "14:31"})
        strike_entry(clinic.work, clinic.clock, DEE, session.id, "r1", "wrong line")
        earlier = replace(made(clinic.sign(session)), struck=())
        (section,) = [each for each in note_sections(earlier) if each.title == "Struck out"]
        assert [(fact.name, fact.value) for fact in section.facts] == [
            ("Reading 14:31", "heart rate 70/min. Struck out by Dr Dee: wrong line")
        ]

    def test_events_and_notes_are_in_it(self) -> None:
        clinic, session = a_recorded_session()
        typed = {
            "type": "nausea",
            "severity": "mild",
            "time": "14:30",
            "action": "Ondansetron 4 mg",
            "resolved": "14:40",
        }
        add_entry(clinic.work, clinic.clock, NAN, session.id, "event", "v1", typed)
        add_entry(clinic.work, clinic.clock, NAN, session.id, "note", "n1", {"text": "Music asked for."})
        record = made(clinic.sign(session))
        (event,) = record.events
        assert (event.code, event.text, event.severity.value, event.onset.late) == (
            "422587007",
            "Nausea",
            "mild",
            True,
        )
        assert f"{event.resolved:%H:%M}" == "14:40"
        assert [note.text for note in record.notes] == ["Music asked for."]

    def test_a_rule_that_was_set_aside_is_in_it_with_its_reason(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.recorded(MONDAY)
        clinic.read(session, "152/104", time="14:08")
        clinic.save(session, {"gate.reason": "White-coat pressure, seen by me."}, DEE)
        (note,) = made(clinic.sign(session)).notes
        assert note.by == DOCTOR
        assert "152/104 is not below 140/100" in note.text
        assert "White-coat pressure, seen by me." in note.text


class TestSigning:
    def test_one_transaction_holds_session_course_audit_and_messages(self) -> None:
        clinic, session = a_recorded_session()
        signed = clinic.sign(session)
        assert clinic.session(session.id) == signed
        assert signed.status is SessionStatus.COMPLETED
        assert clinic.course.planned[0].status is ActivityStatus.COMPLETED
        assert clinic.course.planned[0].session == session.id
        assert clinic.kinds == [
            MessageKind.CREATE_CARE_PLAN, MessageKind.SEND_SESSION, MessageKind.UPDATE_CARE_PLAN
        ]  # fmt: skip
        assert clinic.trail[-1].action == "clinician:session:sign"
        assert "authorship and responsibility" in clinic.trail[-1].detail

    def test_the_message_holds_the_frozen_resources(self) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        items = clinic.messages[1].items
        types = [item.resource_type for item in items]
        assert types[:2] == ["Procedure", "MedicationAdministration"]
        assert types[-1] == "Provenance"
        procedure = json.loads(items[0].body)
        assert procedure["subject"]["reference"] == DEE.patient
        assert procedure["status"] == "completed"
        assert items[0].value == session.id
        assert items[0].system == "https://clinic.example/sid/session"

    def test_a_double_click_signs_once(self) -> None:
        clinic, session = a_recorded_session()
        first = clinic.sign(session)
        audited, queued = len(clinic.trail), len(clinic.messages)
        clinic.at("16:30")
        assert clinic.sign(session) == first
        assert (len(clinic.trail), len(clinic.messages)) == (audited, queued)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            pytest.param({"dose.given_mg": "4l"}, "dose.given_mg", id="unreadable amount"),
            pytest.param({"dose.given_mg": "60"}, "dose.given_mg", id="question not answered"),
            pytest.param({"discharge.gait": ""}, "discharge.gait", id="criterion open"),
        ],
    )
    def test_what_is_missing_keeps_it_from_being_signed(self, changes: dict[str, str], field: str) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, changes)
        with pytest.raises(Refused) as caught:
            clinic.sign(session)
        assert field in caught.value.problems
        self.assert_nothing_was_signed(clinic, session)

    def test_it_must_be_attested(self) -> None:
        clinic, session = a_recorded_session()
        with pytest.raises(Refused) as caught:
            clinic.sign(session, attest="")
        assert list(caught.value.problems) == ["attest"]
        self.assert_nothing_was_signed(clinic, session)

    @pytest.mark.parametrize("role", [Role.NURSE, Role.AUDITOR, Role.NONE])
    def test_only_a_prescriber_signs(self, role: Role) -> None:
        clinic, session = a_recorded_session()
        somebody = NURSE if role is Role.NURSE else OTHERS[role]
        with pytest.raises(Refused):
            clinic.sign(session, a_caller(somebody))
        self.assert_nothing_was_signed(clinic, session)
        assert clinic.refusals == ["clinician:session:sign"]

    def test_c65_not_from_another_patients_launch(self) -> None:
        clinic, session = a_recorded_session()
        with pytest.raises(OtherPatient):
            clinic.sign(session, BENS_DOCTOR)
        self.assert_nothing_was_signed(clinic, session)

    def test_what_was_checked_is_what_is_signed(self) -> None:
        clinic, session = a_recorded_session()
        checked = str(clinic.session(session.id).version)
        clinic.save(session, {"dose.lot": "L-78"})
        with pytest.raises(Refused, match="changed after you checked"):
            clinic.sign(session, version=checked)
        assert clinic.sign(session, version=str(clinic.session(session.id).version)).signed

    def test_nothing_is_kept_when_a_message_cannot_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clinic, session = a_recorded_session()
        monkeypatch.setattr("smart_app.use_cases.signing.signed_session.care_plan_message", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            clinic.sign(session)
        self.assert_nothing_was_signed(clinic, session)

    def test_a_record_that_has_no_fhir_form_is_not_signed(self) -> None:
        clinic = Clinic()
        clinic.screened(conditions=("Observation/not-a-condition",))
        enrol(clinic.work, clinic.clock, DEE, ENROLMENT, clinic.ids, clinic.site)
        session = clinic.recorded(MONDAY)
        with pytest.raises(Refused, match="cannot be written as FHIR"):
            clinic.sign(session)
        self.assert_nothing_was_signed(clinic, session)

    @pytest.mark.parametrize("place", ["clinic", "home"])
    @pytest.mark.parametrize(
        ("route", "dose"),
        [("IV", "41"), ("IM", "41"), ("IN", "75"), ("SL", "30")],
    )
    def test_every_route_and_place_is_signed_and_counted(self, route: str, dose: str, place: str) -> None:
        clinic = Clinic()
        by_weight = route in {"IV", "IM"}
        clinic.enrolled(
            route=route,
            place=place,
            address_confirmed="yes",
            dose_mg_per_kg="0.5" if by_weight else "",
            dose_mg="" if by_weight else dose,
        )
        session = clinic.recorded(MONDAY)
        clinic.save(session, {"dose.given_mg": dose, "dose.volume_ml": "", "dose.body_site": "Left deltoid"})
        record = made(clinic.sign(session))
        assert (record.route.value, record.place.value) == (route, place)
        assert record.dose is not None
        assert str(record.dose.planned_mg) == dose
        assert progress_of(clinic.work, clinic.clock)(clinic.course.id).counted == 1

    def assert_nothing_was_signed(self, clinic: Clinic, session: StoredSession) -> None:
        assert clinic.session(session.id).signed is None
        assert clinic.kinds == [MessageKind.CREATE_CARE_PLAN]
        assert clinic.course.planned[0].status is ActivityStatus.IN_PROGRESS


class TestTheCourse:
    def test_the_sixth_infusion_completes_it(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        for day in IV_DAYS[:5]:
            clinic.signed(day)
        assert clinic.course.status is CourseStatus.ACTIVE
        clinic.signed(IV_DAYS[5])
        assert (clinic.course.status, clinic.course.ended) == (CourseStatus.COMPLETED, IV_DAYS[5])
        assert clinic.course.notes[-1].text == "Completed: 6 of 6 sessions."
        with pytest.raises(Refused):
            clinic.opened()

    def test_it_ends_on_the_day_of_its_last_session_not_of_the_signature(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        for day in IV_DAYS[:5]:
            clinic.signed(day)
        last = clinic.recorded(IV_DAYS[5])
        clinic.at("09:00", IV_DAYS[5] + timedelta(days=3))
        clinic.sign(last)
        assert (clinic.course.status, clinic.course.ended) == (CourseStatus.COMPLETED, IV_DAYS[5])

    def test_too_soon_it_is_completed_only_when_a_prescriber_confirms(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        for offset in range(6):
            clinic.signed(MONDAY + timedelta(days=2 * offset))
        assert clinic.course.status is CourseStatus.ACTIVE
        form = {"reason": "The dates were agreed with the patient."}
        decide(clinic.work, clinic.clock, DEE, Decision.CONFIRM, form, clinic.ids, clinic.site)
        assert clinic.course.status is CourseStatus.COMPLETED
        assert "Too soon" in clinic.course.notes[-1].text
        assert clinic.course.ended == MONDAY + timedelta(days=10)

    @pytest.mark.parametrize(("answer", "status"), [("yes", "completed"), ("", "scheduled")])
    def test_a_small_dose_counts_only_by_decision(self, answer: str, status: str) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.given_mg": "32", "dose.volume_ml": ""})
        question = review(clinic.work, clinic.clock, DEE, session.id, clinic.site).count_question
        assert question.startswith("32 mg of 41 mg were given, less than 80 %.")
        clinic.sign(session, count=answer)
        assert clinic.course.planned[0].status.value == status

    def test_a_whole_dose_asks_nothing_and_counts_by_itself(self) -> None:
        clinic, session = a_recorded_session()
        assert review(clinic.work, clinic.clock, DEE, session.id, clinic.site).count_question == ""
        signed = clinic.sign(session, count="yes")
        assert "count" not in signed.fields
        assert signed.authors == (NURSE,)
        assert clinic.course.planned[0].status is ActivityStatus.COMPLETED


class TestStopping:
    def test_a_stopped_session_is_signed_as_stopped_and_does_not_count(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.given_mg": "20", "dose.ended": "14:30", "dose.volume_ml": ""})
        clinic.save(session, {"dose.confirm": "yes"})
        assert stopped(clinic, session).status is SessionStatus.STOPPED
        signed = clinic.sign(session)
        record = made(signed)
        assert signed.status is record.status is SessionStatus.STOPPED
        assert record.reason == "Another adverse event: Vomiting. Disposition: Left with a responsible adult."
        assert record.stop is not None
        assert (f"{record.stop.at:%H:%M}", record.stop.told) == ("14:30", "Dr Dee")
        assert f"{record.ended:%H:%M}" == "16:10", "stopped, and observed until then"
        assert record.dose is not None
        assert not record.dose.completed
        assert clinic.course.planned[0].status is ActivityStatus.SCHEDULED
        assert "Stopped early" in (clinic.course.planned[0].note or "")
        assert json.loads(clinic.messages[1].items[0].body)["status"] == "stopped"

    @pytest.mark.parametrize("went", ["transfer", "admitted", "left"])
    def test_who_is_gone_is_asked_for_no_discharge(self, went: str) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"discharge.gait": "", "discharge.ended": ""})
        over = {"destination": "Riverside ED", "handed_to": "Dr Ward", "handed_at": "14:45"}
        stopped(clinic, session, disposition=went, **over)
        record = made(clinic.sign(session))
        assert record.status is SessionStatus.STOPPED
        assert f"{record.ended:%H:%M}" == "14:30"
        assert record.stop is not None
        assert record.stop.handed_to == ("" if went == "left" else "Dr Ward")

    @pytest.mark.parametrize("went", ["observed", "home"])
    def test_who_stays_or_goes_home_is_discharged_like_everybody(self, went: str) -> None:
        clinic, session = a_recorded_session()
        stopped(clinic, session, disposition=went)
        clinic.save(session, {"discharge.gait": ""})
        with pytest.raises(Refused) as caught:
            clinic.sign(session)
        assert list(caught.value.problems) == ["discharge.gait"]

    def test_a_transfer_says_where_to_whom_and_when(self) -> None:
        clinic, session = a_recorded_session()
        with pytest.raises(Refused) as caught:
            stopped(clinic, session, disposition="transfer")
        assert set(caught.value.problems) == {"stop.destination", "stop.handed_to", "stop.handed_at"}

    def test_a_running_infusion_ends_with_it(self) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, {"dose.ended": ""})
        assert stopped(clinic, session).fields["dose.ended"] == "14:30"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"cause": ""}, "stop.cause"),
            ({"cause": "other", "reason": ""}, "stop.reason"),
            ({"told": " "}, "stop.told"),
            ({"disposition": " "}, "stop.disposition"),
            ({"time": "14:00"}, "stop.time"),
            ({"time": "16:40"}, "stop.time"),
        ],
        ids=["no cause", "no reason", "nobody told", "no disposition", "before the dose", "in the future"],
    )
    def test_it_needs_reason_disposition_and_a_time_since_the_dose(self, fields: dict[str, str], field: str) -> None:
        clinic, session = a_recorded_session()
        with pytest.raises(Refused) as caught:
            stopped(clinic, session, **fields)
        assert list(caught.value.problems) == [field]
        assert clinic.session(session.id).status is SessionStatus.IN_PROGRESS

    @pytest.mark.parametrize("ended", ["signed", "taken back"])
    def test_what_is_over_cannot_be_stopped(self, ended: str) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        if ended == "taken back":
            taken_back(clinic, session)
        before = clinic.session(session.id)
        with pytest.raises(Refused, match="cannot be stopped"):
            stopped(clinic, session)
        assert clinic.session(session.id) == before

    def test_without_a_time_a_stopped_session_cannot_be_signed(self) -> None:
        clinic, session = a_recorded_session()
        stopped(clinic, session)
        clinic.save(session, {"stop.time": ""})
        with pytest.raises(Refused) as caught:
            clinic.sign(session)
        assert list(caught.value.problems) == ["stop.time"]

    def test_an_empty_time_means_now(self) -> None:
        clinic, session = a_recorded_session()
        assert stopped(clinic, session, time="").fields["stop.time"] == "16:20"

    def test_before_a_dose_the_session_was_not_done(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("14:00")
        session = clinic.opened()
        clinic.read(session, "168/104", baseline="yes")
        clinic.save(session, {"check.identity": "yes", "check.identity.which": "name-birth"})
        clinic.at("14:20")
        ended = stopped(clinic, session, cause="pressure", reason="", time="", rescheduled="2026-11-04")
        assert (ended.status, ended.fields["stop.time"]) == (SessionStatus.NOT_DONE, "14:20")
        record = made(clinic.sign(session))
        assert record.status is SessionStatus.NOT_DONE
        assert record.dose is None
        assert record.reason == "Blood pressure. Disposition: Left with a responsible adult."
        assert [check.key for check in record.checks] == ["identity"]
        assert [reading.systolic for reading in record.readings] == [168]
        first = clinic.course.planned[0]
        assert (first.status, first.day) == (ActivityStatus.SCHEDULED, date(2026, 11, 4))
        assert first.note == "Missed on 02 Nov 2026: Blood pressure. Disposition: Left with a responsible adult."
        sent = json.loads(clinic.messages[1].items[0].body)
        assert sent["status"] == "not-done"
        assert "168/104" in sent["note"][0]["text"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [({"rescheduled": "2026-11-02"}, "stop.rescheduled"), ({"time": "14:30"}, "stop.time")],
        ids=["rescheduled to the same day", "in the future"],
    )
    def test_before_a_dose_too_it_is_checked(self, fields: dict[str, str], field: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("14:00")
        session = clinic.opened()
        with pytest.raises(Refused) as caught:
            stopped(clinic, session, **({"time": "14:00"} | fields))
        assert list(caught.value.problems) == [field]

    def test_a_dose_entered_after_it_contradicts_it(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("14:00")
        session = clinic.opened()
        stopped(clinic, session, time="13:55")
        clinic.save(session, {"dose.started": "13:50"})
        with pytest.raises(Refused) as caught:
            clinic.sign(session)
        assert list(caught.value.problems) == ["dose.started"]

    def test_stopping_twice_is_once(self) -> None:
        clinic, session = a_recorded_session()
        assert stopped(clinic, session).version == stopped(clinic, session).version


class TestMissed:
    def test_it_extends_and_never_counts(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = missed(clinic, rescheduled="2026-11-04")
        assert made(session).status is SessionStatus.NOT_DONE
        first = clinic.course.planned[0]
        assert (first.status, first.day, first.session) == (ActivityStatus.SCHEDULED, date(2026, 11, 4), None)
        assert first.note == "Missed on 02 Nov 2026: Fever."
        assert clinic.kinds[1:] == [MessageKind.SEND_SESSION, MessageKind.UPDATE_CARE_PLAN]
        assert [item.resource_type for item in clinic.messages[1].items] == ["Procedure", "Provenance"]
        assert json.loads(clinic.messages[1].items[0].body)["status"] == "not-done"
        assert clinic.opened().number == 1

    def test_a_running_session_without_a_dose_becomes_the_missed_one(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.opened()
        assert missed(clinic).id == session.id
        assert len(clinic.work.kept.sessions) == 1

    def test_a_running_session_with_a_dose_cannot_be_missed(self) -> None:
        clinic, _ = a_recorded_session()
        with pytest.raises(Refused, match="Stop that session instead"):
            missed(clinic)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"reason": " "}, "reason"),
            ({"day": "2026-11-03"}, "day"),
            ({"day": "2 Nov"}, "day"),
            ({"rescheduled": "2026-11-02"}, "rescheduled"),
            ({"rescheduled": "later"}, "rescheduled"),
        ],
        ids=["no reason", "tomorrow", "no date", "moved to the same day", "moved to no date"],
    )
    def test_the_form_is_checked(self, fields: dict[str, str], field: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused) as caught:
            missed(clinic, **fields)
        assert list(caught.value.problems) == [field]
        assert not clinic.work.kept.sessions

    @pytest.mark.parametrize("caller", [NAN, BENS_DOCTOR], ids=["a nurse", "another patient"])
    def test_it_is_a_prescribers_and_the_patients(self, caller: Caller) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused):
            missed(clinic, caller)
        assert clinic.refusals == ["clinician:session:miss"]


class TestEnteredInError:
    def test_session_course_and_ehr_are_put_right(self) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        sent = clinic.messages[1]
        clinic.settle(
            sent, items=tuple(replace(i, reference=f"{i.resource_type}/{n}") for n, i in enumerate(sent.items))
        )
        clinic.at("17:00")
        wrong = taken_back(clinic, session)
        record = made(wrong)
        assert wrong.status is record.status is SessionStatus.ENTERED_IN_ERROR
        assert (record.reason, record.entered_in_error_at) == (WRONG_PATIENT, clinic.now)
        assert clinic.course.planned[0].status is ActivityStatus.SCHEDULED
        assert clinic.kinds[3:] == [MessageKind.RETRACT_SESSION, MessageKind.UPDATE_CARE_PLAN]
        retraction = clinic.messages[3]
        assert [item.reference for item in retraction.items][:2] == ["Procedure/0", "MedicationAdministration/1"]
        assert "Provenance" not in {item.resource_type for item in retraction.items}
        assert retraction.session == session.id

    def test_before_it_was_sent_the_retraction_follows_the_sending(self) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        taken_back(clinic, session)
        order = {message.kind: message.seq for message in clinic.messages if message.session == session.id}
        assert order[MessageKind.SEND_SESSION] < order[MessageKind.RETRACT_SESSION]

    def test_a_completed_course_reopens(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        sessions = [clinic.signed(day) for day in IV_DAYS]
        taken_back(clinic, sessions[1])
        assert (clinic.course.status, clinic.course.ended) == (CourseStatus.ACTIVE, None)
        assert "5 of 6 done" in clinic.course.notes[-1].text
        clinic.at("14:00", IV_DAYS[5] + timedelta(days=1))
        assert clinic.opened().number == 2

    def test_twice_is_once(self) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        assert taken_back(clinic, session) == taken_back(clinic, session)
        assert clinic.kinds.count(MessageKind.RETRACT_SESSION) == 1

    def test_signing_afterwards_changes_nothing(self) -> None:
        clinic, session = a_recorded_session()
        clinic.sign(session)
        taken_back(clinic, session)
        assert clinic.sign(session).status is SessionStatus.ENTERED_IN_ERROR

    def test_a_session_opened_by_mistake_is_dropped_without_a_message(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.opened()
        assert taken_back(clinic, session).status is SessionStatus.ENTERED_IN_ERROR
        assert clinic.kinds == [MessageKind.CREATE_CARE_PLAN]
        assert clinic.course.planned[0].status is ActivityStatus.SCHEDULED
        assert clinic.opened().id != session.id

    def test_a_dropped_session_cannot_be_signed(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.opened()
        taken_back(clinic, session)
        with pytest.raises(Refused, match="entered in error"):
            clinic.sign(session)

    def test_a_dose_that_was_given_is_not_dropped_unsigned(self) -> None:
        clinic, session = a_recorded_session()
        with pytest.raises(Refused, match="sign or stop this session"):
            taken_back(clinic, session)

    @pytest.mark.parametrize(
        ("caller", "reason"),
        [(NAN, WRONG_PATIENT), (BENS_DOCTOR, WRONG_PATIENT), (DEE, "oops")],
        ids=["a nurse", "another patient", "no reason"],
    )
    def test_it_needs_a_prescriber_the_patient_and_a_reason(self, caller: Caller, reason: str) -> None:
        clinic, session = a_recorded_session()
        signed = clinic.sign(session)
        with pytest.raises(Refused):
            taken_back(clinic, session, caller, reason)
        assert clinic.session(session.id) == signed
        assert len(clinic.messages) == 3


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["sign", "stop", "miss", "take back"]), max_size=7))
def test_whatever_happens_course_and_sessions_agree(steps: list[str]) -> None:
    """A course is complete exactly when six sessions count, and not too soon; each stands for one activity."""
    clinic = Clinic()
    clinic.enrolled()
    for index, step in enumerate(steps):
        day = MONDAY + timedelta(days=2 * index)
        if clinic.course.status is CourseStatus.COMPLETED and step != "take back":
            continue
        DO[step](clinic, day)
        counted = [each.session for each in clinic.course.planned if each.session]
        completed = [
            s.id for s in clinic.work.kept.sessions.values() if s.signed and s.status is SessionStatus.COMPLETED
        ]
        assert sorted(counted) == sorted(completed)
        progress = course_view(clinic.work, clinic.clock, DEE).progress
        too_soon = progress is not None and bool(progress.doubts)
        assert (clinic.course.status is CourseStatus.COMPLETED) == (len(counted) == 6 and not too_soon)


def _stop(clinic: Clinic, day: date) -> None:
    session = clinic.recorded(day)
    stopped(clinic, session)
    clinic.sign(session)


def _miss(clinic: Clinic, day: date) -> None:
    clinic.at("09:00", day)
    missed(clinic, day=day.isoformat())


def _take_back(clinic: Clinic, day: date) -> None:
    clinic.at("20:00", day)
    for session in list(clinic.work.kept.sessions.values())[:1]:
        taken_back(clinic, session)


DO: dict[str, Callable[[Clinic, date], object]] = {
    "sign": lambda clinic, day: clinic.signed(day),
    "stop": _stop,
    "miss": _miss,
    "take back": _take_back,
}


def test_a_signed_session_can_be_looked_at_by_an_auditor() -> None:
    clinic, session = a_recorded_session()
    clinic.sign(session)
    shown = session_view(clinic.work, clinic.clock, a_caller(OTHERS[Role.AUDITOR]), session.id, clinic.site)
    assert shown.session.signed is not None
    assert not shown.may_sign


def test_an_unknown_session_cannot_be_signed() -> None:
    clinic = Clinic()
    clinic.enrolled()
    with pytest.raises(Refused, match="no such session"):
        sign(clinic.work, clinic.clock, DEE, "guessed", {"attest": "yes"}, clinic.ids, clinic.site)
