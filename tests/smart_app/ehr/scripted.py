"""FHIR answers for tests to script an EHR with."""

from __future__ import annotations

from typing import Any

import httpx

BASE = "https://ehr.example.org/fhir/r4"


def fhir(resource: dict[str, Any], status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=resource, headers={"content-type": "application/fhir+json", **named})


def outcome(text: str, severity: str = "error", code: str = "processing") -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def searchset(*resources: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": link,
        "entry": [{"resource": resource, "search": {"mode": "match"}} for resource in resources],
    }
