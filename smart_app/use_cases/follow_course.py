"""Follow a course: progress, scores, what the EHR has taken, and who looked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.programme import CourseStatus, ProgrammeDefinition, TreatmentCourse
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Role, SessionStatus
from smart_app.clinical.entry import NotUsable, day, readable, whole
from smart_app.clinical.outcomes import HIGHEST_TOTAL, Outcome, Phq9, outcome
from smart_app.clinical.programme import Progress
from smart_app.clinical.session_rules import pressures, shown
from smart_app.use_cases.access import audited, own_course, person, require_writer
from smart_app.use_cases.course_progress import open_one, progress_now, treatment_course_now
from smart_app.use_cases.delivery_status import (
    DeliveryRow,
    DeliveryView,
    delivery_view,
    release_waiting,
    retry_delivery,
    status_of,
)
from smart_app.use_cases.enrol import OPEN
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json, StoredCourse, StoredScore, StoredSession
from smart_app.use_cases.typed_session import dose_day, events, readings, text

__all__ = [
    "AuditView",
    "CourseView",
    "DeliveryRow",
    "DeliveryView",
    "SessionRow",
    "audit_view",
    "course_view",
    "delivery_view",
    "progress_of",
    "record_score",
    "release_waiting",
    "retry_delivery",
]

SCORE_EVERY = timedelta(days=7)  # clinical README 5: weekly during the course
OLDEST_SCORE = timedelta(days=730)
_SCORE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseView:
    """S6. Without a course only person, scores, outcome and delivery are filled."""

    person: Json
    course: StoredCourse | None
    definition: ProgrammeDefinition | None
    progress: Progress | None
    sessions: tuple[SessionRow, ...]
    open_session: str | None  # id of the session that is not signed yet
    may_open: bool
    may_withdraw: bool
    scores: tuple[Phq9, ...]  # oldest first
    outcome: Outcome
    score_due: date | None  # of the next PHQ-9 while the course runs; None: nothing is due
    delivery: DeliveryView
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """S8, newest first."""

    records: tuple[AuditRecord, ...]
    person: Json


def course_view(work: Work, clock: Clock, caller: Caller) -> CourseView:
    """The patient's newest course, with everything that happened in it."""
    now = clock()
    with work() as uow:
        course = own_course(uow, caller)
        sessions = uow.sessions.of_course(course.id) if course is not None else ()
        scores = _scores(uow, caller)
        view = _view(course, sessions, scores, status_of(uow, caller, now), person(uow, caller), caller, now)
        entities = (f"course/{course.id}",) if course is not None else ()
        uow.audit.add(audited(caller, now, "clinician:course:read", *entities))
        uow.commit()
        return view


def _view(
    course: StoredCourse | None,
    sessions: Sequence[StoredSession],
    scores: tuple[Phq9, ...],
    delivery: DeliveryView,
    banner: Json,
    caller: Caller,
    now: datetime,
) -> CourseView:
    progress = progress_now(course, sessions, now.date()) if course is not None else None
    running = open_one(sessions)
    active = course is not None and course.status is CourseStatus.ACTIVE
    writes = caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE}
    return CourseView(
        person=banner,
        course=course,
        definition=PROGRAMMES[course.route] if course is not None else None,
        progress=progress,
        sessions=_rows(sessions, progress) if progress is not None else (),
        open_session=running.id if running is not None else None,
        may_open=writes and active and running is None,
        may_withdraw=writes
        and caller.role is Role.PRESCRIBER
        and course is not None
        and course.status in OPEN
        and not sessions,
        scores=scores,
        outcome=outcome(scores, first_session=_first_session(sessions)),
        score_due=(scores[-1].day + SCORE_EVERY if scores else now.date()) if active else None,
        delivery=delivery,
        now=now,
    )


def _first_session(sessions: Sequence[StoredSession]) -> date | None:
    given = [
        each.signed.started.date()
        for each in sessions
        if each.signed is not None and each.signed.dose is not None and each.status is not _WRONG
    ]
    return min(given, default=None)


_WRONG = SessionStatus.ENTERED_IN_ERROR


def _rows(sessions: Sequence[StoredSession], progress: Progress) -> tuple[SessionRow, ...]:
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
        rows.append(_row(session, counts=counts, words=words))
    return tuple(sorted(rows, key=lambda row: (row.day, row.number)))


def _row(session: StoredSession, *, counts: bool, words: str) -> SessionRow:
    given = text(session, "dose.given_mg")
    peak = max(pressures(readings(session)), key=lambda reading: reading.systolic or 0, default=None)
    return SessionRow(
        id=session.id,
        number=session.number,
        status=session.status,
        signed=session.signed is not None,
        day=session.signed.started.date() if session.signed is not None else dose_day(session),
        dose=f"{given} mg" if given else "",
        peak=shown(peak) if peak is not None else "",
        events=tuple(event.words for event in events(session) if event.entry.struck is None),
        counts=counts,
        words=words,
    )


def _scores(uow: UnitOfWork, caller: Caller) -> tuple[Phq9, ...]:
    """What was typed in here and what the latest screening found in the EHR's chart, oldest first."""
    typed = [
        Phq9(total=each.total, day=each.day, item9=each.item9, source=f"typed in by {each.by.name}")
        for each in uow.scores.of_patient(caller.patient)
        if each.ehr == caller.ehr and each.scale == "phq9"
    ]
    screening = uow.screenings.latest(caller.patient)
    charted = [_charted(score) for score in screening.baseline_scores] if screening is not None else []
    return tuple(sorted([*(each for each in charted if each), *typed], key=lambda score: score.day))


def _charted(score: Json) -> Phq9 | None:
    """None: the chart's total or date is not one that can be compared."""
    total, on = _whole(score.get("total")), readable(day, str(score.get("date", ""))[:10])
    if total is None or on is None or total > HIGHEST_TOTAL:
        return None
    return Phq9(total=total, day=on, item9=_whole(score.get("item9")), source=f"EHR, {score.get('reference', '')}")


def _whole(given: object) -> int | None:
    try:
        number = Decimal(str(given))
        return int(number) if number >= 0 and number == int(number) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def record_score(work: Work, clock: Clock, caller: Caller, score_id: str, fields: Mapping[str, str]) -> StoredScore:
    """fields: total (0 to 27), item9 (0 to 3 or empty), date (YYYY-MM-DD or empty: today).

    A known `score_id` adds nothing.
    """
    now, action = clock(), "clinician:score:record"
    with work() as uow:
        require_writer(uow, caller, now, action)
        known = [each for each in uow.scores.of_patient(caller.patient) if each.id == score_id]
        if known:
            return known[0]
        if not _SCORE_ID.fullmatch(score_id):
            raise Refused("This form is not one of this app's. Open the page again.")
        course = own_course(uow, caller)
        score = _typed_score(score_id, fields, course, caller, now)
        if not uow.scores.add(score):
            raise Refused("This form was used already. Open the page again.")
        uow.audit.add(audited(caller, now, action, f"score/{score.id}"))
        uow.commit()
        return score


def _typed_score(
    score_id: str, fields: Mapping[str, str], course: StoredCourse | None, caller: Caller, now: datetime
) -> StoredScore:
    problems: dict[str, str] = {}
    total, item9, on = 0, None, now.date()
    try:
        total = whole(fields.get("total", ""), 0, HIGHEST_TOTAL)
    except NotUsable as error:
        problems["total"] = str(error)
    try:
        item9 = whole(fields["item9"], 0, 3) if fields.get("item9", "").strip() else None
    except NotUsable as error:
        problems["item9"] = str(error)
    try:
        on = day(fields["date"]) if fields.get("date", "").strip() else on
    except NotUsable as error:
        problems["date"] = str(error)
    if not problems and item9 is not None and item9 > total:
        problems["item9"] = "Item 9 is more than the whole. Check both."
    if on > now.date():
        problems["date"] = "This day has not come yet."
    elif now.date() - on > OLDEST_SCORE:
        problems["date"] = "This is more than two years ago."
    if problems:
        raise Refused("Some of this needs another look.", problems=problems)
    return StoredScore(
        id=score_id,
        course=course.id if course is not None else None,
        ehr=caller.ehr,
        patient=caller.patient,
        scale="phq9",
        total=total,
        item9=item9,
        day=on,
        at=now,
        by=caller.clinician,
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


def progress_of(work: Work) -> Callable[[str], TreatmentCourse]:
    """For the delivery of CarePlans: a course as it stands now. LookupError for an unknown one."""

    def now(course_id: str) -> TreatmentCourse:
        with work() as uow:
            course = uow.courses.get(course_id)
            if course is None:
                raise LookupError("the course is not in the store")
            return treatment_course_now(course, uow.sessions.of_course(course_id))

    return now
