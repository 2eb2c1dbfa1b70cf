"""What a screening read, as References: to the version that was read, or to the entry as it stands now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fhir_mappings.facts.screening import ScreeningRecord
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.written import Json

_BASE = re.compile(r"https?://[^\s?#|]+[^\s?#|/]")
_ENTRY = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(/_history/[A-Za-z0-9.-]{1,64})?")


@dataclass(frozen=True, slots=True)
class EntriesRead:
    """References of one EHR. `versions` gives what was read of each entry: "Condition/1/_history/3"."""

    base: str
    versions: Mapping[str, str]

    @classmethod
    def of(cls, record: ScreeningRecord) -> EntriesRead:
        """Raises Unwritable where the patient is not one of the EHR that was read."""
        base = record.fhir_base.rstrip("/")
        if not _BASE.fullmatch(base):
            raise Unwritable("record.fhir_base", "is not an http(s) address")
        if not record.patient.startswith(f"{base}/Patient/"):
            raise Unwritable("record.patient", "is not a patient of the EHR that was read")
        return cls(base, {_unversioned(entry): entry for entry in record.read})

    def as_read(self, entry: str) -> Json:
        """The version that was read. An entry without an id that can be followed is told in words."""
        match = _ENTRY.fullmatch(entry)
        if match is None:
            return {"display": "An entry of the chart without an id that can be followed"}
        version = entry if match[2] else self.versions.get(entry, entry)
        return {"reference": f"{self.base}/{version}"}

    def as_it_stands(self, entry: str) -> Json:
        return {"reference": f"{self.base}/{_unversioned(entry)}"}


def is_entry(reference: str) -> bool:
    """Whether it names a resource of the EHR."""
    return _ENTRY.fullmatch(reference) is not None


def entries_in(evidence: Iterable[str]) -> list[str]:
    """Those that name a resource of the EHR, each once; evidence may also be an answer, or an area in words."""
    return [reference for reference in dict.fromkeys(evidence) if is_entry(reference)]


def type_of(entry: str) -> str:
    """The resource type of "Condition/1/_history/3"."""
    return entry.partition("/")[0]


def _unversioned(entry: str) -> str:
    return entry.partition("/_history/")[0]
