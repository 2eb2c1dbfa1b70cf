"""A booster: planned by a prescriber on conditions, with a plan of its own, and never counted to the course."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.clinical import (
    Area,
    BloodPressure,
    Gap,
    LabValue,
    MedicationUse,
    PartialDate,
    PatientFacts,
)
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.treatment import Purpose
from fhir_mappings.wire import decode
from fhir_mappings.writing.care_plan import care_plan
from smart_app.clinical.booster import State
from smart_app.use_cases.aftercare.maintenance import MaintenanceView, maintenance_view
from smart_app.use_cases.aftercare.plan_booster import booster_view, plan_booster
from smart_app.use_cases.care_entries import record_care, strike_care
from smart_app.use_cases.course.course_progress import treatment_course_now
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.course.enrol import enrol
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.outcomes.outcomes import declare_relapse
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.records import Caller, CareEntry, CareKind, MessageKind, ScreeningInputs, StoredCourse
from tests.smart_app.use_cases.a_clinic import DEE, ENROLMENT, MONDAY, NAN, Clinic

DAYS = [MONDAY + timedelta(days=offset) for offset in (0, 3, 7, 10, 14, 17)]
LATER = DAYS[-1] + timedelta(days=30)
REASON = "The family asks, and I have seen the patient today."


def a_finished_course() -> Clinic:
    """Six sessions, completed; then a remission; and thirty days have passed."""
    made = _finished()
    numbers = count(1_000_000)
    clinic = Clinic(now=made.now)
    clinic.work.kept = made.work.kept.copy()
    clinic.ids = lambda: str(UUID(int=next(numbers)))
    return clinic


@cache
def _finished() -> Clinic:
    clinic = Clinic()
    clinic.enrolled()
    for on in DAYS:
        clinic.signed(on)
    assert clinic.course.status is CourseStatus.COMPLETED
    clinic.at("09:00", DAYS[-1] + timedelta(days=3))
    scored(clinic, "4")
    clinic.at("09:00", LATER)
    return clinic


def scored(clinic: Clinic, total: str) -> None:
    fields = {"total": total, "date": clinic.now.date().isoformat()}
    record_score(clinic.work, clinic.clock, NAN, clinic.ids(), "phq9", fields, clinic.ids, clinic.site)


def relapsed(clinic: Clinic) -> None:
    fields = {"cause": "clinical-judgement", "day": "", "reason": "She cries all day again."}
    declare_relapse(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)


def care(clinic: Clinic, kind: CareKind, caller: Caller = NAN, entry: str = "", **fields: str) -> CareEntry:
    form = {"day": clinic.now.date().isoformat()} | fields
    return record_care(clinic.work, clinic.clock, caller, entry or clinic.ids(), kind, form)


def ready(clinic: Clinic) -> Clinic:
    """Everything is known and stands for a booster."""
    relapsed(clinic)
    clinic.screened()
    care(clinic, CareKind.PRESSURE, systolic="128", diastolic="82", source="nurse")
    care(clinic, CareKind.URINARY, symptoms="no")
    care(clinic, CareKind.LIVER, alt="24", alt_upper="40", source="laboratory of today")
    return clinic


FORM = {
    **{name: ENROLMENT[name] for name in ENROLMENT if name != "start"},
    "day.1": LATER.isoformat(),
    "weight_date": (LATER - timedelta(days=2)).isoformat(),
}


def planned(clinic: Clinic, caller: Caller = DEE, **fields: str) -> StoredCourse:
    form = FORM | {name.replace("__", "."): text for name, text in fields.items()}
    return plan_booster(clinic.work, clinic.clock, caller, form, clinic.ids, clinic.site)


def refused(clinic: Clinic, caller: Caller = DEE, **fields: str) -> Refused:
    before = clinic.course, clinic.messages
    with pytest.raises(Refused) as caught:
        planned(clinic, caller, **fields)
    assert (clinic.course, clinic.messages) == before
    return caught.value


def seen(clinic: Clinic) -> MaintenanceView:
    return maintenance_view(clinic.work, clinic.clock, DEE, clinic.site)


def states(clinic: Clinic) -> dict[str, State]:
    return {each.key: each.state for each in seen(clinic).conditions}


class TestConditions:
    def test_what_nobody_has_looked_at_is_unknown_and_never_met(self) -> None:
        clinic = a_finished_course()
        clinic.at("09:00", LATER + timedelta(days=40))
        assert states(clinic) == {
            "programme": State.MET,
            "relapse": State.NOT_MET,
            "screening": State.UNKNOWN,
            "pressure": State.UNKNOWN,
            "spacing": State.UNKNOWN,  # the chart was not read: doses elsewhere are not known
            "urinary": State.UNKNOWN,  # asked before the last dose, too long ago
            "liver": State.UNKNOWN,
        }

    def test_each_stands_once_it_was_looked_at(self) -> None:
        clinic = ready(a_finished_course())
        assert {key for key, state in states(clinic).items() if state is not State.MET} == {"spacing"}

    def test_an_entry_that_was_struck_out_counts_for_nothing(self) -> None:
        clinic = ready(a_finished_course())
        entry = care(clinic, CareKind.LIVER, alt="900", alt_upper="40", source="a mix-up", confirm="yes")
        assert states(clinic)["liver"] is State.NOT_MET
        strike_care(clinic.work, clinic.clock, NAN, entry.id, "Another patient's result.", clinic.ids)
        assert states(clinic)["liver"] is State.MET
        assert any(line.struck for line in seen(clinic).entries), "it stays readable"

    def test_a_screening_is_as_old_as_the_reading_of_the_chart(self) -> None:
        clinic = ready(a_finished_course())
        clinic.screened(at=clinic.now - timedelta(days=31), judged=clinic.now)
        assert states(clinic)["screening"] is State.UNKNOWN, "an answer of today reads nothing anew"

    def test_symptoms_stand_against_an_earlier_no_of_the_same_day(self) -> None:
        clinic = ready(a_finished_course())
        care(clinic, CareKind.URINARY, symptoms="yes", note="burning")
        assert states(clinic)["urinary"] is State.NOT_MET

    @pytest.mark.parametrize("status", ["contraindicated", "hold", "no-indication", "insufficient-data"])
    def test_no_reason_takes_the_place_of_a_screening(self, status: str) -> None:
        clinic = ready(a_finished_course())
        clinic.screened(status)
        refusal = refused(clinic, override=REASON)
        assert "screening" in refusal.advice
        assert clinic.refusals[-1] == "clinician:booster:plan"


class TestPlanning:
    def test_it_is_a_plan_of_its_own_linked_to_the_course_that_stays_completed(self) -> None:
        clinic = ready(a_finished_course())
        course = clinic.course
        booster = planned(clinic, override=REASON)
        assert (booster.purpose, booster.follows, booster.status) == (Purpose.BOOSTER, course.id, CourseStatus.ACTIVE)
        assert clinic.work.kept.courses[course.id] == course
        assert clinic.kinds[-1] is MessageKind.CREATE_CARE_PLAN
        plan = decode(care_plan(treatment_course_now(booster, ()), clinic.site.instance, procedures={}).body)
        named = [each["identifier"]["value"] for each in plan["supportingInfo"] if each["type"] == "CarePlan"]
        assert named == [course.id]
        assert plan["title"] == "Ketamine booster: Intravenous, a single booster session"
        assert [each["detail"]["description"] for each in plan["activity"]] == ["Booster session"]

    def test_what_is_not_met_asks_a_prescribers_reason_which_is_kept(self) -> None:
        clinic = ready(a_finished_course())
        assert "override" in refused(clinic).problems
        assert "override" in refused(clinic, override="ok").problems
        booster = planned(clinic, override=REASON)
        assert booster.notes[-1].text.startswith("Planned although the last dose is at least 7 days ago (unknown)")
        assert booster.notes[-1].text.endswith(REASON)
        record = next(each for each in reversed(clinic.trail) if each.action == "clinician:booster:override")
        assert record.detail == "spacing unknown"

    def test_a_nurse_plans_none(self) -> None:
        clinic = ready(a_finished_course())
        assert "prescriber" in refused(clinic, NAN, override=REASON).words

    def test_sent_twice_it_is_one_plan_and_none_is_made_beside_it(self) -> None:
        clinic = ready(a_finished_course())
        booster = planned(clinic, override=REASON)
        assert planned(clinic, override=REASON).id == booster.id
        assert "running" in refused(clinic, override=REASON, escort="Somebody else").advice

    def test_a_running_course_is_finished_first(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        clinic.signed(DAYS[0])
        assert "running" in refused(clinic, override=REASON).advice

    def test_planned_ahead_the_pressure_is_left_to_the_day(self) -> None:
        clinic = ready(a_finished_course())
        day = LATER + timedelta(days=5)
        view = booster_view(clinic.work, clinic.clock, DEE, FORM | {"day.1": day.isoformat()}, clinic.site)
        assert {each.key: each.state for each in view.conditions}["pressure"] is State.ON_THE_DAY
        assert "day.1" in refused(clinic, override=REASON, day__1=(LATER - timedelta(days=1)).isoformat()).problems

    def test_the_form_begins_with_what_the_enrolment_said(self) -> None:
        clinic = ready(a_finished_course())
        view = booster_view(clinic.work, clinic.clock, DEE, {}, clinic.site)
        assert (view.fields["route"], view.fields["escort"], view.fields["off_label"]) == ("IV", "Sam Sister", "")
        assert view.dose_words.startswith("0.5 mg/kg")
        other = booster_view(clinic.work, clinic.clock, DEE, dict(view.fields) | {"route": "SL"}, clinic.site)
        assert other.definition is None, "a booster is given in a session"


class TestSession:
    def test_it_is_recorded_like_any_session_and_counts_for_its_own_plan_alone(self) -> None:
        clinic = ready(a_finished_course())
        course = clinic.course
        booster = planned(clinic, override=REASON)
        clinic.work.kept.courses[booster.id] = clinic.work.kept.courses.pop(booster.id)  # newest, as in a store
        session = clinic.signed(LATER)
        assert session.signed is not None
        assert (session.signed.course, session.signed.purpose) == (booster.id, Purpose.BOOSTER)
        assert clinic.work.kept.courses[booster.id].status is CourseStatus.COMPLETED
        assert clinic.work.kept.courses[course.id].status is CourseStatus.COMPLETED
        assert len(clinic.work.kept.courses[course.id].planned) == 6
        sent = next(each for each in reversed(clinic.messages) if each.kind is MessageKind.SEND_SESSION)
        bodies: dict[str, Any] = {item.resource_type: json.loads(item.body) for item in sent.items if item.body}
        assert bodies["Procedure"]["code"]["text"] == "Booster session, ketamine infusion"
        assert bodies["Procedure"]["basedOn"][0]["identifier"]["value"] == booster.id

    def test_outcomes_are_still_judged_by_the_course(self) -> None:
        clinic = ready(a_finished_course())
        before = course_view(clinic.work, clinic.clock, DEE).outcomes
        planned(clinic, override=REASON)
        clinic.signed(LATER)
        after = course_view(clinic.work, clinic.clock, DEE).outcomes
        assert after.judged.baseline == before.judged.baseline
        assert after.relapse is not None
        assert before.relapse is not None
        assert after.relapse.standing is before.relapse.standing

    @pytest.mark.parametrize(("days", "asks"), [(-1, True), (0, False), (7, False), (8, True)])
    def test_another_day_than_the_planned_one_is_a_prescribers_decision(self, days: int, asks: bool) -> None:
        clinic = ready(a_finished_course())
        on = LATER + timedelta(days=3)
        planned(clinic, override=REASON, day__1=on.isoformat())
        clinic.at("09:00", on + timedelta(days=days))
        clinic.screened()
        assert bool(course_view(clinic.work, clinic.clock, DEE).open_asks) is asks

    def test_a_booster_is_ended_and_not_started_again(self) -> None:
        clinic = ready(a_finished_course())
        planned(clinic, override=REASON)
        form = {"reason": REASON, "finish": "withdrawal"}
        with pytest.raises(Refused, match="Only a course"):
            decide(clinic.work, clinic.clock, DEE, Decision.RESTART, form, clinic.ids, clinic.site)
        ended = decide(clinic.work, clinic.clock, DEE, Decision.FINISH, form, clinic.ids, clinic.site)
        assert ended.status is CourseStatus.REVOKED


def test_sublingual_after_a_course_is_its_maintenance() -> None:
    clinic = a_finished_course()
    course = clinic.course
    clinic.screened()
    fields = {name: text for name, text in FORM.items() if name not in {"day.1", "dose_mg_per_kg"}}
    fields |= {"route": "SL", "start": LATER.isoformat(), "dose_mg": "25"}
    made = enrol(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)
    assert (made.purpose, made.follows) == (Purpose.MAINTENANCE, course.id)


class TestEntries:
    def test_sent_twice_it_is_kept_once(self) -> None:
        clinic = a_finished_course()
        first = care(clinic, CareKind.URINARY, entry="form-1", symptoms="no")
        assert care(clinic, CareKind.URINARY, entry="form-1", symptoms="yes", note="burning") == first
        assert len(clinic.work.kept.care) == 1

    @pytest.mark.parametrize(
        ("kind", "fields", "problem"),
        [
            (CareKind.URINARY, {}, "symptoms"),
            (CareKind.URINARY, {"symptoms": "yes"}, "note"),
            (CareKind.LIVER, {"source": "laboratory"}, "alt"),
            (CareKind.LIVER, {"alt": "24", "source": "laboratory"}, "alt_upper"),
            (CareKind.LIVER, {"ast": "20000", "ast_upper": "40", "source": "laboratory"}, "ast"),
            (CareKind.LIVER, {"alt": "600", "alt_upper": "40", "source": "laboratory"}, "alt"),
            (CareKind.LIVER, {"alt": "24", "alt_upper": "40"}, "source"),
            (CareKind.PRESSURE, {"systolic": "120", "diastolic": "125"}, "diastolic"),
            (CareKind.PRESSURE, {"systolic": "310", "diastolic": "90"}, "systolic"),
            (CareKind.PRESSURE, {"systolic": "240", "diastolic": "90"}, "systolic"),
            (CareKind.PRESSURE, {"systolic": "120", "diastolic": "80", "day": "2031-01-01"}, "day"),
        ],
    )
    def test_what_is_missing_impossible_or_unusual_is_said_at_the_field(
        self, kind: CareKind, fields: dict[str, str], problem: str
    ) -> None:
        clinic = a_finished_course()
        with pytest.raises(Refused) as caught:
            care(clinic, kind, **fields)
        assert problem in caught.value.problems
        assert clinic.work.kept.care == []


def test_a_stored_course_of_an_earlier_release_is_a_course() -> None:
    assert StoredCourse.__dataclass_fields__["purpose"].default is Purpose.COURSE
    assert date(2026, 11, 2) == MONDAY


class TestExposure:
    def test_all_plans_are_counted_together(self) -> None:
        clinic = ready(a_finished_course())
        planned(clinic, override=REASON)
        clinic.signed(LATER)
        found = seen(clinic).exposure
        assert (found.lifetime, found.quarter, found.boosters, found.mg) == (7, 7, 1, Decimal(7 * 41))

    def test_ketamine_from_elsewhere_is_worth_a_question_and_leaves_the_spacing_open(self) -> None:
        clinic = ready(a_finished_course())
        clinic.screened(inputs=charted(clinic, status="completed"))
        assert states(clinic)["spacing"] is State.MET, "it is over"
        clinic.screened(inputs=charted(clinic))
        view = seen(clinic)
        assert view.watch == ("The list of medicines names Esketamine spray (MedicationRequest/7).",)
        assert states(clinic)["spacing"] is State.UNKNOWN

    def test_a_list_of_medicines_that_was_not_read_leaves_the_spacing_open(self) -> None:
        clinic = ready(a_finished_course())
        gap = Gap(area=Area.MEDICATION, reference="", reason="page 2 failed", fetch_failed=True)
        clinic.screened(inputs=charted(clinic, gaps=(gap,), status="completed"))
        assert states(clinic)["spacing"] is State.UNKNOWN

    def test_values_of_the_chart_serve_as_those_entered_here(self) -> None:
        clinic = a_finished_course()
        on = PartialDate(text=LATER.isoformat(), first=LATER, last=LATER)
        lab = LabValue(
            reference="Observation/alt", name="alt", when=on, value=Decimal(30), unit="U/L", upper=Decimal(40)
        )
        pressure = BloodPressure(
            references=("Observation/bp",), when=on, systolic=Decimal(138), diastolic=Decimal(80)
        )
        clinic.screened(inputs=charted(clinic, labs=(lab,), blood_pressures=(pressure,)))
        assert states(clinic)["liver"] is State.MET
        assert states(clinic)["pressure"] is State.MET


def charted(clinic: Clinic, *, status: str = "active", **facts: Any) -> str:
    """The chart as a screening read it, with a prescription of esketamine."""
    use = MedicationUse(
        reference="MedicationRequest/7",
        label="Esketamine spray",
        ingredients=frozenset({"esketamine"}),
        status=status,
        current=status == "active",
    )
    made = ScreeningInputs(
        id=clinic.ids(),
        ehr=DEE.ehr,
        patient=DEE.patient,
        at=clinic.now,
        facts=PatientFacts(person=None, medications=(use,), **facts),
    )
    with clinic.work() as uow:
        uow.screenings.keep_inputs(made)
        uow.audit.add(AuditRecord(action="test:inputs:keep", at=clinic.now))
        uow.commit()
    return made.id
