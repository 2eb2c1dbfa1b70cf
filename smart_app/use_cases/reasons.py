"""The reason a clinician gives for what is taken back or decided against advice: long enough to say something."""

from __future__ import annotations

from collections.abc import Mapping

from smart_app.use_cases.errors import Refused

REASON_LENGTH = 10
_LETTERS = 3  # dots and dashes alone are no reason


def says_enough(reason: str) -> bool:
    """Ten characters that can be seen, words among them; spaces in a row count once."""
    seen = " ".join("".join(character for character in reason if character.isprintable()).split())
    return len(seen) >= REASON_LENGTH and sum(character.isalpha() for character in seen) >= _LETTERS


def required_reason(typed: str) -> str:
    """The reason without the spaces around it; Refused, with the problem by field, when it says too little."""
    reason = typed.strip()
    if not says_enough(reason):
        words = f"Give a reason ({REASON_LENGTH} characters or more)."
        raise Refused("A reason is needed.", problems={"reason": words})
    return reason


def reason_in(fields: Mapping[str, str], problems: dict[str, str]) -> str:
    """The form's `reason`, as `required_reason` reads it; what is wrong with it is added to the form's problems."""
    try:
        return required_reason(fields.get("reason", ""))
    except Refused as refused:
        problems |= refused.problems
        return ""
