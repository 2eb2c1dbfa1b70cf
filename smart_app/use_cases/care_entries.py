"""What is asked and measured between sessions: urinary symptoms, liver values, blood pressure; and struck out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from smart_app.clinical.entry import NotUsable, amount, past_day
from smart_app.use_cases.access import audited, refuse, require_writer
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.reasons import required_reason
from smart_app.use_cases.records import Caller, CareEntry, CareKind
from smart_app.use_cases.retraction_messages import retraction

LONGEST = 2000
_ENTRY_ID = re.compile(r"[A-Za-z0-9-]{1,50}")
# Possible, then usual: a value outside the first is refused, one outside the second is asked back.
_LIVER = (Decimal(0), Decimal(10000)), (Decimal(1), Decimal(500))  # U/L
_UPPER = (Decimal(5), Decimal(200)), (Decimal(20), Decimal(80))  # U/L
_SYSTOLIC = (Decimal(50), Decimal(300)), (Decimal(80), Decimal(200))  # mmHg
_DIASTOLIC = (Decimal(20), Decimal(200)), (Decimal(40), Decimal(120))  # mmHg
_Bounds = tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]
# Of each kind: its fields, in the order of the form.
FIELDS: Mapping[CareKind, tuple[str, ...]] = {
    CareKind.URINARY: ("symptoms", "note"),
    CareKind.LIVER: ("alt", "alt_upper", "ast", "ast_upper", "source"),
    CareKind.PRESSURE: ("systolic", "diastolic", "source"),
}


def standing_entries(uow: UnitOfWork, caller: Caller) -> tuple[CareEntry, ...]:
    """Of this patient at this EHR, without those that were struck out and the strikes."""
    entries = own_entries(uow, caller)
    struck = {each.about for each in entries if each.kind is CareKind.STRIKE}
    return tuple(each for each in entries if each.kind is not CareKind.STRIKE and each.id not in struck)


def own_entries(uow: UnitOfWork, caller: Caller) -> tuple[CareEntry, ...]:
    """All, in order of entry."""
    return tuple(each for each in uow.care.of_patient(caller.patient) if each.ehr == caller.ehr)


def record_care(
    work: Work, clock: Clock, caller: Caller, entry_id: str, kind: CareKind, fields: Mapping[str, str]
) -> CareEntry:
    """fields: `day`, `confirm` and those of FIELDS. A known `entry_id` adds nothing. Refused, by field."""
    now, action = clock(), f"clinician:care:{kind}"
    with work() as uow:
        require_writer(uow, caller, now, action)
        known = known_entry(uow, caller, entry_id)
        if known is not None:
            return known
        problems: dict[str, str] = {}
        on = day_told(fields.get("day", ""), now.date(), problems)
        _CHECKS[kind](fields, problems)
        if problems:
            raise Refused("Some of this needs another look.", problems=problems)
        kept = {name: fields.get(name, "").strip()[:LONGEST] for name in FIELDS[kind]}
        entry = CareEntry(
            id=entry_id,
            ehr=caller.ehr,
            patient=caller.patient,
            kind=kind,
            day=on or now.date(),
            at=now,
            by=caller.clinician,
            fields=kept,
        )
        keep(uow, entry)
        uow.audit.add(audited(caller, now, action, f"care/{entry.id}"))
        uow.commit()
        return entry


def known_entry(uow: UnitOfWork, caller: Caller, entry_id: str) -> CareEntry | None:
    """An entry that was sent before. Refused for an id that no form of ours makes."""
    if not _ENTRY_ID.fullmatch(entry_id):
        raise Refused("This form is not one of this app's. Open the page again.")
    return next((each for each in own_entries(uow, caller) if each.id == entry_id), None)


def keep(uow: UnitOfWork, entry: CareEntry) -> None:
    if not uow.care.add(entry):
        raise Refused("This form was used already. Open the page again.")


def strike_care(
    work: Work, clock: Clock, caller: Caller, entry_id: str, reason: str, ids: Callable[[], str]
) -> CareEntry:
    """It stays readable, with the reason, and counts for nothing. Striking twice is the first time's."""
    now, action = clock(), "clinician:care:strike"
    with work() as uow:
        require_writer(uow, caller, now, action)
        entries = own_entries(uow, caller)
        entry = next((each for each in entries if each.id == entry_id and each.kind is not CareKind.STRIKE), None)
        if entry is None:
            refuse(uow, caller, now, action, Refused("There is no such entry for this patient."))
        before = next((each for each in entries if each.about == entry.id), None)
        if before is not None:
            return before
        strike = struck(entry, required_reason(reason)[:LONGEST], caller, now, ids())
        keep(uow, strike)
        sent = uow.messages.of_patient(caller.ehr, caller.patient)
        back = retraction({entry.id}, sent, caller, now, ids())
        if back is not None:
            uow.messages.add(back)
        uow.audit.add(audited(caller, now, action, f"care/{entry.id}"))
        uow.commit()
        return strike


def care_entry(work: Work, clock: Clock, caller: Caller, entry_id: str) -> CareEntry | None:
    """One entry of this patient, to be looked at; None: there is no such one."""
    with work() as uow:
        found = next((each for each in own_entries(uow, caller) if each.id == entry_id), None)
        entities = (f"care/{found.id}",) if found is not None else ()
        uow.audit.add(audited(caller, clock(), "clinician:maintenance:read", *entities))
        uow.commit()
        return found


def struck(entry: CareEntry, reason: str, caller: Caller, now: datetime, strike_id: str) -> CareEntry:
    return CareEntry(
        id=strike_id,
        ehr=entry.ehr,
        patient=entry.patient,
        kind=CareKind.STRIKE,
        day=entry.day,
        at=now,
        by=caller.clinician,
        fields={"reason": reason},
        course=entry.course,
        about=entry.id,
    )


def day_told(typed: str, today: date, problems: dict[str, str], field: str = "day") -> date | None:
    """The day as typed; None, with the problem by field, where there is none or it has not come yet."""
    if not typed.strip():
        problems[field] = "Enter the day."
        return None
    try:
        return past_day(typed.strip(), today)
    except NotUsable as error:
        problems[field] = str(error)
        return None


def _urinary(fields: Mapping[str, str], problems: dict[str, str]) -> None:
    if fields.get("symptoms") not in {"yes", "no"}:
        problems["symptoms"] = "Say whether there are symptoms."
    if fields.get("symptoms") == "yes" and not fields.get("note", "").strip():
        problems["note"] = "Say which symptoms."


def _liver(fields: Mapping[str, str], problems: dict[str, str]) -> None:
    for name, words in (("alt", "ALT"), ("ast", "AST")):
        typed, upper = fields.get(name, "").strip(), f"{name}_upper"
        if typed:
            bounded(fields, name, words, _LIVER, problems)
            bounded(fields, upper, f"the laboratory's upper limit of {words}", _UPPER, problems)
        elif fields.get(upper, "").strip():
            problems[name] = f"Enter {words}, or take its limit out."
    if not fields.get("alt", "").strip() and not fields.get("ast", "").strip():
        problems.setdefault("alt", "Enter ALT, AST or both.")
    if not fields.get("source", "").strip():
        problems["source"] = "Say where the values are from."


def _pressure(fields: Mapping[str, str], problems: dict[str, str]) -> None:
    systolic = bounded(fields, "systolic", "the systolic pressure", _SYSTOLIC, problems)
    diastolic = bounded(fields, "diastolic", "the diastolic pressure", _DIASTOLIC, problems)
    if systolic is not None and diastolic is not None and diastolic >= systolic:
        problems["diastolic"] = "The diastolic pressure is below the systolic one. Look at both again."


def bounded(
    fields: Mapping[str, str], name: str, words: str, bounds: _Bounds, problems: dict[str, str]
) -> Decimal | None:
    """The amount; None with the problem by field. An unusual one is asked back until `confirm` is given."""
    (least, most), (low, high) = bounds
    typed = fields.get(name, "").strip()
    if not typed:
        problems[name] = f"Enter {words}."
        return None
    try:
        value = amount(typed)
    except NotUsable as error:
        problems[name] = str(error)
        return None
    if not least <= value <= most:
        problems[name] = f"Enter {words} from {least} to {most}."
    elif not low <= value <= high and fields.get("confirm") != "yes":
        problems[name] = f"Check: {typed}. Is that right?"
    return value


_CHECKS: Mapping[CareKind, Callable[[Mapping[str, str], dict[str, str]], None]] = {
    CareKind.URINARY: _urinary,
    CareKind.LIVER: _liver,
    CareKind.PRESSURE: _pressure,
}


def entries_of(entries: Sequence[CareEntry], kind: CareKind) -> tuple[CareEntry, ...]:
    """By day, the latest last."""
    return tuple(sorted((each for each in entries if each.kind is kind), key=lambda each: (each.day, each.at)))
