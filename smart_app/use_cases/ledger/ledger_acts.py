"""What is done to a vial apart from doses: count it, waste its rest before a witness, take a row back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from fhir_mappings.facts.treatment import Known, SecondPerson
from smart_app.clinical.ledger import Act, Posting, Row, Vial, awaiting, balance, counter_entry, plain
from smart_app.clinical.ledger_rules import second_person_problem
from smart_app.use_cases.access import audited, refuse, retried
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ledger.ledger_form import LedgerForm, add_row, require_ledger
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller
from smart_app.use_cases.site import Site


@retried
def count_vial(work: Work, clock: Clock, caller: Caller, vial_id: str, fields: Mapping[str, str], site: Site) -> Row:
    """Hold a vial against the ledger. fields: counted (mg) or counted_ml, reason and loss for a difference, entry.

    A difference is asked back once (confirm == "yes" answers), since the ledger follows the count from then on.
    """
    now, action, form = clock(), "clinician:ledger:count", LedgerForm(fields)
    with work() as uow:
        vial, rows = _vial(uow, caller, now, action, vial_id, site)
        if (done := _done(rows, form.entry)) is not None:
            return done
        counted = form.milligrams("counted", vial.concentration, "Enter what was counted, in mg or in mL.")
        reason, loss = form.text("reason"), form.text("loss")
        correction = Decimal(0) if counted is None else counted - balance(rows)
        if correction:
            form.reason("reason", "Say what explains the difference.")
            if counted is not None and form.text("confirm") != "yes" and "counted" not in form.problems:
                held = plain(balance(rows))
                words = f"{plain(counted)} mg, the ledger says {held} mg."
                form.problems["counted"] = f"Check: {words} Is that right?"
        form.check()
        posting = replace(
            _posting(form.entry, vial_id, Act.COUNTED, now, now, caller),
            counted=counted,
            correction=correction,
            reason=reason,
            loss=loss,
        )
        row = add_row(uow, posting, site, field="counted")
        return _kept(uow, caller, now, action, row, "" if not correction else "a difference was found")


@retried
def waste_rest(work: Work, clock: Clock, caller: Caller, vial_id: str, fields: Mapping[str, str], site: Site) -> Row:
    """Destroy the rest of a vial, or a part of it. fields: wasted (mg) or wasted_ml, method, reason, witness,
    time, date, entry.

    Where the witness signs in, the waste is announced and taken from the vial once a colleague has confirmed it.
    """
    now, action, form = clock(), "clinician:ledger:waste", LedgerForm(fields)
    with work() as uow:
        vial, rows = _vial(uow, caller, now, action, vial_id, site)
        if (done := _done(rows, form.entry)) is not None:
            return done
        wasted = form.milligrams("wasted", vial.concentration, "Enter what was wasted, in mg or in mL.")
        method = form.text("method", "Say how it was destroyed.")
        reason = form.reason("reason", "Say why it was wasted.")
        at = form.moment(now)
        witness = _named_witness(form, caller, site)
        form.check()
        later = site.ledger.witness is Known.SIGNED_IN
        posting = replace(
            _posting(form.entry, vial_id, Act.ANNOUNCED if later else Act.WASTED, at, now, caller),
            announced=wasted if later else None,
            wasted=Decimal(0) if later or wasted is None else wasted,
            witness=witness,
            method=method,
            reason=reason,
        )
        row = add_row(uow, posting, site, field="wasted")
        return _kept(uow, caller, now, action, row)


def _named_witness(form: LedgerForm, caller: Caller, site: Site) -> SecondPerson | None:
    if site.ledger.witness is not Known.NAMED:
        return None
    name = form.text("witness", "Name who saw it destroyed.")
    person = SecondPerson(name=name, known=Known.NAMED) if name else None
    if person is not None and (problem := second_person_problem(person, Known.NAMED, caller.clinician)):
        form.problems["witness"] = problem
    return person


@retried
def confirm_waste(
    work: Work, clock: Clock, caller: Caller, vial_id: str, announced: str, entry: str, site: Site
) -> Row:
    """Say in one's own sign-in that announced waste was seen destroyed; only now it leaves the vial."""
    now, action, form = clock(), "clinician:waste:witness", LedgerForm({"entry": entry})
    with work() as uow:
        _, rows = _vial(uow, caller, now, action, vial_id, site)
        if (done := _done(rows, form.entry)) is not None:
            return done
        waiting = next((row for row in awaiting(rows) if row.id == announced), None)
        if waiting is None or waiting.announced is None:
            raise Refused("This waste does not wait for a witness any more.")
        person = SecondPerson(
            name=caller.clinician.name, known=Known.SIGNED_IN, reference=caller.clinician.reference, at=now
        )
        problem = second_person_problem(person, Known.SIGNED_IN, waiting.by, waiting.entered_by)
        if problem:
            refuse(uow, caller, now, action, Refused(problem))
        posting = Posting(
            id=form.entry,
            vial=vial_id,
            act=Act.WASTED,
            at=waiting.at,
            entered=now,
            by=waiting.by,
            entered_by=caller.clinician,
            wasted=waiting.announced,
            witness=person,
            method=waiting.method,
            reason=waiting.reason,
            confirms=waiting.id,
        )
        return _kept(uow, caller, now, action, add_row(uow, posting, site, field=""))


@retried
def take_back_row(
    work: Work, clock: Clock, caller: Caller, vial_id: str, row_id: str, fields: Mapping[str, str], site: Site
) -> Row:
    """Enter the counter-entry of a row. fields: reason, entry. A dose is taken back with its session alone."""
    now, action, form = clock(), "clinician:ledger:reverse", LedgerForm(fields)
    with work() as uow:
        _, rows = _vial(uow, caller, now, action, vial_id, site)
        if (done := _done(rows, form.entry)) is not None:
            return done
        row = next((each for each in rows if each.id == row_id), None)
        if row is None:
            raise Refused("There is no such row.")
        if row.act is Act.DOSE:
            words = "A dose is taken back with its session."
            refuse(uow, caller, now, action, Refused(words, advice="Enter the session in error, or amend it."))
        reason = form.reason("reason", "Say why the row is taken back.")
        form.check()
        posting = counter_entry(row, name=form.entry, at=now, by=caller.clinician, reason=reason)
        return _kept(uow, caller, now, action, add_row(uow, posting, site, field="reason"))


def _vial(
    uow: UnitOfWork, caller: Caller, now: datetime, action: str, vial_id: str, site: Site
) -> tuple[Vial, list[Row]]:
    """A vial of the caller's own ledger with all its rows."""
    require_ledger(uow, caller, now, action, site)
    vial = uow.ledger.vial(vial_id)
    if vial is None or vial.ehr != caller.ehr:
        refuse(uow, caller, now, action, Refused("There is no such vial."))
    return vial, list(uow.ledger.of_vial(vial_id))


def _posting(name: str, vial: str, act: Act, at: datetime, now: datetime, caller: Caller) -> Posting:
    who = caller.clinician
    return Posting(id=name, vial=vial, act=act, at=at, entered=now, by=who, entered_by=who)


def _done(rows: list[Row], entry: str) -> Row | None:
    return next((row for row in rows if row.id == entry), None)


def _kept(uow: UnitOfWork, caller: Caller, now: datetime, action: str, row: Row, detail: str = "") -> Row:
    uow.audit.add(audited(caller, now, action, f"vial/{row.vial}", f"ledger/{row.id}", detail=detail))
    uow.commit()
    return row
