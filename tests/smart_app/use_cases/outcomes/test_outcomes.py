"""Entering questionnaires, striking them out, the alert, what is due, relapse and the scale that judges."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from fhir_mappings.facts.goals import Achievement
from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.follow_up import DueState
from smart_app.clinical.programme_settings import programme_settings
from smart_app.clinical.relapse import Standing
from smart_app.store.rows import from_text, to_text
from smart_app.use_cases.aftercare.maintenance import maintenance_view
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.outcomes.outcomes import (
    OutcomesView,
    choose_scale,
    declare_relapse,
    outcomes_view,
    strike_score,
)
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.outcomes.score_draft import save_score_draft, score_draft
from smart_app.use_cases.records import Caller, StoredScore
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, MONDAY, NAN, OTHERS, Clinic, a_caller

MODERATE = "1 2 1 2 1 1 1 1 0"  # PHQ-9 10


def items(answers: str) -> dict[str, str]:
    return {f"item.{number}": answer for number, answer in enumerate(answers.split(), start=1) if answer != "-"}


def scored(
    clinic: Clinic,
    fields: dict[str, str] | None = None,
    *,
    score_id: str | None = None,
    scale: str = "phq9",
    caller: Caller = NAN,
) -> StoredScore:
    typed = {"total": "9"} if fields is None else fields
    return record_score(
        clinic.work, clinic.clock, caller, score_id or clinic.ids(), scale, typed, clinic.ids, clinic.site
    )


def shown(clinic: Clinic, caller: Caller = DEE) -> OutcomesView:
    return outcomes_view(clinic.work, clinic.clock, caller)


def a_signed_course() -> Clinic:
    clinic = Clinic()
    clinic.enrolled()
    clinic.signed(MONDAY)
    return clinic


def calm() -> Clinic:
    """A clinic whose patient has nothing in the chart's scores."""
    clinic = Clinic()
    clinic.screened(baseline_scores=())
    return clinic


class TestEntering:
    def test_answers_are_scored_here_and_kept_as_given(self) -> None:
        clinic = calm()
        score = scored(clinic, items(MODERATE))
        assert (score.total, score.item9, score.complete) == (10, 0, True)
        assert score.answers == {str(n): int(a) for n, a in enumerate(MODERATE.split(), start=1)}
        (line,) = shown(clinic).lines
        assert line.words == "10, moderate"

    def test_a_missing_item_is_told_and_nothing_is_kept(self) -> None:
        clinic = calm()
        with pytest.raises(Refused) as caught:
            scored(clinic, items("1 2 1 - 1 1 1 1 0"))
        assert caught.value.problems == {"item.4": "Item 4 has no answer."}
        assert not clinic.work.kept.scores

    def test_saved_unfinished_it_has_no_total_and_its_item_9_still_alerts(self) -> None:
        clinic = calm()
        score = scored(clinic, items("1 2 1 - 1 1 1 1 2") | {"unfinished": "yes"})
        assert (score.total, score.complete, score.item9) == (None, False, 2)
        view = shown(clinic)
        assert view.judged.sentence == "No PHQ-9 in the record yet."
        assert "item 9 (thoughts of death or self-harm) was 2" in view.alert.words

    def test_nothing_at_all_is_not_kept_even_unfinished(self) -> None:
        with pytest.raises(Refused) as caught:
            scored(calm(), {"unfinished": "yes"})
        assert list(caught.value.problems) == ["item.1"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"total": "28"}, "total"),
            ({"total": "9.5"}, "total"),
            ({"total": "9", "item9": "4"}, "item9"),
            ({"total": "1", "item9": "2"}, "item9"),
            ({"total": "9", "date": "2026-11-03"}, "date"),
            ({"total": "9", "date": "2024-10-01"}, "date"),
            ({"total": "9", "date": "Monday"}, "date"),
            ({"total": "9", "date": "2026-11-02", "time": "23:00"}, "time"),
            ({"total": "9", "date": "2026-11-02", "time": "9"}, "time"),
            (items(MODERATE) | {"item.3": "4"}, "item.3"),
            (items(MODERATE) | {"item.3": "-1"}, "item.3"),
            (items(MODERATE) | {"total": "10"}, "total"),
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(self, fields: dict[str, str], field: str) -> None:
        clinic = calm()
        clinic.at("16:20", MONDAY)
        with pytest.raises(Refused) as caught:
            scored(clinic, fields)
        assert list(caught.value.problems) == [field]
        assert not clinic.work.kept.scores

    def test_a_total_from_paper_keeps_its_source(self) -> None:
        clinic = calm()
        scored(clinic, {"total": "9", "item9": "0", "source": "paper form", "date": "2026-10-30"})
        (score,) = shown(clinic).scales[0].scores
        assert (score.total, score.watched, score.source) == (9, 0, "typed in by Nan Nurse (paper form)")
        assert score.moment is None

    @pytest.mark.parametrize(
        ("fields", "taken"),
        [
            ({}, "2026-11-02T16:20"),
            ({"date": "2026-11-02"}, "2026-11-02T16:20"),
            ({"date": "2026-11-02", "time": "9:05"}, "2026-11-02T09:05"),
            ({"date": "2026-10-31"}, None),
            ({"date": "2026-10-31", "time": "14:00"}, "2026-10-31T14:00"),
        ],
    )
    def test_no_time_is_now_and_of_an_earlier_day_not_known(self, fields: dict[str, str], taken: str | None) -> None:
        clinic = calm()
        clinic.at("16:20", MONDAY)
        score = scored(clinic, items(MODERATE) | fields)
        assert (score.taken and f"{score.taken:%Y-%m-%dT%H:%M}") == taken

    @pytest.mark.parametrize(("total", "field"), [("52", None), ("53", "total"), ("", "total")])
    def test_a_scale_of_which_only_the_total_is_entered(self, total: str, field: str | None) -> None:
        clinic = calm()
        if field is None:
            assert scored(clinic, {"total": total}, scale="hamd17").total == 52
        else:
            with pytest.raises(Refused) as caught:
                scored(clinic, {"total": total}, scale="hamd17")
            assert list(caught.value.problems) == [field]

    def test_a_screener_has_a_level_and_no_total(self) -> None:
        clinic = calm()
        score = scored(clinic, items("1 0 - - - 0"), scale="cssrs")
        assert (score.total, score.level) == (None, "low")
        with pytest.raises(Refused):
            scored(clinic, {"total": "1"}, scale="cssrs")

    def test_an_unknown_questionnaire_is_refused(self) -> None:
        with pytest.raises(Refused, match="no such questionnaire"):
            scored(calm(), scale="bdi")

    def test_the_same_form_sent_twice_adds_one(self) -> None:
        clinic = calm()
        first = scored(clinic, score_id="score-1")
        audited = len(clinic.trail)
        assert scored(clinic, {"total": "12"}, score_id="score-1") == first
        assert len(clinic.trail) == audited

    def test_a_form_of_another_patient_is_not_overwritten(self) -> None:
        clinic = calm()
        scored(clinic, score_id="score-1")
        with pytest.raises(Refused, match="used already"):
            scored(clinic, score_id="score-1", caller=BENS_DOCTOR)
        assert [score.patient for score in clinic.work.kept.scores.values()] == [DEE.patient]

    def test_a_total_is_not_in_the_audit_trail(self) -> None:
        clinic = calm()
        scored(clinic, {"total": "17", "item9": "3"})
        assert clinic.trail[-1].detail == "PHQ-9, total."

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.NONE])
    def test_who_may_not_write_enters_nothing_and_it_is_kept_that_they_tried(self, role: Role) -> None:
        clinic = calm()
        with pytest.raises(Refused):
            scored(clinic, caller=a_caller(OTHERS[role], launch="launch-9"))
        assert clinic.refusals == ["clinician:score:record"]

    def test_another_patient_sees_none_of_it(self) -> None:
        clinic = calm()
        scored(clinic)
        assert shown(clinic, BENS_DOCTOR).lines == ()

    def test_a_result_of_a_session_day_names_the_session(self) -> None:
        clinic = a_signed_course()
        (session,) = clinic.work.kept.sessions
        assert scored(clinic, items("0 1 2 1 0 0"), scale="cadss6").session == session
        clinic.at("09:00", MONDAY + timedelta(days=2))
        assert scored(clinic).session is None

    def test_a_draft_is_kept_until_the_form_is_saved(self) -> None:
        clinic = calm()
        save_score_draft(clinic.work, clinic.clock, NAN, "phq9", {"item.1": "2", "_x": "y"})
        save_score_draft(clinic.work, clinic.clock, NAN, "phq9", {"item.2": "1"})
        with clinic.work() as uow:
            assert score_draft(uow, NAN, "phq9") == {"item.1": "2", "item.2": "1"}
            assert score_draft(uow, DEE, "phq9") == {}
        scored(clinic, items(MODERATE))
        with clinic.work() as uow:
            assert score_draft(uow, NAN, "phq9") == {}


class TestJudging:
    def test_chart_and_typed_scores_are_judged_together(self) -> None:
        clinic = a_signed_course()
        clinic.at("09:00", MONDAY + timedelta(days=21))
        scored(clinic, {"total": "9", "item9": "0"})
        view = shown(clinic)
        assert [(score.total, score.source) for score in view.scales[0].scores] == [
            (21, "EHR, Observation/phq"), (9, "typed in by Nan Nurse")
        ]  # fmt: skip
        assert view.judged.sentence == "PHQ-9 21 → 9 (−57 %): response. Not remission (4 or less)."

    def test_what_comes_back_from_the_chart_is_not_counted_twice(self) -> None:
        clinic = calm()
        score = scored(clinic)
        back = {"total": 9, "date": score.day.isoformat(), "reference": "Observation/77", "identifiers": [score.id]}
        clinic.screened(baseline_scores=(back,))
        assert [each.source for each in shown(clinic).scales[0].scores] == ["typed in by Nan Nurse"]
        strike_score(clinic.work, clinic.clock, NAN, score.id, "Of another patient.", clinic.ids, clinic.site)
        assert shown(clinic).scales[0].scores == (), "struck out here, it does not come back by the chart either"

    def test_a_session_taken_back_is_not_the_first(self) -> None:
        clinic = a_signed_course()
        (wrong,) = clinic.work.kept.sessions
        enter_in_error(clinic.work, clinic.clock, DEE, wrong, "For the wrong patient.", clinic.ids, clinic.site)
        clinic.at("09:00", date(2026, 11, 4))
        scored(clinic, {"total": "20"})
        clinic.signed(date(2026, 11, 5))
        baseline = shown(clinic).judged.baseline
        assert baseline is not None
        assert baseline.total == 20

    @pytest.mark.parametrize(
        ("chart", "count"),
        [
            pytest.param(
                {"total": "21.0", "date": "2026-10-30", "reference": "Observation/1"}, 1, id="number as text"
            ),
            pytest.param({"total": 28, "date": "2026-10-30", "reference": "Observation/1"}, 0, id="over 27"),
            pytest.param({"total": 21.5, "date": "2026-10-30", "reference": "Observation/1"}, 0, id="half a point"),
            pytest.param({"total": None, "date": "2026-10-30", "reference": "Observation/1"}, 0, id="no total"),
            pytest.param({"total": 21, "date": "2026-10", "reference": "Observation/1"}, 0, id="only a month"),
            pytest.param({"total": 21, "date": "2026-10-30T09:00:00-05:00"}, 1, id="with a time"),
        ],
    )
    def test_only_a_chart_score_that_can_be_compared_is_taken(self, chart: dict[str, Any], count: int) -> None:
        clinic = Clinic()
        clinic.screened(baseline_scores=(chart,))
        assert len(shown(clinic).scales[0].scores) == count

    def test_each_scale_that_was_used_is_judged_by_itself(self) -> None:
        clinic = calm()
        scored(clinic, {"total": "30"}, scale="madrs")
        assert [view.form.name for view in shown(clinic).scales] == ["PHQ-9", "MADRS"]


class TestTheAlert:
    def test_a_positive_item_9_of_the_chart_stands_until_a_screener(self) -> None:
        clinic = a_signed_course()
        assert "C-SSRS due" in shown(clinic).alert.words
        scored(clinic, {"total": "9", "item9": "0"})
        assert shown(clinic).alert.due, "a later 0 takes nothing away"
        scored(clinic, items("0 0 - - - 0"), scale="cssrs")
        alert = shown(clinic).alert
        assert (alert.words, alert.due) == ("", False)
        assert alert.screened.endswith("no risk found")

    def test_a_screener_that_was_struck_out_takes_nothing_away(self) -> None:
        clinic = a_signed_course()
        screener = scored(clinic, items("0 0 - - - 0"), scale="cssrs")
        strike_score(clinic.work, clinic.clock, NAN, screener.id, "Of another patient.", clinic.ids, clinic.site)
        assert shown(clinic).alert.due

    def test_a_high_risk_alerts_by_itself(self) -> None:
        clinic = calm()
        scored(clinic, items("1 1 1 1 0 0"), scale="cssrs")
        assert "high risk" in shown(clinic).alert.words


class TestStrikingOut:
    def test_it_stays_readable_and_counts_for_nothing(self) -> None:
        clinic = calm()
        score = scored(clinic)
        strike_score(clinic.work, clinic.clock, DEE, score.id, "Of another patient.", clinic.ids, clinic.site)
        view = shown(clinic)
        (line,) = view.lines
        assert line.struck is not None
        assert (line.struck.reason, line.struck.by.name) == ("Of another patient.", "Dr Dee")
        assert view.scales[0].scores == ()
        assert clinic.work.kept.scores[score.id] == score

    def test_a_reason_is_asked_for(self) -> None:
        clinic = calm()
        score = scored(clinic)
        with pytest.raises(Refused) as caught:
            strike_score(clinic.work, clinic.clock, NAN, score.id, "wrong", clinic.ids, clinic.site)
        assert list(caught.value.problems) == ["reason"]
        assert not clinic.work.kept.decisions

    def test_striking_twice_is_once(self) -> None:
        clinic = calm()
        score = scored(clinic)
        for _ in range(2):
            strike_score(clinic.work, clinic.clock, NAN, score.id, "Of another patient.", clinic.ids, clinic.site)
        assert len(clinic.work.kept.decisions) == 1

    def test_another_patients_score_cannot_be_struck(self) -> None:
        clinic = calm()
        score = scored(clinic)
        with pytest.raises(Refused, match="no such score"):
            strike_score(
                clinic.work, clinic.clock, BENS_DOCTOR, score.id, "Of another patient.", clinic.ids, clinic.site
            )
        assert clinic.refusals == ["clinician:score:strike"]


class TestTheCourse:
    def test_what_is_due_follows_the_sessions(self) -> None:
        clinic = a_signed_course()
        view = shown(clinic)
        assert [(due.what, due.state) for due in view.dates] == [
            ("Baseline", DueState.DONE),
            ("Week 1 of the course", DueState.TO_COME),
        ]
        assert shown(calm()).dates == ()

    def test_a_declared_relapse_stands_with_its_reason(self) -> None:
        clinic = a_signed_course()
        clinic.at("09:00", MONDAY + timedelta(days=30))
        fields = {"cause": "hospitalisation", "day": "2026-12-01", "reason": "Admitted on Tuesday night."}
        declare_relapse(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)
        relapse = shown(clinic).relapse
        assert relapse is not None
        assert relapse.standing is Standing.RELAPSE
        assert relapse.declared is not None
        assert (relapse.declared.by, relapse.declared.reason) == ("Dr Dee", "Admitted on Tuesday night.")
        assert clinic.trail[-2].action == "clinician:outcome:relapse"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [({"cause": "mood"}, "cause"), ({"day": "2027-01-01"}, "day"), ({"reason": "so"}, "reason")],
    )
    def test_a_relapse_is_declared_in_full(self, changes: dict[str, str], field: str) -> None:
        clinic = a_signed_course()
        fields = {"cause": "suicide-attempt", "day": "", "reason": "Told by the family."} | changes
        with pytest.raises(Refused) as caught:
            declare_relapse(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)
        assert list(caught.value.problems) == [field]

    def test_only_a_prescriber_declares_and_chooses(self) -> None:
        clinic = a_signed_course()
        for taken in (declare_relapse, choose_scale):
            with pytest.raises(Refused, match="Only a prescriber"):
                taken(clinic.work, clinic.clock, NAN, {"reason": "As the team agreed."}, clinic.ids, clinic.site)
        assert clinic.refusals == ["clinician:outcome:relapse", "clinician:outcome:scale"]

    def test_another_scale_judges_the_course_once_it_is_chosen(self) -> None:
        clinic = a_signed_course()
        fields = {"scale": "madrs", "reason": "Rated by the clinic's raters."}
        choose_scale(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)
        view = shown(clinic)
        assert view.primary.name == "MADRS"
        assert view.judged.sentence == "No MADRS in the record yet."
        with pytest.raises(Refused) as caught:
            choose_scale(
                clinic.work, clinic.clock, DEE, {"scale": "gad7", "reason": "As agreed."}, clinic.ids, clinic.site
            )
        assert list(caught.value.problems) == ["scale"]


class TestTheRulesOfACourse:
    def test_are_kept_as_they_were_at_enrolment(self) -> None:
        early = a_signed_course()
        clinic = Clinic()
        strict = {"relapse_total": 8, "relapse_rise": 4, "baseline_days": 1, "follow_up_weeks": [2, 3, 4, 8, 12]}
        clinic.site = replace(clinic.site, programmes=programme_settings({"outcomes": strict}).programmes)
        clinic.enrolled()
        clinic.signed(MONDAY)
        early.site, clinic.site = clinic.site, early.site  # the site has changed its file since
        found = {}
        for name, each in {"early": early, "strict": clinic}.items():
            for day, total in ((10, "4"), (20, "8"), (30, "9")):
                each.at("09:00", MONDAY + timedelta(days=day))
                scored(each, {"total": total})
            found[name] = shown(each)
        standings = [view.relapse.standing for view in found.values() if view.relapse is not None]
        assert standings == [Standing.HOLDS, Standing.RELAPSE]
        assert [bool(view.judged.remark) for view in found.values()] == [False, True]
        assert [len(view.rules.follow_up_weeks) for view in found.values()] == [4, 5]
        goals = [
            {goal.achievement for goal in progress_of(each.work, each.clock)(each.course.id).goals}
            for each in (early, clinic)
        ]
        assert Achievement.ACHIEVED in goals[0]
        assert goals[1] == {Achievement.IN_PROGRESS}, "nothing is achieved in a relapse"
        assert maintenance_view(clinic.work, clinic.clock, DEE, clinic.site).rules == found["strict"].rules

    def test_of_a_course_that_was_stored_before_there_were_any_are_the_shipped_ones(self) -> None:
        course = Clinic().enrolled()
        assert course.programme is not None
        stored = json.loads(to_text(replace(course.programme, outcomes=OutcomeRules(relapse_total=8))))
        assert stored.pop("outcomes")["relapse_total"] == 8
        assert from_text(ProgrammeDefinition, json.dumps(stored)).outcomes == AS_SHIPPED

    def test_move_the_dates_of_the_follow_ups(self) -> None:
        clinic = Clinic()
        rules = {"follow_up_weeks": [2, 4, 8, 12, 26], "after_last_days": 3}
        clinic.site = replace(clinic.site, programmes=programme_settings({"outcomes": rules}).programmes)
        clinic.enrolled()
        clinic.signed(MONDAY)
        form = {"finish": "remission", "reason": "Well again, as agreed."}
        decide(clinic.work, clinic.clock, DEE, Decision.FINISH, form, clinic.ids, clinic.site)
        dates = shown(clinic).dates
        assert dates[-1].what == "26 weeks after the last session"
        assert [each.last - each.first for each in dates if each.what == "After the last session"] == [
            timedelta(days=2)
        ]
