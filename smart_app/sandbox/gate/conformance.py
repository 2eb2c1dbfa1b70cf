"""The CapabilityStatement: what the gate lets through, and nothing more (R4 6.1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sekmet.fhir.search_params import params_for

from smart_app.sandbox.gate.offer import OFFERED, Offer
from smart_app.sandbox.site import Site

SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
INTERACTIONS = {
    "r": ("read", "vread", "history-instance"),
    "s": ("search-type",),
    "c": ("create",),
    "u": ("update", "patch"),
    "d": ("delete",),
}


def capability_statement(site: Site, made: datetime, untaken: Collection[str] = ()) -> dict[str, Any]:
    """Types in `untaken` are not created."""
    rest = {
        "mode": "server",
        "security": _security(site),
        "resource": [_resource(name, offer, taken=name not in untaken) for name, offer in OFFERED.items()],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": made.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Riverside sandbox EHR"},
        "implementation": {"description": "A sandbox EHR with synthetic patients", "url": site.fhir},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "patchFormat": ["application/json-patch+json"],
        "rest": [rest],
    }


def _security(site: Site) -> dict[str, Any]:
    addresses = {
        "authorize": f"{site.public}/oauth/authorize",
        "token": site.token_url,
        "revoke": site.revocation_url,
    }
    uris = [{"url": name, "valueUri": address} for name, address in addresses.items()]
    service = {"coding": [{"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"}], "text": "SMART on FHIR"}
    return {"extension": [{"url": OAUTH_URIS, "extension": uris}], "service": [service]}


def _resource(name: str, offer: Offer, *, taken: bool) -> dict[str, Any]:
    letters = offer.letters if taken else offer.letters.replace("c", "")
    described: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": code} for letter in letters for code in INTERACTIONS[letter]],
        "versioning": "versioned-update",
        "readHistory": True,
        "searchParam": [{"name": one, "type": spec.kind} for one, spec in params_for(name).items()],
    }
    if "c" in letters:
        described |= {"updateCreate": True, "conditionalCreate": True}
    return described
