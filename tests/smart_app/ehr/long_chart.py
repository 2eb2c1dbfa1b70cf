"""Reads and screens a chart of 10,000 Observations in a process of its own, and prints by how many MB it grew."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from datetime import date, timedelta
from typing import Any

import httpx

from smart_app.clinical.rule_settings import DEFAULTS
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import http_client
from smart_app.ehr.fhir_client import FhirClient
from smart_app.settings import SystemClock
from smart_app.use_cases.screening.judge_screening import judge
from smart_app.use_cases.screening.screen_patient import read_facts
from tests.builders import a_blood_pressure, a_condition, a_patient

BASE = "https://ehr.example/fhir"
TODAY = date(2026, 11, 23)
OBSERVATIONS, PAGE = 10_000, 500


def main() -> None:
    before = _peak()
    read, status = asyncio.run(_screened())
    assert read == OBSERVATIONS + 2, f"{read} entries were read"
    assert status == "candidate", status
    sys.stdout.write(f"{_peak() - before:.0f}\n")


async def _screened() -> tuple[int, str]:
    async with http_client(httpx.MockTransport(_answer)) as http:
        ehr = FhirClient(
            BASE, http, httpx.Auth(), offers=Offers(lambda: 0.0), clock=SystemClock(), request_id=lambda: "r"
        )
        chart = await ehr.chart("ada")
    facts = read_facts(chart, patients={"Patient/ada"}, as_of=TODAY)
    return len(facts.read), judge(facts, as_of=TODAY, settings=DEFAULTS).result.status.value


def _answer(request: httpx.Request) -> httpx.Response:
    kind, asked = request.url.path.rpartition("/")[2], request.url.params
    if kind == "metadata":
        kinds = ("Condition", "Observation", "MedicationRequest", "AllergyIntolerance")
        offered = [{"type": each, "interaction": [{"code": "search-type"}]} for each in kinds]
        return _fhir({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": offered}]})
    if kind == "ada":
        return _fhir(a_patient())
    if kind == "Condition":
        return _fhir(_page([a_condition()], None))
    if asked.get("category") == "vital-signs":
        start = int(asked.get("from", 0))
        following = f"{BASE}/Observation?category=vital-signs&from={start + PAGE}"
        readings = [_reading(number) for number in range(start, start + PAGE)]
        return _fhir(_page(readings, following if start + PAGE < OBSERVATIONS else None))
    return _fhir(_page([], None))


def _reading(number: int) -> dict[str, Any]:
    day = TODAY - timedelta(days=number % 4000)
    when = f"{day.isoformat()}T09:{number // 4000:02d}:00Z"
    return a_blood_pressure(124, 76, id=f"bp-{number}", when=when)


def _page(found: list[dict[str, Any]], following: str | None) -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}


def _fhir(found: dict[str, Any]) -> httpx.Response:
    headers = {"content-type": "application/fhir+json"}
    return httpx.Response(200, stream=httpx.ByteStream(json.dumps(found).encode()), headers=headers)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
