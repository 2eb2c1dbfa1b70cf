"""Launch to screen: one upstream search (floor), our reading and rules, and the same with fhir.resources (peer).

Goal: p50 of ours at most the floor plus 6 ms (1.15 times) with 500 resources and an EHR that takes 50 ms per
answer, and at most a tenth of the peer's overhead. The durable audit commit is counted apart.

Run it with `make bench`, or `python -m benchmarks.launch [ROUNDS]`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from benchmarks.served import free_port, wait_for
from fhir_mappings.facts.treatment import Clinician, Role
from fhir_mappings.wire import encode
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.fhir_client import FhirClient, http_client
from smart_app.store.engine import open_engine
from smart_app.store.migrations import migrate
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import Caller
from smart_app.use_cases.screening.screen_patient import screen_chart, screen_patient
from smart_app.use_cases.site import Site
from tests.ways_out import a_way_out

DELAY = 0.05  # seconds the EHR takes for each answer
AS_OF = date(2026, 11, 23)
PATIENT = "Patient/1"
SITE = Site(base_url="https://clinic.example", version="0.1.0")
EACH_ROUND = 9  # measurements of each kind in a round
LOINC, ACTIVE = "http://loinc.org", "http://terminology.hl7.org/CodeSystem/condition-clinical"


def resources() -> dict[str, list[dict[str, Any]]]:
    """500 resources of realistic size by the search that returns them."""
    days = [AS_OF - timedelta(days=n) for n in range(400)]
    return {
        "Condition": [_condition(n, days[n]) for n in range(60)],
        "vital-signs": [pressure(n, days[n]) for n in range(160)],
        "survey": [
            _observation(n, days[n], "44261-6", "survey", {"value": 17, "code": "{score}"}) for n in range(60)
        ],
        "social-history": [_observation(n, days[n], "72166-2", "social-history", None) for n in range(20)],
        "laboratory": [
            _observation(n, days[n], "1742-6", "laboratory", {"value": 22, "code": "U/L"}) for n in range(100)
        ],
        "MedicationStatement": [_medication("MedicationStatement", n, days[n]) for n in range(40)],
        "MedicationRequest": [_medication("MedicationRequest", n, days[n]) for n in range(50)],
        "AllergyIntolerance": [_allergy(n) for n in range(9)],
    }


def _base(kind: str, name: str) -> dict[str, Any]:
    profile = f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"
    meta = {"versionId": "1", "lastUpdated": "2026-11-01T08:00:00.000Z", "profile": [profile]}
    text = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{kind} {name} as recorded</div>',
    }
    return {"resourceType": kind, "id": f"{kind.lower()}-{name}", "meta": meta, "text": text}


def _condition(number: int, day: date) -> dict[str, Any]:
    code, text = ("F33.2", "Major depressive disorder, recurrent") if number == 0 else ("M25.561", "Pain in knee")
    return _base("Condition", str(number)) | {
        "clinicalStatus": {"coding": [{"system": ACTIVE, "code": "active"}]},
        "verificationStatus": {"coding": [{"system": ACTIVE.replace("clinical", "ver-status"), "code": "confirmed"}]},
        "category": [{"coding": [{"system": ACTIVE.replace("clinical", "category"), "code": "problem-list-item"}]}],
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code, "display": text}],
            "text": text,
        },
        "subject": {"reference": PATIENT},
        "onsetDateTime": f"{day}T09:00:00-05:00",
        "recordedDate": f"{day}T09:00:00-05:00",
    }


def _observation(number: int, day: date, code: str, category: str, quantity: dict[str, Any] | None) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    made = _base("Observation", f"{category}-{number}") | {
        "status": "final",
        "category": [{"coding": [{"system": system, "code": category}]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": "Measured"}], "text": "Measured"},
        "subject": {"reference": PATIENT},
        "effectiveDateTime": f"{day}T09:00:00-05:00",
        "issued": f"{day}T09:05:00.000-05:00",
    }
    value = (
        {"valueQuantity": quantity | {"system": "http://unitsofmeasure.org"}}
        if quantity
        else {"valueString": "Never"}
    )
    return made | value


def pressure(number: int, day: date) -> dict[str, Any]:
    made = _observation(number, day, "85354-9", "vital-signs", None)
    del made["valueString"]
    parts = (("8480-6", 128 - number % 9), ("8462-4", 78))
    unit = {"system": "http://unitsofmeasure.org", "code": "mm[Hg]", "unit": "mmHg"}
    made["component"] = [
        {"code": {"coding": [{"system": LOINC, "code": c}]}, "valueQuantity": {"value": v} | unit} for c, v in parts
    ]
    return made


def _medication(kind: str, number: int, day: date) -> dict[str, Any]:
    rxnorm = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "36437", "display": "sertraline"}
    when = (
        {"effectiveDateTime": f"{day}"}
        if kind == "MedicationStatement"
        else {"authoredOn": f"{day}", "intent": "order"}
    )
    concept = {"coding": [rxnorm], "text": "Sertraline 50 mg tablet"}
    dosage = "dosage" if kind == "MedicationStatement" else "dosageInstruction"
    named = {"medicationCodeableConcept": concept, "subject": {"reference": PATIENT}, "status": "active"}
    return _base(kind, str(number)) | named | when | {dosage: [{"text": "One tablet every morning"}]}


def _allergy(number: int) -> dict[str, Any]:
    penicillin = {"coding": [{"system": "http://snomed.info/sct", "code": "91936005"}], "text": "Penicillin"}
    return _base("AllergyIntolerance", str(number)) | {"code": penicillin, "patient": {"reference": PATIENT}}


# --- the EHR, a process of its own ---------------------------------------------------------------------------------


def _ehr(port: int) -> None:
    """Answers every search after DELAY with bytes made beforehand."""
    answers = {name: encode(bundle(found)) for name, found in resources().items()}
    born = {"name": [{"family": "Larsen", "given": ["Ada"]}], "birthDate": "1984-03-04", "gender": "male"}
    patient = encode({"resourceType": "Patient", "id": "1"} | born)
    kinds = ["Patient", "Condition", "Observation", "MedicationStatement", "MedicationRequest", "AllergyIntolerance"]
    offered = [{"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in kinds]
    metadata = encode({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": offered}]})

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await asyncio.sleep(DELAY)
        path, query = scope["path"], scope["query_string"].decode()
        kind = path.rsplit("/", 1)[-1]
        name = next((part[9:] for part in query.split("&") if part.startswith("category=")), kind)
        body = {"metadata": metadata, "1": patient}.get(kind) or answers[name]
        headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


def bundle(found: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


# --- what is measured ----------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, base: str, folder: Path) -> None:
        self.base = base
        self.http = http_client(a_way_out(loopback=True))
        self.ehr = FhirClient(
            base, self.http, httpx.Auth(), offers=Offers(time.monotonic), clock=_now, request_id=lambda: "bench"
        )
        engine = open_engine(f"sqlite:///{folder / 'bench.db'}")
        migrate(engine)
        self.work = SqlWork(engine)
        doctor = Clinician(reference=f"{base}/Practitioner/1", name="Dr Bench", role=Role.PRESCRIBER)
        self.caller = Caller(
            launch="b", ehr="bench", fhir_base=base, patient_id="1", clinician=doctor, may_write=True
        )

    async def floor(self) -> None:
        """One search, the largest, to its last byte."""
        (await self.http.get(f"{self.base}/Observation?patient=1&category=vital-signs&_count=500")).raise_for_status()

    async def ours(self) -> None:
        """Everything a screening fetches, read and screened; nothing is stored."""
        chart = await self.ehr.chart("1")
        _, result = screen_chart(chart, patients=[PATIENT], as_of=AS_OF)
        assert result.status.value == "candidate", result.status

    async def stored(self) -> None:
        """The whole use case, with its durable commit of the screening and the audit record."""
        await screen_patient(self.work, _now, self.caller, self.ehr, SITE)

    async def peer(self) -> None:
        """The same searches at once, each Bundle read through fhir.resources."""
        from fhir.resources.R4B.bundle import Bundle

        names = [
            f"Observation?patient=1&category={c}" for c in ("vital-signs", "survey", "social-history", "laboratory")
        ]
        names += [
            f"{k}?patient=1" for k in ("Condition", "MedicationStatement", "MedicationRequest", "AllergyIntolerance")
        ]
        replies = await asyncio.gather(*(self.http.get(f"{self.base}/{name}&_count=500") for name in names))
        count = sum(len(Bundle.model_validate_json(reply.content).entry) for reply in replies)
        assert count == 499, count


def _now() -> datetime:
    return datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(seconds=time.monotonic())


async def _time(what: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Milliseconds of wall and of our own CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    await what()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


async def measure(base: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(base, Path(folder))
        kinds = {"floor": bench.floor, "ours": bench.ours, "ours, stored": bench.stored, "fhir.resources": bench.peer}
        for what in kinds.values():
            await what()  # imports, connections and caches are not what is measured
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for _ in range(rounds):
            for _ in range(EACH_ROUND):
                for name, what in kinds.items():
                    taken[name].append(await _time(what))
        await bench.http.aclose()
    return taken


def report(taken: dict[str, list[tuple[float, float]]], rounds: int) -> None:
    walls = {name: statistics.median(w for w, _ in values) for name, values in taken.items()}
    cpus = {name: statistics.median(c for _, c in values) for name, values in taken.items()}
    floor, ours = walls["floor"], walls["ours"]
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    print(
        f"{rounds} rounds of {EACH_ROUND}, interleaved; 500 resources; {DELAY * 1e3:.0f} ms EHR; {machine}; medians"
    )
    print(f"{'':16}{'p50 ms':>9}{'over floor':>12}{'ratio':>8}{'CPU ms':>9}")
    for name, wall in walls.items():
        print(f"{name:16}{wall:9.1f}{wall - floor:+12.1f}{wall / floor:8.2f}{cpus[name]:9.1f}")
    share = (ours - floor) / (walls["fhir.resources"] - floor)
    print(f"overhead of ours / overhead of fhir.resources: {share:.3f}")
    print(f"durable commit (screening and audit record): {walls['ours, stored'] - ours:+.1f} ms")


def main() -> None:
    rounds = max(5, int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    port = free_port()
    ehr = multiprocessing.get_context("spawn").Process(target=_ehr, args=(port,), daemon=True)
    ehr.start()
    try:
        base = f"http://127.0.0.1:{port}/fhir"
        wait_for(f"{base}/metadata")
        report(asyncio.run(measure(base, rounds)), rounds)
    finally:
        ehr.terminate()


if __name__ == "__main__":
    main()
