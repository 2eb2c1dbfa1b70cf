"""A session in plain words: the note of its Procedure, which stands alone in a chart that shows nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from fhir_mappings.facts.treatment import (
    AdverseEvent,
    Answer,
    Check,
    Dose,
    KetamineSession,
    Moment,
    Reading,
    SessionStatus,
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


def session_note(session: KetamineSession) -> str:
    """The whole session, a line each, with every time in the zone of its start."""
    return "\n".join(plain(line) for line in _lines(session))


def clock_time(session: KetamineSession, at: datetime) -> str:
    """The time of day as the people in the room read it; with its date when that is another day."""
    local = at.astimezone(session.started.tzinfo)
    same_day = local.date() == session.started.date()
    return local.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")


def number(value: Decimal) -> str:
    """A Decimal in plain digits, exactly as many as it has."""
    return format(value, "f")


def dose_words(dose: Dose) -> str:
    """Drug, amount, route and what the amount was worked out from; the text of the dosage too."""
    words = f"Ketamine {number(dose.given_mg)} mg, {ROUTE[dose.route]['text'].lower()}"
    if dose.given_mg != dose.planned_mg:
        words += f" (planned {number(dose.planned_mg)} mg)"
    if dose.mg_per_kg is not None and dose.weighing is not None:
        weighing = dose.weighing
        words += (
            f", {number(dose.mg_per_kg)} mg/kg for {number(weighing.kilograms)} kg"
            f" weighed {weighing.day.isoformat()} ({plain(weighing.source)})"
        )
    return words


def late_words(session: KetamineSession, what: str, moment: Moment) -> str | None:
    """Says when a time was typed in afterwards; None: it was entered as it happened."""
    if not moment.late:
        return None
    return f"{what} {clock_time(session, moment.at)}: entered later, at {clock_time(session, moment.entered)}."


def _lines(session: KetamineSession) -> Iterator[str]:
    yield f"{session_title(session.route, session.number, session.of)}. {_outline(session)}"
    if session.reason:
        yield f"Reason: {session.reason}"
    yield from _checks("Before the dose", session.checks)
    if session.dose is not None:
        yield from _dose(session, session.dose)
    standing = [reading for reading in session.readings if reading.struck is None]
    if standing:
        yield "Readings:"
        yield from (_reading(session, reading) for reading in standing)
    if session.dose is not None:
        yield "Adverse events:" if session.events else "Adverse events: none recorded."
    yield from (_event(session, event) for event in session.events)
    yield from (f"{clock_time(session, note.at)} {note.by.name}: {note.text}" for note in session.notes)
    yield from _checks("At discharge", session.discharge)
    if session.escort:
        yield f"Escort: {session.escort}"
    yield from _late(session)
    signature = session.signature
    yield f"Signed by {signature.by.name}, {signature.at.isoformat(timespec='seconds')}, {signature.meaning}."


def _outline(session: KetamineSession) -> str:
    start, day = clock_time(session, session.started), session.started.date().isoformat()
    if session.status is SessionStatus.NOT_DONE:
        return f"Not done; was planned for {day} {start}."
    return f"{_HOW_IT_ENDED[session.status]}, {day} {start} to {clock_time(session, session.ended)}, {session.place}."


def _checks(title: str, checks: tuple[Check, ...]) -> Iterator[str]:
    if not checks:
        return
    others = [check for check in checks if check.answer is not Answer.YES or check.note]
    confirmed = len(checks) - sum(check.answer is not Answer.YES for check in checks)
    yield f"{title}: {confirmed} of {len(checks)} checks answered yes."
    for check in others:
        yield f"- {check.text}: {_ANSWERS[check.answer]}" + (f" ({check.note})" if check.note else "")


def _dose(session: KetamineSession, dose: Dose) -> Iterator[str]:
    when = clock_time(session, dose.started.at)
    if dose.ended is not None:
        when += f" to {clock_time(session, dose.ended.at)}"
    stopped = "" if dose.completed else ", stopped early"
    yield f"Dose: {dose_words(dose)}, {when}, given by {dose.given_by.name}{stopped}."
    product = _product(dose)
    if product:
        yield f"Product: {', '.join(product)}."
    if dose.wasted_mg is not None:
        yield f"Wasted: {number(dose.wasted_mg)} mg."
    if dose.second_person:
        yield f"Second person: {dose.second_person}"


def _product(dose: Dose) -> list[str]:
    parts = []
    if dose.concentration_mg_per_ml is not None:
        parts.append(f"{number(dose.concentration_mg_per_ml)} mg/mL")
    if dose.volume_ml is not None:
        parts.append(f"{number(dose.volume_ml)} mL")
    if dose.lot:
        parts.append(f"lot {dose.lot}")
    if dose.expiry:
        parts.append(f"expires {dose.expiry}")
    if dose.body_site:
        parts.append(f"site {dose.body_site}")
    return parts


def _reading(session: KetamineSession, reading: Reading) -> str:
    parts = []
    if reading.systolic is not None or reading.diastolic is not None:
        upper, lower = (
            "not measured" if value is None else number(value) for value in (reading.systolic, reading.diastolic)
        )
        parts.append(f"blood pressure {upper}/{lower} mmHg")
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
    baseline = " (before the dose)" if reading.baseline else ""
    return f"- {clock_time(session, reading.measured.at)}{baseline}: {', '.join(parts) or 'nothing measured'}"


def _event(session: KetamineSession, event: AdverseEvent) -> str:
    action = f", action: {event.action}" if event.action else ""
    over = f", resolved {clock_time(session, event.resolved)}" if event.resolved else ", not resolved when signed"
    return f"- {clock_time(session, event.onset.at)} {event.text}, {event.severity}{action}{over}"


def _late(session: KetamineSession) -> Iterator[str]:
    moments: list[tuple[str, Moment]] = []
    if session.dose is not None:
        moments.append(("Dose started", session.dose.started))
        if session.dose.ended is not None:
            moments.append(("Dose ended", session.dose.ended))
    moments += [("Reading", reading.measured) for reading in session.readings if reading.struck is None]
    moments += [(f"Event {event.text}", event.onset) for event in session.events]
    yield from filter(None, (late_words(session, what, moment) for what, moment in moments))
