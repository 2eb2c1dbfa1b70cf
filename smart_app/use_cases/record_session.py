"""Record a session while it runs: open, save as typed, add readings, events and notes, strike out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.treatment import Clinician, SessionStatus, Severity
from smart_app.clinical.adverse_events import EVENTS
from smart_app.clinical.entry import NIGHT, NotUsable, at_time, day, late, past_day_problem, past_moment, vitals
from smart_app.clinical.session_rules import elapsed
from smart_app.use_cases.access import audited, own_course, own_session, person, refuse, require_writer, retried
from smart_app.use_cases.course_progress import activities_now, next_number, open_one
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.opening import opening_fields
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Entry, StoredCourse, StoredSession
from smart_app.use_cases.running_session import view_of
from smart_app.use_cases.session_lines import SessionView
from smart_app.use_cases.session_steps import check_step
from smart_app.use_cases.site import Site
from smart_app.use_cases.typed_session import AT, BY, FIELDS, WAS, WAS_BY, dose_day, is_field, started

__all__ = [
    "FIELDS",
    "add_entry",
    "check_step",
    "open_session",
    "save_fields",
    "session_view",
    "strike_entry",
]

LONGEST = 4000
_ENTRY_ID = re.compile(r"[A-Za-z0-9-]{1,48}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all but tab and line feed: no XHTML may hold them

# A change of one of these withdraws dose.confirm: the questions may be others now.
_CONFIRMED = frozenset(name for name in FIELDS if name.startswith("dose.")) - {
    "dose.confirm",
    "dose.lot",
    "dose.body_site",
    "dose.second_person",
}


@retried
def open_session(work: Work, clock: Clock, caller: Caller, ids: Callable[[], str], held: str = "") -> StoredSession:
    """The open session of the patient's active course; a new one only where there is none.

    `held` is the day of a session that is entered afterwards, as typed; empty means today.
    """
    now, action = clock(), "clinician:session:open"
    on = _day_of(held, now)
    with work() as uow:
        require_writer(uow, caller, now, action)
        course = own_course(uow, caller)
        if course is None or course.status is not CourseStatus.ACTIVE:
            words = "There is no active course to hold a session in."
            refuse(uow, caller, now, action, Refused(words, advice="Enrol the patient first."))
        sessions = uow.sessions.of_course(course.id)
        running = open_one(sessions)
        if running is not None:
            return running
        session = _opened(uow, course, caller, now, ids, on)
        uow.sessions.add(session)
        uow.courses.replace(replace(course, planned=activities_now(course, [*sessions, session])))
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=f"session {session.number}"))
        uow.commit()
        return session


def _day_of(held: str, now: datetime) -> date:
    try:
        on = day(held) if held.strip() else now.date()
    except NotUsable as error:
        raise Refused("Some of this needs another look.", problems={"held": str(error)}) from None
    problem = past_day_problem(on, now.date())
    if problem:
        raise Refused("Some of this needs another look.", problems={"held": problem})
    return on


def _opened(
    uow: UnitOfWork, course: StoredCourse, caller: Caller, now: datetime, ids: Callable[[], str], held: date
) -> StoredSession:
    sessions = uow.sessions.of_course(course.id)
    return StoredSession(
        id=ids(),
        course=course.id,
        ehr=course.ehr,
        patient=course.patient,
        number=next_number(course, sessions, held),
        status=SessionStatus.IN_PROGRESS,
        opened=now,
        opened_by=caller.clinician,
        dose=ids(),
        fields=opening_fields(course, sessions, uow.screenings.latest(course.patient), held=held, today=now.date()),
        encounter=f"{caller.fhir_base}/Encounter/{caller.encounter}" if caller.encounter else None,
    )


def session_view(work: Work, clock: Clock, caller: Caller, session_id: str, site: Site) -> SessionView:
    """Everything the page of a session shows; looking leaves an audit record."""
    now, action = clock(), "clinician:session:read"
    with work() as uow:
        session, course = own_session(uow, caller, now, action, session_id)
        view = view_of(
            session,
            course,
            caller=caller,
            now=now,
            limits=site.limits,
            others=uow.sessions.of_course(course.id),
            screening=uow.screenings.latest(caller.patient),
            person=person(uow, caller),
        )
        uow.audit.add(audited(caller, now, action, f"session/{session.id}"))
        uow.commit()
        return view


@retried
def save_fields(
    work: Work, clock: Clock, caller: Caller, session_id: str, fields: Mapping[str, str]
) -> StoredSession:
    """Keep values as typed. What is wrong with them is said by `check_step` and at signing.

    Names that are not of the form are dropped. Where a colleague's value is overwritten, it is kept beside.
    """
    now, action = clock(), "clinician:session:save"
    with work() as uow:
        session = _open_for(uow, caller, now, action, session_id)
        typed = {name: _CONTROL.sub("", value) for name, value in fields.items() if is_field(name)}
        long = {
            name: f"Shorten this to {LONGEST} characters."
            for name, typed_text in typed.items()
            if len(typed_text) > LONGEST
        }
        if long:
            raise Refused("Some of the text is too long to keep.", problems=long)
        changed = {name: value for name, value in typed.items() if session.fields.get(name, "") != value}
        if not changed:
            return session
        saved = with_fields(session, changed, caller.clinician, now)
        uow.sessions.replace(saved)
        uow.audit.add(
            audited(caller, now, action, f"session/{session.id}", detail=f"fields: {', '.join(sorted(changed))}")
        )
        uow.commit()
        return replace(saved, version=saved.version + 1)


def with_fields(
    session: StoredSession, changed: Mapping[str, str], author: Clinician, now: datetime
) -> StoredSession:
    fields = dict(session.fields)
    confirmed = "yes" in {fields.get("dose.confirm"), changed.get("dose.confirm")}
    if confirmed and not _CONFIRMED.isdisjoint(changed):
        changed = {**changed, "dose.confirm": ""}
    for name, value in changed.items():
        before, before_by = fields.get(name, ""), fields.get(BY + name)
        if before and before_by not in {None, author.reference}:
            fields[WAS + name] = before
            fields[WAS_BY + name] = next(each.name for each in session.authors if each.reference == before_by)
        fields |= {name: value, BY + name: author.reference, AT + name: now.isoformat()}
    return replace(session, fields=fields, authors=_with_author(session, author))


def _with_author(session: StoredSession, author: Clinician) -> tuple[Clinician, ...]:
    known = {each.reference for each in session.authors}
    return session.authors if author.reference in known else (*session.authors, author)


def _open_for(uow: UnitOfWork, caller: Caller, now: datetime, action: str, session_id: str) -> StoredSession:
    """The session, if it is the patient's and may still be written by this caller."""
    require_writer(uow, caller, now, action)
    session, _ = own_session(uow, caller, now, action, session_id)
    if session.signed is not None or session.status is SessionStatus.ENTERED_IN_ERROR:
        words = "This session is signed. It cannot be changed any more."
        refuse(
            uow, caller, now, action, Refused(words, advice="Enter it in error and record it anew if it is wrong.")
        )
    return session


@retried
def add_entry(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    kind: str,
    entry_id: str,
    fields: Mapping[str, str],
) -> StoredSession:
    """Add a reading, an event or a note; a known `entry_id` adds nothing.

    reading: time, date, systolic, diastolic, heart_rate, oxygen_saturation, respiratory_rate, sedation,
    dissociation, baseline, confirm. event: type (a key of clinical.adverse_events.EVENTS), text (for "other"),
    severity, time, date, action, resolved. note: text, time, date.
    """
    now, action = clock(), "clinician:session:add"
    with work() as uow:
        session = _open_for(uow, caller, now, action, session_id)
        if any(entry.id == entry_id for entry in session.entries):
            return session
        entry = _entry(session, kind, entry_id, fields, caller.clinician, now)
        saved = replace(session, entries=(*session.entries, entry), authors=_with_author(session, caller.clinician))
        uow.sessions.replace(saved)
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", f"entry/{entry.id}", detail=kind))
        uow.commit()
        return replace(saved, version=saved.version + 1)


_ENTRY_FIELDS = {
    "reading": (
        "systolic",
        "diastolic",
        "heart_rate",
        "oxygen_saturation",
        "respiratory_rate",
        "sedation",
        "dissociation",
        "baseline",
    ),
    "event": ("type", "text", "severity", "action", "resolved"),
    "note": ("text",),
}


def _entry(
    session: StoredSession, kind: str, entry_id: str, fields: Mapping[str, str], by: Clinician, now: datetime
) -> Entry:
    if kind not in _ENTRY_FIELDS or not _ENTRY_ID.fullmatch(entry_id):
        raise Refused("This form is not one of this app's. Open the page again.")
    typed = {name: _CONTROL.sub("", text).strip()[:LONGEST] for name, text in fields.items()}
    problems = _entry_problems(kind, typed)
    at = now.replace(second=0, microsecond=0)
    try:
        if kind != "note" or typed.get("time"):
            at = _moment(session, typed.get("time", ""), typed.get("date", ""), now)
    except NotUsable as error:
        problems["time"] = str(error)
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    kept = {name: typed[name] for name in _ENTRY_FIELDS[kind] if typed.get(name)}
    return Entry(id=entry_id, kind=kind, at=at, entered=now, late=late(at, now), by=by, fields=kept)


def _moment(session: StoredSession, time_text: str, date_text: str, now: datetime) -> datetime:
    """When an entry happened. In a session that is entered on a later day, a time alone is that day's."""
    held, begun = dose_day(session), started(session, now)
    running = begun is not None and elapsed(begun, now) <= NIGHT
    if date_text.strip() or held >= now.date() or running:
        return past_moment(time_text, date_text, now)
    if not time_text.strip():
        raise NotUsable(f"Enter the time: this session was held on {held:%d %b %Y}.")
    at = at_time(held, time_text, now)
    if begun is not None and elapsed(at, begun) > NIGHT:
        at = at_time(held + timedelta(days=1), time_text, now)  # past midnight of a late session
    return past_moment(time_text, at.date().isoformat(), now)


def _entry_problems(kind: str, typed: Mapping[str, str]) -> dict[str, str]:
    if kind == "reading":
        return dict(vitals(typed, confirmed=typed.get("confirm") == "yes").problems)
    if kind == "note":
        return {} if typed.get("text") else {"text": "Write the note."}
    problems: dict[str, str] = {}
    if typed.get("type") not in EVENTS:
        problems["type"] = "Choose what happened."
    if typed.get("type") == "other" and not typed.get("text"):
        problems["text"] = "Say what happened."
    if typed.get("severity") not in set(Severity):
        problems["severity"] = "Choose mild, moderate or severe."
    return problems


@retried
def strike_entry(
    work: Work, clock: Clock, caller: Caller, session_id: str, entry_id: str, reason: str
) -> StoredSession:
    """Strike out an entry before signing. It stays, with the reason."""
    now, action = clock(), "clinician:session:strike"
    with work() as uow:
        session = _open_for(uow, caller, now, action, session_id)
        entry = next((each for each in session.entries if each.id == entry_id), None)
        if entry is None:
            raise Refused("There is no such entry in this session.")
        if entry.struck is not None:
            return session
        why = _CONTROL.sub("", reason).strip()[:LONGEST]
        if not why:
            raise Refused("A reason is needed.", problems={"reason": "Say why this is struck out."})
        struck = replace(entry, struck=why, struck_by=caller.clinician, struck_at=now)
        lines = tuple(struck if each.id == entry_id else each for each in session.entries)
        saved = replace(session, entries=lines, authors=_with_author(session, caller.clinician))
        uow.sessions.replace(saved)
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", f"entry/{entry_id}", detail=entry.kind))
        uow.commit()
        return replace(saved, version=saved.version + 1)
