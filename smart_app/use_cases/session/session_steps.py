"""What each step of a session still asks for, by field; nothing that was typed is refused here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from fhir_mappings.facts import checklists
from fhir_mappings.facts.treatment import Answer
from smart_app.clinical.entry import NOT_YET
from smart_app.clinical.rescue_medicines import RESCUE
from smart_app.clinical.session_rules import SessionLimits, clock_time, elapsed
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.ledger.stock import ELSEWHERE, Stock
from smart_app.use_cases.records import StoredCourse, StoredSession
from smart_app.use_cases.session.at_hand import AtHand, end_problem, note_problem
from smart_app.use_cases.session.checklist import (
    CHECK,
    DISCHARGE,
    THERAPY,
    against,
    against_the_dose,
    answer,
    before_items,
    discharge_items,
    field,
    unanswered,
)
from smart_app.use_cases.session.dose_step import dose_problems
from smart_app.use_cases.session.early_stop import stop_problems
from smart_app.use_cases.session.session_lines import STEPS, Missing
from smart_app.use_cases.session.two_writers import disputed
from smart_app.use_cases.session.typed_medicines import effect_at, infusion_problem, rescues
from smart_app.use_cases.session.typed_session import events, readings, resolved, step_of


def check_step(
    session: StoredSession,
    step: str,
    course: StoredCourse,
    now: datetime,
    limits: SessionLimits,
    stock: Stock = ELSEWHERE,
) -> Problems:
    """What keeps a step (before, dose, monitor, discharge) from being complete, by field."""
    return _problems(AtHand.of(session, course, now, limits, stock), step)


def missing(
    session: StoredSession, course: StoredCourse, now: datetime, limits: SessionLimits, stock: Stock
) -> tuple[Missing, ...]:
    """Everything to do before signing, step by step, then what is only worth a look."""
    at_hand = AtHand.of(session, course, now, limits, stock)
    blocking = [
        Missing(step="stop" if name.startswith("stop.") else step, field=name, words=words)
        for step in STEPS
        for name, words in _problems(at_hand, step).items()
    ]
    return (*blocking, *_worth_a_look(at_hand))


def _problems(at_hand: AtHand, step: str) -> dict[str, str]:
    """What the step asks for; before that, what two people wrote differently."""
    undecided = {
        name: "Two people wrote different things here. Choose which to keep."
        for name in disputed(at_hand.session.fields)
        if step_of(name) == step
    }
    return undecided | {name: words for name, words in _STEPS[step](at_hand).items() if name not in undecided}


def _before(at_hand: AtHand) -> dict[str, str]:
    if at_hand.not_done:
        return {}
    items = before_items(at_hand)
    problems = unanswered(at_hand, CHECK, items)
    for item in items:
        if not item.stops and answer(at_hand, CHECK, item) == Answer.YES and against(at_hand, CHECK, item):
            problems[field(CHECK, item)] = f"{against(at_hand, CHECK, item)} Correct it, or answer no."
    stopping = against_the_dose(at_hand)
    reason = at_hand.reason_problem("check.reason") if stopping else ""
    if reason:
        problems |= {name: f"Do not give the dose: {words}" for name, words in stopping.items()}
        problems["check.reason"] = reason
    if at_hand.held_before_dose:
        reason = at_hand.reason_problem("hold.reason")
        if reason:
            problems["hold.reason"] = f"Do not give the dose. {at_hand.held} {reason}"
    gate = at_hand.gate()
    if not gate.open:
        reason = at_hand.reason_problem("gate.reason")
        if reason:
            problems["gate.reason"] = f"{gate.finding} {reason}" if at_hand.started else gate.words
    return problems


def _dose(at_hand: AtHand) -> dict[str, str]:
    return {} if at_hand.not_done else dose_problems(at_hand)


def _monitor(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    begun = at_hand.started
    watched = at_hand.definition.monitoring_minutes and not at_hand.gone and not at_hand.not_done
    if watched and begun is not None:
        since = [r for r in readings(at_hand.session) if r.struck is None and r.measured.at > begun]
        if not any(reading.systolic is not None for reading in since):
            problems["systolic"] = "Record at least one blood pressure after the dose."
    for event in events(at_hand.session):
        if event.entry.struck is None and event.resolved_text:
            over = resolved(event, at_hand.now)
            if over is None:
                problems[event.resolved_field] = "Enter a time in 24 hours, such as 14:02."
            elif over > at_hand.now:
                problems[event.resolved_field] = NOT_YET
    words = infusion_problem(at_hand.session, at_hand.now)
    if words:
        problems["infusion.change"] = words
    return problems | _rescue_problems(at_hand)


def _rescue_problems(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    for given in rescues(at_hand.session):
        if given.entry.struck is not None:
            continue
        if given.effect_time:
            seen = effect_at(given, at_hand.now)
            if seen is None:
                problems[given.effect_time_field] = "Enter a time in 24 hours, such as 14:02."
            elif seen > at_hand.now:
                problems[given.effect_time_field] = NOT_YET
        if RESCUE[given.key].sedates and not _sedation_since(at_hand, given.entry.at):
            at = clock_time(given.entry.at)
            problems["sedation"] = f"Record the sedation (MOAA/S) in a reading after {given.words.lower()} of {at}."
    return problems


def _sedation_since(at_hand: AtHand, at: datetime) -> bool:
    return any(
        reading.struck is None and reading.sedation is not None and elapsed(at, reading.measured.at) >= timedelta(0)
        for reading in readings(at_hand.session)
    )


def _discharge(at_hand: AtHand) -> dict[str, str]:
    problems = stop_problems(at_hand) if at_hand.stopped or at_hand.not_done else {}
    if at_hand.gone or at_hand.not_done:
        return problems
    items = discharge_items(at_hand)
    problems |= unanswered(at_hand, DISCHARGE, items) | unanswered(at_hand, THERAPY, checklists.THERAPY)
    if at_hand.text("discharge.ended"):
        note_problem(problems, "discharge.ended", lambda: end_problem(at_hand, "discharge.ended"))
    elif items:
        problems["discharge.ended"] = "Enter when observation ended."
    if at_hand.text("discharge.escorted") == Answer.YES and not at_hand.text("discharge.escort"):
        problems["discharge.escort"] = "Name the adult with whom the patient leaves."
    unmet = [against(at_hand, DISCHARGE, item).rstrip(".") for item in items if item.key != "time"]
    unmet += [item.text for item in items if item.key == "time" and answer(at_hand, DISCHARGE, item) == Answer.NO]
    unmet = [words for words in unmet if words]
    least, since = at_hand.definition.observation_minutes, at_hand.observed
    if since is not None and timedelta(0) <= since < timedelta(minutes=least):
        unmet.append(f"observed for {since // timedelta(minutes=1)} of {least} minutes")
    reason = at_hand.reason_problem("discharge.reason") if unmet else ""
    if reason:
        problems["discharge.reason"] = f"Not met: {'; '.join(unmet)}. {reason}"
    return problems


def _worth_a_look(at_hand: AtHand) -> list[Missing]:
    if at_hand.not_done:
        return []
    looks = (
        ("dose", "dose.lot", "No lot number is entered."),
        ("dose", "dose.expiry", "No expiry date is entered."),
        ("dose", "dose.wasted_mg", "No waste is entered, not even 0."),
    )
    return [
        Missing(step=step, field=name, words=words, blocks=False)
        for step, name, words in looks
        if not at_hand.text(name)
    ] + _baseline_looks(at_hand)


def _baseline_looks(at_hand: AtHand) -> list[Missing]:
    """Vital signs that no reading before the dose holds."""
    begun = at_hand.started or at_hand.now
    before = [each for each in readings(at_hand.session) if each.struck is None and each.measured.at <= begun]
    measured = (
        ("heart_rate", "heart rate", [each.heart_rate for each in before]),
        ("oxygen_saturation", "oxygen saturation", [each.oxygen_saturation for each in before]),
        ("respiratory_rate", "respiratory rate", [each.respiratory_rate for each in before]),
    )
    return [
        Missing(step="before", field=f"reading.{name}", words=f"No baseline {words} is recorded.", blocks=False)
        for name, words, values in measured
        if at_hand.definition.monitoring_minutes and all(value is None for value in values)
    ]


_STEPS: Mapping[str, Callable[[AtHand], dict[str, str]]] = MappingProxyType(
    {"before": _before, "dose": _dose, "monitor": _monitor, "discharge": _discharge}
)
