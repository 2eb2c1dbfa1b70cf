"""Which questions a screening leaves for the patient: what the record does not hold, in words to read aloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.criterion import Criterion
from smart_app.clinical.finding import Finding, Kind, State, Status
from smart_app.clinical.question import Question

_ONLY_IF_FERTILE = frozenset({"HOLD-PREG", "HOLD-LACT", "MISS-PREG"})
_FIRST = (Status.CONTRAINDICATED, Status.HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """One question. `first`: its rule speaks against treatment. `answer` None: not asked, or its time has run out."""

    rule: str
    words: str
    days: Mapping[Said, int]  # how long each answer would hold
    first: bool
    answer: Answer | None


def questions(
    criteria: Iterable[Criterion], findings: Iterable[Finding], question: Question
) -> tuple[OpenQuestion, ...]:
    """In the order of the rules, those against treatment first. What the record itself says is not asked."""
    states = {finding.rule: finding for finding in findings}
    found = [
        OpenQuestion(
            rule=criterion.id,
            words=criterion.ask.question(question.limits),
            days={said: criterion.ask.holds(said, question.limits) for said in Said},
            first=criterion.effect in _FIRST,
            answer=question.answers.get(criterion.id),
        )
        for criterion in criteria
        if criterion.ask is not None and criterion.id in states and _open(criterion, states[criterion.id], question)
    ]
    return tuple(sorted(found, key=lambda each: not each.first))


def _open(criterion: Criterion, finding: Finding, question: Question) -> bool:
    person = question.facts.person
    if criterion.id in _ONLY_IF_FERTILE and person is not None and person.gender == "male":
        return False
    if criterion.id in question.answers:
        return True
    missing = criterion.kind is Kind.MISSING
    return finding.state is State.MET if missing else finding.state is not State.MET
