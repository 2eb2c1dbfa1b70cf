"""When a scale is due over a course: baseline, each week, after the last session, and four follow-ups (README 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from smart_app.clinical.outcomes import ScaleScore, totals

WEEK = timedelta(days=7)


class DueState(StrEnum):
    DONE = "done"
    MISSED = "missed"
    DUE = "due"
    TO_COME = "to come"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One date of the schedule. A score from `first` to `last` stands for it."""

    what: str
    first: date
    last: date
    state: DueState
    score: ScaleScore | None = None


def schedule(
    scores: Sequence[ScaleScore],
    *,
    scale: str,
    start: date,
    ended: date | None,
    today: date,
    rules: OutcomeRules = AS_SHIPPED,
) -> tuple[Due, ...]:
    """`start`: the day of session 1, held or planned; `ended`: of the last one, once the course has ended.

    Of a running course the weeks up to the next one are told.
    """
    taken = totals(scores, scale)
    return tuple(_due(what, first, last, taken, today) for what, first, last in _windows(start, ended, today, rules))


def next_due(entries: Sequence[Due]) -> Due | None:
    """The first that is due or to come; None: nothing more is planned."""
    return next((each for each in entries if each.state in {DueState.DUE, DueState.TO_COME}), None)


def _windows(start: date, ended: date | None, today: date, rules: OutcomeRules) -> Iterator[tuple[str, date, date]]:
    yield "Baseline", start - timedelta(days=rules.baseline_days), start
    week = 1
    until = ended if ended is not None else max(today, start)
    while start + WEEK * week < until or (ended is None and start + WEEK * (week - 1) <= until):
        yield f"Week {week} of the course", start + WEEK * (week - 1) + timedelta(days=1), start + WEEK * week
        week += 1
    if ended is None:
        return
    yield "After the last session", ended + timedelta(days=1), ended + timedelta(days=rules.after_last_days)
    early, late = timedelta(days=rules.early_days), timedelta(days=rules.late_days)
    days = [ended + WEEK * weeks for weeks in rules.follow_up_weeks]
    following = [*days[1:], date.max]
    for weeks, day, after in zip(rules.follow_up_weeks, days, following, strict=True):
        last = min(day + late, after - early - timedelta(days=1))  # no score stands for two follow-ups
        yield f"{weeks} weeks after the last session", day - early, last


def _due(what: str, first: date, last: date, taken: Sequence[ScaleScore], today: date) -> Due:
    score = next((each for each in reversed(taken) if first <= each.day <= last), None)
    if score is not None:
        state = DueState.DONE
    elif today > last:
        state = DueState.MISSED
    else:
        state = DueState.DUE if today >= first else DueState.TO_COME
    return Due(what=what, first=first, last=last, state=state, score=score)
