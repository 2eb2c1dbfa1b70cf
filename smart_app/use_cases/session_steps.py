"""What each step of a session still asks for, by field; nothing that was typed is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from fhir_mappings.facts.programme import CheckItem, ProgrammeDefinition
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Answer, Role, Route, SessionStatus
from smart_app.clinical import dosing
from smart_app.clinical.entry import OLDEST, NotUsable, amount, at_time, day
from smart_app.clinical.session_rules import Gate, SessionLimits, elapsed, gate
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.records import StoredCourse, StoredSession
from smart_app.use_cases.session_lines import STEPS, Missing
from smart_app.use_cases.typed_session import (
    amounts,
    dose_day,
    ended,
    events,
    readings,
    resolved,
    started,
    text,
    written,
)

REASON_LENGTH = 10
_EXPIRY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?")
_NOT_YET = "This time has not come yet."
_OVER_ZERO = "Enter an amount over 0."


@dataclass(frozen=True, slots=True)
class AtHand:
    """The session that is looked at, and what it is measured by."""

    session: StoredSession
    definition: ProgrammeDefinition
    now: datetime
    limits: SessionLimits

    @classmethod
    def of(
        cls, session: StoredSession, course: StoredCourse, now: datetime, limits: SessionLimits | None = None
    ) -> AtHand:
        return cls(session, PROGRAMMES[course.route], now, limits or SessionLimits())

    def text(self, name: str) -> str:
        return text(self.session, name)

    @property
    def stopped(self) -> bool:
        return self.session.status is SessionStatus.STOPPED

    @property
    def started(self) -> datetime | None:
        return started(self.session, self.now)

    @property
    def observed(self) -> timedelta | None:
        """From the dose to the end of observation, as typed."""
        finished = ended(self.session, "discharge.ended", self.now)
        return elapsed(self.started, finished) if self.started and finished else None

    def gate(self) -> Gate:
        """The blood pressure check for the dose as it was given, or for a dose given now."""
        return gate(readings(self.session), dose_at=self.started or self.now, limits=self.limits)

    def reason_problem(self, name: str) -> str:
        """What is wrong with a prescriber's reason; empty when it is there."""
        if len(self.text(name)) < REASON_LENGTH:
            return f"A prescriber gives a reason here ({REASON_LENGTH} characters or more)."
        author = written(self.session, name)
        if author is None or author.by.role is not Role.PRESCRIBER:
            return "This reason must be a prescriber's."
        return ""


def check_step(
    session: StoredSession, step: str, course: StoredCourse, now: datetime, limits: SessionLimits | None = None
) -> Problems:
    """What keeps a step (before, dose, monitor, discharge) from being complete, by field."""
    return _STEPS[step](AtHand.of(session, course, now, limits))


def missing(
    session: StoredSession, course: StoredCourse, now: datetime, limits: SessionLimits | None = None
) -> tuple[Missing, ...]:
    """Everything to do before signing, step by step, then what is only worth a look."""
    at_hand = AtHand.of(session, course, now, limits)
    blocking = [
        Missing(step=step, field=field, words=words)
        for step in STEPS
        for field, words in _STEPS[step](at_hand).items()
    ]
    return (*blocking, *_worth_a_look(at_hand))


def _before(at_hand: AtHand) -> dict[str, str]:
    problems = _unanswered(at_hand, "check", at_hand.definition.checks)
    stopping = [item for item in at_hand.definition.checks if item.stops and _answer(at_hand, "check", item) == "no"]
    if stopping:
        reason = at_hand.reason_problem("check.reason")
        if reason:
            problems |= {f"check.{item.key}": f"Do not give the dose: “{item.text}” is no." for item in stopping}
            problems["check.reason"] = reason
    gate = at_hand.gate()
    if not gate.open:
        reason = at_hand.reason_problem("gate.reason")
        if reason:
            problems["gate.reason"] = f"{gate.words} {reason}" if at_hand.started else gate.words
    return problems


def _answer(at_hand: AtHand, group: str, item: CheckItem) -> str:
    return at_hand.text(f"{group}.{item.key}")


def _unanswered(at_hand: AtHand, group: str, items: tuple[CheckItem, ...]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for item in items:
        answer = _answer(at_hand, group, item)
        allowed = {Answer.YES, Answer.NO} | ({Answer.NOT_APPLICABLE} if item.not_applicable else set())
        if answer not in allowed and (answer or item.required):
            choices = "yes, no or not applicable" if item.not_applicable else "yes or no"
            problems[f"{group}.{item.key}"] = f"Answer {choices}: {item.text}."
    return problems


def _dose(at_hand: AtHand) -> dict[str, str]:
    problems = _unusable_amounts(at_hand) | _dose_times(at_hand) | _dose_particulars(at_hand)
    if at_hand.text("dose.confirm") != "yes":
        known = amounts(at_hand.session, at_hand.now)
        asked = dosing.warnings(known, at_hand.definition, on=dose_day(at_hand.session))
        problems = dict(asked) | problems
    return problems


_NEEDED_AMOUNTS = {
    "dose.planned_mg": "Enter the planned dose in mg.",
    "dose.given_mg": "Enter the dose given in mg.",
}
_AMOUNTS = (
    "dose.planned_mg_per_kg",
    "dose.weight_kg",
    "dose.planned_mg",
    "dose.given_mg",
    "dose.concentration",
    "dose.volume_ml",
    "dose.wasted_mg",
)


def _unusable_amounts(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    for name in _AMOUNTS:
        typed = at_hand.text(name)
        try:
            if typed and amount(typed) == 0 and name != "dose.wasted_mg":
                problems[name] = _OVER_ZERO
        except NotUsable as error:
            problems[name] = str(error)
        if not typed and name in _NEEDED_AMOUNTS:
            problems[name] = _NEEDED_AMOUNTS[name]
    weighed = at_hand.text("dose.weight_date")
    if weighed:
        _try(problems, "dose.weight_date", lambda: _not_after(day(weighed), dose_day(at_hand.session)))
    return problems


def _not_after(typed: date, limit: date) -> str:
    return "This day has not come yet." if typed > limit else ""


def _try(problems: dict[str, str], name: str, check: Callable[[], str]) -> None:
    try:
        words = check()
    except NotUsable as error:
        words = str(error)
    if words:
        problems[name] = words


def _dose_times(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    on = at_hand.text("dose.date")
    if on:
        _try(problems, "dose.date", lambda: _session_day(day(on), at_hand.now.date()))
    if not at_hand.text("dose.started"):
        problems["dose.started"] = "Enter when the dose was started."
    else:
        _try(problems, "dose.started", lambda: _typed_time(at_hand, "dose.started"))
    if at_hand.text("dose.ended"):
        _try(problems, "dose.ended", lambda: _typed_end(at_hand, "dose.ended", "the start"))
    elif at_hand.definition.route is Route.IV:
        problems["dose.ended"] = "Enter when the infusion ended."
    return problems


def _session_day(typed: date, today: date) -> str:
    if today - typed > OLDEST:
        return f"This is more than {OLDEST.days} days ago."
    return _not_after(typed, today)


def _typed_time(at_hand: AtHand, name: str) -> str:
    moment = at_time(dose_day(at_hand.session), at_hand.text(name), at_hand.now)
    return _NOT_YET if moment > at_hand.now else ""


def _typed_end(at_hand: AtHand, name: str, what: str) -> str:
    """A time that cannot be placed without the start says nothing more than the missing start does."""
    at_time(dose_day(at_hand.session), at_hand.text(name), at_hand.now)
    finished = ended(at_hand.session, name, at_hand.now)
    if finished is None or at_hand.started is None:
        return ""
    if finished < at_hand.started:
        return f"This is before {what} of the dose."
    return _NOT_YET if finished > at_hand.now else ""


def _dose_particulars(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    if at_hand.definition.route is Route.IM and not at_hand.text("dose.body_site"):
        problems["dose.body_site"] = "Enter the site of the injection."
    expiry = at_hand.text("dose.expiry")
    if expiry and not _EXPIRY.fullmatch(expiry):
        problems["dose.expiry"] = "Enter the expiry as printed: 2027-03 or 2027-03-31."
    elif expiry and expiry < dose_day(at_hand.session).isoformat()[: len(expiry)] and not _confirmed(at_hand):
        problems["dose.expiry"] = f"Check: expired {expiry}. Is that right?"
    if _wasted(at_hand):
        _add_witness_problem(at_hand, problems)
    return problems


def _confirmed(at_hand: AtHand) -> bool:
    return at_hand.text("dose.confirm") == "yes"


def _wasted(at_hand: AtHand) -> bool:
    try:
        return bool(at_hand.text("dose.wasted_mg")) and amount(at_hand.text("dose.wasted_mg")) > 0
    except NotUsable:
        return False


def _add_witness_problem(at_hand: AtHand, problems: dict[str, str]) -> None:
    witness = at_hand.text("dose.second_person")
    giver = written(at_hand.session, "dose.started")
    if not witness:
        problems["dose.second_person"] = "Name the second person who saw the rest destroyed."
    elif giver is not None and witness.casefold() == giver.by.name.casefold():
        problems["dose.second_person"] = "The second person must be somebody else than who gave the dose."


def _monitor(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    begun = at_hand.started
    if at_hand.definition.monitoring_minutes and begun is not None:
        since = [r for r in readings(at_hand.session) if r.struck is None and r.measured.at > begun]
        if not any(reading.systolic is not None for reading in since):
            problems["systolic"] = "Record at least one blood pressure after the dose."
    for event in events(at_hand.session):
        if event.entry.struck is None and event.resolved_text:
            over = resolved(event, at_hand.now)
            if over is None:
                problems[event.resolved_field] = "Enter a time in 24 hours, such as 14:02."
            elif over > at_hand.now:
                problems[event.resolved_field] = _NOT_YET
    return problems


def _discharge(at_hand: AtHand) -> dict[str, str]:
    if at_hand.stopped:
        return _stop(at_hand)
    items = at_hand.definition.discharge
    problems = _unanswered(at_hand, "discharge", items)
    if at_hand.text("discharge.ended"):
        _try(problems, "discharge.ended", lambda: _typed_end(at_hand, "discharge.ended", "the start"))
    elif items:
        problems["discharge.ended"] = "Enter when observation ended."
    unmet = [item.text for item in items if _answer(at_hand, "discharge", item) == "no"]
    least, observed = at_hand.definition.observation_minutes, at_hand.observed
    if observed is not None and timedelta(0) <= observed < timedelta(minutes=least):
        unmet.append(f"observed for {observed // timedelta(minutes=1)} of {least} minutes")
    reason = at_hand.reason_problem("discharge.reason") if unmet else ""
    if reason:
        problems["discharge.reason"] = f"Not met: {'; '.join(unmet)}. {reason}"
    return problems


def _stop(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    if not at_hand.text("stop.reason"):
        problems["stop.reason"] = "Say why the session was stopped."
    if not at_hand.text("stop.disposition"):
        problems["stop.disposition"] = "Say where the patient went."
    if at_hand.text("stop.time"):
        _try(problems, "stop.time", lambda: _typed_end(at_hand, "stop.time", "the start"))
    else:
        problems["stop.time"] = "Enter when the session was stopped."
    return problems


def _worth_a_look(at_hand: AtHand) -> list[Missing]:
    looks = (
        ("dose", "dose.lot", "No lot number is entered."),
        ("dose", "dose.expiry", "No expiry date is entered."),
        ("dose", "dose.wasted_mg", "No waste is entered, not even 0."),
    )
    return [
        Missing(step=step, field=field, words=words, blocks=False)
        for step, field, words in looks
        if not at_hand.text(field)
    ]


_STEPS: Mapping[str, Callable[[AtHand], dict[str, str]]] = MappingProxyType(
    {"before": _before, "dose": _dose, "monitor": _monitor, "discharge": _discharge}
)
