"""What one rule of the table says of itself: enough for a user to judge it without us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fhir_mappings.facts.clinical import Area
from smart_app.clinical.answers import Said
from smart_app.clinical.finding import Kind, Status, Verdict
from smart_app.clinical.limits import Limits
from smart_app.clinical.question import Question


class Origin(StrEnum):
    """Where a rule comes from, and so what a site may do with it."""

    CLINIC = "clinic"  # the clinic's page: can be made stricter, never switched off
    SAFETY = "safety"  # guards against missing, unclear or dangerous data: tunable within bounds, never off
    CONFIG = "config"  # other guidance: can be tuned or switched off


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question to the patient, offered where the record holds nothing.

    A yes makes the rule met, a no stands as evidence and changes nothing, and an explicit "unknown" asks for review.
    `settles`: the rule reads the answer itself instead.
    """

    words: str  # {limits.name} stands for a limit of the site
    days: int  # how long an answer holds
    window: str = ""  # the limit, in days, of the time that is asked about: a yes holds as long
    settles: bool = False

    def question(self, limits: Limits) -> str:
        return self.words.format(limits=limits)

    def holds(self, said: Said, limits: Limits) -> int:
        """For how many days an answer holds."""
        if said is Said.YES and self.window:
            return max(self.days, int(getattr(limits, self.window)))
        return self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One rule. `effect` is what it does to the status when it is met; None: nothing."""

    id: str
    kind: Kind
    effect: Status | None
    title: str  # the question in clinical words; {limits.name} stands for a limit of the site
    logic: str
    source: str  # with citation
    origin: Origin
    reads: frozenset[Area]
    decide: Callable[[Question], Verdict]
    known_limits: str  # what it cannot see or tell
    ask: Ask | None = None
    uses: frozenset[str] = frozenset()  # attributes of the person: "sex", "date of birth"
    version: str = "1.0"

    def question(self, limits: Limits) -> str:
        """The title with the limits that it is asked with."""
        return self.title.format(limits=limits)
