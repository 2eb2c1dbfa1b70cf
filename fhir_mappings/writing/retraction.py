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
from fhir_mappings.writing.transaction import put_entry
from fhir_mappings.writing.written import Json

_MARK = "Entered in error:"
_WRONG = "entered-in-error"
_RETRACTABLE = frozenset(
    {"Procedure", "MedicationAdministration", "MedicationStatement", "Observation", "QuestionnaireResponse"}
)
_WORDED = "AdverseEvent"  # R4 gives it neither status nor note: the event itself says that it was none
_NO_NOTE = frozenset({"QuestionnaireResponse"})  # R4 gives it none: its result carries the reason


def retraction(current: Sequence[Json], reason: str, when: datetime, author: Clinician) -> bytes:
    """The transaction that retracts `current`, the resources as the EHR holds them now.

    Everything but status and note stays as it was read, digits too. A stale version makes the EHR refuse the
    whole transaction (412): read again and retract again; a note that is there already is not added twice.
    """
    if not plain(reason):
        raise Unwritable("reason", "is empty: a retraction says why")
    if not current:
        raise Unwritable("current", "is empty: there is nothing to retract")
    note = annotation("author", author, when, f"{_MARK} {plain(reason)}")
    entries = [put_entry(retracted(resource, note)) for resource in current]
    return wire.encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def retracted(resource: Json, note: Json) -> Json:
    """One resource marked as entered in error; a note that is there already is not added twice."""
    if resource.get("resourceType") == _WORDED:
        if is_retracted(resource):
            return resource
        kept = {name: value for name, value in resource.items() if name not in {"seriousness", "severity", "outcome"}}
        was = resource.get("event", {}).get("text", "")
        return kept | {"event": {"text": f"{note['text']} Was: {was}" if was else note["text"]}}
    if resource.get("resourceType") not in _RETRACTABLE:
        raise Unwritable("current", "holds a type that has no status entered-in-error")
    if resource["resourceType"] in _NO_NOTE:
        return resource | {"status": _WRONG}
    notes = resource.get("note", [])
    noted = notes if any(holds(one, note) for one in notes) else [*notes, note]
    return resource | {"status": _WRONG, "note": noted}


def is_retracted(resource: Json) -> bool:
    """Whether it is marked as entered in error, as `retracted` does it."""
    if resource.get("resourceType") == _WORDED:
        return str(resource.get("event", {}).get("text", "")).startswith(_MARK)
    return resource.get("status") == _WRONG
