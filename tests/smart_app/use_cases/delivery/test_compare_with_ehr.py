"""What stands in the EHR beside what was written, read with the clinician's token; nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.treatment import KetamineSession
from smart_app.use_cases.delivery.compare_with_ehr import Compared, Comparison, compare_with_ehr
from smart_app.use_cases.delivery.delivery_status import delivery_view, retry_delivery
from smart_app.use_cases.errors import Refused, Unauthorized
from smart_app.use_cases.records import Caller, Json, MessageKind, MessageState
from smart_app.use_cases.signing.signed_session import retraction_items
from smart_app.use_cases.site import Site
from tests.fhir_mappings.writing.a_session import DOCTOR, EHR, INSTANCE, a_dose
from tests.smart_app.use_cases.a_clinic import a_caller
from tests.smart_app.use_cases.an_outbox import Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault

pytestmark = pytest.mark.anyio
CALLER = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p9")
SITE = Site(base_url=INSTANCE.base_url, version=INSTANCE.version)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def compared(clinic: Clinic, message_id: str | None = None, caller: Caller = CALLER) -> Comparison:
    message_id = message_id or next(one.id for one in clinic.messages() if one.state is MessageState.CONFLICT)
    return await compare_with_ehr(clinic.work, clinic.clock, caller, clinic.ehr, message_id, SITE)


async def a_written_session(clinic: Clinic) -> KetamineSession:
    session = clinic.sign(clinic.enrol())
    await clinic.drain()
    return session


def edit(clinic: Clinic, kind: str, change: Callable[[Json], object]) -> None:
    """Somebody edits it in the EHR."""
    held = clinic.ehr.held(kind)[0]
    change(held)
    held["meta"] |= {"lastUpdated": "2026-11-20T18:05:00Z", "source": "urn:ward:7"}
    clinic.ehr.put(held)


def amended_dose(session: KetamineSession) -> dict[str, Any]:
    return {"dose": replace(session.dose or a_dose(), given_mg=Decimal("40.5"))}


async def a_conflict(clinic: Clinic, milligrams: str = "39") -> KetamineSession:
    """The dose was changed in the EHR before the amendment came."""
    session = await a_written_session(clinic)
    edit(clinic, "MedicationAdministration", lambda dose: dose["dosage"]["dose"].update(value=Decimal(milligrams)))
    clinic.amend(session, **amended_dose(session))
    await clinic.drain()
    return session


def entry(comparison: Comparison, kind: str) -> Compared:
    return next(each for each in comparison.entries if each.target == kind)


def last_audit(clinic: Clinic) -> AuditRecord:
    found: AuditRecord = clinic.work.kept.audit[-1]
    return found


async def test_both_values_stand_side_by_side_with_what_was_sent_before() -> None:
    clinic = Clinic()
    await a_conflict(clinic)
    dose = entry(await compared(clinic), "MedicationAdministration")
    (row,) = [row for row in dose.rows if row.element == "Dose"]
    assert "40.5 mg" in row.ours
    assert "39 mg" in row.theirs
    assert "41.0 mg" in row.before
    assert row.by_others
    assert (dose.version, dose.source) == ("2", "urn:ward:7")
    assert dose.changed is not None
    assert dose.changed.isoformat() == "2026-11-20T18:05:00+00:00"


async def test_what_waits_with_it_is_told_apart_from_what_others_changed() -> None:
    clinic = Clinic()
    await a_conflict(clinic)
    comparison = await compared(clinic)
    procedure = entry(comparison, "Procedure")
    assert [row.by_others for row in procedure.rows if row.element == "Note"] == [False]
    assert "Version: 2" in next(row.ours for row in procedure.rows if row.element == "Note")
    assert comparison.unsent == 1, "who signed the amendment"
    assert comparison.amendable
    assert not comparison.takes_back


async def test_amending_to_what_the_ehr_says_settles_the_conflict() -> None:
    clinic = Clinic()
    session = await a_conflict(clinic)
    dose = replace(session.dose or a_dose(), given_mg=Decimal(39))
    clinic.amend(replace(session, version=2), dose=dose)
    await clinic.drain()
    assert clinic.last.state is MessageState.DELIVERED, clinic.last.reason
    view = delivery_view(clinic.work, clinic.clock, CALLER)
    replaced = [row for row in view.rows if row.replaced]
    assert {row.words for row in replaced} == {"Not written: a later version was written instead"}
    assert {row.target for row in replaced} == {"Procedure", "MedicationAdministration", "Provenance"}
    assert not any(row.message for row in replaced), "nothing is left to be tried again"
    assert "not written" not in view.summary
    conflict = next(one.id for one in clinic.messages() if one.state is MessageState.CONFLICT)
    with pytest.raises(Refused, match="later version"):
        await compared(clinic, conflict)


async def test_an_older_version_that_is_sent_again_all_the_same_writes_over_nothing() -> None:
    clinic = Clinic()
    session = await a_conflict(clinic)
    conflict = next(one.id for one in clinic.messages() if one.state is MessageState.CONFLICT)
    clinic.amend(replace(session, version=2), dose=replace(session.dose or a_dose(), given_mg=Decimal(39)))
    await clinic.drain()
    before = repr(clinic.ehr.resources)
    retry_delivery(clinic.work, clinic.clock, CALLER, conflict)
    await clinic.drain()
    assert repr(clinic.ehr.resources) == before


async def test_a_first_sending_that_the_ehr_kept_otherwise_shows_both() -> None:
    clinic = Clinic()

    def other(resource: Json) -> None:
        if resource["resourceType"] == "Observation" and "component" in resource:
            resource["component"][0]["valueQuantity"]["value"] = Decimal(99)

    clinic.ehr.edit = other
    await a_written_session(clinic)
    comparison = await compared(clinic)
    (found,) = comparison.entries
    (row,) = found.rows
    assert row.element == "Values"
    assert "99 mm" in row.theirs
    assert "99 mm" not in row.ours
    assert comparison.alike > 0


async def test_a_retraction_that_was_not_taken_says_what_is_to_be_marked() -> None:
    clinic = Clinic()
    session = await a_written_session(clinic)
    clinic.ehr.edit = lambda resource: resource.update(status="completed") if "status" in resource else None
    clinic.retract(session)
    items = retraction_items(clinic.messages(), session.id)
    queued = next(one for one in clinic.work.kept.queue.values() if one.message.kind is MessageKind.RETRACT_SESSION)
    clinic.work.kept.queue[queued.message.id] = replace(queued, message=replace(queued.message, items=items))
    await clinic.drain()
    comparison = await compared(clinic)
    row = entry(comparison, "Procedure").rows[0]
    assert (row.element, row.ours, row.theirs) == ("Status", "entered in error", "completed")
    assert comparison.takes_back


async def test_a_plan_that_others_keep_changing_shows_what_the_app_would_change() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    await clinic.drain()

    def title(ehr: Any) -> None:
        held = ehr.held("CarePlan")[0]
        ehr.put(held | {"title": f"{held['title']}!"})

    clinic.ehr.between = title
    clinic.progress(course, counted=2)
    await clinic.drain()
    assert clinic.last.state is MessageState.CONFLICT
    reference = clinic.ehr.held("CarePlan")[0]["id"]
    comparison = await compared(clinic)
    (found,) = comparison.entries
    assert found.reference == f"CarePlan/{reference}"
    assert "!" in next(row.theirs for row in found.rows if row.element == "Title")


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held["subject"].update(reference=f"{EHR}/Patient/other"),
        lambda held: held.update(identifier=[{"system": "urn:x", "value": "another"}]),
        lambda held: held.update(identifier="oops"),
    ],
    ids=["patient", "identifier", "shape"],
)
async def test_nothing_of_another_record_is_shown(change: Callable[[Json], object]) -> None:
    clinic = Clinic()
    await a_conflict(clinic, "38.25")
    edit(clinic, "MedicationAdministration", change)
    comparison = await compared(clinic)
    dose = entry(comparison, "MedicationAdministration")
    assert dose.rows == ()
    assert (dose.version, dose.source) == ("", "")
    assert "another record" in dose.words
    assert "38.25" not in repr(comparison)
    assert "another record" in last_audit(clinic).detail


async def test_what_was_deleted_or_cannot_be_read_is_told_and_is_no_agreement() -> None:
    clinic = Clinic()
    await a_conflict(clinic)
    clinic.ehr.resources.pop(next(name for name in clinic.ehr.resources if name.startswith("MedicationAdmin")))
    assert entry(await compared(clinic), "MedicationAdministration").words == "The EHR does not hold this any more."
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if operation == "read" else None
    comparison = await compared(clinic)
    assert {each.words for each in comparison.entries} == {"It could not be read now: the EHR refused it (403)."}
    assert comparison.alike == 0
    assert last_audit(clinic).outcome is AuditOutcome.FAILED


async def test_every_look_is_audited_with_what_was_read_and_without_values() -> None:
    clinic = Clinic()
    await a_conflict(clinic, "38.25")
    comparison = await compared(clinic)
    record = last_audit(clinic)
    assert record.action == "clinician:delivery:compare"
    assert record.actor == DOCTOR.reference
    assert {each.reference for each in comparison.entries} <= set(record.entities)
    assert "38.25" not in repr(record)


async def test_nothing_of_it_is_kept() -> None:
    clinic = Clinic()
    await a_conflict(clinic, "38.25")
    before = repr(clinic.work.kept.queue), repr(clinic.work.kept.sessions)
    asked = [one for one in clinic.ehr.asked if one in {"transaction", "update", "create"}]
    await compared(clinic)
    assert (repr(clinic.work.kept.queue), repr(clinic.work.kept.sessions)) == before
    assert [one for one in clinic.ehr.asked if one in {"transaction", "update", "create"}] == asked


async def test_only_a_conflict_of_this_patient_is_compared() -> None:
    clinic = Clinic()
    await a_conflict(clinic)
    reads = clinic.ehr.asked.count("read")
    delivered = next(one.id for one in clinic.messages() if one.state is MessageState.DELIVERED)
    conflict = next(one.id for one in clinic.messages() if one.state is MessageState.CONFLICT)
    other = a_caller(DOCTOR, ehr="sandbox", fhir_base=EHR, patient_id="p8")
    for message, caller in ((delivered, CALLER), ("no-such", CALLER), (conflict, other)):
        with pytest.raises(Refused):
            await compared(clinic, message, caller)
        assert last_audit(clinic).action == "clinician:delivery:compare"
    assert clinic.ehr.asked.count("read") == reads


async def test_an_ended_sign_in_ends_the_look() -> None:
    clinic = Clinic()
    await a_conflict(clinic)
    clinic.ehr.fault_of = lambda operation: Fault.SIGNED_OUT if operation == "read" else None
    with pytest.raises(Unauthorized):
        await compared(clinic)
