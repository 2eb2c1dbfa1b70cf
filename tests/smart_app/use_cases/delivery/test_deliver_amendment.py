"""An amendment on its way to the EHR: in place, never twice, never over what others wrote, whatever fails."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.treatment import KetamineSession
from smart_app.use_cases.records import Json, MessageKind, MessageState, OutboxMessage
from tests.fhir_mappings.writing.a_session import a_dose, a_reading, an_id
from tests.smart_app.use_cases.an_outbox import FINAL, Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault, ScriptedEhr

pytestmark = pytest.mark.anyio


async def a_written_session(clinic: Clinic) -> KetamineSession:
    session = clinic.sign(clinic.enrol(), dose=a_dose(id=an_id(77)))
    await clinic.drain()
    assert {one.state for one in clinic.messages()} == {MessageState.DELIVERED}
    return session


def amendment_of(clinic: Clinic) -> OutboxMessage:
    return clinic.messages(MessageKind.AMEND_SESSION)[-1]


def one(clinic: Clinic, kind: str) -> Json:
    (found,) = clinic.ehr.held(kind)
    return dict(found)


def a_corrected_dose() -> dict[str, Any]:
    return {"dose": a_dose(id=an_id(77), given_mg=Decimal("40.5"))}


async def test_what_changed_is_changed_in_place_and_the_rest_is_left_alone() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    before = {reference: resource["meta"]["versionId"] for reference, resource in clinic.ehr.resources.items()}
    clinic.amend(session, **a_corrected_dose())
    await clinic.drain()
    assert amendment_of(clinic).state is MessageState.DELIVERED, amendment_of(clinic).reason
    assert one(clinic, "MedicationAdministration")["dosage"]["dose"]["value"] == Decimal("40.5")
    assert "Version: 2" in one(clinic, "Procedure")["note"][0]["text"]
    assert len(one(clinic, "Procedure")["note"]) == 1
    for reference, version in before.items():
        changed = reference.startswith(("Procedure/", "MedicationAdministration/"))
        assert (clinic.ehr.resources[reference]["meta"]["versionId"] != version) is changed, reference
    new = [each for each in clinic.ehr.held("Provenance") if each["activity"]["coding"][0]["code"] == "UPDATE"]
    assert len(clinic.ehr.held("Provenance")) == 2
    assert [each["entity"][-1]["role"] for each in new] == ["revision"]


async def test_only_what_differs_is_sent_once_all_has_arrived() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    clinic.amend(session, **a_corrected_dose())
    kinds = [item.resource_type for item in amendment_of(clinic).items]
    assert sorted(kinds) == ["MedicationAdministration", "Procedure", "Provenance"]
    waiting = Clinic()
    session = waiting.sign(waiting.enrol(), dose=a_dose(id=an_id(77)))
    waiting.amend(session, **a_corrected_dose())
    assert "Observation" in {item.resource_type for item in amendment_of(waiting).items}
    await waiting.drain()
    assert {each.state for each in waiting.messages()} == {MessageState.DELIVERED}


async def test_a_new_reading_is_added_and_one_that_went_is_marked() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    clinic.amend(session, readings=(a_reading(500, systolic=Decimal(150)),))
    await clinic.drain()
    assert amendment_of(clinic).state is MessageState.DELIVERED, amendment_of(clinic).reason
    statuses: dict[str, int] = {}
    for each in clinic.ehr.held("Observation"):
        statuses[each["status"]] = statuses.get(each["status"], 0) + 1
    assert statuses["entered-in-error"] == statuses["final"]
    marked = next(each for each in clinic.ehr.held("Observation") if each["status"] == "entered-in-error")
    assert "taken out when the record was amended" in marked["note"][-1]["text"]


async def test_what_others_added_stays_and_what_they_changed_is_not_written_over() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    procedure = one(clinic, "Procedure")
    procedure["note"] = [*procedure["note"], {"text": "Seen by the pharmacist."}]
    procedure["usedCode"] = [{"text": "Pump 4"}]
    clinic.ehr.put(procedure)
    clinic.amend(session, **a_corrected_dose())
    await clinic.drain()
    assert amendment_of(clinic).state is MessageState.DELIVERED, amendment_of(clinic).reason
    after = one(clinic, "Procedure")
    assert "Version: 2" in after["note"][0]["text"]
    assert after["note"][1] == {"text": "Seen by the pharmacist."}
    assert after["usedCode"] == [{"text": "Pump 4"}]


async def test_a_dose_that_somebody_corrected_in_the_ehr_is_a_conflict() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    dose = one(clinic, "MedicationAdministration")
    dose["dosage"]["dose"]["value"] = Decimal(39)
    clinic.ehr.put(dose)
    writes = clinic.ehr.asked.count("transaction")
    clinic.amend(session, **a_corrected_dose())
    await clinic.drain()
    message = amendment_of(clinic)
    assert message.state is MessageState.CONFLICT
    assert "Somebody changed this in the EHR" in message.reason
    assert "(dose)" in message.reason
    assert one(clinic, "MedicationAdministration")["dosage"]["dose"]["value"] == Decimal(39)
    assert clinic.ehr.asked.count("transaction") == writes, "nothing was sent"


async def test_somebody_who_writes_in_between_loses_nothing() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    turns = iter(range(2))

    def another_edits(ehr: ScriptedEhr) -> None:
        if (turn := next(turns, None)) is not None:
            (procedure,) = ehr.held("Procedure")
            ehr.put({**procedure, "note": [*procedure["note"], {"text": f"Edit {turn}"}]})

    clinic.ehr.between = another_edits
    clinic.amend(session, **a_corrected_dose())
    await clinic.drain()
    assert amendment_of(clinic).state is MessageState.DELIVERED, amendment_of(clinic).reason
    texts = [each["text"] for each in one(clinic, "Procedure")["note"]]
    assert texts[1:] == ["Edit 0", "Edit 1"]


async def test_two_amendments_follow_each_other() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    second = clinic.amend(session, **a_corrected_dose())
    clinic.amend(second, dose=a_dose(id=an_id(77), given_mg=Decimal("40.25")))
    await clinic.drain()
    assert [each.state for each in clinic.messages(MessageKind.AMEND_SESSION)] == [MessageState.DELIVERED] * 2
    assert one(clinic, "MedicationAdministration")["dosage"]["dose"]["value"] == Decimal("40.25")
    assert len(clinic.ehr.held("Provenance")) == 3


async def test_an_amendment_of_what_never_arrived_is_written_whole() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    await clinic.drain()
    refusing = iter([Fault.REJECTED])
    clinic.ehr.fault_of = lambda operation: next(refusing, None) if operation == "transaction" else None
    session = clinic.sign(course, dose=a_dose(id=an_id(77)))
    await clinic.drain()
    assert clinic.messages(MessageKind.SEND_SESSION)[0].state is MessageState.REJECTED
    clinic.amend(session, **a_corrected_dose())
    await clinic.drain()
    assert amendment_of(clinic).state is MessageState.DELIVERED, amendment_of(clinic).reason
    assert one(clinic, "MedicationAdministration")["dosage"]["dose"]["value"] == Decimal("40.5")


async def test_taking_the_amended_session_back_marks_what_the_amendment_added() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    second = clinic.amend(session, readings=(*session.readings, a_reading(500)))
    await clinic.drain()
    clinic.retract(second)
    await clinic.drain()
    kinds = ("Procedure", "MedicationAdministration", "Observation")
    assert {each["status"] for kind in kinds for each in clinic.ehr.held(kind)} == {"entered-in-error"}


async def test_a_countersignature_points_at_what_the_ehr_holds() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    item = clinic.countersign(session)
    await clinic.drain()
    message = clinic.messages(MessageKind.COUNTERSIGN_SESSION)[0]
    assert message.state is MessageState.DELIVERED, message.reason
    (held,) = (each for each in clinic.ehr.held("Provenance") if each["meta"]["tag"][0]["code"] == item.value)
    places = {target["reference"] for target in held["target"]}
    assert places == {place for place in clinic.ehr.resources if not place.startswith(("Provenance/", "CarePlan/"))}
    assert held["signature"][0]["type"][0]["code"] == "1.2.840.10065.1.12.1.5"


async def test_a_countersignature_of_what_is_not_in_the_ehr_stays_here() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    await clinic.drain()
    clinic.ehr.fault_of = lambda operation: Fault.REJECTED if operation == "transaction" else None
    session = clinic.sign(course)
    await clinic.drain()
    clinic.ehr.fault_of = lambda _operation: None
    clinic.countersign(session)
    await clinic.drain()
    message = clinic.messages(MessageKind.COUNTERSIGN_SESSION)[0]
    assert message.state is MessageState.MANUAL
    assert message.reason.startswith("This session is not in the EHR")


@pytest.mark.parametrize("seed", range(20))
async def test_a_countersignature_is_written_once_whatever_fails(seed: int) -> None:
    clinic = Clinic(seed=seed)
    session = await a_written_session(clinic)
    chance = random.Random(seed)  # noqa: S311  # a seeded run, no secret
    faults = iter(chance.choices(FAULTS, k=3))
    clinic.ehr.fault_of = lambda _operation: next(faults, None) if chance.random() < 0.5 else None
    item = clinic.countersign(session)
    await clinic.drain(relaunch=True)
    assert clinic.messages(MessageKind.COUNTERSIGN_SESSION)[0].state is MessageState.DELIVERED
    assert clinic.ehr.count(item.value) == 1


FAULTS = [fault for fault in Fault if fault not in {Fault.REJECTED, Fault.FORBIDDEN}]


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_fails_nothing_is_doubled_and_nothing_lost(seed: int) -> None:
    clinic = Clinic(seed=seed)
    session = await a_written_session(clinic)
    chance = random.Random(seed)  # noqa: S311  # a seeded run, no secret
    faults = iter(chance.choices(FAULTS, k=4))
    clinic.ehr.fault_of = lambda _operation: next(faults, None) if chance.random() < 0.15 else None
    clinic.amend(
        session,
        **a_corrected_dose(),
        readings=(a_reading(600, systolic=Decimal(133)), *session.readings[1:]),
    )
    await clinic.drain(relaunch=True)
    message = amendment_of(clinic)
    assert message.state in FINAL
    assert message.state is MessageState.DELIVERED, message.reason
    for item in message.items:
        assert clinic.ehr.count(item.value) == 1, item.label
    assert one(clinic, "MedicationAdministration")["dosage"]["dose"]["value"] == Decimal("40.5")
