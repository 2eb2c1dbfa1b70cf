"""Who works at this clinic: each a Practitioner and a PractitionerRole in one Organization (R4 8.4, 8.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ORGANIZATION_ID = "riverside"
ORGANIZATION_NAME = "Riverside Ketamine Clinic (synthetic)"
ROLE_SYSTEM = "https://riverside-clinic.example/fhir/CodeSystem/staff-role"
STAFF_NUMBER_SYSTEM = "https://riverside-clinic.example/fhir/NamingSystem/staff-number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of staff. `slug` is what the sign-in form and the scripted clinician say."""

    slug: str
    role: str
    prefix: str | None
    given: str
    family: str
    number: str

    @property
    def id(self) -> str:
        return f"{self.given}-{self.family}".lower()

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.prefix, self.given, self.family) if part)


STAFF = (
    Person(slug="psychiatrist", role="Psychiatrist", prefix="Dr", given="Mira", family="Holm", number="S-1001"),
    Person(slug="nurse", role="Nurse", prefix=None, given="Tom", family="Reyes", number="S-1002"),
    Person(slug="anaesthetist", role="Anaesthetist", prefix="Dr", given="Priya", family="Nair", number="S-1003"),
    Person(slug="auditor", role="Auditor", prefix=None, given="Lee", family="Okafor", number="S-1004"),
)


def person(slug: str) -> Person | None:
    """The member of staff of this slug; None: nobody here."""
    return next((one for one in STAFF if one.slug == slug), None)


def staff_resources() -> list[dict[str, Any]]:
    """The clinic and its staff as FHIR resources, with ids that never change."""
    organization = {
        "resourceType": "Organization",
        "id": ORGANIZATION_ID,
        "active": True,
        "name": ORGANIZATION_NAME,
    }
    return [organization, *(_practitioner(one) for one in STAFF), *(_role(one) for one in STAFF)]


def _practitioner(one: Person) -> dict[str, Any]:
    name: dict[str, Any] = {"use": "official", "family": one.family, "given": [one.given], "text": one.name}
    if one.prefix:
        name["prefix"] = [one.prefix]
    return {
        "resourceType": "Practitioner",
        "id": one.id,
        "active": True,
        "identifier": [{"system": STAFF_NUMBER_SYSTEM, "value": one.number}],
        "name": [name],
    }


def _role(one: Person) -> dict[str, Any]:
    coding = {"system": ROLE_SYSTEM, "code": one.slug, "display": one.role}
    return {
        "resourceType": "PractitionerRole",
        "id": f"{one.id}-role",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{one.id}", "display": one.name},
        "organization": {"reference": f"Organization/{ORGANIZATION_ID}", "display": ORGANIZATION_NAME},
        "code": [{"coding": [coding], "text": one.role}],
    }
