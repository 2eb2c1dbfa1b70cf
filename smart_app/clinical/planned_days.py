"""The table of planned dates: what is unusual about a date, and what keeps it from being one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fhir_mappings.facts.programme import ProgrammeDefinition
from smart_app.clinical.entry import NotUsable, day, readable

PAST_DAYS = 60
AHEAD_DAYS = 180
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """One line. `value` is as typed, else as planned; `remarks` are worth a look and bar nothing."""

    number: int
    field: str  # "day.1"
    value: str  # YYYY-MM-DD
    day: date | None  # None: empty or not readable
    remarks: tuple[str, ...] = ()
    fixed: bool = False  # it took place or is running: it cannot be moved any more


def day_field(number: int) -> str:
    return f"day.{number}"


def planned_days(
    values: Mapping[int, str], definition: ProgrammeDefinition, today: date, fixed: Mapping[int, date] | None = None
) -> tuple[PlannedDay, ...]:
    """The lines of `values` (number -> as typed) and `fixed` (number -> day), each with what is unusual about it."""
    done = fixed or {}
    lines: list[PlannedDay] = []
    first: date | None = None
    before: tuple[int, date] | None = None
    numbers = sorted({*values, *done})
    for number in numbers:
        on = done[number] if number in done else readable(day, values[number].strip())
        first = first or on
        whole = first if number == numbers[-1] else None
        movable = on is not None and number not in done
        lines.append(
            PlannedDay(
                number=number,
                field=day_field(number),
                value=on.isoformat() if number in done and on else values.get(number, ""),
                day=on,
                remarks=_remarks(on, before, whole, definition, today) if on is not None and movable else (),
                fixed=number in done,
            )
        )
        before = (number, on) if on is not None else before
    return tuple(lines)


def _remarks(
    on: date, before: tuple[int, date] | None, first: date | None, definition: ProgrammeDefinition, today: date
) -> tuple[str, ...]:
    """`first` is given for the last session: whether the course as a whole fits its window."""
    remarks = ["Weekend"] if on.weekday() >= _SATURDAY else []
    if on < today:
        remarks.append("In the past")
    if before is not None and on > before[1]:
        apart = on - before[1]
        if apart < timedelta(hours=definition.least_hours_apart):
            remarks.append(f"Less than {definition.least_hours_apart} hours after session {before[0]}")
        if apart.days > definition.longest_gap_days:
            remarks.append(f"More than {definition.longest_gap_days} days after session {before[0]}")
    if first is not None and definition.days is not None and on > first:
        lower, upper = definition.days
        if not lower <= (on - first).days <= upper:
            remarks.append(f"{(on - first).days} days in all: the programme takes {lower} to {upper}")
    return tuple(remarks)


def day_problems(lines: Sequence[PlannedDay], today: date) -> dict[str, str]:
    """What keeps the dates from being planned, by field."""
    problems: dict[str, str] = {}
    before: tuple[int, date] | None = None
    for line in lines:
        words = "" if line.fixed else _problem(line, before, today)
        if words:
            problems[line.field] = words
        if line.day is not None:
            before = (line.number, line.day)
    return problems


def _problem(line: PlannedDay, before: tuple[int, date] | None, today: date) -> str:
    if not line.value.strip():
        return f"Enter the date of session {line.number}."
    try:
        on = day(line.value.strip())
    except NotUsable as error:
        return str(error)
    if on < today - timedelta(days=PAST_DAYS):
        return f"This is more than {PAST_DAYS} days ago."
    if on > today + timedelta(days=AHEAD_DAYS):
        return f"This is more than {AHEAD_DAYS} days ahead."
    if before is not None and on <= before[1]:
        relation = "before" if on < before[1] else "on the same day as"
        return f"Session {line.number} is {relation} session {before[0]}."
    return ""
