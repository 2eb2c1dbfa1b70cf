"""On which days a medicine was surely taken, and on which it may have been, as one medication entry tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from fhir_mappings.facts.clinical import MedicationUse, PartialDate
from smart_app.clinical.day_spans import Span, span

_BROKEN_OFF = frozenset({"stopped", "on-hold"})
_DISPENSE = "MedicationDispense/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenDays:
    """`surely` None: on no day for sure. `perhaps` is never smaller. `missing`: what would settle the difference.

    `ended_first`: the first day on which it can have ended; None when the record does not say.
    """

    surely: Span | None
    perhaps: Span
    ended_first: date | None
    missing: tuple[str, ...]


def taken_days(use: MedicationUse, others: Iterable[MedicationUse], as_of: date) -> TakenDays | None:
    """The days up to `as_of`; None for an entry that surely begins later.

    Sure are the days from the latest possible start to the earliest possible end. An entry that is active and has no
    end runs to `as_of`, unless it repeats one that has ended; one that is not active ended nobody knows when. A
    dispense runs its supply, but no further than a stop on record. `others`: entries of the same medicine.
    """
    others = tuple(others)
    start, end = use.start, _stated_end(use, as_of)
    if start is not None and start.after(as_of):
        return None
    missing = [*_unsure("start", start)]
    if start is not None and end is not None and end.last < start.first:
        return TakenDays(surely=None, perhaps=Span(date.min, as_of), ended_first=None, missing=("dates that agree",))
    first, last = end.first if end is not None else None, end.last if end is not None else as_of
    if end is not None:
        missing += _unsure("end", end)
    elif _goes_on(use, others, as_of):
        first = as_of
    else:
        missing.append("no end date")
    if use.reference.startswith(_DISPENSE):
        for stop in others:
            if stop.status == "stopped" and not stop.reference.startswith(_DISPENSE):
                first, last = _stopped(stop, start, first, last, as_of)
    earliest = start.first if start is not None else date.min
    return TakenDays(
        surely=span(start.last, min(first, as_of)) if start is not None and first is not None else None,
        perhaps=Span(earliest, max(earliest, min(last, as_of))),
        ended_first=min(first, as_of) if first is not None else None,
        missing=tuple(dict.fromkeys(missing)),
    )


def _stated_end(use: MedicationUse, as_of: date) -> PartialDate | None:
    """The end, where it is one: only what is active, or a supply handed over, runs to an end that lies ahead."""
    if use.end is None or use.ended_unknown:
        return None
    runs_on = use.status == "active" or (use.reference.startswith(_DISPENSE) and use.status not in _BROKEN_OFF)
    return use.end if runs_on or use.end.last <= as_of else None


def _goes_on(use: MedicationUse, others: Iterable[MedicationUse], as_of: date) -> bool:
    """Whether it is surely still taken. A repetition left active proves nothing once its original has ended."""
    if use.status != "active" or use.ended_unknown or use.end is not None:
        return False
    originals = [other for other in others if other.reference in use.derived_from]
    return all(
        other.status == "active" and not other.ended_unknown and (other.end is None or other.end.first >= as_of)
        for other in originals
    )


def _stopped(
    stop: MedicationUse, start: PartialDate | None, first: date | None, last: date, as_of: date
) -> tuple[date | None, date]:
    """The first and the last possible end of a supply, cut at a stop that falls, or may fall, into it."""
    ended = _stated_end(stop, as_of)
    begun = start.first if start is not None else date.min
    if ended is None:
        if stop.start is not None and stop.start.first > last:
            return first, last
        return (None if first is None or start is None else min(first, start.last)), last
    if ended.last <= begun or ended.first >= last:
        return first, last
    # A stop on the very day of the supply belongs to what was taken before it.
    return (min(first, ended.first) if first is not None else None), min(last, max(ended.last, begun))


def _unsure(which: str, when: PartialDate | None) -> list[str]:
    if when is None:
        return [f"no {which} date"]
    if when.exact:
        return []
    return [f"{which} date only to the {'year' if len(when.text) <= 4 else 'month'}"]
