"""Charts with malformed entries: what was shown is kept whole by every database, with its audit record."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
import respx
from sqlalchemy import Engine

from fhir_mappings.facts.treatment import Clinician, Role
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.exchange import http_client
from smart_app.ehr.fhir_client import FhirClient
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import Caller
from smart_app.use_cases.screening.screen_patient import screen_patient
from smart_app.use_cases.site import Site
from tests.builders import PATIENT, TODAY
from tests.malformed import CASES
from tests.smart_app.ehr.scripted import BASE
from tests.smart_app.ehr.served import serve_damaged
from tests.ways_out import a_way_out

NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 14, 30, tzinfo=UTC)
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/holm", name="Dr Holm", role=Role.PRESCRIBER)

SITE = Site(base_url="https://clinic.example", version="0.1.0")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def caller(launch: str) -> Caller:
    patient = PATIENT.partition("/")[2]
    return Caller(launch=launch, ehr="e", fhir_base=BASE, patient_id=patient, clinician=DOCTOR, may_write=True)


@pytest.mark.anyio
async def test_whatever_the_ehr_serves_the_screening_is_kept_whole(engine: Engine) -> None:
    work = SqlWork(engine)
    for number, case in enumerate(case for case in CASES if case.where != "file"):
        with respx.mock(assert_all_called=False) as router:
            serve_damaged(router, case, case.grave)
            async with http_client(a_way_out()) as http:
                ehr = FhirClient(
                    BASE,
                    http,
                    httpx.Auth(),
                    offers=Offers(lambda: 0.0),
                    clock=lambda: NOW,
                    request_id=lambda: "r",
                )
                shown = await screen_patient(work, lambda: NOW, caller(f"launch-{number}"), ehr, SITE)
        with work() as uow:
            assert uow.screenings.get(shown.id) == shown, case.name
            actions = [record.action for record in uow.audit.of_patient(shown.patient, limit=1000)]
            assert actions.count("clinician:chart:screen") == number + 1, case.name
