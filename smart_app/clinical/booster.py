"""Whether a booster may be planned (clinical README 5): each condition met, not met or unknown, with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.programme import CourseStatus
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.clinical.programme import day_words
from smart_app.clinical.relapse import Relapse, Standing
from smart_app.clinical.units import plain


class State(StrEnum):
    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"
    ON_THE_DAY = "looked at on the day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`todo`: what to do where it is not met. `overridable`: a prescriber may decide against it, with a reason."""

    key: str
    words: str
    state: State
    evidence: str
    todo: str = ""
    overridable: bool = True

    @property
    def stands(self) -> bool:
        """Unknown is never met."""
        return self.state in {State.MET, State.ON_THE_DAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was asked or measured last. `clear` None: it cannot be judged."""

    day: date
    clear: bool | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """A blood pressure in mmHg with the day it was taken on."""

    day: date
    systolic: Decimal
    diastolic: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the patient before a booster. None: nothing is."""

    course: CourseStatus | None
    standing: str  # of the course, in words: "6 of 6 done"
    relapse: Relapse | None
    screened: date | None
    screened_as: str = ""  # after overrides
    pressure: Pressure | None = None
    last_dose: date | None = None  # here or elsewhere
    unread: bool = False  # the chart's lists of medicines could not be read, or not in full
    elsewhere: tuple[str, ...] = ()  # what speaks for ketamine from elsewhere
    urinary: Finding | None = None
    liver: Finding | None = None


def conditions(
    known: Known, *, on: date, today: date, limit: tuple[Decimal, Decimal], rules: MaintenanceRules
) -> tuple[Condition, ...]:
    """For a booster on the day `on`. `limit`: systolic and diastolic below which a session may begin, in mmHg."""
    return (
        _completed(known),
        _relapsed(known),
        _screened(known, on, rules),
        _pressure(known, on, today, limit),
        _spaced(known, on, rules),
        _urinary(known, on, rules),
        _liver(known, on, rules),
    )


def unmet(found: Sequence[Condition]) -> tuple[Condition, ...]:
    return tuple(each for each in found if not each.stands)


def barred(found: Sequence[Condition]) -> tuple[Condition, ...]:
    """What no reason can take the place of."""
    return tuple(each for each in unmet(found) if not each.overridable)


def _completed(known: Known) -> Condition:
    words = "The programme is completed"
    if known.course is None:
        return Condition(
            key="programme",
            words=words,
            state=State.UNKNOWN,
            evidence="No programme of this patient is kept in this app.",
            todo="Enrol the patient, or say why a booster is right.",
        )
    done = known.course is CourseStatus.COMPLETED
    return Condition(
        key="programme",
        words=words,
        state=State.MET if done else State.NOT_MET,
        evidence=f"{known.standing}; the course is {known.course.replace('-', ' ')}.",
        todo="" if done else "Complete the programme first, or say why a booster is right.",
    )


_LOST = {Standing.RELAPSE, Standing.LOST}


def _relapsed(known: Known) -> Condition:
    words, found = "A relapse or a loss of response is recorded", known.relapse
    if found is None or (found.standing is Standing.NO_RESPONSE and found.best is None):
        return Condition(
            key="relapse",
            words=words,
            state=State.UNKNOWN,
            evidence=found.words if found is not None else "There are no scores of a course to judge by.",
            todo="Record a score, or declare the relapse under Outcomes.",
        )
    if found.standing in _LOST:
        return Condition(key="relapse", words=words, state=State.MET, evidence=found.words)
    todo = "Take the second score in time." if found.confirm else "Nothing was lost: no booster is asked for."
    return Condition(key="relapse", words=words, state=State.NOT_MET, evidence=found.words, todo=todo)


_SCREENED = {"candidate": "No exclusion found", "needs-review": "Needs review"}
_UNDECIDED = {"insufficient-data": "Not enough data"}
_FORBIDDEN = {"contraindicated": "Contraindicated", "hold": "Not now", "no-indication": "No indication found"}


def _screened(known: Known, on: date, rules: MaintenanceRules) -> Condition:
    """Not to be overridden here: a finding is overridden on the screening page, where what it rests on is seen."""
    words = f"A full screening of the last {rules.screening_days} days allows it"
    said = (_SCREENED | _UNDECIDED | _FORBIDDEN).get(known.screened_as, known.screened_as)
    if known.screened is None:
        state, evidence = State.UNKNOWN, "The patient was not screened."
    else:
        days = (on - known.screened).days
        evidence = f"{said}, on {day_words(known.screened)}."
        fresh = 0 <= days <= rules.screening_days
        if known.screened_as in _SCREENED and fresh:
            return Condition(key="screening", words=words, state=State.MET, evidence=evidence, overridable=False)
        if known.screened_as in _FORBIDDEN and fresh:
            state = State.NOT_MET
        else:
            state = State.UNKNOWN
            evidence += "" if fresh else f" That is {days} days before the booster."
    todo = "Screen again. A finding is overridden on the screening page."
    return Condition(key="screening", words=words, state=state, evidence=evidence, todo=todo, overridable=False)


def _pressure(known: Known, on: date, today: date, limit: tuple[Decimal, Decimal]) -> Condition:
    systolic, diastolic = limit
    words = f"Blood pressure of the day is below {plain(systolic)}/{plain(diastolic)} mmHg"
    if on > today:
        return Condition(
            key="pressure",
            words=words,
            state=State.ON_THE_DAY,
            evidence="Screening and blood pressure are asked for on the day, before the dose.",
        )
    found = known.pressure
    if found is None or found.day != on:
        last = f" The last is of {day_words(found.day)}." if found is not None else ""
        return Condition(
            key="pressure",
            words=words,
            state=State.UNKNOWN,
            evidence=f"No blood pressure of {day_words(on)} is known; those taken in a session do not count.{last}",
            todo="Measure it and enter it, or plan the booster for a later day.",
        )
    below = found.systolic < systolic and found.diastolic < diastolic
    return Condition(
        key="pressure",
        words=words,
        state=State.MET if below else State.NOT_MET,
        evidence=f"{plain(found.systolic)}/{plain(found.diastolic)} mmHg on {day_words(found.day)} ({found.source}).",
        todo="" if below else "Wait until it is lower, and measure again.",
    )


def _spaced(known: Known, on: date, rules: MaintenanceRules) -> Condition:
    least = rules.least_days_since_dose
    words = f"The last dose is at least {least} days ago"
    if known.last_dose is None:
        state, evidence = State.UNKNOWN, "No dose is on record."
    else:
        days = (on - known.last_dose).days
        evidence = f"Last dose on {day_words(known.last_dose)}, {days} days before."
        state = State.MET if days >= least else State.NOT_MET
    if known.unread or known.elsewhere:
        state = State.UNKNOWN if state is State.MET else state
        evidence += " " + (" ".join(known.elsewhere) or "The lists of medicines in the chart were not read in full.")
    todo = {
        State.NOT_MET: "Plan a later day.",
        State.UNKNOWN: "Screen again so that the chart is read, and ask the patient.",
    }.get(state, "")
    return Condition(key="spacing", words=words, state=state, evidence=evidence, todo=todo)


def _urinary(known: Known, on: date, rules: MaintenanceRules) -> Condition:
    return _looked_at(
        "urinary",
        f"Urinary symptoms were asked about in the last {rules.urinary_days} days, and there are none",
        known.urinary,
        on,
        rules.urinary_days,
        "Ask the patient and record the answer.",
    )


def _liver(known: Known, on: date, rules: MaintenanceRules) -> Condition:
    return _looked_at(
        "liver",
        f"Liver values of the last {rules.liver_days} days are not far over their limit",
        known.liver,
        on,
        rules.liver_days,
        "Have ALT and AST taken, and enter them.",
    )


def _looked_at(key: str, words: str, found: Finding | None, on: date, days: int, todo: str) -> Condition:
    if found is None:
        return Condition(key=key, words=words, state=State.UNKNOWN, evidence="Nothing is on record.", todo=todo)
    age = (on - found.day).days
    evidence = f"{found.words} ({day_words(found.day)})."
    if found.clear is False:  # an old finding stays until it is looked at again
        return Condition(key=key, words=words, state=State.NOT_MET, evidence=evidence, todo="Settle this first.")
    if found.clear is None or not 0 <= age <= days:
        evidence += "" if 0 <= age <= days else f" That is {age} days before."
        return Condition(key=key, words=words, state=State.UNKNOWN, evidence=evidence, todo=todo)
    return Condition(key=key, words=words, state=State.MET, evidence=evidence)
