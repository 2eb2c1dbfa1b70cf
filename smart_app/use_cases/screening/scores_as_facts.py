"""Questionnaires entered here as the facts a screening reads, beside what the chart holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

from fhir_mappings.facts.clinical import PartialDate, PatientFacts, Score
from fhir_mappings.facts.instruments import INSTRUMENTS
from smart_app.clinical.instruments import NONE
from smart_app.use_cases.outcomes.scores import own_decisions, own_scores, struck_out
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller, StoredScore

# Names are those that reading gives what it finds in a chart: one of the chart and one of ours are judged alike.
_TOTALS = MappingProxyType({"phq9": "phq9-total", "gad7": "gad7-total"})
_QUESTIONS = MappingProxyType(
    {
        "cssrs": {n: f"cssrs-q{n}" for n in range(1, 7)} | {7: "cssrs-q6-recent"},
        "cssrs-since": {n: f"cssrs-q{n}" for n in range(1, 6)} | {6: "cssrs-q6-recent"},
    }
)


def scores_to_screen(uow: UnitOfWork, caller: Caller) -> tuple[Score, ...]:
    """What was entered here and not struck out."""
    struck = struck_out(own_decisions(uow, caller))
    return tuple(fact for each in own_scores(uow, caller) if each.id not in struck for fact in _facts(each))


def with_scores(facts: PatientFacts, scores: Sequence[Score]) -> PatientFacts:
    """The facts with those that the chart does not hold already."""
    held = {name for score in facts.scores for name in score.identifiers}
    added = tuple(score for score in scores if held.isdisjoint(score.identifiers))
    return replace(facts, scores=(*facts.scores, *added)) if added else facts


def _facts(stored: StoredScore) -> tuple[Score, ...]:
    found: list[Score] = []
    if stored.scale in _TOTALS and stored.total is not None:
        found.append(_counted(stored, _TOTALS[stored.scale], stored.total))
    if stored.item9 is not None:
        name = "phq9-item9" if stored.scale == "phq9" else "self-harm"
        found.append(_counted(stored, name, stored.item9))
    for number, name in _QUESTIONS.get(stored.scale, {}).items():
        if str(number) in stored.answers:
            found.append(_said(stored, name, positive=bool(stored.answers[str(number)])))
    if stored.level:
        found.append(_said(stored, "cssrs-risk", positive=stored.level not in {NONE, "low"}))
    return tuple(found)


def _counted(stored: StoredScore, name: str, value: int) -> Score:
    return replace(_said(stored, name, positive=value > 0), value=Decimal(value), text=str(value))


def _said(stored: StoredScore, name: str, *, positive: bool) -> Score:
    text = stored.taken.isoformat() if stored.taken is not None else stored.day.isoformat()
    return Score(
        reference=f"score/{stored.id}",
        name=name,
        when=PartialDate(text=text, first=stored.day, last=stored.day, instant=stored.taken),
        positive=positive,
        text=f"{'positive' if positive else 'negative'}, {INSTRUMENTS[stored.scale].name} entered in this app",
        identifiers=(stored.id,),
    )
