"""An EHR that refuses a part of what is sent gets the rest, and the page says what went without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fhir_mappings.facts.treatment import KetamineSession
from smart_app.use_cases.delivery.delivery_status import delivery_view, retry_delivery
from smart_app.use_cases.delivery.features import NEEDED_TO_WRITE, NEEDS
from smart_app.use_cases.delivery.left_out import PARTS
from smart_app.use_cases.errors import EhrError, Forbidden, Rejected
from smart_app.use_cases.records import Json, MessageState
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, GOALS
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.delivery.test_delivery_not_offered import NAUSEA, nothing_dangles, scored
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
DELIVERED, REJECTED = MessageState.DELIVERED, MessageState.REJECTED
NO_GOALS = "Without its goals, which the EHR did not take"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def no_goals(resource: Json) -> None:
    if "contained" in resource or "goal" in resource:
        raise Rejected("the EHR did not accept it (422)", issues=("Contained resources are not supported.",))


def with_goals(edit: Callable[[Json], None] = no_goals) -> tuple[Clinic, str]:
    clinic = Clinic()
    clinic.ehr.edit = edit
    course = clinic.enrol()
    clinic.courses[course] = replace(clinic.courses[course], goals=GOALS)
    return clinic, course


def plan(clinic: Clinic) -> Json:
    (held,) = clinic.ehr.held("CarePlan")
    return dict(held)


def told(clinic: Clinic, target: str) -> list[str]:
    return [row.words for row in delivery_view(clinic.work, clinic.clock, CALLER).rows if row.target == target]


async def test_a_plan_whose_goals_are_refused_arrives_without_them() -> None:
    clinic, _ = with_goals()
    await clinic.drain()
    assert clinic.last.state is DELIVERED, clinic.last.reason
    assert "contained" not in plan(clinic)
    assert "goal" not in plan(clinic)
    assert "Remission" in plan(clinic)["text"]["div"], "its text still says what is to be reached"
    assert NO_GOALS in clinic.work.kept.audit[-1].detail
    (words,) = told(clinic, "CarePlan")
    assert NO_GOALS in words


async def test_its_sessions_and_its_progress_arrive_too() -> None:
    clinic, course = with_goals()
    session = clinic.sign(course)
    clinic.progress(course, counted=2)
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {DELIVERED}
    assert clinic.ehr.count(session.id) == 1
    assert plan(clinic)["extension"][0]["extension"][1]["valueUnsignedInt"] == 2
    assert all(NO_GOALS in words for words in told(clinic, "CarePlan"))


async def test_goals_that_it_took_before_are_not_left_there_as_they_no_longer_stand() -> None:
    clinic, course = with_goals(lambda _resource: None)
    await clinic.drain()
    held = plan(clinic)
    theirs = {"resourceType": "Goal", "id": "walk", "lifecycleStatus": "active"}
    clinic.ehr.put(
        held
        | {
            "contained": [*held["contained"], theirs],
            "goal": [*held["goal"], {"reference": "#walk"}, {"display": "x"}],
        }
    )

    def only_new(resource: Json) -> None:
        if any(one.get("statusReason") == "Lost." for one in resource.get("contained", [])):
            no_goals(resource)

    clinic.ehr.edit = only_new
    clinic.progress(course, goals=tuple(replace(goal, words="Lost.") for goal in GOALS))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert plan(clinic)["contained"] == [theirs]
    assert plan(clinic)["goal"] == [{"reference": "#walk"}, {"display": "x"}]


async def test_goals_arrive_once_the_ehr_takes_them() -> None:
    clinic, course = with_goals()
    await clinic.drain()
    clinic.ehr.edit = lambda _resource: None
    clinic.progress(course, counted=2)
    await clinic.drain()
    assert [one["id"] for one in plan(clinic)["contained"]] == ["response", "remission"]
    assert NO_GOALS not in clinic.last.reason


async def test_a_plan_that_is_refused_without_goals_too_says_the_first_reason_and_is_offered_whole_again() -> None:
    def nothing(resource: Json) -> None:
        no_goals(resource)
        raise Rejected("the EHR did not accept it (422)", issues=("No plans today.",))

    clinic, _ = with_goals(nothing)
    await clinic.drain()
    assert clinic.last.state is REJECTED
    assert "Contained resources" in clinic.last.reason
    clinic.ehr.edit = lambda _resource: None
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(plan(clinic)["contained"]) == 2


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LATE, Fault.LOGIN_PAGE, Fault.NO_PLACES, Fault.KILLED])
async def test_an_unknown_outcome_of_the_plan_without_goals_ends_with_one_plan(fault: Fault) -> None:
    clinic, _ = with_goals()
    faults = iter([None, fault])
    clinic.ehr.fault_of = lambda operation: next(faults, None) if operation == "create" else None
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("CarePlan")) == 1
    assert NO_GOALS in clinic.last.reason


# Parts of a transaction

OPTIONAL = sorted(set(PARTS) - {"CarePlan", "MedicationStatement", "QuestionnaireResponse"})


def refusing(*types: str, error: type[EhrError] = Rejected) -> Clinic:
    """It says that it takes them all, and refuses whole transactions over these types."""
    clinic = Clinic()
    clinic.ehr.refused = frozenset(types)
    clinic.ehr.refusal = error
    return clinic


def signed(clinic: Clinic) -> KetamineSession:
    return clinic.sign(clinic.enrol(), events=(NAUSEA,))


async def refused_and_tried_again(clinic: Clinic) -> None:
    """One refusal proves nothing of a part: a person looks, and tries again."""
    await clinic.drain()
    assert clinic.last.state in {REJECTED, MessageState.MANUAL}
    assert not any(item.left_out for item in clinic.last.items)
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()


def transactions(clinic: Clinic) -> int:
    return int(clinic.ehr.asked.count("transaction"))


@pytest.mark.parametrize("error", [Rejected, Forbidden])
@pytest.mark.parametrize("untaken", OPTIONAL)
async def test_a_session_arrives_without_the_part_over_which_it_was_refused(
    untaken: str, error: type[EhrError]
) -> None:
    clinic = refusing(untaken, error=error)
    session = signed(clinic)
    await refused_and_tried_again(clinic)
    assert clinic.last.state is DELIVERED, clinic.last.reason
    assert clinic.ehr.count(session.id) == 1
    assert clinic.ehr.held(untaken) == []
    rest = {*OPTIONAL, "Procedure", "MedicationAdministration"} - {untaken}
    assert all(clinic.ehr.held(kind) for kind in rest), "everything else is there"
    assert nothing_dangles(clinic)
    assert f"left out: {untaken}." in clinic.work.kept.audit[-1].detail
    assert all(words.startswith("Not supported by this EHR") for words in told(clinic, untaken))


async def test_what_is_left_when_several_parts_are_refused_is_what_a_session_needs() -> None:
    clinic = refusing("AdverseEvent", "Provenance")
    signed(clinic)
    await refused_and_tried_again(clinic)
    assert clinic.last.state is DELIVERED
    assert {one["resourceType"] for one in clinic.ehr.resources.values()} == {
        "CarePlan",
        "Procedure",
        "MedicationAdministration",
    }
    assert nothing_dangles(clinic)


async def test_a_session_that_is_refused_for_itself_is_refused_whole_and_offered_whole_again() -> None:
    clinic = refusing("Procedure")
    signed(clinic)
    await refused_and_tried_again(clinic)
    assert clinic.last.state is REJECTED
    assert not any(item.left_out for item in clinic.last.items)
    assert transactions(clinic) <= len(OPTIONAL) + 3
    clinic.ehr.refused = frozenset()
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert all(clinic.ehr.held(kind) for kind in OPTIONAL)


async def test_a_refusal_met_before_the_ehr_said_what_it_takes_is_not_repeated_for_ever() -> None:
    """Its statement could not be read at the first sending."""
    clinic = refusing("AdverseEvent", "Procedure")
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if operation == "offer" else None
    signed(clinic)
    await clinic.drain()
    assert clinic.last.state is REJECTED
    clinic.ehr.fault_of = lambda _operation: None
    clinic.ehr.stops_taking("AdverseEvent")
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.held("AdverseEvent") == []
    assert len(clinic.ehr.held("Observation")) > 0


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LATE, Fault.LOGIN_PAGE, Fault.NO_PLACES, Fault.KILLED])
async def test_an_unknown_outcome_without_a_part_ends_with_one_session_without_it(fault: Fault) -> None:
    clinic = refusing("Provenance")
    session = signed(clinic)
    faults = iter([None, None, fault])
    clinic.ehr.fault_of = lambda operation: next(faults, None) if operation == "transaction" else None
    await refused_and_tried_again(clinic)
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.count(session.id) == 1
    assert clinic.ehr.held("Provenance") == []
    assert nothing_dangles(clinic)


@pytest.mark.parametrize("untaken", ["QuestionnaireResponse", "Observation", "Provenance"])
async def test_a_result_arrives_without_the_part_over_which_it_was_refused(untaken: str) -> None:
    clinic = refusing(untaken)
    scored(clinic)
    await refused_and_tried_again(clinic)
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.held(untaken) == []
    assert len(clinic.ehr.resources) == 2


async def test_a_result_of_which_everything_is_refused_is_refused_and_no_provenance_sent_alone() -> None:
    clinic = refusing("QuestionnaireResponse", "Observation")
    scored(clinic)
    await refused_and_tried_again(clinic)
    assert clinic.last.state is REJECTED
    assert clinic.ehr.resources == {}
    assert not any(item.left_out for item in clinic.last.items)


async def test_every_part_that_is_optional_is_known_to_be_so() -> None:
    """One table: what is written is needed, or can be left out."""
    written = {need.resource_type for need in NEEDS if need.purpose == "sessions"}
    assert written == {*NEEDED_TO_WRITE, *PARTS}
    assert not set(NEEDED_TO_WRITE) & set(PARTS)
