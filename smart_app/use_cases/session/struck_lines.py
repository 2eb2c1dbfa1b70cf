"""What was struck out of a session, in words, for its record: every kind of line, by whom, when and why."""

from __future__ import annotations

from collections.abc import Iterator

from fhir_mappings.facts.treatment import InfusionChange, StruckLine
from fhir_mappings.writing.session_note import number, reading_words
from smart_app.clinical.rescue_medicines import ROUTES
from smart_app.use_cases.records import Entry, StoredSession
from smart_app.use_cases.session.typed_medicines import rescues
from smart_app.use_cases.session.typed_session import entries, events, readings

_KINDS = {
    "reading": "Reading",
    "event": "Adverse event",
    "note": "Note",
    "infusion": "Infusion",
    "rescue": "Rescue medicine",
}


def struck_lines(session: StoredSession) -> tuple[StruckLine, ...]:
    """In the order in which the lines happened."""
    words = dict(_words(session))
    gone = (each for each in session.entries if each.struck is not None and each.id in words)
    return tuple(
        StruckLine(
            kind=_KINDS[entry.kind],
            words=words[entry.id],
            at=entry.at,
            by=entry.by,
            reason=entry.struck or "",
            struck_by=entry.struck_by,
            struck_at=entry.struck_at,
        )
        for entry in sorted(gone, key=lambda each: (each.at, each.entered))
    )


def _words(session: StoredSession) -> Iterator[tuple[str, str]]:
    """Every line by its id."""
    for reading in readings(session):
        yield reading.id, reading_words(reading) + (" (before the dose)" if reading.baseline else "")
    for event in events(session):
        serious = "" if event.serious is None else "serious" if event.serious else "not serious"
        action = f"action: {event.action}" if event.action else ""
        over = f"over at {event.resolved_text}" if event.resolved_text else ""
        yield event.entry.id, _joined(event.words, event.severity, serious, action, over)
    for given in rescues(session):
        amount = f"{given.words} {number(given.amount)} {given.unit}"
        reason = f"for {given.reason}" if given.reason else ""
        effect = f"effect: {given.effect}" if given.effect else ""
        yield given.entry.id, _joined(amount, ROUTES[given.route].lower(), reason, effect)
    for entry in entries(session, "infusion"):
        yield entry.id, _change(entry)
    for entry in entries(session, "note"):
        yield entry.id, entry.fields["text"]


def _change(entry: Entry) -> str:
    if entry.fields["change"] == InfusionChange.RATE:
        return f"rate {entry.fields['rate']} {entry.fields['unit']}"
    return entry.fields["change"]


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))
