"""What a patient says of doses taken alone, on its way to the chart: behind the plan, once, and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fhir_mappings.facts.treatment import Route
from smart_app.use_cases.aftercare.microdosing import record_log
from smart_app.use_cases.care_entries import strike_care
from smart_app.use_cases.delivery.delivery_status import delivery_view
from smart_app.use_cases.records import CareEntry, MessageKind, MessageState, Offer
from smart_app.use_cases.site import Site
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
SITE = Site(base_url="https://app.riverside.example", version="0.1.0")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def at_home() -> Clinic:
    """A patient whose plan is of sublingual doses."""
    clinic = Clinic()
    course_id = clinic.enrol()
    course = clinic.work.kept.courses[course_id]
    start = (clinic.time - timedelta(days=10)).date()
    alone = {"route": Route.SL, "programme": None, "planned": (), "start": start}
    clinic.work.kept.courses[course_id] = replace(course, **alone, enrolment={"dose_mg": "25.0"})
    return clinic


def logged(clinic: Clinic) -> CareEntry:
    day = clinic.time.date()
    fields = {"day": (day - timedelta(days=6)).isoformat(), "until": day.isoformat(), "taken": "taken", "more": "no"}
    return record_log(clinic.work, clinic.clock, CALLER, clinic._id(), fields | {"source": "phone"}, clinic._id, SITE)


def held(clinic: Clinic) -> dict[str, Any]:
    (resource,) = clinic.ehr.held("MedicationStatement")
    return dict(resource)


async def test_it_waits_for_the_plan_and_names_it() -> None:
    clinic = at_home()
    logged(clinic)
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED
    (plan,) = clinic.ehr.held("CarePlan")
    assert held(clinic)["basedOn"][0]["reference"] == f"CarePlan/{plan['id']}"
    assert clinic.ehr.held("MedicationAdministration") == []
    rows = [row.item for row in delivery_view(clinic.work, clinic.clock, CALLER).rows]
    assert rows[-1] == "Who wrote down what the patient said"


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LATE, Fault.KILLED])
async def test_whatever_happens_on_the_way_it_is_there_once(fault: Fault) -> None:
    clinic = at_home()
    entry = logged(clinic)
    faults = [fault]
    clinic.ehr.fault_of = lambda operation: faults.pop() if operation == "transaction" and faults else None
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED
    assert clinic.ehr.count(entry.id) == 1


async def test_an_ehr_without_transactions_keeps_it_in_the_app() -> None:
    clinic = at_home()
    offered = clinic.ehr.offered
    clinic.ehr.offered = Offer(
        transaction=False, readable=offered.readable, creatable=offered.creatable, updatable=offered.updatable
    )
    logged(clinic)
    await clinic.drain()
    assert "does not take what patients say" in delivery_view(clinic.work, clinic.clock, CALLER).rows[-1].words


async def test_what_was_struck_out_is_marked_in_the_chart_with_its_reason() -> None:
    clinic = at_home()
    entry = logged(clinic)
    await clinic.drain()
    strike_care(clinic.work, clinic.clock, CALLER, entry.id, "Of another patient.", clinic._id)
    await clinic.drain()
    assert clinic.last.kind is MessageKind.RETRACT_STATEMENT
    assert clinic.last.state is MessageState.DELIVERED
    assert held(clinic)["status"] == "entered-in-error"
    assert held(clinic)["note"][-1]["text"] == "Entered in error: Of another patient."


async def test_where_statements_are_not_taken_it_stays_in_the_app() -> None:
    clinic = at_home()
    clinic.ehr.stops_taking("MedicationStatement")
    entry = logged(clinic)
    await clinic.drain()
    sent = list(clinic.ehr.bodies)
    strike_care(clinic.work, clinic.clock, CALLER, entry.id, "Of another patient.", clinic._id)
    await clinic.drain()
    assert clinic.ehr.bodies == sent
    assert clinic.ehr.held("MedicationStatement") == clinic.ehr.held("Provenance") == []
    rows = delivery_view(clinic.work, clinic.clock, CALLER).rows
    words = {row.words for row in rows if row.target == "MedicationStatement"}
    assert words == {"Not supported by this EHR: kept in this app"}
