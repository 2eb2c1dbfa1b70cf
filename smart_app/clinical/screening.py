"""Screening: every rule asked, the status derived. A person decides; this says what was found in what was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fhir_mappings.facts.clinical import Gap, PatientFacts
from smart_app.clinical.answers import Answer, Said, standing
from smart_app.clinical.criteria import CRITERIA, RULES_VERSION
from smart_app.clinical.criterion import Criterion
from smart_app.clinical.finding import (
    Evidence,
    Finding,
    Kind,
    State,
    Status,
    Verdict,
    could_not_look,
    met,
    not_enough_data,
)
from smart_app.clinical.question import Question
from smart_app.clinical.rule_settings import DEFAULTS, RuleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningResult:
    """One finding per rule, in the order of the rules; the status is derived, never stored apart."""

    as_of: date
    rules_version: str
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...]

    @property
    def status(self) -> Status:
        """The worst effect of any finding or gap; `candidate` only with an indication and nothing against."""
        effects = [f.effect for f in self.findings if f.effect is not None]
        effects += [_gap_effect(gap) for gap in self.gaps if not gap.listed_only]
        if effects:
            return min(effects, key=lambda status: status.rank)
        # No rule spoke against: without an indication that was met this would be silence, not an answer.
        return Status.CANDIDATE if self.indicated else Status.INSUFFICIENT_DATA

    @property
    def indicated(self) -> bool:
        return any(f.state is State.MET and f.kind is Kind.INDICATION and f.effect is None for f in self.findings)

    @property
    def shown(self) -> tuple[Finding, ...]:
        """Findings that are met or could not be decided, worst effect first, then in the order of the rules."""
        return tuple(sorted((f for f in self.findings if f.state is not State.NOT_MET), key=_severity))

    @property
    def not_met(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.state is State.NOT_MET)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Suicidality above everything else, then in the order of the rules."""
        found = [Alert(rule=f.rule, text=f.alert) for f in self.findings if f.alert]
        return tuple(sorted(found, key=lambda alert: alert.rule != "IND-SI"))


def _gap_effect(gap: Gap) -> Status:
    return Status.INSUFFICIENT_DATA if gap.blocking else Status.NEEDS_REVIEW


def _severity(finding: Finding) -> int:
    """Met findings by their effect; undecided ones behind them, since they have none of their own."""
    if finding.state is State.MET and finding.effect is not None:
        return finding.effect.rank
    return len(Status)


def screen(
    facts: PatientFacts,
    *,
    as_of: date,
    settings: RuleSettings = DEFAULTS,
    answers: Iterable[Answer] = (),
    criteria: Sequence[Criterion] = CRITERIA,
) -> ScreeningResult:
    """Ask every rule that the site has not switched off about these facts on this day."""
    return ask(question_about(facts, as_of=as_of, settings=settings, answers=answers), settings, criteria)


def question_about(
    facts: PatientFacts, *, as_of: date, settings: RuleSettings = DEFAULTS, answers: Iterable[Answer] = ()
) -> Question:
    """What the rules are asked. Whoever needs more of it than their findings, such as the trials, asks it too."""
    return Question(
        facts=facts, as_of=as_of, limits=settings.limits, answers=standing(answers, as_of), off=settings.off
    )


def ask(
    question: Question, settings: RuleSettings = DEFAULTS, criteria: Sequence[Criterion] = CRITERIA
) -> ScreeningResult:
    """The answer of every rule that the site has not switched off."""
    asked = [criterion for criterion in criteria if criterion.id not in settings.off]
    findings = tuple(_finding(criterion, criterion.decide(question), question) for criterion in asked)
    return ScreeningResult(
        as_of=question.as_of, rules_version=RULES_VERSION, findings=findings, gaps=question.facts.gaps
    )


_NO_EFFECT = (Kind.CAUTION, Kind.INFORMATION)  # clinical content, 1b: these never change the status


def _finding(criterion: Criterion, verdict: Verdict, question: Question) -> Finding:
    verdict = _with_answer(criterion, _without_false_calm(criterion, verdict, question), question)
    counts = verdict.effect
    if verdict.state is State.MET and verdict.kind not in _NO_EFFECT:
        counts = verdict.effect or criterion.effect
    return Finding(
        rule=criterion.id,
        state=verdict.state,
        kind=verdict.kind or criterion.kind,
        title=criterion.question(question.limits),
        reason=verdict.reason,
        evidence=verdict.evidence,
        effect=counts,
        alert=verdict.alert,
    )


def _with_answer(criterion: Criterion, verdict: Verdict, question: Question) -> Verdict:
    """What the patient said beside what the record holds: it can count against treatment, never for it."""
    answer = question.answers.get(criterion.id)
    if answer is None or criterion.ask is None or criterion.ask.settles or verdict.state is State.MET:
        return verdict
    if answer.withdrawn is not None:
        both = (answer.evidence, answer.withdrawn.evidence, *verdict.evidence)
        told = not_enough_data("Not found in the record, and the patient's answers contradict each other.", both)
        return replace(told, effect=Status.NEEDS_REVIEW if criterion.effect is not None else None)
    evidence = (answer.evidence, *verdict.evidence)
    if answer.said is Said.YES:
        return met("Not found in the record, and the patient says yes.", evidence)
    if answer.said is Said.UNKNOWN and verdict.state is State.NOT_MET:
        return replace(
            not_enough_data("Not found in the record, and the patient could not say.", evidence),
            effect=Status.NEEDS_REVIEW if criterion.effect is not None else None,  # a caution changes no status
        )
    return replace(verdict, evidence=evidence)


def _without_false_calm(criterion: Criterion, verdict: Verdict, question: Question) -> Verdict:
    """A "not met" counts only where everything the rule reads was read."""
    if verdict.state is not State.NOT_MET or verdict.settled:
        return verdict
    unread = [area for area in sorted(criterion.reads) if question.unread(area)]
    if unread:
        return could_not_look(question.why_unread(*unread))
    unclear = [area for area in sorted(criterion.reads) if question.unclear(area)]
    if unclear:
        return not_enough_data(f"Some entries could not be read: {', '.join(unclear)}.", verdict.evidence)
    return verdict


def as_json(result: ScreeningResult) -> dict[str, Any]:
    """The result as `ketamine-pathway screen --format json` prints it and as it is kept."""
    return {
        "status": result.status.value,
        "asOf": result.as_of.isoformat(),
        "rulesVersion": result.rules_version,
        "findings": [_finding_json(finding) for finding in result.shown],
        "alerts": [{"rule": alert.rule, "text": alert.text} for alert in result.alerts],
        "gaps": [{"reference": gap.reference or gap.area.value, "reason": gap.reason} for gap in result.gaps],
    }


def looked_for(result: ScreeningResult) -> list[dict[str, Any]]:
    """The rules that were looked at and are not met, for the page."""
    return [_finding_json(finding) for finding in result.not_met]


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "state": finding.state.value,
        "kind": finding.kind.value,
        "effect": finding.effect.value if finding.effect is not None else None,
        "title": finding.title,
        "reason": finding.reason,
        "evidence": [_evidence_json(evidence) for evidence in finding.evidence],
    }


def _evidence_json(evidence: Evidence) -> dict[str, str]:
    return {"reference": evidence.reference, "date": evidence.date, "text": evidence.text}
