"""What a screening relied on, in short: the pressure that counted, the medicines and the allergies that were read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from fhir_mappings.facts.clinical import Area, PatientFacts
from smart_app.clinical.limits import Limits
from smart_app.clinical.medicines import Use, medicines
from smart_app.clinical.rules.blood_pressure import day_evidence, history
from smart_app.use_cases.records import Json

MOST = 40  # lines of one kind that are kept beside a screening; the count says how many there are


def relied_on(facts: PatientFacts, as_of: date, limits: Limits | None = None) -> Json:
    """For the page and as it was that day: an empty list means that none is on record, unless `unread` names it."""
    found = medicines(facts)
    uses = tuple(dict.fromkeys(use for medicine in found for use in medicine.uses))
    return {
        "pressure": _pressure(facts, as_of, limits or Limits()),
        "medications": _each(_words(use) for use in uses if use.current),
        "earlier_medications": _each(_words(use) for use in uses if not use.current),
        "unresolved": _each(medicine.name for medicine in found if not medicine.resolved),
        "allergies": _each(allergy.label for allergy in facts.allergies),
        "unread": sorted(area.value for area in facts.unclear & _SHOWN),
    }


_SHOWN = frozenset({Area.BLOOD_PRESSURE, Area.MEDICATION, Area.ALLERGY})


def _pressure(facts: PatientFacts, as_of: date, limits: Limits) -> Json | None:
    """The latest day that counts, its age in days, and whether a newer reading could not be used."""
    found = history(facts.blood_pressures, as_of, limits)
    if found.latest is None:
        return None
    (line,) = day_evidence(found.latest)
    return {
        "text": line.text,
        "date": line.date,
        "reference": line.reference,
        "days": (as_of - found.latest.day).days,
        "newer_unusable": bool(found.unusable_since),
    }


def _words(use: Use) -> str:
    """The medicine as the record calls it, how many entries tell of it, and whether any of them is coded."""
    first = use.entries[0]
    several = f"{len(use.entries)} sources" if len(use.entries) > 1 else ""
    uncoded = "not coded" if all(entry.text_only for entry in use.entries) else ""
    notes = ", ".join(note for note in (several, uncoded) if note)
    return f"{first.label} ({notes})" if notes else first.label


def _each(labels: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(labels))[:MOST]
