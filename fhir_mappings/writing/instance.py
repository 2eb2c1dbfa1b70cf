"""This installation: where its identifiers live and which device it is in a Provenance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.written import Json

# Nothing that a search would read as an operator: the base stands inside `identifier=system|value`.
_BASE_URL = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~-]+)*")
_VALUE = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """`base_url` is the public address kept at first start, without a trailing slash; `version` is the app's."""

    base_url: str
    version: str

    def __post_init__(self) -> None:
        if not _BASE_URL.fullmatch(self.base_url):
            raise Unwritable("instance.base_url", "is not an http(s) address without query and trailing slash")
        if not self.version.strip():
            raise Unwritable("instance.version", "is empty")

    def system(self, kind: str) -> str:
        """The system of our identifiers of one kind: session, dose, reading, programme, screening, finding, ..."""
        return f"{self.base_url}/sid/{kind}"

    def identifier(self, kind: str, value: str) -> Json:
        if not _VALUE.fullmatch(value):
            raise Unwritable(f"{kind}.id", "is not an identifier (letters, digits, dot and hyphen, at most 64)")
        return {"system": self.system(kind), "value": value}

    def link(self, resource_type: str, kind: str, value: str) -> Json:
        """A Reference to a resource of ours: its `urn:uuid`, and its identifier for when it is elsewhere."""
        identifier = self.identifier(kind, value)
        return {"reference": urn(**identifier), "type": resource_type, "identifier": identifier}

    def logical(self, resource_type: str, kind: str, value: str) -> Json:
        """A Reference by identifier alone, to what the EHR may not hold."""
        return {"type": resource_type, "identifier": self.identifier(kind, value)}

    def device(self) -> Json:
        """A Reference to this app at this version."""
        return {
            "type": "Device",
            "identifier": {"system": self.system("device"), "value": f"ketamine-pathway/{self.version}"},
            "display": f"ketamine-pathway {self.version}",
        }


def urn(system: str, value: str) -> str:
    """The fullUrl of the resource with this identifier: a UUIDv5, so that every retry names it alike."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{system}|{value}')}"
