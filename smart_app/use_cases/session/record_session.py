"""Record a session while it runs: open it, look at it, save what is typed; `session_entries` adds the lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime

from fhir_mappings.facts.treatment import Clinician, Role, SessionStatus
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.entry import CONTROL, NotUsable, day, past_day_problem
from smart_app.use_cases.access import (
    audited,
    looked,
    own_course,
    own_session,
    refuse,
    require_writer,
    retried,
)
from smart_app.use_cases.course.course_events import hold_interrupted
from smart_app.use_cases.course.course_progress import activities_now, is_open, may_change, next_number, open_one
from smart_app.use_cases.course.opening_conditions import opening
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.stock import filled_from_vial, stock_of
from smart_app.use_cases.outcomes.outcomes import due_today
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import Caller, StoredCourse, StoredSession
from smart_app.use_cases.session.checklist_from_screening import from_screening
from smart_app.use_cases.session.confirmations import given_unseen, withdrawn
from smart_app.use_cases.session.opening import opening_fields
from smart_app.use_cases.session.running_session import view_of
from smart_app.use_cases.session.session_lines import SessionView
from smart_app.use_cases.session.two_writers import chosen, mark, meets, replaced, set_beside, versions
from smart_app.use_cases.session.typed_session import is_field
from smart_app.use_cases.site import Site

LONGEST = 4000


@retried
def open_session(
    work: Work,
    clock: Clock,
    caller: Caller,
    ids: Callable[[], str],
    site: Site,
    held: str = "",
    reason: str = "",
) -> StoredSession:
    """The open session of the patient's active course; a new one only where there is none and `opening` allows it.

    `held` is the day of a session that is entered afterwards, as typed; empty means today. `reason` is a
    prescriber's, asked where the screening of that day does not stand by itself. A course that was interrupted goes
    on hold.
    """
    now, action = clock(), "clinician:session:open"
    on = _day_of(held, now)
    with work() as uow:
        require_writer(uow, caller, now, action)
        course = own_course(uow, caller)
        sessions = uow.sessions.of_course(course.id) if course is not None else ()
        running = open_one(sessions)
        if running is not None:
            return running
        found = opening(course, sessions, uow.screenings.of_day(caller.patient, on), on=on, today=now.date())
        if course is not None and found.interrupted is not None:
            hold_interrupted(uow, course, found.interrupted, caller, now, site)
        if course is None or found.refusal is not None:
            refuse(uow, caller, now, action, found.refusal or Refused("The patient is in no course."))
        if found.asks and caller.role is not Role.PRESCRIBER:
            advice = "A prescriber opens this session, with a reason."
            refuse(uow, caller, now, action, Refused(found.asks, advice=advice))
        session = _opened(uow, course, caller, now, ids, on)
        if found.asks and not says_enough(reason):
            asked = f"{found.asks} Say why the session is held all the same ({REASON_LENGTH} characters or more)."
            raise Refused("A reason is needed.", problems={"reason": asked})
        if found.asks:
            session = with_fields(session, {"open.reason": reason.strip()}, caller.clinician, now)
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
        status=follow(SESSION_TABLE, SessionStatus.PLANNED, SessionEvent.OPEN),
        opened=now,
        opened_by=caller.clinician,
        dose=ids(),
        fields=opening_fields(course, sessions, uow.screenings.latest(course.patient), held=held, today=now.date()),
        # The launch's encounter is today's: a session of an earlier day was not part of it.
        encounter=f"{caller.fhir_base}/Encounter/{caller.encounter}"
        if caller.encounter and held == now.date()
        else None,
        background=from_screening(uow, course.patient),
    )


def session_view(
    work: Work, clock: Clock, caller: Caller, session_id: str, site: Site, *, again: bool = False
) -> SessionView:
    """Everything the page of a session shows; looking leaves an audit record (`again`: see `looked`)."""
    now, action = clock(), "clinician:session:read"
    with work() as uow:
        session, course = own_session(uow, caller, now, action, session_id)
        view = view_within(uow, session, course, caller, now, site)
        if looked(uow, caller, now, action, f"session/{session.id}", again=again):
            uow.commit()
        return view


def view_within(
    uow: UnitOfWork, session: StoredSession, course: StoredCourse, caller: Caller, now: datetime, site: Site
) -> SessionView:
    """The same inside a transaction that somebody else began."""
    others = uow.sessions.of_course(course.id)
    return view_of(
        session,
        course,
        caller=caller,
        now=now,
        limits=site.limits,
        stock=stock_of(uow, session, site.ledger),
        others=others,
        scores_ask=due_today(uow, caller, course, others, now) if is_open(session) else (),
        screening=uow.screenings.latest(caller.patient),
    )


@retried
def save_fields(
    work: Work,
    clock: Clock,
    caller: Caller,
    session_id: str,
    fields: Mapping[str, str],
    shown: Mapping[str, str | None] | None = None,
    asked: str | None = None,
) -> StoredSession:
    """Keep values as typed. What is wrong with them is said by `check_step` and at signing.

    Names that are not of the form are dropped. A colleague's value that is overwritten stays in the field's past.
    `shown` are the values that the page showed (None: not known): where a colleague has written another since, both
    are kept, and `choose` decides. A tick that answers questions about other values than those that stand is not
    taken (`confirmations`; `asked` is the mark of the dose step's).
    """
    now, action = clock(), "clinician:session:save"
    with work() as uow:
        session = open_for(uow, caller, now, action, session_id)
        typed = {name: CONTROL.sub("", value) for name, value in fields.items() if is_field(name)}
        long = {
            name: f"Shorten this to {LONGEST} characters."
            for name, typed_text in typed.items()
            if len(typed_text) > LONGEST
        }
        if long:
            raise Refused("Some of the text is too long to keep.", problems=long)
        changed = {name: value for name, value in typed.items() if session.fields.get(name, "") != value}
        for tick in given_unseen(session.fields, changed, shown, asked):
            del changed[tick]
        if not changed:
            return session
        known, author = session.fields, caller.clinician.reference
        beside = {name for name, value in changed.items() if meets(known, name, value, author, shown)}
        over = {name: value for name, value in changed.items() if name not in beside}
        over |= filled_from_vial(uow, session, over)
        saved = with_fields(session, over, caller.clinician, now) if over else session
        saved = with_rivals(saved, {name: changed[name] for name in beside}, caller.clinician, now)
        if saved == session:
            return session
        uow.sessions.replace(saved)
        said = [
            f"{words}: {', '.join(sorted(names))}"
            for words, names in (("fields", over), ("beside a colleague's", beside))
            if names
        ]
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail="; ".join(said)))
        uow.commit()
        return replace(saved, version=saved.version + 1)


def with_fields(
    session: StoredSession, changed: Mapping[str, str], author: Clinician, now: datetime
) -> StoredSession:
    fields = dict(session.fields)
    changed = {**changed, **withdrawn(fields, _asks_anew(session, changed))}
    for name, value in changed.items():
        fields = replaced(fields, name, value, author, now)
    return replace(session, fields=fields, authors=with_author(session, author))


def _asks_anew(session: StoredSession, changed: Mapping[str, str]) -> dict[str, str]:
    """Without what brings no other question: a start while there is no end, and the day that was meant anyway."""
    after = replace(session, fields={**session.fields, **changed})
    same = {"dose.date"} if after.held_on == session.held_on else set()
    if not session.fields.get("dose.ended") and not after.fields.get("dose.ended"):
        same.add("dose.started")
    return {name: value for name, value in changed.items() if name not in same}


def with_rivals(session: StoredSession, beside: Mapping[str, str], author: Clinician, now: datetime) -> StoredSession:
    """Values that meet a colleague's are kept beside those that stand."""
    fields = dict(session.fields)
    for name, value in sorted(beside.items()):
        if all((each.value, each.by) != (value, author.reference) for each in versions(fields, name)):
            fields = set_beside(fields, name, value, author, now)
    return replace(session, fields=fields, authors=with_author(session, author)) if beside else session


@retried
def choose(
    work: Work, clock: Clock, caller: Caller, session_id: str, name: str, place: int, seen: str
) -> StoredSession:
    """Keep one of the values that two people wrote in one field; the others go to its past.

    `place` is one of `two_writers.versions`, `seen` their mark: what was chosen among must be what is there.
    """
    now, action = clock(), "clinician:session:choose"
    with work() as uow:
        session = open_for(uow, caller, now, action, session_id)
        written = versions(session.fields, name)
        if len(written) == 1:
            return session
        if seen != mark(written) or not 0 <= place < len(written):
            words = "Somebody has written here again since. Look at what is there now, and choose again."
            raise Refused(words, problems={name: words})
        fields = chosen(session.fields, name, place)
        if fields[name] != session.fields.get(name, ""):
            for tick in withdrawn(fields, {name: fields[name]}):
                fields = replaced(fields, tick, "", caller.clinician, now)
        saved = replace(session, fields=fields, authors=with_author(session, caller.clinician))
        filled = filled_from_vial(uow, saved, {name: fields[name]})
        told = {each: text for each, text in filled.items() if fields.get(each, "") != text}
        saved = with_fields(saved, told, caller.clinician, now) if told else saved
        uow.sessions.replace(saved)
        detail = f"field: {name}, {len(written)} versions"
        uow.audit.add(audited(caller, now, action, f"session/{session.id}", detail=detail))
        uow.commit()
        return replace(saved, version=saved.version + 1)


def with_author(session: StoredSession, author: Clinician) -> tuple[Clinician, ...]:
    known = {each.reference for each in session.authors}
    return session.authors if author.reference in known else (*session.authors, author)


def open_for(uow: UnitOfWork, caller: Caller, now: datetime, action: str, session_id: str) -> StoredSession:
    """The session, if it is the patient's and may still be written by this caller."""
    require_writer(uow, caller, now, action)
    session, _ = own_session(uow, caller, now, action, session_id)
    if not may_change(session):
        words = "This session is signed. It cannot be changed any more."
        refuse(uow, caller, now, action, Refused(words, advice="Amend the record if something in it is wrong."))
    return session
