"""What was typed in a session, read as far as it can be read; what cannot is left out and told elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from fhir_mappings.facts.treatment import Clinician, EventOutcome, InfusionChange, Moment, Reading, Severity
from smart_app.clinical.adverse_events import EVENTS
from smart_app.clinical.dosing import Amounts
from smart_app.clinical.entry import NotUsable, amount, at_time, day, late, readable, vitals, whole
from smart_app.clinical.infusion import InfusionStep, ran
from smart_app.clinical.session_rules import elapsed
from smart_app.use_cases.records import Entry, StoredSession
from smart_app.use_cases.session.session_lines import Written
from smart_app.use_cases.session.two_writers import AT, BY, WAS, WAS_BY, past

OVERNIGHT = timedelta(hours=6)  # an end before its start is taken for the next day, at most so much later

STOP_FIELDS = (
    "stop.cause",  # a key of STOP_CAUSES
    "stop.reason",  # in words
    "stop.disposition",  # a key of DISPOSITIONS
    "stop.time",  # HH:MM
    "stop.destination",
    "stop.handed_to",
    "stop.handed_at",  # HH:MM
    "stop.told",
    "stop.rescheduled",  # YYYY-MM-DD, of a session without a dose
)
FIELDS = (
    "gate.reason",  # a prescriber's, for a dose although the blood pressure check failed
    "hold.reason",  # a prescriber's, for a dose although the course was put on hold before it
    "check.reason",  # a prescriber's, for a dose although a stopping check stands against it
    "check.confirm",  # "yes": keeps unusual values; withdrawn by itself when a value changes
    "dose.planned_mg_per_kg",
    "dose.weight_kg",
    "dose.weight_date",
    "dose.planned_mg",
    "dose.given_mg",
    "dose.concentration",
    "dose.volume_ml",
    "dose.lot",
    "dose.expiry",  # YYYY-MM or YYYY-MM-DD, as printed
    "dose.wasted_mg",
    "dose.waste_method",
    "dose.witness",  # a name, where the site lets the witness of waste be named
    *(f"dose.{name}.{place}" for place in (1, 2, 3) for name in ("vial", "drawn_mg")),
    "dose.vial_reason",  # why an expired vial was used
    "dose.unchecked",  # why no second person checked the dose
    "dose.drug",  # where the ledger is kept elsewhere; empty: ketamine
    "dose.sprays",
    "dose.mg_per_spray",
    "dose.date",  # YYYY-MM-DD; empty: the day the session was opened
    "dose.started",  # HH:MM
    "dose.ended",  # HH:MM
    "dose.body_site",
    "dose.second_person",
    "dose.confirm",  # "yes": answers the questions; withdrawn by itself when an amount changes
    "discharge.ended",  # HH:MM, end of observation
    "discharge.escort",
    "discharge.confirm",  # "yes": keeps unusual values, as check.confirm does
    "therapy.confirm",
    "discharge.reason",  # a prescriber's, for an unmet criterion
    *STOP_FIELDS,
)
_CHECK_FIELD = re.compile(r"(check|discharge|therapy)\.[a-z0-9_]{1,40}(\.[a-z]{1,20})?")
_LINE_FIELD = re.compile(
    r"(event\.[A-Za-z0-9-]{1,48}\.(resolved|outcome)|rescue\.[A-Za-z0-9-]{1,48}\.effect(_time)?)"
)

Value = TypeVar("Value")


def is_field(name: str) -> bool:
    return name in FIELDS or bool(_CHECK_FIELD.fullmatch(name) or _LINE_FIELD.fullmatch(name))


# The first part of a field's name -> the step that it stands on.
_STEP_OF = MappingProxyType(
    {
        "check": "before",
        "gate": "before",
        "dose": "dose",
        "event": "monitor",
        "rescue": "monitor",
        "discharge": "discharge",
        "stop": "discharge",
        "therapy": "discharge",
    }
)


def step_of(name: str) -> str:
    """The step (before, dose, monitor, discharge) that a field belongs to."""
    return _STEP_OF[name.partition(".")[0]]


def text(session: StoredSession, name: str) -> str:
    return session.fields.get(name, "").strip()


def value(session: StoredSession, name: str, parse: Callable[[str], Value]) -> Value | None:
    return readable(parse, text(session, name))


def clinician(session: StoredSession, reference: str) -> Clinician:
    """One of the authors of a session, by reference."""
    return next((each for each in session.authors if each.reference == reference), session.opened_by)


def written(session: StoredSession, name: str) -> Written | None:
    """Who wrote a field; None for an empty one and for one that was filled in at opening."""
    at = session.fields.get(AT + name)
    if at is None:
        return None
    by = clinician(session, session.fields[BY + name])
    previous, previous_by = session.fields.get(WAS + name, ""), session.fields.get(WAS_BY + name, "")
    before = past(session.fields, name)
    if before:
        previous, previous_by = before[-1].value, clinician(session, before[-1].by).name
    return Written(by=by, at=datetime.fromisoformat(at), previous=previous, previous_by=previous_by)


def started(session: StoredSession, now: datetime) -> datetime | None:
    """When the dose began, in the zone of `now`."""
    return _time(session, "dose.started", session.held_on, now)


def ended(session: StoredSession, name: str, now: datetime) -> datetime | None:
    """A time after the dose (dose.ended, discharge.ended, stop.time), past midnight where that is meant."""
    begun = started(session, now)
    if begun is None:
        return None
    moment = _time(session, name, session.held_on, now)
    if moment is not None and moment < begun:
        next_day = _time(session, name, session.held_on + timedelta(days=1), now)
        if next_day is not None and elapsed(begun, next_day) <= OVERNIGHT:
            return next_day
    return moment


def _time(session: StoredSession, name: str, on: date, now: datetime) -> datetime | None:
    return value(session, name, lambda typed: at_time(on, typed, now))


def moment(session: StoredSession, name: str, at: datetime) -> Moment:
    """A typed time with the time of its typing."""
    author = written(session, name)
    entered = author.at if author is not None else at
    return Moment(at=at, entered=entered, late=late(at, entered))


def amounts(session: StoredSession, now: datetime, *, enrolled: str = "") -> Amounts:
    """`enrolled` is the weight of the enrolment as typed there; "": not known."""
    took = ran_for(session, now)
    return Amounts(
        mg_per_kg=value(session, "dose.planned_mg_per_kg", amount),
        kilograms=value(session, "dose.weight_kg", amount),
        weighed=value(session, "dose.weight_date", day),
        known_kilograms=readable(amount, enrolled.strip()),
        planned_mg=value(session, "dose.planned_mg", amount),
        given_mg=value(session, "dose.given_mg", amount),
        concentration=value(session, "dose.concentration", amount),
        volume_ml=value(session, "dose.volume_ml", amount),
        sprays=value(session, "dose.sprays", sprays),
        mg_per_spray=value(session, "dose.mg_per_spray", amount),
        minutes=None if took is None else took // timedelta(minutes=1),
    )


def sprays(typed: str) -> int:
    return whole(typed, 1, 40)


def entries(session: StoredSession, kind: str) -> list[Entry]:
    """Entries of one kind in order of time, struck ones too."""
    return sorted((each for each in session.entries if each.kind == kind), key=lambda each: (each.at, each.entered))


def readings(session: StoredSession) -> tuple[Reading, ...]:
    return tuple(_reading(entry) for entry in entries(session, "reading"))


def _reading(entry: Entry) -> Reading:
    found = vitals(entry.fields, confirmed=True)
    return Reading(
        id=entry.id,
        measured=Moment(at=entry.at, entered=entry.entered, late=entry.late),
        by=entry.by,
        systolic=found.amounts.get("systolic"),
        diastolic=found.amounts.get("diastolic"),
        heart_rate=found.amounts.get("heart_rate"),
        oxygen_saturation=found.amounts.get("oxygen_saturation"),
        respiratory_rate=found.amounts.get("respiratory_rate"),
        sedation=found.grades.get("sedation"),
        dissociation=found.grades.get("dissociation"),
        struck=entry.struck,
        struck_by=entry.struck_by,
        baseline=entry.fields.get("baseline") == "yes",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedEvent:
    """An adverse event as typed. `resolved_field` is where its end is typed later."""

    entry: Entry
    code: str | None
    words: str
    severity: Severity
    action: str
    resolved_field: str
    resolved_text: str
    outcome_field: str
    outcome: EventOutcome | None
    serious: bool | None


def events(session: StoredSession) -> tuple[TypedEvent, ...]:
    return tuple(_event(session, entry) for entry in entries(session, "event"))


def _event(session: StoredSession, entry: Entry) -> TypedEvent:
    name, code = EVENTS[entry.fields["type"]]
    said = entry.fields.get("text", "").strip()
    words = said if entry.fields["type"] == "other" else f"{name}: {said}" if said else name
    resolved_field, outcome_field = f"event.{entry.id}.resolved", f"event.{entry.id}.outcome"
    outcome = session.fields.get(outcome_field, entry.fields.get("outcome", "")).strip()
    resolved_text = session.fields.get(resolved_field, entry.fields.get("resolved", "")).strip()
    return TypedEvent(
        entry=entry,
        code=code,
        words=words,
        severity=Severity(entry.fields["severity"]),
        action=entry.fields.get("action", "").strip(),
        resolved_field=resolved_field,
        resolved_text=resolved_text,
        outcome_field=outcome_field,
        outcome=_outcome(outcome, resolved_text),
        serious={"yes": True, "no": False}.get(entry.fields.get("serious", "")),
    )


def _outcome(typed: str, resolved_text: str) -> EventOutcome | None:
    """As typed; an event with an end is resolved where nothing else was said. None: not said."""
    if typed in set(EventOutcome):
        return EventOutcome(typed)
    return EventOutcome.RESOLVED if resolved_text else None


def resolved(event: TypedEvent, now: datetime) -> datetime | None:
    """When an event was over; None: no time that can be read."""
    return time_since(event.entry.at, event.resolved_text, now)


def time_since(since: datetime, typed: str, now: datetime) -> datetime | None:
    """A typed time that lies after a moment: of its day, or of the next one. None: not a time."""
    local = since.astimezone(now.tzinfo)
    try:
        at = at_time(local.date(), typed, now)
        if elapsed(at, since) >= timedelta(minutes=1):
            at = at_time(local.date() + timedelta(days=1), typed, now)
    except NotUsable:
        return None
    return at


def infusion_steps(session: StoredSession, now: datetime, more: Sequence[Entry] = ()) -> tuple[InfusionStep, ...]:
    """The infusion's events in order, with the start and end of the dose step. Struck ones are left out.

    `more` are entries that are not in the session yet.
    """
    kept = [each for each in (*entries(session, "infusion"), *more) if each.struck is None]
    steps = [(each.at, 1, each.entered, InfusionChange(each.fields["change"])) for each in kept]
    begun, finished = started(session, now), ended(session, "dose.ended", now)
    if begun is not None:
        steps.append((begun, 0, begun, InfusionChange.STARTED))
    if finished is not None and not any(change is InfusionChange.STOPPED for *_, change in steps):
        steps.append((finished, 2, finished, InfusionChange.STOPPED))
    ordered = sorted(steps, key=lambda each: (each[0].astimezone(UTC), each[1], each[2].astimezone(UTC)))
    return tuple(InfusionStep(change=change, at=at) for at, _, _, change in ordered)


def ran_for(session: StoredSession, now: datetime) -> timedelta | None:
    """How long the infusion ran without its pauses, up to its end; None where it has no start or no end."""
    if started(session, now) is None or ended(session, "dose.ended", now) is None:
        return None
    return ran(infusion_steps(session, now), now)
