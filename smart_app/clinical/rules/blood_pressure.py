"""Blood pressure: HOLD-BP, REV-BP-LABILE, CAU-BP-LABEL, URG-BP, MISS-BP and REV-HTN. Clinical content, 2.2 and 1b."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from fhir_mappings.facts.clinical import Area, BloodPressure
from smart_app.clinical.finding import Evidence, Kind, Verdict, could_not_look, met, not_enough_data, not_met
from smart_app.clinical.limits import Limits
from smart_app.clinical.question import Question, diagnosis_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureDay:
    """The readings of one calendar day; its value is their mean, each component on its own, not rounded."""

    day: date
    readings: tuple[BloodPressure, ...]

    def reaches(self, systolic: Decimal, diastolic: Decimal) -> bool:
        """Whether the day's mean is at or over one of the limits, or a reading of one component alone is.

        Means are compared as sums, so that nothing is rounded. A lone component fires by itself (1b): what it
        lacks cannot speak for the patient, so neither do the day's other readings.
        """
        above = [r.systolic for r in self.readings if r.systolic is not None]
        below = [r.diastolic for r in self.readings if r.diastolic is not None]
        return (
            (bool(above) and sum(above) >= systolic * len(above))
            or (bool(below) and sum(below) >= diastolic * len(below))
            or any(_lone(r, systolic, diastolic) for r in self.readings)
        )

    def exceeds(self, systolic: Decimal, diastolic: Decimal) -> bool:
        """Whether the day's mean is over one of the limits, not at it."""
        above = [r.systolic for r in self.readings if r.systolic is not None]
        below = [r.diastolic for r in self.readings if r.diastolic is not None]
        return sum(above) > systolic * len(above) or sum(below) > diastolic * len(below)

    @property
    def words(self) -> str:
        above = _mean([r.systolic for r in self.readings if r.systolic is not None])
        below = _mean([r.diastolic for r in self.readings if r.diastolic is not None])
        text = f"{above}/{below} mmHg"
        return f"{text}, mean of {len(self.readings)} readings" if len(self.readings) > 1 else text


@dataclass(frozen=True, slots=True, kw_only=True)
class PressureHistory:
    """The usable days of the last `pressure_max_days`, oldest first, and what is newer but unusable."""

    days: tuple[PressureDay, ...]
    unusable_since: tuple[BloodPressure, ...]

    @property
    def latest(self) -> PressureDay | None:
        return self.days[-1] if self.days else None


def history(readings: tuple[BloodPressure, ...], as_of: date, limits: Limits) -> PressureHistory:
    """Sort readings into usable days and unusable newer ones; those inside a session or standing are left out."""
    days: dict[date, list[BloodPressure]] = {}
    unusable: list[BloodPressure] = []
    ranges: list[tuple[date, BloodPressure]] = []
    for reading in readings:
        if reading.in_session or reading.standing:
            continue
        if reading.perhaps_standing and not _reaches(reading, limits.systolic, limits.diastolic):
            continue
        day = _usable_day(reading, as_of, limits)
        if day is not None and (as_of - day).days <= limits.pressure_max_days:
            days.setdefault(day, []).append(reading)
        elif day is None and (first := _first_day(reading, as_of)) is not None:
            ranges.append((first, reading))
        elif day is None:
            unusable.append(reading)
    newest = max(days, default=None)
    for first, reading in ranges:
        if (newest is None or first > newest) and (as_of - first).days <= limits.pressure_max_days:
            days.setdefault(first, []).append(reading)
    usable = tuple(PressureDay(day=day, readings=tuple(days[day])) for day in sorted(days))
    latest = usable[-1].day if usable else None
    return PressureHistory(days=usable, unusable_since=tuple(r for r in unusable if _newer(r, latest, as_of, limits)))


def _usable_day(reading: BloodPressure, as_of: date, limits: Limits) -> date | None:
    """The day a reading counts for; None for one that counts for no single day.

    One component at or over its limit counts alone. A failing reading whose day is not exact counts at the last
    day it may mean.
    """
    if reading.when is None:
        return None
    if _reaches(reading, limits.systolic, limits.diastolic):
        return min(reading.when.last, as_of)
    return reading.when.last if _whole(reading) and reading.when.exact else None


def _first_day(reading: BloodPressure, as_of: date) -> date | None:
    """The day at which a passing reading of several possible days (an average, a month) may count: its first."""
    when = reading.when
    if when is None or not _whole(reading) or when.last > as_of:
        return None
    return when.first


def _whole(reading: BloodPressure) -> bool:
    return reading.systolic is not None and reading.diastolic is not None and reading.problem is None


def _reaches(reading: BloodPressure, systolic: Decimal, diastolic: Decimal) -> bool:
    """Whether either component of a reading is at or over its limit."""
    above, below = reading.systolic, reading.diastolic
    return (above is not None and above >= systolic) or (below is not None and below >= diastolic)


def _lone(reading: BloodPressure, systolic: Decimal, diastolic: Decimal) -> bool:
    """Whether the only component of a reading is at or over its limit."""
    if reading.systolic is None:
        return reading.diastolic is not None and reading.diastolic >= diastolic
    return reading.diastolic is None and reading.systolic >= systolic


def _newer(reading: BloodPressure, newest: date | None, as_of: date, limits: Limits) -> bool:
    """Whether an unusable reading may be newer than the last usable day. The same day counts: a day's mean may
    not hide the reading that was damaged."""
    if reading.when is None:
        return True
    last = reading.when.last
    return last >= newest if newest is not None else (as_of - last).days <= limits.pressure_max_days


def _history(question: Question) -> PressureHistory:
    def build() -> PressureHistory:
        return history(question.facts.blood_pressures, question.as_of, question.limits)

    return question.once("pressure history", build)


def hold_bp(question: Question) -> Verdict:
    """The latest usable day is not below the limits."""
    limits, found = question.limits, _history(question)
    if found.latest is None:
        return not_enough_data("There is no blood pressure to judge by.", _unusable(found.unusable_since))
    days = (question.as_of - found.latest.day).days
    bound = f"{limits.systolic}/{limits.diastolic}"
    if found.latest.reaches(limits.systolic, limits.diastolic):
        return met(f"Not below {bound} on the latest day of readings ({_ago(days)}).", day_evidence(found.latest))
    if _cannot_pass(found, question):
        return not_enough_data("There is no current blood pressure to judge by.", day_evidence(found.latest))
    failed = _failing(found.days, limits)
    note = f"; {_days(len(failed))} of the last {limits.pressure_max_days} was not" if failed else ""
    return not_met(f"Below {bound} ({_ago(days)}){note}.", days_evidence((found.latest, *failed)))


def rev_bp_labile(question: Question) -> Verdict:
    """The latest day passes, but too many of the latest days do not."""
    limits, found = question.limits, _history(question)
    bound = f"{limits.systolic}/{limits.diastolic}"
    if found.latest is None:
        return not_enough_data("There is no blood pressure to judge by.", _unusable(found.unusable_since))
    if found.latest.reaches(limits.systolic, limits.diastolic):
        return not_met("The latest day itself is not below the limits: see HOLD-BP.", day_evidence(found.latest))
    last = found.days[-limits.labile_of :]
    failed = _failing(last, limits)
    if len(failed) >= limits.labile_failing:
        return met(
            f"Below {bound} on the latest day, but not on {len(failed)} of the last {len(last)} days of readings.",
            days_evidence(last),
        )
    if _cannot_pass(found, question):
        return not_enough_data("There is no current blood pressure to judge by.", days_evidence(last))
    return not_met(
        f"Not below {bound} on {len(failed)} of the last {len(last)} days of readings.", days_evidence(last)
    )


def cau_bp_label(question: Question) -> Verdict:
    """Below the clinic's limits and over those of the label: two limits, two operators."""
    limits, found = question.limits, _history(question)
    bound = f"{limits.label_systolic} systolic or {limits.label_diastolic} diastolic"
    if found.latest is None:
        return not_enough_data("There is no blood pressure to judge by.", _unusable(found.unusable_since))
    if found.latest.reaches(limits.systolic, limits.diastolic):
        return not_met("Not below the clinic's own limits: see HOLD-BP.", day_evidence(found.latest))
    if _cannot_pass(found, question):
        return not_enough_data("There is no current blood pressure to judge by.", day_evidence(found.latest))
    if found.latest.exceeds(limits.label_systolic, limits.label_diastolic):
        return met(f"Over {bound}: weigh a delay of the dose.", day_evidence(found.latest))
    return not_met(f"Not over {bound}.", day_evidence(found.latest))


def urg_bp(question: Question) -> Verdict:
    """Any reading of the last days that may need urgent care."""
    limits = question.limits
    urgent = tuple(
        reading
        for reading in question.facts.blood_pressures
        if _reaches(reading, limits.urgent_systolic, limits.urgent_diastolic)
        and not (reading.in_session or reading.standing)
        and (reading.when is None or reading.when.may_be_within(limits.urgent_days, question.as_of))
    )
    if not urgent:
        return not_met(
            f"No reading at or over {limits.urgent_systolic}/{limits.urgent_diastolic} in {limits.urgent_days} days."
        )
    return met(
        f"A reading at or over {limits.urgent_systolic} systolic or {limits.urgent_diastolic} diastolic.",
        tuple(e for reading in urgent for e in _reading_evidence(reading)),
        alert="Blood pressure in the range of a hypertensive crisis: consider urgent care.",
    )


def miss_bp(question: Question) -> Verdict:
    """No reading that could clear the patient: none, too old, or newer ones that cannot be used."""
    limits, found = question.limits, _history(question)
    if question.unread(Area.BLOOD_PRESSURE) and found.latest is None:
        return could_not_look(question.why_unread(Area.BLOOD_PRESSURE))
    if found.unusable_since:
        return met("The newest reading cannot be used.", _unusable(found.unusable_since))
    if found.latest is None:
        return met(f"No blood pressure in the last {limits.pressure_max_days} days.")
    days = (question.as_of - found.latest.day).days
    if days > limits.pressure_fresh_days and not found.latest.reaches(limits.systolic, limits.diastolic):
        return met(f"The latest blood pressure is {days} days old: repeat it.", day_evidence(found.latest))
    return not_met(f"The latest blood pressure is from {_ago(days)}.", day_evidence(found.latest))


def rev_htn(question: Question) -> Verdict:
    """Known hypertension with a passing blood pressure: treat, keep the usual medicines, watch closely."""
    diagnoses = question.active("hypertension")
    if not diagnoses:
        return not_met("No active hypertension on the problem list.")
    found = _history(question)
    if found.latest is None or found.latest.reaches(question.limits.systolic, question.limits.diastolic):
        return not_met("Hypertension is judged by the blood pressure itself.")
    if _cannot_pass(found, question):
        return not_enough_data(
            "Hypertension, and no current blood pressure to judge by.", diagnosis_evidence(diagnoses)
        )
    return met(
        "Hypertension, latest blood pressure below the limit: keep the usual medicines and monitor closely.",
        diagnosis_evidence(diagnoses),
        kind=Kind.CAUTION,
    )


def _cannot_pass(found: PressureHistory, question: Question) -> bool:
    latest = found.latest
    stale = latest is None or (question.as_of - latest.day).days > question.limits.pressure_fresh_days
    return stale or bool(found.unusable_since)


def _failing(days: Iterable[PressureDay], limits: Limits) -> tuple[PressureDay, ...]:
    return tuple(day for day in days if day.reaches(limits.systolic, limits.diastolic))


def _days(count: int) -> str:
    return "1 earlier day" if count == 1 else f"{count} earlier days"


def days_evidence(days: Iterable[PressureDay]) -> tuple[Evidence, ...]:
    """One line for each day, the latest first."""
    return tuple(line for day in sorted(days, key=lambda day: day.day, reverse=True) for line in day_evidence(day))


def day_evidence(day: PressureDay) -> tuple[Evidence, ...]:
    """One line for the day; the reference is that of its last reading."""
    last = max(day.readings, key=lambda r: (r.when is not None, r.when.sort_key if r.when else None, r.references))
    return (Evidence(reference=last.references[0], date=day.day.isoformat(), text=day.words),)


def _reading_evidence(reading: BloodPressure) -> tuple[Evidence, ...]:
    text = PressureDay(day=date.min, readings=(reading,)).words
    return (
        Evidence(reference=reading.references[0], date=reading.when.text[:10] if reading.when else "", text=text),
    )


def _unusable(readings: Iterable[BloodPressure]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            reference=reading.references[0],
            date=reading.when.text[:10] if reading.when else "",
            text=f"not usable: {reading.problem or 'only one component, or the day is not exact'}",
        )
        for reading in readings
    )


def _mean(values: Sequence[Decimal]) -> str:
    if not values:
        return "?"
    return f"{(sum(values, Decimal(0)) / len(values)).quantize(Decimal('0.01')).normalize():f}"


def _ago(days: int) -> str:
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
