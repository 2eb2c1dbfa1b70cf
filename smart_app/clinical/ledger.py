"""The ledger of a controlled substance (21 CFR 1304.22): vials, rows that are only ever added, what none may do."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.facts.treatment import Clinician, Draw, Drug, SecondPerson
from smart_app.clinical.ledger_rules import LedgerRules, second_person_problem

ZERO = Decimal(0)


class Act(StrEnum):
    RECEIVED = "received"
    DOSE = "dose"
    ANNOUNCED = "announced"  # waste that waits for its witness; takes nothing yet
    WASTED = "wasted"  # of a vial's rest, apart from any dose
    COUNTED = "counted"
    REVERSED = "reversed"


class NotPosted(ValueError):
    """A row that the ledger does not take; nothing was added. The message says what to do, without patient data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vial:
    """One container as it was received. Nothing of it ever changes; what is left in it the rows say."""

    id: str
    ehr: str  # the ledger is kept for each registration by itself
    number: int  # written on the vial: one lot may hold many
    drug: Drug
    product: str  # as printed
    lot: str
    expiry: str  # as printed, YYYY-MM or YYYY-MM-DD
    concentration: Decimal  # mg/mL
    volume: Decimal  # mL
    received: date
    supplier: str
    manufacturer: str = ""
    ndc: str = ""

    @property
    def milligrams(self) -> Decimal:
        """What it holds when full, every digit of the product kept."""
        return self.concentration * self.volume

    def expired(self, on: date) -> bool:
        """Past the printed day, or past the last day of the printed month."""
        return on > last_day(self.expiry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One act on one vial, in mg. `by` did it, `entered_by` wrote it down.

    drawn = administered + wasted, always and exactly. Amounts are negative in counter-entries alone.
    """

    id: str
    vial: str
    act: Act
    at: datetime  # of the act
    entered: datetime
    by: Clinician
    entered_by: Clinician
    received: Decimal = ZERO
    administered: Decimal = ZERO
    wasted: Decimal = ZERO
    correction: Decimal = ZERO  # of a count: counted less what the rows said
    counted: Decimal | None = None
    announced: Decimal | None = None
    confirms: str | None = None  # the announcement that this waste was seen for
    wasted_by: Clinician | None = None  # None: `by`
    witness: SecondPerson | None = None
    method: str = ""  # how the waste was destroyed
    reason: str = ""
    loss: str = ""  # of a count: what was reported of a loss or theft (DEA Form 106)
    session: str | None = None
    dose: str | None = None
    patient: str | None = None  # absolute URL
    reverses: str | None = None  # the row that this one takes back

    @property
    def drawn(self) -> Decimal:
        return self.administered + self.wasted

    @property
    def change(self) -> Decimal:
        """What it does to the vial."""
        return self.received - self.drawn + self.correction


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Posting):
    """A posting in its place. `number` counts the vial's rows from 1, so that two cannot follow the same one."""

    number: int
    balance: Decimal  # mg left in the vial after it


def last_day(expiry: str) -> date:
    """Of a printed expiry, YYYY-MM or YYYY-MM-DD. Raises ValueError for anything else."""
    if len(expiry) == len("2027-03"):
        year, month = int(expiry[:4]), int(expiry[5:])
        return date(year, month, calendar.monthrange(year, month)[1])
    return date.fromisoformat(expiry)


def balance(rows: Sequence[Row]) -> Decimal:
    """What is left in a vial, from all its rows in their order."""
    return rows[-1].balance if rows else ZERO


def post(vial: Vial, rows: Sequence[Row], posting: Posting, rules: LedgerRules) -> Row:
    """The row that the posting becomes after `rows`, which are all of the vial. Raises NotPosted."""
    problem = (
        _amount_problem(posting)
        or _place_problem(vial, rows, posting)
        or (_reversal_problem(rows, posting) if posting.act is Act.REVERSED else _act_problem(vial, rows, posting))
        or _people_problem(posting, rules)
        or _balance_problem(vial, rows, posting)
    )
    if problem:
        raise NotPosted(problem)
    values = {each.name: getattr(posting, each.name) for each in fields(Posting)}
    return Row(**values, number=len(rows) + 1, balance=balance(rows) + posting.change)


def counter_entry(row: Row, *, name: str, at: datetime, by: Clinician, reason: str) -> Posting:
    """What takes a row back: the same amounts with the other sign, naming the row. `name` is its own id."""
    values = {each.name: getattr(row, each.name) for each in fields(Posting)}
    taken = Posting(**values)
    return replace(
        taken,
        id=name,
        act=Act.REVERSED,
        at=at,
        entered=at,
        by=by,
        entered_by=by,
        received=-row.received,
        administered=-row.administered,
        wasted=-row.wasted,
        correction=-row.correction,
        reason=reason,
        reverses=row.id,
    )


def standing(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows that were not taken back, without the counter-entries."""
    taken_back = {row.reverses for row in rows}
    return tuple(row for row in rows if row.act is not Act.REVERSED and row.id not in taken_back)


def awaiting(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Waste that was announced and has neither been witnessed nor been taken back."""
    seen = {row.confirms for row in standing(rows)}
    return tuple(row for row in standing(rows) if row.act is Act.ANNOUNCED and row.id not in seen)


def share(drawn: Sequence[Decimal], given: Decimal, wasted: Decimal) -> tuple[tuple[Decimal, Decimal], ...]:
    """How a dose from several vials is entered: for each vial what was administered and what was wasted.

    The vials are given in their order, so what was wasted is the last of what was drawn. Raises NotPosted unless
    drawn = administered + wasted.
    """
    if sum(drawn, ZERO) != given + wasted:
        raise NotPosted(
            f"{' + '.join(map(plain, drawn))} mg drawn is not {plain(given)} mg given + {plain(wasted)} mg wasted."
        )
    parts, open_dose = [], given
    for amount in drawn:
        administered = min(amount, open_dose)
        parts.append((administered, amount - administered))
        open_dose -= administered
    return tuple(parts)


def discrepancies(vial: Vial, rows: Sequence[Row]) -> tuple[str, ...]:
    """What does not add up when a vial's rows are entered anew, one after the other; empty when all does."""
    found: list[str] = []
    for place, row in enumerate(rows):
        values = {each.name: getattr(row, each.name) for each in fields(Posting)}
        try:
            again = post(vial, rows[:place], Posting(**values), LedgerRules.lenient())
        except NotPosted as problem:
            found.append(f"vial {vial.number}, row {place + 1} ({row.id}): {problem}")
            continue
        if (again.number, again.balance) != (row.number, row.balance):
            words = f"says row {row.number} and {plain(row.balance)} mg left, adds up to {plain(again.balance)} mg"
            found.append(f"vial {vial.number}, row {place + 1} ({row.id}): {words}")
    return tuple(found)


def plain(amount: Decimal) -> str:
    """In plain digits, exactly as many as it has."""
    return f"{amount:f}"


_AMOUNTS = ("received", "administered", "wasted", "correction")


def _amount_problem(posting: Posting) -> str:
    amounts = {name: getattr(posting, name) for name in _AMOUNTS}
    if not all(isinstance(each, Decimal) and each.is_finite() for each in amounts.values()):
        return "Amounts are numbers of milligrams."
    signed = {"correction"} if posting.act is Act.COUNTED else set()
    if posting.act is not Act.REVERSED and any(each < 0 for name, each in amounts.items() if name not in signed):
        return "An amount cannot be negative. Take the row back by a counter-entry."
    return ""


def _place_problem(vial: Vial, rows: Sequence[Row], posting: Posting) -> str:
    if posting.vial != vial.id:
        return "This row is of another vial."
    if any(row.id == posting.id for row in rows):
        return "This row is in the ledger already."
    if posting.at > posting.entered:
        return "This time has not come yet."
    if posting.act is Act.RECEIVED:
        return "This vial was received before." if rows else ""
    if not any(row.act is Act.RECEIVED for row in standing(rows)):
        return f"Vial {vial.number} is not in the ledger."
    if posting.at.date() < vial.received:
        return f"Vial {vial.number} had not been received by then."
    return ""


def _act_problem(vial: Vial, rows: Sequence[Row], posting: Posting) -> str:
    if {name for name in _AMOUNTS if getattr(posting, name)} - _MAY_HOLD[posting.act]:
        return "This row holds an amount that does not belong to it."
    match posting.act:
        case Act.RECEIVED if posting.received != vial.milligrams or not vial.milligrams:
            return f"The vial holds {plain(vial.milligrams)} mg when full."
        case Act.DOSE if not posting.administered and not posting.wasted:
            return "Nothing was drawn."
        case Act.DOSE if vial.expired(posting.at.date()) and not posting.reason:
            return f"Vial {vial.number} expired {vial.expiry}. Say why it was used."
        case Act.WASTED | Act.ANNOUNCED:
            return _waste_problem(rows, posting)
        case Act.COUNTED:
            return _count_problem(rows, posting)
    return ""


_MAY_HOLD = {
    Act.RECEIVED: {"received"},
    Act.DOSE: {"administered", "wasted"},
    Act.ANNOUNCED: set(),
    Act.WASTED: {"wasted"},
    Act.COUNTED: {"correction"},
}


def _waste_problem(rows: Sequence[Row], posting: Posting) -> str:
    amount = posting.announced if posting.act is Act.ANNOUNCED else posting.wasted
    if amount is None or not amount.is_finite() or amount <= 0:
        return "Enter what was wasted, in mg."
    if not (posting.method and posting.reason):
        return "Say how and why it was wasted."
    if posting.act is Act.ANNOUNCED and amount > balance(rows):
        return f"The vial holds {plain(balance(rows))} mg, less than {plain(amount)} mg."
    if posting.confirms is not None:
        seen = next((row for row in awaiting(rows) if row.id == posting.confirms), None)
        if seen is None or seen.announced != amount:
            return "This waste does not wait for a witness any more."
    return ""


def _count_problem(rows: Sequence[Row], posting: Posting) -> str:
    if posting.counted is None or not posting.counted.is_finite() or posting.counted < 0:
        return "Enter what was counted, in mg."
    if posting.correction != posting.counted - balance(rows):
        return "The ledger moved on while this was counted. Count again."
    return "Say what explains the difference." if posting.correction and not posting.reason else ""


def _reversal_problem(rows: Sequence[Row], posting: Posting) -> str:
    row = next((each for each in standing(rows) if each.id == posting.reverses), None)
    if row is None:
        return "There is no such row to take back, or it was taken back already."
    if any(getattr(posting, name) != -getattr(row, name) for name in _AMOUNTS):
        return "A counter-entry takes back the whole row."
    if row.act is Act.RECEIVED and len(standing(rows)) > 1:
        return "Other rows of this vial stand. Take them back first."
    return "" if posting.reason else "Say why the row is taken back."


def _people_problem(posting: Posting, rules: LedgerRules) -> str:
    if posting.act is Act.REVERSED or not posting.wasted:
        return ""
    return second_person_problem(posting.witness, rules.witness, posting.by, posting.wasted_by or posting.by)


def _balance_problem(vial: Vial, rows: Sequence[Row], posting: Posting) -> str:
    left = balance(rows) + posting.change
    if left < 0:
        return f"Vial {vial.number} holds {plain(balance(rows))} mg, less than {plain(-posting.change)} mg."
    return f"Vial {vial.number} cannot hold more than {plain(vial.milligrams)} mg." if left > vial.milligrams else ""


def draw_of(vial: Vial, given: Decimal, wasted: Decimal) -> Draw:
    """What a dose took out of a vial, as the session's record keeps it."""
    return Draw(
        vial=vial.id,
        number=vial.number,
        product=vial.product,
        manufacturer=vial.manufacturer,
        ndc=vial.ndc,
        lot=vial.lot,
        expiry=vial.expiry,
        concentration_mg_per_ml=vial.concentration,
        given_mg=given,
        wasted_mg=wasted,
    )
