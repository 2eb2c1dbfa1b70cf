"""The lines of a session: readings, adverse events and notes, added once, struck out with a reason, never deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Clinician, InfusionChange
from smart_app.clinical.entry import CONTROL, NIGHT, NotUsable, at_time, late, past_moment
from smart_app.clinical.infusion import out_of_order
from smart_app.clinical.session_rules import elapsed
from smart_app.use_cases.access import audited, retried
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller, Entry, StoredSession
from smart_app.use_cases.session.entry_kinds import KINDS, Line, without_end
from smart_app.use_cases.session.record_session import LONGEST, open_for, with_author, with_fields
from smart_app.use_cases.session.typed_session import ended, infusion_steps, started

_ENTRY_ID = re.compile(r"[A-Za-z0-9-]{1,48}")


@retried
def add_entry(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    kind: str,
    entry_id: str,
    fields: Mapping[str, str],
    measured: datetime | None = None,
) -> StoredSession:
    """Add a line of one of KINDS; a known `entry_id` adds nothing, and is refused for another line.

    reading: time, date, systolic, diastolic, heart_rate, oxygen_saturation, respiratory_rate, sedation,
    dissociation, baseline, confirm. `measured` is when a device says that it was entered, where no time is typed.
    event: type (a key of clinical.adverse_events.EVENTS), text (for "other"),
    severity, serious, time, date, action, resolved, outcome. note: text, time, date. infusion: change, rate, unit,
    time, date, confirm. rescue: drug, text, dose, unit, route, reason, effect, effect_time, time, date, confirm.
    """
    now, action = clock(), "clinician:session:add"
    with work() as uow:
        session = open_for(uow, caller, now, action, session_id)
        known = next((entry for entry in session.entries if entry.id == entry_id), None)
        if known is not None:
            _refuse_another(known, session, kind, fields, now)
            return session
        course = uow.courses.get(session.course)
        infused = course is not None and programme_of(course).infusion_minutes is not None
        entry = _entry(session, kind, entry_id, fields, caller.clinician, now, measured, infused)
        session = _ends_dose(session, entry, caller.clinician, now)
        saved = replace(session, entries=(*session.entries, entry), authors=with_author(session, caller.clinician))
        uow.sessions.replace(saved)
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", f"entry/{entry.id}", detail=kind))
        uow.commit()
        return replace(saved, version=saved.version + 1)


def _entry(
    session: StoredSession,
    kind: str,
    entry_id: str,
    fields: Mapping[str, str],
    by: Clinician,
    now: datetime,
    measured: datetime | None,
    infused: bool,
) -> Entry:
    if kind not in KINDS or not _ENTRY_ID.fullmatch(entry_id):
        raise Refused("This form is not one of this app's. Open the page again.")
    typed = _cleaned(fields)
    problems: dict[str, str] = {}
    at = (measured or now).astimezone(now.tzinfo).replace(second=0, microsecond=0)
    try:
        if typed.get("time") or (measured is None and kind != "note"):
            at = _moment(session, typed.get("time", ""), typed.get("date", ""), now)
    except NotUsable as error:
        problems["time"] = str(error)
    kept = _kept(kind, typed)
    waited = measured is not None or late(at, now)  # both times are shown
    entry = Entry(id=entry_id, kind=kind, at=at, entered=now, late=waited, by=by, fields=kept)
    placed = None if problems else entry
    problems |= KINDS[kind].problems(Line(session=session, typed=typed, now=now, entry=placed, infused=infused))
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    return entry


def _ends_dose(session: StoredSession, entry: Entry, by: Clinician, now: datetime) -> StoredSession:
    """The end of the dose is when the infusion stopped."""
    at = entry.at.astimezone(now.tzinfo)
    if (entry.kind, entry.fields.get("change")) != ("infusion", InfusionChange.STOPPED):
        return session
    finished = ended(session, "dose.ended", now)
    if finished is not None and not elapsed(finished, at):
        return session
    return with_fields(session, {"dose.ended": f"{at:%H:%M}"}, by, now)


def _refuse_another(
    known: Entry, session: StoredSession, kind: str, fields: Mapping[str, str], now: datetime
) -> None:
    """The same form sent twice is one line. Other values under its name would be lost without a word."""
    typed = _cleaned(fields)
    same = kind == known.kind and _kept(kind, typed) == known.fields
    if same and typed.get("time"):
        try:
            same = _moment(session, typed["time"], typed.get("date", ""), now) == known.at
        except NotUsable:
            same = False
    if not same:
        words = f"This form was already saved at {known.entered:%H:%M}, with other values. Nothing was changed now."
        raise Refused(words, problems={"": f"{words} Open the page again to add another line."})


def _cleaned(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: CONTROL.sub("", text).strip()[:LONGEST] for name, text in fields.items()}


def _kept(kind: str, typed: Mapping[str, str]) -> dict[str, str]:
    return {name: typed[name] for name in KINDS[kind].fields if typed.get(name)}


def _moment(session: StoredSession, time_text: str, date_text: str, now: datetime) -> datetime:
    """When an entry happened. In a session that is entered on a later day, a time alone is that day's."""
    held, begun = session.held_on, started(session, now)
    running = begun is not None and elapsed(begun, now) <= NIGHT
    if date_text.strip() or held >= now.date() or running:
        return past_moment(time_text, date_text, now)
    if not time_text.strip():
        raise NotUsable(f"Enter the time: this session was held on {held:%d %b %Y}.")
    at = at_time(held, time_text, now)
    if begun is not None and elapsed(at, begun) > NIGHT:
        at = at_time(held + timedelta(days=1), time_text, now)  # past midnight of a late session
    return past_moment(time_text, at.date().isoformat(), now)


@retried
def strike_entry(
    work: Work, clock: Clock, caller: Caller, session_id: str, entry_id: str, reason: str
) -> StoredSession:
    """Strike out an entry before signing. It stays, with the reason."""
    now, action = clock(), "clinician:session:strike"
    with work() as uow:
        session = open_for(uow, caller, now, action, session_id)
        entry = next((each for each in session.entries if each.id == entry_id), None)
        if entry is None:
            raise Refused("There is no such entry in this session.")
        if entry.struck is not None:
            return session
        why = CONTROL.sub("", reason).strip()[:LONGEST]
        if not why:
            raise Refused("A reason is needed.", problems={"reason": "Say why this is struck out."})
        struck = replace(entry, struck=why, struck_by=caller.clinician, struck_at=now)
        session = _restarts(session, entry, caller.clinician, now)
        lines = tuple(struck if each.id == entry_id else each for each in session.entries)
        saved = replace(session, entries=lines, authors=with_author(session, caller.clinician))
        uow.sessions.replace(saved)
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", f"entry/{entry_id}", detail=entry.kind))
        uow.commit()
        return replace(saved, version=saved.version + 1)


def _restarts(session: StoredSession, entry: Entry, by: Clinician, now: datetime) -> StoredSession:
    """What followed must still be possible without the line; the end of the dose goes with the stop that set it."""
    if entry.kind != "infusion":
        return session
    stopped = entry.fields["change"] == InfusionChange.STOPPED
    finished = ended(session, "dose.ended", now)
    withdrawn = stopped and finished is not None and not elapsed(finished, entry.at)
    rest = tuple(each for each in session.entries if each.id != entry.id)
    fields = without_end(session) if withdrawn else session.fields
    words = out_of_order(infusion_steps(replace(session, entries=rest, fields=fields), now))
    if words and not out_of_order(infusion_steps(session, now)):
        words = f"Strike out what came after it first. {words}"
        raise Refused(words, problems={"reason": words})
    return with_fields(session, {"dose.ended": ""}, by, now) if withdrawn else session
