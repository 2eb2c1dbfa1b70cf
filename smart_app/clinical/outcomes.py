"""Scores over a course: response, remission, and the sentence that says so, for each scale (clinical README 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.questionnaire import Instrument

PRIMARY = "phq9"  # the scale a course is judged by, unless another was chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleScore:
    """One filling-in of a scale. `total` None: it has none. `watched` is the answer to the item on death or
    self-harm; None: not known.

    `moment` is the local time it was answered at; None: only the day is known, and `known` by when it was.
    """

    scale: str = PRIMARY
    total: int | None
    day: date
    watched: int | None = None
    level: str = ""  # of risk, for a screener
    complete: bool = True
    source: str = ""  # in words: "EHR, Observation/5" or "typed in by N. Nurse"
    id: str = ""  # of what was entered here; "" for what the chart holds
    session: str | None = None
    moment: datetime | None = None
    known: datetime | None = None

    @property
    def earliest(self) -> datetime:
        return self.moment or datetime.combine(self.day, time.min)

    @property
    def latest(self) -> datetime:
        end = datetime.combine(self.day, time.max)
        return self.moment or (min(end, self.known) if self.known is not None else end)


class Verdict(StrEnum):
    RESPONSE = "response"
    PARTIAL = "partial response"
    NONE = "no response"
    WORSE = "worse"
    UNKNOWN = "cannot be judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the scores of one scale say. `sentence` stands alone."""

    scale: str = PRIMARY
    sentence: str
    verdict: Verdict
    baseline: ScaleScore | None = None
    latest: ScaleScore | None = None
    change_percent: int | None = None
    remission: bool | None = None  # None: the scale has no remission, or it cannot be judged
    remark: str = ""  # what limits the comparison, such as an old baseline
    response_at: int | None = None  # "Response: 10 or less"


def severity(total: int, scale: str = PRIMARY) -> str:
    return INSTRUMENTS[scale].band(total)


def totals(scores: Sequence[ScaleScore], scale: str = PRIMARY) -> list[ScaleScore]:
    """Those of the scale that have a total, oldest first."""
    found = [score for score in scores if score.scale == scale and score.total is not None]
    return sorted(found, key=lambda score: (score.day, score.earliest))


def outcome(
    scores: Sequence[ScaleScore],
    *,
    first_session: date | None,
    scale: str = PRIMARY,
    rules: OutcomeRules = AS_SHIPPED,
    unread: bool = False,
) -> Outcome:
    """Judge the scores of a course by one scale; those of others only tell why it cannot be judged.

    Before the first session every score may be the baseline. `unread`: the chart's scores could not be read, so that
    none is no finding.
    """
    form, ordered = INSTRUMENTS[scale], totals(scores, scale)
    if not ordered:
        words = f"No {form.name} was entered in this app, and those of the chart could not be read."
        words = words if unread else f"No {form.name} in the record yet."
        return Outcome(scale=scale, sentence=words, verdict=Verdict.UNKNOWN)
    first, latest = baseline(ordered, first_session), ordered[-1]
    if form.remission is None:  # of the hour, such as dissociation: nothing to compare over a course
        sentence = f"{form.name} {latest.total} on {latest.day:%d %b %Y}."
        return Outcome(scale=scale, sentence=sentence, verdict=Verdict.UNKNOWN, latest=latest)
    if first is None:
        why = _no_baseline(scores, scale, first_session)
        return Outcome(
            scale=scale, sentence=f"{form.name} {_said(latest, form)}. {why}", verdict=Verdict.UNKNOWN, latest=latest
        )
    remark = _remark(first, first_session, rules.baseline_days)
    if latest is first:
        return Outcome(
            scale=scale,
            sentence=f"{form.name} {_said(first, form)}. No score after baseline yet.",
            verdict=Verdict.UNKNOWN,
            baseline=first,
            remark=remark,
            response_at=_points(first) // 2,
        )
    return _compared(form, first, latest, remark, first_session)


def baseline(ordered: Sequence[ScaleScore], first_session: date | None) -> ScaleScore | None:
    """The last total before session 1, or of its day; None: there is none."""
    before = [score for score in ordered if first_session is None or score.day <= first_session]
    return before[-1] if before else None


def judged(first: ScaleScore, later: ScaleScore, first_session: date | None) -> Verdict:
    """The change from a baseline to a later score of the same scale."""
    if first.scale != later.scale or _points(first) == 0 or too_soon(later, first.day, first_session):
        return Verdict.UNKNOWN
    return _verdict(_points(first), _points(later))


def too_soon(score: ScaleScore, *since: date | None) -> bool:
    """Whether the scale asks about more time than has passed since the baseline and session 1: a day or less."""
    begun = max(day for day in since if day is not None)
    return bool(INSTRUMENTS[score.scale].recall) and (score.day - begun).days < 2


def in_remission(score: ScaleScore) -> bool:
    limit = INSTRUMENTS[score.scale].remission
    return limit is not None and score.total is not None and score.total <= limit


def _no_baseline(scores: Sequence[ScaleScore], scale: str, first_session: date | None) -> str:
    names = (
        INSTRUMENTS[each.scale].name
        for each in scores
        if INSTRUMENTS[scale].primary
        and INSTRUMENTS[each.scale].primary
        and each.scale != scale
        and baseline(totals(scores, each.scale), first_session) is not None
    )
    other = next(names, "")
    if other:
        return f"The baseline was taken with {other}: not comparable."
    return "No score before session 1 to compare it with."


def _compared(
    form: Instrument, first: ScaleScore, latest: ScaleScore, remark: str, first_session: date | None
) -> Outcome:
    arrow = f"{form.name} {first.total} → {latest.total}"
    verdict = judged(first, latest, first_session)
    if verdict is Verdict.UNKNOWN:
        nothing = _points(first) == 0
        why = (
            ". The baseline is 0, so a response cannot be judged."
            if nothing
            else f", a day or less after baseline or session 1. {form.name} asks about {form.recall} and "
            "cannot judge a day."
        )
        return Outcome(
            scale=form.key,
            sentence=arrow + why,
            verdict=verdict,
            baseline=first,
            latest=latest,
            remark=remark,
            response_at=None if nothing else _points(first) // 2,
        )
    percent = _percent(_points(first), _points(latest))
    remission = in_remission(latest)
    return Outcome(
        scale=form.key,
        sentence=f"{arrow} ({_signed(percent)} %): {verdict}. {'Remission' if remission else 'Not remission'} "
        f"({form.remission} or less).",
        verdict=verdict,
        baseline=first,
        latest=latest,
        change_percent=percent,
        remission=remission,
        remark=remark,
        response_at=_points(first) // 2,
    )


def _points(score: ScaleScore) -> int:
    return score.total or 0


def _said(score: ScaleScore, form: Instrument) -> str:
    band = form.band(_points(score))
    return f"{score.total} ({band})" if band else str(score.total)


def _remark(first: ScaleScore, first_session: date | None, most: int) -> str:
    if first_session is None:
        return ""
    days = (first_session - first.day).days
    if days <= most:
        return ""
    asked = "1 day or fewer is" if most == 1 else f"{most} days or fewer are"
    return f"The baseline was taken {days} days before session 1; {asked} asked for."


def _verdict(first: int, latest: int) -> Verdict:
    """In whole numbers, so that no rounding turns 49 % into a response."""
    fall = first - latest
    if 2 * fall >= first:
        return Verdict.RESPONSE
    if 4 * fall >= first:
        return Verdict.PARTIAL
    return Verdict.WORSE if fall < 0 else Verdict.NONE


def _percent(first: int, latest: int) -> int:
    """Rounded half away from zero."""
    change = abs(latest - first)
    rounded = (200 * change + first) // (2 * first)
    return rounded if latest > first else -rounded


def _signed(percent: int) -> str:
    if percent == 0:
        return "0"
    return f"+{percent}" if percent > 0 else f"−{-percent}"
