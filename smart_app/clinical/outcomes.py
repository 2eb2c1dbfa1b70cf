"""PHQ-9 over a course: severity, response, remission, and the sentence that says so (clinical README 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

HIGHEST_TOTAL = 27
REMISSION_BELOW = 5
BASELINE_DAYS = 7  # a baseline is taken at most this long before session 1

SEVERITY = (
    (0, 4, "minimal"),
    (5, 9, "mild"),
    (10, 14, "moderate"),
    (15, 19, "moderately severe"),
    (20, HIGHEST_TOTAL, "severe"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phq9:
    """One PHQ-9 total. `item9` is the answer about thoughts of death or self-harm, 0 to 3; None: not known."""

    total: int
    day: date
    item9: int | None = None
    source: str = ""  # in words: "EHR, Observation/5" or "typed in by N. Nurse"


class Verdict(StrEnum):
    RESPONSE = "response"
    PARTIAL = "partial response"
    NONE = "no response"
    WORSE = "worse"
    UNKNOWN = "cannot be judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the scores say. `sentence` stands alone; `alert` is empty unless an item 9 answer asks for a look."""

    sentence: str
    verdict: Verdict
    baseline: Phq9 | None = None
    latest: Phq9 | None = None
    change_percent: int | None = None
    remission: bool | None = None
    remark: str = ""  # what limits the comparison, such as an old baseline
    alert: str = ""
    response_at: int | None = None  # "Response: 10 or less"


def severity(total: int) -> str:
    return next(words for lowest, highest, words in SEVERITY if lowest <= total <= highest)


def outcome(scores: Sequence[Phq9], *, first_session: date | None) -> Outcome:
    """Judge the scores of a course. Before the first session every score may be the baseline."""
    ordered = sorted(scores, key=lambda score: score.day)
    alert = _alert(ordered)
    if not ordered:
        return Outcome(sentence="No PHQ-9 in the record yet.", verdict=Verdict.UNKNOWN)
    baseline = _baseline(ordered, first_session)
    latest = ordered[-1]
    if baseline is None:
        sentence = f"PHQ-9 {latest.total} ({severity(latest.total)}). No score before session 1 to compare it with."
        return Outcome(sentence=sentence, verdict=Verdict.UNKNOWN, latest=latest, alert=alert)
    if latest is baseline:
        sentence = f"PHQ-9 {baseline.total} ({severity(baseline.total)}). No score after baseline yet."
        verdict = Verdict.UNKNOWN
        return Outcome(
            sentence=sentence,
            verdict=verdict,
            baseline=baseline,
            remark=_remark(baseline, first_session),
            alert=alert,
            response_at=baseline.total // 2,
        )
    return _compared(baseline, latest, _remark(baseline, first_session), alert)


def _compared(baseline: Phq9, latest: Phq9, remark: str, alert: str) -> Outcome:
    arrow = f"PHQ-9 {baseline.total} → {latest.total}"
    if baseline.total == 0:
        return Outcome(
            sentence=f"{arrow}. The baseline is 0, so a response cannot be judged.",
            verdict=Verdict.UNKNOWN,
            baseline=baseline,
            latest=latest,
            remark=remark,
            alert=alert,
        )
    if (latest.day - baseline.day).days < 2:
        return Outcome(
            sentence=f"{arrow}, a day or less apart. PHQ-9 asks about two weeks and cannot judge a day.",
            verdict=Verdict.UNKNOWN,
            baseline=baseline,
            latest=latest,
            remark=remark,
            alert=alert,
            response_at=baseline.total // 2,
        )
    verdict = _verdict(baseline.total, latest.total)
    remission = latest.total < REMISSION_BELOW
    percent = _percent(baseline.total, latest.total)
    return Outcome(
        sentence=f"{arrow} ({_signed(percent)} %): {_judgement(verdict, remission=remission)}",
        verdict=verdict,
        baseline=baseline,
        latest=latest,
        change_percent=percent,
        remission=remission,
        remark=remark,
        alert=alert,
        response_at=baseline.total // 2,
    )


def _baseline(ordered: Sequence[Phq9], first_session: date | None) -> Phq9 | None:
    before = [score for score in ordered if first_session is None or score.day <= first_session]
    return before[-1] if before else None


def _remark(baseline: Phq9, first_session: date | None) -> str:
    if first_session is None:
        return ""
    days = (first_session - baseline.day).days
    if days <= BASELINE_DAYS:
        return ""
    return f"The baseline was taken {days} days before session 1; {BASELINE_DAYS} days or fewer are asked for."


def _verdict(baseline: int, latest: int) -> Verdict:
    """In whole numbers, so that no rounding turns 49 % into a response."""
    fall = baseline - latest
    if 2 * fall >= baseline:
        return Verdict.RESPONSE
    if 4 * fall >= baseline:
        return Verdict.PARTIAL
    return Verdict.WORSE if fall < 0 else Verdict.NONE


def _judgement(verdict: Verdict, *, remission: bool) -> str:
    if remission:
        return f"{verdict}. Remission ({REMISSION_BELOW - 1} or less)."
    return f"{verdict}. Not remission ({REMISSION_BELOW - 1} or less)."


def _percent(baseline: int, latest: int) -> int:
    """Rounded half away from zero."""
    change = abs(latest - baseline)
    rounded = (200 * change + baseline) // (2 * baseline)
    return rounded if latest > baseline else -rounded


def _signed(percent: int) -> str:
    if percent == 0:
        return "0"
    return f"+{percent}" if percent > 0 else f"−{-percent}"


def _alert(ordered: Sequence[Phq9]) -> str:
    """Every positive answer counts until a later score answers the question with 0."""
    answered = [score for score in ordered if score.item9 is not None]
    if not answered or not answered[-1].item9:
        return ""
    last = answered[-1]
    return (
        f"Item 9 (thoughts of death or self-harm) was {last.item9} on {last.day:%d %b %Y}: "
        "ask about suicidality (C-SSRS) today."
    )
