"""What the pages of the ledger show: the vials with what is left in them, and the rows of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fhir_mappings.facts.treatment import Known, Role
from smart_app.clinical.ledger import Act, Row, Vial, awaiting, discrepancies, standing
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.use_cases.access import audited, refuse
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller
from smart_app.use_cases.site import Site

ACTION = "clinician:ledger:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class VialLine:
    vial: Vial
    balance: Decimal  # mg
    expired: bool
    waits: bool  # waste was announced and waits for its witness


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerView:
    vials: tuple[VialLine, ...]  # newest number first
    empty: int  # so many more hold nothing
    may_write: bool
    rules: LedgerRules
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLine:
    """A row with what may be done to it. `session` only of the launch's patient: its page can be opened."""

    row: Row
    session: str | None
    stands: bool
    may_take_back: bool
    waits: bool  # for a witness
    may_confirm: bool  # as the witness


@dataclass(frozen=True, slots=True, kw_only=True)
class VialView:
    line: VialLine
    rows: tuple[RowLine, ...]  # newest first
    wrong: tuple[str, ...]  # what does not add up; empty: all does
    may_write: bool
    rules: LedgerRules
    now: datetime


def ledger_view(work: Work, clock: Clock, caller: Caller, site: Site, *, empty_too: bool = False) -> LedgerView:
    """All vials of the caller's ledger that hold something, or all there are."""
    now = clock()
    with work() as uow:
        if not site.ledger.here:
            refuse(uow, caller, now, ACTION, Refused("This site keeps its ledger elsewhere."))
        held = uow.ledger.open_vials(caller.ehr)
        known = uow.ledger.vials(caller.ehr)
        waiting = {vial.id for vial, _ in held if awaiting(uow.ledger.of_vial(vial.id))}
        uow.audit.add(audited(caller, now, ACTION))
        uow.commit()
    return LedgerView(
        vials=tuple(
            _line(vial, last, now, waits=vial.id in waiting) for vial, last in reversed(known if empty_too else held)
        ),
        empty=len(known) - len(held),
        may_write=_may_write(caller),
        rules=site.ledger,
        now=now,
    )


def vial_view(work: Work, clock: Clock, caller: Caller, vial_id: str, site: Site) -> VialView:
    """One vial with all its rows. Of other patients' doses only the session's reference is told."""
    now = clock()
    with work() as uow:
        vial = uow.ledger.vial(vial_id)
        if vial is None or vial.ehr != caller.ehr or not site.ledger.here:
            refuse(uow, caller, now, ACTION, Refused("There is no such vial."))
        rows = list(uow.ledger.of_vial(vial_id))
        uow.audit.add(audited(caller, now, ACTION, f"vial/{vial_id}"))
        uow.commit()
    waiting = {row.id for row in awaiting(rows)}
    stands = {row.id for row in standing(rows)}
    return VialView(
        line=_line(vial, rows[-1], now, waits=bool(waiting)),
        rows=tuple(_row_line(row, caller, row.id in stands, row.id in waiting) for row in reversed(rows)),
        wrong=discrepancies(vial, rows),
        may_write=_may_write(caller),
        rules=site.ledger,
        now=now,
    )


def _line(vial: Vial, last: Row, now: datetime, *, waits: bool) -> VialLine:
    return VialLine(vial=vial, balance=last.balance, expired=vial.expired(now.date()), waits=waits)


def _row_line(row: Row, caller: Caller, stands: bool, waits: bool) -> RowLine:
    others = caller.clinician.reference not in {row.by.reference, row.entered_by.reference}
    return RowLine(
        row=row,
        session=row.session if row.patient == caller.patient else None,
        stands=stands,
        may_take_back=_may_write(caller) and stands and row.act is not Act.DOSE,
        waits=waits,
        may_confirm=_may_write(caller) and waits and others,
    )


def _may_write(caller: Caller) -> bool:
    return caller.may_write and caller.role in {Role.PRESCRIBER, Role.NURSE}


def named(known: Known) -> str:
    """How a second person is known, in the words of a log."""
    return {Known.SIGNED_IN: "signed in", Known.NAMED: "name typed", Known.NONE: ""}[known]
