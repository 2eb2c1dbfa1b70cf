"""Typed values into a `KetamineSession`, strictly: only a session that misses nothing becomes a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from fhir_mappings.facts import checklists
from fhir_mappings.facts.programme import CheckItem
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import (
    AdverseEvent,
    Answer,
    Check,
    Clinician,
    Dose,
    Draw,
    Drug,
    InfusionChange,
    InfusionEvent,
    KetamineSession,
    Moment,
    Rescue,
    SessionStatus,
    Signature,
    TimedNote,
    Weighing,
)
from smart_app.clinical.course_states import SESSION_TABLE, SessionEvent, follow
from smart_app.clinical.entry import amount, day
from smart_app.clinical.rescue_medicines import RESCUE, ROUTES
from smart_app.clinical.session_rules import SessionLimits
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.stock import Stock, chosen, draws
from smart_app.use_cases.records import StoredCourse, StoredSession
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.checklist import (
    CHECK,
    DISCHARGE,
    THERAPY,
    against_the_dose,
    answer,
    before_items,
    field,
    said,
)
from smart_app.use_cases.session.early_stop import early_stop, stop_words
from smart_app.use_cases.session.running_session import weight_source
from smart_app.use_cases.session.second_person import DOSE_CHECK, WASTE_WITNESS, second_person
from smart_app.use_cases.session.session_steps import missing
from smart_app.use_cases.session.struck_lines import struck_lines
from smart_app.use_cases.session.typed_medicines import effect_at, rescues
from smart_app.use_cases.session.typed_session import (
    ended,
    entries,
    events,
    moment,
    ran_for,
    readings,
    resolved,
    sprays,
    started,
    text,
    value,
    written,
)

MEANING = "authorship and responsibility"

Value = TypeVar("Value")


def record(
    session: StoredSession,
    course: StoredCourse,
    signer: Clinician,
    now: datetime,
    limits: SessionLimits,
    stock: Stock,
) -> KetamineSession:
    """The session as it is stored when `signer` signs now; Refused, by field, while anything is missing."""
    problems = {each.field: each.words for each in missing(session, course, now, limits, stock) if each.blocks}
    if problems:
        raise Refused("Something is missing before this can be signed.", problems=problems)
    definition = programme_of(course)
    at_hand = AtHand.of(session, course, now, limits)
    stop = early_stop(at_hand) if at_hand.stopped or at_hand.not_done else None
    begun = stop.at if stop is not None and at_hand.not_done else _there(started(session, now))
    return KetamineSession(
        id=session.id,
        course=course.id,
        number=session.number,
        of=definition.sessions,
        route=course.route,
        patient=session.patient,
        place=course.place,
        status=follow(SESSION_TABLE, session.status, SessionEvent.SIGN),
        checks=_checks(at_hand, CHECK, before_items(at_hand)),
        dose=None if at_hand.not_done else _dose(session, course, now, stock),
        readings=readings(session),
        events=_events(session, now),
        notes=_notes(at_hand),
        discharge=_checks(at_hand, DISCHARGE, definition.discharge),
        started=begun,
        ended=begun if at_hand.not_done else _end(at_hand, begun),
        signature=Signature(by=signer, at=now, meaning=MEANING),
        recorders=session.authors or (session.opened_by,),
        encounter=session.encounter,
        conditions=course.conditions,
        reason=stop_words(stop) if stop is not None else "",
        stop=stop,
        therapy=_checks(at_hand, THERAPY, checklists.THERAPY),
        escort=text(session, "discharge.escort"),
        infusion=_infusion(session),
        rescues=_rescues(session, now),
        purpose=course.purpose,
        struck=struck_lines(session),
    )


def _there(found: Value | None) -> Value:
    """A value whose absence was looked for before. Its absence here is our own mistake."""
    if found is None:
        raise LookupError("a value that was checked is not there")
    return found


def _checks(at_hand: AtHand, group: str, items: Sequence[CheckItem]) -> tuple[Check, ...]:
    checks: list[Check] = []
    for item in items:
        author = written(at_hand.session, field(group, item))
        given = answer(at_hand, group, item)
        if author is not None and given:
            checks.append(
                Check(
                    key=item.key,
                    text=item.text,
                    answer=Answer(given),
                    by=author.by,
                    at=author.at,
                    note=at_hand.text(f"{field(group, item)}.note"),
                    details=said(at_hand, group, item),
                )
            )
    return tuple(checks)


def _dose(session: StoredSession, course: StoredCourse, now: datetime, stock: Stock) -> Dose:
    planned, given = _needed(session, "dose.planned_mg", amount), _needed(session, "dose.given_mg", amount)
    begun = _there(started(session, now))
    giver = written(session, "dose.started")
    counted = stock.counts(course.route)
    taken = draws(session, stock) if counted else ()
    wasted = value(session, "dose.wasted_mg", amount)
    waster = written(session, "dose.wasted_mg")
    # Where the ledger is kept elsewhere, one name stands for both: with waste, it is the witness's.
    checker = second_person(session, DOSE_CHECK, stock.rules.second_check)
    return Dose(
        id=session.dose,
        route=course.route,
        planned_mg=planned,
        given_mg=given,
        started=moment(session, "dose.started", begun),
        given_by=giver.by if giver is not None else session.opened_by,
        mg_per_kg=value(session, "dose.planned_mg_per_kg", amount),
        weighing=_weighing(session, course),
        ended=_ended(session, now),
        concentration_mg_per_ml=_strength(taken) if taken else value(session, "dose.concentration", amount),
        volume_ml=value(session, "dose.volume_ml", amount),
        lot=taken[0].lot if taken else text(session, "dose.lot"),
        expiry=taken[0].expiry if taken else text(session, "dose.expiry"),
        body_site=text(session, "dose.body_site"),
        wasted_mg=wasted,
        second_person="" if counted else text(session, "dose.second_person"),
        minutes_running=_minutes_running(session, now),
        completed=session.status is not SessionStatus.STOPPED or given >= planned,
        drug=_drug(session, stock),
        draws=taken,
        checked_by=checker if counted or checker is None or checker.reference or not wasted else None,
        witness=second_person(session, WASTE_WITNESS, stock.rules.witness) if taken and wasted else None,
        wasted_by=waster.by if taken and wasted and waster is not None else None,
        waste_method=text(session, "dose.waste_method") if wasted else "",
        expired_reason=text(session, "dose.vial_reason"),
        sprays=value(session, "dose.sprays", sprays),
    )


def _strength(taken: Sequence[Draw]) -> Decimal | None:
    """Of all vials; None: they differ, and each says its own."""
    strengths = {draw.concentration_mg_per_ml for draw in taken}
    return strengths.pop() if len(strengths) == 1 else None


def _drug(session: StoredSession, stock: Stock) -> Drug:
    """The vial's; where the ledger is kept elsewhere, as chosen, and ketamine where nothing was."""
    vials = chosen(session, stock)
    return vials[0][1].vial.drug if vials else Drug(text(session, "dose.drug") or Drug.KETAMINE)


def _minutes_running(session: StoredSession, now: datetime) -> int | None:
    paused = any(
        entry.struck is None and entry.fields["change"] == InfusionChange.PAUSED
        for entry in entries(session, "infusion")
    )
    took = ran_for(session, now) if paused else None
    return None if took is None else took // timedelta(minutes=1)


def _needed(session: StoredSession, name: str, parse: Callable[[str], Value]) -> Value:
    return _there(value(session, name, parse))


def _ended(session: StoredSession, now: datetime) -> Moment | None:
    at = ended(session, "dose.ended", now)
    return moment(session, "dose.ended", at) if at is not None else None


def _weighing(session: StoredSession, course: StoredCourse) -> Weighing | None:
    kilograms, weighed = value(session, "dose.weight_kg", amount), value(session, "dose.weight_date", day)
    if kilograms is None or weighed is None:
        return None
    return Weighing(kilograms=kilograms, day=weighed, source=weight_source(session, course))


def _events(session: StoredSession, now: datetime) -> tuple[AdverseEvent, ...]:
    return tuple(
        AdverseEvent(
            id=event.entry.id,
            code=event.code,
            text=event.words,
            severity=event.severity,
            onset=Moment(at=event.entry.at, entered=event.entry.entered, late=event.entry.late),
            by=event.entry.by,
            action=event.action,
            resolved=resolved(event, now) if event.resolved_text else None,
            outcome=event.outcome,
            serious=event.serious,
        )
        for event in events(session)
        if event.entry.struck is None
    )


def _infusion(session: StoredSession) -> tuple[InfusionEvent, ...]:
    return tuple(
        InfusionEvent(
            id=entry.id,
            change=InfusionChange(entry.fields["change"]),
            at=Moment(at=entry.at, entered=entry.entered, late=entry.late),
            by=entry.by,
            rate=amount(entry.fields["rate"]) if entry.fields.get("rate") else None,
            unit=entry.fields.get("unit", "") if entry.fields.get("rate") else "",
        )
        for entry in entries(session, "infusion")
        if entry.struck is None
    )


def _rescues(session: StoredSession, now: datetime) -> tuple[Rescue, ...]:
    return tuple(
        Rescue(
            id=given.entry.id,
            code=RESCUE[given.key].code,
            text=given.words,
            amount=given.amount,
            unit=given.unit,
            route=ROUTES[given.route],
            given=Moment(at=given.entry.at, entered=given.entry.entered, late=given.entry.late),
            by=given.entry.by,
            reason=given.reason,
            effect=given.effect,
            effect_at=effect_at(given, now) if given.effect_time else None,
        )
        for given in rescues(session)
        if given.entry.struck is None
    )


_REASONS = {
    "gate.reason": "Dose given although the blood pressure check did not pass",
    "open.reason": "Session opened although the screening of the day does not stand by itself",
    "hold.reason": "Dose given although the course was on hold",
    "check.reason": "Dose given although a check before it stood against it",
    "dose.unchecked": "Dose given without a second person's check",
    "discharge.reason": "Discharged although a criterion was not met",
}


def _notes(at_hand: AtHand) -> tuple[TimedNote, ...]:
    """What was noted, and the prescriber's reasons where a rule was set aside: the record must say so."""
    session = at_hand.session
    notes = [
        TimedNote(at=entry.at, by=entry.by, text=entry.fields["text"])
        for entry in entries(session, "note")
        if entry.struck is None
    ]
    for name, words in _REASONS.items():
        author = written(session, name)
        if author is None or not text(session, name):
            continue
        found = at_hand.gate().finding if name == "gate.reason" else ""
        if name == "check.reason":
            found = " ".join(against_the_dose(at_hand).values())
        words = f"{words} ({found.rstrip('.')})" if found else words
        notes.append(TimedNote(at=author.at, by=author.by, text=f"{words}: {text(session, name)}"))
    return tuple(sorted(notes, key=lambda note: note.at))


def _end(at_hand: AtHand, begun: datetime) -> datetime:
    """End of observation, or the early end; for a programme without observation, of the dose."""
    names = ["discharge.ended"] if not at_hand.gone else []
    names += ["stop.time"] if at_hand.stopped else []
    ends = (ended(at_hand.session, name, at_hand.now) for name in (*names, "dose.ended"))
    return next((end for end in ends if end is not None), begun)
