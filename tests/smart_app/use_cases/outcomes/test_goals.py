"""Goals of a course on their way: judged at sending, and sent where a verdict changed, not for each score."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.goals import Achievement
from fhir_mappings.facts.treatment import Purpose
from smart_app.use_cases.course.decide_course import Decision, decide
from smart_app.use_cases.outcomes.goals import progress_of
from smart_app.use_cases.outcomes.outcomes import choose_scale, declare_relapse, strike_score
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.records import Caller, MessageKind, StoredScore
from smart_app.use_cases.signing.take_back_session import enter_in_error
from tests.smart_app.use_cases.a_clinic import BENS_DOCTOR, DEE, MONDAY, NAN, Clinic

PLAN = MessageKind.UPDATE_CARE_PLAN


def a_signed_course() -> Clinic:
    """PHQ-9 21 in the chart three days before session 1."""
    clinic = Clinic()
    clinic.enrolled()
    clinic.signed(MONDAY)
    return clinic


def scored(clinic: Clinic, total: int, day: int, caller: Caller = NAN, scale: str = "phq9") -> StoredScore:
    clinic.at("09:00", MONDAY + timedelta(days=day))
    return record_score(
        clinic.work, clinic.clock, caller, clinic.ids(), scale, {"total": str(total)}, clinic.ids, clinic.site
    )


def struck(clinic: Clinic, score: StoredScore) -> None:
    strike_score(clinic.work, clinic.clock, NAN, score.id, "Of another patient.", clinic.ids, clinic.site)


def achieved(clinic: Clinic) -> list[Achievement | None]:
    goals = progress_of(clinic.work, clinic.clock)(clinic.course.id).goals
    return [goal.achievement for goal in goals]


def plans(clinic: Clinic) -> int:
    return clinic.kinds.count(PLAN)


def test_a_course_has_its_goals_from_the_first_sending_on() -> None:
    clinic = Clinic()
    course = clinic.enrolled()
    response, remission = progress_of(clinic.work, clinic.clock)(course.id).goals
    assert (response.achievement, response.at_most) == (None, 10)
    assert "No score after baseline yet" in response.words
    assert (remission.achievement, remission.at_most) == (None, 4)


def test_a_new_verdict_is_sent_and_the_same_again_is_not() -> None:
    clinic = a_signed_course()
    before = plans(clinic)
    scored(clinic, 9, 14)
    assert achieved(clinic) == [Achievement.ACHIEVED, Achievement.IMPROVING]
    assert plans(clinic) == before + 1
    assert clinic.messages[-1].items[0].value == clinic.course.id
    scored(clinic, 8, 21)
    assert plans(clinic) == before + 1
    scored(clinic, 4, 28)
    assert plans(clinic) == before + 2


def test_a_scale_that_does_not_judge_the_course_sends_no_plan() -> None:
    clinic = a_signed_course()
    before = plans(clinic)
    scored(clinic, 9, 14, scale="gad7")
    assert plans(clinic) == before


def test_what_is_struck_out_takes_its_verdict_back() -> None:
    clinic = a_signed_course()
    first, second = scored(clinic, 9, 14), scored(clinic, 8, 21)
    before = plans(clinic)
    struck(clinic, first)
    assert plans(clinic) == before, "the later score says the same"
    struck(clinic, second)
    assert achieved(clinic) == [None, None]
    assert plans(clinic) == before + 1
    struck(clinic, second)
    assert plans(clinic) == before + 1


def test_a_declared_relapse_and_another_scale_are_sent() -> None:
    clinic = a_signed_course()
    scored(clinic, 9, 14)
    before = plans(clinic)
    clinic.at("09:00", MONDAY + timedelta(days=30))
    fields = {"cause": "hospitalisation", "reason": "Admitted on Tuesday night."}
    declare_relapse(clinic.work, clinic.clock, DEE, fields, clinic.ids, clinic.site)
    assert achieved(clinic)[0] is Achievement.IN_PROGRESS
    assert plans(clinic) == before + 1
    choose_scale(
        clinic.work, clinic.clock, DEE, {"scale": "madrs", "reason": "Rated by us."}, clinic.ids, clinic.site
    )
    assert achieved(clinic) == [None, None]
    assert plans(clinic) == before + 2


def test_the_message_is_kept_with_the_score_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = a_signed_course()
    before = (plans(clinic), len(clinic.work.kept.scores), len(clinic.trail))
    monkeypatch.setattr("smart_app.use_cases.outcomes.record_score.drop_score_draft", _broken)
    with pytest.raises(RuntimeError):
        scored(clinic, 9, 14)
    assert (plans(clinic), len(clinic.work.kept.scores), len(clinic.trail)) == before


def _broken(*_: object) -> None:
    raise RuntimeError


def test_another_patients_score_moves_nothing() -> None:
    clinic = a_signed_course()
    before = plans(clinic)
    scored(clinic, 2, 14, BENS_DOCTOR)
    assert plans(clinic) == before
    assert achieved(clinic) == [None, None]


def test_an_amended_first_session_is_judged_anew_at_sending() -> None:
    clinic = a_signed_course()
    scored(clinic, 9, 14)
    (session,) = clinic.work.kept.sessions
    enter_in_error(clinic.work, clinic.clock, DEE, session, "Of another patient.", clinic.ids, clinic.site)
    assert achieved(clinic) == [None, None], "before session 1 every score is a baseline"


def test_a_course_that_ends_early_is_not_said_to_have_achieved_anything() -> None:
    clinic = a_signed_course()
    clinic.at("09:00", date(2026, 11, 4))
    fields = {"finish": "remission", "reason": "Well again, by the family's account."}
    decide(clinic.work, clinic.clock, DEE, Decision.FINISH, fields, clinic.ids, clinic.site)
    assert achieved(clinic) == [None, None]


def test_what_came_after_the_next_course_was_begun_is_judged_by_that_one() -> None:
    clinic = a_signed_course()
    first = clinic.course.id
    clinic.at("09:00", MONDAY + timedelta(days=3))
    decide(clinic.work, clinic.clock, DEE, Decision.RESTART, {"reason": "Begun again."}, clinic.ids, clinic.site)
    clinic.at("09:00", MONDAY + timedelta(days=4))
    again = clinic.now.date().isoformat()
    second = clinic.enrolled(start=again, weight_date=again, consent_signed_on=again).id
    scored(clinic, 9, 20)
    goals_of = progress_of(clinic.work, clinic.clock)
    assert [goal.achievement for goal in goals_of(first).goals] == [None, None]
    assert "9" in goals_of(second).goals[0].words


def test_a_booster_has_no_goals_of_its_own_and_its_scores_move_those_of_the_course() -> None:
    clinic = a_signed_course()
    course = clinic.course
    booster = replace(course, id=clinic.ids(), purpose=Purpose.BOOSTER, follows=course.id, version=0)
    with clinic.work() as uow:
        uow.courses.add(booster)
        uow.audit.add(AuditRecord(action="test:course:add", at=clinic.now))
        uow.commit()
    scored(clinic, 9, 14)
    goals_of = progress_of(clinic.work, clinic.clock)
    assert goals_of(booster.id).goals == ()
    assert goals_of(course.id).goals[0].achievement is Achievement.ACHIEVED
    assert clinic.messages[-1].course == course.id
