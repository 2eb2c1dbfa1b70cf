"""What becomes of a message, whatever the EHR does: nothing lost, nothing doubled, nothing said that was not read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.programme import CourseStatus
from smart_app.use_cases.delivery.delivery_verdict import Limits
from smart_app.use_cases.errors import Missing
from smart_app.use_cases.records import Json, MessageKind, MessageState, Offer, OutboxMessage, Received
from tests.fhir_mappings.writing.a_session import EHR
from tests.smart_app.use_cases.an_outbox import FINAL, LIMITS, Clinic
from tests.smart_app.use_cases.scripted_ehr import Fault, Killed, ScriptedEhr

pytestmark = pytest.mark.anyio
DELIVERED, UNKNOWN, MANUAL = MessageState.DELIVERED, MessageState.UNKNOWN, MessageState.MANUAL
CONFLICT, RETRY_AT, REJECTED = MessageState.CONFLICT, MessageState.RETRY_AT, MessageState.REJECTED


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def once(*faults: Fault, of: str) -> Callable[[str], Fault | None]:
    """These faults, one after the other, for this operation; then none."""
    left = list(faults)
    return lambda operation: left.pop(0) if operation == of and left else None


async def enrolled(**kwargs: Any) -> tuple[Clinic, str]:
    """A clinic whose course is in the EHR already."""
    clinic = Clinic(**kwargs)
    course = clinic.enrol()
    await clinic.once()
    assert clinic.last.state is DELIVERED
    return clinic, course


def exactly_once(clinic: Clinic, message: OutboxMessage) -> bool:
    return all(clinic.ehr.count(item.value) == 1 for item in message.items)


async def test_a_care_plan_is_delivered_and_its_place_kept() -> None:
    clinic, course = await enrolled()
    assert clinic.work.kept.courses[course].care_plan == "CarePlan/1"
    assert clinic.last.items[0].reference == "CarePlan/1"
    assert clinic.ehr.resources["CarePlan/1"]["subject"]["reference"] == "Patient/p9"
    assert clinic.ehr.asked == ["offer", "create", "read"]
    assert clinic.work.kept.audit[-1].action == "app:care-plan:create"
    assert clinic.work.kept.audit[-1].entities == ("CarePlan/1",)


async def test_a_session_is_delivered_with_links_between_its_parts() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    await clinic.once()
    message = clinic.last
    assert message.state is DELIVERED
    assert exactly_once(clinic, message)
    (procedure,), (dose,) = clinic.ehr.held("Procedure"), clinic.ehr.held("MedicationAdministration")
    assert procedure["basedOn"][0]["reference"] == "CarePlan/1"
    assert dose["partOf"][0]["reference"] == f"Procedure/{procedure['id']}"
    assert {item.reference for item in message.items} == set(clinic.ehr.resources) - {"CarePlan/1"}
    record = clinic.work.kept.audit[-1]
    assert (record.action, record.outcome, record.patient) == (
        "app:session:deliver",
        AuditOutcome.SUCCESS,
        f"{EHR}/Patient/p9",
    )


async def test_what_is_sent_is_kept_before_it_is_sent() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    kept: list[bool] = []
    clinic.ehr.between = lambda ehr: kept.append(clinic.last.sent == ehr.bodies[-1].decode())
    await clinic.once()
    assert kept == [True]


async def test_nothing_is_sent_when_another_worker_has_taken_over() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.outbox.keep_sent = lambda *_args: (_ for _ in ()).throw(RuntimeError("taken over"))  # type: ignore[method-assign]  # a fencing refusal
    with pytest.raises(RuntimeError):
        await clinic.once()
    assert not clinic.ehr.held("Procedure")


async def test_a_session_waits_for_its_care_plan() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    clinic.sign(course)
    plan = clinic.messages()[0]
    clinic.work.kept.queue[plan.id] = clinic.work.kept.queue[plan.id].with_message(state=DELIVERED)
    await clinic.once()
    assert clinic.last.state is RETRY_AT
    assert "care plan" in clinic.last.reason
    assert clinic.ehr.bodies == []


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOGIN_PAGE, Fault.LATE, Fault.FAILED_BEFORE, Fault.NO_PLACES])
@pytest.mark.parametrize("keeps_conditions", [True, False], ids=["conditional", "blind to conditions"])
@pytest.mark.parametrize("operation", ["create", "transaction"])
async def test_an_unknown_outcome_ends_with_exactly_one(fault: Fault, keeps_conditions: bool, operation: str) -> None:
    clinic = Clinic()
    clinic.ehr.keeps_conditions = keeps_conditions
    clinic.ehr.fault_of = once(fault, of=operation)
    clinic.sign(clinic.enrol())
    await clinic.drain()
    assert [message.state for message in clinic.messages()] == [DELIVERED, DELIVERED]
    assert all(exactly_once(clinic, message) for message in clinic.messages())


async def test_nothing_is_asked_or_sent_before_the_settle_time() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.ehr.fault_of = once(Fault.CUT, of="transaction")
    await clinic.once()
    assert clinic.last.state is UNKNOWN
    assert clinic.last.settle_until == clinic.last.due == clinic.time + timedelta(seconds=30)
    asked = len(clinic.ehr.asked)
    clinic.time += timedelta(seconds=29.9)
    assert not await clinic.once()
    assert len(clinic.ehr.asked) == asked
    clinic.time += timedelta(seconds=0.1)
    await clinic.once()
    assert clinic.last.state is DELIVERED
    assert clinic.ehr.asked.count("transaction") == 1


async def test_what_did_not_arrive_is_sent_again_byte_for_byte() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.ehr.fault_of = once(Fault.FAILED_BEFORE, Fault.NOT_REACHED, Fault.BUSY, Fault.CONFLICT, of="transaction")
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    sent = clinic.ehr.bodies[1:]
    assert len(sent) == 5
    assert len(set(sent)) == 1
    assert clinic.last.sent == sent[0].decode()


async def test_the_create_of_a_care_plan_is_repeated_as_it_was_though_the_course_moved_on() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    clinic.ehr.fault_of = once(Fault.FAILED_BEFORE, of="create")
    await clinic.once()
    clinic.progress(course, counted=2)
    await clinic.drain()
    assert clinic.ehr.bodies[0] == clinic.ehr.bodies[1]
    assert [message.state for message in clinic.messages()] == [DELIVERED, DELIVERED]
    assert _counted(clinic) == 2


def _counted(clinic: Clinic) -> int:
    (plan,) = clinic.ehr.held("CarePlan")
    counts = {part["url"]: part["valueUnsignedInt"] for part in plan["extension"][0]["extension"]}
    return int(counts["counted"])


async def test_an_ehr_that_kept_half_of_a_transaction_gets_the_rest_only() -> None:
    clinic, course = await enrolled()
    clinic.ehr.keeps_conditions = False
    clinic.sign(course)

    def lose_half(ehr: ScriptedEhr) -> None:
        for kind in ("Observation", "Provenance"):
            for one in ehr.held(kind):
                del ehr.resources[f"{kind}/{one['id']}"]

    clinic.ehr.fault_of = once(Fault.CUT, of="transaction")
    await clinic.once()
    lose_half(clinic.ehr)
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert exactly_once(clinic, clinic.last)


async def test_a_record_held_twice_is_a_conflict() -> None:
    clinic, course = await enrolled()
    session = clinic.sign(course)
    clinic.ehr.fault_of = once(Fault.CUT, of="transaction")
    await clinic.once()
    (procedure,) = clinic.ehr.held("Procedure")
    clinic.ehr.put({**procedure, "id": "twin"})
    await clinic.drain()
    assert clinic.last.state is CONFLICT
    assert "more than once" in clinic.last.reason
    assert clinic.ehr.count(session.id) == 2


@pytest.mark.parametrize("faults", [(), (Fault.CUT,), (Fault.FAILED_BEFORE,)], ids=["at once", "cut", "failed"])
async def test_an_ehr_that_ignores_identifiers_never_leads_to_delivered(faults: tuple[Fault, ...]) -> None:
    """R-34: a conditional create answers 200 with somebody else's resource."""
    clinic = Clinic()
    clinic.ehr.searches_identifiers = False
    clinic.ehr.put(
        {
            "resourceType": "CarePlan",
            "identifier": [{"system": "x", "value": "y"}],
            "subject": {"reference": "Patient/p9"},
        }
    )
    clinic.ehr.fault_of = once(*faults, of="create")
    clinic.enrol()
    await clinic.drain()
    assert clinic.last.state is CONFLICT
    assert clinic.work.kept.courses[clinic.last.course].care_plan is None


async def test_c65_the_right_identifier_on_another_patient_is_a_conflict() -> None:
    clinic = Clinic()
    clinic.ehr.edit = lambda resource: resource.update(subject={"reference": "Patient/somebody"})
    clinic.enrol()
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert "patient" in clinic.last.reason


@pytest.mark.parametrize("shape", [{"identifier": "x"}, {"identifier": [None]}, {"subject": "Patient/p9"}])
async def test_a_misshapen_record_is_not_believed(shape: Json) -> None:
    clinic = Clinic()
    clinic.ehr.searches_identifiers = False
    clinic.enrol()
    honest = clinic.ehr.read

    async def read(reference: str) -> Any:
        received = await honest(reference)
        return replace(received, resource={**received.resource, **shape})

    clinic.ehr.read = read
    await clinic.once()
    assert clinic.last.state is CONFLICT


@pytest.mark.parametrize("operation", ["search", "read"])
async def test_a_check_that_the_ehr_refuses_is_for_a_person(operation: str) -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    faults = {"transaction": [Fault.CUT], operation: [Fault.FORBIDDEN]}
    clinic.ehr.fault_of = lambda asked: faults[asked].pop() if faults.get(asked) else None
    await clinic.drain()
    assert clinic.last.state is MANUAL
    assert clinic.ehr.asked.count("transaction") == 1


async def test_what_the_ehr_took_but_does_not_show_is_never_sent_again() -> None:
    clinic, course = await enrolled()
    session = clinic.sign(course)
    clinic.ehr.shows = False
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert "held for review" in clinic.last.reason
    with clinic.work() as uow:
        uow.messages.retry(clinic.last.id, launch="launch-1", now=clinic.time)
        uow.audit.add(clinic.work.kept.audit[-1])
        uow.commit()
    await clinic.drain()
    assert clinic.last.state is MANUAL
    assert clinic.ehr.count(session.id) == 1
    assert clinic.ehr.asked.count("transaction") == 1


async def test_an_ehr_that_shows_late_is_waited_for() -> None:
    clinic, _course = await enrolled(limits=replace(LIMITS, read_again=(0.0, 0.0)))
    clinic.enrol(10)
    answers = iter([False, True])
    show = clinic.ehr.read

    async def read(reference: str) -> Any:
        clinic.ehr.shows = next(answers, True)
        return await show(reference)

    clinic.ehr.read = read  # type: ignore[method-assign]  # shows at the second look
    await clinic.once()
    assert clinic.last.state is DELIVERED


@pytest.mark.parametrize(
    ("kind", "edit", "lost"),
    [
        ("Procedure", lambda r: r.pop("note"), "Procedure.note"),
        ("Procedure", lambda r: r.pop("category"), "Procedure.category"),
        ("MedicationAdministration", lambda r: r["dosage"].pop("text"), "MedicationAdministration.dosage.text"),
        ("Observation", lambda r: r.pop("performer"), "Observation.performer"),
    ],
)
async def test_a_lesser_loss_is_delivered_and_told(kind: str, edit: Callable[[Json], None], lost: str) -> None:
    clinic, course = await enrolled()
    clinic.ehr.edit = lambda resource: edit(resource) if resource["resourceType"] == kind else None
    clinic.sign(course)
    await clinic.once()
    assert clinic.last.state is DELIVERED
    assert lost in clinic.last.reason


def _less(resource: Json) -> None:
    resource["dosage"]["dose"]["value"] = Decimal("4.1")


@pytest.mark.parametrize(
    ("kind", "edit", "lost"),
    [
        ("MedicationAdministration", _less, "dosage.dose.value"),
        ("MedicationAdministration", lambda r: r.pop("dosage"), "MedicationAdministration.dosage"),
        ("Procedure", lambda r: r.update(status="unknown"), "Procedure.status"),
        ("Procedure", lambda r: r.pop("performedPeriod"), "Procedure.performedPeriod"),
        ("Observation", lambda r: r.update(effectiveDateTime="2026-11-20T13:50:00Z"), "effectiveDateTime"),
        ("Observation", lambda r: r["code"].pop("coding"), "Observation.code.coding"),
        ("Provenance", lambda r: r["target"].pop(), "Provenance.target"),
    ],
)
async def test_a_grave_loss_is_a_conflict(kind: str, edit: Callable[[Json], None], lost: str) -> None:
    clinic, course = await enrolled()
    clinic.ehr.edit = lambda resource: edit(resource) if resource["resourceType"] == kind else None
    clinic.sign(course)
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert lost in clinic.last.reason


def _shorter_digits(resource: Json) -> None:
    if "dosage" in resource:
        resource["dosage"]["dose"]["value"] = 41
        resource["dosage"]["dose"]["unit"] = "milligram"
    for coding in resource.get("code", {}).get("coding", []):
        coding["display"] = "in the EHR's own words"


async def test_another_spelling_of_the_same_is_no_grave_loss() -> None:
    clinic, course = await enrolled()
    clinic.ehr.edit = _shorter_digits
    clinic.sign(course)
    await clinic.once()
    assert clinic.last.state is DELIVERED


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Fault.NOT_REACHED, RETRY_AT, "could not be reached"),
        (Fault.BUSY, RETRY_AT, "asks to wait"),
        (Fault.CUT, UNKNOWN, "was cut"),
        (Fault.LOGIN_PAGE, UNKNOWN, "a page"),
        (Fault.SIGNED_OUT, MessageState.WAIT_AUTH, "Open the app from this patient's chart again"),
        (Fault.FORBIDDEN, MANUAL, "refused it (403)"),
        (Fault.REJECTED, REJECTED, "The EHR says: Ada Example: no such code"),
        (Fault.CONFLICT, UNKNOWN, "somebody else"),
    ],
)
async def test_each_refusal_has_its_state_and_words(fault: Fault, state: MessageState, words: str) -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.ehr.fault_of = once(fault, of="transaction")
    await clinic.once()
    assert clinic.last.state is state
    assert words.lower() in clinic.last.reason.lower()
    record = clinic.work.kept.audit[-1]
    assert record.outcome is AuditOutcome.FAILED
    assert state.value in record.detail


async def test_the_words_of_the_ehr_stay_out_of_audit_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.ehr.fault_of = once(Fault.REJECTED, of="transaction")
    await clinic.once()
    assert "Ada" in clinic.last.reason
    assert "Ada" not in caplog.text + "".join(record.detail for record in clinic.work.kept.audit)


async def test_a_part_that_is_refused_is_named_and_the_rest_kept() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    honest = clinic.ehr.transaction

    async def transaction(bundle: bytes) -> Json:
        answer = await honest(bundle)
        answer["entry"][1] = {"response": {"status": "422 Unprocessable Entity"}}
        return answer

    clinic.ehr.transaction = transaction  # type: ignore[method-assign]  # an EHR that takes parts
    await clinic.once()
    assert clinic.last.state is REJECTED
    assert "Ketamine dose" in clinic.last.reason
    assert [bool(item.reference) for item in clinic.last.items][:3] == [True, False, True]


@pytest.mark.parametrize(
    "spoil", [lambda e: e.pop(), lambda e: e.reverse(), lambda e: e.clear()], ids=["short", "reversed", "empty"]
)
async def test_an_answer_out_of_order_is_checked_by_identifier(spoil: Callable[[list[Json]], None]) -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    honest = clinic.ehr.transaction

    async def transaction(bundle: bytes) -> Json:
        answer = await honest(bundle)
        spoil(answer["entry"])
        return answer

    clinic.ehr.transaction = transaction  # type: ignore[method-assign]  # R-12
    await clinic.drain()
    # In a reversed answer two Observations may change places: then it is a conflict, never a delivery.
    assert clinic.last.state is DELIVERED or "is not what was sent" in clinic.last.reason
    assert exactly_once(clinic, clinic.last)


async def test_after_busy_nothing_goes_to_this_ehr_before_its_time() -> None:
    clinic = Clinic()
    clinic.enrol(1)
    clinic.enrol(2)
    clinic.ehr.fault_of = once(Fault.BUSY, of="create")
    while await clinic.once():
        pass
    assert clinic.ehr.asked == ["offer", "create"]
    assert [message.state for message in clinic.messages()] == [RETRY_AT, RETRY_AT]
    assert {message.due for message in clinic.messages()} == {clinic.time + timedelta(seconds=120)}
    clinic.time += timedelta(seconds=119)
    assert not await clinic.once()
    await clinic.drain()
    assert [message.state for message in clinic.messages()] == [DELIVERED, DELIVERED]


async def test_a_short_wait_that_is_asked_for_does_not_shorten_the_settle_time() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)
    clinic.ehr.wait = 0.0
    clinic.ehr.fault_of = once(Fault.BUSY, of="read")
    await clinic.once()
    assert clinic.last.state is UNKNOWN
    assert clinic.last.due == clinic.time + timedelta(seconds=30)


async def test_back_off_grows_with_jitter_up_to_an_hour() -> None:
    clinic = Clinic()
    clinic.enrol()
    clinic.ehr.fault_of = lambda operation: Fault.NOT_REACHED if operation == "create" else None
    waits = []
    for _ in range(12):
        await clinic.once()
        waits.append((clinic.last.due - clinic.time).total_seconds())
        clinic.time = clinic.last.due
    ceilings = [min(3600.0, 30.0 * 2**attempt) for attempt in range(1, 13)]
    assert all(30.0 <= wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
    assert max(waits) > 900
    assert len(set(waits)) == 12


async def test_after_thirty_days_a_person_is_asked() -> None:
    clinic = Clinic()
    clinic.enrol()
    clinic.ehr.fault_of = lambda operation: Fault.NOT_REACHED if operation == "create" else None
    await clinic.once()
    clinic.time += timedelta(days=29, hours=23)
    await clinic.once()
    assert clinic.last.state is RETRY_AT
    clinic.time += timedelta(hours=2)
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert "30 days" in clinic.last.reason
    assert clinic.ehr.asked.count("create") == 3


async def test_without_a_launch_a_message_waits_and_is_sent_by_the_next_one() -> None:
    clinic = Clinic()
    clinic.launches.clear()
    clinic.enrol()
    await clinic.once()
    assert clinic.last.state is MessageState.WAIT_AUTH
    assert clinic.ehr.asked == []
    clinic.launches.add("launch-1")
    await clinic.drain(relaunch=True)
    assert clinic.last.state is DELIVERED


async def test_an_ehr_without_transactions_is_told_apart() -> None:
    clinic, course = await enrolled()
    clinic.ehr.offered = replace(clinic.ehr.offered, transaction=False)
    clinic.sign(course)
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert clinic.last.reason == "This EHR does not take session records. The record is kept in the app."
    assert clinic.ehr.bodies[1:] == []


async def test_an_ehr_that_knows_no_transaction_after_all_is_told_apart() -> None:
    clinic, course = await enrolled()
    clinic.sign(course)

    async def unknown(_bundle: bytes) -> Json:
        raise Missing("the EHR does not have it (404)")

    clinic.ehr.transaction = unknown
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert clinic.last.reason == "This EHR does not take session records. The record is kept in the app."


async def test_an_ehr_without_care_plans_is_told_apart() -> None:
    clinic = Clinic()
    clinic.ehr.offered = Offer(transaction=True, readable=frozenset(), creatable=frozenset(), updatable=frozenset())
    clinic.enrol()
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert clinic.ehr.bodies == []


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.REJECTED, None], ids=["403", "422", "not offered"])
async def test_sessions_go_without_a_plan_that_the_ehr_does_not_take(fault: Fault | None) -> None:
    clinic = Clinic()
    course = clinic.enrol()
    offered = clinic.ehr.offered
    if fault is None:
        clinic.ehr.offered = replace(offered, creatable=offered.creatable - {"CarePlan"})
    else:
        clinic.ehr.fault_of = once(fault, of="create")
    clinic.sign(course)
    clinic.progress(course, counted=2)
    await clinic.drain()
    plan, session, update = clinic.messages()
    assert plan.state in {MANUAL, REJECTED}
    assert (session.state, update.state) == (DELIVERED, MANUAL)
    assert exactly_once(clinic, session)
    assert session.reason == "Written. Without a link to the treatment plan, which the EHR did not take."
    assert "kept in the app" in update.reason
    written = clinic.ehr.held("Procedure") + clinic.ehr.held("Observation")
    assert len(written) > 1
    assert all("basedOn" not in one for one in written)
    (dose,) = clinic.ehr.held("MedicationAdministration")
    assert dose["partOf"][0]["reference"] == f"Procedure/{clinic.ehr.held('Procedure')[0]['id']}"


async def test_a_session_that_was_sent_without_its_plan_stays_so_when_it_is_sent_again() -> None:
    clinic = Clinic()
    course = clinic.enrol()
    clinic.ehr.fault_of = once(Fault.FORBIDDEN, of="create")
    clinic.sign(course)
    await clinic.once()
    clinic.ehr.fault_of = once(Fault.FAILED_BEFORE, of="transaction")
    await clinic.once()
    assert clinic.last.state is UNKNOWN
    clinic.work.kept.courses[course] = replace(clinic.work.kept.courses[course], care_plan="CarePlan/77")
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert clinic.last.reason == "Written. Without a link to the treatment plan, which the EHR did not take."
    assert clinic.ehr.bodies[-1] == clinic.ehr.bodies[-2]


async def test_an_ehr_that_has_no_place_for_care_plans_is_told_apart() -> None:
    clinic = Clinic()

    async def unknown(*_args: object, **_kwargs: object) -> Received:
        raise Missing("the EHR does not have it (404)")

    clinic.ehr.create = unknown
    clinic.enrol()
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert clinic.last.reason == "This EHR does not take care plans. The plan is kept in the app."


async def test_an_ehr_that_does_not_say_what_it_offers_is_tried() -> None:
    clinic = Clinic()
    clinic.ehr.fault_of = lambda operation: Fault.FORBIDDEN if operation == "offer" else None
    clinic.sign(clinic.enrol())
    await clinic.drain()
    assert [message.state for message in clinic.messages()] == [DELIVERED, DELIVERED]


async def test_an_attempt_that_never_ends_is_ended_before_its_lease() -> None:
    import anyio

    clinic, course = await enrolled(limits=replace(LIMITS, attempt=0.05))
    clinic.sign(course)

    async def hanging(_bundle: bytes) -> Json:
        await anyio.sleep(5)
        raise AssertionError

    clinic.ehr.transaction = hanging  # type: ignore[method-assign]  # never answers
    await clinic.once()
    assert clinic.last.state is UNKNOWN
    assert Limits().attempt < Limits().lease


async def test_a_message_that_kills_the_app_is_set_aside_and_others_flow() -> None:
    clinic = Clinic()
    clinic.enrol(1)
    clinic.enrol(2)
    poison = clinic.messages()[0]

    def fault(operation: str) -> Fault | None:
        under_way = {message.id for message in clinic.messages() if message.state is MessageState.SENDING}
        return Fault.KILLED if operation == "offer" and under_way == {poison.id} else None

    clinic.ehr.fault_of = fault
    await clinic.drain()
    first, second = clinic.messages()
    assert second.state is DELIVERED
    assert first.state is MANUAL
    assert first.attempts == 5


# Updates of the CarePlan


async def test_an_update_shows_the_latest_progress_and_the_sessions() -> None:
    clinic, course = await enrolled()
    session = clinic.sign(course)
    planned = clinic.courses[course].planned
    counted = (planned[0], replace(planned[1], session=session.id), planned[2])
    clinic.progress(course, planned=counted, counted=2)
    clinic.courses[course] = replace(clinic.courses[course], status=CourseStatus.ON_HOLD)  # later still
    await clinic.drain()
    (plan,), (procedure,) = clinic.ehr.held("CarePlan"), clinic.ehr.held("Procedure")
    assert plan["status"] == "on-hold"
    outcomes = [part.get("outcomeReference", [{}])[0].get("reference") for part in plan["activity"]]
    assert outcomes[1] == f"Procedure/{procedure['id']}"
    assert _counted(clinic) == 2


async def test_edits_of_others_survive_and_are_merged_when_they_are_quicker() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    edits = iter(range(3))

    def somebody(ehr: ScriptedEhr) -> None:
        if (number := next(edits, None)) is not None:
            plan = ehr.resources["CarePlan/1"]
            ehr.put({**plan, "note": [*plan.get("note", []), {"text": f"edit {number}"}]})

    clinic.ehr.between = somebody
    await clinic.once()
    (plan,) = clinic.ehr.held("CarePlan")
    assert clinic.last.state is DELIVERED
    assert [note["text"] for note in plan["note"]] == ["edit 0", "edit 1", "edit 2"]
    assert _counted(clinic) == 2


async def test_endless_edits_of_others_are_a_conflict() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    clinic.ehr.between = lambda ehr: ehr.put(ehr.resources["CarePlan/1"]) and None
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert clinic.ehr.asked.count("update") == 5
    assert _counted(clinic) == 1


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.FAILED_BEFORE, Fault.LATE, Fault.LOGIN_PAGE])
async def test_an_update_with_unknown_outcome_is_read_before_it_is_repeated(fault: Fault) -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    clinic.ehr.fault_of = once(fault, of="update")
    await clinic.once()
    assert clinic.last.state is UNKNOWN
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert _counted(clinic) == 2
    assert clinic.ehr.asked.count("update") == (2 if fault is Fault.FAILED_BEFORE else 1)


async def test_a_plan_of_another_patient_is_not_touched() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    clinic.ehr.resources["CarePlan/1"]["subject"] = {"reference": "Patient/somebody"}
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert "update" not in clinic.ehr.asked


async def test_a_plan_that_somebody_deleted_is_a_conflict() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    del clinic.ehr.resources["CarePlan/1"]
    await clinic.once()
    assert clinic.last.state is CONFLICT


async def test_an_update_waits_for_the_care_plan() -> None:
    clinic, course = await enrolled()
    clinic.work.kept.courses[course] = replace(clinic.work.kept.courses[course], care_plan=None)
    clinic.progress(course, counted=2)
    await clinic.once()
    assert clinic.last.state is RETRY_AT


async def test_a_plan_without_a_version_is_not_overwritten() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, counted=2)
    honest = clinic.ehr.read

    async def read(reference: str) -> Any:
        received = await honest(reference)
        return replace(received, etag=None, resource={**received.resource, "meta": {}})

    clinic.ehr.read = read
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert "update" not in clinic.ehr.asked


async def test_an_ehr_that_cannot_hold_the_status_of_a_plan_is_a_conflict() -> None:
    clinic, course = await enrolled()
    clinic.ehr.edit = lambda resource: resource.update(status="active")
    clinic.progress(course, status=CourseStatus.COMPLETED)
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert "CarePlan.status" in clinic.last.reason


async def test_what_cannot_be_written_as_fhir_is_for_a_person() -> None:
    clinic, course = await enrolled()
    clinic.progress(course, ended=clinic.courses[course].enrolled_at.date() - timedelta(days=9))
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert "course.ended" in clinic.last.reason


# Sessions entered in error


async def retracted(clinic: Clinic, course: str) -> None:
    session = clinic.sign(course)
    await clinic.drain()
    clinic.retract(session)


def statuses(clinic: Clinic) -> set[str]:
    kinds = ("Procedure", "MedicationAdministration", "Observation")
    return {one["status"] for kind in kinds for one in clinic.ehr.held(kind)}


async def test_a_retracted_session_is_marked_and_not_deleted() -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    before = len(clinic.ehr.resources)
    await clinic.once()
    assert clinic.last.state is DELIVERED
    assert statuses(clinic) == {"entered-in-error"}
    assert len(clinic.ehr.resources) == before
    note = clinic.ehr.held("Procedure")[0]["note"][-1]
    assert "wrong patient" in note["text"]
    assert note["authorReference"]["display"] == "Ben Iyer"  # who took it back, not who signed


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.FAILED_BEFORE, Fault.CONFLICT, Fault.NOT_REACHED])
async def test_a_retraction_is_repeated_until_it_reads_as_marked(fault: Fault) -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    clinic.ehr.fault_of = once(fault, of="transaction")
    await clinic.drain()
    assert clinic.last.state is DELIVERED
    assert statuses(clinic) == {"entered-in-error"}
    notes = clinic.ehr.held("Procedure")[0]["note"]
    assert sum("wrong patient" in note["text"] for note in notes) == 1


async def test_an_ehr_that_keeps_a_retracted_session_valid_is_a_conflict() -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    clinic.ehr.edit = lambda resource: resource.update(status="completed")
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert "still shows" in clinic.last.reason


async def test_what_somebody_deleted_needs_no_retraction() -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    (procedure,) = clinic.ehr.held("Procedure")
    del clinic.ehr.resources[f"Procedure/{procedure['id']}"]
    await clinic.once()
    assert clinic.last.state is DELIVERED
    assert "No longer in the EHR: Session 3 of 6" in clinic.last.reason


async def test_a_session_that_never_reached_the_ehr_needs_no_retraction() -> None:
    clinic, course = await enrolled()
    session = clinic.sign(course)
    del clinic.work.kept.queue[clinic.last.id]
    clinic.retract(session)
    await clinic.once()
    assert clinic.last.state is DELIVERED
    assert clinic.last.reason == "Nothing of it was written to the EHR."
    assert clinic.ehr.asked.count("transaction") == 0


async def test_a_retraction_without_a_reason_is_for_a_person() -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    kept = clinic.work.kept.sessions
    for session in list(kept.values()):
        kept[session.id] = replace(session, signed=replace(session.signed, reason=""))
    await clinic.once()
    assert clinic.last.state is MANUAL
    assert statuses(clinic) == {"completed", "final"}


async def test_a_record_of_another_patient_is_not_retracted() -> None:
    clinic, course = await enrolled()
    await retracted(clinic, course)
    (procedure,) = clinic.ehr.held("Procedure")
    procedure["subject"] = {"reference": "Patient/somebody"}
    await clinic.once()
    assert clinic.last.state is CONFLICT
    assert clinic.ehr.asked.count("transaction") == 1


# Everything at once

WRITE_FAULTS = (
    Fault.NOT_REACHED, Fault.FAILED_BEFORE, Fault.BUSY, Fault.SIGNED_OUT, Fault.CONFLICT,
    Fault.LATE, Fault.CUT, Fault.CUT, Fault.LOGIN_PAGE, Fault.NO_PLACES, Fault.KILLED,
)  # fmt: skip
READ_FAULTS = (Fault.NOT_REACHED, Fault.FAILED_BEFORE, Fault.BUSY, Fault.CUT, Fault.LOGIN_PAGE)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [20261120, 20261121, 20261122])
@pytest.mark.parametrize("keeps_conditions", [True, False], ids=["conditional", "blind to conditions"])
async def test_three_times_a_hundred_messages_through_faults(seed: int, keeps_conditions: bool) -> None:
    """40 % of the writes and 15 % of the reads fail: 0 lost, 0 doubled, each patient's order kept."""
    clinic = Clinic(seed=seed)
    clinic.ehr.keeps_conditions = keeps_conditions
    patients = [clinic.enrol(number) for number in range(100, 110)]
    for course in patients:
        first = clinic.sign(course)
        clinic.progress(course, counted=1)
        for counted in (2, 3):
            clinic.sign(course)
            clinic.progress(course, counted=counted)
        clinic.retract(first)
        clinic.progress(course, counted=2)
        clinic.sign(course)
    assert len(clinic.messages()) == 100

    def fault(operation: str) -> Fault | None:
        faults, share = (READ_FAULTS, 0.15) if operation in {"read", "search", "offer"} else (WRITE_FAULTS, 0.4)
        return clinic.random.choice(faults) if clinic.random.random() < share else None

    clinic.ehr.fault_of = fault
    await clinic.drain(relaunch=True)
    kinds = {kind: [message.state for message in clinic.messages(kind)] for kind in MessageKind}
    assert {state for states in kinds.values() for state in states} == {DELIVERED}
    for message in clinic.messages(MessageKind.SEND_SESSION) + clinic.messages(MessageKind.CREATE_CARE_PLAN):
        assert exactly_once(clinic, message)
    assert len(clinic.ehr.resources) == 10 + 40 * 7
    for course in patients:
        mine = [message for message in clinic.messages() if message.course == course]
        _assert_in_order(clinic, mine)
    assert {_count_of(plan) for plan in clinic.ehr.held("CarePlan")} == {2}
    marked = [one for one in clinic.ehr.held("Procedure") if one["status"] == "entered-in-error"]
    assert len(marked) == 10


def _assert_in_order(clinic: Clinic, messages: list[OutboxMessage]) -> None:
    sendings = [m for m in messages if m.kind in {MessageKind.CREATE_CARE_PLAN, MessageKind.SEND_SESSION}]
    places = [clinic.ehr.taken.index(message.items[0].value) for message in sendings]
    assert places == sorted(places)


def _count_of(plan: Json) -> int:
    counts = {part["url"]: part["valueUnsignedInt"] for part in plan["extension"][0]["extension"]}
    return int(counts["counted"])


def test_the_names_of_final_states_are_those_of_the_records() -> None:
    assert {state for state in MessageState if state.final} == FINAL
    assert issubclass(Killed, Exception)
