"""The view of a session: stored values turned into the lines, sums and words that a page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fhir_mappings.facts import checklists
from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.programmes import programme_of
from fhir_mappings.facts.treatment import InfusionChange, Known, Purpose, Reading, Role, SessionStatus
from smart_app.clinical import dosing
from smart_app.clinical.adverse_events import event_action
from smart_app.clinical.infusion import InfusionState, ran, state_after, stretches
from smart_app.clinical.ledger import NotPosted
from smart_app.clinical.programme import day_words
from smart_app.clinical.rescue_medicines import RESCUE, ROUTES
from smart_app.clinical.session_rules import (
    Action,
    Level,
    SessionLimits,
    action,
    baseline_words,
    elapsed,
    next_due,
)
from smart_app.use_cases.course.course_progress import is_open
from smart_app.use_cases.ledger.stock import Stock, chosen, draws
from smart_app.use_cases.records import Caller, Entry, StoredCourse, StoredScreening, StoredSession
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.check_lines import check_lines, known_at_discharge, known_before
from smart_app.use_cases.session.checklist import (
    CHECK,
    DISCHARGE,
    THERAPY,
    against_the_dose,
    before_items,
    discharge_items,
    open_stopping,
    reasons_wanted,
)
from smart_app.use_cases.session.confirmations import DOSE, amounts_mark
from smart_app.use_cases.session.second_person import (
    DOSE_CHECK,
    WASTE_WITNESS,
    confirm_problem,
    confirmed_values,
    second_person,
)
from smart_app.use_cases.session.session_lines import (
    STEPS,
    CheckLine,
    DisputeLine,
    DoseLines,
    EventLine,
    InfusionView,
    ReadingLine,
    RescueLine,
    SessionView,
    StepState,
    TextLine,
    Written,
    WrittenBy,
)
from smart_app.use_cases.session.session_steps import check_step, missing
from smart_app.use_cases.session.two_writers import disputed, mark, versions
from smart_app.use_cases.session.typed_medicines import rescues
from smart_app.use_cases.session.typed_session import (
    FIELDS,
    amounts,
    clinician,
    ended,
    entries,
    events,
    infusion_steps,
    readings,
    started,
    step_of,
    text,
    written,
)

_STATUS_WORDS = {
    "contraindicated": "The latest screening found a contraindication.",
    "hold": "The latest screening says: not now.",
    "insufficient-data": "The latest screening had not enough data.",
    "needs-review": "The latest screening needs review.",
    "no-indication": "The latest screening found no indication.",
}


def view_of(
    session: StoredSession,
    course: StoredCourse,
    *,
    caller: Caller,
    now: datetime,
    limits: SessionLimits,
    stock: Stock,
    others: Sequence[StoredSession],
    screening: StoredScreening | None,
    scores_ask: tuple[str, ...] = (),
) -> SessionView:
    """`others` are all sessions of the course, `screening` is the patient's latest."""
    person = screening.person if screening is not None else {}
    definition = programme_of(course)
    at_hand = AtHand.of(session, course, now, limits, stock)
    begun = started(session, now)
    checks = check_lines(at_hand, CHECK, before_items(at_hand), known_before(at_hand, course, person))
    discharge = check_lines(at_hand, DISCHARGE, discharge_items(at_hand), known_at_discharge(at_hand, course))
    therapy = check_lines(at_hand, THERAPY, checklists.THERAPY, {})
    taken = readings(session)
    lines = tuple(_reading_line(reading, begun, limits, taken[:place]) for place, reading in enumerate(taken))
    over = ended(session, "discharge.ended", now)
    due = next_due(
        taken,
        schedule=() if over else definition.monitoring_minutes,
        dose_at=begun,
        now=now,
        limits=at_hand.limits,
    )
    watched = begun is not None and not over and session.held_on == now.date()
    waits = f"next at {due.at:%H:%M}" if watched and due.at else ""
    why_not = _why_not(session, caller)
    return SessionView(
        session=session,
        course=course,
        definition=definition,
        person=person,
        title=title(session, definition.sessions, course.purpose),
        now=now,
        editable=not why_not,
        why_not=why_not,
        may_sign=not why_not and caller.role is Role.PRESCRIBER,
        fields=_all_fields(session, (*checks, *discharge, *therapy)),
        written=_all_written(session),
        checks=checks,
        discharge=discharge,
        therapy=therapy,
        gate=at_hand.gate(),
        baseline=baseline_words(at_hand.limits),
        against_dose=against_the_dose(at_hand),
        not_asked=open_stopping(at_hand),
        reasons_wanted=reasons_wanted(at_hand),
        dose=_dose_lines(session, course, caller, now, stock),
        readings=lines,
        events=_event_lines(session, begun),
        notes=_note_lines(session, begun),
        due=due,
        alert=_alert(lines),
        event_alerts=_event_alerts(session, begun),
        infusion=_infusion(session, begun, now) if definition.infusion_minutes is not None else None,
        rescues=_rescue_lines(session, begun),
        steps=tuple(
            _step(session, key, course, now, limits, stock, waits=waits if key == "monitor" else "") for key in STEPS
        ),
        missing=missing(session, course, now, limits, stock),
        stock=stock,
        scores_ask=scores_ask,
        notices=_notices(session, definition, others, screening, now),
        held=at_hand.held if not why_not else "",
        held_before_dose=at_hand.held_before_dose,
        observed_minutes=_minutes(begun, now),
        disputes=_dispute_lines(session, (*checks, *discharge, *therapy), stock),
    )


_FIELD_WORDS = {
    "dose.planned_mg_per_kg": "Planned dose, mg/kg",
    "dose.weight_kg": "Weight, kg",
    "dose.weight_date": "Day of the weight",
    "dose.planned_mg": "Planned dose, mg",
    "dose.given_mg": "Given, mg",
    "dose.wasted_mg": "Discarded, mg",
    "dose.concentration": "Concentration, mg/mL",
    "dose.volume_ml": "Volume, mL",
    "dose.vial.1": "Vial",
    "dose.vial.2": "Vial 2",
    "dose.vial.3": "Vial 3",
    "dose.drawn_mg.1": "Drawn from the vial, mg",
    "dose.drawn_mg.2": "Drawn from vial 2, mg",
    "dose.drawn_mg.3": "Drawn from vial 3, mg",
    "dose.date": "Day of the dose",
    "dose.started": "Start of the dose",
    "dose.ended": "End of the dose",
    "discharge.ended": "End of observation",
    "gate.reason": "Reason for a dose in spite of the blood pressure check",
    "check.reason": "Reason for a dose in spite of a check",
    "hold.reason": "Reason for a dose although the course is on hold",
    "discharge.reason": "Reason for an unmet criterion",
    "stop.reason": "Why the session was stopped",
    "stop.disposition": "Where the patient went",
    "stop.time": "When the session was stopped",
}


def _dispute_lines(session: StoredSession, lines: Sequence[CheckLine], stock: Stock) -> tuple[DisputeLine, ...]:
    vials = {name: f"vial {holding.vial.number}" for name, holding in stock.holdings.items()}
    known = {line.field: line.text for line in lines}
    known |= {each.field: f"{line.text}: {each.detail.label.lower()}" for line in lines for each in line.details}
    known |= {event.resolved_field: f"{event.words}: over at" for event in events(session)}
    known |= {event.outcome_field: f"{event.words}: outcome" for event in events(session)}
    known |= {each.effect_field: f"{each.words}: effect" for each in rescues(session)}
    known |= {each.effect_time_field: f"{each.words}: effect seen at" for each in rescues(session)}
    return tuple(
        DisputeLine(
            step=step_of(name),
            field=name,
            words=_FIELD_WORDS.get(name) or known.get(name) or name.partition(".")[2].replace("_", " ").capitalize(),
            written=tuple(
                WrittenBy(
                    value=vials.get(each.value, each.value),
                    by=clinician(session, each.by),
                    at=datetime.fromisoformat(each.at),
                )
                for each in versions(session.fields, name)
            ),
            seen=mark(versions(session.fields, name)),
        )
        for name in disputed(session.fields)
    )


def title(session: StoredSession, of: int | None, purpose: Purpose = Purpose.COURSE) -> str:
    if purpose is Purpose.BOOSTER:
        return "Booster session"
    return f"Session {session.number} of {of}" if of is not None else f"Session {session.number}"


def _why_not(session: StoredSession, caller: Caller) -> str:
    if session.status is SessionStatus.ENTERED_IN_ERROR:
        return "This session was entered in error."
    if session.signed is not None and session.amendment is None:
        signature = session.signed.signature
        return f"Signed by {signature.by.name} on {day_words(signature.at.date())} at {signature.at:%H:%M}."
    if caller.role not in {Role.PRESCRIBER, Role.NURSE}:
        return "Only prescribers and nurses can record a session."
    return "" if caller.may_write else "The EHR did not allow this app to write for you."


def _all_fields(session: StoredSession, lines: Sequence[CheckLine]) -> dict[str, str]:
    names = [*FIELDS]
    for line in lines:
        names += [line.field, line.note_field, *(detail.field for detail in line.details)]
    names += [name for event in events(session) for name in (event.resolved_field, event.outcome_field)]
    names += [name for each in rescues(session) for name in (each.effect_field, each.effect_time_field)]
    typed = {name: value for name, value in session.fields.items() if not name.startswith("@")}
    return dict.fromkeys(names, "") | typed


def _all_written(session: StoredSession) -> dict[str, Written]:
    found = {name: written(session, name) for name in session.fields if not name.startswith("@")}
    return {name: by for name, by in found.items() if by is not None}


def _dose_lines(
    session: StoredSession, course: StoredCourse, caller: Caller, now: datetime, stock: Stock
) -> DoseLines:
    known = amounts(session, now, enrolled=course.enrolment.get("weight_kg") or "")
    asked = dosing.warnings(known, programme_of(course), on=session.held_on)
    source = ""
    if known.kilograms is not None and known.weighed is not None:
        source = f"Weight of {day_words(known.weighed)}, {weight_source(session, course)}"
    return DoseLines(
        planned=dosing.dose(known.mg_per_kg, known.kilograms),
        planned_source=source,
        volume=dosing.volume(known.given_mg or known.planned_mg, known.concentration),
        warnings=asked,
        confirmed=text(session, DOSE) == "yes",
        asked=amounts_mark(session.fields),
        started=started(session, now),
        ended=ended(session, "dose.ended", now),
        counted=stock.counts(course.route),
        taken=tuple(holding for _, holding in chosen(session, stock)),
        drawn=_drawn(session, stock) if stock.counts(course.route) else "",
        second_check=stock.rules.second_check,
        witnessing=stock.rules.witness if stock.counts(course.route) else Known.NONE,
        checked_by=second_person(session, DOSE_CHECK, stock.rules.second_check),
        witness=second_person(session, WASTE_WITNESS, stock.rules.witness),
        to_confirm=_to_confirm(session, course, caller, now, stock),
        esketamine=stock.rules.esketamine,
    )


def _drawn(session: StoredSession, stock: Stock) -> str:
    """The sum that the ledger will hold; empty while it cannot be made."""
    try:
        parts = draws(session, stock)
    except NotPosted:
        return ""
    given, wasted = sum(each.given_mg for each in parts), sum(each.wasted_mg for each in parts)
    return f"{given + wasted} mg drawn = {given} mg given + {wasted} mg discarded"


def _to_confirm(
    session: StoredSession, course: StoredCourse, caller: Caller, now: datetime, stock: Stock
) -> dict[str, dict[str, str]]:
    """What this reader can confirm as a colleague, with the values that it would hold for."""
    if _why_not(session, caller):
        return {}
    asked = {DOSE_CHECK: stock.rules.second_check}
    if stock.counts(course.route):
        asked[WASTE_WITNESS] = stock.rules.witness
    return {
        kind: confirmed_values(session, kind)
        for kind, known in asked.items()
        if known is not Known.NONE
        and second_person(session, kind, Known.SIGNED_IN) is None
        and not confirm_problem(session, kind, caller.clinician, now)
    }


def weight_source(session: StoredSession, course: StoredCourse) -> str:
    """Where the weight of a session comes from, in words."""
    pairs = (("dose.weight_kg", "weight_kg"), ("dose.weight_date", "weight_date"))
    if all(text(session, typed) == course.enrolment.get(kept) for typed, kept in pairs):
        return "as at enrolment"
    author = written(session, "dose.weight_kg")
    return f"entered by {author.by.name}" if author is not None else "the newest in the record"


def _reading_line(
    reading: Reading, begun: datetime | None, limits: SessionLimits, earlier: Sequence[Reading]
) -> ReadingLine:
    since = begun is not None and _since(begun, reading) and reading.struck is None
    before = [each for each in earlier if begun is not None and _since(begun, each)]
    return ReadingLine(
        id=reading.id,
        at=reading.measured.at,
        entered=reading.measured.entered,
        late=reading.measured.late,
        by=reading.by,
        minutes=_minutes(begun, reading.measured.at),
        systolic=reading.systolic,
        diastolic=reading.diastolic,
        heart_rate=reading.heart_rate,
        oxygen_saturation=reading.oxygen_saturation,
        respiratory_rate=reading.respiratory_rate,
        sedation=reading.sedation,
        dissociation=reading.dissociation,
        baseline=reading.baseline,
        action=action(reading, limits, before) if since else Action(level=Level.NONE),
        struck=reading.struck,
        struck_by=reading.struck_by.name if reading.struck_by is not None else "",
    )


def _since(begun: datetime, reading: Reading) -> bool:
    """The dose's time has no seconds: a baseline of that same minute came before it."""
    minute = timedelta(minutes=1) if reading.baseline else timedelta(0)
    return elapsed(begun, reading.measured.at) >= minute


def _minutes(begun: datetime | None, at: datetime) -> int | None:
    return None if begun is None else elapsed(begun, at) // timedelta(minutes=1)


def _event_lines(session: StoredSession, begun: datetime | None) -> tuple[EventLine, ...]:
    return tuple(
        EventLine(
            **_entry(event.entry, begun),
            text=event.words,
            severity=event.severity,
            action=event.action,
            resolved_field=event.resolved_field,
            resolved=event.resolved_text,
            outcome_field=event.outcome_field,
            outcome=event.outcome,
            serious=event.serious,
        )
        for event in events(session)
    )


_CHANGED = {
    InfusionChange.STARTED: "Started",
    InfusionChange.PAUSED: "Paused",
    InfusionChange.RESUMED: "Resumed",
    InfusionChange.STOPPED: "Stopped",
}


def _infusion(session: StoredSession, begun: datetime | None, now: datetime) -> InfusionView | None:
    if begun is None:
        return None
    steps, lines = infusion_steps(session, now), entries(session, "infusion")
    took, state = ran(steps, now) // timedelta(minutes=1), state_after(steps)
    said = {InfusionState.RUNNING: "Running", InfusionState.PAUSED: "Paused after running"}.get(state, "Ran")
    rates = [_change_words(each) for each in lines if each.struck is None and each.fields.get("rate")]
    return InfusionView(
        state=state,
        words=f"{said} for {took} min, pauses left out.",
        rate=rates[-1] if rates else "",
        ran=stretches(steps, now),
        lines=tuple(TextLine(**_entry(entry, begun), text=_change_words(entry)) for entry in lines),
    )


def _change_words(entry: Entry) -> str:
    change = InfusionChange(entry.fields["change"])
    return _CHANGED.get(change) or f"Rate {entry.fields['rate']} {entry.fields['unit']}"


def _rescue_lines(session: StoredSession, begun: datetime | None) -> tuple[RescueLine, ...]:
    return tuple(
        RescueLine(
            **_entry(each.entry, begun),
            text=f"{each.words} {each.amount} {each.unit}, {ROUTES[each.route].lower()}",
            reason=each.reason,
            effect_field=each.effect_field,
            effect=each.effect,
            effect_time_field=each.effect_time_field,
            effect_time=each.effect_time,
            sedates=RESCUE[each.key].sedates,
        )
        for each in rescues(session)
    )


def _note_lines(session: StoredSession, begun: datetime | None) -> tuple[TextLine, ...]:
    return tuple(TextLine(**_entry(entry, begun), text=entry.fields["text"]) for entry in entries(session, "note"))


def _entry(entry: Entry, begun: datetime | None) -> dict[str, Any]:
    """What every line says of the entry that it shows."""
    return {
        "id": entry.id,
        "at": entry.at,
        "entered": entry.entered,
        "late": entry.late,
        "by": entry.by,
        "minutes": _minutes(begun, entry.at),
        "struck": entry.struck,
        "struck_by": entry.struck_by.name if entry.struck_by is not None else "",
    }


def _alert(lines: Sequence[ReadingLine]) -> Action:
    standing = [line for line in lines if line.struck is None]
    return standing[-1].action if standing else Action(level=Level.NONE)


def _event_alerts(session: StoredSession, begun: datetime | None) -> tuple[Action, ...]:
    """Of the adverse events since the dose that are neither over nor struck out."""
    found = (
        event_action(event.entry.fields["type"], event.severity, event.words)
        for event in events(session)
        if event.entry.struck is None and not event.resolved_text and begun is not None and event.entry.at >= begun
    )
    return tuple(each for each in found if each.level is not Level.NONE)


_STEP_PREFIXES = {"before": ("check.", "gate.", "hold."), "dose": ("dose.",), "discharge": ("discharge.", "stop.")}


def _step(
    session: StoredSession,
    key: str,
    course: StoredCourse,
    now: datetime,
    limits: SessionLimits,
    stock: Stock,
    *,
    waits: str,
) -> StepState:
    """A step is begun once somebody wrote in it; what was filled in at opening does not begin it."""
    if key == "monitor":
        begun = started(session, now) is not None
    else:
        begun = any(name.startswith(_STEP_PREFIXES[key]) and written(session, name) for name in session.fields)
        begun = begun or (key == "before" and any(reading.struck is None for reading in readings(session)))
    problems = check_step(session, key, course, now, limits, stock)
    return StepState(key=key, name=STEPS[key], begun=begun, problems=problems, waits=waits)


def _notices(
    session: StoredSession,
    definition: ProgrammeDefinition,
    others: Sequence[StoredSession],
    screening: StoredScreening | None,
    now: datetime,
) -> tuple[str, ...]:
    if not is_open(session):
        return ()
    notices: list[str] = []
    given = [each.signed.started for each in others if each.signed is not None and each.signed.dose is not None]
    last = max(given, default=None, key=lambda at: at.timestamp())
    least = timedelta(hours=definition.least_hours_apart)
    if last is not None and timedelta(0) <= elapsed(last, now) < least:
        notices.append(f"The last session began less than {definition.least_hours_apart} hours ago.")
    if screening is None or screening.at.date() != now.date():
        notices.append("The patient has not been screened today.")
    elif screening.stands_as in _STATUS_WORDS:
        notices.append(_STATUS_WORDS[screening.stands_as])
    if screening is not None and screening.overrides:
        rules = ", ".join(sorted(override.rule for override in screening.overrides))
        notices.append(f"A prescriber overrode what the screening found: {rules}.")
    return tuple(notices)
