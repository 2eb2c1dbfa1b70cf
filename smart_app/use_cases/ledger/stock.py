"""What the ledger says to a session: the vials that can be drawn from, and what this dose takes out of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from fhir_mappings.facts.treatment import Draw, Known, Route
from smart_app.clinical import ledger
from smart_app.clinical.entry import amount, readable
from smart_app.clinical.ledger import NotPosted, Vial
from smart_app.clinical.ledger_rules import Kept, LedgerRules
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import StoredSession

PLACES = (1, 2, 3)  # so many vials at most for one dose
VIALS = tuple(f"dose.vial.{place}" for place in PLACES)
_TELLS_VIAL = frozenset({"dose.vial.1", "dose.lot", "dose.expiry", "dose.concentration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A vial and what is left in it, in mg."""

    vial: Vial
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The site's ledger at one moment. `holdings` are those that hold something, and those the session names."""

    rules: LedgerRules
    holdings: Mapping[str, Holding] = field(default_factory=dict)

    def counts(self, route: Route) -> bool:
        """Whether a dose of this route comes out of a vial of this ledger. A patient's own tablets do not."""
        return self.rules.here and route is not Route.SL

    @property
    def open(self) -> Sequence[Holding]:
        return [each for each in self.holdings.values() if each.balance > 0]


# For what does not look at the dose step: nothing is asked.
ELSEWHERE = Stock(rules=LedgerRules(kept=Kept.ELSEWHERE, second_check=Known.NONE))


def stock_of(uow: UnitOfWork, session: StoredSession, rules: LedgerRules) -> Stock:
    """Nothing where the site keeps its ledger elsewhere."""
    if not rules.here:
        return Stock(rules=rules)
    own = ledger.standing(uow.ledger.of_session(session.id))  # what this session took is there for its amendment
    found = {vial.id: Holding(vial=vial, balance=row.balance) for vial, row in uow.ledger.open_vials(session.ehr)}
    for name in VIALS:
        chosen = session.fields.get(name, "")
        vial = uow.ledger.vial(chosen) if chosen and chosen not in found else None
        if vial is not None and vial.ehr == session.ehr:
            found[vial.id] = Holding(vial=vial, balance=ledger.balance(uow.ledger.of_vial(vial.id)))
    for row in own:
        if row.vial in found:
            found[row.vial] = replace(found[row.vial], balance=found[row.vial].balance + row.drawn)
    return Stock(rules=rules, holdings=found)


def chosen(session: StoredSession, stock: Stock) -> list[tuple[int, Holding]]:
    """The vials that the session names, with the place of each; one that is not known is left out."""
    named = [(place, session.fields.get(f"dose.vial.{place}", "")) for place in PLACES]
    return [(place, stock.holdings[vial]) for place, vial in named if vial in stock.holdings]


def draws(session: StoredSession, stock: Stock) -> tuple[Draw, ...]:
    """What the dose takes out of each vial. Raises NotPosted unless drawn is what was given and wasted."""
    given, wasted = (_amount(session, name) for name in ("dose.given_mg", "dose.wasted_mg"))
    if given is None or wasted is None:
        raise NotPosted("Enter what was given and what was discarded, 0 if nothing.")
    taken = chosen(session, stock)
    drawn = [_amount(session, f"dose.drawn_mg.{place}") for place, _ in taken]
    if len(taken) == 1 and drawn == [None]:
        drawn = [given + wasted]
    known = [each for each in drawn if each is not None]
    if not taken or len(known) < len(drawn):
        raise NotPosted("Enter how much was drawn from each vial.")
    parts = ledger.share(known, given, wasted)
    return tuple(
        ledger.draw_of(holding.vial, administered, rest)
        for (_, holding), (administered, rest) in zip(taken, parts, strict=True)
        if administered or rest
    )


def _amount(session: StoredSession, name: str) -> Decimal | None:
    return readable(amount, session.fields.get(name, ""))


def filled_from_vial(uow: UnitOfWork, session: StoredSession, typed: Mapping[str, str]) -> dict[str, str]:
    """What choosing a vial, or typing or scanning the lot of one, fills in beside it.

    Strength and expiry are the vial's, whatever is typed; a lot is kept as typed, to be held against the vial's.
    """
    if _TELLS_VIAL.isdisjoint(typed):
        return {}
    before, lot = session.fields.get("dose.vial.1", ""), typed.get("dose.lot", "").strip()
    named = typed.get("dose.vial.1", before)
    vial = uow.ledger.vial(named) if named else _only_one_of(uow, session.ehr, lot)
    if vial is None or vial.ehr != session.ehr:
        return {}
    filled = {
        "dose.vial.1": vial.id,
        "dose.expiry": vial.expiry,
        "dose.concentration": ledger.plain(vial.concentration),
    }
    return filled | ({"dose.lot": vial.lot} if vial.id != before or not lot else {})


def _only_one_of(uow: UnitOfWork, ehr: str, lot: str) -> Vial | None:
    found = [each for each, _ in uow.ledger.open_vials(ehr) if each.lot.casefold() == lot.casefold()] if lot else []
    return found[0] if len(found) == 1 else None
