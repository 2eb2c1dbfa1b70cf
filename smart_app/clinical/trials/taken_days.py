"""On which days a medicine was surely taken, and on which it may have been, as one medication entry tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fhir_mappings.facts.clinical import MedicationUse, PartialDate
from smart_app.clinical.trials.day_spans import Span, span

_BROKEN_OFF = frozenset({"stopped", "on-hold"})
_ENDED = frozenset({"stopped", "completed"})
_DISPENSE = "MedicationDispense/"
_REQUEST = "MedicationRequest/"
_REFILL = timedelta(days=7)  # a supply is fetched about when the one before runs out


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenDays:
    """`surely` None: on no day for sure. `perhaps` is never smaller. `missing`: what would settle the difference.

    `ended_first`: the first day on which it can have ended; None when the record does not say. `goes_on`: whether it
    is surely still taken.
    """

    surely: Span | None
    perhaps: Span
    ended_first: date | None
    goes_on: bool
    missing: tuple[str, ...]


def taken_days(use: MedicationUse, others: Sequence[MedicationUse], as_of: date) -> TakenDays | None:
    """The days up to `as_of`; None for an entry that surely begins later.

    Sure are the days from the latest possible start to the earliest possible end. An entry that is active and has no
    end runs to `as_of`, unless it repeats one that has ended; one that is not active ended nobody knows when. A
    dispense runs its supply, but no further than a stop on record; an order that is still active may run on beyond
    its supply. `others`: all entries of this medicine.
    """
    start, end = use.start, _stated_end(use, others, as_of)
    if start is not None and start.after(as_of):
        return None
    missing = [*_unsure("start", start)]
    if start is not None and end is not None and end.last < start.first:
        return TakenDays(
            surely=None,
            perhaps=Span(date.min, as_of),
            ended_first=None,
            goes_on=False,
            missing=("dates that agree",),
        )
    first, last = end.first if end is not None else None, end.last if end is not None else as_of
    if end is not None and end.last < as_of and use.status == "active" and use.end_of_supply:
        last, missing = as_of, [*missing, "whether it went on after its supply"]
    elif end is not None:
        missing += _unsure("end", end)
    elif _goes_on(use, others, as_of):
        first = as_of
    else:
        missing.append("no end date")
    if is_supply(use):
        if use.status != "completed":
            first, missing = None, [*missing, "whether it was handed over"]
        for stop in _stops(use, others):
            first, last = _cut(stop, use, others, first, last)
    earliest = start.first if start is not None else date.min
    return TakenDays(
        surely=span(start.last, min(first, as_of)) if start is not None and first is not None else None,
        perhaps=Span(earliest, max(earliest, min(last, as_of))),
        ended_first=min(first, as_of) if first is not None else None,
        goes_on=first is not None and first >= as_of and (use.status == "active" or is_supply(use)),
        missing=tuple(dict.fromkeys(missing)),
    )


def is_supply(use: MedicationUse) -> bool:
    """Whether the entry is a MedicationDispense: what was handed over, not what was ordered or said to be taken."""
    return use.reference.startswith(_DISPENSE)


def _stated_end(use: MedicationUse, others: Sequence[MedicationUse], as_of: date) -> PartialDate | None:
    """The end, where it is one: only what is active, or a supply handed over, runs to an end that lies ahead."""
    if use.end is None or use.ended_unknown:
        return None
    if is_supply(use):
        runs_on = use.status not in _BROKEN_OFF
    else:
        runs_on = use.status == "active" and not _original_ended(use, others, as_of)
    over = use.end.last < as_of or (use.end.last == as_of and use.status in _ENDED)
    return use.end if runs_on or over else None


def _goes_on(use: MedicationUse, others: Sequence[MedicationUse], as_of: date) -> bool:
    """Whether an entry without an end is surely still taken."""
    open_end = use.status == "active" and use.end is None and not use.ended_unknown
    return open_end and not _original_ended(use, others, as_of)


def _original_ended(use: MedicationUse, others: Sequence[MedicationUse], as_of: date) -> bool:
    """Whether an entry that this one repeats may have ended: then a repetition left active proves nothing."""
    return bool(use.derived_from) and any(
        other.status != "active" or other.ended_unknown or (other.end is not None and other.end.first < as_of)
        for other in others
        if other.reference in use.derived_from
    )


def _stops(supply: MedicationUse, others: Sequence[MedicationUse]) -> list[MedicationUse]:
    """What says that the medicine was stopped: any statement, and the prescription that the supply carries out.

    A supply that names no prescription may be of any.
    """
    stopped = [other for other in others if other.status == "stopped" and not is_supply(other)]
    return [
        stop
        for stop in stopped
        if not stop.reference.startswith(_REQUEST) or not supply.derived_from or stop.reference in supply.derived_from
    ]


def _cut(
    stop: MedicationUse, supply: MedicationUse, others: Sequence[MedicationUse], first: date | None, last: date
) -> tuple[date | None, date]:
    """The first and the last possible end of a supply, cut at a stop that falls, or may fall, into it."""
    start = supply.start
    begun = start.first if start is not None else date.min
    if stop.start is not None and stop.start.first > last:
        return first, last
    if stop.reference.startswith(_REQUEST):
        # A prescription does not say when it was stopped; the next supply says that it was not before.
        again = _fetched_again(supply, others, first)
        if again is not None and first is not None:
            return min(first, again), last
    elif stop.end is not None and not stop.ended_unknown:
        if stop.end.last <= begun or stop.end.first >= last:
            return first, last  # a stop on the very day of the supply belongs to what was taken before it
        if start is not None and start.last <= stop.end.first:
            last = min(last, stop.end.last)
        return (min(first, stop.end.first) if first is not None else None), last
    return (None if first is None or start is None else min(first, start.last)), last


def _fetched_again(supply: MedicationUse, others: Sequence[MedicationUse], ends: date | None) -> date | None:
    """When another supply was surely handed over after this one and about when this one ran out; None if none was."""
    if supply.start is None or ends is None:
        return None
    after = supply.start.last
    again = [
        other.start.first
        for other in others
        if is_supply(other)
        and other.status == "completed"
        and other.start is not None
        and other.start.first > after
        and other.start.last <= ends + _REFILL
    ]
    return max(again, default=None)


def _unsure(which: str, when: PartialDate | None) -> list[str]:
    if when is None:
        return [f"no {which} date"]
    if when.exact:
        return []
    return [f"{which} date only to the {'year' if len(when.text) <= 4 else 'month'}"]
