"""What a person sends again: a CarePlan that the EHR did not take, a session that the plan could not name yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smart_app.use_cases.delivery.delivery_status import delivery_view, retry_delivery
from smart_app.use_cases.records import MessageKind, MessageState
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def a_course_without_plan() -> Clinic:
    """One session counted; the EHR said that it takes no CarePlan."""
    clinic = Clinic()
    offered = clinic.ehr.offered
    clinic.ehr.offered = replace(offered, creatable=offered.creatable - {"CarePlan"}, updatable=frozenset())
    course = clinic.enrol()
    session = clinic.sign(course)
    planned = clinic.courses[course].planned
    clinic.progress(course, planned=(replace(planned[0], session=session.id), *planned[1:]), counted=1)
    await clinic.drain()
    clinic.ehr.offered = offered
    return clinic


async def test_the_page_says_that_plan_and_progress_stay_in_the_app() -> None:
    clinic = await a_course_without_plan()
    view = delivery_view(clinic.work, clinic.clock, CALLER)
    assert view.settled
    plan, *session, progress = view.rows
    assert plan.words == "Not taken by this EHR: This EHR does not take care plans. The plan is kept in the app."
    assert all("Without a link to the treatment plan" in row.words for row in session)
    assert progress.words.startswith("Not taken by this EHR: The EHR did not take the treatment plan")
    assert "2 not written" in view.summary


async def test_a_session_of_a_refused_plan_is_not_said_to_wait_for_an_earlier_item() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if operation == "create" else None
    await clinic.once()
    clinic.sign(course)
    rows = delivery_view(clinic.work, clinic.clock, CALLER).rows
    assert {row.words for row in rows[1:]} == {"Waiting to be sent"}


async def test_a_plan_that_is_taken_later_names_the_sessions_that_went_before_it() -> None:
    clinic = await a_course_without_plan()
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.messages()[0].id)
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {MessageState.DELIVERED}
    (plan,), (procedure,) = clinic.ehr.held("CarePlan"), clinic.ehr.held("Procedure")
    assert plan["activity"][0]["outcomeReference"][0]["reference"] == f"Procedure/{procedure['id']}"
    assert "basedOn" not in procedure


async def test_trying_a_session_again_leaves_the_other_items_alone() -> None:
    clinic = await a_course_without_plan()
    (update,) = clinic.messages(MessageKind.UPDATE_CARE_PLAN)
    retry_delivery(clinic.work, clinic.clock, CALLER, update.id)
    assert clinic.messages(MessageKind.CREATE_CARE_PLAN)[0].state is MessageState.MANUAL
    await clinic.drain()
    assert clinic.last.state is MessageState.MANUAL


async def a_course_with_a_refused_session() -> Clinic:
    """The plan was updated after the refusal: it knows the session by its identifier alone."""
    clinic = Clinic()
    course = clinic.enrol()
    await clinic.once()
    refusals = [Fault.REJECTED]
    clinic.ehr.fault_of = lambda operation: refusals.pop() if operation == "transaction" and refusals else None
    session = clinic.sign(course)
    planned = clinic.courses[course].planned
    clinic.progress(course, planned=(replace(planned[0], session=session.id), *planned[1:]), counted=1)
    await clinic.drain()
    return clinic


async def test_a_session_that_is_taken_later_is_named_by_its_plan() -> None:
    clinic = await a_course_with_a_refused_session()
    _, session, update = clinic.messages()
    assert (session.state, update.state) == (MessageState.REJECTED, MessageState.DELIVERED)
    retry_delivery(clinic.work, clinic.clock, CALLER, session.id)
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {MessageState.DELIVERED}
    (plan,), (procedure,) = clinic.ehr.held("CarePlan"), clinic.ehr.held("Procedure")
    (outcome,) = plan["activity"][0]["outcomeReference"]
    assert outcome["reference"] == f"Procedure/{procedure['id']}"


async def test_trying_again_what_was_delivered_sends_nothing() -> None:
    clinic = await a_course_with_a_refused_session()
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.messages()[1].id)
    await clinic.drain()
    asked = len(clinic.ehr.asked)
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.messages()[1].id)
    await clinic.drain()
    assert len(clinic.ehr.asked) == asked
