"""Who made the rules, when and for what: the facts that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of the table of rules. `reviewed`: by whom and how far, in words."""

    author: str
    funding: str
    released: date
    revised: date
    reviewed: str
    use: str
    not_for: str


RELEASE = Release(
    author="The ketamine-pathway developers",
    funding="None besides the developers' own.",
    released=date(2026, 11, 23),
    revised=date(2026, 11, 23),
    reviewed="Working content: a clinician signs it off for each site.",
    use=(
        "Supports clinicians who consider ketamine for depression: shows what the record holds for and against it, "
        "what is missing, and what each finding rests on."
    ),
    not_for=(
        "Not for use without a clinician's own judgement, not for emergencies, and not for other indications. It "
        "proposes no dose and no treatment."
    ),
)
