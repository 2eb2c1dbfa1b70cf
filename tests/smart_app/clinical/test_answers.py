"""What the patient says: it can count against treatment, never for it, and it runs out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import PatientFacts
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.answers import Answer, Said, standing
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.criterion import Criterion
from smart_app.clinical.finding import State, Status
from smart_app.clinical.screening import ScreeningResult, screen
from tests.builders import PATIENTS, TODAY, Json, a_chart, a_condition, finding

ASKED = [criterion for criterion in CRITERIA if criterion.ask is not None]
APPLIED = [criterion for criterion in ASKED if criterion.ask is not None and not criterion.ask.settles]
AGAINST = [c for c in APPLIED if c.effect in (Status.CONTRAINDICATED, Status.HOLD, Status.NEEDS_REVIEW)]


def an_answer(question: str, said: Said = Said.NO, *, on: date = TODAY, days: int = 30, number: int = 1) -> Answer:
    at = datetime(on.year, on.month, on.day, 10, number, tzinfo=UTC)
    return Answer(id=f"a{number}", question=question, said=said, by="Nan Nurse, nurse", at=at, days=days)


CHART = a_chart()


def facts_of(*more: Json) -> PatientFacts:
    return patient_facts([*CHART, *more], as_of=TODAY, patients=PATIENTS)


def screened(*answers: Answer) -> ScreeningResult:
    return screen(facts_of(), as_of=TODAY, answers=answers)


@pytest.mark.parametrize("criterion", AGAINST, ids=lambda criterion: criterion.id)
def test_a_yes_counts_as_found(criterion: Criterion) -> None:
    result = screened(an_answer(criterion.id, Said.YES))
    found = finding(result, criterion.id)
    assert found.state is State.MET
    assert found.effect is criterion.effect
    assert found.evidence[0].reference == "answer/a1"
    assert "Nan Nurse" in found.evidence[0].text
    assert criterion.effect is not None
    assert result.status.rank <= criterion.effect.rank


@pytest.mark.parametrize("criterion", APPLIED, ids=lambda criterion: criterion.id)
def test_a_no_is_evidence_and_changes_nothing(criterion: Criterion) -> None:
    without, with_no = screened(), screened(an_answer(criterion.id))
    assert with_no.status is without.status
    found = finding(with_no, criterion.id)
    assert found.state is finding(without, criterion.id).state
    assert any(evidence.reference == "answer/a1" for evidence in found.evidence)


@pytest.mark.parametrize("criterion", AGAINST, ids=lambda criterion: criterion.id)
def test_not_knowing_asks_for_review_where_a_yes_would_count(criterion: Criterion) -> None:
    result = screened(an_answer(criterion.id, Said.UNKNOWN))
    found = finding(result, criterion.id)
    assert found.state is State.NOT_ENOUGH_DATA
    assert result.status is (Status.CANDIDATE if criterion.effect is None else Status.NEEDS_REVIEW)


@pytest.mark.parametrize("said", list(Said))
@pytest.mark.parametrize("criterion", ASKED, ids=lambda criterion: criterion.id)
def test_an_answer_that_has_run_out_says_nothing(criterion: Criterion, said: Said) -> None:
    old = an_answer(criterion.id, said, on=TODAY - timedelta(days=31))
    assert screened(old) == screened()


@pytest.mark.parametrize("said", list(Said))
def test_what_the_record_says_itself_is_told_as_the_record_says_it(said: Said) -> None:
    facts = facts_of(a_condition("F20.9", id="scz"))
    told = screen(facts, as_of=TODAY, answers=[an_answer("ABS-SCZ", said)])
    assert told.status is Status.CONTRAINDICATED
    assert finding(told, "ABS-SCZ") == finding(screen(facts, as_of=TODAY), "ABS-SCZ")


@pytest.mark.parametrize(("ago", "holds"), [(0, True), (29, True), (30, True), (31, False), (-1, False)])
def test_an_answer_holds_for_its_days(ago: int, holds: bool) -> None:
    given_on = TODAY - timedelta(days=ago)
    assert ("ABS-IC" in standing([an_answer("ABS-IC", on=given_on)], TODAY)) is holds


def test_the_latest_answer_stands_and_an_expired_one_revives_none() -> None:
    older = an_answer("ABS-IC", Said.NO, on=TODAY - timedelta(days=20), days=60)
    newer = an_answer("ABS-IC", Said.YES, on=TODAY - timedelta(days=10), days=5, number=2)
    assert standing([newer, older], TODAY) == {}
    assert standing([replace(newer, days=10), older], TODAY)["ABS-IC"].said is Said.YES


@given(st.lists(st.tuples(st.sampled_from([c.id for c in CRITERIA]), st.sampled_from(list(Said))), max_size=6))
def test_no_answer_makes_a_patient_a_candidate_whom_the_record_excludes(
    given_answers: list[tuple[str, Said]],
) -> None:
    answers = [an_answer(rule, said, number=n) for n, (rule, said) in enumerate(given_answers)]
    for extra in ((), (a_condition("F20.9", id="scz"),), (a_condition("F31.10", id="mania"),)):
        facts = facts_of(*extra)
        plain, told = screen(facts, as_of=TODAY), screen(facts, as_of=TODAY, answers=answers)
        assert told.status.rank <= plain.status.rank
