"""A colleague's word, in their own sign-in or by name: that a dose was checked, that waste was seen destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from fhir_mappings.facts.treatment import Clinician, Known, SecondPerson
from smart_app.clinical.ledger_rules import second_person_problem
from smart_app.use_cases.ledger.stock import VIALS
from smart_app.use_cases.records import Entry, StoredSession
from smart_app.use_cases.session.typed_session import started, text, written

DOSE_CHECK, WASTE_WITNESS = "dose-check", "waste-witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a colleague confirms. It holds for these values alone: when one changes, it is asked for again."""

    values: tuple[str, ...]
    needed: str  # without it there is nothing to confirm
    typed: str  # the field of a name, where the site lets one be typed
    audit: str


ASKED: Mapping[str, Asked] = MappingProxyType(
    {
        DOSE_CHECK: Asked(
            values=("dose.planned_mg", "dose.concentration", *VIALS),
            needed="dose.planned_mg",
            typed="dose.second_person",
            audit="clinician:dose:check",
        ),
        WASTE_WITNESS: Asked(
            values=("dose.wasted_mg", "dose.waste_method"),
            needed="dose.wasted_mg",
            typed="dose.witness",
            audit="clinician:waste:witness",
        ),
    }
)


def second_person(session: StoredSession, kind: str, asked: Known) -> SecondPerson | None:
    """Who confirmed it: a colleague who was signed in before a typed name, which counts only where it is allowed."""
    entry = _entry(session, kind)
    if entry is not None:
        return SecondPerson(name=entry.by.name, known=Known.SIGNED_IN, reference=entry.by.reference, at=entry.entered)
    name = text(session, ASKED[kind].typed)
    return SecondPerson(name=name, known=Known.NAMED) if name and asked is not Known.SIGNED_IN else None


def takers(session: StoredSession, kind: str) -> tuple[Clinician, ...]:
    """Who took part themselves and so cannot be the second person: who gave the dose, who wasted the rest."""
    names = ("dose.started",) if kind == DOSE_CHECK else ("dose.started", "dose.wasted_mg")
    found = [written(session, name) for name in names]
    return tuple(each.by for each in found if each is not None) or (session.opened_by,)


def _entry(session: StoredSession, kind: str) -> Entry | None:
    values = confirmed_values(session, kind)
    confirmed = [each for each in session.entries if each.kind == kind and each.struck is None]
    return next((each for each in reversed(confirmed) if dict(each.fields) == values), None)


def confirmed_values(session: StoredSession, kind: str) -> dict[str, str]:
    """What a confirmation given now would hold for."""
    return {name: text(session, name) for name in ASKED[kind].values if text(session, name)}


def confirm_problem(session: StoredSession, kind: str, by: Clinician, now: datetime) -> str:
    """Why this person cannot confirm it now; empty: they can."""
    if text(session, ASKED[kind].needed) in {"", "0"}:
        return "There is nothing to confirm yet."
    if kind == DOSE_CHECK and started(session, now) is not None:
        return "The dose was started already. Say in the dose step why nobody checked it."
    person = SecondPerson(name=by.name, known=Known.SIGNED_IN, reference=by.reference, at=now)
    return second_person_problem(
        person, Known.SIGNED_IN, *(takers(session, kind) if kind == WASTE_WITNESS else _preparer(session))
    )


def _preparer(session: StoredSession) -> tuple[Clinician, ...]:
    """Before the start nobody has given the dose: who chose the vial is about to."""
    found = written(session, VIALS[0])
    return () if found is None else (found.by,)
