"""A chart of 500 resources read and screened against plain parsing, and one of 10,000 Observations: memory, turns.

Goals: at most 6 times the CPU of parsing the same bytes into dicts (orjson where it is installed, else msgspec, which
is as quick); with 10,000 Observations at most 150 MB for the whole process, and no other task kept waiting for more
than 100 ms. Everything is measured in one run, interleaved; medians.

Run it with `make bench`, or `python -m benchmarks.screening [ROUNDS]`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn

import smart_app.app  # noqa: F401  # what the app takes anyway is in the peak
from benchmarks.launch import AS_OF, PATIENT, bundle, pressure, resources
from benchmarks.served import free_port
from fhir_mappings.facts.treatment import Clinician, Role
from fhir_mappings.reading.patient_facts import patient_facts
from fhir_mappings.wire import decode, encode
from smart_app.clinical.screening import screen
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.fhir_client import FhirClient, http_client
from smart_app.store.engine import open_engine
from smart_app.store.migrations import migrate
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.errors import EhrError
from smart_app.use_cases.records import Caller
from smart_app.use_cases.screening.screen_patient import screen_patient
from smart_app.use_cases.site import Site
from tests.ways_out import a_way_out

OBSERVATIONS = 10_000
SITE = Site(base_url="https://clinic.example", version="0.1.0")
PERSON = {"resourceType": "Patient", "id": "1", "birthDate": "1984-03-04", "gender": "male"}
HEARTBEAT = 0.001  # seconds


def parser() -> tuple[str, Callable[[bytes], Any]]:
    with contextlib.suppress(ImportError):
        import orjson

        return "orjson.loads", orjson.loads
    return "msgspec.json.decode", msgspec.json.decode


def main() -> None:
    rounds = max(5, int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    report_cpu(rounds)
    for pages in (1, 20):
        report_long_chart(pages)


def report_cpu(rounds: int) -> None:
    bodies = [encode(bundle(found)) for found in resources().values()]
    name, parse = parser()
    entries = [entry["resource"] for body in bodies for entry in decode(body)["entry"]]
    read = [PERSON, *entries]

    def judge() -> None:
        facts = patient_facts(read, as_of=AS_OF, patients=frozenset({PATIENT}))
        assert screen(facts, as_of=AS_OF).status.value == "candidate"

    kinds: dict[str, Callable[[], object]] = {
        name: lambda: [parse(body) for body in bodies],
        "our parsing": lambda: [decode(body) for body in bodies],
        "facts and rules": judge,
    }
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for what in kinds.values():
        what()
    gc.collect()
    gc.freeze()  # as the app does when it has started
    for _ in range(rounds):
        for kind, what in kinds.items():
            taken[kind].append(_cpu(what))
    medians = {kind: statistics.median(values) for kind, values in taken.items()}
    floor = medians[name]
    size = sum(map(len, bodies)) // 1024
    print(f"{len(entries)} resources, {size} KiB, {rounds} rounds, CPU ms, medians")
    for kind, median in medians.items():
        print(f"  {kind:20}{median:8.2f}{median / floor:8.2f} times")


def _cpu(what: Callable[[], object]) -> float:
    before = time.process_time()
    what()
    return (time.process_time() - before) * 1e3


# --- the long chart: an EHR and an app, each a process of its own, so that the peak is the app's alone ------------


def report_long_chart(pages: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    port = free_port()
    ehr = spawn.Process(target=_ehr, args=(port, pages), daemon=True)
    ours, theirs = spawn.Pipe()
    app = spawn.Process(target=_app, args=(port, theirs))
    ehr.start()
    app.start()
    before, peak, longest, wall = ours.recv()
    app.join()
    ehr.terminate()
    print(
        f"{OBSERVATIONS} Observations in {pages} page(s): peak {peak:.0f} MB ({before:.0f} before), "
        f"longest wait of another task {longest:.0f} ms, {wall:.0f} ms in all"
    )


def _ehr(port: int, pages: int) -> None:
    readings = [pressure(number, AS_OF - timedelta(days=number % 4000)) for number in range(OBSERVATIONS)]
    size = OBSERVATIONS // pages
    condition = encode(bundle(resources()["Condition"][:1]))
    kinds = ("Condition", "Observation", "MedicationRequest", "AllergyIntolerance")
    offered = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in kinds]
    fixed = {
        "metadata": encode(
            {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": offered}]}
        ),
        "1": encode(PERSON),
        "Condition": condition,
    }

    def page(number: int) -> bytes:
        made = bundle(readings[number * size : (number + 1) * size])
        more = number + 1 < pages
        link = [{"relation": "next", "url": f"?category=vital-signs&page={number + 1}"}] if more else []
        return encode({**made, "link": link})

    made = [page(number) for number in range(pages)]
    empty = encode(bundle([]))

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        asked = dict(part.partition("=")[::2] for part in scope["query_string"].decode().split("&"))
        kind = scope["path"].rpartition("/")[2]
        body = fixed.get(kind, empty)
        if asked.get("category") == "vital-signs":
            body = made[int(asked.get("page", 0))]
        headers = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


def _app(port: int, told: Connection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told.send(asyncio.run(_watched(f"http://127.0.0.1:{port}/fhir", Path(folder))))


async def _watched(base: str, folder: Path) -> tuple[float, float, float, float]:
    """Peak memory in MB before and after, the longest wait of a task that wants a turn each ms, and ms in all."""
    engine = open_engine(f"sqlite:///{folder / 'bench.db'}")
    migrate(engine)
    doctor = Clinician(reference=f"{base}/Practitioner/1", name="Dr Bench", role=Role.PRESCRIBER)
    caller = Caller(launch="b", ehr="bench", fhir_base=base, patient_id="1", clinician=doctor, may_write=True)
    async with http_client(a_way_out(loopback=True)) as http:
        ehr = FhirClient(base, http, httpx.Auth(), offers=Offers(time.monotonic), clock=_now, request_id=lambda: "b")
        while True:
            with contextlib.suppress(EhrError):
                await ehr.offer()
                break
            await asyncio.sleep(0.1)
        gc.collect()
        gc.freeze()  # as the app does when it has started
        before = _peak()
        waits: list[float] = [0.0]
        heart = asyncio.create_task(_beat(waits))
        started = time.perf_counter()
        screening = await screen_patient(SqlWork(engine), _now, caller, ehr, SITE)
        wall = (time.perf_counter() - started) * 1e3
        heart.cancel()
    assert len(screening.read) == OBSERVATIONS + 2, screening.result["gaps"]
    assert screening.status == "candidate", screening.status
    return before, _peak(), max(waits) * 1e3, wall


async def _beat(waits: list[float]) -> None:
    while True:
        last = time.perf_counter()
        await asyncio.sleep(HEARTBEAT)
        waits.append(time.perf_counter() - last - HEARTBEAT)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _now() -> datetime:
    return datetime(2026, 11, 23, 12, tzinfo=UTC)


if __name__ == "__main__":
    main()
