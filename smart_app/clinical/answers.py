"""What the patient said where the record holds nothing: asked by whom, when, and how long it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from smart_app.clinical.finding import Evidence


class Said(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer. `question` is a rule's id, or what `antidepressant_trials` asks about one trial."""

    id: str
    question: str
    said: Said
    by: str  # name and role of who asked
    at: datetime
    days: int  # how many days it holds, counted from the day of `at`
    withdrawn: Answer | None = None  # an earlier yes that still holds, and that this answer takes back

    @property
    def until(self) -> date:
        return self.at.date() + timedelta(days=self.days)

    def holds(self, as_of: date) -> bool:
        """Whether it has not run out."""
        return as_of <= self.until

    @property
    def evidence(self) -> Evidence:
        """As evidence: the answer, who asked, and until when it holds."""
        words = f"asked by {self.by}: {self.said.value} (holds until {self.until:%d %b %Y})"
        return Evidence(reference=f"answer/{self.id}", date=self.at.date().isoformat(), text=words)


def standing(answers: Iterable[Answer], as_of: date) -> dict[str, Answer]:
    """The latest answer to each question, where it still holds: an expired one does not revive an older one.

    A yes that was taken back is told with it: whoever asked later does not know better than who asked before.
    """
    latest: dict[str, Answer] = {}
    said_yes: dict[str, Answer] = {}
    for answer in sorted(answers, key=lambda each: (each.at, each.id)):
        if answer.at.date() > as_of:
            continue
        latest[answer.question] = answer
        if answer.said is Said.YES and answer.holds(as_of):
            said_yes[answer.question] = answer
    return {
        question: answer if answer.said is Said.YES else replace(answer, withdrawn=said_yes.get(question))
        for question, answer in latest.items()
        if answer.holds(as_of)
    }
