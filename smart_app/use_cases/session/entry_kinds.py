"""The kinds of lines of a session: the fields of each, and what each of them must say before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from fhir_mappings.facts.treatment import EventOutcome, InfusionChange, Severity
from smart_app.clinical.adverse_events import EVENTS
from smart_app.clinical.entry import NotUsable, amount, vitals
from smart_app.clinical.infusion import RATES, out_of_order
from smart_app.clinical.rescue_medicines import GREATEST, RESCUE, ROUTES, UNITS, amount_question
from smart_app.clinical.session_rules import clock_time, elapsed
from smart_app.use_cases.records import Entry, StoredSession
from smart_app.use_cases.session.typed_session import ended, infusion_steps, started


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that somebody wants to add: what was typed, and when it happened (None: the time cannot be read)."""

    session: StoredSession
    typed: Mapping[str, str]
    now: datetime
    entry: Entry | None
    infused: bool  # the programme gives an infusion

    @property
    def confirmed(self) -> bool:
        return self.typed.get("confirm") == "yes"

    def of(self, field: str) -> str:
        return self.typed.get(field, "")


@dataclass(frozen=True, slots=True)
class Kind:
    """`fields` are kept as typed; `problems` says by field what is wrong with them."""

    fields: tuple[str, ...]
    problems: Callable[[Line], dict[str, str]]


def _reading(line: Line) -> dict[str, str]:
    return dict(vitals(line.typed, confirmed=line.confirmed).problems)


def _note(line: Line) -> dict[str, str]:
    return {} if line.of("text") else {"text": "Write the note."}


def _event(line: Line) -> dict[str, str]:
    problems: dict[str, str] = {}
    if line.of("type") not in EVENTS:
        problems["type"] = "Choose what happened."
    if line.of("type") == "other" and not line.of("text"):
        problems["text"] = "Say what happened."
    if line.of("severity") not in set(Severity):
        problems["severity"] = "Choose mild, moderate or severe."
    if line.of("serious") not in {"", "yes", "no"} or (line.of("severity") == "severe" and not line.of("serious")):
        problems["serious"] = "Say whether it was serious."
    if line.of("outcome") and line.of("outcome") not in set(EventOutcome):
        problems["outcome"] = "Choose one of the outcomes, or none."
    return problems


def _infusion(line: Line) -> dict[str, str]:
    if not line.infused:
        return {"change": "This programme gives no infusion."}
    offered = set(InfusionChange) - {InfusionChange.STARTED}
    if line.of("change") not in offered:
        return {"change": "Choose paused, resumed, another rate or stopped. The start is entered in the dose step."}
    problems = _rate(line)
    if line.entry is None:
        return problems
    begun, at = started(line.session, line.now), line.entry.at
    if begun is None:
        return problems | {"change": "The infusion has not started: enter its start in the dose step."}
    finished = ended(line.session, "dose.ended", line.now)
    if line.of("change") == InfusionChange.STOPPED and finished is not None:
        if elapsed(finished, at) and not line.confirmed:
            words = f"The dose step says it ended at {clock_time(finished)}"
            problems["change"] = f"Check: {words}. Is {clock_time(at)} right?"
        before = infusion_steps(replace(line.session, fields=without_end(line.session)), line.now, [line.entry])
    else:
        before = infusion_steps(line.session, line.now, [line.entry])
    words = out_of_order(before)
    return problems | ({"change": words} if words else {})


def without_end(session: StoredSession) -> dict[str, str]:
    """The fields of a session without the end of its dose."""
    return {name: text for name, text in session.fields.items() if name != "dose.ended"}


def _rate(line: Line) -> dict[str, str]:
    if line.of("change") != InfusionChange.RATE:
        return {"rate": "A rate belongs to a change of the rate."} if line.of("rate") else {}
    problems: dict[str, str] = {}
    span = RATES.get(line.of("unit"))
    if span is None:
        problems["unit"] = f"Choose the unit: {' or '.join(RATES)}."
    try:
        rate = amount(line.of("rate"))
    except NotUsable as error:
        return problems | {"rate": str(error)}
    if span is None:
        return problems
    if not span.possible[0] <= rate <= span.possible[1]:
        problems["rate"] = f"Enter a rate from {span.possible[0]} to {span.possible[1]} {line.of('unit')}."
    elif not line.confirmed and not span.usual[0] <= rate <= span.usual[1]:
        problems["rate"] = f"Check: {rate} {line.of('unit')}. Is that right?"
    return problems


def _rescue(line: Line) -> dict[str, str]:
    problems: dict[str, str] = {}
    if line.of("drug") not in RESCUE:
        problems["drug"] = "Choose the medicine."
    if line.of("drug") == "other" and not line.of("text"):
        problems["text"] = "Name the medicine."
    if line.of("unit") not in UNITS:
        problems["unit"] = f"Choose the unit: {', '.join(UNITS)}."
    if line.of("route") not in ROUTES:
        problems["route"] = "Choose how it was given."
    if not line.of("reason"):
        problems["reason"] = "Say what it was given for."
    try:
        given = amount(line.of("dose"))
    except NotUsable as error:
        return problems | {"dose": str(error)}
    if not 0 < given <= GREATEST:
        problems["dose"] = f"Enter an amount from 0.0001 to {GREATEST}."
    elif not problems and not line.confirmed:
        question = amount_question(line.of("drug"), given, line.of("unit"))
        problems |= {"dose": question} if question else {}
    return problems


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "reading": Kind(
            (
                "systolic",
                "diastolic",
                "heart_rate",
                "oxygen_saturation",
                "respiratory_rate",
                "sedation",
                "dissociation",
                "baseline",
            ),
            _reading,
        ),
        "event": Kind(("type", "text", "severity", "serious", "action", "resolved", "outcome"), _event),
        "note": Kind(("text",), _note),
        "infusion": Kind(("change", "rate", "unit"), _infusion),
        "rescue": Kind(("drug", "text", "dose", "unit", "route", "reason", "effect", "effect_time"), _rescue),
    }
)
