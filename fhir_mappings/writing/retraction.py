"""A sent session taken back: its resources become entered-in-error where they are, and nothing is deleted.

R4 lifecycle: `entered-in-error` with a note saying why; each is updated only in the version that was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fhir_mappings import wire
from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.writing.datatypes import annotation, plain
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.read_back import holds
from fhir_mappings.writing.written import Json

_RETRACTABLE = frozenset({"Procedure", "MedicationAdministration", "Observation"})


def retraction(current: Sequence[Json], reason: str, when: datetime, author: Clinician) -> bytes:
    """The transaction that retracts `current`, the resources as the EHR holds them now.

    Everything but status and note stays as it was read, digits too. A stale version makes the EHR refuse the
    whole transaction (412): read again and retract again; a note that is there already is not added twice.
    """
    if not plain(reason):
        raise Unwritable("reason", "is empty: a retraction says why")
    if not current:
        raise Unwritable("current", "is empty: there is nothing to retract")
    note = annotation("author", author, when, f"Entered in error: {plain(reason)}")
    entries = [_entry(resource, note) for resource in current]
    return wire.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _entry(resource: Json, note: Json) -> Json:
    kind, logical_id = resource.get("resourceType"), resource.get("id")
    if kind not in _RETRACTABLE:
        raise Unwritable("current", "holds a type that has no status entered-in-error")
    version = resource.get("meta", {}).get("versionId")
    if not logical_id or not version:
        raise Unwritable(f"current.{kind}", "lacks the id or version that the EHR gave it")
    return {
        "resource": _retracted(resource, note),
        "request": {"method": "PUT", "url": f"{kind}/{logical_id}", "ifMatch": f'W/"{version}"'},
    }


def _retracted(resource: Json, note: Json) -> Json:
    notes = resource.get("note", [])
    noted = notes if any(holds(one, note) for one in notes) else [*notes, note]
    return resource | {"status": "entered-in-error", "note": noted}
