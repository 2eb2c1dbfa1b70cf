"""The lines of a session's checklists that apply: what they still ask for, and what stands against going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from fhir_mappings.facts.programme import CheckItem, Detail
from fhir_mappings.facts.treatment import Answer
from smart_app.clinical.check_details import detail_problem, detail_words
from smart_app.clinical.discharge import Proposal, observed, proposals
from smart_app.clinical.entry import amount, day
from smart_app.clinical.session_rules import elapsed
from smart_app.clinical.units import plain
from smart_app.use_cases.session.at_hand import AtHand
from smart_app.use_cases.session.typed_session import readings, value, written

CHECK, DISCHARGE, THERAPY = "check", "discharge", "therapy"
HELD = "held"  # the lines about medicines; numbered, for a name of a field must not tell a medicine


def before_items(at_hand: AtHand) -> tuple[CheckItem, ...]:
    """The checks before the dose that apply to this patient and place, with a line for each medicine to hold."""
    background = at_hand.session.background
    items = [
        item
        for item in at_hand.definition.checks
        if item.place in {None, at_hand.place} and not (item.key == "pregnancy" and background.no_pregnancy)
    ]
    medicines = _medicine_items(at_hand) if items else []
    after = next((n for n, item in enumerate(items, start=1) if item.key == "same_medicines"), len(items))
    return (*items[:after], *medicines, *items[after:])


def _medicine_items(at_hand: AtHand) -> list[CheckItem]:
    background = at_hand.session.background
    items = [
        CheckItem(
            key=f"{HELD}_{number}",
            text=f"{medicine.name[:1].upper()}{medicine.name[1:]} held today ({medicine.kind})",
            effect="Taken today: watch sedation and blood pressure more closely.",
            heading="History",
        )
        for number, medicine in enumerate(background.medicines, start=1)
    ]
    if not background.list_read:
        text = "Sedatives, stimulants and MAO inhibitors held today as told (the list could not be read)"
        items.append(CheckItem(key=HELD, text=text, effect="Write which were taken.", heading="History"))
    return items


def field(group: str, item: CheckItem, detail: Detail | None = None) -> str:
    return f"{group}.{item.key}" if detail is None else f"{group}.{item.key}.{detail.key}"


def answer(at_hand: AtHand, group: str, item: CheckItem) -> str:
    return at_hand.text(field(group, item))


def discharge_items(at_hand: AtHand) -> tuple[CheckItem, ...]:
    """The criteria that apply: none where the patient is in other hands, or had no dose."""
    return () if at_hand.gone or at_hand.not_done else at_hand.definition.discharge


def proposed(at_hand: AtHand) -> Mapping[str, Proposal]:
    """What the readings and the clock say about the discharge criteria, by the key of the line."""
    if at_hand.started is None:
        return {}
    found = proposals(readings(at_hand.session), dose_at=at_hand.started, limits=at_hand.limits)
    since = at_hand.observed if at_hand.observed is not None else elapsed(at_hand.started, at_hand.now)
    return {"time": observed(since, at_hand.definition.observation_minutes)} | dict(found)


def unanswered(at_hand: AtHand, group: str, items: Sequence[CheckItem]) -> dict[str, str]:
    """What is not answered yet or cannot be an answer, by field, and the typed values that belong to an answer."""
    problems: dict[str, str] = {}
    for item in items:
        given = answer(at_hand, group, item)
        allowed = {Answer.YES, Answer.NO} | ({Answer.NOT_APPLICABLE} if item.not_applicable else set())
        if given not in allowed and (given or item.required):
            choices = "yes, no or not applicable" if item.not_applicable else "yes or no"
            problems[field(group, item)] = f"Answer {choices}: {item.text}."
        problems |= _details(at_hand, group, item)
    return problems


def asked_details(at_hand: AtHand, group: str, item: CheckItem) -> tuple[Detail, ...]:
    """The typed values that are asked for beside the answer as it is now."""
    return tuple(detail for detail in item.details if answer(at_hand, group, item) in detail.beside)


def _details(at_hand: AtHand, group: str, item: CheckItem) -> dict[str, str]:
    confirmed = at_hand.text(f"{group}.confirm") == "yes"
    problems: dict[str, str] = {}
    for detail in asked_details(at_hand, group, item):
        name = field(group, item, detail)
        words = detail_problem(detail, at_hand.text(name), at_hand.session.held_on, confirmed=confirmed)
        if words:
            problems[name] = words if at_hand.text(name) else f"{words.rstrip('.')}: {item.text}."
    return problems


def said(at_hand: AtHand, group: str, item: CheckItem) -> tuple[str, ...]:
    """The typed values of an answered line in words, for the record."""
    found = (
        detail_words(detail, at_hand.text(field(group, item, detail)))
        for detail in asked_details(at_hand, group, item)
    )
    return tuple(words for words in found if words)


def against(at_hand: AtHand, group: str, item: CheckItem) -> str:
    """Why a line stands against going on, by its answer or by what was typed beside it; empty when it does not."""
    given = answer(at_hand, group, item)
    if given == Answer.NO:
        return f"“{item.text}” is no."
    if given != Answer.YES:
        return ""
    for detail in item.details:
        typed = at_hand.text(field(group, item, detail))
        if typed in detail.against:
            return f"“{item.text}”: {detail_words(detail, typed)}."
    if group == DISCHARGE:
        proposal = proposed(at_hand).get(item.key)
        return "" if proposal is None or proposal.met else f"“{item.text}”: {proposal.words}"
    return _CONTRADICTIONS[item.key](at_hand) if item.key in _CONTRADICTIONS else ""


def against_the_dose(at_hand: AtHand) -> dict[str, str]:
    """The stopping checks that were answered and stand against the dose, by field."""
    found = {field(CHECK, item): against(at_hand, CHECK, item) for item in before_items(at_hand) if item.stops}
    return {name: words for name, words in found.items() if words}


def open_stopping(at_hand: AtHand) -> dict[str, str]:
    """The stopping checks that nobody answered yet, by field."""
    items = [item for item in before_items(at_hand) if item.stops and item.required]
    return {field(CHECK, item): item.text for item in items if not answer(at_hand, CHECK, item)}


def reasons_wanted(at_hand: AtHand) -> tuple[str, ...]:
    """The fields in which a prescriber has to give a reason before the dose may start now.

    A reason that is older than what it would set aside does not count: it was given for something else.
    """
    wanted = []
    gate = at_hand.gate()
    if not gate.open and not _covers(at_hand, "gate.reason", _entered(at_hand, gate.reading)):
        wanted.append("gate.reason")
    stopping = against_the_dose(at_hand)
    answered = [by.at for name in stopping if (by := written(at_hand.session, name)) is not None]
    if (stopping or open_stopping(at_hand)) and not _covers(at_hand, "check.reason", max(answered, default=None)):
        wanted.append("check.reason")
    if at_hand.held_before_dose and not _covers(at_hand, "hold.reason", at_hand.held_at):
        wanted.append("hold.reason")
    return tuple(wanted)


def _covers(at_hand: AtHand, name: str, since: datetime | None) -> bool:
    author = written(at_hand.session, name)
    return author is not None and not at_hand.reason_problem(name) and (since is None or author.at >= since)


def _entered(at_hand: AtHand, reading: str | None) -> datetime | None:
    return next((each.measured.entered for each in readings(at_hand.session) if each.id == reading), None)


def _fasted_too_short(at_hand: AtHand) -> str:
    wanted = (
        ("solids", "solids", at_hand.definition.fasting_hours),
        ("fluids", "clear fluids", at_hand.definition.fluids_hours),
    )
    short = []
    for key, name, least in wanted:
        hours = value(at_hand.session, f"{CHECK}.fasting.{key}", amount)
        if least is not None and hours is not None and hours < Decimal(least):
            short.append(f"{plain(hours)} h of {least} h without {name}")
    return f"Fasted too short: {', '.join(short)}." if short else ""


def _weighed_too_long_ago(at_hand: AtHand) -> str:
    weighed = value(at_hand.session, "dose.weight_date", day)
    if weighed is None:
        by_weight = at_hand.text("dose.planned_mg_per_kg")
        return "No day of the weight is entered in the dose step." if by_weight else ""
    days = (at_hand.session.held_on - weighed).days
    return f"The weight is {days} days old." if days > at_hand.definition.weight_days else ""


_CONTRADICTIONS: Mapping[str, Callable[[AtHand], str]] = MappingProxyType(
    {"fasting": _fasted_too_short, "weight": _weighed_too_long_ago}
)
