"""Which questions a screening leaves for the patient: what the record does not hold, in words to read aloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fhir_mappings.facts.clinical import PatientFacts
from smart_app.clinical.answers import Answer
from smart_app.clinical.criterion import Criterion
from smart_app.clinical.finding import Finding, Kind, State, Status

_ONLY_IF_FERTILE = frozenset({"HOLD-PREG", "HOLD-LACT", "MISS-PREG"})
_FIRST = (Status.CONTRAINDICATED, Status.HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """One question. `first`: its rule speaks against treatment. `answer` None: not asked, or its time has run out."""

    rule: str
    words: str
    days: int
    first: bool
    answer: Answer | None


def questions(
    criteria: Iterable[Criterion], findings: Iterable[Finding], facts: PatientFacts, answers: Mapping[str, Answer]
) -> tuple[OpenQuestion, ...]:
    """In the order of the rules, those against treatment first. What the record itself says is not asked."""
    states = {finding.rule: finding for finding in findings}
    found = [
        OpenQuestion(
            rule=criterion.id,
            words=criterion.ask.words,
            days=criterion.ask.days,
            first=criterion.effect in _FIRST,
            answer=answers.get(criterion.id),
        )
        for criterion in criteria
        if criterion.ask is not None
        and criterion.id in states
        and _open(criterion, states[criterion.id], facts, answers)
    ]
    return tuple(sorted(found, key=lambda question: not question.first))


def _open(criterion: Criterion, finding: Finding, facts: PatientFacts, answers: Mapping[str, Answer]) -> bool:
    if criterion.id in _ONLY_IF_FERTILE and facts.person is not None and facts.person.gender == "male":
        return False
    if criterion.id in answers:
        return True
    missing = criterion.kind is Kind.MISSING
    return finding.state is State.MET if missing else finding.state is not State.MET
