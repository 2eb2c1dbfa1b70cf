"""What an EHR tells everybody in /metadata, read without a token: for checks before any launch (FHIR R4 http)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx

from smart_app.ehr.answers import check_status, resource_of
from smart_app.ehr.capabilities import read_offer
from smart_app.ehr.exchange import exchange
from smart_app.use_cases.ports import Clock
from smart_app.use_cases.records import Offer

_NO_TOKEN: Final = httpx.Auth()  # adds nothing to a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`fhir_version` None: the EHR does not say."""

    fhir_version: str | None
    offer: Offer


async def public_statement(fhir_base: str, http: httpx.AsyncClient, clock: Clock) -> Statement:
    """The EHR's CapabilityStatement; EhrError when it cannot be had, as where strangers may not read it."""
    answer = await exchange(
        http,
        _NO_TOKEN,
        fhir_base=fhir_base,
        method="GET",
        url=f"{fhir_base}/metadata",
        headers={"Accept": "application/fhir+json"},
    )
    check_status(answer, clock())
    statement = resource_of(answer, "CapabilityStatement")
    version = statement.get("fhirVersion")
    return Statement(fhir_version=version if isinstance(version, str) else None, offer=read_offer(statement))
