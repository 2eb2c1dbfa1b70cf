"""The reason a clinician gives for what is taken back or decided against advice: long enough to say something."""

from __future__ import annotations

from smart_app.use_cases.errors import Refused

REASON_LENGTH = 10


def required_reason(typed: str) -> str:
    """The reason without the spaces around it; Refused, with the problem by field, when it is too short."""
    reason = typed.strip()
    if len(reason) < REASON_LENGTH:
        words = f"Give a reason ({REASON_LENGTH} characters or more)."
        raise Refused("A reason is needed.", problems={"reason": words})
    return reason
