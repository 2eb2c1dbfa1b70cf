"""Trials of antidepressants: one row per ingredient, and whether they amount to treatment resistance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.antidepressants import ANTIDEPRESSANTS, AUGMENTERS, DEXTROMETHORPHAN_BUPROPION
from fhir_mappings.facts.clinical import Area, MedicationUse
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.finding import Evidence, State
from smart_app.clinical.programme import day_words
from smart_app.clinical.question import Question
from smart_app.clinical.trials.antidepressant_products import PURPOSE_OPEN, Judged, antidepressants_of, judge
from smart_app.clinical.trials.day_spans import Span, after, joined, longest
from smart_app.clinical.trials.episode import Depressed, Episode, current_episode, depressed_between, depressed_now
from smart_app.clinical.trials.medication_words import for_depression, ineffective, intolerance, other_purpose
from smart_app.clinical.trials.taken_days import TakenDays, is_supply, taken_days

NO_OUTCOME = "how it ended: no reason for stopping, no PHQ-9 at the end or now"
NOT_TELLING = "whether it failed: the reason for stopping does not say so, no PHQ-9 at the end or now"
_FORMS = frozenset({"", "oral", "sublingual", "transdermal"})  # no antidepressant is an inhaler or an ointment
_NAMED = 3  # so many medicines are named in a sentence; the review holds all
NO_CURRENT_SCORE = "no current PHQ-9 that tells"


class Standing(StrEnum):
    """What a trial amounts to. Only the first counts towards treatment resistance."""

    FAILED = "adequate and failed"
    OUTCOME_UNKNOWN = "adequate, outcome unknown"
    ONGOING = "adequate, ongoing"
    HELPED = "adequate, brought remission"
    TOO_SHORT = "too short"
    DOSE_TOO_LOW = "dose too low"
    OUTSIDE = "outside the window"
    NOT_ADEQUATE = "not adequate"  # by the clinician's answer alone
    EXCLUDED = "excluded"
    NOT_ENOUGH_DATA = "not enough data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One antidepressant as the record and the clinician tell it. Doses in mg a day; None: not known.

    `stretch` is the longest at an adequate dose in the window, of days that are sure where `stretch_sure`, else of
    days that may be. A first day of date.min means that the start is open. `adequate` (dose, length, window and
    purpose) and `failed` are what counts, the clinician's answers included; `recorded_...` is the record alone.
    None: not known.
    """

    ingredient: str
    family: str
    dose: Decimal | None
    minimum: Decimal
    why_minimum: str
    note: str
    stretch: Span | None
    stretch_sure: bool
    in_window: bool | None
    ongoing: bool | None
    ended: str
    standing: Standing
    reason: str  # why it is excluded, or that answer and record differ; else empty
    missing: tuple[str, ...]
    sources: tuple[str, ...]
    adequate: bool | None
    failed: bool | None
    recorded_adequate: bool | None
    recorded_failed: bool | None
    evidence: tuple[Evidence, ...] = ()  # scores and answers that it rests on
    answers: tuple[Answer, ...] = ()

    @property
    def counts(self) -> bool | None:
        """Whether it is adequate, in the window and failed; None: it may be."""
        if self.adequate is False or self.failed is False:
            return False
        return True if self.adequate and self.failed else None

    @property
    def counted_as(self) -> str:
        """Two products of one ingredient are one trial."""
        return "bupropion" if self.ingredient == DEXTROMETHORPHAN_BUPROPION else self.ingredient


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReview:
    """All trials and what they amount to. `answer`: met, not met, or not enough data; `why` says it in words.

    `unresolved`: labels of medicines whose ingredient is not known, where each may be a trial.
    """

    window_words: str
    trials: tuple[Trial, ...]
    adequate_and_failed: int
    needed: int
    answer: State
    why: str
    augmenters: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()


def key_of(ingredient: str, what: str) -> str:
    """The question's key. `what`: "adequate" or "failed"."""
    return f"TRIAL:{ingredient}:{what}"


def questions_of(trial: Trial) -> tuple[tuple[str, str], ...]:
    """What the clinician may answer about a trial: key and words."""
    name = trial.ingredient
    return (
        (
            key_of(name, "adequate"),
            f"Was {name} taken for depression at an adequate dose for long enough, in this episode?",
        ),
        (key_of(name, "failed"), f"Did {name} fail to bring remission?"),
    )


def review_of(question: Question) -> TrialReview:
    """The trials of this question, worked out once for all rules that need them."""
    return question.once("antidepressant trials", lambda: review_trials(question))


def review_trials(question: Question) -> TrialReview:
    """Clinical content 2.3: at least so many distinct antidepressants, each adequate and failed in this episode."""
    episode, now = current_episode(question), depressed_now(question)
    uses: dict[str, list[MedicationUse]] = defaultdict(list)
    for use in sorted(dict.fromkeys(question.facts.medications), key=_order):
        if use.start is not None and use.start.after(question.as_of):
            continue  # an order for later is no use yet
        for name in antidepressants_of(use):
            uses[name].append(use)
    trials = tuple(_trial(name, entries, question, episode, now) for name, entries in sorted(uses.items()))
    failed = {trial.counted_as for trial in trials if trial.counts}
    possible = {trial.counted_as for trial in trials if trial.counts is not False}
    unresolved = _unresolved(question, episode)
    answer, why = _answer(question, trials, len(failed), len(possible), unresolved)
    return TrialReview(
        window_words=episode.words,
        trials=trials,
        adequate_and_failed=len(failed),
        needed=question.limits.trials_needed,
        answer=answer,
        why=why,
        augmenters=tuple(sorted({i for use in question.facts.medications for i in use.ingredients & AUGMENTERS})),
        unresolved=unresolved,
    )


def _order(use: MedicationUse) -> tuple[str, str, str, str]:
    return (use.reference, use.version or "", use.label, use.start.text if use.start is not None else "")


def _unresolved(question: Question, episode: Episode) -> tuple[str, ...]:
    """Medicines without a known ingredient that may be a trial: long enough, in the window, and for depression."""
    facts, limits = question.facts, question.limits
    taken: dict[str, list[Span]] = defaultdict(list)
    for use in facts.medications:
        days = taken_days(use, (), question.as_of) if not use.ingredients else None
        if days is not None and use.form in _FORMS and not other_purpose(use.reasons):
            taken[use.label].append(days.perhaps)
    return tuple(
        label
        for label, spans in sorted(taken.items())
        if any(
            each.days >= limits.trial_days and each.last >= episode.begins_first
            for each in joined(after(spans, episode.remitted_first), limits.trial_bridge_days)
        )
    )


def _answer(
    question: Question, trials: Iterable[Trial], failed: int, possible: int, unresolved: tuple[str, ...]
) -> tuple[State, str]:
    """What is not read may hold a remission as well as a trial: then neither answer is sure."""
    needed = question.limits.trials_needed
    count = f"Adequate and failed: {failed} of the {needed} trials needed"
    unread = [a.value for a in (Area.CONDITION, Area.MEDICATION, Area.SURVEY) if question.unclear(a)]
    if unread:
        return State.NOT_ENOUGH_DATA, f"{count}, but not everything could be read: {', '.join(unread)}."
    if failed >= needed:
        return State.MET, f"{count}."
    if not question.facts.medications:
        return State.NOT_ENOUGH_DATA, "No medicine is on record at all, which does not prove that none was taken."
    open_points = [
        f"{trial.ingredient} ({', '.join(trial.missing) or trial.standing.value})"
        for trial in trials
        if trial.counts is None
    ]
    if unresolved:
        named, more = ", ".join(unresolved[:_NAMED]), len(unresolved) - _NAMED
        open_points.append(f"the ingredient of {named}{f' and {more} more' if more > 0 else ''}")
    # Each entry without a known ingredient may be another antidepressant.
    if possible + len(unresolved) >= needed:
        return State.NOT_ENOUGH_DATA, f"{count}; open: {'; '.join(open_points)}."
    return State.NOT_MET, f"{count}; nothing that is open could make it {needed}."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One medication entry as one antidepressant, and the days it was taken."""

    use: MedicationUse
    judged: Judged
    days: TakenDays
    dose_adequate: bool | None
    missing: tuple[str, ...]


def _entries(name: str, uses: list[MedicationUse], question: Question) -> list[_Entry]:
    """The entries that may be a trial or are excluded, those that surely begin later left out."""
    found = []
    for use in uses:
        days, judged = taken_days(use, uses, question.as_of), judge(use, name)
        if days is None:
            continue
        if judged.dose is None or (judged.missing and judged.dose >= judged.minimum):
            adequate = None
        else:
            adequate = judged.dose >= judged.minimum
        missing = judged.missing + days.missing
        found.append(_Entry(use=use, judged=judged, days=days, dose_adequate=adequate, missing=missing))
    elsewhere = any(entry.judged.other_purpose for entry in found)
    return [_doubted(entry, found, question.limits.trial_bridge_days, elsewhere) for entry in found]


def _doubted(entry: _Entry, entries: list[_Entry], bridge_days: int, elsewhere: bool) -> _Entry:
    """What other entries of the same medicine put in doubt: what it was for, and whether two doses add up.

    `elsewhere`: one of them was given for something else than depression.
    """
    if entry.judged.excluded:
        return entry
    if entry.dose_adequate is not False:
        if elsewhere and not for_depression(entry.use.reasons):
            missing = tuple(dict.fromkeys((*entry.missing, PURPOSE_OPEN)))
            return replace(entry, dose_adequate=None, missing=missing)
        return entry
    together = sum(
        (e.judged.dose or Decimal(0) for e in entries if e is entry or _beside(e, entry, bridge_days)),
        start=Decimal(0),
    )
    if together >= entry.judged.minimum:
        missing = (*entry.missing, "whether doses recorded at the same time add up")
        return replace(entry, dose_adequate=None, missing=missing)
    return entry


def _beside(one: _Entry, other: _Entry, bridge_days: int) -> bool:
    """Whether two entries of one type may have been taken together for longer than a break that is bridged.

    Entries of two types are taken to tell one use twice.
    """
    first = max(one.days.perhaps.first, other.days.perhaps.first)
    last = min(one.days.perhaps.last, other.days.perhaps.last)
    return (
        last >= first
        and (last - first).days >= bridge_days
        and one.use.reference.partition("/")[0] == other.use.reference.partition("/")[0]
        and not one.judged.excluded
        and not _linked(one, other)
    )


def _linked(one: _Entry, other: _Entry) -> bool:
    return one.use.reference in other.use.derived_from or other.use.reference in one.use.derived_from


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adequacy:
    """Dose, length, window and purpose by the record alone. `standing` says why not, where `answer` is False."""

    answer: bool | None
    standing: Standing
    reason: str
    stretch: Span | None
    stretch_sure: bool
    in_window: bool | None
    missing: tuple[str, ...]


def _adequacy(entries: list[_Entry], excluded: list[_Entry], question: Question, episode: Episode) -> _Adequacy:
    bridge, needed = question.limits.trial_bridge_days, question.limits.trial_days

    def spans(days: Iterable[Span], cut: date | None, begins: date) -> list[Span]:
        return [each for each in joined(after(days, cut), bridge) if each.last >= begins]

    sure_days = [e.days.surely for e in entries if e.dose_adequate and e.days.surely is not None]
    perhaps_days = [e.days.perhaps for e in entries if e.dose_adequate is not False]
    sure = longest(spans(sure_days, episode.remitted_last, episode.begins_last))
    perhaps = longest(spans(perhaps_days, episode.remitted_first, episode.begins_first))
    every = longest(spans([e.days.perhaps for e in entries], episode.remitted_first, episode.begins_first))
    surely_taken = [e.days.surely for e in entries if e.days.surely is not None]
    in_window = bool(spans(surely_taken, episode.remitted_last, episode.begins_last)) or (
        None if every is not None else False
    )

    def result(answer: bool | None, standing: Standing, reason: str = "", missing: tuple[str, ...] = ()) -> _Adequacy:
        return _Adequacy(
            answer=answer,
            standing=standing,
            reason=reason,
            stretch=sure if answer else perhaps,
            stretch_sure=bool(answer) or sure == perhaps,
            in_window=in_window,
            missing=missing,
        )

    if not entries:
        return result(False, Standing.EXCLUDED, "; ".join(sorted({e.judged.excluded for e in excluded})))
    if sure is not None and sure.days >= needed:
        return result(True, Standing.OUTCOME_UNKNOWN)
    if perhaps is not None and perhaps.days >= needed:
        open_points = [m for e in entries if e.dose_adequate is not False for m in e.missing]
        if in_window is None:
            open_points.append("whether it was taken in this episode")
        missing = tuple(sorted(set(open_points))) or ("which days it was surely taken",)
        return result(None, Standing.NOT_ENOUGH_DATA, missing=missing)
    if every is None:
        return result(False, Standing.OUTSIDE)
    if every.days < needed:
        texts = [text for e in entries for text in e.use.stopped_for]
        if intolerance(texts) and not ineffective(texts):
            return result(False, Standing.EXCLUDED, f"not tolerated, and stopped before {needed} days")
        return result(False, Standing.TOO_SHORT)
    if perhaps is None:
        return result(False, Standing.DOSE_TOO_LOW)
    return result(False, Standing.TOO_SHORT, "not long enough at an adequate dose")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    """How the use ended by the record alone. `failed` is None where it does not say."""

    ongoing: bool | None
    words: str
    failed: bool | None
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


def _ending(entries: list[_Entry], question: Question, now: Depressed) -> _Ending:
    as_of = question.as_of
    if not entries:
        return _Ending(ongoing=None, words="", failed=None, missing=(NO_OUTCOME,))
    earliest = max((e.days.ended_first for e in entries if e.days.ended_first is not None), default=None)
    latest = max(e.days.perhaps.last for e in entries)
    failed_by_reason = _stopped_as_ineffective(entries, question)
    if not failed_by_reason and any(e.days.goes_on for e in entries):
        missing = (NO_CURRENT_SCORE,) if now.answer is None else ()
        return _Ending(ongoing=True, words="ongoing", failed=now.answer, evidence=now.evidence, missing=missing)
    words = _ended_words(entries, earliest, latest, as_of)
    ongoing = None if latest >= as_of and latest != earliest else False
    if failed_by_reason:
        return _Ending(ongoing=ongoing, words=words, failed=True)
    at_end = depressed_between(question, earliest, latest) if earliest is not None else Depressed(answer=None)
    for depressed in (at_end, now):
        if depressed.answer:
            return _Ending(ongoing=ongoing, words=words, failed=True, evidence=depressed.evidence)
    told = any(e.use.stopped_for for e in entries)
    return _Ending(ongoing=ongoing, words=words, failed=None, missing=(NOT_TELLING if told else NO_OUTCOME,))


def _stopped_as_ineffective(entries: list[_Entry], question: Question) -> bool:
    """Whether the last that was taken was stopped for want of effect: a smaller dose raised for it is no failure."""
    last = [e for e in entries if ineffective(e.use.stopped_for)]
    if not last:
        return False
    ended = max(e.days.ended_first or (e.use.start.first if e.use.start is not None else date.min) for e in last)
    adequate = any(e.dose_adequate for e in last)
    return not any(
        _went_on(e.days, ended, question)
        for e in entries
        if e not in last
        and not any(_tell_one_use(e.use, each.use) for each in last)
        and not (adequate and _left_over(e.use, ended))
    )


def _went_on(days: TakenDays, day: date, question: Question) -> bool:
    """Whether it may have been taken for longer after that day than a break that is bridged, or still is."""
    still = days.perhaps.last >= question.as_of and days.ended_first != days.perhaps.last
    return still or days.goes_on or (days.perhaps.last - day).days > question.limits.trial_bridge_days


def _tell_one_use(use: MedicationUse, stopped: MedicationUse) -> bool:
    """Whether an entry repeats the one that was stopped, or is its original and has ended too."""
    original = use.reference in stopped.derived_from and use.status in ("completed", "stopped") and not is_supply(use)
    return stopped.reference in use.derived_from or original


def _left_over(use: MedicationUse, day: date) -> bool:
    """Whether the entry is a supply from before that day: what is left of it does not say that it was taken."""
    return is_supply(use) and use.start is not None and use.start.last <= day


def _ended_words(entries: list[_Entry], earliest: date | None, latest: date, as_of: date) -> str:
    why = sorted({text for e in entries for text in e.use.stopped_for})
    stopped = any(e.use.status == "stopped" for e in entries) or bool(why)
    if not stopped and latest >= as_of and any(e.use.status == "active" and e.use.end_of_supply for e in entries):
        return "not known whether it ended"
    if earliest == latest:
        day = day_words(latest)
    else:
        day = (
            "date not known"
            if earliest is None or latest >= as_of
            else f"between {day_words(earliest)} and {day_words(latest)}"
        )
    return f"{'stopped' if stopped else 'ended'}, {day}" + (f": {'; '.join(why)}" if why else "")


_SAYS: Mapping[Said, bool | None] = {Said.YES: True, Said.NO: False, Said.UNKNOWN: None}


def _trial(name: str, uses: list[MedicationUse], question: Question, episode: Episode, now: Depressed) -> Trial:
    """One row. The clinician's answers decide over the record, and both stay visible."""
    found = _entries(name, uses, question)
    excluded = [e for e in found if e.judged.excluded]
    entries = [e for e in found if not e.judged.excluded]
    adequacy = _adequacy(entries, excluded, question, episode)
    ending = _ending(entries, question, now)
    answers = {what: question.answers.get(key_of(name, what)) for what in ("adequate", "failed")}
    adequate = _decided(answers["adequate"], adequacy.answer)
    failed = _decided(answers["failed"], ending.failed)
    standing, reason = _standing(adequate, failed, adequacy, ending), adequacy.reason
    differs = [
        f"the record says {_WORDS[recorded]} to {what!r}, the answer is {answer.said.value}"
        for what, answer, recorded in (
            ("adequate", answers["adequate"], adequacy.answer),
            ("failed", answers["failed"], ending.failed),
        )
        if answer is not None and recorded is not None and _SAYS[answer.said] is not recorded
    ]
    missing = adequacy.missing if adequate is None and adequacy.answer is None else ()
    if failed is None and adequate is not False:
        missing += ending.missing
    best = max(entries or excluded, key=lambda e: (e.judged.dose or Decimal(-1), e.judged.minimum), default=None)
    given = tuple(answer for answer in answers.values() if answer is not None)
    return Trial(
        ingredient=name,
        family=ANTIDEPRESSANTS[name].family,
        dose=best.judged.dose if best is not None else None,
        minimum=best.judged.minimum if best is not None else ANTIDEPRESSANTS[name].minimum,
        why_minimum=best.judged.why_minimum if best is not None else "",
        note=ANTIDEPRESSANTS[name].note,
        stretch=adequacy.stretch,
        stretch_sure=adequacy.stretch_sure,
        in_window=adequacy.in_window,
        ongoing=ending.ongoing,
        ended=ending.words,
        standing=standing,
        reason="; ".join(part for part in (reason, *differs) if part),
        missing=missing,
        sources=tuple(use.reference for use in uses),
        adequate=adequate,
        failed=failed,
        recorded_adequate=adequacy.answer,
        recorded_failed=ending.failed,
        evidence=(*(ending.evidence if failed else ()), *(answer.evidence for answer in given)),
        answers=given,
    )


_WORDS: Mapping[bool, str] = {True: "yes", False: "no"}


def _decided(answer: Answer | None, recorded: bool | None) -> bool | None:
    return _SAYS[answer.said] if answer is not None else recorded


def _standing(adequate: bool | None, failed: bool | None, adequacy: _Adequacy, ending: _Ending) -> Standing:
    if adequate is None:
        return Standing.NOT_ENOUGH_DATA
    if not adequate:
        return adequacy.standing if adequacy.answer is False else Standing.NOT_ADEQUATE
    if failed:
        return Standing.FAILED
    if failed is False and ending.failed is not False:
        return Standing.HELPED
    return Standing.ONGOING if ending.ongoing else Standing.OUTCOME_UNKNOWN
