"""What can happen to an infusion, in which order, and how long it ran without its pauses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from fhir_mappings.facts.treatment import InfusionChange
from smart_app.clinical.session_rules import clock_time, elapsed


class InfusionState(StrEnum):
    NOT_STARTED = "not started"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


INFUSION_TABLE: Mapping[tuple[InfusionState, InfusionChange], InfusionState] = MappingProxyType(
    {
        (InfusionState.NOT_STARTED, InfusionChange.STARTED): InfusionState.RUNNING,
        (InfusionState.RUNNING, InfusionChange.PAUSED): InfusionState.PAUSED,
        (InfusionState.RUNNING, InfusionChange.RATE): InfusionState.RUNNING,
        (InfusionState.RUNNING, InfusionChange.STOPPED): InfusionState.STOPPED,
        (InfusionState.PAUSED, InfusionChange.RESUMED): InfusionState.RUNNING,
        (InfusionState.PAUSED, InfusionChange.STOPPED): InfusionState.STOPPED,
    }
)

_DONE = {
    InfusionChange.STARTED: "started",
    InfusionChange.PAUSED: "paused",
    InfusionChange.RESUMED: "resumed",
    InfusionChange.RATE: "given at another rate",
    InfusionChange.STOPPED: "stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionStep:
    change: InfusionChange
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSpan:
    """A rate in one unit: what a pump can do at all, and what is common enough not to ask back. Limits included."""

    possible: tuple[Decimal, Decimal]
    usual: tuple[Decimal, Decimal]


# Working proposals. 0.5 mg/kg over 40 minutes is about 1 mg/min; a syringe of 50 mL over 40 minutes 75 mL/h.
RATES: Mapping[str, RateSpan] = MappingProxyType(
    {
        "mg/min": RateSpan(possible=(Decimal("0.01"), Decimal(20)), usual=(Decimal("0.1"), Decimal(4))),
        "mL/h": RateSpan(possible=(Decimal("0.1"), Decimal(1200)), usual=(Decimal(5), Decimal(300))),
    }
)


def state_after(steps: Sequence[InfusionStep]) -> InfusionState:
    """Where these steps lead, in the order given. One that cannot happen changes nothing."""
    state = InfusionState.NOT_STARTED
    for step in steps:
        state = INFUSION_TABLE.get((state, step.change), state)
    return state


def out_of_order(steps: Sequence[InfusionStep]) -> str:
    """The first step that cannot happen where it stands, in words; empty: all can."""
    state = InfusionState.NOT_STARTED
    for step in steps:
        following = INFUSION_TABLE.get((state, step.change))
        if following is None:
            return f"At {clock_time(step.at)} the infusion was {state}: it cannot be {_DONE[step.change]} then."
        state = following
    return ""


def stretches(steps: Sequence[InfusionStep], now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """From when to when it ran without a pause; up to `now` while it runs. Steps that cannot happen count for
    nothing."""
    found: list[tuple[datetime, datetime]] = []
    state, since = InfusionState.NOT_STARTED, now
    for step in steps:
        following = INFUSION_TABLE.get((state, step.change), state)
        if state is InfusionState.RUNNING and following is not InfusionState.RUNNING:
            found.append((since, step.at))
        if state is not InfusionState.RUNNING and following is InfusionState.RUNNING:
            since = step.at
        state = following
    if state is InfusionState.RUNNING and elapsed(since, now) > timedelta(0):
        found.append((since, now))
    return tuple(found)


def ran(steps: Sequence[InfusionStep], now: datetime) -> timedelta:
    """For how long it ran, pauses left out; up to `now` while it runs."""
    return sum((elapsed(since, until) for since, until in stretches(steps, now)), timedelta(0))
