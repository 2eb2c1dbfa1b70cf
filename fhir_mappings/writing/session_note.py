"""A session in plain words, part by part: page, printed note and the note of its Procedure show the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from fhir_mappings.facts.treatment import (
    AdverseEvent,
    Answer,
    Check,
    Dose,
    Draw,
    EventOutcome,
    InfusionChange,
    KetamineSession,
    Moment,
    Reading,
    Rescue,
    SecondPerson,
    SessionStatus,
    Severity,
    Signature,
)
from fhir_mappings.writing.datatypes import plain
from fhir_mappings.writing.terminology import ROUTE, session_title

_ANSWERS = {Answer.YES: "yes", Answer.NO: "no", Answer.NOT_APPLICABLE: "not applicable"}
_HOW_IT_ENDED = {
    SessionStatus.COMPLETED: "Completed",
    SessionStatus.STOPPED: "Stopped early",
    SessionStatus.NOT_DONE: "Not done",
    SessionStatus.ENTERED_IN_ERROR: "Entered in error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a note. Within its section the name says what it is, so that two notes can be compared."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The same facts as a table, where pages and printed notes have room for one. Units stand in the columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a note. `remark` stands in place of facts where their absence says something."""

    title: str
    facts: tuple[Fact, ...] = ()
    remark: str = ""
    grid: Grid | None = None


def session_note(session: KetamineSession) -> str:
    """The whole session as text that stands alone, with every time in the zone of its start."""
    title = session_title(session.route, session.number, session.of, session.purpose)
    lines = (plain(line) for section in note_sections(session) for line in _as_text(section))
    return "\n".join((f"{title}.", *lines))


def note_sections(session: KetamineSession) -> tuple[Section, ...]:
    """Everything that a signed session says, in the order it is read. Parts that hold nothing are left out."""
    found = (
        Section(title="Session", facts=tuple(_outline(session))),
        Section(title="Ended early", facts=tuple(_stop(session))),
        Section(title="Before the dose", facts=tuple(_checks(session, session.checks))),
        Section(title="Dose", facts=tuple(_dose(session))),
        Section(title="Infusion", facts=tuple(_infusion(session))),
        _readings(session),
        Section(title="Rescue medicines", facts=tuple(_rescue(session, each) for each in session.rescues)),
        Section(
            title="Adverse events",
            facts=tuple(_event(session, event) for event in session.events),
            remark="none recorded" if session.dose is not None and not session.events else "",
        ),
        Section(title="Notes", facts=tuple(_notes(session))),
        Section(title="Struck out", facts=tuple(_struck(session))),
        Section(title="At discharge", facts=tuple(_discharge(session))),
        Section(title="Psychotherapy", facts=tuple(_checks(session, session.therapy))),
        Section(title="Entered later", facts=tuple(_late(session))),
        Section(title="Addenda", facts=tuple(_addenda(session))),
        Section(title="Signature", facts=tuple(_signed(session))),
    )
    return tuple(section for section in found if section.facts or section.remark)


def _as_text(section: Section) -> Iterator[str]:
    yield f"{section.title}: {section.remark}." if section.remark else f"{section.title}:"
    yield from (f"- {fact.name}: {fact.value}" for fact in section.facts)


def clock_time(session: KetamineSession, at: datetime) -> str:
    """The time of day as the people in the room read it; with its date when that is another day."""
    local = at.astimezone(session.started.tzinfo)
    same_day = local.date() == session.started.date()
    return f"{local:%H:%M}" if same_day else f"{day_words(local.date())} {local:%H:%M}"


def day_words(on: date) -> str:
    """20 Nov 2026: no reader takes the day for the month."""
    return f"{on:%d %b %Y}"


def stamp(at: datetime) -> str:
    """A time that is read far from where it was taken: 20 Nov 2026 16:05:00 (UTC-05:00)."""
    return f"{day_words(at.date())} {at:%H:%M:%S} (UTC{at.isoformat()[-6:]})"


def number(value: Decimal) -> str:
    """A Decimal in plain digits, exactly as many as it has."""
    return format(value, "f")


def dose_words(dose: Dose) -> str:
    """Drug, amount, route and what the amount was worked out from; the text of the dosage too."""
    words = f"{dose.drug.value.capitalize()} {number(dose.given_mg)} mg, {ROUTE[dose.route]['text'].lower()}"
    if dose.sprays is not None:
        words += f", {dose.sprays} sprays"
    if dose.given_mg != dose.planned_mg:
        words += f" (planned {number(dose.planned_mg)} mg)"
    if dose.mg_per_kg is not None and dose.weighing is not None:
        weighing = dose.weighing
        words += (
            f", {number(dose.mg_per_kg)} mg/kg for {number(weighing.kilograms)} kg"
            f" weighed {day_words(weighing.day)} ({plain(weighing.source)})"
        )
    return words


def late_words(session: KetamineSession, what: str, moment: Moment) -> str | None:
    """Says when a time was typed in afterwards; None: it was entered as it happened."""
    if not moment.late:
        return None
    return f"{what} {clock_time(session, moment.at)}: entered later, at {clock_time(session, moment.entered)}."


def signature_words(signature: Signature) -> str:
    """21 CFR 11.50: printed name, time with its offset, meaning; and how the signer proved to be there (11.200)."""
    words = f"{signature.by.name}, {stamp(signature.at)}, {signature.meaning}"
    return f"{words}, signed in again {stamp(signature.signed_in)}" if signature.signed_in else words


def _outline(session: KetamineSession) -> Iterator[Fact]:
    start, day = clock_time(session, session.started), day_words(session.started.date())
    if session.status is SessionStatus.NOT_DONE:
        when = f"was planned for {day} {start}" if session.stop is None else f"{day}, ended at {start} without a dose"
        yield Fact(name="Not done", value=when)
    else:
        end = clock_time(session, session.ended)
        yield Fact(name=_HOW_IT_ENDED[session.status], value=f"{day} {start} to {end}, {session.place}")
    if session.reason:
        yield Fact(name="Reason", value=session.reason)


def _stop(session: KetamineSession) -> Iterator[Fact]:
    stop = session.stop
    if stop is None:
        return
    yield Fact(name="Ended", value=f"{clock_time(session, stop.at)}, recorded by {stop.by.name}")
    yield Fact(name="Because of", value=": ".join(filter(None, (stop.cause, stop.words))))
    yield Fact(name="Disposition", value=stop.disposition)
    if stop.handed_at is not None:
        taken = f"{stop.handed_to}, {clock_time(session, stop.handed_at)}, {stop.destination}"
        yield Fact(name="Handed over to", value=taken)
    yield Fact(name="Told", value=stop.told)
    if session.status is SessionStatus.NOT_DONE:
        new_day = day_words(stop.rescheduled) if stop.rescheduled is not None else "not decided"
        yield Fact(name="New date", value=new_day)


def _checks(session: KetamineSession, checks: tuple[Check, ...]) -> Iterator[Fact]:
    for check in checks:
        beside = "; ".join((*check.details, *([check.note] if check.note else [])))
        note = f" ({beside})" if beside else ""
        who = f"{check.by.name} {clock_time(session, check.at)}"
        yield Fact(name=check.text, value=f"{_ANSWERS[check.answer]}{note}, {who}")


def _dose(session: KetamineSession) -> Iterator[Fact]:
    dose = session.dose
    if dose is None:
        return
    yield Fact(name="Given", value=dose_words(dose) + ("" if dose.completed else ", stopped early"))
    when = clock_time(session, dose.started.at)
    if dose.ended is not None:
        when += f" to {clock_time(session, dose.ended.at)}"
    yield Fact(name="Time", value=when)
    yield Fact(name="Given by", value=dose.given_by.name)
    product = _product(dose)
    if product:
        yield Fact(name="Product", value=", ".join(product))
    for draw in dose.draws:
        yield Fact(name=f"Vial {draw.number}", value=_draw(draw))
    if dose.expired_reason:
        yield Fact(name="Why an expired vial was used", value=dose.expired_reason)
    if dose.checked_by is not None:
        yield Fact(name="Checked before the dose by", value=_second_person(session, dose.checked_by))
    if dose.wasted_mg is not None:
        method = f", {dose.waste_method}" if dose.waste_method else ""
        yield Fact(name="Wasted", value=f"{number(dose.wasted_mg)} mg{method}")
    if dose.witness is not None:
        yield Fact(name="Waste seen by", value=_second_person(session, dose.witness))
    if dose.second_person and dose.checked_by is None:
        yield Fact(name="Second person", value=dose.second_person)


def _draw(draw: Draw) -> str:
    drawn = draw.given_mg + draw.wasted_mg
    product = f"{draw.product}, " if draw.product else ""
    return f"{product}lot {draw.lot}, expires {draw.expiry}, {number(drawn)} mg drawn"


def _second_person(session: KetamineSession, who: SecondPerson) -> str:
    if who.at is None:
        return f"{who.name}, name typed"
    return f"{who.name}, signed in, {clock_time(session, who.at)}"


def _product(dose: Dose) -> list[str]:
    parts = []
    if dose.concentration_mg_per_ml is not None:
        parts.append(f"{number(dose.concentration_mg_per_ml)} mg/mL")
    if dose.volume_ml is not None:
        parts.append(f"{number(dose.volume_ml)} mL")
    if dose.lot and not dose.draws:
        parts.append(f"lot {dose.lot}")
    if dose.expiry and not dose.draws:
        parts.append(f"expires {dose.expiry}")
    if dose.body_site:
        parts.append(f"site {dose.body_site}")
    return parts


_COLUMNS = ("Time", "Min", "BP mmHg", "HR /min", "SpO\N{SUBSCRIPT TWO} %", "RR /min", "MOAA/S", "Dissoc.", "By")


def _readings(session: KetamineSession) -> Section:
    standing = [reading for reading in session.readings if reading.struck is None]
    return Section(
        title="Readings",
        facts=tuple(_reading(session, reading) for reading in standing),
        grid=Grid(columns=_COLUMNS, rows=tuple(_row(session, reading) for reading in standing)),
    )


def _reading(session: KetamineSession, reading: Reading) -> Fact:
    return Fact(name=_reading_time(session, reading), value=reading_words(reading))


def reading_words(reading: Reading) -> str:
    """What was measured, with units: "blood pressure 128/78 mmHg, heart rate 70/min"."""
    parts = []
    if reading.systolic is not None or reading.diastolic is not None:
        parts.append(f"blood pressure {_pressure(reading)} mmHg")
    if reading.heart_rate is not None:
        parts.append(f"heart rate {number(reading.heart_rate)}/min")
    if reading.oxygen_saturation is not None:
        parts.append(f"SpO2 {number(reading.oxygen_saturation)} %")
    if reading.respiratory_rate is not None:
        parts.append(f"respiratory rate {number(reading.respiratory_rate)}/min")
    if reading.sedation is not None:
        parts.append(f"sedation MOAA/S {reading.sedation}")
    if reading.dissociation is not None:
        parts.append(f"dissociation {reading.dissociation} of 4")
    return ", ".join(parts) or "nothing measured"


def _pressure(reading: Reading) -> str:
    values = (reading.systolic, reading.diastolic)
    return "/".join("not measured" if value is None else number(value) for value in values)


def _reading_time(session: KetamineSession, reading: Reading) -> str:
    return clock_time(session, reading.measured.at) + (" (before the dose)" if reading.baseline else "")


def _row(session: KetamineSession, reading: Reading) -> tuple[str, ...]:
    minutes = ""
    if session.dose is not None:
        since = reading.measured.at.timestamp() - session.dose.started.at.timestamp()
        minutes = str(int(since // 60))
    measured = (reading.heart_rate, reading.oxygen_saturation, reading.respiratory_rate)
    graded = (reading.sedation, reading.dissociation)
    return (
        _reading_time(session, reading),
        minutes,
        _pressure(reading) if (reading.systolic, reading.diastolic) != (None, None) else "",
        *("" if value is None else number(value) for value in measured),
        *("" if grade is None else str(grade) for grade in graded),
        reading.by.name,
    )


_OUTCOMES = {
    EventOutcome.RESOLVED: "resolved",
    EventOutcome.RECOVERING: "recovering",
    EventOutcome.ONGOING: "ongoing",
    EventOutcome.SEQUELAE: "resolved with lasting effects",
    EventOutcome.FATAL: "fatal",
    EventOutcome.UNKNOWN: "unknown",
}
_GRADES = {Severity.MILD: 1, Severity.MODERATE: 2, Severity.SEVERE: 3}


def _event(session: KetamineSession, event: AdverseEvent) -> Fact:
    parts = [f"{event.severity} ({_GRADES[event.severity]} of 3)"]
    if session.dose is not None:
        parts.append(f"{_minutes(session.dose.started.at, event.onset.at)} min from the dose")
    if event.serious is not None:
        parts.append("serious" if event.serious else "not serious")
    if event.action:
        parts.append(f"action: {event.action}")
    if event.resolved:
        lasted = _minutes(event.onset.at, event.resolved)
        parts.append(f"resolved {clock_time(session, event.resolved)} after {lasted} min")
    else:
        parts.append("not resolved when signed")
    if event.outcome is not None:
        parts.append(f"outcome: {_OUTCOMES[event.outcome]}")
    return Fact(name=f"{clock_time(session, event.onset.at)} {event.text}", value=", ".join(parts))


def _minutes(since: datetime, until: datetime) -> int:
    return int((until.timestamp() - since.timestamp()) // 60)


_CHANGED = {
    InfusionChange.STARTED: "started",
    InfusionChange.PAUSED: "paused",
    InfusionChange.RESUMED: "resumed",
    InfusionChange.STOPPED: "stopped",
}


def _infusion(session: KetamineSession) -> Iterator[Fact]:
    for event in session.infusion:
        rate = "" if event.rate is None else f"rate {number(event.rate)} {event.unit}"
        words = _CHANGED.get(event.change, rate)
        yield Fact(name=f"{clock_time(session, event.at.at)} {event.by.name}", value=words)
    if session.dose is not None and session.dose.minutes_running is not None:
        yield Fact(name="Ran", value=f"{session.dose.minutes_running} min without its pauses")


def rescue_words(rescue: Rescue) -> str:
    """Drug, amount and route; the text of its dosage too."""
    return f"{rescue.text} {number(rescue.amount)} {rescue.unit}, {rescue.route.lower()}"


def rescue_aftermath(session: KetamineSession, rescue: Rescue) -> str:
    """What was seen of it and when; empty: nothing was entered."""
    seen = f" at {clock_time(session, rescue.effect_at)}" if rescue.effect_at else ""
    return f"Effect{seen}: {rescue.effect}." if rescue.effect else ""


def _rescue(session: KetamineSession, rescue: Rescue) -> Fact:
    reason = f", for {rescue.reason}" if rescue.reason else ""
    effect = rescue_aftermath(session, rescue) or "No effect entered."
    name = f"{clock_time(session, rescue.given.at)} {rescue.by.name}"
    return Fact(name=name, value=f"{rescue_words(rescue)}{reason}. {effect}")


def _notes(session: KetamineSession) -> Iterator[Fact]:
    for note in session.notes:
        yield Fact(name=f"{clock_time(session, note.at)} {note.by.name}", value=note.text)


def _struck(session: KetamineSession) -> Iterator[Fact]:
    """Lines that count for nothing any more: they stay readable, with who struck them out, when and why.

    A record that keeps its readings alone was signed before the other kinds were kept; its words stay as they were.
    """
    for line in session.struck:
        by = f" by {line.struck_by.name}" if line.struck_by is not None else ""
        when = f" at {clock_time(session, line.struck_at)}" if line.struck_at is not None else ""
        name = f"{line.kind} {clock_time(session, line.at)} {line.by.name}"
        yield Fact(name=name, value=f"{line.words}. Struck out{by}{when}: {line.reason}")
    if session.struck:
        return
    for reading in session.readings:
        if reading.struck is not None:
            fact = _reading(session, reading)
            by = f" by {reading.struck_by.name}" if reading.struck_by is not None else ""
            yield Fact(name=f"Reading {fact.name}", value=f"{fact.value}. Struck out{by}: {reading.struck}")


def _discharge(session: KetamineSession) -> Iterator[Fact]:
    yield from _checks(session, session.discharge)
    if session.escort:
        yield Fact(name="Escort", value=session.escort)


def _late(session: KetamineSession) -> Iterator[Fact]:
    moments: list[tuple[str, Moment]] = []
    if session.dose is not None:
        moments.append(("Dose started", session.dose.started))
        if session.dose.ended is not None:
            moments.append(("Dose ended", session.dose.ended))
    moments += [("Reading", reading.measured) for reading in session.readings if reading.struck is None]
    moments += [(f"Event {event.text}", event.onset) for event in session.events]
    moments += [("Infusion event", event.at) for event in session.infusion]
    moments += [(rescue.text, rescue.given) for rescue in session.rescues]
    for what, moment in moments:
        if moment.late:
            name = f"{what} {clock_time(session, moment.at)}"
            yield Fact(name=name, value=f"entered later, at {clock_time(session, moment.entered)}")


def _addenda(session: KetamineSession) -> Iterator[Fact]:
    for addendum in session.addenda:
        yield Fact(name=f"{stamp(addendum.at)} {addendum.by.name}", value=addendum.text)


def _signed(session: KetamineSession) -> Iterator[Fact]:
    if session.version > 1:
        yield Fact(name="Version", value=str(session.version))
        yield Fact(name="Added because" if session.only_added else "Amended because", value=session.amended)
    yield Fact(name="Signed by", value=signature_words(session.signature))
