"""A running session: opening, saving as typed, entries, the checks of each step, and whose record it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from fhir_mappings.facts.programme import ActivityStatus
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Role, Route, SessionStatus
from smart_app.clinical.session_rules import GateState, Level
from smart_app.use_cases.access import OtherPatient
from smart_app.use_cases.errors import Refused, StaleVersion
from smart_app.use_cases.records import Caller, StoredSession
from smart_app.use_cases.session.record_session import save_fields, session_view
from smart_app.use_cases.session.session_entries import add_entry, strike_entry
from smart_app.use_cases.session.session_lines import SessionView
from smart_app.use_cases.session.session_steps import check_step
from tests.fakes import FakeSessions
from tests.smart_app.store.stored_records import an_override
from tests.smart_app.use_cases.a_clinic import (
    BASE,
    BENS_DOCTOR,
    DEE,
    DOSE_FIELDS,
    ENROLMENT,
    MONDAY,
    NAN,
    NURSE,
    OTHERS,
    Clinic,
    a_caller,
    before_fields,
    discharge_fields,
)


def a_running_session(**enrolment: str) -> tuple[Clinic, StoredSession]:
    clinic = Clinic()
    clinic.enrolled(**enrolment)
    clinic.at("14:00")
    return clinic, clinic.opened()


def view(clinic: Clinic, session: StoredSession, caller: Caller = NAN) -> SessionView:
    return session_view(clinic.work, clinic.clock, caller, session.id, clinic.site)


def problems(clinic: Clinic, session: StoredSession, step: str) -> dict[str, str]:
    return dict(check_step(clinic.session(session.id), step, clinic.course, clinic.now, clinic.site.limits))


class TestOpening:
    def test_the_form_is_filled_with_the_plan(self) -> None:
        clinic, session = a_running_session()
        assert (session.number, session.status) == (1, SessionStatus.IN_PROGRESS)
        assert session.fields["dose.planned_mg"] == "41"
        assert session.fields["dose.weight_kg"] == "82.0"
        assert session.encounter == f"{DEE.fhir_base}/Encounter/visit-1"
        assert clinic.course.planned[0].status is ActivityStatus.IN_PROGRESS

    def test_there_is_never_more_than_one_open_session(self) -> None:
        clinic, session = a_running_session()
        assert clinic.opened(DEE).id == session.id
        assert len(clinic.work.kept.sessions) == 1

    def test_a_newer_weight_in_the_chart_is_taken(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.screened(weight={"kg": "80", "date": "2026-11-01", "reference": "Observation/w2"})
        assert clinic.opened().fields["dose.planned_mg"] == "40"

    def test_the_next_session_takes_the_next_number(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.signed(MONDAY)
        clinic.at("14:00", date(2026, 11, 5))
        assert clinic.opened().number == 2

    @pytest.mark.parametrize("held", ["2026-11-03", "2025-11-02", "yesterday"])
    def test_a_day_that_cannot_be_is_asked_back(self, held: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused) as refused:
            clinic.opened(held=held)
        assert "held" in refused.value.problems
        assert not clinic.work.kept.sessions

    @pytest.mark.parametrize(
        "caller",
        [
            pytest.param(a_caller(OTHERS[Role.AUDITOR]), id="an auditor"),
            pytest.param(a_caller(OTHERS[Role.NONE]), id="somebody without a role"),
            pytest.param(replace(NAN, may_write=False), id="a nurse without write scopes"),
            pytest.param(BENS_DOCTOR, id="for a patient without a course"),
        ],
    )
    def test_it_is_refused_to(self, caller: Caller) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused):
            clinic.opened(caller)
        assert not clinic.work.kept.sessions
        assert clinic.refusals == ["clinician:session:open"]


ACTIONS: dict[str, Callable[[Clinic, Caller, str], Any]] = {
    "view": lambda c, who, sid: session_view(c.work, c.clock, who, sid, c.site),
    "save": lambda c, who, sid: save_fields(c.work, c.clock, who, sid, {"dose.lot": "L"}),
    "add": lambda c, who, sid: add_entry(c.work, c.clock, who, sid, "note", "n1", {"text": "x"}),
    "strike": lambda c, who, sid: strike_entry(c.work, c.clock, who, sid, "n1", "wrong"),
}


class TestWhoseRecord:
    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize(
        "caller",
        [BENS_DOCTOR, a_caller(ehr="other-ehr"), a_caller(fhir_base="https://elsewhere.example/fhir")],
        ids=["another patient", "another EHR", "the same id at another EHR"],
    )
    def test_c65_another_patients_launch_reads_and_writes_nothing(self, action: str, caller: Caller) -> None:
        clinic, session = a_running_session()
        before = clinic.session(session.id)
        with pytest.raises(OtherPatient, match="another patient"):
            ACTIONS[action](clinic, caller, session.id)
        assert clinic.session(session.id) == before
        refused = clinic.trail[-1]
        assert (refused.outcome, refused.patient) == ("refused", caller.patient)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_an_unknown_session_is_refused_and_audited(self, action: str) -> None:
        clinic, _ = a_running_session()
        with pytest.raises(Refused, match="no such session"):
            ACTIONS[action](clinic, NAN, "guessed")
        assert len(clinic.refusals) == 1

    @pytest.mark.parametrize("action", ["save", "add", "strike"])
    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.NONE])
    def test_only_prescribers_and_nurses_write(self, action: str, role: Role) -> None:
        clinic, session = a_running_session()
        with pytest.raises(Refused):
            ACTIONS[action](clinic, a_caller(OTHERS[role]), session.id)
        assert len(clinic.refusals) == 1

    @pytest.mark.parametrize("action", ["save", "add", "strike"])
    def test_a_signed_session_is_immutable(self, action: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        signed = clinic.signed(MONDAY)
        with pytest.raises(Refused, match="signed"):
            ACTIONS[action](clinic, DEE, signed.id)
        assert clinic.session(signed.id) == signed

    def test_looking_is_audited(self) -> None:
        clinic, session = a_running_session()
        view(clinic, session)
        assert clinic.trail[-1].action == "clinician:session:read"
        assert clinic.trail[-1].entities == (f"session/{session.id}",)


class TestSaving:
    def test_values_stay_as_typed_even_when_they_are_wrong(self) -> None:
        clinic, session = a_running_session()
        saved = clinic.save(session, {"dose.given_mg": "4l ", "dose.started": "25:99"})
        assert saved == clinic.session(session.id)
        assert (saved.fields["dose.given_mg"], saved.fields["dose.started"]) == ("4l ", "25:99")

    def test_saves_merge(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.lot": "L-1"})
        saved = clinic.save(session, {"dose.expiry": "2027-03"})
        assert saved.fields["dose.lot"] == "L-1"

    def test_saving_the_same_again_leaves_no_trace(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.lot": "L-1"})
        audited, version = len(clinic.trail), clinic.session(session.id).version
        clinic.save(session, {"dose.lot": "L-1"})
        assert (len(clinic.trail), clinic.session(session.id).version) == (audited, version)

    @pytest.mark.parametrize("name", ["csrf", "@by.dose.expiry", "dose.unknown", "check.Identity", "event.x.other"])
    def test_what_is_not_of_the_form_is_dropped(self, name: str) -> None:
        clinic, session = a_running_session()
        assert name not in clinic.save(session, {name: "x", "dose.lot": "L"}).fields

    def test_names_of_fields_are_audited_and_their_values_are_not(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.lot": "secret-lot", "check.identity": "yes"})
        assert clinic.trail[-1].detail == "fields: check.identity, dose.lot"

    def test_characters_that_no_document_may_hold_are_left_out(self) -> None:
        clinic, session = a_running_session()
        assert clinic.save(session, {"stop.reason": "a\x00b\r\nc"}).fields["stop.reason"] == "ab\nc"

    def test_a_novel_is_refused_with_its_field(self) -> None:
        clinic, session = a_running_session()
        with pytest.raises(Refused) as caught:
            clinic.save(session, {"stop.reason": "x" * 4001})
        assert "stop.reason" in caught.value.problems

    def test_a_colleagues_value_is_kept_beside_the_new_one(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.lot": "L-1"}, NAN)
        clinic.save(session, {"dose.lot": "L-2"}, DEE)
        written = view(clinic, session).written["dose.lot"]
        assert (written.by.name, written.previous, written.previous_by) == ("Dr Dee", "L-1", "Nan Nurse")

    def test_a_save_that_meets_another_is_done_again_on_top_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clinic, session = a_running_session()
        real, met = FakeSessions.replace, []

        def once_stale(self: FakeSessions, saved: StoredSession) -> None:
            if not met:
                met.append(saved)
                raise StaleVersion("the session was changed by somebody else")
            real(self, saved)

        monkeypatch.setattr(FakeSessions, "replace", once_stale)
        assert clinic.save(session, {"dose.lot": "L-1"}).fields["dose.lot"] == "L-1"
        assert clinic.session(session.id).fields["dose.lot"] == "L-1"

    def test_it_gives_up_rather_than_try_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clinic, session = a_running_session()

        def stale(self: FakeSessions, saved: StoredSession) -> None:
            raise StaleVersion("the session was changed by somebody else")

        monkeypatch.setattr(FakeSessions, "replace", stale)
        with pytest.raises(StaleVersion):
            clinic.save(session, {"dose.lot": "L-1"})
        assert clinic.session(session.id) == session

    def test_changing_an_amount_withdraws_the_confirmation(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.given_mg": "60"})
        assert clinic.save(session, {"dose.confirm": "yes"}).fields["dose.confirm"] == "yes"
        assert clinic.save(session, {"dose.lot": "L"}).fields["dose.confirm"] == "yes"
        changed = clinic.save(session, {"dose.given_mg": "600", "dose.confirm": "yes"})
        assert changed.fields["dose.confirm"] == ""


def add(
    clinic: Clinic, session: StoredSession, kind: str, fields: dict[str, str], entry: str = "e1"
) -> StoredSession:
    return add_entry(clinic.work, clinic.clock, NAN, session.id, kind, entry, fields)


PRESSURE = {"systolic": "128", "diastolic": "78"}


class TestEntries:
    def test_a_known_entry_adds_nothing(self) -> None:
        clinic, session = a_running_session()
        first = add(clinic, session, "reading", PRESSURE)
        clinic.at("14:03")
        again = add(clinic, session, "reading", PRESSURE | {"confirm": "yes"})
        assert again.entries == first.entries
        assert len(again.entries) == 1

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            pytest.param("reading", PRESSURE | {"systolic": "129"}, id="another value"),
            pytest.param("reading", PRESSURE | {"heart_rate": "70"}, id="one value more"),
            pytest.param("reading", PRESSURE | {"time": "13:50"}, id="another time"),
            pytest.param("reading", PRESSURE | {"time": "noon"}, id="no time"),
            pytest.param("note", {"text": "x"}, id="another kind"),
        ],
    )
    def test_r20_a_known_entry_with_other_values_is_refused(self, kind: str, fields: dict[str, str]) -> None:
        clinic, session = a_running_session()
        first = add(clinic, session, "reading", PRESSURE)
        with pytest.raises(Refused, match="already saved") as caught:
            add(clinic, session, kind, fields)
        assert caught.value.problems
        assert clinic.session(session.id) == first

    @pytest.mark.parametrize(("typed", "at"), [("", "13:40"), ("13:52", "13:52")])
    def test_what_waited_on_a_device_happened_when_it_was_entered(self, typed: str, at: str) -> None:
        clinic, session = a_running_session()
        measured = clinic.now - timedelta(minutes=20)
        fields = PRESSURE | {"time": typed}
        saved = add_entry(clinic.work, clinic.clock, NAN, session.id, "reading", "e1", fields, measured)
        (entry,) = saved.entries
        assert (f"{entry.at:%H:%M}", entry.entered, entry.late) == (at, clinic.now, True)

    def test_an_unusual_value_is_asked_back_and_kept_when_confirmed(self) -> None:
        clinic, session = a_running_session()
        odd = PRESSURE | {"systolic": "240"}
        with pytest.raises(Refused) as caught:
            add(clinic, session, "reading", odd)
        assert caught.value.problems == {"systolic": "Check: 240 systolic. Is that right?"}
        assert not clinic.session(session.id).entries
        assert add(clinic, session, "reading", odd | {"confirm": "yes"}).entries[0].fields["systolic"] == "240"

    @pytest.mark.parametrize(
        ("kind", "fields", "field"),
        [
            pytest.param("reading", {"systolic": "400", "diastolic": "78"}, "systolic", id="impossible pressure"),
            pytest.param("reading", PRESSURE | {"time": "14:01"}, "time", id="in the future"),
            pytest.param("reading", {}, "systolic", id="empty reading"),
            pytest.param("event", {"severity": "mild"}, "type", id="event without a kind"),
            pytest.param("event", {"type": "nausea"}, "severity", id="event without a severity"),
            pytest.param("event", {"type": "other", "severity": "mild"}, "text", id="other without words"),
            pytest.param("event", {"type": "nausea", "severity": "mild", "time": "15:00"}, "time", id="future event"),
            pytest.param("note", {"text": "  "}, "text", id="empty note"),
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(self, kind: str, fields: dict[str, str], field: str) -> None:
        clinic, session = a_running_session()
        with pytest.raises(Refused) as caught:
            add(clinic, session, kind, fields)
        assert field in caught.value.problems
        assert clinic.session(session.id).entries == ()

    @pytest.mark.parametrize(("kind", "entry"), [("gossip", "e1"), ("note", ""), ("note", "a/b"), ("note", "x" * 49)])
    def test_a_form_that_is_not_ours_is_refused(self, kind: str, entry: str) -> None:
        clinic, session = a_running_session()
        with pytest.raises(Refused):
            add(clinic, session, kind, {"text": "x"}, entry)

    @pytest.mark.parametrize(("typed", "late"), [("", False), ("13:56", False), ("13:54", True)])
    def test_a_time_of_the_past_is_kept_and_marked(self, typed: str, late: bool) -> None:
        clinic, session = a_running_session()
        (entry,) = add(clinic, session, "reading", PRESSURE | {"time": typed}).entries
        assert entry.late is late
        assert entry.entered == clinic.now
        assert f"{entry.at:%H:%M}" == (typed or "14:00")

    def test_striking_out_keeps_the_line_with_its_reason(self) -> None:
        clinic, session = a_running_session()
        add(clinic, session, "reading", PRESSURE)
        struck = strike_entry(clinic.work, clinic.clock, DEE, session.id, "e1", "Cuff slipped").entries[0]
        assert (struck.struck, struck.fields["systolic"]) == ("Cuff slipped", "128")
        assert struck.struck_by == DEE.clinician
        assert view(clinic, session).readings[0].struck == "Cuff slipped"

    @pytest.mark.parametrize(("entry", "reason"), [("e1", " "), ("e9", "Cuff slipped")])
    def test_striking_out_needs_a_line_and_a_reason(self, entry: str, reason: str) -> None:
        clinic, session = a_running_session()
        add(clinic, session, "reading", PRESSURE)
        with pytest.raises(Refused):
            strike_entry(clinic.work, clinic.clock, NAN, session.id, entry, reason)
        assert clinic.session(session.id).entries[0].struck is None

    def test_striking_out_twice_keeps_the_first_reason(self) -> None:
        clinic, session = a_running_session()
        add(clinic, session, "note", {"text": "x"})
        strike_entry(clinic.work, clinic.clock, NAN, session.id, "e1", "first")
        again = strike_entry(clinic.work, clinic.clock, NAN, session.id, "e1", "second")
        assert again.entries[0].struck == "first"


def a_recorded_session() -> tuple[Clinic, StoredSession]:
    clinic = Clinic()
    clinic.enrolled()
    return clinic, clinic.recorded(MONDAY)


class TestSteps:
    def test_a_complete_session_misses_nothing(self) -> None:
        clinic, session = a_recorded_session()
        assert {step: problems(clinic, session, step) for step in ("before", "dose", "monitor", "discharge")} == {
            "before": {}, "dose": {}, "monitor": {}, "discharge": {}
        }  # fmt: skip
        shown = view(clinic, session)
        assert all(step.done for step in shown.steps)
        assert not any(each.blocks for each in shown.missing)

    @pytest.mark.parametrize(
        ("changes", "step", "field", "words"),
        [
            pytest.param({"check.identity": ""}, "before", "check.identity", "Answer yes or no", id="check open"),
            pytest.param({"check.identity": "na"}, "before", "check.identity", "Answer yes or no", id="not offered"),
            pytest.param({"check.consent": "no"}, "before", "check.consent", "Do not give the dose", id="no consent"),
            pytest.param({"dose.planned_mg": ""}, "dose", "dose.planned_mg", "Enter the planned", id="no plan"),
            pytest.param({"dose.given_mg": ""}, "dose", "dose.given_mg", "Enter the dose given", id="no amount"),
            pytest.param({"dose.given_mg": "0"}, "dose", "dose.given_mg", "over 0", id="amount of 0"),
            pytest.param({"dose.given_mg": "41mg"}, "dose", "dose.given_mg", "number alone", id="with a unit"),
            pytest.param({"dose.given_mg": "60"}, "dose", "dose.given_mg", "Check: 60 mg", id="more than planned"),
            pytest.param({"dose.started": ""}, "dose", "dose.started", "when the dose", id="no start"),
            pytest.param({"dose.started": "16:30"}, "dose", "dose.started", "not come yet", id="start in the future"),
            pytest.param({"dose.ended": ""}, "dose", "dose.ended", "infusion ended", id="infusion without end"),
            pytest.param({"dose.ended": "13:50"}, "dose", "dose.ended", "before the start", id="end before start"),
            pytest.param({"dose.ended": "16:50"}, "dose", "dose.ended", "not come yet", id="end in the future"),
            pytest.param({"dose.ended": "14:35"}, "dose", "dose.ended", "25 minutes", id="short infusion"),
            pytest.param({"dose.date": "2026-08-03"}, "dose", "dose.date", "more than 60 days", id="long ago"),
            pytest.param({"dose.wasted_mg": "a bit"}, "dose", "dose.wasted_mg", "Enter a number", id="odd waste"),
            pytest.param({"dose.ended": "14.5"}, "dose", "dose.ended", "24 hours", id="odd end"),
            pytest.param({"dose.date": "2026-11-03"}, "dose", "dose.date", "not come yet", id="tomorrow"),
            pytest.param({"dose.weight_date": "2026-11-03"}, "dose", "dose.weight_date", "after", id="late weight"),
            pytest.param({"dose.expiry": "03/27"}, "dose", "dose.expiry", "as printed", id="odd expiry"),
            pytest.param({"dose.expiry": "2027-02-30"}, "dose", "dose.expiry", "as printed", id="no such day"),
            pytest.param({"dose.expiry": "2026-10"}, "dose", "dose.expiry", "expired 2026-10", id="expired"),
            pytest.param({"dose.wasted_mg": "9"}, "dose", "dose.second_person", "second person", id="no witness"),
            pytest.param(
                {"dose.wasted_mg": "9", "dose.second_person": "nan nurse"},
                "dose", "dose.second_person", "somebody else", id="own witness",
            ),
            pytest.param({"discharge.gait": ""}, "discharge", "discharge.gait", "Answer", id="criterion open"),
            pytest.param({"discharge.gait": "no"}, "discharge", "discharge.reason", "Walks unaided", id="not met"),
            pytest.param({"discharge.ended": ""}, "discharge", "discharge.ended", "Enter when", id="no end"),
            pytest.param({"discharge.ended": "16:09"}, "discharge", "discharge.reason", "119 of 120", id="too soon"),
            pytest.param({"discharge.ended": "16:40"}, "discharge", "discharge.ended", "not come", id="end to come"),
        ],
    )  # fmt: skip
    def test_each_gap_is_told_in_its_step(self, changes: dict[str, str], step: str, field: str, words: str) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, changes)
        assert words in problems(clinic, session, step)[field]
        assert field in {each.field for each in view(clinic, session).missing if each.blocks}

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"check.pregnancy": "na"}, id="not applicable where offered"),
            pytest.param({"dose.given_mg": "60", "dose.volume_ml": ""}, id="confirmed amount"),
            pytest.param({"dose.expiry": "2026-11"}, id="expires this month"),
            pytest.param({"dose.wasted_mg": "9", "dose.second_person": "Wes Witness"}, id="witnessed waste"),
        ],
    )
    def test_these_are_complete(self, changes: dict[str, str]) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, changes)
        clinic.save(session, {"dose.confirm": "yes"})
        assert not any(each.blocks for each in view(clinic, session).missing)

    @pytest.mark.parametrize(
        ("trigger", "reason", "step"),
        [
            ({"check.consent": "no"}, "check.reason", "before"),
            ({"discharge.gait": "no"}, "discharge.reason", "discharge"),
            ({"discharge.ended": "16:00"}, "discharge.reason", "discharge"),
        ],
        ids=["stopping check", "criterion", "short observation"],
    )
    def test_only_a_prescribers_reason_of_ten_characters_sets_a_rule_aside(
        self, trigger: dict[str, str], reason: str, step: str
    ) -> None:
        clinic, session = a_recorded_session()
        clinic.save(session, trigger)
        clinic.save(session, {reason: "Too short"}, DEE)
        assert reason in problems(clinic, session, step)
        clinic.save(session, {reason: "Agreed with the whole team."}, NAN)
        assert "prescriber" in problems(clinic, session, step)[reason]
        clinic.save(session, {reason: "Agreed with the whole team!"}, DEE)
        assert problems(clinic, session, step) == {}

    def test_an_injection_needs_a_site_and_no_end(self) -> None:
        clinic = Clinic()
        clinic.enrolled(route="IM")
        session = clinic.recorded(MONDAY)
        clinic.save(session, {"dose.ended": ""})
        assert list(problems(clinic, session, "dose")) == ["dose.body_site"]

    def test_a_pressure_after_the_dose_is_needed(self) -> None:
        clinic, session = a_recorded_session()
        reading = clinic.session(session.id).entries[-1]
        strike_entry(clinic.work, clinic.clock, NAN, session.id, reading.id, "Cuff slipped")
        assert "systolic" in problems(clinic, session, "monitor")

    @pytest.mark.parametrize(("typed", "complete"), [("14:40", True), ("soon", False), ("16:30", False), ("", True)])
    def test_the_end_of_an_event_is_a_time_of_the_past(self, typed: str, complete: bool) -> None:
        clinic, session = a_recorded_session()
        add(clinic, session, "event", {"type": "nausea", "severity": "mild", "time": "14:30"}, "v1")
        clinic.save(session, {"event.v1.resolved": typed})
        assert (problems(clinic, session, "monitor") == {}) is complete

    def test_an_infusion_may_end_after_midnight(self) -> None:
        clinic, session = a_running_session()
        clinic.at("23:30")
        clinic.read(session, "128/78")
        clinic.save(session, DOSE_FIELDS | {"dose.started": "23:40", "dose.ended": "00:20"})
        clinic.at("00:30", date(2026, 11, 3))
        assert problems(clinic, session, "dose") == {}
        assert view(clinic, session).observed_minutes == 50


class TestTheGate:
    def test_it_is_measured_first(self) -> None:
        clinic, session = a_running_session()
        assert view(clinic, session).gate.words == "Measure blood pressure first."
        assert problems(clinic, session, "before")["gate.reason"] == "Measure blood pressure first."

    def test_a_failing_pressure_says_do_not_start(self) -> None:
        clinic, session = a_running_session()
        clinic.read(session, "152/104")
        shown = view(clinic, session)
        assert shown.gate.words == "Do not start: 152/104 is not below 140/100. Repeat in 5 minutes."
        assert f"{shown.due.at:%H:%M}" == "14:05"

    def test_a_reading_and_a_dose_of_the_same_minute_keep_their_order(self) -> None:
        clinic, session = a_running_session()
        clinic.read(session, "128/78")
        clinic.read(session, "126/78")
        clinic.save(session, {"dose.started": "14:00"})
        assert view(clinic, session).gate.state is GateState.PASSING

    def test_a_dose_in_spite_of_it_needs_a_prescribers_reason(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, before_fields(Route.IV))
        clinic.read(session, "152/104")
        clinic.at("14:10")
        clinic.save(session, {"dose.started": "14:10", "gate.reason": "Known white-coat pressure."}, NAN)
        assert "prescriber" in problems(clinic, session, "before")["gate.reason"]
        clinic.save(session, {"gate.reason": "Known white-coat pressure, seen."}, DEE)
        assert problems(clinic, session, "before") == {}
        assert view(clinic, session).gate.state is GateState.FAILING


class TestTheView:
    def test_readings_run_from_the_dose_on_newest_last(self) -> None:
        clinic, session = a_recorded_session()
        clinic.read(session, "165/90", time="14:30")
        shown = view(clinic, session)
        assert [(line.minutes, line.late) for line in shown.readings] == [
            (-15, False),
            (-10, False),
            (10, False),
            (20, True),
        ]
        assert [line.action.level for line in shown.readings] == [Level.NONE] * 3 + [Level.WATCH]
        assert shown.alert.level is Level.WATCH
        assert shown.readings[0].baseline

    def test_the_dose_is_shown_with_its_sums_and_their_source(self) -> None:
        clinic, session = a_recorded_session()
        dose = view(clinic, session).dose
        assert dose.planned is not None
        assert dose.volume is not None
        assert dose.planned.words == "0.5 mg/kg × 82.0 kg = 41 mg"
        assert dose.planned_source == "Weight of 30 Oct 2026, as at enrolment"
        assert dose.volume.words == "41 mg ÷ 50 mg/mL = 0.82 mL"

    def test_a_weight_typed_today_names_who_typed_it(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"dose.weight_kg": "80", "dose.weight_date": "2026-11-02"})
        assert view(clinic, session).dose.planned_source == "Weight of 02 Nov 2026, entered by Nan Nurse"

    def test_every_field_of_the_form_has_a_value_and_nothing_else_shows(self) -> None:
        clinic, session = a_running_session()
        clinic.save(session, {"check.identity": "yes"})
        fields = view(clinic, session).fields
        assert fields["check.identity"] == "yes"
        assert fields["check.consent"] == fields["discharge.gait.note"] == fields["dose.lot"] == ""
        assert not any(name.startswith("@") for name in fields)
        assert view(clinic, session).written["check.identity"].by == NURSE

    def test_a_new_session_has_begun_no_step(self) -> None:
        clinic, session = a_running_session()
        assert [step.begun for step in view(clinic, session).steps] == [False] * 4

    def test_a_baseline_reading_begins_the_first_step(self) -> None:
        clinic, session = a_running_session()
        add(clinic, session, "reading", {"systolic": "128", "diastolic": "78", "baseline": "yes"}, "r1")
        assert [step.begun for step in view(clinic, session).steps] == [True, False, False, False]

    def test_events_carry_their_words_and_their_end(self) -> None:
        clinic, session = a_recorded_session()
        typed = {"type": "nausea", "severity": "moderate", "text": "after the infusion", "action": "Ondansetron 4 mg"}
        add(clinic, session, "event", typed, "v1")
        clinic.save(session, {"event.v1.resolved": "16:15"})
        (line,) = view(clinic, session).events
        assert line.text == "Nausea: after the infusion"
        assert (line.severity.value, line.resolved, line.resolved_field) == ("moderate", "16:15", "event.v1.resolved")

    def test_who_may_do_what_is_said(self) -> None:
        clinic, session = a_recorded_session()
        assert view(clinic, session, DEE).may_sign
        assert not view(clinic, session, NAN).may_sign
        looked = view(clinic, session, a_caller(OTHERS[Role.AUDITOR]))
        assert not looked.editable
        assert looked.why_not
        clinic.sign(session)
        assert "Signed by Dr Dee on 02 Nov 2026 at 16:20" in view(clinic, session, NAN).why_not

    def test_a_session_within_24_hours_and_an_old_screening_are_noticed(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.signed(MONDAY)
        clinic.at("14:00", date(2026, 11, 3))
        session = clinic.opened()
        assert view(clinic, session).notices == ("The last session began less than 24 hours ago.",)
        clinic.screened("hold")
        assert "not now" in view(clinic, session).notices[1]
        clinic.at("00:30", date(2026, 11, 4))
        assert "The patient has not been screened today." in view(clinic, session).notices

    def test_an_overridden_finding_is_noticed_at_the_bedside(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("14:00")
        session = clinic.opened()
        overrides = (an_override(patient=DEE.patient),)
        clinic.screened("contraindicated", after_overrides="needs-review", overrides=overrides)
        assert view(clinic, session).notices == (
            "The latest screening needs review.",
            "A prescriber overrode what the screening found: ABS-SCZ.",
        )

    def test_the_sublingual_programme_asks_for_no_fasting_and_no_discharge(self) -> None:
        clinic = Clinic()
        clinic.enrolled(ENROLMENT | {"route": "SL", "dose_mg_per_kg": "", "dose_mg": "30"})
        clinic.at("14:00")
        session = clinic.opened()
        shown = view(clinic, session)
        assert shown.title == "Session 1"
        keys = {line.field for line in shown.checks}
        assert "check.identity" in keys
        assert keys.isdisjoint({"check.fasting", "check.escort", "check.equipment", "check.access"})
        assert shown.discharge == ()
        assert PROGRAMMES[Route.SL].sessions is None

    def test_a_check_line_says_what_no_means(self) -> None:
        clinic, session = a_running_session()
        effects = {line.field: line.effect for line in view(clinic, session).checks}
        assert effects["check.consent"] == "Do not give the dose. Take consent first."
        assert effects["check.driving"] == "Tell the patient before the dose."

    def test_after_the_end_of_observation_nothing_is_due(self) -> None:
        clinic, session = a_running_session()
        clinic.read(session, "128/78")
        clinic.save(session, {"dose.started": "14:00"})
        clinic.at("15:30")
        assert view(clinic, session).due.overdue
        clinic.save(session, {"discharge.ended": "15:20"} | discharge_fields(Route.IV) | {"discharge.ended": "15:20"})
        assert view(clinic, session).due.at is None


class TestEnteredAfterwards:
    """A session that took place on an earlier day: a time alone is that day's, and all is marked as late."""

    @staticmethod
    def held(clinic: Clinic) -> StoredSession:
        clinic.enrolled()
        clinic.at("14:00", date(2026, 11, 5))
        return clinic.opened(held="2026-11-02")

    def test_its_day_is_the_day_of_the_dose_and_of_the_weight(self) -> None:
        clinic = Clinic()
        clinic.screened(weight={"kg": "70", "date": "2026-11-04", "reference": "Observation/later"})
        session = self.held(clinic)
        assert session.fields["dose.date"] == "2026-11-02"
        assert session.fields["dose.weight_kg"] == "82.0"

    def test_it_was_not_part_of_today_s_encounter(self) -> None:
        clinic = Clinic()
        assert self.held(clinic).encounter is None
        today = Clinic()
        today.enrolled()
        assert today.opened().encounter == f"{BASE}/Encounter/visit-1"

    def test_a_time_alone_is_that_day_s_and_marked(self) -> None:
        clinic = Clinic()
        session = self.held(clinic)
        (entry,) = clinic.read(session, "128/78", time="09:40").entries
        assert (entry.at.date(), f"{entry.at:%H:%M}", entry.late) == (date(2026, 11, 2), "09:40", True)

    def test_a_reading_past_midnight_is_the_next_day_s(self) -> None:
        clinic = Clinic()
        session = self.held(clinic)
        clinic.save(session, {"dose.started": "22:50"})
        (entry,) = clinic.read(session, "128/78", time="00:10").entries
        assert entry.at.date() == date(2026, 11, 3)

    def test_a_reading_without_a_time_is_asked_for_it(self) -> None:
        clinic = Clinic()
        session = self.held(clinic)
        with pytest.raises(Refused) as refused:
            clinic.read(session, "128/78")
        assert "02 Nov 2026" in refused.value.problems["time"]

    def test_a_note_is_of_now(self) -> None:
        clinic = Clinic()
        session = self.held(clinic)
        typed = {"text": "Entered from the paper record."}
        (entry,) = add_entry(clinic.work, clinic.clock, NAN, session.id, "note", "note-1", typed).entries
        assert (f"{entry.at:%d %H:%M}", entry.late) == ("05 14:00", False)

    def test_the_baseline_is_judged_before_the_start_is_typed(self) -> None:
        clinic = Clinic()
        session = self.held(clinic)
        clinic.read(session, "152/92", time="09:40", baseline="yes")
        assert view(clinic, session).gate.state is GateState.FAILING
        clinic.read(session, "128/78", time="09:50", baseline="yes")
        assert view(clinic, session).gate.state is GateState.REPEAT
        clinic.read(session, "128/78", time="09:55", baseline="yes")
        assert view(clinic, session).gate.state is GateState.PASSING
        clinic.save(session, {"dose.started": "11:30"})
        assert view(clinic, session).gate.state is GateState.MISSING
