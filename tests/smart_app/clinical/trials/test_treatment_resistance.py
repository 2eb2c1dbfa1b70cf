"""Treatment resistance: met, not met or unknown, and never an indication without a diagnosis."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area, Gap, PatientFacts
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.criterion import Criterion, Origin
from smart_app.clinical.finding import Evidence, Kind, State, Status, met, not_met
from smart_app.clinical.limits import Limits
from smart_app.clinical.question import Question
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.screening import ScreeningResult, screen
from smart_app.clinical.trials.treatment_resistance import strengthened, trd_met, trd_not_met, trd_unknown
from smart_app.clinical.trials.trial_rows import as_rows
from tests.smart_app.clinical.trials.some_trials import (
    TODAY,
    a_depression,
    a_question,
    a_total,
    a_use,
    ago,
    an_answer,
    an_ongoing_use,
    facts_of,
    reviewed,
    when,
)

SERTRALINE = a_use(reference="MedicationStatement/sertraline")
VENLAFAXINE = a_use("venlafaxine", "225", reference="MedicationStatement/venlafaxine")
NO_DOSE = a_use("mirtazapine", None, reference="MedicationStatement/mirtazapine")
SHORT = a_use("mirtazapine", "30", "2026-01-01", "2026-01-14", reference="MedicationStatement/mirtazapine")
STATIN = a_use("simvastatin", None, ingredients=frozenset(), label="simvastatin 20 mg")
MET, FEW, UNKNOWN = State.MET, State.NOT_MET, State.NOT_ENOUGH_DATA


def a_gap(area: Area, *, fetch_failed: bool = False) -> Gap:
    return Gap(area=area, reference="" if fetch_failed else "X/1", reason="refused", fetch_failed=fetch_failed)


@pytest.mark.parametrize(
    ("uses", "answer"),
    [
        ([SERTRALINE, VENLAFAXINE], MET),
        ([SERTRALINE, VENLAFAXINE, NO_DOSE, STATIN], MET),
        ([SERTRALINE], FEW),
        ([SERTRALINE, SHORT], FEW),
        ([SERTRALINE, NO_DOSE], UNKNOWN),
        ([NO_DOSE], FEW),  # one that is open cannot make two
        ([], UNKNOWN),
        ([SERTRALINE, STATIN], UNKNOWN),
        ([STATIN], FEW),
        ([SERTRALINE, a_use("lithium", "900")], FEW),
        ([SERTRALINE, a_use("esketamine", "84")], FEW),
    ],
)
def test_the_answer(uses: list[Any], answer: State) -> None:
    assert reviewed(*uses).answer is answer


@pytest.mark.parametrize("area", [Area.MEDICATION, Area.CONDITION, Area.SURVEY])
@pytest.mark.parametrize("fetch_failed", [True, False])
@pytest.mark.parametrize("uses", [[SERTRALINE, VENLAFAXINE], [SERTRALINE]])
def test_what_could_not_be_read_leaves_it_unknown(area: Area, fetch_failed: bool, uses: list[Any]) -> None:
    """An unread score or condition may tell of a remission, an unread entry of a trial."""
    review = reviewed(*uses, gaps=(a_gap(area, fetch_failed=fetch_failed),))
    assert review.answer is UNKNOWN
    assert area.value in review.why
    assert len(review.trials) == len(uses)


def test_gaps_elsewhere_do_not_matter() -> None:
    later = Gap(area=Area.MEDICATION, reference="X/1", reason="later", listed_only=True)
    assert reviewed(SERTRALINE, VENLAFAXINE, gaps=(a_gap(Area.LABORATORY), later)).answer is MET


def test_why_names_what_is_open() -> None:
    why = reviewed(SERTRALINE, NO_DOSE, STATIN).why
    assert "mirtazapine (no dose)" in why
    assert "simvastatin 20 mg" in why
    assert "1 of the 2" in why


@pytest.mark.parametrize(
    "changes",
    [
        {"start": when("2026-01-01"), "end": when("2026-02-10")},
        {"start": when("2020-01-01"), "end": when("2021-01-01")},
        {"form": "inhalation"},
        {"reasons": ("chronic pain",)},
        {"start": when(ago(-3))},
    ],
    ids=["41 days", "before the window", "no antidepressant's form", "for pain", "later"],
)
def test_what_cannot_be_a_trial_is_not_open(changes: dict[str, Any]) -> None:
    unknown = replace(STATIN, status="completed", **changes)
    review = reviewed(SERTRALINE, unknown)
    assert (review.answer, review.unresolved) == (FEW, ())


def test_many_medicines_without_an_ingredient_are_counted_and_three_are_named() -> None:
    many = [a_use(ingredients=frozenset(), label=f"herb {n}") for n in range(5)]
    review = reviewed(*many)
    assert len(review.unresolved) == 5
    assert "herb 0, herb 1, herb 2 and 2 more" in review.why


def test_the_window_tells_of_a_remission_only_where_it_cuts() -> None:
    cut = reviewed(SERTRALINE, scores=[a_total(3, "2026-05-01")]).window_words
    assert "only after the remission of 01 May 2026 (PHQ-9 3" in cut
    assert "remission" not in reviewed(SERTRALINE, scores=[a_total(3, "2020-05-01")]).window_words


def test_a_site_may_ask_for_more_trials() -> None:
    uses = [SERTRALINE, VENLAFAXINE]
    assert reviewed(*uses, limits={"trials_needed": 3}).answer is FEW
    assert reviewed(*uses, a_use("phenelzine", "60"), limits={"trials_needed": 3}).answer is MET


def test_remission_between_two_trials_leaves_one() -> None:
    later = a_use("venlafaxine", "225", "2026-06-01", "2026-09-01")
    assert reviewed(SERTRALINE, later).answer is MET
    assert reviewed(SERTRALINE, later, scores=[a_total(3, "2026-05-01")]).answer is FEW


# The three rules


@pytest.mark.parametrize(
    ("uses", "which"),
    [([SERTRALINE, VENLAFAXINE], 0), ([SERTRALINE], 1), ([SERTRALINE, NO_DOSE], 2), ([], 2)],
)
@pytest.mark.parametrize("required", [False, True])
def test_exactly_one_is_met_and_the_others_say_why(uses: list[Any], which: int, required: bool) -> None:
    question = a_question(facts_of(*uses), trials_required=required)
    verdicts = [rule(question) for rule in (trd_met, trd_not_met, trd_unknown)]
    assert [verdict.state is State.MET for verdict in verdicts] == [n == which for n in range(3)]
    assert len({verdict.reason for verdict in verdicts}) == 1
    assert all("since 23 Nov 2024" in verdict.reason for verdict in verdicts)
    for_review = required and which != 0
    expected = (Kind.REVIEW, Status.NEEDS_REVIEW) if for_review else (Kind.INFORMATION, None)
    assert (verdicts[which].kind, verdicts[which].effect) == expected
    assert all(verdict.effect is None for n, verdict in enumerate(verdicts) if n != which)


def test_unknown_is_not_called_not_met() -> None:
    question = a_question(facts_of(SERTRALINE, NO_DOSE))
    assert trd_met(question).state is State.NOT_ENOUGH_DATA
    assert trd_not_met(question).state is State.NOT_ENOUGH_DATA


def test_the_evidence_names_every_source_score_and_answer() -> None:
    score = a_total(15, ago(3))
    answer = an_answer("mirtazapine", "adequate", Said.YES)
    ongoing = an_ongoing_use("venlafaxine", "225")
    verdict = trd_met(a_question(facts_of(NO_DOSE, ongoing, scores=[score]), answer))
    references = {evidence.reference for evidence in verdict.evidence}
    assert references == {NO_DOSE.reference, ongoing.reference, score.reference, f"answer/{answer.id}"}


def _screened(facts: PatientFacts, *answers: Answer, indicated: bool, required: bool = False) -> ScreeningResult:
    """The three rules and an indication of the same kind as the table's."""

    def indication(_: Question) -> Any:
        return met("yes") if indicated else not_met("no")

    def row(id_: str, kind: Kind, decide: Any) -> Criterion:
        return Criterion(
            id=id_,
            kind=kind,
            effect=None,
            title="",
            logic="",
            source="",
            origin=Origin.CLINIC,
            reads=frozenset({Area.MEDICATION}),
            decide=decide,
            known_limits="",
        )

    table = [
        row("IND", Kind.INDICATION, indication),
        row("TRD-MET", Kind.INDICATION, trd_met),
        row("TRD-NOT-MET", Kind.INFORMATION, trd_not_met),
        row("TRD-UNKNOWN", Kind.INFORMATION, trd_unknown),
    ]
    settings = RuleSettings(limits=Limits(trials_required=required))
    return screen(facts, as_of=TODAY, settings=settings, answers=answers, criteria=table)


def test_computed_resistance_is_no_indication() -> None:
    facts = facts_of(SERTRALINE, VENLAFAXINE)
    assert trd_met(a_question(facts)).state is State.MET
    assert _screened(facts, indicated=False).status is Status.INSUFFICIENT_DATA
    assert _screened(facts, indicated=True).status is Status.CANDIDATE


@pytest.mark.parametrize("uses", [[SERTRALINE], [SERTRALINE, NO_DOSE], []])
def test_only_a_site_that_asks_for_trials_has_too_few_reviewed(uses: list[Any]) -> None:
    assert _screened(facts_of(*uses), indicated=True).status is Status.CANDIDATE
    assert _screened(facts_of(*uses), indicated=True, required=True).status is Status.NEEDS_REVIEW


def test_an_expired_answer_does_not_decide() -> None:
    facts = facts_of(SERTRALINE, NO_DOSE)
    for days, status in ((90, Status.CANDIDATE), (1, Status.NEEDS_REVIEW)):
        answer = an_answer("mirtazapine", "adequate", Said.YES, days=days)
        assert _screened(facts, answer, indicated=True, required=True).status is status


def test_a_diagnosis_is_strengthened_and_not_replaced() -> None:
    resistant = a_question(facts_of(SERTRALINE, VENLAFAXINE))
    diagnosed = met("On record.", (Evidence(reference="Condition/1", date="", text="x"),))
    stronger = strengthened(diagnosed, resistant)
    assert stronger.reason.startswith("On record. The trials on record bear it out")
    assert stronger.evidence[0].reference == "Condition/1"
    assert len(stronger.evidence) == 3
    alone = strengthened(not_met("None on record."), resistant)
    assert alone.state is State.NOT_MET
    assert "without a diagnosis" in alone.reason
    assert strengthened(diagnosed, a_question(facts_of(SERTRALINE))) == diagnosed


# The rows


def test_a_row_tells_all_of_a_trial() -> None:
    answer = an_answer("sertraline", "failed", Said.YES)
    (row,) = as_rows(reviewed(SERTRALINE, answers=[answer]))
    questions = row.pop("questions")
    assert row == {
        "ingredient": "sertraline",
        "class": "SSRI",
        "dose": "100 mg/d (at least 50)",
        "stretch": "01 Jan 2026 to 01 Mar 2026 (60 days)",
        "window": "inside",
        "ended": "stopped, 01 Mar 2026: Ineffective",
        "standing": "adequate and failed",
        "reason": "",
        "missing": [],
        "note": "An older instrument takes 100 mg.",
        "sources": ["MedicationStatement/sertraline"],
    }
    assert [(q["key"], q["answer"], q["by"]) for q in questions] == [
        ("TRIAL:sertraline:adequate", "", ""),
        ("TRIAL:sertraline:failed", "yes", "Dr Dee, prescriber"),
    ]
    assert questions[1]["at"] == "2026-11-20T09:00:00+00:00"


@pytest.mark.parametrize(
    ("use", "column", "words"),
    [
        (NO_DOSE, "dose", "dose not known (at least 15)"),
        (NO_DOSE, "stretch", "at most 01 Jan 2026 to 01 Mar 2026 (60 days)"),
        (a_use(mg="25"), "stretch", "none at an adequate dose"),
        (a_use(start=None), "stretch", "until 01 Mar 2026, from when is not known"),
        (a_use(start=None), "window", "not known"),
        (a_use(end=None), "ended", "stopped, date not known: Ineffective"),
        (a_use(end="2026-03"), "ended", "stopped, between 01 Mar 2026 and 31 Mar 2026: Ineffective"),
        (a_use(start="2020-01-01", end="2020-06-01"), "window", "outside"),
        (a_use("paroxetine", "20", label="Paxil CR"), "dose", "20 mg/d (at least 25, controlled release)"),
    ],
)
def test_the_words_of_a_row(use: Any, column: str, words: str) -> None:
    assert as_rows(reviewed(use))[0][column] == words


def test_rows_are_plain_json() -> None:
    rows = as_rows(reviewed(SERTRALINE, NO_DOSE, a_use("bupropion", "300"), diagnoses=[a_depression("2025-03")]))
    assert json.loads(json.dumps(rows)) == rows
