"""Follow a course: progress, scores, what the EHR has taken, and who looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.programme import CourseStatus, ProgrammeDefinition
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import Role, Route, SessionStatus
from smart_app.clinical.maintenance_rules import AS_SHIPPED, MaintenanceRules
from smart_app.clinical.programme import Progress
from smart_app.clinical.session_rules import pressures, shown
from smart_app.use_cases.access import audited, own_course, person
from smart_app.use_cases.aftercare.microdosing import MicrodosingView, microdosing_within
from smart_app.use_cases.course.course_progress import open_one
from smart_app.use_cases.course.decide_course import Decision, Standing, decisions, standing
from smart_app.use_cases.course.opening_conditions import Opening, hold_words, opening
from smart_app.use_cases.delivery.delivery_status import (
    DeliveryView,
    status_of,
)
from smart_app.use_cases.outcomes.outcomes import OutcomesView, outcomes_within
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, StoredCourse, StoredSession
from smart_app.use_cases.session.typed_session import events, readings, text
from smart_app.use_cases.signing.countersign_session import of_standing_version
from smart_app.use_cases.signing.signed_session import as_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One session of the course, opened or signed, in order of time."""

    id: str
    number: int
    status: SessionStatus
    signed: bool
    day: date
    dose: str  # "41 mg", or "" while nothing is entered
    peak: str  # "152/92", the highest systolic reading; "" without one
    events: tuple[str, ...]
    counts: bool
    words: str  # "counted", "not counted: stopped early", "open", ...
    waits: tuple[str, ...] = ()  # what is still to be done with a signed record, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """S6. Without a course only person, outcomes and delivery are filled."""

    person: Json
    course: StoredCourse | None
    definition: ProgrammeDefinition | None
    progress: Progress | None
    sessions: tuple[SessionRow, ...]
    open_session: str | None  # id of the session that is not signed yet
    may_open: bool
    why_not_open: str  # why no session can be opened now, with what to do; empty: one can, or one is open
    open_asks: str  # why only a prescriber opens the next session, with a reason; empty: nothing is asked
    hold: str  # why the course is on hold; empty: it is not
    decisions: tuple[Decision, ...]  # what this caller may decide about the course now
    outcomes: OutcomesView
    delivery: DeliveryView
    now: datetime
    microdosing: MicrodosingView | None = None  # of a plan of doses that the patient takes alone


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """S8, newest first."""

    records: tuple[AuditRecord, ...]
    person: Json


def course_view(
    work: Work,
    clock: Clock,
    caller: Caller,
    *,
    countersign: bool = False,
    rules: MaintenanceRules = AS_SHIPPED,
) -> CourseView:
    """The patient's newest course, with everything that happened in it.

    `countersign`: the site asks for a second signature on every record. `rules`: the site's, for doses taken alone.
    """
    now = clock()
    with work() as uow:
        course = own_course(uow, caller)
        found = standing(uow, course, now.date()) if course is not None else None
        sessions = found.sessions if found is not None else ()
        outcomes = outcomes_within(uow, caller, course, sessions, now)
        today = now.date()
        ahead = opening(course, sessions, uow.screenings.of_day(caller.patient, today), on=today, today=today)
        delivery, waiting = status_of(uow, caller, now), _waiting(uow, sessions) if countersign else frozenset()
        by_itself = course is not None and course.route is Route.SL
        alone = microdosing_within(uow, caller, now, rules) if by_itself else None
        view = _view(found, ahead, waiting, outcomes, delivery, person(uow, caller), caller, now)
        entities = (f"course/{course.id}",) if course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:course:read", *entities))
        uow.commit()
        return replace(view, microdosing=alone)


def _view(
    found: Standing | None,
    ahead: Opening,
    waiting: frozenset[str],
    outcomes: OutcomesView,
    delivery: DeliveryView,
    banner: Json,
    caller: Caller,
    now: datetime,
) -> CourseView:
    course, progress = (found.course, found.progress) if found is not None else (None, None)
    sessions = found.sessions if found is not None else ()
    running = open_one(sessions)
    active = course is not None and course.status is CourseStatus.ACTIVE
    writes = caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE}
    return CourseView(
        person=banner,
        course=course,
        definition=programme_of(course) if course is not None else None,
        progress=progress,
        sessions=_rows(sessions, progress, waiting) if progress is not None else (),
        open_session=running.id if running is not None else None,
        may_open=writes and active and running is None and _opens(ahead, caller),
        why_not_open=_why_not_open(ahead, caller) if running is None else "",
        open_asks=ahead.asks,
        hold=hold_words(course) if course is not None and course.status is CourseStatus.ON_HOLD else "",
        decisions=decisions(caller, found) if found is not None else (),
        outcomes=outcomes,
        delivery=delivery,
        now=now,
    )


def _opens(ahead: Opening, caller: Caller) -> bool:
    """Opening an interrupted course is what puts it on hold."""
    if ahead.refusal is not None:
        return ahead.interrupted is not None
    return not ahead.asks or caller.role is Role.PRESCRIBER


def _why_not_open(ahead: Opening, caller: Caller) -> str:
    if ahead.refusal is not None:
        return " ".join((ahead.refusal.words, ahead.refusal.advice))
    if ahead.asks and caller.role is not Role.PRESCRIBER:
        return f"{ahead.asks} A prescriber opens this session, with a reason."
    return ""


_WRONG = SessionStatus.ENTERED_IN_ERROR


def _waiting(uow: UnitOfWork, sessions: Sequence[StoredSession]) -> frozenset[str]:
    """The sessions whose standing version nobody has countersigned."""
    return frozenset(
        each.id
        for each in sessions
        if each.signed is not None
        and each.status is not _WRONG
        and not of_standing_version(each, uow.versions.countersignatures(each.id))
    )


def _rows(sessions: Sequence[StoredSession], progress: Progress, waiting: frozenset[str]) -> tuple[SessionRow, ...]:
    tallies = {each.session.id: each for each in progress.tallies}
    rows = []
    for session in sessions:
        tally = tallies.get(session.id)
        counts = tally is not None and tally.counts
        if tally is None:
            words = "entered in error" if session.status is _WRONG else "open"
        elif counts:
            words = "counted by decision" if tally.by_decision else "counted"
        else:
            words = f"not counted: {tally.why_not}"
        waits = (
            *(("Being amended",) if session.amendment is not None else ()),
            *(("Waits for a countersignature",) if session.id in waiting else ()),
        )
        rows.append(replace(_row(as_signed(session), counts=counts, words=words), waits=waits))
    return tuple(sorted(rows, key=lambda row: (row.day, row.number)))


def _row(session: StoredSession, *, counts: bool, words: str) -> SessionRow:
    given = text(session, "dose.given_mg")
    peak = max(pressures(readings(session)), key=lambda reading: reading.systolic or 0, default=None)
    return SessionRow(
        id=session.id,
        number=session.number,
        status=session.status,
        signed=session.signed is not None,
        day=session.signed.started.date() if session.signed is not None else session.held_on,
        dose=f"{given} mg" if given else "",
        peak=shown(peak) if peak is not None else "",
        events=tuple(event.words for event in events(session) if event.entry.struck is None),
        counts=counts,
        words=words,
    )


def audit_view(work: Work, clock: Clock, caller: Caller) -> AuditView:
    """Who looked and who did what, for every role; looking at it is itself recorded."""
    now = clock()
    with work() as uow:
        records = tuple(uow.audit.of_patient(caller.patient))
        banner = person(uow, caller)
        uow.audit.add(audited(caller, now, "clinician:audit:read"))
        uow.commit()
        return AuditView(records=records, person=banner)
