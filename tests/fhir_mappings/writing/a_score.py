"""Builders of filled-in questionnaires, valid by default: one change per test."""

from __future__ import annotations

from typing import Any

from fhir_mappings.facts.questionnaire import FilledIn
from tests.fhir_mappings.writing.a_session import EHR, NURSE, an_id, at

NINE = {1: 2, 2: 3, 3: 1, 4: 2, 5: 0, 6: 1, 7: 1, 8: 0, 9: 1}  # 11


def a_score(**changes: Any) -> FilledIn:
    values: dict[str, Any] = {
        "id": an_id(700),
        "instrument": "phq9",
        "patient": f"{EHR}/Patient/ada",
        "taken": at(13, 40),
        "entered": at(13, 45),
        "by": NURSE,
        "answers": NINE,
        "total": 11,
        "watched": 1,
        "words": "moderate",
    }
    return FilledIn(**(values | changes))


def a_full_score() -> FilledIn:
    return a_score(course=an_id(9), session=an_id(1), encounter=f"{EHR}/Encounter/visit", source="paper form")


def a_screener(**changes: Any) -> FilledIn:
    answers = {1: 1, 2: 1, 3: 1, 4: 0, 5: 0, 6: 0}
    values: dict[str, Any] = {"instrument": "cssrs", "answers": answers, "total": None, "watched": None}
    return a_score(**(values | {"level": "moderate", "words": "moderate risk"} | changes))


def a_total(**changes: Any) -> FilledIn:
    """From a form on paper, of a day only."""
    return a_score(answers={}, source="paper form", day_only=True, taken=at(0), **changes)


EVERY_KIND = {
    "PHQ-9": a_score(),
    "all that can be said": a_full_score(),
    "a total": a_total(),
    "unfinished": a_score(answers={1: 2, 9: 1}, total=None, words="", complete=False),
    "GAD-7": a_score(instrument="gad7", answers=dict.fromkeys(range(1, 8), 2), total=14, watched=None),
    "screener": a_screener(),
    "screener since": a_screener(instrument="cssrs-since"),
    "MADRS": a_score(instrument="madrs", answers=dict.fromkeys(range(1, 11), 3), total=30, watched=3, words=""),
    "QIDS": a_score(instrument="qids-sr16", answers=dict.fromkeys((1, 2, 3, 4, 5, 6, 8, *range(10, 17)), 1), total=9),
    "CADSS-6": a_score(instrument="cadss6", answers=dict.fromkeys(range(1, 7), 1), total=6, watched=None, words=""),
    "HAM-D17": a_score(instrument="hamd17", answers={}, total=20, watched=None, words=""),
}
