"""A signed dose in the ledger: posted with the signature, taken back by counter-entries when the record changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from fhir_mappings.facts.treatment import KetamineSession, SessionStatus
from smart_app.clinical.ledger import Act, NotPosted, Posting, counter_entry, post, standing
from smart_app.clinical.ledger_rules import LedgerRules
from smart_app.use_cases.access import audited
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import Caller


def repost(
    uow: UnitOfWork,
    before: KetamineSession | None,
    after: KetamineSession | None,
    caller: Caller,
    now: datetime,
    ids: Callable[[], str],
    rules: LedgerRules,
    *,
    reason: str = "",
) -> None:
    """Bring the ledger from one signed version of a session to the next, inside the transaction that keeps it.

    `before` None: it is signed for the first time. `after` None or entered in error: it is taken back. Rows that
    would come out the same stay; others are taken back with `reason` and entered anew. Raises Refused: the
    transaction must not be committed then.
    """
    old = [] if before is None else list(_postings(before, caller, now, lambda: ""))
    new = [] if after is None or _taken_back(after) else list(_postings(after, caller, now, ids))
    if before is not None and not _taken_back(before) and list(map(_act, old)) == list(map(_act, new)):
        return
    made: list[str] = []
    try:
        if before is not None:
            for row in standing(uow.ledger.of_session(before.id)):
                _add(uow, counter_entry(row, name=ids(), at=now, by=caller.clinician, reason=reason), rules, made)
        for posting in new:
            _add(uow, posting, rules, made)
    except NotPosted as problem:
        raise Refused("The ledger does not take this dose.", problems={"dose.vial.1": str(problem)}) from None
    if made:
        uow.audit.add(audited(caller, now, "clinician:ledger:post", *made))


def _taken_back(session: KetamineSession) -> bool:
    return session.status is SessionStatus.ENTERED_IN_ERROR


def _postings(session: KetamineSession, caller: Caller, now: datetime, ids: Callable[[], str]) -> Iterator[Posting]:
    dose = session.dose
    if dose is None:
        return
    for draw in dose.draws:
        yield Posting(
            id=ids(),
            vial=draw.vial,
            act=Act.DOSE,
            at=dose.started.at,
            entered=now,
            by=dose.given_by,
            entered_by=caller.clinician,
            administered=draw.given_mg,
            wasted=draw.wasted_mg,
            wasted_by=dose.wasted_by,
            witness=dose.witness if draw.wasted_mg else None,
            method=dose.waste_method if draw.wasted_mg else "",
            reason=dose.expired_reason,
            session=session.id,
            dose=dose.id,
            patient=session.patient,
        )


def _act(posting: Posting) -> Posting:
    """What was done, without when and by whom it was written down."""
    return replace(posting, id="", entered=posting.at, entered_by=posting.by)


def _add(uow: UnitOfWork, posting: Posting, rules: LedgerRules, made: list[str]) -> None:
    vial = uow.ledger.vial(posting.vial)
    if vial is None:
        raise NotPosted("This vial is not in the ledger. Choose another.")
    row = post(vial, uow.ledger.of_vial(vial.id), posting, rules)
    uow.ledger.add(row)
    made += [f"vial/{vial.id}", f"ledger/{row.id}"]
