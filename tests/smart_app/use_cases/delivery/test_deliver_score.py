"""A questionnaire on its way to the chart: with and without a course, through failures, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smart_app.use_cases.delivery.delivery_status import delivery_view, retry_delivery
from smart_app.use_cases.outcomes.outcomes import strike_score
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.records import Caller, MessageKind, MessageState, Offer, StoredScore
from smart_app.use_cases.site import Site
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
SITE = Site(base_url="https://app.riverside.example", version="0.1.0")
NINE = {f"item.{number}": "1" for number in range(1, 10)}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def an_id(clinic: Clinic) -> str:
    return clinic._id()


def scored(clinic: Clinic, caller: Caller = CALLER, scale: str = "phq9", **fields: str) -> StoredScore:
    typed = fields or NINE
    return record_score(clinic.work, clinic.clock, caller, an_id(clinic), scale, typed, lambda: an_id(clinic), SITE)


def struck(clinic: Clinic, score: StoredScore) -> None:
    clinic.time += timedelta(minutes=5)
    strike_score(clinic.work, clinic.clock, CALLER, score.id, "Of another patient.", lambda: an_id(clinic), SITE)


def held(clinic: Clinic, kind: str) -> dict[str, Any]:
    (resource,) = clinic.ehr.held(kind)
    return dict(resource)


async def test_it_is_written_without_a_course_and_read_back() -> None:
    clinic = Clinic()
    scored(clinic)
    assert clinic.last.course == ""
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED
    result = held(clinic, "Observation")
    assert result["valueQuantity"]["value"] == 9
    assert result["derivedFrom"][0]["reference"].startswith("QuestionnaireResponse/")
    assert "basedOn" not in result
    assert len(held(clinic, "Provenance")["target"]) == 2
    view = delivery_view(clinic.work, clinic.clock, CALLER)
    assert [row.item for row in view.rows] == ["PHQ-9, answers", "PHQ-9, result", "Who entered the PHQ-9"]
    assert view.summary == "3 of 3 items written."


async def test_in_a_course_it_waits_for_the_plan_and_names_it() -> None:
    clinic = Clinic()
    clinic.enrol()
    scored(clinic)
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED
    plan = held(clinic, "CarePlan")
    assert held(clinic, "Observation")["basedOn"][0]["reference"] == f"CarePlan/{plan['id']}"


async def test_where_the_plan_is_not_taken_it_goes_without() -> None:
    clinic = Clinic()
    clinic.enrol()
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if operation == "create" else None
    scored(clinic)
    await clinic.drain()
    (sent,) = clinic.messages(MessageKind.SEND_SCORE)
    assert sent.state is MessageState.DELIVERED
    assert "basedOn" not in held(clinic, "Observation")


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LATE, Fault.LOGIN_PAGE, Fault.NO_PLACES, Fault.KILLED])
async def test_whatever_happens_on_the_way_it_is_there_once(fault: Fault) -> None:
    clinic = Clinic()
    score = scored(clinic)
    faults = [fault]
    clinic.ehr.fault_of = lambda operation: faults.pop() if operation == "transaction" and faults else None
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED
    assert clinic.ehr.count(score.id) == 1
    assert clinic.ehr.count(f"{score.id}-form") == 1
    assert len(set(clinic.ehr.bodies)) == 1, "what is sent again is the same to the byte"


async def test_an_ehr_without_transactions_keeps_it_in_the_app() -> None:
    clinic = Clinic()
    offered = clinic.ehr.offered
    clinic.ehr.offered = Offer(
        transaction=False, readable=offered.readable, creatable=offered.creatable, updatable=offered.updatable
    )
    scored(clinic)
    await clinic.drain()
    assert clinic.last.state is MessageState.MANUAL
    assert "The result is kept in the app." in delivery_view(clinic.work, clinic.clock, CALLER).rows[0].words


async def test_a_refused_one_is_sent_again_by_a_person() -> None:
    clinic = Clinic()
    scored(clinic)
    faults = [Fault.REJECTED]
    clinic.ehr.fault_of = lambda operation: faults.pop() if operation == "transaction" and faults else None
    await clinic.drain()
    assert clinic.last.state is MessageState.REJECTED
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED


async def test_what_was_struck_out_is_marked_in_the_chart_with_its_reason() -> None:
    clinic = Clinic()
    score = scored(clinic)
    await clinic.drain()
    struck(clinic, score)
    await clinic.drain()
    assert [one.kind for one in clinic.messages()] == [MessageKind.SEND_SCORE, MessageKind.RETRACT_SCORE]
    assert clinic.last.state is MessageState.DELIVERED
    result = held(clinic, "Observation")
    assert (result["status"], held(clinic, "QuestionnaireResponse")["status"]) == ("entered-in-error",) * 2
    assert result["note"][-1]["text"] == "Entered in error: Of another patient."
    rows = delivery_view(clinic.work, clinic.clock, CALLER).rows
    assert "Entered in error: PHQ-9, result" in [row.item for row in rows]


async def test_struck_out_before_it_was_sent_it_is_sent_first_and_marked_after() -> None:
    clinic = Clinic()
    score = scored(clinic)
    struck(clinic, score)
    await clinic.drain()
    assert held(clinic, "Observation")["status"] == "entered-in-error"


async def test_two_results_are_taken_back_each_by_itself() -> None:
    clinic = Clinic()
    first, second = scored(clinic), scored(clinic, total="12")
    struck(clinic, first)
    await clinic.drain()
    states = {one["identifier"][0]["value"]: one["status"] for one in clinic.ehr.held("Observation")}
    assert states == {first.id: "entered-in-error", second.id: "final"}


async def test_where_nothing_may_be_written_nothing_waits() -> None:
    clinic = Clinic()
    narrow = a_caller(
        DOCTOR,
        ehr="sandbox",
        fhir_base=EHR,
        patient_id="p9",
        not_granted=frozenset({"Observation", "QuestionnaireResponse"}),
    )
    score = scored(clinic, narrow)
    struck(clinic, score)
    assert clinic.messages() == []


async def test_the_scores_of_two_patients_without_a_course_do_not_mix() -> None:
    clinic = Clinic()
    other = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p7")
    first = scored(clinic)
    scored(clinic, other)
    struck(clinic, first)
    await clinic.drain()
    states = {one["subject"]["reference"]: one["status"] for one in clinic.ehr.held("Observation")}
    assert states == {"Patient/p9": "entered-in-error", "Patient/p7": "final"}
    assert len(delivery_view(clinic.work, clinic.clock, other).rows) == 3
