"""How severe the depression is by its scales: SEV-PHQ9 and MISS-PHQ."""

from __future__ import annotations

from collections.abc import Iterable

from fhir_mappings.facts.clinical import Area, Score
from smart_app.clinical.finding import Evidence, Verdict, could_not_look, met, not_met
from smart_app.clinical.question import Question

# PHQ-2 is a screen of two questions: no outcome can be measured against it.
SCALES = {"phq9-total": "PHQ-9", "epds-total": "EPDS"}


def sev_phq9(question: Question) -> Verdict:
    """What the latest total says. Severity never changes the status (1b), whichever way it points."""
    limits = question.limits
    latest = _latest(question, {"phq9-total"})
    if latest is None:
        return not_met(f"No PHQ-9 total of the last {limits.severity_days} days.")
    supports = latest.value is not None and latest.value >= limits.severity_phq9
    words = "supports the indication" if supports else "mild or no symptoms by this scale: weigh the need"
    side = "at least" if supports else "below"
    return met(f"PHQ-9 {latest.value}, {side} {limits.severity_phq9}: {words}.", _evidence([latest]))


def miss_phq(question: Question) -> Verdict:
    latest = _latest(question, SCALES)
    days = question.limits.severity_days
    if latest is not None:
        return not_met(f"A depression scale is from the last {days} days.", _evidence([latest]))
    if question.unread(Area.SURVEY):
        return could_not_look(question.why_unread(Area.SURVEY))
    return met(f"No depression scale in the last {days} days: needed before the first session.")


def _latest(question: Question, names: Iterable[str]) -> Score | None:
    """The latest total that is surely of the window; of one moment the highest."""
    wanted = set(names)
    found = [
        (score.when.sort_key, score.value, score.reference, score)
        for score in question.facts.scores
        if score.name in wanted
        and score.value is not None
        and score.when is not None
        and score.when.surely_within(question.limits.severity_days, question.as_of)
    ]
    return max(found, key=lambda each: each[:3])[3] if found else None


def _evidence(scores: Iterable[Score]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(reference=s.reference, date=s.when.text[:10] if s.when else "", text=f"{SCALES[s.name]}: {s.value}")
        for s in scores
    )
