"""Screening must stand: new findings put the course on hold, and a session needs a screening of its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fhir_mappings.facts.programme import CourseStatus, Held
from smart_app.use_cases.course.course_events import hold_by_screening
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageKind, MessageState, StoredScreening
from smart_app.use_cases.session.record_session import open_session, session_view
from smart_app.use_cases.session.session_steps import check_step
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, DOSE_FIELDS, MONDAY, NAN, Clinic, a_caller

FINDING = {
    "rule": "HOLD-PSY",
    "state": "met",
    "effect": "hold",
    "title": "Psychosis, current or recent",
    "evidence": [],
}
REASON = "Discussed with the patient and the ward."


def found(clinic: Clinic, status: str, caller: Caller = NAN, **changes: object) -> StoredScreening:
    """A screening as a launch makes it, with what follows from it in the same transaction."""
    screening = clinic.screened(status, result={"status": status, "findings": [FINDING]}, **changes)
    with clinic.work() as uow:
        hold_by_screening(uow, screening, caller, clinic.now, clinic.site)
        uow.audit.add(replace(clinic.trail[-1], action="test:screening"))
        uow.commit()
    return screening


class TestNewFindings:
    @pytest.mark.parametrize("status", ["contraindicated", "hold"])
    def test_put_the_course_on_hold_whoever_screens(self, status: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        found(clinic, status)
        course = clinic.course
        assert (course.status, course.held, course.notes[-1].author) == (
            CourseStatus.ON_HOLD,
            Held.SCREENING,
            NAN.clinician,
        )
        assert "the screening of 02 Nov 2026 found: Psychosis, current or recent (HOLD-PSY)" in course.notes[-1].text
        assert (clinic.messages[-1].kind, clinic.messages[-1].state) == (
            MessageKind.UPDATE_CARE_PLAN,
            MessageState.QUEUED,
        )
        assert "clinician:course:hold" in {record.action for record in clinic.trail}

    @pytest.mark.parametrize("status", ["candidate", "needs-review", "insufficient-data", "no-indication"])
    def test_that_do_not_forbid_treatment_leave_the_course_as_it_is(self, status: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        found(clinic, status)
        assert clinic.course.status is CourseStatus.ACTIVE

    def test_that_were_overridden_leave_the_course_as_it_is(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        found(clinic, "contraindicated", after_overrides="needs-review")
        assert clinic.course.status is CourseStatus.ACTIVE

    def test_hold_a_course_once_and_no_other_patient_s(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        found(clinic, "hold", BENS_DOCTOR)
        assert clinic.course.status is CourseStatus.ACTIVE
        found(clinic, "hold")
        found(clinic, "contraindicated")
        assert len(clinic.course.notes) == 1

    def test_stand_here_where_the_launch_may_not_write_and_are_sent_with_the_next_that_may(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        found(clinic, "hold", replace(NAN, may_write=False))
        assert clinic.course.status is CourseStatus.ON_HOLD
        assert clinic.messages[-1].state is MessageState.WAIT_AUTH
        with clinic.work() as uow:
            assert uow.messages.release(DEE.patient, launch="launch-9", now=clinic.now) == 1

    def test_a_launch_also_finds_that_a_course_was_interrupted(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.signed(MONDAY)
        clinic.at("09:00", MONDAY + timedelta(days=15))
        found(clinic, "candidate")
        assert (clinic.course.status, clinic.course.held) == (CourseStatus.ON_HOLD, Held.INTERRUPTED)


class TestOpening:
    def opened(self, clinic: Clinic, caller: Caller = NAN, reason: str = "", held: str = "") -> str:
        return open_session(clinic.work, clinic.clock, caller, clinic.ids, clinic.site, held, reason).id

    def test_needs_a_screening_of_the_day(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("00:10", MONDAY + timedelta(days=1))
        with pytest.raises(Refused, match="not been screened today"):
            self.opened(clinic)
        clinic.screened(launch="launch-7")
        assert self.opened(clinic)

    @pytest.mark.parametrize("status", ["needs-review", "insufficient-data", "no-indication"])
    def test_needs_a_prescriber_s_reason_where_the_screening_does_not_stand_by_itself(self, status: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.screened(status)
        with pytest.raises(Refused, match="The screening of today"):
            self.opened(clinic, reason=REASON)
        with pytest.raises(Refused) as caught:
            self.opened(clinic, DEE, reason="ok")
        assert set(caught.value.problems) == {"reason"}
        session = clinic.session(self.opened(clinic, DEE, REASON))
        assert (session.fields["open.reason"], session.fields["@by.open.reason"]) == (REASON, DEE.clinician.reference)

    @pytest.mark.parametrize("status", ["contraindicated", "hold"])
    def test_is_refused_where_the_screening_forbids_it_whatever_the_reason(self, status: str) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.screened(status)
        with pytest.raises(Refused, match="does not allow a session"):
            self.opened(clinic, DEE, REASON)

    def test_of_an_earlier_day_goes_by_the_screening_of_that_day(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("09:00", MONDAY + timedelta(days=2))
        clinic.screened("needs-review")
        with pytest.raises(Refused, match="No screening of that day"):
            self.opened(clinic, held="2026-11-03")
        assert self.opened(clinic, held="2026-11-02")

    def test_of_another_ehr_s_patient_does_not_go_by_ours(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("09:00", MONDAY + timedelta(days=1))
        clinic.screened(ehr="elsewhere")
        with pytest.raises(Refused, match="not been screened today"):
            self.opened(clinic)


class TestARunningSession:
    def held(self, *, after_dose: bool) -> tuple[Clinic, str]:
        clinic = Clinic()
        clinic.enrolled()
        clinic.at("14:00")
        session = clinic.opened()
        clinic.read(session, "128/78", baseline="yes")
        if after_dose:
            clinic.at("14:10")
            clinic.save(session, DOSE_FIELDS)
        clinic.at("14:30")
        found(clinic, "hold")
        return clinic, session.id

    def test_does_not_get_its_dose_without_a_prescriber_s_reason(self) -> None:
        clinic, session = self.held(after_dose=False)
        view = session_view(clinic.work, clinic.clock, NAN, session, clinic.site)
        assert view.held_before_dose
        assert "Psychosis" in view.held
        asked = check_step(clinic.session(session), "before", clinic.course, clinic.now, clinic.site.limits)
        assert asked["hold.reason"].startswith("Do not give the dose.")
        clinic.save(clinic.session(session), {"hold.reason": REASON}, NAN)
        asked = check_step(clinic.session(session), "before", clinic.course, clinic.now, clinic.site.limits)
        assert "must be a prescriber's" in asked["hold.reason"]
        clinic.save(clinic.session(session), {"hold.reason": f"{REASON} Dee."}, DEE)
        asked = check_step(clinic.session(session), "before", clinic.course, clinic.now, clinic.site.limits)
        assert "hold.reason" not in asked

    def test_is_told_after_its_dose_and_nothing_is_asked(self) -> None:
        clinic, session = self.held(after_dose=True)
        view = session_view(clinic.work, clinic.clock, NAN, session, clinic.site)
        assert (bool(view.held), view.held_before_dose) == (True, False)
        asked = check_step(clinic.session(session), "before", clinic.course, clinic.now, clinic.site.limits)
        assert "hold.reason" not in asked

    def test_is_signed_and_counts_and_the_course_stays_on_hold(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        session = clinic.recorded(MONDAY)
        found(clinic, "hold")
        clinic.sign(session)
        assert clinic.course.status is CourseStatus.ON_HOLD
        assert clinic.course.planned[0].session == session.id


def test_a_launch_without_a_named_clinician_may_find_something_too() -> None:
    clinic = Clinic()
    clinic.enrolled()
    nobody = a_caller(replace(NAN.clinician, reference="", name="Name not given by the EHR"), may_write=False)
    found(clinic, "hold", nobody)
    assert clinic.course.status is CourseStatus.ON_HOLD
