"""Outcomes of a patient: every scale with its verdict, the alert, relapse, what is due, and decisions about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from fhir_mappings.facts.programme import CourseStatus
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.questionnaire import Instrument
from fhir_mappings.facts.treatment import Role
from smart_app.clinical.follow_up import WEEK, Due, DueState, next_due, schedule
from smart_app.clinical.instruments import result
from smart_app.clinical.outcomes import Outcome, ScaleScore, outcome, totals
from smart_app.clinical.relapse import Cause, Relapse, relapse
from smart_app.clinical.suicidality import SuicidalityAlert, suicidality_alert
from smart_app.use_cases.access import audited, own_course, refuse, require_prescriber, require_writer
from smart_app.use_cases.care_entries import day_told
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.outcomes.goals import goals_followed
from smart_app.use_cases.outcomes.judged_course import (
    declared_relapses,
    first_session,
    held_days,
    primary_scale,
    treated,
)
from smart_app.use_cases.outcomes.record_score import form_of
from smart_app.use_cases.outcomes.score_draft import score_draft
from smart_app.use_cases.outcomes.score_messages import written_as
from smart_app.use_cases.outcomes.scores import (
    as_score,
    counting,
    own_decisions,
    own_scores,
    scores_of,
    struck_out,
    unread_scores,
)
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import reason_in, required_reason
from smart_app.use_cases.records import (
    Caller,
    DecisionKind,
    OutcomeDecision,
    StoredCourse,
    StoredScore,
    StoredSession,
)
from smart_app.use_cases.retraction_messages import retraction
from smart_app.use_cases.site import Site

LONGEST_REASON = 2000
_ENDED = {CourseStatus.COMPLETED, CourseStatus.REVOKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleView:
    """One scale that was used, or the primary one. `scores` have a total, oldest first."""

    form: Instrument
    scores: tuple[ScaleScore, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """One filling-in that was entered here."""

    stored: StoredScore
    form: Instrument
    score: ScaleScore
    words: str  # the result: "9, mild", "high risk", "item 4 without an answer: no total"
    struck: OutcomeDecision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesView:
    """`relapse` None: there is no course. `dates` are those of the primary scale; empty without a course. `rules` are
    those the course was enrolled with."""

    course: StoredCourse | None
    primary: Instrument
    scores: tuple[ScaleScore, ...]  # all that count, of every scale, oldest first
    scales: tuple[ScaleView, ...]
    alert: SuicidalityAlert
    relapse: Relapse | None
    rules: OutcomeRules
    dates: tuple[Due, ...]
    lines: tuple[ScoreLine, ...]  # newest first
    may_write: bool
    may_decide: bool
    now: datetime
    unread: str = ""  # why the chart's scores are not among them; "": they were read

    @property
    def next(self) -> Due | None:
        return next_due(self.dates)

    @property
    def judged(self) -> Outcome:
        """By the primary scale."""
        return next(each.outcome for each in self.scales if each.form is self.primary)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """One questionnaire to fill in. `values` are the author's draft."""

    form: Instrument
    values: Mapping[str, str]
    alert: SuicidalityAlert
    lately: date | None  # the day of a score so recent that the form asks about much of the same time again
    now: datetime


def outcomes_view(work: Work, clock: Clock, caller: Caller) -> OutcomesView:
    now = clock()
    with work() as uow:
        course = own_course(uow, caller)
        sessions = uow.sessions.of_course(course.id) if course is not None else ()
        view = outcomes_within(uow, caller, course, sessions, now)
        uow.audit.add(audited(caller, now, "clinician:score:read"))
        uow.commit()
        return view


def form_view(work: Work, clock: Clock, caller: Caller, scale: str) -> FormView:
    now, form = clock(), form_of(scale)
    with work() as uow:
        scores = scores_of(uow, caller, now.tzinfo)
        view = FormView(
            form=form,
            values=score_draft(uow, caller, scale),
            alert=suicidality_alert(scores),
            lately=_lately(form, scores, now.date()),
            now=now,
        )
        uow.audit.add(audited(caller, now, "clinician:score:read", detail=form.name))
        uow.commit()
        return view


def _lately(form: Instrument, scores: Sequence[ScaleScore], today: date) -> date | None:
    """PHQ-9 and its like are filled in once a week at most (clinical README 4)."""
    taken = totals(scores, form.key)
    return taken[-1].day if form.recall and taken and today - taken[-1].day < WEEK else None


def outcomes_within(
    uow: UnitOfWork, caller: Caller, course: StoredCourse | None, sessions: Sequence[StoredSession], now: datetime
) -> OutcomesView:
    """The same inside a transaction that somebody else began. A booster is judged with the course it follows."""
    course, sessions = treated(uow, course, sessions)
    typed, decisions = own_scores(uow, caller), own_decisions(uow, caller)
    screening = uow.screenings.latest(caller.patient)
    scores, unread = counting(typed, decisions, screening, now.tzinfo), unread_scores(screening, now)
    about = tuple(each for each in decisions if course is not None and each.about == course.id)
    scale, first = primary_scale(about), first_session(sessions)
    used = [key for key, form in INSTRUMENTS.items() if key != scale and form.highest and totals(scores, key)]
    rules = programme_of(course).outcomes if course is not None else AS_SHIPPED
    writes = caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE}
    return OutcomesView(
        course=course,
        primary=INSTRUMENTS[scale],
        scores=scores,
        scales=tuple(
            ScaleView(
                form=INSTRUMENTS[key],
                scores=tuple(totals(scores, key)),
                outcome=outcome(scores, first_session=first, scale=key, rules=rules, unread=bool(unread)),
            )
            for key in (scale, *used)
        ),
        alert=suicidality_alert(scores),
        relapse=relapse(scores, first_session=first, declared=declared_relapses(about), rules=rules)
        if course is not None
        else None,
        rules=rules,
        dates=_dates(course, sessions, scores, scale, now.date()),
        lines=_lines(typed, decisions, now),
        may_write=writes,
        may_decide=writes and caller.role is Role.PRESCRIBER and course is not None,
        now=now,
        unread=unread,
    )


def due_today(
    uow: UnitOfWork, caller: Caller, course: StoredCourse, sessions: Sequence[StoredSession], now: datetime
) -> tuple[str, ...]:
    """What the scores ask for on the day of a session: the alert about suicidality, and the scale that is due."""
    view = outcomes_within(uow, caller, course, sessions, now)
    coming = view.next
    due = coming is not None and coming.state is DueState.DUE
    asked = (view.alert.words, f"{view.primary.name} is due: {coming.what.lower()}." if coming and due else "")
    return tuple(words for words in asked if words)


def _dates(
    course: StoredCourse | None,
    sessions: Sequence[StoredSession],
    scores: Sequence[ScaleScore],
    scale: str,
    today: date,
) -> tuple[Due, ...]:
    if course is None:
        return ()
    held = held_days(sessions)
    planned = [each.day for each in course.planned if each.day is not None]
    start = min(held or planned, default=course.start)
    ended = (course.ended or max(held, default=None)) if course.status in _ENDED else None
    if course.status in _ENDED and not held:
        return ()
    return schedule(scores, scale=scale, start=start, ended=ended, today=today, rules=programme_of(course).outcomes)


def _lines(
    typed: Sequence[StoredScore], decisions: Sequence[OutcomeDecision], now: datetime
) -> tuple[ScoreLine, ...]:
    struck = struck_out(decisions)
    made = (
        ScoreLine(
            stored=each,
            form=INSTRUMENTS[each.scale],
            score=as_score(each, now.tzinfo),
            words=result_words(each),
            struck=struck.get(each.id),
        )
        for each in typed
    )
    return tuple(sorted(made, key=lambda line: (line.score.day, line.score.earliest), reverse=True))


def result_words(stored: StoredScore) -> str:
    form = INSTRUMENTS[stored.scale]
    if stored.total is not None:
        return ", ".join(filter(None, (str(stored.total), form.band(stored.total))))
    return result(form, {int(number): score for number, score in stored.answers.items()}).words


def strike_score(
    work: Work, clock: Clock, caller: Caller, score_id: str, reason: str, ids: Callable[[], str], site: Site
) -> OutcomeDecision:
    """It stays readable, with the reason, and counts for nothing. Striking twice is the first time's."""
    now, action = clock(), "clinician:score:strike"
    with work() as uow:
        require_writer(uow, caller, now, action)
        score = next((each for each in own_scores(uow, caller) if each.id == score_id), None)
        if score is None:
            refuse(uow, caller, now, action, Refused("There is no such score for this patient."))
        before = struck_out(own_decisions(uow, caller)).get(score_id)
        if before is not None:
            return before
        why = required_reason(reason)[:LONGEST_REASON]
        made = _decision(caller, now, ids, DecisionKind.STRIKE, score.id, "", score.day, why)
        with goals_followed(uow, caller, now, ids, site):
            uow.scores.decide(made)
            sent = uow.messages.of_patient(caller.ehr, caller.patient)
            back = retraction(set(written_as(score.id)), sent, caller, now, ids())
            if back is not None:
                uow.messages.add(back)
        uow.audit.add(audited(caller, now, action, f"score/{score.id}"))
        uow.commit()
        return made


def declare_relapse(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> OutcomeDecision:
    """fields: cause, day (empty: today), reason. By a prescriber, of the patient's course."""
    now, action = clock(), "clinician:outcome:relapse"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        course = _own(uow, caller, now, action)
        problems: dict[str, str] = {}
        cause = fields.get("cause", "")
        if cause not in set(Cause):
            problems["cause"] = "Say what the relapse is known by."
        on = day_told(fields.get("day", "").strip() or now.date().isoformat(), now.date(), problems)
        why = reason_in(fields, problems)[:LONGEST_REASON]
        if problems or on is None:
            raise Refused("Some of this needs another look.", problems=problems)
        made = _decision(caller, now, ids, DecisionKind.RELAPSE, course.id, cause, on, why)
        with goals_followed(uow, caller, now, ids, site):
            uow.scores.decide(made)
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", detail=f"{cause}, {on.isoformat()}"))
        uow.commit()
        return made


def choose_scale(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> OutcomeDecision:
    """fields: scale, reason. The course is judged by this scale from now on; earlier choices stay on record."""
    now, action = clock(), "clinician:outcome:scale"
    with work() as uow:
        require_prescriber(uow, caller, now, action)
        course = _own(uow, caller, now, action)
        problems: dict[str, str] = {}
        scale = fields.get("scale", "")
        if scale not in INSTRUMENTS or not INSTRUMENTS[scale].primary:
            problems["scale"] = "Choose a scale."
        why = reason_in(fields, problems)[:LONGEST_REASON]
        if problems:
            raise Refused("Some of this needs another look.", problems=problems)
        made = _decision(caller, now, ids, DecisionKind.SCALE, course.id, scale, now.date(), why)
        with goals_followed(uow, caller, now, ids, site):
            uow.scores.decide(made)
        uow.audit.add(audited(caller, now, action, f"course/{course.id}", detail=scale))
        uow.commit()
        return made


def _own(uow: UnitOfWork, caller: Caller, now: datetime, action: str) -> StoredCourse:
    course, _ = treated(uow, own_course(uow, caller), ())
    if course is None:
        refuse(uow, caller, now, action, Refused("This patient has no course.", advice="Enrol the patient first."))
    return course


def _decision(
    caller: Caller,
    now: datetime,
    ids: Callable[[], str],
    kind: DecisionKind,
    about: str,
    value: str,
    on: date,
    reason: str,
) -> OutcomeDecision:
    return OutcomeDecision(
        id=ids(),
        ehr=caller.ehr,
        patient=caller.patient,
        kind=kind,
        about=about,
        value=value,
        day=on,
        reason=reason,
        at=now,
        by=caller.clinician,
    )
