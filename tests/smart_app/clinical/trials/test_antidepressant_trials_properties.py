"""Properties: what is lost never makes resistance of what was none; order and repeats change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import Area, Gap, MedicationUse, PatientFacts, Score
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.finding import State
from smart_app.clinical.trials.antidepressant_trials import TrialReview, review_of
from smart_app.clinical.trials.treatment_resistance import trd_met, trd_not_met, trd_unknown
from smart_app.clinical.trials.trial_rows import as_rows
from tests.smart_app.clinical.trials.some_trials import a_depression, a_question, a_total, a_use, ago, an_answer

pytestmark = pytest.mark.no_cover

# Around the limits, so that resistance is met, missed and left open about as often. Dates that contradict each
# other are left out: losing one of them resolves them.
_KINDS = ("MedicationStatement", "MedicationRequest", "MedicationDispense")
_PERIODS = (
    ("2026-01-01", "2026-02-10"),
    ("2026-01-01", "2026-03-05"),
    ("2026-01-01", "2026-03-05"),
    ("2026-02-20", "2026-04-15"),
    ("2026-03-19", "2026-04-30"),
    ("2026-01", "2026-04"),
    ("2026", "2026-06-01"),
    (ago(60), None),
    (ago(60), ago(-20)),
    (ago(60), ago(0)),
    ("2026-02-12", "2026-03-12"),
    ("2023-01-01", "2023-06-01"),
)
_ENDINGS = (
    ("stopped", ("Ineffective",)),
    ("stopped", ()),
    ("stopped", ("Side effects",)),
    ("completed", ()),
    ("active", ()),
    ("on-hold", ()),
)
_DRUGS = (
    ("sertraline", "50"),
    ("sertraline", "100"),
    ("sertraline", "25"),
    ("sertraline", None),
    ("bupropion", "300"),
)
POOL = [
    a_use(name, mg, start, end, reference=f"{kind}/", status=status, stopped_for=why)
    for (name, mg), (start, end), (status, why), kind in product(_DRUGS, _PERIODS, _ENDINGS, _KINDS)
]
SCORES = [
    a_total(value, day)
    for value, day in product(
        (3, 8, 10, 16, 16, 16), ("2026-03-05", "2026-03", "2026-04-20", ago(5), "2025-12-01", None)
    )
]


@st.composite
def charts(draw: st.DrawFn) -> PatientFacts:
    drawn = draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
    changes = draw(st.lists(st.sampled_from([""] * 9 + ["linked", "as needed", "pain"]), min_size=5, max_size=5))
    uses = [replace(use, reference=f"{use.reference}{n}") for n, use in enumerate(drawn)]
    for n, change in zip(range(len(uses)), changes, strict=False):
        if change == "linked":
            uses[n] = replace(uses[n], derived_from=(uses[0].reference,))
        elif change == "as needed":
            uses[n] = replace(uses[n], as_needed=True)
        elif change == "pain":
            uses[n] = replace(uses[n], reasons=("pain",))
    onset = draw(st.sampled_from([None, None, "2026-01", "2026-03-10"]))
    return PatientFacts(
        person=None,
        medications=tuple(uses),
        scores=tuple(draw(st.lists(st.sampled_from(SCORES), max_size=2))),
        diagnoses=(replace(a_depression(onset), reference="Condition/1"),),
    )


KEYS = list(product(("sertraline", "bupropion"), ("adequate", "failed")))
TICKS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(list(Said)), max_size=1).map(
    lambda said: tuple(an_answer(name, what, each) for (name, what), each in sorted(said.items()))
)


def review(facts: PatientFacts, answers: tuple[Answer, ...] = ()) -> TrialReview:
    """By a limit of one trial: a single loss then decides as often as it can."""
    return review_of(a_question(facts, *answers, trials_needed=1))


# An active entry whose end is lost says something else: that it goes on. That is no loss.
LOSSES: tuple[Callable[[MedicationUse], MedicationUse], ...] = (
    lambda use: replace(use, start=None),
    lambda use: use if use.status == "active" else replace(use, end=None),
    lambda use: replace(use, ended_unknown=True),
    lambda use: replace(use, daily_mg=()),
    lambda use: replace(use, stopped_for=()),
    lambda use: replace(use, status="unknown") if use.status == "active" else use,
)
# A total that cannot be read leaves a gap, which is a property of its own; one that is high merely speaks no more.
SCORE_LOSSES: tuple[Callable[[Score], Score], ...] = (
    lambda score: replace(score, when=None),
    lambda score: replace(score, value=None) if score.value is not None and score.value >= 5 else score,
)


def _with_less(facts: PatientFacts) -> Iterator[PatientFacts]:
    """The chart with one thing lost: each loss at each place."""
    for n, use in enumerate(facts.medications):
        for lose in LOSSES:
            yield replace(facts, medications=(*facts.medications[:n], lose(use), *facts.medications[n + 1 :]))
    for n, score in enumerate(facts.scores):
        for lose_of_score in SCORE_LOSSES:
            yield replace(facts, scores=(*facts.scores[:n], lose_of_score(score), *facts.scores[n + 1 :]))


@settings(max_examples=600, deadline=None)
@given(charts(), TICKS)
def test_what_is_lost_never_makes_resistance(facts: PatientFacts, answers: tuple[Answer, ...]) -> None:
    before = review(facts, answers).answer
    event(before.value)
    if before is not State.MET:
        assert State.MET not in {review(less, answers).answer for less in _with_less(facts)}


@settings(max_examples=200, deadline=None)
@given(charts(), TICKS, st.data())
def test_order_and_repeats_change_nothing(
    facts: PatientFacts, answers: tuple[Answer, ...], data: st.DataObject
) -> None:
    medications = data.draw(st.permutations(facts.medications * 2))
    scores = data.draw(st.permutations(facts.scores * 2))
    shuffled = replace(facts, medications=tuple(medications), scores=tuple(scores))
    once, again = review(facts, answers), review(shuffled, answers)
    assert once == again
    assert as_rows(once) == as_rows(again)


@settings(max_examples=200, deadline=None)
@given(charts(), TICKS)
def test_exactly_one_of_the_three_rules_is_met(facts: PatientFacts, answers: tuple[Answer, ...]) -> None:
    question = a_question(facts, *answers)
    states = [rule(question).state for rule in (trd_met, trd_not_met, trd_unknown)]
    assert states.count(State.MET) == 1


@settings(max_examples=200, deadline=None)
@given(charts(), st.sampled_from([Area.MEDICATION, Area.CONDITION, Area.SURVEY]))
def test_a_gap_leaves_it_unknown(facts: PatientFacts, area: Area) -> None:
    gap = Gap(area=area, reference="X/1", reason="could not be read")
    assert review(replace(facts, gaps=(gap,))).answer is State.NOT_ENOUGH_DATA
