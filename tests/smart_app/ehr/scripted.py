"""FHIR answers for tests to script an EHR with."""

from __future__ import annotations

from typing import Any

import httpx
import respx

from fhir_mappings.facts.clinical import Area
from smart_app.use_cases.records import Chart

BASE = "https://ehr.example.org/fhir/r4"
MEDICATIONS = ("MedicationStatement", "MedicationRequest", "MedicationDispense")
ALL = ("Condition", "Observation", *MEDICATIONS, "AllergyIntolerance")


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


def about(kind: str, identity: str, patient: str = "Patient/1", **more: Any) -> dict[str, Any]:
    subject = "patient" if kind == "AllergyIntolerance" else "subject"
    return {"resourceType": kind, "id": identity, subject: {"reference": patient}, **more}


class Chartbook:
    """An EHR whose lists a test fills; what it does not name is an empty list."""

    def __init__(self, router: respx.MockRouter, offered: tuple[str, ...] | None = ALL) -> None:
        self.router = router
        self.offered = offered
        self.lists: dict[str, httpx.Response | Exception] = {}
        self.reads: dict[str, httpx.Response] = {"Patient/1": fhir({"resourceType": "Patient", "id": "1"})}
        self.raw: tuple[str, httpx.Response] | None = None  # an answer that is given as it is
        self.asked: list[httpx.URL] = []
        router.route().mock(side_effect=self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        path = request.url.path.removeprefix("/fhir/r4/")
        if path == "metadata":
            return self._metadata()
        category = request.url.params.get("category")
        name = f"{path}/{category}" if category else path
        if self.raw and self.raw[0] == name:
            return self.raw[1]
        if "/" in path:
            return self.reads.get(path) or httpx.Response(404)
        answer = self.lists.get(name) or fhir(searchset())
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    def _metadata(self) -> httpx.Response:
        if self.offered is None:
            return httpx.Response(500)
        resources = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in self.offered]
        rest = [{"mode": "server", "resource": resources}]
        return fhir({"resourceType": "CapabilityStatement", "rest": rest})


def told(chart: Chart) -> set[tuple[Area, str]]:
    return {(failure.area, failure.reason) for failure in chart.failures}


def ids(chart: Chart) -> set[str]:
    return {f"{resource['resourceType']}/{resource['id']}" for resource in chart.resources}
