"""Doses taken alone: when the next review and blood pressure are due, and which days were reported (README 4, 5)."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import count

from fhir_mappings.facts.titration import DoseLog, Taken, TitrationStep
from smart_app.clinical.maintenance_rules import MaintenanceRules

WEEK_DAYS = 7
MOST_WEEKS = 13  # of the grid

NOTICE = (
    "FDA alerts of February 2022 and October 2023: compounded ketamine is not approved for any psychiatric disorder. "
    "Taken at home without monitoring it may sedate, dissociate, raise blood pressure, slow breathing, harm the "
    "bladder and be misused."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    day: date
    words: str  # "Review of month 3"
    overdue: bool


def months_after(start: date, months: int) -> date:
    """The same day of a later month; its last day where it has no such day."""
    month = start.month - 1 + months
    year, month = start.year + month // 12, month % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def review_months(rules: MaintenanceRules) -> Iterator[int]:
    yield from rules.review_months
    every = rules.review_every_months
    yield from count(rules.review_months[-1] + every, every)


def reviews_words(rules: MaintenanceRules) -> str:
    *first, last = map(str, rules.review_months)
    every = "month" if rules.review_every_months == 1 else f"{rules.review_every_months} months"
    return f"Due after {', '.join(first)} and {last} months, then every {every}."


def next_review(start: date, reviewed: Collection[date], today: date, rules: MaintenanceRules) -> Due:
    """The first date of the schedule for which no review was made: the latest review stands for all before it."""
    last = max(reviewed, default=None)
    for months in review_months(rules):
        day = months_after(start, months)
        if last is None or day > last + timedelta(days=rules.review_early_days):
            return Due(day=day, words=f"Review of month {months}", overdue=day < today)
    raise AssertionError("the schedule has no end")


def pressures_words(rules: MaintenanceRules) -> str:
    often = "weekly" if rules.pressure_days == WEEK_DAYS else f"every {rules.pressure_days} days"
    often = "daily" if rules.pressure_days == 1 else often
    first = "month" if rules.pressure_months == 1 else f"{rules.pressure_months} months"
    return f"{often} in the first {first}, then monthly"


def next_pressure(start: date, measured: Collection[date], today: date, rules: MaintenanceRules) -> Due:
    """Often at first, then once a month; counted from the last one since the start."""
    last = max((day for day in measured if start <= day <= today), default=start)
    soon, until = last + timedelta(days=rules.pressure_days), months_after(start, rules.pressure_months)
    day = soon if soon <= until else max(months_after(last, 1), until)
    return Due(day=day, words="Blood pressure", overdue=day < today)


def step_on(steps: Sequence[TitrationStep], day: date) -> TitrationStep | None:
    """What was ordered for a day; None: nothing was."""
    found = [each for each in steps if each.first <= day and (each.last is None or day <= each.last)]
    return found[-1] if found else None


class Mark(StrEnum):
    """What is known of one day of the grid."""

    OBSERVED = "observed"  # at the clinic
    TAKEN = "taken"
    PARTLY = "partly"  # on some days of its span
    SKIPPED = "skipped"
    NONE = "no entry"
    OUTSIDE = ""  # before the start, or still to come


_MARKS = {Taken.ALL: Mark.TAKEN, Taken.PARTLY: Mark.PARTLY, Taken.NONE: Mark.SKIPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """From Monday on."""

    first: date
    marks: tuple[Mark, ...]  # seven


@dataclass(frozen=True, slots=True, kw_only=True)
class Adherence:
    """As the patient said. `words` is "Taken on 20 of 28 reported days. No entry for 5 days." """

    weeks: tuple[Week, ...]  # newest first
    taken: int
    reported: int
    silent: int  # days without an entry
    words: str


def adherence(logs: Sequence[DoseLog], observed: Collection[date], start: date, end: date) -> Adherence:
    """From the start to `end`, which is included. Of two entries for a day the later one stands."""
    of_day = {day: log for log in logs for day in _days(log.first, log.last) if start <= day <= end}
    standing = {log.id: log for log in of_day.values()}
    reported = len(of_day)
    missed = sum(_missed(log, sum(one is log for one in of_day.values())) for log in standing.values())
    all_days = list(_days(start, end))
    silent = sum(day not in of_day and day not in observed for day in all_days)
    taken = reported - missed
    words = f"Taken on {taken} of {reported} reported days." if reported else "No day was reported yet."
    if silent:
        words += f" No entry for {silent} {'day' if silent == 1 else 'days'}."
    return Adherence(
        weeks=_weeks(of_day, observed, start, end), taken=taken, reported=reported, silent=silent, words=words
    )


def _missed(log: DoseLog, standing_days: int) -> int:
    """Of the days for which an entry stands: all of what it says was missed, as far as it fits."""
    return standing_days if log.taken is Taken.NONE else min(log.missed, standing_days)


def _weeks(of_day: dict[date, DoseLog], observed: Collection[date], start: date, end: date) -> tuple[Week, ...]:
    monday = end - timedelta(days=end.weekday())
    weeks: list[Week] = []
    while monday + timedelta(days=WEEK_DAYS) > start and len(weeks) < MOST_WEEKS:
        days = (monday + timedelta(days=number) for number in range(WEEK_DAYS))
        weeks.append(Week(first=monday, marks=tuple(_mark(day, of_day, observed, start, end) for day in days)))
        monday -= timedelta(days=WEEK_DAYS)
    return tuple(weeks)


def _mark(day: date, of_day: dict[date, DoseLog], observed: Collection[date], start: date, end: date) -> Mark:
    if day in observed:
        return Mark.OBSERVED
    if not start <= day <= end:
        return Mark.OUTSIDE
    return _MARKS[of_day[day].taken] if day in of_day else Mark.NONE


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
