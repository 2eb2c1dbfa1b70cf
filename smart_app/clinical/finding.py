"""What a rule can find, and what a finding does to the status. Words of the clinical content, 1b."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The six answers, worst first. `candidate` means: nothing against it was found in what was read."""

    CONTRAINDICATED = "contraindicated"
    HOLD = "hold"
    NO_INDICATION = "no-indication"
    INSUFFICIENT_DATA = "insufficient-data"
    NEEDS_REVIEW = "needs-review"
    CANDIDATE = "candidate"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Status).index(self)


class State(StrEnum):
    """For a rule about missing data, `met` means that the data is missing."""

    MET = "met"
    NOT_MET = "not-met"
    NOT_ENOUGH_DATA = "not-enough-data"
    COULD_NOT_LOOK = "could-not-look"


class Kind(StrEnum):
    INDICATION = "indication"
    CONTRAINDICATION = "contraindication"
    HOLD = "hold"
    REVIEW = "review"
    CAUTION = "caution"
    MISSING = "missing"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a finding rests on: "Condition/1", the date as recorded, and the fact in words."""

    reference: str
    date: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule's answer. `kind` and `effect` are set where they differ from the rule's own.

    `settled`: a "not met" that what could not be read would not change, such as a question that does not arise.
    """

    state: State
    reason: str
    evidence: tuple[Evidence, ...] = ()
    kind: Kind | None = None
    effect: Status | None = None
    alert: str | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule with its answer for one patient. `effect` None: it does not change the status. Only what is met has one,
    and what was asked and could not be said."""

    rule: str
    state: State
    kind: Kind
    title: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    effect: Status | None = None
    alert: str | None = None


def met(
    reason: str,
    evidence: tuple[Evidence, ...] = (),
    *,
    kind: Kind | None = None,
    effect: Status | None = None,
    alert: str | None = None,
) -> Verdict:
    return Verdict(state=State.MET, reason=reason, evidence=evidence, kind=kind, effect=effect, alert=alert)


def review(reason: str, evidence: tuple[Evidence, ...]) -> Verdict:
    """Met, but as a matter for review instead of the rule's own effect."""
    return met(reason, evidence, kind=Kind.REVIEW, effect=Status.NEEDS_REVIEW)


def hold(reason: str, evidence: tuple[Evidence, ...]) -> Verdict:
    """Met, and so that treatment has to wait, where the rule itself asks for less."""
    return met(reason, evidence, kind=Kind.HOLD, effect=Status.HOLD)


def caution(reason: str, evidence: tuple[Evidence, ...]) -> Verdict:
    """Met, but as something to keep in mind: a caution never changes the status."""
    return met(reason, evidence, kind=Kind.CAUTION)


def not_met(reason: str, evidence: tuple[Evidence, ...] = (), *, settled: bool = False) -> Verdict:
    return Verdict(state=State.NOT_MET, reason=reason, evidence=evidence, settled=settled)


def not_enough_data(reason: str, evidence: tuple[Evidence, ...] = (), *, alert: str | None = None) -> Verdict:
    return Verdict(state=State.NOT_ENOUGH_DATA, reason=reason, evidence=evidence, alert=alert)


def could_not_look(reason: str) -> Verdict:
    return Verdict(state=State.COULD_NOT_LOOK, reason=reason)
