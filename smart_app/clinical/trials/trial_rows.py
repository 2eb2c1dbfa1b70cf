"""The trials of antidepressants as plain rows, for the page, the command line and the evidence of a rule."""

from __future__ import annotations

from datetime import date
from typing import Any

from smart_app.clinical.finding import Evidence
from smart_app.clinical.programme import day_words
from smart_app.clinical.trials.antidepressant_trials import Trial, TrialReview, questions_of


def as_rows(review: TrialReview) -> list[dict[str, Any]]:
    """One plain dict for each trial, in the order of the review; every value is text, a list or a dict of text."""
    return [
        {
            "ingredient": trial.ingredient,
            "class": trial.family,
            "dose": dose_words(trial),
            "stretch": stretch_words(trial),
            "window": window_words(trial),
            "ended": trial.ended,
            "standing": trial.standing.value,
            "reason": trial.reason,
            "missing": list(trial.missing),
            "note": trial.note,
            "sources": list(trial.sources),
            "questions": _questions(trial),
        }
        for trial in review.trials
    ]


def evidence_of(review: TrialReview) -> tuple[Evidence, ...]:
    """Each trial as one line, then the scores and answers that it rests on."""
    lines: list[Evidence] = []
    for trial in review.trials:
        first = trial.stretch.first if trial.stretch is not None and trial.stretch.first != date.min else None
        words = [dose_words(trial), stretch_words(trial), trial.ended, trial.standing.value, trial.reason]
        lines.append(
            Evidence(
                reference=", ".join(trial.sources),
                date=first.isoformat() if first is not None else "",
                text=f"{trial.ingredient}: {'; '.join(word for word in words if word)}",
            )
        )
        lines += trial.evidence
    return tuple(dict.fromkeys(lines))


def dose_words(trial: Trial) -> str:
    why = f", {trial.why_minimum}" if trial.why_minimum else ""
    return f"{'dose not known' if trial.dose is None else f'{trial.dose} mg/d'} (at least {trial.minimum}{why})"


def stretch_words(trial: Trial) -> str:
    """The longest stretch at an adequate dose; "at most" where not all of its days are sure."""
    if trial.stretch is None:
        return "none at an adequate dose"
    if trial.stretch.first == date.min:
        return f"until {day_words(trial.stretch.last)}, from when is not known"
    days = trial.stretch.days
    between = f"{day_words(trial.stretch.first)} to {day_words(trial.stretch.last)}"
    words = f"{between} ({days} {'day' if days == 1 else 'days'})"
    return words if trial.stretch_sure else f"at most {words}"


def window_words(trial: Trial) -> str:
    if trial.in_window is None:
        return "not known"
    return "inside" if trial.in_window else "outside"


def _questions(trial: Trial) -> list[dict[str, str]]:
    """Each question with its answer, empty where none stands."""
    given = {answer.question: answer for answer in trial.answers}
    rows = []
    for key, words in questions_of(trial):
        answer = given.get(key)
        rows.append(
            {
                "key": key,
                "words": words,
                "answer": answer.said.value if answer is not None else "",
                "by": answer.by if answer is not None else "",
                "at": answer.at.isoformat() if answer is not None else "",
            }
        )
    return rows
