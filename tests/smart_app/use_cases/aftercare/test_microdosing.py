"""Doses taken alone: titration by a prescriber, reviews, and a log that is never an administration."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.wire import decode
from fhir_mappings.writing.care_plan import care_plan
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.use_cases.aftercare.microdosing import (
    MicrodosingView,
    microdosing_view,
    record_log,
    review,
    steps_of,
    titrate,
)
from smart_app.use_cases.care_entries import strike_care
from smart_app.use_cases.course.course_progress import treatment_course_now
from smart_app.use_cases.course.enrol import enrol
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.records import Caller, CareEntry, MessageKind, StoredCourse
from tests.smart_app.use_cases.a_clinic import DEE, ENROLMENT, MONDAY, NAN, Clinic

REASON = "Sleeps well, no side effects so far."
SUBLINGUAL = {
    **{name: text for name, text in ENROLMENT.items() if name not in {"dose_mg_per_kg", "escort", "monitoring"}},
    "route": "SL",
    "place": "home",
    "address_confirmed": "yes",
    "dose_mg": "25.0",
}


def at_home() -> Clinic:
    clinic = Clinic()
    clinic.screened()
    enrol(clinic.work, clinic.clock, DEE, SUBLINGUAL, clinic.ids, clinic.site)
    return clinic


def seen(clinic: Clinic) -> MicrodosingView:
    return microdosing_view(clinic.work, clinic.clock, NAN, clinic.site.maintenance)


def titrated(clinic: Clinic, caller: Caller = DEE, **fields: str) -> StoredCourse:
    form = {"mg": "37.5", "reason": REASON} | fields
    return titrate(clinic.work, clinic.clock, caller, form, clinic.ids, clinic.site)


def reviewed(clinic: Clinic, decision: str, **fields: str) -> StoredCourse:
    form = {"decision": decision, "reason": REASON} | fields
    return review(clinic.work, clinic.clock, DEE, form, clinic.ids, clinic.site)


def logged(clinic: Clinic, caller: Caller = NAN, entry: str = "", **fields: str) -> CareEntry:
    form = {"day": MONDAY.isoformat(), "until": "", "taken": "taken", "more": "no", "source": "phone"} | fields
    return record_log(clinic.work, clinic.clock, caller, entry or clinic.ids(), form, clinic.ids, clinic.site)


def problems(clinic: Clinic, act: Any, **fields: str) -> dict[str, str]:
    before = clinic.course, clinic.messages, list(clinic.work.kept.care)
    with pytest.raises(Refused) as caught:
        act(clinic, **fields)
    assert (clinic.course, clinic.messages, clinic.work.kept.care) == before
    return dict(caught.value.problems)


def plan_of(clinic: Clinic) -> dict[str, Any]:
    course = treatment_course_now(clinic.course, ())
    return decode(care_plan(course, clinic.site.instance, procedures={}).body)


def later(clinic: Clinic, days: int) -> date:
    on = MONDAY + timedelta(days=days)
    clinic.at("09:00", on)
    return on


class TestTitration:
    def test_no_dose_is_proposed_and_the_entered_one_is_the_first_step(self) -> None:
        clinic = Clinic()
        clinic.screened()
        with pytest.raises(Refused) as caught:
            enrol(clinic.work, clinic.clock, DEE, SUBLINGUAL | {"dose_mg": ""}, clinic.ids, clinic.site)
        assert "dose_mg" in caught.value.problems
        (step,) = at_home().course.titration
        assert (str(step.mg), step.first, step.last) == ("25.0", MONDAY, None)

    def test_each_step_ends_the_one_before_and_stands_in_the_care_plan(self) -> None:
        clinic = at_home()
        on = later(clinic, 10)
        course = titrated(clinic)
        assert [(str(each.mg), each.first, each.last) for each in course.titration] == [
            ("25.0", MONDAY, on - timedelta(days=1)),
            ("37.5", on, None),
        ]
        assert course.notes[-1].text == f"Dose from 12 Nov 2026: 37.5 mg once a day (before: 25 mg). {REASON}"
        details = [each["detail"] for each in plan_of(clinic)["activity"]]
        assert [(each["status"], each["dailyAmount"]["value"]) for each in details] == [
            ("completed", Decimal("25.0")),
            ("in-progress", Decimal("37.5")),
        ]
        assert clinic.kinds[-1] is MessageKind.UPDATE_CARE_PLAN
        assert titrated(clinic).titration == course.titration, "a second press changes nothing"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"mg": ""}, "mg"),
            ({"mg": "0"}, "mg"),
            ({"mg": "25"}, "mg"),
            ({"mg": "50.1"}, "mg"),  # more than twice as much is asked back
            ({"mg": "201", "confirm": ""}, "mg"),
            ({"reason": "more"}, "reason"),
            ({"first": "2026-11-03"}, "first"),
            ({"first": "2027-03-01"}, "first"),
        ],
    )
    def test_what_is_missing_or_unusual_is_said_at_the_field(self, fields: dict[str, str], field: str) -> None:
        clinic = at_home()
        later(clinic, 10)
        assert set(problems(clinic, titrated, **fields)) == {field}

    def test_an_unusual_dose_can_be_confirmed(self) -> None:
        clinic = at_home()
        later(clinic, 10)
        assert titrated(clinic, mg="60", confirm="yes").titration[-1].mg == 60

    def test_a_nurse_changes_no_dose(self) -> None:
        clinic = at_home()
        with pytest.raises(Refused, match="Only a prescriber"):
            titrated(clinic, NAN)

    def test_a_course_of_an_early_release_begins_with_what_it_was_enrolled_with(self) -> None:
        clinic = at_home()
        course = clinic.course
        assert steps_of(StoredCourse(**{**_fields(course), "titration": ()}))[0].mg == Decimal("25.0")


def _fields(course: StoredCourse) -> dict[str, Any]:
    return {name: getattr(course, name) for name in course.__dataclass_fields__}


class TestReviews:
    def test_it_goes_on_or_changes_and_moves_the_next_date(self) -> None:
        clinic = at_home()
        later(clinic, 31)
        assert seen(clinic).review == seen(clinic).review
        before = seen(clinic).review
        assert before is not None
        assert before.overdue
        reviewed(clinic, "continue")
        after = seen(clinic).review
        assert after is not None
        assert (after.words, after.overdue) == ("Review of month 3", False)
        course = reviewed(clinic, "change", mg="37.5")
        assert [each.decision for each in course.reviews] == ["continue", "change"]
        assert course.titration[-1].mg == Decimal("37.5")

    def test_a_stop_ends_the_plan_and_its_step(self) -> None:
        clinic = at_home()
        on = later(clinic, 31)
        assert "finish" in problems(clinic, lambda c, **f: reviewed(c, "stop", **f))
        course = reviewed(clinic, "stop", finish="remission")
        assert (course.status, course.titration[-1].last) == (CourseStatus.COMPLETED, on)
        assert plan_of(clinic)["activity"][0]["detail"]["status"] == "completed"
        with pytest.raises(Refused, match="No plan of sublingual doses"):
            titrated(clinic)

    def test_a_step_that_never_began_is_cancelled_by_the_stop(self) -> None:
        clinic = at_home()
        on = later(clinic, 10)
        titrated(clinic, first=(on + timedelta(days=5)).isoformat())
        reviewed(clinic, "stop", finish="withdrawal")
        statuses = [each["detail"]["status"] for each in plan_of(clinic)["activity"]]
        assert statuses == ["completed", "cancelled"]

    def test_a_decision_needs_a_reason(self) -> None:
        clinic = at_home()
        assert set(problems(clinic, lambda c, **f: reviewed(c, "", **f), reason="")) == {"decision", "reason"}


class TestLog:
    def test_it_is_what_the_patient_says_and_never_an_administration(self) -> None:
        clinic = at_home()
        later(clinic, 7)
        until = MONDAY + timedelta(days=6)
        logged(clinic, until=until.isoformat(), taken="partly", missed="2", effects="A bitter taste")
        logged(clinic, day=until.isoformat(), taken="skipped")
        titrated(clinic)
        reviewed(clinic, "continue")
        written = [item for message in clinic.messages for item in message.items]
        types = {item.resource_type for item in written}
        assert types == {"CarePlan", "MedicationStatement", "Provenance"}, "nobody saw these doses given"
        first, second = (json.loads(each.body) for each in written if each.resource_type == "MedicationStatement")
        assert first["informationSource"] == first["subject"]
        assert first["effectivePeriod"] == {"start": MONDAY.isoformat(), "end": until.isoformat()}
        assert first["basedOn"][0]["identifier"]["value"] == clinic.course.id
        assert first["note"][0]["text"].startswith("Taken on 5 of 7 days, as the patient said by telephone.")
        assert "Side effects: A bitter taste." in first["note"][0]["text"]
        assert '"value":25.0' in next(each.body for each in written if each.resource_type == "MedicationStatement")
        assert (first["status"], second["status"]) == ("completed", "not-taken")

    def test_an_observed_first_dose_is_a_session_with_its_administration(self) -> None:
        clinic = at_home()
        assert seen(clinic).observed == ()
        session = clinic.recorded(MONDAY)
        nothing = dict.fromkeys(("dose.ended", "dose.concentration", "dose.volume_ml"), "")
        clinic.save(session, nothing | {"dose.given_mg": "25.0"})
        clinic.sign(clinic.session(session.id))
        view = seen(clinic)
        assert (view.observed, view.running) == ((MONDAY,), True)
        sent = next(each for each in clinic.messages if each.kind is MessageKind.SEND_SESSION)
        assert {"Procedure", "MedicationAdministration"} <= {item.resource_type for item in sent.items}

    def test_sent_twice_it_is_kept_and_sent_once(self) -> None:
        clinic = at_home()
        first = logged(clinic, entry="form-1")
        assert logged(clinic, entry="form-1", taken="skipped") == first
        assert clinic.kinds.count(MessageKind.SEND_STATEMENT) == 1

    def test_struck_out_it_counts_for_nothing_and_is_taken_back(self) -> None:
        clinic = at_home()
        entry = logged(clinic)
        later(clinic, 1)
        strike_care(clinic.work, clinic.clock, NAN, entry.id, "It was another patient.", clinic.ids)
        view = seen(clinic)
        assert view.lines[0].struck is not None
        assert view.adherence is not None
        assert view.adherence.reported == 0
        assert clinic.kinds[-1] is MessageKind.RETRACT_STATEMENT

    def test_without_the_scope_it_stays_in_the_app(self) -> None:
        clinic = at_home()
        caller = Caller(**{**_of(NAN), "not_granted": frozenset({"MedicationStatement"})})
        logged(clinic, caller)
        assert MessageKind.SEND_STATEMENT not in clinic.kinds
        assert len(seen(clinic).lines) == 1

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"day": ""}, "day"),
            ({"day": "2026-11-01"}, "day"),  # before the first dose was ordered
            ({"day": "2026-12-01"}, "day"),  # still to come
            ({"until": "2026-12-01"}, "until"),
            ({"day": "2026-11-04", "until": "2026-11-03"}, "until"),
            ({"taken": ""}, "taken"),
            ({"taken": "partly"}, "taken"),  # of one day
            ({"taken": "partly", "until": "2026-11-05", "missed": "4"}, "missed"),
            ({"taken": "taken", "missed": "1"}, "missed"),
            ({"source": ""}, "source"),
            ({"more": ""}, "more"),
            ({"until": "2026-11-12"}, "until"),  # the dose changed in between
        ],
    )
    def test_what_is_missing_or_cannot_be_is_said_at_the_field(self, fields: dict[str, str], field: str) -> None:
        clinic = at_home()
        later(clinic, 10)
        titrated(clinic)
        assert set(problems(clinic, logged, **fields)) == {field}

    def test_without_such_a_plan_there_is_nothing_to_log(self) -> None:
        clinic = Clinic()
        clinic.enrolled()
        with pytest.raises(Refused, match="takes no doses alone"):
            logged(clinic)
        assert seen(clinic).course is None

    def test_the_dates_are_those_that_the_site_has_set(self) -> None:
        clinic = at_home()
        shipped = seen(clinic)
        rules = MaintenanceRules(review_months=(1, 2, 3, 6, 9), pressure_days=3)
        clinic.site = replace(clinic.site, maintenance=rules)
        here = seen(clinic)
        on_progress = course_view(clinic.work, clinic.clock, NAN, rules=rules).microdosing
        assert shipped.pressure is not None
        assert here.pressure is not None
        assert here.pressure.day == shipped.pressure.day - timedelta(days=4)
        assert on_progress is not None
        assert on_progress.pressure == here.pressure

    def test_the_grid_stands_on_the_progress_page(self) -> None:
        clinic = at_home()
        logged(clinic)
        alone = course_view(clinic.work, clinic.clock, NAN).microdosing
        assert alone is not None
        assert alone.adherence is not None
        assert alone.adherence.words == "Taken on 1 of 1 reported days."


def _of(caller: Caller) -> dict[str, Any]:
    return {name: getattr(caller, name) for name in caller.__dataclass_fields__}
