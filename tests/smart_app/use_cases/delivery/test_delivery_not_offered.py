"""What an EHR does not offer to take is left out of what is sent to it, and said; the rest arrives whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.treatment import AdverseEvent, KetamineSession, Severity
from fhir_mappings.wire import decode
from smart_app.use_cases.delivery.delivery_status import delivery_view, retry_delivery
from smart_app.use_cases.outcomes.outcomes import strike_score
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.records import MessageKind, MessageState, Offer, StoredScore
from smart_app.use_cases.site import Site
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, NURSE, a_dose, a_moment, a_reading, an_id
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
SITE = Site(base_url="https://app.riverside.example", version="0.1.0")
NAUSEA = AdverseEvent(
    id=an_id(7), code="422587007", text="Nausea", severity=Severity.MILD, onset=a_moment(14, 20), by=NURSE
)
HEADACHE = replace(NAUSEA, id=an_id(8), code="25064002", text="Headache")
IN_NOTE = "Not supported by this EHR: kept in this app and in the session's note"
IN_APP = "Not supported by this EHR: kept in this app"
DELIVERED = MessageState.DELIVERED
NOTHING_SAID = Offer(transaction=True, readable=frozenset(), creatable=frozenset(), updatable=frozenset())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def without(*types: str) -> Clinic:
    clinic = Clinic()
    clinic.ehr.stops_taking(*types)
    return clinic


def signed(clinic: Clinic, **changes: Any) -> KetamineSession:
    return clinic.sign(clinic.enrol(), **({"events": (NAUSEA,), "dose": a_dose(id=an_id(77))} | changes))


def scored(clinic: Clinic, **fields: str) -> StoredScore:
    typed = fields or {f"item.{number}": "1" for number in range(1, 10)}
    ids = clinic._id
    return record_score(clinic.work, clinic.clock, CALLER, ids(), "phq9", typed, ids, SITE)


def words(clinic: Clinic, target: str) -> list[str]:
    return [row.words for row in delivery_view(clinic.work, clinic.clock, CALLER).rows if row.target == target]


def links(element: Any) -> Iterator[str]:
    if isinstance(element, dict):
        if isinstance(element.get("reference"), str):
            yield element["reference"]
        element = list(element.values())
    if isinstance(element, list):
        for each in element:
            yield from links(each)


def nothing_dangles(clinic: Clinic) -> bool:
    """Every link among what the app wrote leads to what the EHR holds."""
    ours = ("CarePlan/", "Procedure/", "MedicationAdministration/", "Observation/", "AdverseEvent/", "Questionnaire")
    found = [link for one in clinic.ehr.resources.values() for link in links(one)]
    inside = [link for link in found if link.startswith(ours)]
    return bool(inside) and all(link in clinic.ehr.resources for link in inside) and "urn:uuid" not in "".join(found)


@pytest.mark.parametrize(
    ("untaken", "said"),
    [("AdverseEvent", IN_NOTE), ("Observation", IN_NOTE), ("Provenance", IN_APP)],
)
async def test_a_session_arrives_without_what_the_ehr_does_not_take(untaken: str, said: str) -> None:
    clinic = without(untaken)
    signed(clinic)
    await clinic.drain()
    assert [one.state for one in clinic.messages()] == [DELIVERED, DELIVERED]
    assert clinic.ehr.held(untaken) == []
    assert len(clinic.ehr.held("Procedure")) == len(clinic.ehr.held("MedicationAdministration")) == 1
    assert nothing_dangles(clinic)
    assert set(words(clinic, untaken)) == {said}
    assert all(one.startswith("Written") for one in words(clinic, "Procedure"))


async def test_the_page_counts_apart_what_is_not_supported() -> None:
    clinic = without("AdverseEvent")
    signed(clinic)
    await clinic.drain()
    view = delivery_view(clinic.work, clinic.clock, CALLER)
    (left,) = [row for row in view.rows if row.target == "AdverseEvent"]
    assert (left.left_out, left.reference, left.message) == (True, "", "")
    whole = len(view.rows)
    assert view.summary == f"{whole - 1} of {whole} items written. 1 not supported by this EHR."
    assert view.settled


async def test_the_audit_record_names_the_types_that_were_left_out() -> None:
    clinic = without("AdverseEvent", "Provenance")
    signed(clinic)
    await clinic.drain()
    (record,) = [one for one in clinic.work.kept.audit if one.action == "app:session:deliver"]
    assert "Not taken by the EHR, left out: AdverseEvent, Provenance." in record.detail


async def test_the_record_keeps_the_bytes_that_were_not_sent() -> None:
    clinic = without("AdverseEvent")
    signed(clinic)
    await clinic.drain()
    (event,) = [item for item in clinic.last.items if item.resource_type == "AdverseEvent"]
    assert decode(event.body)["event"]["text"] == "Nausea"


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LATE, Fault.LOGIN_PAGE, Fault.NO_PLACES, Fault.KILLED])
async def test_what_was_decided_at_the_first_sending_stays_decided(fault: Fault) -> None:
    """Though the EHR begins to take it between the sendings."""
    clinic = without("AdverseEvent")
    session = signed(clinic)
    faults = [fault]

    def failing(operation: str) -> Fault | None:
        if operation != "transaction" or not faults:
            return None
        clinic.ehr.stops_taking()
        return faults.pop()

    clinic.ehr.fault_of = failing
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.count(session.id) == 1
    assert clinic.ehr.held("AdverseEvent") == []
    sent = [body for body in clinic.ehr.bodies if b'"transaction"' in body]
    assert len(set(sent)) == 1, "what is sent again is the same to the byte"
    assert words(clinic, "AdverseEvent") == [IN_NOTE]


async def test_what_was_sent_whole_is_repeated_whole() -> None:
    clinic = Clinic()
    signed(clinic)
    faults = [Fault.CUT]

    def failing(operation: str) -> Fault | None:
        if operation != "transaction" or not faults:
            return None
        clinic.ehr.offered = replace(clinic.ehr.offered, creatable=clinic.ehr.offered.creatable - {"AdverseEvent"})
        return faults.pop()

    clinic.ehr.fault_of = failing
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("AdverseEvent")) == 1
    assert words(clinic, "AdverseEvent")[0].startswith("Written")


async def test_an_ehr_that_splits_transactions_is_sent_the_rest_without_it() -> None:
    clinic = without("AdverseEvent")
    signed(clinic)
    faults = [Fault.CUT]
    clinic.ehr.fault_of = lambda operation: faults.pop() if operation == "transaction" and faults else None
    await clinic.once()
    await clinic.once()
    assert clinic.last.state is MessageState.UNKNOWN
    (lost,) = [name for name in clinic.ehr.resources if name.startswith("Provenance/")]
    del clinic.ehr.resources[lost]
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("Provenance")) == 1
    assert [len(decode(body)["entry"]) for body in clinic.ehr.bodies[2:]] == [1]
    assert clinic.ehr.held("AdverseEvent") == []
    assert nothing_dangles(clinic)


@pytest.mark.parametrize("required", ["Procedure", "MedicationAdministration"])
async def test_what_a_session_needs_is_sent_and_its_refusal_is_one_of_all(required: str) -> None:
    clinic = without(required)
    signed(clinic)
    await clinic.drain()
    assert clinic.last.state is MessageState.REJECTED
    assert clinic.ehr.held("Procedure") == []
    assert {row.words.split(":")[0] for row in delivery_view(clinic.work, clinic.clock, CALLER).rows[1:]} == {
        "Refused"
    }


@pytest.mark.parametrize("unreadable", [True, False])
async def test_an_ehr_that_says_nothing_useful_is_sent_everything(unreadable: bool) -> None:
    clinic = Clinic()
    course = clinic.enrol()
    await clinic.drain()
    clinic.ehr.offered = NOTHING_SAID
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if unreadable and operation == "offer" else None
    clinic.sign(course, events=(NAUSEA,))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("AdverseEvent")) == 1


async def test_an_amendment_touches_only_what_was_sent() -> None:
    clinic = without("AdverseEvent")
    session = signed(clinic)
    await clinic.drain()
    changed = replace(NAUSEA, severity=Severity.MODERATE)
    clinic.amend(session, events=(changed,), dose=a_dose(id=an_id(77), given_mg=Decimal("40.5")))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert "AdverseEvent" not in {item.resource_type for item in clinic.last.items}
    (dose,) = clinic.ehr.held("MedicationAdministration")
    assert dose["dosage"]["dose"]["value"] == Decimal("40.5")
    assert len(clinic.ehr.held("Provenance")) == 2
    assert nothing_dangles(clinic)


async def test_an_amendment_adds_no_event_that_the_ehr_does_not_take_and_takes_none_out() -> None:
    clinic = without("AdverseEvent")
    session = signed(clinic)
    await clinic.drain()
    amended = clinic.amend(session, events=(HEADACHE,))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert words(clinic, "AdverseEvent") == [IN_NOTE, IN_NOTE]
    assert nothing_dangles(clinic)
    clinic.amend(amended, events=())
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert not any(item.label.startswith("Taken out") for item in clinic.last.items)


async def test_an_amendment_signed_before_the_session_arrived_leaves_out_the_same() -> None:
    clinic = without("AdverseEvent")
    session = signed(clinic)
    clinic.amend(session, events=(NAUSEA, HEADACHE))
    await clinic.once()
    await clinic.once()
    clinic.ehr.stops_taking()
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {DELIVERED}
    assert [one["event"]["text"] for one in clinic.ehr.held("AdverseEvent")] == ["Headache"]
    assert sorted(words(clinic, "AdverseEvent"))[:2] == [IN_NOTE, IN_NOTE]
    assert nothing_dangles(clinic)


async def test_an_event_written_before_is_still_amended_where_the_ehr_takes_no_new_ones() -> None:
    clinic = Clinic()
    session = signed(clinic)
    await clinic.drain()
    clinic.ehr.stops_taking("AdverseEvent")
    clinic.amend(session, events=(replace(NAUSEA, severity=Severity.MODERATE), HEADACHE))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    (event,) = clinic.ehr.held("AdverseEvent")
    assert event["severity"]["coding"][0]["code"] == "moderate"
    assert nothing_dangles(clinic)


async def test_a_countersignature_names_only_what_is_there() -> None:
    clinic = without("AdverseEvent")
    session = signed(clinic)
    await clinic.drain()
    clinic.countersign(session)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("Provenance")) == 2
    assert nothing_dangles(clinic)


async def test_a_countersignature_names_nothing_whose_scope_was_not_granted() -> None:
    """The version that is signed holds the event; what was sent of it did not."""
    clinic = Clinic()
    session = signed(clinic, events=())
    await clinic.drain()
    clinic.countersign(replace(session, events=(NAUSEA,)))
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert nothing_dangles(clinic)


async def test_a_countersignature_that_the_ehr_does_not_take_stays_in_the_app() -> None:
    clinic = without("Provenance")
    session = signed(clinic)
    await clinic.drain()
    clinic.countersign(session)
    asked = len(clinic.ehr.bodies)
    await clinic.drain()
    assert clinic.last.state is MessageState.MANUAL
    assert len(clinic.ehr.bodies) == asked
    assert set(words(clinic, "Provenance")) == {IN_APP}
    clinic.ehr.stops_taking()
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.last.id)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("Provenance")) == 1


async def test_a_session_that_was_never_true_is_taken_back_as_far_as_it_was_written() -> None:
    clinic = without("AdverseEvent", "Observation")
    session = signed(clinic)
    await clinic.drain()
    clinic.retract(session)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.held("Procedure")[0]["status"] == "entered-in-error"


async def test_a_result_arrives_without_its_answers() -> None:
    clinic = without("QuestionnaireResponse")
    score = scored(clinic)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    (result,) = clinic.ehr.held("Observation")
    assert "derivedFrom" not in result
    (provenance,) = clinic.ehr.held("Provenance")
    assert len(provenance["target"]) == 1
    assert words(clinic, "QuestionnaireResponse") == [IN_APP]
    strike_score(clinic.work, clinic.clock, CALLER, score.id, "Of another patient.", clinic._id, SITE)
    await clinic.drain()
    assert [one.kind for one in clinic.messages()] == [MessageKind.SEND_SCORE, MessageKind.RETRACT_SCORE]
    assert [item.resource_type for item in clinic.last.items] == ["Observation"]
    assert clinic.ehr.held("Observation")[0]["status"] == "entered-in-error"


async def test_answers_arrive_without_their_result() -> None:
    clinic = without("Observation")
    scored(clinic)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert len(clinic.ehr.held("QuestionnaireResponse")) == 1
    assert nothing_dangles(clinic)


async def test_a_score_of_which_the_ehr_takes_nothing_stays_in_the_app() -> None:
    clinic = without("QuestionnaireResponse", "Observation")
    score = scored(clinic)
    await clinic.drain()
    assert clinic.last.state is MessageState.MANUAL
    assert clinic.ehr.bodies == []
    assert set(words(clinic, "Observation") + words(clinic, "QuestionnaireResponse")) == {IN_APP}
    strike_score(clinic.work, clinic.clock, CALLER, score.id, "Of another patient.", clinic._id, SITE)
    await clinic.drain()
    assert clinic.ehr.bodies == []
    assert set(words(clinic, "Observation") + words(clinic, "QuestionnaireResponse")) == {IN_APP}


async def test_what_was_struck_out_is_not_valid_in_a_chart_that_takes_it_later() -> None:
    clinic = without("QuestionnaireResponse", "Observation")
    score = scored(clinic)
    await clinic.drain()
    strike_score(clinic.work, clinic.clock, CALLER, score.id, "Of another patient.", clinic._id, SITE)
    await clinic.drain()
    clinic.ehr.stops_taking()
    retry_delivery(clinic.work, clinic.clock, CALLER, clinic.messages()[0].id)
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {DELIVERED}
    found = [*clinic.ehr.held("Observation"), *clinic.ehr.held("QuestionnaireResponse")]
    assert [one["status"] for one in found] == ["entered-in-error"] * 2


async def test_a_struck_score_queued_before_the_decision_says_nothing_was_taken_back_of_what_was_left_out() -> None:
    clinic = without("QuestionnaireResponse")
    score = scored(clinic)
    strike_score(clinic.work, clinic.clock, CALLER, score.id, "Of another patient.", clinic._id, SITE)
    await clinic.drain()
    assert clinic.ehr.held("Observation")[0]["status"] == "entered-in-error"
    assert set(words(clinic, "QuestionnaireResponse")) == {IN_APP}


async def test_readings_and_their_dose_without_links_between_them() -> None:
    clinic = without("Observation")
    signed(clinic, readings=(replace(a_reading(3), id=an_id(33)),))
    await clinic.drain()
    (dose,) = clinic.ehr.held("MedicationAdministration")
    assert "supportingInformation" not in dose
