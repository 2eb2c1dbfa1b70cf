"""The infusion: what can happen in which order, and how long it ran without its pauses."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.facts.treatment import InfusionChange
from smart_app.clinical.infusion import (
    INFUSION_TABLE,
    InfusionState,
    InfusionStep,
    out_of_order,
    ran,
    state_after,
)
from tests.smart_app.clinical.treatments import at

STARTED, PAUSED, RESUMED = InfusionChange.STARTED, InfusionChange.PAUSED, InfusionChange.RESUMED
RATE, STOPPED = InfusionChange.RATE, InfusionChange.STOPPED


def steps(*pairs: tuple[InfusionChange, str]) -> tuple[InfusionStep, ...]:
    return tuple(InfusionStep(change=change, at=at(hhmm)) for change, hhmm in pairs)


@pytest.mark.parametrize(
    ("given_", "state", "minutes"),
    [
        pytest.param((), InfusionState.NOT_STARTED, 0, id="not started"),
        pytest.param(((STARTED, "14:00"),), InfusionState.RUNNING, 60, id="runs on"),
        pytest.param(((STARTED, "14:00"), (PAUSED, "14:10")), InfusionState.PAUSED, 10, id="paused"),
        pytest.param(
            ((STARTED, "14:00"), (PAUSED, "14:10"), (RESUMED, "14:15"), (STOPPED, "14:45")),
            InfusionState.STOPPED,
            40,
            id="40 minutes in 45",
        ),
        pytest.param(
            ((STARTED, "14:00"), (RATE, "14:20"), (STOPPED, "14:30")), InfusionState.STOPPED, 30, id="another rate"
        ),
        pytest.param(
            ((STARTED, "14:00"), (PAUSED, "14:10"), (STOPPED, "14:30")), InfusionState.STOPPED, 10, id="in a pause"
        ),
    ],
)
def test_it_ran_so_long_without_its_pauses(
    given_: tuple[tuple[InfusionChange, str], ...], state: InfusionState, minutes: int
) -> None:
    told = steps(*given_)
    assert out_of_order(told) == ""
    assert state_after(told) is state
    assert ran(told, at("15:00")) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        (((PAUSED, "14:10"),), "At 14:10 the infusion was not started: it cannot be paused then."),
        (((STARTED, "14:00"), (RESUMED, "14:10")), "At 14:10 the infusion was running: it cannot be resumed then."),
        (((STARTED, "14:00"), (PAUSED, "14:05"), (RATE, "14:10")), "cannot be given at another rate"),
        (((STARTED, "14:00"), (STOPPED, "14:30"), (RESUMED, "14:40")), "was stopped: it cannot be resumed"),
        (((STARTED, "14:00"), (STARTED, "14:01")), "was running: it cannot be started"),
    ],
)
def test_what_cannot_happen_is_told(given_: tuple[tuple[InfusionChange, str], ...], words: str) -> None:
    assert words in out_of_order(steps(*given_))


@given(st.lists(st.tuples(st.sampled_from(InfusionChange), st.integers(0, 9)), max_size=12))
def test_illegal_steps_change_nothing_and_it_never_runs_longer_than_time_passed(
    walk: list[tuple[InfusionChange, int]],
) -> None:
    told, minute = [], 0
    for change, wait in walk:
        minute += wait
        told.append(InfusionStep(change=change, at=at("14:00") + timedelta(minutes=minute)))
    now = at("14:00") + timedelta(minutes=minute + 5)
    legal = []
    for step in told:
        if (state_after(legal), step.change) in INFUSION_TABLE:
            legal.append(step)
    assert state_after(told) is state_after(legal)
    assert ran(told, now) == ran(legal, now)
    assert timedelta(0) <= ran(told, now) <= timedelta(minutes=minute + 5)
    assert out_of_order(legal) == ""
    running = {InfusionState.RUNNING}
    states = [state_after(legal[:count]) for count in range(len(legal) + 1)]
    ends = [*(step.at for step in legal), now]
    by_hand = sum(
        (until - since for (since, until), state in zip(pairwise(ends), states[1:], strict=True) if state in running),
        timedelta(0),
    )
    assert ran(legal, now) == by_hand
