"""Patient to Person. FHIR R4 Patient."""

from __future__ import annotations

from fhir_mappings.facts.clinical import Area, Person
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json
from fhir_mappings.reading.notes import Notes


def read_patient(resource: Json, notes: Notes) -> Person:
    """The patient's own data. A record that is replaced, inactive or of a dead patient is a Gap: it is not one
    to treat by."""
    _refuse_unfit_record(resource, notes)
    name = _official_name(resource)
    return Person(
        reference=elements.reference_of(resource),
        version=elements.text(elements.mapping(resource.get("meta")).get("versionId")) or None,
        family=elements.text(name.get("family")) or elements.text(name.get("text")),
        given=" ".join(g for g in _strings(name.get("given"))),
        birth_date=notes.date(Area.PATIENT, resource, resource.get("birthDate"), "birthDate"),
        gender=elements.text(resource.get("gender")) or None,
        mrn=_medical_record_number(resource),
        address=_address(resource),
        active=resource.get("active") if isinstance(resource.get("active"), bool) else None,
        deceased=_deceased(resource),
    )


def _refuse_unfit_record(resource: Json, notes: Notes) -> None:
    for unfit, reason in (
        (_deceased(resource), "the patient is recorded as deceased"),
        (not (resource.get("active") is None or resource["active"] is True), "the record is marked as not active"),
        (_replaced(resource.get("link")), "the record was replaced by another, or says so unreadably"),
    ):
        if unfit:
            notes.gap(Area.PATIENT, resource, reason)


def _deceased(resource: Json) -> bool:
    """Anything but a plain "no" counts as deceased: a record to treat by must not leave that open."""
    flag = resource.get("deceasedBoolean")
    return not (flag is None or flag is False) or resource.get("deceasedDateTime") is not None


def _replaced(links: object) -> bool:
    """Links of other kinds are harmless: this record replaces another, or others tell of the same person."""
    if links is None:
        return False
    return not isinstance(links, list) or any(
        not isinstance(link, dict)
        or link.get("modifierExtension")
        or link.get("type") not in ("replaces", "refer", "seealso")
        for link in links
    )


def _official_name(resource: Json) -> Json:
    names = elements.objects(resource.get("name"))
    usable = [name for name in names if name.get("use") not in ("old", "maiden", "nickname")]
    official = [name for name in usable if name.get("use") in ("official", "usual")]
    return next(iter(official or usable or names), {})


def _address(resource: Json) -> str:
    """The home's, of those that are not old: its text, or its parts."""
    usable = [each for each in elements.objects(resource.get("address")) if each.get("use") not in ("old", "billing")]
    home = [each for each in usable if each.get("use") == "home"]
    found = next(iter(home or usable), {})
    parts = [*_strings(found.get("line")), *(elements.text(found.get(name)) for name in _ADDRESS)]
    return elements.text(found.get("text")) or ", ".join(filter(None, parts))


_ADDRESS = ("city", "state", "postalCode", "country")


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _medical_record_number(resource: Json) -> str | None:
    identifiers = elements.objects(resource.get("identifier"))
    numbers = [i for i in identifiers if "mr" in elements.code_values(i.get("type"))]
    return next((elements.text(i.get("value")) for i in numbers if elements.text(i.get("value"))), None)
