"""Record a session while it runs: open, save as typed, add readings, events and notes, strike out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from smart_app.clinical.session_rules import SessionLimits
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, StoredCourse, StoredSession
from smart_app.use_cases.session_lines import SessionView
from smart_app.use_cases.site import Site

# save_fields keeps these and drops the rest of a form. Names under check. and discharge. end in the key of a
# CheckItem, or in key.note; event.<entry id>.resolved is the time at which an adverse event was over.
FIELDS = (
    "gate.reason",  # a prescriber's, for a dose although the blood pressure check failed
    "check.reason",  # a prescriber's, for a dose although a stopping check says no
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
    "dose.date",  # YYYY-MM-DD; empty: the day the session was opened
    "dose.started",  # HH:MM
    "dose.ended",  # HH:MM
    "dose.body_site",
    "dose.second_person",
    "dose.confirm",  # "yes": answers the questions; withdrawn by itself when an amount changes
    "discharge.ended",  # HH:MM, end of observation
    "discharge.escort",
    "discharge.reason",  # a prescriber's, for an unmet criterion
    "stop.reason",
    "stop.disposition",
    "stop.time",  # HH:MM
)


def open_session(work: Work, clock: Clock, caller: Caller, ids: Callable[[], str]) -> StoredSession:
    """The open session of the patient's active course; a new one only where there is none."""
    raise NotImplementedError


def session_view(work: Work, clock: Clock, caller: Caller, session_id: str, site: Site) -> SessionView:
    raise NotImplementedError


def save_fields(
    work: Work, clock: Clock, caller: Caller, session_id: str, fields: Mapping[str, str]
) -> StoredSession:
    """Keep values as typed. What is wrong with them is said by `check_step` and at signing."""
    raise NotImplementedError


def check_step(
    session: StoredSession, step: str, course: StoredCourse, now: datetime, limits: SessionLimits | None = None
) -> Problems:
    """What keeps a step (before, dose, monitor, discharge) from being complete, by field."""
    raise NotImplementedError


def add_entry(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    kind: str,
    entry_id: str,
    fields: Mapping[str, str],
) -> StoredSession:
    """Add a reading, an event or a note.

    reading: time, date, systolic, diastolic, heart_rate, oxygen_saturation, respiratory_rate, sedation,
    dissociation, baseline, confirm. event: type (a key of clinical.adverse_events.EVENTS), text (for "other"),
    severity, time, date, action, resolved. note: text, time, date.
    """
    raise NotImplementedError


def strike_entry(
    work: Work, clock: Clock, caller: Caller, session_id: str, entry_id: str, reason: str
) -> StoredSession:
    raise NotImplementedError
