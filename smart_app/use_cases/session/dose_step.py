"""What the dose step of a session still asks for: amounts, times, particulars, and the questions about them."""

from __future__ import annotations

import re
from datetime import date

from fhir_mappings.facts.treatment import Drug, Known, Route
from smart_app.clinical import dosing
from smart_app.clinical.entry import NOT_YET, NotUsable, amount, at_time, day, past_day_problem, readable
from smart_app.clinical.ledger import NotPosted, Vial, plain
from smart_app.clinical.ledger_rules import second_person_problem
from smart_app.clinical.programme import day_words
from smart_app.clinical.units import Factors, unit_problem
from smart_app.use_cases.ledger.stock import PLACES, chosen, draws
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.session.at_hand import AtHand, end_problem, note_problem
from smart_app.use_cases.session.second_person import DOSE_CHECK, WASTE_WITNESS, second_person, takers
from smart_app.use_cases.session.typed_session import amounts, sprays, written

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_OVER_ZERO = "Enter an amount over 0."


_LOT_OF_ANOTHER = "This is not the lot of the vial chosen, which is {lot}. Choose the vial that you draw from."


def _not_after_the_session(weighed: date, held: date) -> str:
    return "The weight was taken after this session: enter the one before it." if weighed > held else ""


def dose_problems(at_hand: AtHand) -> dict[str, str]:
    problems = _unusable_amounts(at_hand) | _dose_times(at_hand) | _dose_particulars(at_hand)
    if at_hand.text("dose.confirm") != "yes":
        known = amounts(at_hand.session, at_hand.now, enrolled=at_hand.enrolled_kg)
        asked = dosing.warnings(known, at_hand.definition, on=at_hand.session.held_on)
        problems = dict(asked) | problems
    return problems


_NEEDED_AMOUNTS = {
    "dose.planned_mg": "Enter the planned dose in mg.",
    "dose.given_mg": "Enter the dose given in mg.",
}
_UNITS = {
    "dose.planned_mg_per_kg": "mg/kg",
    "dose.weight_kg": "kg",
    "dose.planned_mg": "mg",
    "dose.given_mg": "mg",
    "dose.concentration": "mg/mL",
    "dose.volume_ml": "mL",
    "dose.wasted_mg": "mg",
    "dose.mg_per_spray": "mg",
    **{f"dose.drawn_mg.{place}": "mg" for place in PLACES},
}


def _unusable_amounts(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    known = amounts(at_hand.session, at_hand.now)
    factors = Factors(kilograms=known.kilograms, concentration=known.concentration)
    for name, unit in _UNITS.items():
        typed = at_hand.text(name)
        try:
            if typed and amount(typed) == 0 and name != "dose.wasted_mg":
                problems[name] = _OVER_ZERO
        except NotUsable as error:
            problems[name] = unit_problem(typed, unit, factors) or str(error)
        if not typed and name in _NEEDED_AMOUNTS:
            problems[name] = _NEEDED_AMOUNTS[name]
    if at_hand.text("dose.sprays"):
        note_problem(problems, "dose.sprays", lambda: sprays(at_hand.text("dose.sprays")) * "")
    weighed = at_hand.text("dose.weight_date")
    if weighed:
        note_problem(
            problems, "dose.weight_date", lambda: _not_after_the_session(day(weighed), at_hand.session.held_on)
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
    moment = at_time(at_hand.session.held_on, at_hand.text(name), at_hand.now)
    return NOT_YET if moment > at_hand.now else ""


def _dose_particulars(at_hand: AtHand) -> dict[str, str]:
    problems: dict[str, str] = {}
    if at_hand.definition.route is Route.IM and not at_hand.text("dose.body_site"):
        problems["dose.body_site"] = "Enter the site of the injection."
    problems |= _second_check(at_hand)
    if at_hand.stock.counts(at_hand.definition.route):
        return problems | _vials(at_hand)
    return problems | _typed_product(at_hand)


def _second_check(at_hand: AtHand) -> dict[str, str]:
    """Nobody can have checked afterwards what was given: then the record says why nobody did."""
    asked = at_hand.stock.rules.second_check
    if at_hand.definition.route is Route.SL:
        return {}  # the patient takes it alone
    person = second_person(at_hand.session, DOSE_CHECK, asked)
    if asked is Known.NONE or (person is None and says_enough(at_hand.text("dose.unchecked"))):
        return {}
    problem = second_person_problem(person, asked, *takers(at_hand.session, DOSE_CHECK))
    if person is None:
        problem = f"Who checked the dose before it was given? {problem} Or say below why nobody did."
    return {"dose.second_person": problem} if problem else {}


def _vials(at_hand: AtHand) -> dict[str, str]:
    """The dose comes out of vials of the ledger, every milligram of it."""
    session, stock = at_hand.session, at_hand.stock
    taken = chosen(session, stock)
    if not taken or taken[0][0] != 1:
        known = any(not each.vial.expired(session.held_on) for each in stock.open)
        words = (
            "Choose the vial, or scan its lot." if known else "Receive a vial first: the ledger holds none to use."
        )
        return {"dose.vial.1": words}
    problems: dict[str, str] = {}
    for place, holding in taken:
        problem = _vial_problem(at_hand, holding.vial, [each.vial.id for _, each in taken])
        if problem:
            problems[f"dose.vial.{place}"] = problem
    lot, first = at_hand.text("dose.lot"), taken[0][1].vial
    if lot and lot.casefold() != first.lot.casefold():
        problems["dose.lot"] = _LOT_OF_ANOTHER.format(lot=first.lot)
    if any(holding.vial.expired(session.held_on) for _, holding in taken) and not says_enough(
        at_hand.text("dose.vial_reason")
    ):
        problems["dose.vial_reason"] = f"Say why an expired vial was used ({REASON_LENGTH} characters or more)."
    if not at_hand.text("dose.wasted_mg"):
        problems["dose.wasted_mg"] = "Enter what was discarded, 0 if nothing."
    return problems | _drawn(at_hand) | _waste(at_hand)


def _vial_problem(at_hand: AtHand, vial: Vial, taken: list[str]) -> str:
    if taken.count(vial.id) > 1:
        return "This vial is chosen twice."
    if vial.drug is Drug.ESKETAMINE and not at_hand.stock.rules.esketamine:
        return "This site does not give esketamine."
    if vial.received > at_hand.session.held_on:
        return f"Vial {vial.number} was received on {day_words(vial.received)}, after this dose."
    return ""


def _drawn(at_hand: AtHand) -> dict[str, str]:
    """Whether drawn is given and wasted, and each vial held it. Asked only once the amounts can be read."""
    try:
        parts = draws(at_hand.session, at_hand.stock)
    except NotPosted as problem:
        readable_ones = all(at_hand.text(name) for name in ("dose.given_mg", "dose.wasted_mg"))
        return {"dose.drawn_mg.1": str(problem)} if readable_ones and not _unusable_amounts(at_hand) else {}
    places = {holding.vial.id: (place, holding.balance) for place, holding in chosen(at_hand.session, at_hand.stock)}
    problems: dict[str, str] = {}
    for part in parts:
        place, balance = places[part.vial]
        drawn = part.given_mg + part.wasted_mg
        if drawn > balance:
            words = f"Vial {part.number} holds {plain(balance)} mg, less than the {plain(drawn)} mg drawn."
            problems[f"dose.vial.{place}"] = words
    return problems


def _waste(at_hand: AtHand) -> dict[str, str]:
    if not _wasted(at_hand):
        return {}
    problems: dict[str, str] = {}
    asked = at_hand.stock.rules.witness
    person = second_person(at_hand.session, WASTE_WITNESS, asked)
    problem = second_person_problem(person, asked, *takers(at_hand.session, WASTE_WITNESS))
    if problem:
        problems["dose.witness"] = f"Who saw the waste destroyed? {problem}" if person is None else problem
    if not at_hand.text("dose.waste_method"):
        problems["dose.waste_method"] = "Say how it was destroyed."
    return problems


def _typed_product(at_hand: AtHand) -> dict[str, str]:
    """Where the ledger is kept elsewhere."""
    problems: dict[str, str] = {}
    expiry = at_hand.text("dose.expiry")
    if expiry and not _MONTH.fullmatch(expiry) and readable(day, expiry) is None:
        problems["dose.expiry"] = "Enter the expiry as printed: 2027-03 or 2027-03-31."
    elif expiry and expiry < at_hand.session.held_on.isoformat()[: len(expiry)] and not _confirmed(at_hand):
        problems["dose.expiry"] = f"Check: expired {expiry}. Is that right?"
    if at_hand.text("dose.drug") not in {"", *_drugs(at_hand)}:
        problems["dose.drug"] = "Choose a drug that this site gives."
    if _wasted(at_hand):
        _add_witness_problem(at_hand, problems)
    return problems


def _drugs(at_hand: AtHand) -> set[str]:
    return {Drug.KETAMINE, Drug.ESKETAMINE} if at_hand.stock.rules.esketamine else {Drug.KETAMINE}


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
