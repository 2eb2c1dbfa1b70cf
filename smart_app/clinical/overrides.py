"""A prescriber treats in spite of a finding: which findings that is possible for, and what status is then left.

Clinical content 1b: contraindicated and hold may be overridden, with a reason; missing data and a missing indication
may not. An override is for what was seen when it was made: new evidence needs a new look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from smart_app.clinical.finding import Evidence, Finding, State, Status
from smart_app.clinical.screening import ScreeningResult

OVERRIDABLE = frozenset({Status.CONTRAINDICATED, Status.HOLD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One decision of a prescriber. `evidence` is everything that the finding rested on then."""

    id: str
    rule: str
    evidence: frozenset[Evidence]
    at: datetime


def overridable(finding: Finding) -> bool:
    return finding.state is State.MET and finding.effect in OVERRIDABLE


def standing_overrides(findings: Iterable[Finding], overrides: Iterable[Override]) -> dict[str, Override]:
    """The latest override of each finding, by rule, that was made for all that the finding rests on now."""
    latest: dict[str, Override] = {}
    wanted = {finding.rule: frozenset(finding.evidence) for finding in findings if overridable(finding)}
    for override in sorted(overrides, key=lambda each: (each.at, each.id)):
        if override.rule in wanted and wanted[override.rule] <= override.evidence:
            latest[override.rule] = override
    return latest


def status_with(result: ScreeningResult, overridden: Iterable[str]) -> Status:
    """The status that is left for enrolment. With anything overridden it is never better than `needs-review`."""
    rules = frozenset(overridden)
    if not rules:
        return result.status
    left = tuple(replace(f, effect=None) if f.rule in rules and overridable(f) else f for f in result.findings)
    return min(replace(result, findings=left).status, Status.NEEDS_REVIEW, key=lambda status: status.rank)
