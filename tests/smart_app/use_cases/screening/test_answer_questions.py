"""What the patient said is kept with who asked and when, and the screening is judged again with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.clinical import Area
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.records import FailedFetch
from smart_app.use_cases.screening.answer_questions import PREFIX, answer_questions
from tests.builders import a_condition, a_medication, a_patient
from tests.smart_app.use_cases.a_screened_patient import AL, HOLM, NAN, Screened, asked, row


@pytest.fixture
def room() -> Screened:
    made = Screened()
    made.screen()
    made.later(minutes=5)
    return made


def test_a_yes_against_treatment_changes_the_status_at_once(room: Screened) -> None:
    assert room.latest.status == "candidate"
    made = room.answer(ABS_IC="yes")
    assert made.status == made.stands_as == "contraindicated"
    assert row(made, "ABS-IC")["evidence"][0]["text"].startswith("asked by Nan Nurse, nurse: yes")
    assert room.latest == made


def test_a_no_is_kept_as_evidence_with_who_when_and_how_long(room: Screened) -> None:
    made = room.answer(ABS_IC="no")
    assert made.status == "candidate"
    question = asked(made, "ABS-IC")
    assert question is not None
    assert (question["said"], question["by"], question["on"]) == ("no", "Nan Nurse, nurse", "2026-11-23")
    assert question["until"] > "2026-12-22"
    assert [answer.question for answer in made.answers] == ["ABS-IC"]


def test_unknown_asks_for_review(room: Screened) -> None:
    assert room.answer(ABS_IC="unknown").status == "needs-review"


def test_the_answers_stay_when_the_chart_is_read_again_and_run_out(room: Screened) -> None:
    room.answer(ABS_IC="yes")
    room.later(days=1)
    assert room.screen().status == "contraindicated"
    room.later(days=400)
    later = room.screen()
    assert later.answers == ()
    assert "ABS-IC" not in [f["rule"] for f in later.result["findings"] if f["state"] == "met"]


@pytest.mark.parametrize("said", ["no", "unknown"])
def test_a_yes_that_is_taken_back_stays_a_matter_for_review(room: Screened, said: str) -> None:
    room.answer(HOLM, ABS_IC="yes")
    room.later(minutes=1)
    made = room.answer(NAN, ABS_IC=said)
    assert made.status == "needs-review"
    told = row(made, "ABS-IC")
    assert "contradict each other" in told["reason"]
    assert [evidence["text"].partition(" (")[0] for evidence in told["evidence"]] == [
        f"asked by Nan Nurse, nurse: {said}",
        "asked by Dr Holm, prescriber: yes",
    ]


def test_a_no_that_becomes_a_yes_counts_as_yes(room: Screened) -> None:
    room.answer(ABS_IC="no")
    room.later(minutes=1)
    assert room.answer(ABS_IC="yes").status == "contraindicated"


def test_no_answer_makes_up_for_what_could_not_be_read() -> None:
    room = Screened()
    refused = FailedFetch(area=Area.CONDITION, reason="the EHR refused it (403)")
    room.screen(failures=(refused,))
    open_rules = [question["rule"] for question in room.latest.result["questions"]]
    assert "ABS-IC" in open_rules
    made = room.answer(**{rule.replace("-", "_"): "no" for rule in open_rules if not rule.startswith("MISS")})
    assert made.status == "insufficient-data"


def test_the_record_is_not_asked_about_what_it_says_itself() -> None:
    room = Screened()
    assert asked(room.screen(a_condition("N30.10", id="ic")), "ABS-IC") is None


@pytest.mark.parametrize(("gender", "offered"), [("male", False), ("female", True), ("other", True), (None, True)])
def test_pregnancy_is_asked_of_whom_it_may_concern(gender: str | None, offered: bool) -> None:
    room = Screened()
    made = room.screen(a_patient(gender=gender), without=("Patient",))
    assert (asked(made, "HOLD-PREG") is not None) is offered


def test_the_questions_against_treatment_come_first(room: Screened) -> None:
    first = [question["first"] for question in room.latest.result["questions"]]
    assert first == sorted(first, reverse=True)
    assert True in first
    assert False in first


@pytest.mark.parametrize(
    ("caller", "typed"),
    [
        pytest.param(AL, {"ABS_IC": "no"}, id="an auditor"),
        pytest.param(NAN, {"ABS_IC": "perhaps"}, id="not an answer"),
        pytest.param(NAN, {"IND_MDD": "yes"}, id="an indication is never asked"),
        pytest.param(NAN, {"NO_RULE": "yes"}, id="no such question"),
    ],
)
def test_what_may_not_be_answered_is_refused(room: Screened, caller: object, typed: dict[str, str]) -> None:
    before = room.latest
    with pytest.raises(Refused):
        room.answer(caller, **typed)  # type: ignore[arg-type]
    assert room.latest == before
    assert (room.audit[0].action, room.audit[0].outcome) == ("clinician:screening:answer", AuditOutcome.REFUSED)


def test_without_an_answer_the_form_says_what_to_do(room: Screened) -> None:
    with pytest.raises(Refused) as refused:
        room.answer()
    assert refused.value.problems == {"": "Choose an answer to at least one question."}


def test_the_same_form_sent_twice_is_kept_once(room: Screened) -> None:
    first = room.answer(ABS_IC="no")
    assert room.answer(ABS_IC="no") == first
    with room.work() as uow:
        assert len(uow.judgements.answers(HOLM.patient)) == 1


def test_it_is_audited_without_naming_the_patient(room: Screened) -> None:
    made = room.answer(ABS_IC="no", ABS_ICH="yes")
    record = room.audit[0]
    assert record.detail == "Asked: ABS-IC no, ABS-ICH yes."
    assert f"screening/{made.id}" in record.entities
    assert len(record.entities) == 3


def test_another_launch_has_to_screen_first(room: Screened) -> None:
    with pytest.raises(Refused, match="not been screened"):
        room.answer(replace(NAN, launch="l2"), ABS_IC="no")


def test_what_was_read_is_kept_once_and_shared(room: Screened) -> None:
    before = room.latest
    made = room.answer(ABS_IC="no")
    assert made.inputs == before.inputs
    assert (made.at, made.judged) == (before.at, room.now)
    assert made.id != before.id


def test_what_the_clinician_knows_of_a_trial_decides_it_with_name_and_time() -> None:
    room = Screened()
    room.screen(a_medication("36437", id="ssri"))
    (before,) = room.latest.result["trials"]["trials"]
    assert before["standing"] == "not enough data"
    typed = {f"{PREFIX}TRIAL:sertraline:adequate": "yes", f"{PREFIX}TRIAL:sertraline:failed": "yes"}
    made = answer_questions(room.work, room.clock, HOLM, typed, room.ids, room.site)
    (trial,) = made.result["trials"]["trials"]
    assert trial["standing"] == "adequate and failed"
    assert [(question["answer"], question["by"]) for question in trial["questions"]] == [
        ("yes", "Dr Holm, prescriber"),
        ("yes", "Dr Holm, prescriber"),
    ]
    assert made.status == room.latest.status == "candidate"
    assert room.audit[0].detail == "Asked: TRIAL:sertraline:adequate yes, TRIAL:sertraline:failed yes."
