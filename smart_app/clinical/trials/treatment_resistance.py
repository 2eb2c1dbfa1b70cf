"""Treatment resistance: TRD-MET, TRD-NOT-MET and TRD-UNKNOWN, of which exactly one is met; what IND-TRD adds of it.

It is information. Computed from trials it is no diagnosis, so it never makes an indication; only a site that asks for
trials has too few of them, or not knowing, reviewed.
"""

from __future__ import annotations

from dataclasses import replace

from smart_app.clinical.finding import Kind, State, Verdict, met, not_enough_data, not_met, review
from smart_app.clinical.question import Question
from smart_app.clinical.trials.antidepressant_trials import TrialReview, review_of
from smart_app.clinical.trials.trial_rows import evidence_of


def trd_met(question: Question) -> Verdict:
    """Enough distinct antidepressants were adequate and failed in this episode."""
    found = review_of(question)
    if found.answer is State.MET:
        return met(_words(found), evidence_of(found), kind=Kind.INFORMATION)
    return _otherwise(found)


def trd_not_met(question: Question) -> Verdict:
    """The data is complete, and too few were. For review where the site asks for trials."""
    return _asked_for(question, State.NOT_MET)


def trd_unknown(question: Question) -> Verdict:
    """Something is missing that could make the difference. For review where the site asks for trials."""
    return _asked_for(question, State.NOT_ENOUGH_DATA)


def strengthened(verdict: Verdict, question: Question) -> Verdict:
    """IND-TRD with what the trials say beside it; its answer stays that of the diagnosis."""
    found = review_of(question)
    if found.answer is not State.MET:
        return verdict
    if verdict.state is State.MET:
        reason = f"{verdict.reason} The trials on record bear it out: {found.why}"
        return replace(verdict, reason=reason, evidence=verdict.evidence + evidence_of(found))
    return replace(verdict, reason=f"{verdict.reason} The trials on record point to it, without a diagnosis.")


def _asked_for(question: Question, answer: State) -> Verdict:
    found = review_of(question)
    if found.answer is not answer:
        return _otherwise(found)
    if question.limits.trials_required:
        return review(_words(found), evidence_of(found))
    return met(_words(found), evidence_of(found), kind=Kind.INFORMATION)


def _otherwise(found: TrialReview) -> Verdict:
    """Why one of the other two rules is the answer."""
    if found.answer is State.NOT_ENOUGH_DATA:
        return not_enough_data(_words(found))
    return not_met(_words(found))


def _words(found: TrialReview) -> str:
    return f"{found.why[:-1]} ({found.window_words})."
