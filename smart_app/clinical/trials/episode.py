"""The current depressive episode: since when trials count, and whether the patient is still depressed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from fhir_mappings.facts.clinical import ClinicalStatus, Diagnosis, PartialDate, Score, Verification
from smart_app.clinical.finding import Evidence
from smart_app.clinical.programme import day_words
from smart_app.clinical.question import Question

# The value sets of a depression whose onset opens an episode.
DEPRESSION = (
    "indication-mdd-current",
    "mdd-with-psychotic-features",
    "indication-persistent-depressive-disorder",
    "indication-postpartum-depression",
    "indication-bipolar-depression",
    "bipolar-depressed-psychotic",
    "treatment-resistant-depression",
    "indication-depression-unspecified",
)
REMISSION = ("mdd-remission",)
REMISSION_BELOW = Decimal(5)  # PHQ-9 totals, clinical content 2.3
STILL_DEPRESSED = Decimal(10)
NEAR_DAYS = 14  # a score so near to the end of a trial tells how it ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """From when on a trial counts. Where dates are partial, `begins_first` and `begins_last` are the extremes.

    Only days after a remission count: `remitted_last` is its latest possible day, `remitted_first` the earliest that
    is sure to have come. None: no remission on record, or none that is sure.
    """

    begins_first: date
    begins_last: date
    remitted_first: date | None
    remitted_last: date | None
    words: str


def current_episode(question: Question) -> Episode:
    """Since the earliest onset of an active depression, else the months of the limit; cut by a remission.

    An onset of the problem list goes before one of an encounter, whose status stays active for ever.
    """
    as_of = question.as_of
    dated = [(d.onset, d) for d in question.active(*DEPRESSION) if d.onset is not None and not d.onset.after(as_of)]
    listed = [(onset, d) for onset, d in dated if d.problem_list] or dated
    if listed:
        begins_first = min(onset.first for onset, _ in listed)
        begins_last = min(onset.last for onset, _ in listed)
        onset, diagnosis = min(listed, key=lambda each: (each[0].first, each[0].last, each[1].reference))
        words = f"since {_words(onset)}, the onset of {diagnosis.label} ({diagnosis.reference})"
    else:
        begins_first = begins_last = question.months_before(question.limits.trial_window_months)
        words = (
            f"since {day_words(begins_first)}: no active depression has an onset on record, "
            f"so the last {question.limits.trial_window_months} months"
        )
    remissions = _remissions(question)
    surely = [when.first for when, _, firm in remissions if firm and when is not None]
    if any(_latest(when, as_of) >= begins_first for when, _, _ in remissions):
        latest, name, _ = max(remissions, key=lambda each: (_latest(each[0], as_of), each[1]))
        day = _words(latest) if latest is not None else "unknown date"
        words += f"; only after the remission of {day} ({name})"
    return Episode(
        begins_first=begins_first,
        begins_last=begins_last,
        remitted_first=max(surely, default=None),
        remitted_last=max((_latest(when, as_of) for when, _, _ in remissions), default=None),
        words=words,
    )


def _latest(when: PartialDate | None, as_of: date) -> date:
    return min(when.last, as_of) if when is not None else as_of


def _remissions(question: Question) -> list[tuple[PartialDate | None, str, bool]]:
    """What speaks for a remission up to the day: when, what, and whether it surely was one."""
    found: list[tuple[PartialDate | None, str, bool]] = [
        (score.when, f"PHQ-9 {score.value}, {score.reference}", True)
        for score in _totals(question)
        if score.value is not None and score.value < REMISSION_BELOW
    ]
    for diagnosis in question.facts.diagnoses:
        if diagnosis.verification is Verification.REFUTED or not _tells_remission(diagnosis):
            continue
        when = max(diagnosis.dates, key=lambda each: (each.last, each.first), default=None)
        if when is None or not when.after(question.as_of):
            firm = diagnosis.verification is Verification.CONFIRMED
            found.append((when, f"{diagnosis.label}, {diagnosis.reference}", firm))
    return found


def _tells_remission(diagnosis: Diagnosis) -> bool:
    return diagnosis.in_any(*REMISSION) or (
        diagnosis.status is ClinicalStatus.REMISSION and diagnosis.in_any(*DEPRESSION)
    )


def _totals(question: Question) -> list[Score]:
    """PHQ-9 totals up to the day; one without a date may be of any day."""
    return [
        score
        for score in dict.fromkeys(question.facts.scores)
        if score.name == "phq9-total" and (score.when is None or not score.when.after(question.as_of))
    ]


def _is_high(score: Score) -> bool:
    return score.value is not None and score.value >= STILL_DEPRESSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Depressed:
    """Whether a PHQ-9 shows the patient still depressed. None: no score tells, or they contradict each other."""

    answer: bool | None
    evidence: tuple[Evidence, ...] = ()


def depressed_now(question: Question) -> Depressed:
    """By the latest PHQ-9 total, where it is surely the latest and within the days of the limit."""
    totals = _totals(question)
    current = [
        score
        for score in totals
        if score.value is not None
        and score.when is not None
        and score.when.surely_within(question.limits.severity_days, question.as_of)
    ]
    if not current:
        return Depressed(answer=None)
    latest = max(current, key=lambda score: (score.when.last if score.when else date.min, score.reference))
    day = latest.when.first if latest.when is not None else question.as_of
    rivals = [score for score in totals if score.when is None or score.when.last >= day]
    if any(score.value is None or _is_high(score) != _is_high(latest) for score in rivals):
        return Depressed(answer=None)
    return Depressed(answer=_is_high(latest), evidence=_evidence([latest]))


def depressed_between(question: Question, earliest: date, latest: date) -> Depressed:
    """By the PHQ-9 totals within 14 days either side of an end that lies between the two days.

    True only where one is surely that near and high, and none that may be as near is not.
    """
    near = timedelta(days=NEAR_DAYS)
    totals = _totals(question)
    surely = [
        score
        for score in totals
        if _is_high(score)
        and score.when is not None
        and score.when.first >= latest - near
        and score.when.last <= earliest + near
    ]
    against = [score for score in totals if not _is_high(score) and _may_lie_near(score, earliest, latest)]
    if not surely or against:
        return Depressed(answer=None)
    return Depressed(answer=True, evidence=_evidence(surely))


def _may_lie_near(score: Score, earliest: date, latest: date) -> bool:
    near = timedelta(days=NEAR_DAYS)
    return score.when is None or (score.when.last >= earliest - near and score.when.first <= latest + near)


def _evidence(scores: Iterable[Score]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=score.reference,
            date=score.when.text[:10] if score.when is not None else "",
            text=f"PHQ-9 total {score.value}",
        )
        for score in sorted(scores, key=lambda each: (each.when.text if each.when else "", each.reference))
    )


def _words(when: PartialDate) -> str:
    """The day in words; a month or a year as it was recorded."""
    return day_words(when.first) if when.exact else when.text[:10]
