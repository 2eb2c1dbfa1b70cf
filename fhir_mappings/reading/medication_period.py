"""When a medicine was taken, as far as one entry says. FHIR R4; an end is never guessed.

A prescription has no reliable end: its status says whether it is current, and its supply how far it reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from fhir_mappings.facts.clinical import Area, PartialDate
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes
from fhir_mappings.reading.timing import days_of

_LONGEST = 3660  # days; a longer supply is a slip
_MOST_REFILLS = 99


class Taken(NamedTuple):
    """`end` is the last day that is covered; it may lie ahead, as a plan. None: not known.

    `supplied`: the end is that of an order's supply or validity, and the order itself may run on.
    """

    start: PartialDate | None = None
    end: PartialDate | None = None
    supplied: bool = False


def of_statement(resource: Json, notes: Notes) -> Taken:
    """effectiveDateTime is a day on which it was taken; effectivePeriod says from when and until when."""
    if resource.get("effectiveDateTime") is not None:
        return Taken(_date(resource, resource["effectiveDateTime"], "effectiveDateTime", notes))
    return _period(resource, resource.get("effectivePeriod"), "effectivePeriod", notes)


def of_request(resource: Json, dosages: Sequence[Json], notes: Notes) -> Taken:
    """From the order on, or as the dosage is bounded; until its bounds, its supply with refills, or its validity."""
    bounds = _bounds(resource, dosages, notes)
    request = elements.mapping(resource.get("dispenseRequest"))
    validity = _period(resource, request.get("validityPeriod"), "validityPeriod", notes)
    ordered = _date(resource, resource.get("authoredOn"), "authoredOn", notes)
    start = bounds.start or ordered or validity.start
    days = days_of(request.get("expectedSupplyDuration"))
    supply = _after(start, days * (1 + _refills(request)) if days is not None else None)
    return Taken(start, bounds.end or supply or validity.end, supplied=bounds.end is None)


def _refills(request: Json) -> int:
    told = request.get("numberOfRepeatsAllowed")
    return told if isinstance(told, int) and 0 <= told <= _MOST_REFILLS else 0


def of_dispense(resource: Json, notes: Notes) -> Taken:
    """From the hand-over on, as long as the supply lasts. Without a unit daysSupply counts days, as its name says."""
    handed = _date(resource, resource.get("whenHandedOver"), "whenHandedOver", notes)
    prepared = _date(resource, resource.get("whenPrepared"), "whenPrepared", notes)
    start = handed or prepared
    supply = elements.mapping(resource.get("daysSupply"))
    bare = not supply.get("unit") and not supply.get("code")
    days = days_of({**supply, "code": "d"} if bare else supply)
    return Taken(start, _after(start, days))


def _after(start: PartialDate | None, days: int | None) -> PartialDate | None:
    """The last of so many days from a start on; None where either is not known."""
    if start is None or days is None or not 0 < days <= _LONGEST:
        return None
    more = timedelta(days=days - 1)
    last = start.last + more
    return PartialDate(text=last.isoformat(), first=start.first + more, last=last)


def _bounds(resource: Json, dosages: Sequence[Json], notes: Notes) -> Taken:
    """The bounds of a single dosage; several would have to be told apart."""
    if len(dosages) != 1:
        return Taken()
    repeat = elements.mapping(elements.mapping(dosages[0].get("timing")).get("repeat"))
    return _period(resource, repeat.get("boundsPeriod"), "boundsPeriod", notes)


def _period(resource: Json, period: object, element: str, notes: Notes) -> Taken:
    if period is None:
        return Taken()
    if not isinstance(period, dict):
        notes.gap(Area.MEDICATION, resource, f"{element} is not a period")
        return Taken()
    start = _date(resource, period.get("start"), f"{element}.start", notes)
    try:
        end = elements.partial_date(period.get("end"), f"{element}.end")
    except elements.Unreadable as problem:
        notes.gap(Area.MEDICATION, resource, str(problem))
        end = None
    if start is not None and end is not None and end.last < start.first:
        end = None  # it ends before it begins: which of the two is wrong nobody knows
    return Taken(start, end)


def _date(resource: Json, value: object, element: str, notes: Notes) -> PartialDate | None:
    return notes.date(Area.MEDICATION, resource, value, element)
