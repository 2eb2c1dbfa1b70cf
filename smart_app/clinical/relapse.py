"""Relapse and loss of response after a course, by PHQ-9 or by what a clinician declares (clinical README 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from smart_app.clinical.outcomes import ScaleScore, Verdict, baseline, in_remission, judged, too_soon, totals


def rule_words(rules: OutcomeRules) -> str:
    return (
        f"Relapse: after response or remission, PHQ-9 {rules.relapse_total} or more and at least "
        f"{rules.relapse_rise} above the best, and so again {rules.confirm_from_days} to {rules.confirm_to_days} "
        "days later; or admission to hospital, a suicide attempt, or a clinician's own judgement."
    )


class Standing(StrEnum):
    NO_RESPONSE = "no response or remission yet"
    HOLDS = "response or remission holds"
    LOST = "response lost"
    SUSPECTED = "relapse suspected"
    RELAPSE = "relapse"


class Cause(StrEnum):
    HOSPITAL = "hospitalisation"
    ATTEMPT = "suicide-attempt"
    JUDGEMENT = "clinical-judgement"


CAUSES = {
    Cause.HOSPITAL: "Admission to hospital for the mood",
    Cause.ATTEMPT: "Suicide attempt",
    Cause.JUDGEMENT: "Clinical judgement",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A relapse that a clinician declares."""

    cause: Cause
    day: date
    reason: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relapse:
    """`since`: the day from which it stands as it does. `confirm`: first and last day on which a second value would
    confirm what is suspected."""

    standing: Standing
    words: str
    since: date | None = None
    best: ScaleScore | None = None
    evidence: tuple[ScaleScore, ...] = ()
    declared: Declaration | None = None
    confirm: tuple[date, date] | None = None


def relapse(
    scores: Sequence[ScaleScore],
    *,
    first_session: date | None,
    declared: Sequence[Declaration] = (),
    rules: OutcomeRules = AS_SHIPPED,
) -> Relapse:
    """Where the patient stands after the last score and declaration. Nothing is relapse before session 1.

    A value below the limits between two high ones clears the first. A new response or remission ends a relapse,
    and the best is counted anew from it.
    """
    course = _Course(first_session, totals(scores), rules)
    events: list[tuple[date, int, ScaleScore | Declaration]] = [(each.day, 0, each) for each in course.after]
    if first_session is not None:
        events += [(each.day, 1, each) for each in declared if each.day >= first_session]
    for _, _, event in sorted(events, key=lambda each: each[:2]):
        course.declare(event) if isinstance(event, Declaration) else course.add(event)
    return course.standing()


def last_good(scores: Sequence[ScaleScore], first_session: date | None) -> ScaleScore | None:
    """The last PHQ-9 of a course that was a response or a remission; None: none was."""
    ordered = totals(scores)
    if first_session is None:
        return None
    first = baseline(ordered, first_session)
    good = [
        each
        for each in ordered
        if not too_soon(each, first_session)
        and (in_remission(each) or (first is not None and judged(first, each, first_session) is Verdict.RESPONSE))
    ]
    return good[-1] if good else None


class _Course:
    """What is known while the scores are gone through, oldest first."""

    def __init__(self, first_session: date | None, ordered: list[ScaleScore], rules: OutcomeRules) -> None:
        self.rules = rules
        self.first = baseline(ordered, first_session) if first_session is not None else None
        self.first_session = first_session
        self.after = [s for s in ordered if first_session is not None and not too_soon(s, first_session)]
        self.reached: date | None = None  # since when response or remission
        self.best: ScaleScore | None = None
        self.high: ScaleScore | None = None  # the first of two
        self.relapse: Relapse | None = None
        self.last: ScaleScore | None = None

    def declare(self, declared: Declaration) -> None:
        words = f"Relapse, declared for {declared.day:%d %b %Y}: {CAUSES[declared.cause].lower()}."
        self.relapse = Relapse(
            standing=Standing.RELAPSE, words=words, since=declared.day, best=self.best, declared=declared
        )

    def add(self, score: ScaleScore) -> None:
        self.last = score
        if self._good(score):
            if self.reached is None or self.relapse is not None:
                self.reached, self.best = score.day, None
            self.relapse = self.high = None
        if self.reached is None:
            return
        if self.best is None or _points(score) < _points(self.best):
            self.best = score
        if not self._is_high(score):
            self.high = None
        elif self.relapse is None:
            self._confirm(score)

    def standing(self) -> Relapse:
        if self.relapse is not None:
            return self.relapse
        if self.reached is None or self.last is None or self.best is None:
            return Relapse(standing=Standing.NO_RESPONSE, words="No response or remission to lose yet.")
        if self.high is not None:
            return self._suspected(self.high)
        if self._good(self.last):
            words = f"Response or remission since {self.reached:%d %b %Y}. Best PHQ-9 {self.best.total}."
            return Relapse(standing=Standing.HOLDS, words=words, since=self.reached, best=self.best)
        words = (
            f"Response lost: PHQ-9 {self.last.total} on {self.last.day:%d %b %Y}, the best was {self.best.total} on "
            f"{self.best.day:%d %b %Y}."
        )
        return Relapse(
            standing=Standing.LOST, words=words, since=self.last.day, best=self.best, evidence=(self.last,)
        )

    def _suspected(self, high: ScaleScore) -> Relapse:
        soonest = high.day + timedelta(days=self.rules.confirm_from_days)
        latest = high.day + timedelta(days=self.rules.confirm_to_days)
        words = (
            f"Relapse suspected: PHQ-9 {high.total} on {high.day:%d %b %Y}. A second value from {soonest:%d %b} to "
            f"{latest:%d %b %Y} confirms it or does not."
        )
        return Relapse(
            standing=Standing.SUSPECTED,
            words=words,
            since=high.day,
            best=self.best,
            evidence=(high,),
            confirm=(soonest, latest),
        )

    def _confirm(self, score: ScaleScore) -> None:
        apart = (score.day - self.high.day).days if self.high is not None else None
        if self.high is None or apart is None or apart > self.rules.confirm_to_days:
            self.high = score
        elif apart >= self.rules.confirm_from_days:
            words = (
                f"Relapse: PHQ-9 {self.high.total} on {self.high.day:%d %b %Y} and {score.total} on "
                f"{score.day:%d %b %Y}."
            )
            self.relapse = Relapse(
                standing=Standing.RELAPSE,
                words=words,
                since=score.day,
                best=self.best,
                evidence=(self.high, score),
            )

    def _good(self, score: ScaleScore) -> bool:
        """A response or remission, and not so far above the best that the relapse rule looks at it."""
        responded = self.first is not None and judged(self.first, score, self.first_session) is Verdict.RESPONSE
        return (responded or in_remission(score)) and not self._is_high(score)

    def _is_high(self, score: ScaleScore) -> bool:
        if self.best is None:
            return False
        total = _points(score)
        return total >= self.rules.relapse_total and total - _points(self.best) >= self.rules.relapse_rise


def _points(score: ScaleScore) -> int:
    return score.total or 0
