"""The ledger in the columns of a paper log, for a span of days (21 CFR 1304.22(c))."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from types import MappingProxyType

from fhir_mappings.facts.audit import AuditRecord
from smart_app.clinical.ledger import Act, Row, Vial, discrepancies, plain
from smart_app.use_cases.access import audited, refuse
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Caller, Json
from smart_app.use_cases.site import Site

WITHHELD = "another patient"
NOT_RECORDED = "not recorded"
LONGEST_SPAN = timedelta(days=366 * 3)
_TIME = "%Y-%m-%d %H:%M"

Person = Callable[[str], Json | None]  # of a patient's absolute URL; None: the name is withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A row with its vial, and whose dose it was as far as the reader may know."""

    row: Row
    vial: Vial
    person: Json | None
    zone: tzinfo | None


COLUMNS: Mapping[str, Callable[[Logged], str]] = MappingProxyType(
    {
        "act at": lambda each: _act_at(each),
        "act": lambda each: each.row.act.value,
        "patient": lambda each: _patient(each),
        "patient address": lambda each: _address(each),
        "session": lambda each: each.row.session or "",
        "drug": lambda each: each.vial.drug.value,
        "product": lambda each: each.vial.product,
        "ndc": lambda each: each.vial.ndc,
        "manufacturer": lambda each: each.vial.manufacturer,
        "vial": lambda each: str(each.vial.number),
        "lot": lambda each: each.vial.lot,
        "expiry": lambda each: each.vial.expiry,
        "mg/mL": lambda each: plain(each.vial.concentration),
        "mL when full": lambda each: plain(each.vial.volume),
        "received from": lambda each: each.vial.supplier if each.row.act is Act.RECEIVED else "",
        "received mg": lambda each: _mg(each.row.received),
        "drawn mg": lambda each: _mg(each.row.drawn),
        "administered mg": lambda each: _mg(each.row.administered),
        "wasted mg": lambda each: _mg(each.row.wasted),
        "returned mg": lambda _each: "0",
        "corrected mg": lambda each: _mg(each.row.correction),
        "balance mg": lambda each: plain(each.row.balance),
        "by": lambda each: each.row.by.name,
        "initials": lambda each: initials(each.row.by.name),
        "witness": lambda each: each.row.witness.name if each.row.witness else "",
        "witness known by": lambda each: each.row.witness.known.value if each.row.witness else "",
        "method": lambda each: each.row.method,
        "reason": lambda each: each.row.reason,
        "loss or theft": lambda each: each.row.loss,
        "entered at": lambda each: _when(each.row.entered, each.zone),
        "entered by": lambda each: each.row.entered_by.name,
        "row": lambda each: each.row.id,
        "takes back": lambda each: each.row.reverses or "",
    }
)


def logged(
    uow: UnitOfWork, ehr: str, first: date, last: date, zone: tzinfo | None, person: Person
) -> tuple[Logged, ...]:
    """The rows whose act lies on one of these days, both included, in order of the act."""
    begin = datetime.combine(first, time(), tzinfo=zone)
    before = datetime.combine(last + timedelta(days=1), time(), tzinfo=zone)
    vials: dict[str, Vial] = {}
    found = []
    for row in uow.ledger.between(ehr, begin, before):
        if row.vial not in vials:
            vial = uow.ledger.vial(row.vial)
            if vial is None:
                raise LookupError("a row's vial is not in the store")
            vials[row.vial] = vial
        told = person(row.patient) if row.patient is not None else None
        found.append(Logged(row=row, vial=vials[row.vial], person=told, zone=zone))
    return tuple(found)


def as_csv(found: Iterable[Logged]) -> str:
    """With a byte order mark, so that a spreadsheet reads it as UTF-8; no cell can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell(each)) for cell in COLUMNS.values()] for each in found)
    return "\ufeff" + text.getvalue()


def as_records(found: Iterable[Logged]) -> list[dict[str, str]]:
    return [{name: cell(each) for name, cell in COLUMNS.items()} for each in found]


def initials(name: str) -> str:
    """Of the person who administered: the first letter of each name, titles left out."""
    words = [
        word for word in name.replace("-", " ").split() if not word.endswith(".") and word.lower() not in _TITLES
    ]
    return "".join(word[0].upper() for word in words)


_TITLES = {"dr", "prof", "mr", "mrs", "ms"}


def export(work: Work, clock: Clock, caller: Caller, first: date, last: date, site: Site) -> tuple[Logged, ...]:
    """For a page: only the launch's own patient is named. Leaves an audit record."""
    now, action = clock(), "clinician:ledger:export"
    with work() as uow:
        if not site.ledger.here:
            refuse(uow, caller, now, action, Refused("This site keeps its ledger elsewhere."))
        check_span(first, last)
        screening = uow.screenings.latest(caller.patient)
        own = screening.person if screening is not None else {}
        found = logged(
            uow, caller.ehr, first, last, now.tzinfo, lambda patient: own if patient == caller.patient else None
        )
        detail = f"{first.isoformat()} to {last.isoformat()}, rows: {len(found)}"
        uow.audit.add(audited(caller, now, action, detail=detail))
        uow.commit()
    return found


def export_all(
    work: Work, clock: Clock, first: date, last: date, ehr: str | None = None
) -> dict[str, tuple[Logged, ...]]:
    """For the operator: every patient named, by EHR. Leaves an audit record for each EHR and each patient."""
    now, made = clock(), {}
    check_span(first, last)
    with work() as uow:
        for name in (each for each in uow.ledger.ehrs() if ehr in {None, each}):
            found = logged(uow, name, first, last, now.tzinfo, lambda patient: _known(uow, patient))
            made[name] = found
            patients = sorted({each.row.patient for each in found if each.row.patient is not None})
            detail = f"{first.isoformat()} to {last.isoformat()}, rows: {len(found)}"
            for patient in (None, *patients):
                uow.audit.add(
                    AuditRecord(action="operator:ledger:export", at=now, ehr=name, patient=patient, detail=detail)
                )
        if made:
            uow.commit()
    return made


def check_all(work: Work, clock: Clock) -> tuple[int, tuple[str, ...]]:
    """How many vials there are, and what of them does not add up, by EHR. Leaves an audit record."""
    wrong: list[str] = []
    count = 0
    with work() as uow:
        for ehr in uow.ledger.ehrs():
            for vial, _ in uow.ledger.vials(ehr):
                count += 1
                wrong += [f"{ehr}: {each}" for each in discrepancies(vial, uow.ledger.of_vial(vial.id))]
        detail = f"vials: {count}, lines that do not add up: {len(wrong)}"
        uow.audit.add(AuditRecord(action="operator:ledger:check", at=clock(), detail=detail))
        uow.commit()
    return count, tuple(wrong)


def check_span(first: date, last: date) -> None:
    """Refused where it cannot be exported."""
    if last < first:
        raise Refused("The export cannot be made.", problems={"to": "This day is before the first one."})
    if last - first > LONGEST_SPAN:
        raise Refused("The export cannot be made.", problems={"from": "Choose a span of three years at most."})


def _known(uow: UnitOfWork, patient: str) -> Json:
    screening = uow.screenings.latest(patient)
    return screening.person if screening is not None else {}


def _act_at(each: Logged) -> str:
    """Of a receipt the day alone is known."""
    return each.vial.received.isoformat() if each.row.act is Act.RECEIVED else _when(each.row.at, each.zone)


def _patient(each: Logged) -> str:
    if each.row.patient is None:
        return ""
    if each.person is None:
        return WITHHELD
    return ", ".join(filter(None, (_said(each.person, "family"), _said(each.person, "given")))) or NOT_RECORDED


def _address(each: Logged) -> str:
    if each.row.patient is None or each.person is None:
        return ""
    return _said(each.person, "address") or NOT_RECORDED


def _said(person: Json, name: str) -> str:
    return str(person.get(name) or "")


def _when(at: datetime, zone: tzinfo | None) -> str:
    return at.astimezone(zone).strftime(_TIME)


def _mg(amount: Decimal) -> str:
    return plain(amount) if amount else "0"


def _harmless(cell: str) -> str:
    """A text that begins like a formula is kept from being one; a negative amount stays a number."""
    risky = cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if risky and not _is_amount(cell) else cell


def _is_amount(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdecimal()
