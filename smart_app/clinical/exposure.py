"""How much ketamine a patient has had, and when what is watched is due again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from smart_app.clinical.booster import Finding
from smart_app.clinical.maintenance_rules import MaintenanceRules

QUARTER_DAYS = 90
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One session in which a dose was given, whether it counted for its plan or not."""

    day: date
    mg: Decimal
    booster: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Sessions of this app, limits of each span included. Doses that the patient takes alone are not in it."""

    quarter: int  # sessions in 90 days
    year: int  # in 12 months
    lifetime: int
    mg: Decimal  # in all, as the amounts were entered
    year_mg: Decimal
    boosters: int  # in 30 days
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """`last` None: never looked at, so it is due at once. `due` None: nothing was given yet."""

    words: str
    every: int  # days
    last: Finding | None
    due: date | None
    overdue: bool


def exposure(given: Sequence[Given], today: date, rules: MaintenanceRules) -> Exposure:
    past = [each for each in given if each.day <= today]
    quarter = _within(past, today - timedelta(days=QUARTER_DAYS))
    year = _within(past, year_before(today))
    boosters = [each for each in _within(past, today - timedelta(days=MONTH_DAYS)) if each.booster]
    warnings = []
    if len(quarter) > rules.most_sessions:
        warnings.append(f"{len(quarter)} sessions in {QUARTER_DAYS} days: more than {rules.most_sessions}.")
    if len(boosters) > rules.most_boosters:
        warnings.append(f"{len(boosters)} boosters in {MONTH_DAYS} days: more than {rules.most_boosters}.")
    return Exposure(
        quarter=len(quarter),
        year=len(year),
        lifetime=len(past),
        mg=_sum(past),
        year_mg=_sum(year),
        boosters=len(boosters),
        warnings=tuple(warnings),
    )


def reminders(
    given: Sequence[Given], urinary: Finding | None, liver: Finding | None, today: date, rules: MaintenanceRules
) -> tuple[Reminder, ...]:
    """What is asked and taken again and again from the first dose on."""
    first = min((each.day for each in given), default=None)
    return (
        _reminder("Urinary symptoms asked about", rules.urinary_days, urinary, first, today),
        _reminder("Liver values (ALT, AST)", rules.liver_days, liver, first, today),
    )


def year_before(today: date) -> date:
    """The same day a year ago; 28 February for the 29th."""
    try:
        return today.replace(year=today.year - 1)
    except ValueError:
        return today.replace(year=today.year - 1, day=28)


def _reminder(words: str, every: int, last: Finding | None, first: date | None, today: date) -> Reminder:
    known = last if last is not None and last.clear is not None else None
    if known is not None:
        due: date | None = known.day + timedelta(days=every)
    else:
        due = first
    return Reminder(words=words, every=every, last=last, due=due, overdue=due is not None and due < today)


def _within(given: Sequence[Given], first: date) -> list[Given]:
    return [each for each in given if each.day >= first]


def _sum(given: Sequence[Given]) -> Decimal:
    return sum((each.mg for each in given), Decimal(0))
