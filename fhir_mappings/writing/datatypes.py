"""FHIR data types from facts, strict: amounts keep their digits, times carry an offset, references are absolute.

R4 2.24 (data types) and 2.3 (references).
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.written import Json

UCUM: Final = "http://unitsofmeasure.org"
PRACTITIONERS: Final = ("Practitioner", "PractitionerRole")

_ABSOLUTE = re.compile(r"(https?://[^\s?#|]+)/([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def amount(fact: str, value: Decimal) -> Decimal:
    """`value` itself: a finite Decimal that is not negative."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Unwritable(fact, "is not a finite Decimal")
    if value < 0:
        raise Unwritable(fact, "is negative")
    return value


def quantity(fact: str, value: Decimal, code: str, unit: str | None = None) -> Json:
    """A Quantity in a UCUM unit; `unit` is what people read, when it differs from the code."""
    return {"value": amount(fact, value), "unit": unit or code, "system": UCUM, "code": code}


def instant(fact: str, at: datetime) -> str:
    """A FHIR dateTime that is also an instant: to the second, to the millisecond where it has fractions."""
    offset = at.utcoffset()
    if offset is None:
        raise Unwritable(fact, "has no time zone")
    if offset.seconds % 60 or offset.microseconds:
        raise Unwritable(fact, "has an offset that is not whole minutes")
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")


def period(fact: str, start: datetime, end: datetime) -> Json:
    first, last = instant(f"{fact}.started", start), instant(f"{fact}.ended", end)
    if end < start:
        raise Unwritable(f"{fact}.ended", "is before the start")
    return {"start": first, "end": last}


def coding(system: str, code: str, display: str | None = None) -> Json:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(*codings: Json, text: str | None = None) -> Json:
    return ({"coding": list(codings)} if codings else {}) | ({"text": text} if text else {})


def plain(text: str) -> str:
    """`text` without what a FHIR string may not hold (control characters), and without blanks around it."""
    return _NOT_TEXT.sub(" ", text).strip()


def reference(fact: str, url: str, *resource_types: str) -> Json:
    """A Reference to a resource of the EHR, by its absolute URL."""
    match = _ABSOLUTE.fullmatch(url)
    if match is None or match[2] not in resource_types:
        raise Unwritable(fact, f"is not the absolute URL of a {' or '.join(resource_types)}")
    return {"reference": url}


def person(fact: str, clinician: Clinician) -> Json:
    """A Reference to a clinician, with the printed name."""
    name = plain(clinician.name)
    return reference(fact, clinician.reference, *PRACTITIONERS) | ({"display": name} if name else {})


def organization(fact: str, clinician: Clinician) -> Json | None:
    """A Reference to the organisation a clinician acts for. The registration may name it relative to the EHR."""
    if clinician.organization is None:
        return None
    named = clinician.organization
    if _RELATIVE.fullmatch(named) and (own := _ABSOLUTE.fullmatch(clinician.reference)):
        named = f"{own[1]}/{named}"
    return reference(f"{fact}.organization", named, "Organization")


def annotation(fact: str, author: Clinician, at: datetime, text: str) -> Json:
    """An Annotation by a clinician."""
    return {"authorReference": person(fact, author), "time": instant(f"{fact}.at", at), "text": plain(text)}
