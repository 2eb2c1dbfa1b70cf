"""What tests of the gate write into a chart and ask of it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.smart_app.sandbox.an_app import AnApp

MRN = "https://riverside-clinic.example/fhir/NamingSystem/mrn"

SESSION = "https://ketamine-pathway.example/session"

ALL = "patient/*.cruds"


def a_procedure(patient: str, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"text": "Ketamine infusion"},
        "subject": {"reference": f"Patient/{patient}"},
        "performedDateTime": "2026-03-17T09:00:00Z",
        **changes,
    }


def a_provenance(*targets: str) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "target": [{"reference": one} for one in targets],
        "recorded": "2026-03-17T09:30:00Z",
        "agent": [{"who": {"reference": "Practitioner/mira-holm"}}],
    }


def an_entry(resource: dict[str, Any], full_url: str | None = None, **request: str) -> dict[str, Any]:
    asked = {"method": "POST", "url": resource["resourceType"], **request}
    return {"resource": resource, "request": asked, **({"fullUrl": full_url} if full_url else {})}


def a_bundle(kind: str, *found: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(found)}


def assert_refused(reply: httpx.Response, status: int) -> None:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/fhir+json")
    assert reply.json()["resourceType"] == "OperationOutcome"


async def stored(app: AnApp, resource_type: str, patient: str) -> list[dict[str, Any]]:
    async with app.client() as test:
        return list(
            (await test.get("/_control/resources", params={"type": resource_type, "patient": patient})).json()
        )
