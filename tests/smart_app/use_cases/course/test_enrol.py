"""Who may be enrolled, by whom, on what form; and what enrolling writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import PROGRAMMES, programme_of
from fhir_mappings.facts.treatment import Role, Route
from smart_app.use_cases.course.course_progress import progress_now
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.course.enrol import enrol, enrolment_view
from smart_app.use_cases.course.enrolment_form import dose_plan
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import Caller, MessageKind, StoredCourse
from tests.smart_app.clinical.treatments import a_course
from tests.smart_app.store.stored_records import an_override
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, ENROLMENT, MONDAY, NAN, OTHERS, Clinic, a_caller


def enrolled(clinic: Clinic, caller: Caller = DEE, **changes: str) -> StoredCourse:
    return enrol(clinic.work, clinic.clock, caller, ENROLMENT | changes, clinic.ids, clinic.site)


def refusal(clinic: Clinic, caller: Caller = DEE, **changes: str) -> Refused:
    with pytest.raises(Refused) as caught:
        enrolled(clinic, caller, **changes)
    assert not clinic.work.kept.courses
    assert not clinic.messages
    return caught.value


class TestWhoMayBeEnrolled:
    def test_a_candidate(self) -> None:
        clinic = Clinic()
        clinic.screened()
        course = enrolled(clinic)
        assert course.status is CourseStatus.ACTIVE
        assert clinic.course == course

    @pytest.mark.parametrize(
        "status", ["contraindicated", "hold", "no-indication", "insufficient-data", "unheard-of"]
    )
    def test_nobody_else_whatever_the_form_says(self, status: str) -> None:
        clinic = Clinic()
        clinic.screened(status)
        refusal(clinic, acknowledgement="I take responsibility for this.")
        assert clinic.refusals == ["clinician:course:enrol"]
        view = enrolment_view(clinic.work, clinic.clock, DEE)
        assert not view.allowed
        assert view.why_not

    @pytest.mark.parametrize(("words", "taken"), [("", False), ("too short", False), ("ten chars.", True)])
    def test_one_who_needs_review_with_a_reason(self, words: str, taken: bool) -> None:
        clinic = Clinic()
        clinic.screened("needs-review")
        assert enrolment_view(clinic.work, clinic.clock, DEE).needs_acknowledgement
        if taken:
            assert enrolled(clinic, acknowledgement=words).enrolment["acknowledgement"] == words
        else:
            assert "acknowledgement" in refusal(clinic, acknowledgement=words).problems

    def test_one_whose_exclusion_was_overridden_with_a_reason_for_both(self) -> None:
        clinic = Clinic()
        override = an_override(patient=DEE.patient)
        clinic.screened("contraindicated", after_overrides="needs-review", overrides=(override,))
        assert enrolment_view(clinic.work, clinic.clock, DEE).needs_acknowledgement
        assert "acknowledgement" in refusal(clinic, acknowledgement="").problems
        enrolled(clinic, acknowledgement="agreed with the patient")
        record = clinic.work.kept.audit[-1]
        assert record.detail == "IV programme, screening contraindicated, overridden: ABS-SCZ"

    @pytest.mark.parametrize("left", ["contraindicated", "hold", "insufficient-data", "no-indication"])
    def test_none_whose_overrides_leave_an_exclusion(self, left: str) -> None:
        clinic = Clinic()
        clinic.screened("contraindicated", after_overrides=left, overrides=(an_override(patient=DEE.patient),))
        assert not enrolment_view(clinic.work, clinic.clock, DEE).allowed
        assert refusal(clinic).words

    @pytest.mark.parametrize(("hours", "taken"), [(24, True), (24.02, False), (-1, False)])
    def test_only_within_24_hours_of_the_screening(self, hours: float, taken: bool) -> None:
        clinic = Clinic()
        clinic.screened(at=clinic.now - timedelta(hours=hours))
        if taken:
            enrolled(clinic)
        else:
            assert "24 hours" in refusal(clinic).words

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"launch": "launch-9"}, id="screened in another launch"),
            pytest.param({"patient": BENS_DOCTOR.patient}, id="screening of another patient"),
            pytest.param({"ehr": "other"}, id="screened at another EHR"),
        ],
    )
    def test_only_by_the_launchs_own_screening(self, changes: dict[str, Any]) -> None:
        clinic = Clinic()
        clinic.screened(**changes)
        assert "screened" in refusal(clinic).words

    def test_the_latest_screening_decides(self) -> None:
        clinic = Clinic()
        clinic.screened("candidate")
        clinic.screened("hold")
        assert "not now" in refusal(clinic).words

    def test_not_twice(self) -> None:
        clinic = Clinic()
        first = clinic.enrolled()
        with pytest.raises(Refused, match="in a course already"):
            enrolled(clinic, escort="Somebody Else")
        assert list(clinic.work.kept.courses) == [first.id]

    def test_the_same_form_sent_twice_gives_the_same_course(self) -> None:
        clinic = Clinic()
        first = clinic.enrolled()
        audited = len(clinic.trail)
        assert enrolled(clinic).id == first.id
        assert clinic.kinds == [MessageKind.CREATE_CARE_PLAN]
        assert len(clinic.trail) == audited


@pytest.mark.parametrize(
    "caller",
    [
        pytest.param(NAN, id="a nurse"),
        pytest.param(a_caller(OTHERS[Role.AUDITOR]), id="an auditor"),
        pytest.param(a_caller(OTHERS[Role.NONE]), id="somebody without a role"),
        pytest.param(replace(DEE, may_write=False), id="a prescriber without write scopes"),
    ],
)
def test_only_a_prescriber_who_may_write_enrols(caller: Caller) -> None:
    clinic = Clinic()
    clinic.screened(launch=caller.launch)
    refusal(clinic, caller)
    assert clinic.refusals == ["clinician:course:enrol"]


class TestTheForm:
    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            pytest.param({"route": ""}, "route", "Choose a route", id="no route"),
            pytest.param({"route": "PO"}, "route", "Choose a route", id="no such route"),
            pytest.param({"day.3": "2026-11-04"}, "day.3", "Session 3 is before session 2", id="third before second"),
            pytest.param({"day.3": "2026-11-05"}, "day.3", "same day as session 2", id="two on a day"),
            pytest.param({"day.1": "2026-09-02"}, "day.1", "more than 60 days ago", id="61 days back"),
            pytest.param({"day.6": "2027-05-02"}, "day.6", "more than 180 days ahead", id="181 days ahead"),
            pytest.param({"day.2": ""}, "day.2", "date of session 2", id="a date missing"),
            pytest.param({"day.2": "soon"}, "day.2", "Enter a date", id="no date"),
            pytest.param({"weight_kg": ""}, "weight_kg", "Enter the weight", id="no weight"),
            pytest.param({"weight_kg": "8.2"}, "weight_kg", "from 20 to 350", id="impossible weight"),
            pytest.param({"weight_kg": "181"}, "weight_kg", "181 lb would be 82.1 kg", id="pounds"),
            pytest.param({"weight_date": ""}, "weight_date", "day of weighing", id="undated weight"),
            pytest.param({"weight_date": "2026-11-03"}, "weight_date", "not come yet", id="weighed tomorrow"),
            pytest.param({"weight_date": "2026-10-02"}, "weight_date", "Check: weighed 31 days", id="31 days old"),
            pytest.param({"weight_date": "2026-08-03"}, "weight_date", "91 days ago. Weigh", id="91 days old"),
            pytest.param({"dose_mg_per_kg": ""}, "dose_mg_per_kg", "Enter the planned dose", id="no dose"),
            pytest.param({"dose_mg": "41"}, "dose_mg_per_kg", "not both", id="two doses"),
            pytest.param({"dose_mg_per_kg": "half"}, "dose_mg_per_kg", "Enter a number", id="dose in words"),
            pytest.param({"dose_mg_per_kg": "0"}, "dose_mg_per_kg", "over 0", id="dose of 0"),
            pytest.param({"dose_mg_per_kg": "1.5"}, "dose_mg_per_kg", "Check: 1.5 mg/kg", id="over 1 mg/kg"),
            pytest.param({"dose_mg_per_kg": "", "dose_mg": "250"}, "dose_mg", "more than 200 mg", id="over 200 mg"),
            pytest.param({"place": "car"}, "place", "Choose clinic", id="no such place"),
            pytest.param({"place": "home"}, "address_confirmed", "Confirm the address", id="home, unconfirmed"),
            pytest.param({"consent": ""}, "consent", "where the consent is", id="no consent"),
            pytest.param({"consent_signed_on": ""}, "consent_signed_on", "was signed", id="undated consent"),
            pytest.param({"consent_signed_on": "2026-11-03"}, "consent_signed_on", "not come", id="signed tomorrow"),
            pytest.param({"escort": " "}, "escort", "Name the adult", id="no escort"),
            pytest.param({"emergency_name": ""}, "emergency_name", "emergency contact", id="no contact"),
            pytest.param({"emergency_phone": ""}, "emergency_phone", "telephone", id="no telephone"),
            pytest.param({"monitoring": ""}, "monitoring", "Accept the monitoring", id="monitoring not accepted"),
        ],
    )
    def test_each_problem_stands_beside_its_field(self, changes: dict[str, str], field: str, words: str) -> None:
        clinic = Clinic()
        clinic.screened(weight=None)
        found = refusal(clinic, **changes).problems
        assert words in found[field]
        assert enrolment_view(clinic.work, clinic.clock, DEE, ENROLMENT | changes).problems == found

    def test_a_weight_far_from_the_chart_s_is_asked_back(self) -> None:
        clinic = Clinic()
        clinic.screened()
        assert "82.0 kg were known" in refusal(clinic, weight_kg="120").problems["weight_kg"]

    def test_an_impossible_weight_makes_no_dose(self) -> None:
        assert dose_plan({"dose_mg_per_kg": "0.5", "weight_kg": "8200"}) is None
        assert dose_plan({"dose_mg_per_kg": "0.5", "weight_kg": "82"}) is not None

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"weight_date": "2026-10-03"}, id="weight of 30 days"),
            pytest.param({"weight_date": "2026-10-02", "confirm": "yes"}, id="weight of 31 days, kept"),
            pytest.param({"weight_date": "2026-08-04", "confirm": "yes"}, id="weight of 90 days, kept"),
            pytest.param({"dose_mg_per_kg": "1.5", "confirm": "yes"}, id="over 1 mg/kg, confirmed"),
            pytest.param({"weight_kg": "181", "confirm": "yes"}, id="heavy, confirmed"),
            pytest.param({"dose_mg_per_kg": "", "dose_mg": "41"}, id="in milligrams"),
            pytest.param({"place": "home", "address_confirmed": "yes"}, id="at home"),
            pytest.param({"consent": "DocumentReference/9"}, id="consent by reference"),
            pytest.param({"route": "IN", "dose_mg_per_kg": "", "dose_mg": "75", "weight_kg": ""}, id="nasal"),
            pytest.param(
                {"route": "SL", "dose_mg_per_kg": "", "dose_mg": "30", "escort": "", "monitoring": ""},
                id="sublingual",
            ),
        ],
    )
    def test_these_forms_are_taken(self, changes: dict[str, str]) -> None:
        clinic = Clinic()
        clinic.screened(weight=None)
        assert enrolled(clinic, **changes).status is CourseStatus.ACTIVE

    def test_a_weight_over_90_days_old_cannot_be_kept(self) -> None:
        clinic = Clinic()
        clinic.screened()
        assert "weight_date" in refusal(clinic, weight_date="2026-08-03", confirm="yes").problems

    def test_the_form_proposes_the_charts_weight_and_the_programmes_days(self) -> None:
        clinic = Clinic()
        clinic.screened()
        view = enrolment_view(clinic.work, clinic.clock, DEE, {"route": "IV", "start": "2026-11-06"})
        assert view.fields["weight_kg"] == "82.0"
        assert view.weight is not None
        assert view.weight.words == "82.0 kg on 30 Oct 2026 (EHR, Observation/w1)"
        assert [each.value for each in view.planned] == [
            "2026-11-06", "2026-11-09", "2026-11-13", "2026-11-16", "2026-11-20", "2026-11-23"
        ]  # fmt: skip
        assert view.dose_words == "0.5 mg/kg × 82.0 kg = 41 mg"

    def test_weekends_and_past_days_are_marked(self) -> None:
        clinic = Clinic()
        clinic.screened()
        typed = {"route": "IV", "start": "2026-11-02", "day.1": "2026-11-01", "day.2": "2026-11-07"}
        planned = enrolment_view(clinic.work, clinic.clock, DEE, typed).planned
        assert [each.remarks for each in planned[:3]] == [("Weekend", "In the past"), ("Weekend",), ()]

    def test_the_empty_form_shows_no_problems(self) -> None:
        clinic = Clinic()
        clinic.screened()
        view = enrolment_view(clinic.work, clinic.clock, DEE)
        assert view.problems == {}
        assert view.allowed
        assert len(view.definitions) == 4

    def test_looking_at_the_form_is_audited(self) -> None:
        clinic = Clinic()
        enrolment_view(clinic.work, clinic.clock, DEE)
        assert [record.action for record in clinic.trail] == ["clinician:enrolment:read"]


class TestWhatIsWritten:
    def test_one_transaction_holds_course_audit_and_message(self) -> None:
        clinic = Clinic()
        course = clinic.enrolled()
        assert [each.day for each in course.planned][:2] == [date(2026, 11, 2), date(2026, 11, 5)]
        assert course.conditions == (f"{DEE.fhir_base}/Condition/mdd",)
        assert course.route is Route.IV
        (message,) = clinic.messages
        assert (message.kind, message.launch, message.course) == ("create-care-plan", "launch-1", course.id)
        (item,) = message.items
        assert (item.resource_type, item.system) == ("CarePlan", "https://clinic.example/sid/programme")
        assert item.value == course.id
        assert clinic.trail[-1].action == "clinician:course:enrol"

    def test_nothing_is_kept_when_the_audit_record_cannot_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clinic = Clinic()
        clinic.screened()
        monkeypatch.setattr("smart_app.use_cases.course.enrol.audited", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            enrolled(clinic)
        assert not clinic.work.kept.courses
        assert not clinic.messages

    def test_typed_text_is_not_in_the_audit_trail(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        said = " ".join(record.detail for record in clinic.trail)
        assert not any(secret in said for secret in ("Sam", "Bo Brother", "555"))


class TestWithdrawal:
    def withdrawn(self, clinic: Clinic, reason: str = "Changed her mind.", caller: Caller = DEE) -> StoredCourse:
        form = {"reason": reason}
        return decide(clinic.work, clinic.clock, caller, Decision.WITHDRAW, form, clinic.ids, clinic.site)

    def test_before_session_1_the_course_is_revoked(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        course = self.withdrawn(clinic)
        assert clinic.course == course
        assert (course.status, course.ended) == (CourseStatus.REVOKED, clinic.now.date())
        assert "Changed her mind." in course.notes[-1].text
        assert {each.status.value for each in course.planned} == {"cancelled"}
        assert clinic.kinds == [MessageKind.CREATE_CARE_PLAN, MessageKind.UPDATE_CARE_PLAN]

    def test_twice_is_once(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        assert self.withdrawn(clinic).id == self.withdrawn(clinic).id
        assert clinic.kinds.count(MessageKind.UPDATE_CARE_PLAN) == 1

    def test_afterwards_the_patient_can_be_enrolled_again(self) -> None:
        clinic = Clinic()
        first = clinic.enrolled()
        self.withdrawn(clinic)
        assert clinic.enrolled().id != first.id

    @pytest.mark.parametrize(("reason", "caller"), [("no", DEE), ("Changed her mind.", NAN)])
    def test_it_needs_a_prescriber_and_a_reason(self, reason: str, caller: Caller) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused):
            self.withdrawn(clinic, reason, caller)
        assert clinic.course.status is CourseStatus.ACTIVE

    def test_not_once_a_session_was_opened(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.opened()
        with pytest.raises(Refused, match="before session 1"):
            self.withdrawn(clinic)

    def test_not_of_another_patient(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused, match="in no course"):
            self.withdrawn(clinic, caller=BENS_DOCTOR)
        assert clinic.course.status is CourseStatus.ACTIVE
        assert clinic.refusals == ["clinician:course:withdraw"]


class TestTheProgrammeOfACourse:
    def test_is_kept_as_it_was_at_enrolment_and_counts_from_then_on(self) -> None:
        clinic = Clinic()
        tuned = replace(PROGRAMMES[Route.IV], version="1.0+site.1", least_share=Decimal(1), weight_days=20)
        clinic.site = replace(clinic.site, programmes={**PROGRAMMES, Route.IV: tuned})
        clinic.screened()
        course = enrolled(clinic)
        assert (course.programme, course.definition) == (tuned, "1.0+site.1")
        clinic.site = replace(clinic.site, programmes=PROGRAMMES)
        clinic.signed(**{"dose.given_mg": "40", "dose.volume_ml": "0.80"})
        assert progress_now(clinic.course, list(clinic.work.kept.sessions.values()), MONDAY).counted == 0

    def test_of_an_early_course_is_the_shipped_one(self) -> None:
        assert programme_of(a_course(Route.IM)) is PROGRAMMES[Route.IM]


class TestWhatS3Asks:
    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"off_label": ""}, "off_label", "Explain the off-label use"),
            ({"emergency_relation": " "}, "emergency_relation", "what the emergency contact is"),
            ({"dose_ceiling_mg": "0"}, "dose_ceiling_mg", "over 0"),
            ({"dose_ceiling_mg": "much"}, "dose_ceiling_mg", "number"),
        ],
    )
    def test_is_asked_for(self, changes: dict[str, str], field: str, words: str) -> None:
        clinic = Clinic()
        clinic.screened()
        assert words in refusal(clinic, **changes).problems[field]

    @pytest.mark.parametrize(
        ("born", "asked"),
        [
            ("2008-11-02", False),
            ("2008-11-03", True),
            ("2008-11", True),
            ("2008-10", False),
            ("2008", True),
            ("2007", False),
            ("1986-03-04", False),
            ("", True),
            ("unknown", True),
        ],
    )
    def test_a_guardian_consents_for_whoever_may_be_under_age(self, born: str, asked: bool) -> None:
        clinic = Clinic()
        person = {"family": "Test", "given": "Ada", "birthDate": born}
        clinic.screened(person=person)
        assert enrolment_view(clinic.work, clinic.clock, DEE).needs_guardian is asked
        if not asked:
            assert enrolled(clinic).status is CourseStatus.ACTIVE
            return
        assert set(refusal(clinic).problems) == {"guardian", "guardian_signed_on"}
        assert (
            "not come yet"
            in refusal(clinic, guardian="Jo Test, father", guardian_signed_on="2026-11-03").problems[
                "guardian_signed_on"
            ]
        )
        signed = enrolled(clinic, guardian="Jo Test, father", guardian_signed_on="2026-11-02")
        assert signed.enrolment["guardian"] == "Jo Test, father"

    def test_the_dose_plan_ends_at_its_ceiling_also_in_the_session(self) -> None:
        clinic = Clinic()
        clinic.screened()
        view = enrolment_view(clinic.work, clinic.clock, DEE, ENROLMENT | {"dose_ceiling_mg": "40"})
        assert view.dose_words == "0.5 mg/kg × 82.0 kg = 41 mg, at most 40 mg: 40 mg"
        enrolled(clinic, dose_ceiling_mg="40")
        assert clinic.opened().fields["dose.planned_mg"] == "40"

    def test_a_ceiling_that_is_not_reached_changes_nothing(self) -> None:
        clinic = Clinic()
        clinic.screened()
        enrolled(clinic, dose_ceiling_mg="60")
        assert clinic.opened().fields["dose.planned_mg"] == "41"
