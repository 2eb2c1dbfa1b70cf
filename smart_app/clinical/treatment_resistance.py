"""Treatment resistance: TRD-MET, TRD-NOT-MET and TRD-UNKNOWN."""

from __future__ import annotations

from smart_app.clinical.finding import Verdict, not_enough_data
from smart_app.clinical.question import Question

_OPEN = "Trials of antidepressants have not been worked out."


def trd_met(question: Question) -> Verdict:
    return not_enough_data(_OPEN)


def trd_not_met(question: Question) -> Verdict:
    return not_enough_data(_OPEN)


def trd_unknown(question: Question) -> Verdict:
    return not_enough_data(_OPEN)
