"""The alert of an answer on death or self-harm, and of a screener that finds a high risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_mappings.facts.instruments import INSTRUMENTS
from smart_app.clinical.instruments import HIGH, NONE, SCREENERS, level_words
from smart_app.clinical.outcomes import ScaleScore


@dataclass(frozen=True, slots=True, kw_only=True)
class SuicidalityAlert:
    """`words` is empty where nothing asks for a look; `screened` is the last screener's result, in words."""

    words: str = ""
    due: bool = False  # a C-SSRS
    screened: str = ""


def suicidality_alert(scores: Sequence[ScaleScore]) -> SuicidalityAlert:
    """An answer above 0 alerts until a complete C-SSRS after it, whatever a later form answers; a high risk alerts
    until a later C-SSRS finds a lower one. Where the order of two is not known, the alert stays."""
    screeners = sorted((s for s in scores if s.scale in SCREENERS), key=lambda s: (s.earliest, s.latest))
    whole = [score for score in screeners if score.complete]
    screened = _result(whole[-1]) if whole else ""
    high = [score for score in screeners if score.level == HIGH]
    if high and not any(_follows(later, high[-1]) for later in whole if later.level != HIGH):
        words = (
            f"{_result(high[-1])}: do not leave the patient alone, call the prescriber, follow the crisis pathway."
        )
        return SuicidalityAlert(words=words, screened=screened)
    partial = [s for s in screeners if not s.complete and s.level != NONE and (s.watched or 0) > 0]
    positive = [score for score in scores if score.scale not in SCREENERS and (score.watched or 0) > 0]
    open_ones = [one for one in [*positive, *partial] if not any(_follows(later, one) for later in whole)]
    if not open_ones:
        return SuicidalityAlert(screened=screened)
    latest = max(open_ones, key=lambda score: (score.day, score.latest))
    return SuicidalityAlert(words=_asks(latest), due=True, screened=screened)


def _follows(later: ScaleScore, earlier: ScaleScore) -> bool:
    return later is not earlier and later.earliest >= earlier.latest


def _when(score: ScaleScore) -> str:
    at = f" at {score.moment:%H:%M}" if score.moment is not None else ""
    return f"{score.day:%d %b %Y}{at}"


def _result(score: ScaleScore) -> str:
    return f"{INSTRUMENTS[score.scale].name} {_when(score)}: {level_words(score.level)}"


def _asks(score: ScaleScore) -> str:
    form = INSTRUMENTS[score.scale]
    if score.scale in SCREENERS:
        return f"{form.name} {_when(score)} was not finished, and a question was answered with yes: C-SSRS due."
    return (
        f"{form.name} item {form.watched} (thoughts of death or self-harm) was {score.watched} on {_when(score)}: "
        "C-SSRS due. Ask about suicidality today."
    )
