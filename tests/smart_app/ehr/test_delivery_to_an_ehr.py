"""The real client, the real store and an R4 server that others wrote: a course from enrolment to correction."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_mappings.wire import encode
from smart_app.ehr.capabilities import Offers
from smart_app.ehr.fhir_client import FhirClient, http_client
from smart_app.store.opened import Store, open_store
from smart_app.use_cases.delivery.compare_with_ehr import compare_with_ehr
from smart_app.use_cases.records import MessageKind, MessageState, OutboxMessage
from smart_app.use_cases.site import Site
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, an_id
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic

pytest.importorskip("sekmet", reason="the sandbox extra is not installed")
pytestmark = pytest.mark.anyio


class OpenDoor(httpx.Auth):
    """The server under test asks for no token."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        yield request


class CuttingTransport(httpx.ASGITransport):
    """Loses the answer of every second write, after the server has done it."""

    def __init__(self, app: Any) -> None:
        super().__init__(app=app)
        self.writes = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if request.method != "GET":
            self.writes += 1
            if self.writes % 2:
                raise httpx.ReadError("cut")
        return response


@pytest.fixture
def quiet_root() -> Iterator[None]:
    """The server sets up the root logger when it is made; the other tests get it back as it was."""
    root = logging.getLogger()
    handlers, level, silenced = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(silenced)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def server(quiet_root: None, tmp_path: Path) -> Any:
    from sekmet.config import Settings
    from sekmet.main import create_app

    return create_app(
        Settings(
            base_url=EHR, data_dir=str(tmp_path), db_path=":memory:", simulator={"enabled": False}, log_inbound=False
        )
    )


@pytest.fixture(params=[httpx.ASGITransport, CuttingTransport], ids=["sound line", "answers get lost"])
async def http(server: Any, request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(request.param(app=server)) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = Clinic().clock
    opened = open_store(
        f"sqlite:///{tmp_path / 'clinic.db'}",
        base_url="https://app.example",
        sealing_keys=tmp_path / "sealing.keys",
        client_secrets=tmp_path / "secrets",
        clock=clock,
    )
    yield opened
    opened.close()


@pytest.fixture
def clinic(store: Store, http: httpx.AsyncClient) -> Clinic:
    clinic, numbers = Clinic(), count(1)
    clinic.work, clinic.outbox = store.work, store.outbox
    clinic.ehr = FhirClient(
        EHR,
        http,
        OpenDoor(),
        offers=Offers(lambda: 0.0),
        clock=clinic.clock,
        request_id=lambda: f"request-{next(numbers)}",
    )
    return clinic


async def drain(clinic: Clinic) -> None:
    while (due := clinic.outbox.next_due(clinic.time)) is not None:
        clinic.time = max(clinic.time, due)
        while await clinic.once():
            pass


def messages(clinic: Clinic, course: str) -> Sequence[OutboxMessage]:
    with clinic.work() as uow:
        return list(uow.messages.of_course(course))


async def found(clinic: Clinic, message: OutboxMessage) -> list[dict[str, Any]]:
    return [
        one
        for item in message.items
        if item.resource_type != "Provenance"
        for one in await clinic.ehr.search(item.resource_type, {"identifier": f"{item.system}|{item.value}"})
    ]


async def test_a_course_is_written_kept_up_to_date_and_corrected(clinic: Clinic) -> None:
    course = clinic.enrol()
    session = clinic.sign(course)
    clinic.progress(course, counted=2)
    await drain(clinic)
    assert [message.state for message in messages(clinic, course)] == [MessageState.DELIVERED] * 3
    assert [message.reason for message in messages(clinic, course)] == [""] * 3
    (sent,) = (one for one in messages(clinic, course) if one.kind is MessageKind.SEND_SESSION)
    held = await found(clinic, sent)
    assert len(held) == len(sent.items) - 1
    assert {item.reference for item in sent.items} >= {f"{one['resourceType']}/{one['id']}" for one in held}

    clinic.retract(session)
    clinic.progress(course, counted=1)
    await drain(clinic)
    assert [message.state for message in messages(clinic, course)] == [MessageState.DELIVERED] * 5
    assert {one["status"] for one in await found(clinic, sent)} == {"entered-in-error"}
    assert len(await found(clinic, sent)) == len(held)


async def test_a_session_is_amended_in_place_and_countersigned(clinic: Clinic) -> None:
    course = clinic.enrol()
    session = clinic.sign(course)
    await drain(clinic)
    assert session.dose is not None
    kept, dose = session.readings[0], replace(session.dose, given_mg=Decimal("40.50"))
    second = clinic.amend(session, dose=dose, readings=(replace(kept, id=an_id(9001), systolic=Decimal(131)),))
    clinic.countersign(second)
    await drain(clinic)
    states = {message.kind: (message.state, message.reason) for message in messages(clinic, course)}
    assert states[MessageKind.AMEND_SESSION] == (MessageState.DELIVERED, "")
    assert states[MessageKind.COUNTERSIGN_SESSION] == (MessageState.DELIVERED, "")
    (sent,) = (one for one in messages(clinic, course) if one.kind is MessageKind.AMEND_SESSION)
    held = await found(clinic, sent)
    assert len(held) == len(sent.items) - 1, "nothing is doubled"
    gone = {item.value for item in sent.items if not item.body}
    for one in held:
        wrong = one["identifier"][0]["value"] in gone
        assert one["status"] == ("entered-in-error" if wrong else one["status"])
        assert wrong or one["status"] in {"completed", "final"}
    (given,) = (one for one in held if one["resourceType"] == "MedicationAdministration")
    assert Decimal(str(given["dosage"]["dose"]["value"])) == Decimal("40.5")


@pytest.mark.parametrize("http", [httpx.ASGITransport], indirect=True)
async def test_both_sides_of_a_foreign_edit_are_shown_and_settled(clinic: Clinic) -> None:
    course = clinic.enrol()
    session = clinic.sign(course)
    await drain(clinic)
    (sent,) = (one for one in messages(clinic, course) if one.kind is MessageKind.SEND_SESSION)
    (given,) = (one for one in await found(clinic, sent) if one["resourceType"] == "MedicationAdministration")
    given["dosage"]["dose"]["value"] = Decimal(39)
    version, reference = given["meta"]["versionId"], f"MedicationAdministration/{given['id']}"
    await clinic.ehr.update(reference, encode(given), if_match=f'W/"{version}"')
    assert session.dose is not None
    second = clinic.amend(session, dose=replace(session.dose, given_mg=Decimal("40.50")))
    await drain(clinic)
    (message,) = (one for one in messages(clinic, course) if one.state is MessageState.CONFLICT)
    caller = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
    site = Site(base_url="https://app.example", version="0.1.0")
    comparison = await compare_with_ehr(clinic.work, clinic.clock, caller, clinic.ehr, message.id, site)
    first = comparison.entries[0]
    assert first.reference == reference
    (dose,) = (row for row in first.rows if row.by_others)
    assert dose.element == "Dose"
    assert "40.50 mg" in dose.ours
    assert "39 mg" in dose.theirs
    assert first.changed is not None, "this server tells when"
    clinic.amend(second, dose=replace(session.dose, given_mg=Decimal(39)))
    await drain(clinic)
    assert [one.state for one in messages(clinic, course)][-1] is MessageState.DELIVERED


async def test_a_chart_is_read_from_a_server_of_others(clinic: Clinic, server: Any) -> None:
    async with http_client(httpx.ASGITransport(app=server)) as writer:
        await writer.put(f"{EHR}/Patient/p9", json={"resourceType": "Patient", "id": "p9"})
        subject = {"reference": "Patient/p9"}
        for number in range(3):
            condition = {"resourceType": "Condition", "id": f"c{number}", "subject": subject, "code": {"text": "x"}}
            await writer.put(f"{EHR}/Condition/c{number}", json=condition)
        use = {
            "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "subject": subject, "medicationReference": {"reference": "Medication/d"},
        }  # fmt: skip
        await writer.put(f"{EHR}/Medication/d", json={"resourceType": "Medication", "id": "d"})
        await writer.put(f"{EHR}/MedicationRequest/m", json=use)
    chart = await clinic.ehr.chart("p9")
    assert chart.failures == ()
    kinds = [resource["resourceType"] for resource in chart.resources]
    assert sorted(kinds) == ["Condition"] * 3 + ["Medication", "MedicationRequest", "Patient"]


async def test_a_patient_who_is_not_there_is_told(clinic: Clinic) -> None:
    chart = await clinic.ehr.chart("nobody")
    assert [failure.reason for failure in chart.failures] == ["the EHR does not have it (404)"]
    assert replace(chart, failures=()).resources == ()
