"""Receive vials into the ledger: what they are, when they came, and from whom (21 CFR 1304.22(c))."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from fhir_mappings.facts.treatment import Drug
from smart_app.clinical.entry import NotUsable, past_day, whole
from smart_app.clinical.ledger import Act, Posting, Vial, last_day
from smart_app.clinical.usual_vials import vial_questions
from smart_app.use_cases.access import audited, retried
from smart_app.use_cases.ledger.ledger_form import LedgerForm, add_row, require_ledger
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.records import Caller
from smart_app.use_cases.site import Site

MOST = 50  # vials at once
STRONGEST = Decimal(200)  # mg/mL; more is a slip
LARGEST = Decimal(100)  # mL
OLDEST = timedelta(days=5 * 365)  # stock that was there when the ledger was begun
_NDC = re.compile(r"[0-9]{4,5}-?[0-9]{3,4}-?[0-9]{1,2}")
_EXPIRY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])(-[0-9]{2})?")


@retried
def receive_vials(
    work: Work, clock: Clock, caller: Caller, fields: Mapping[str, str], ids: Callable[[], str], site: Site
) -> tuple[Vial, ...]:
    """fields: drug, product, manufacturer, ndc, lot, expiry, concentration (mg/mL), volume (mL), vials (how many),
    received (day), supplier, confirmed (what is unusual was asked back: `asked_about` as it was then), and entry.
    """
    now, action, form = clock(), "clinician:ledger:receive", LedgerForm(fields)
    with work() as uow:
        require_ledger(uow, caller, now, action, site)
        known = uow.ledger.vial(f"{form.entry}-1")
        if known is not None:
            return (known,)
        vial, count = _vial(fields, caller, now.date(), site)
        first, made, entities = uow.ledger.next_number(caller.ehr), [], []
        for place in range(count):
            each = replace(vial, id=f"{form.entry}-{place + 1}", number=first + place)
            uow.ledger.add_vial(each)
            posting = Posting(
                id=ids(),
                vial=each.id,
                act=Act.RECEIVED,
                at=_moment(each.received, now),
                entered=now,
                by=caller.clinician,
                entered_by=caller.clinician,
                received=each.milligrams,
            )
            entities += [f"vial/{each.id}", f"ledger/{add_row(uow, posting, site, field='lot').id}"]
            made.append(each)
        uow.audit.add(audited(caller, now, action, *entities, detail=f"vials: {count}"))
        uow.commit()
        return tuple(made)


def _moment(received: date, now: datetime) -> datetime:
    """The hour of an earlier day is not known: the day's beginning stands for it, before every dose of that day."""
    return now if received == now.date() else datetime.combine(received, time(), tzinfo=now.tzinfo)


def asked_about(fields: Mapping[str, str]) -> str:
    """The values that may be asked back: a yes holds for these alone, and others are asked about again."""
    return " ".join(fields.get(name, "") for name in ("drug", "expiry", "concentration", "volume")).strip()


def _vial(fields: Mapping[str, str], caller: Caller, today: date, site: Site) -> tuple[Vial, int]:
    form = LedgerForm(fields)
    drug = form.text("drug") or Drug.KETAMINE
    if drug not in ({Drug.KETAMINE, Drug.ESKETAMINE} if site.ledger.esketamine else {Drug.KETAMINE}):
        form.problems["drug"] = "Choose a drug that this site gives."
    product = form.text("product", "Enter the product as printed.")
    lot = form.text("lot", "Enter the lot as printed.")
    expiry = form.read("expiry", _expiry, "Enter the expiry as printed: 2027-03 or 2027-03-31.")
    concentration = form.measured("concentration", "mg/mL", "Enter the milligrams in each millilitre.")
    volume = form.measured("volume", "mL", "Enter how many millilitres the vial holds.")
    _within(form, "concentration", concentration, STRONGEST, "mg/mL")
    _within(form, "volume", volume, LARGEST, "mL")
    count = form.read("vials", lambda typed: whole(typed, 1, MOST), "Enter how many vials came.")
    received = form.read("received", lambda typed: _past(typed, today), "Enter the day they came.")
    supplier = form.text("supplier", "Enter from whom they came.")
    manufacturer, ndc = form.text("manufacturer"), form.text("ndc")
    if ndc and not _NDC.fullmatch(ndc):
        form.problems["ndc"] = "Enter the code as printed, such as 12345-678-90."
    if form.text("confirmed") != asked_about(fields):
        if expiry and last_day(expiry) < today:
            form.problems["expiry"] = f"Check: expired {expiry}. Is that right?"
        if concentration and volume and "drug" not in form.problems:
            for name, words in vial_questions(Drug(drug), concentration, volume).items():
                form.problems.setdefault(name, words)
    form.check()
    if concentration is None or volume is None or count is None or received is None or expiry is None:
        raise LookupError("a value that was checked is not there")
    vial = Vial(
        id="",
        ehr=caller.ehr,
        number=0,
        drug=Drug(drug),
        product=product,
        lot=lot,
        expiry=expiry,
        concentration=concentration,
        volume=volume,
        received=received,
        supplier=supplier,
        manufacturer=manufacturer,
        ndc=ndc,
    )
    return vial, count


def _within(form: LedgerForm, name: str, amount: Decimal | None, most: Decimal, unit: str) -> None:
    if amount is not None and not 0 < amount <= most:
        form.problems.setdefault(name, f"Enter an amount over 0 and up to {most} {unit}.")


def _expiry(typed: str) -> str:
    if not _EXPIRY.fullmatch(typed):
        raise ValueError(typed)
    last_day(typed)
    return typed


def _past(typed: str, today: date) -> date:
    on = past_day(typed, today)
    if today - on > OLDEST:
        raise NotUsable("This is more than five years ago.")
    return on
