"""What the dose step of a session still asks for: amounts, times, particulars, and the questions about them."""

from __future__ import annotations

import re
from datetime import date

from fhir_mappings.facts.treatment import Route
from smart_app.clinical import dosing
from smart_app.clinical.entry import NotUsable, amount, at_time, day, past_day_problem, readable
from smart_app.use_cases.at_hand import NOT_YET, AtHand, end_problem, note_problem
from smart_app.use_cases.typed_session import amounts, dose_day, written

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_OVER_ZERO = "Enter an amount over 0."


def _not_after_the_session(weighed: date, held: date) -> str:
    return "The weight was taken after this session: enter the one before it." if weighed > held else ""


def dose_problems(at_hand: AtHand) -> dict[str, str]:
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
        note_problem(
            problems, "dose.weight_date", lambda: _not_after_the_session(day(weighed), dose_day(at_hand.session))
        )
    return problems


def _dose_times(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    on = at_hand.text("dose.date")
    if on:
        note_problem(problems, "dose.date", lambda: past_day_problem(day(on), at_hand.now.date()))
    if not at_hand.text("dose.started"):
        problems["dose.started"] = "Enter when the dose was started."
    else:
        note_problem(problems, "dose.started", lambda: _typed_time(at_hand, "dose.started"))
    if at_hand.text("dose.ended"):
        note_problem(problems, "dose.ended", lambda: end_problem(at_hand, "dose.ended"))
    elif at_hand.definition.route is Route.IV:
        problems["dose.ended"] = "Enter when the infusion ended."
    return problems


def _typed_time(at_hand: AtHand, name: str) -> str:
    moment = at_time(dose_day(at_hand.session), at_hand.text(name), at_hand.now)
    return NOT_YET if moment > at_hand.now else ""


def _dose_particulars(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    if at_hand.definition.route is Route.IM and not at_hand.text("dose.body_site"):
        problems["dose.body_site"] = "Enter the site of the injection."
    expiry = at_hand.text("dose.expiry")
    if expiry and not _MONTH.fullmatch(expiry) and readable(day, expiry) is None:
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
