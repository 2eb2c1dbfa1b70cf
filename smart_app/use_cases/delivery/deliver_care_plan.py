"""The course as a CarePlan in the EHR: created once, then kept up to date beside what others wrote into it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from fhir_mappings.facts.programme import TreatmentCourse
from fhir_mappings.wire import decode
from fhir_mappings.writing.care_plan import care_plan, goalless, travelling, update
from fhir_mappings.writing.read_back import differences
from fhir_mappings.writing.transaction import if_none_exist
from smart_app.use_cases.delivery.delivery import Delivery, goes_without_plan, is_ours, sent_procedures
from smart_app.use_cases.delivery.delivery_losses import is_grave, verdict_on
from smart_app.use_cases.delivery.delivery_verdict import NO_CARE_PLANS, NO_GOALS, NO_PROGRESS, Verdict, decided
from smart_app.use_cases.errors import Conflict, Missing, Rejected
from smart_app.use_cases.records import Json, MessageState, Received

_CHANGED: Final = "The care plan in the EHR keeps being changed by others. Look at it there, then try again."
_GONE: Final = "The care plan is no longer in the EHR."
_NO_VERSION: Final = "The EHR gives its care plan no version, so it cannot be changed without risk to others' edits."
_FOREIGN: Final = "What the EHR shows as the care plan is not this course: another identifier or patient."


async def create_care_plan(delivery: Delivery) -> Verdict:
    """Conditional create, after a look whether an earlier sending arrived; read back before it counts."""
    offer = await delivery.offer()
    if offer is not None and "CarePlan" not in offer.creatable:
        return Verdict(state=MessageState.MANUAL, words=NO_CARE_PLANS)
    message = delivery.message
    (item,) = message.items
    course = await delivery.progress()
    written = care_plan(course, delivery.instance, procedures={})
    body = message.sent.encode() if message.sent else travelling(written, message.fhir_base)
    expected = decode(body)
    if message.sent and item.value not in delivery.told:
        await _find(delivery, expected)
    if item.value not in delivery.told:
        try:
            received, body = await _create(delivery, body, if_none_exist(written))
        except Missing:
            return Verdict(state=MessageState.MANUAL, words=NO_CARE_PLANS)
        expected = decode(body)
        if reference := _told(received):
            delivery.told[item.value] = reference
        else:
            await _find(delivery, expected)
    if item.value not in delivery.told:
        return Verdict(state=MessageState.UNKNOWN, words="The EHR's answer does not tell where the care plan is.")
    losses = await delivery.read_back(item, expected)
    delivery.in_doubt = False
    note = NO_GOALS if course.goals and goalless(body) is None else ""
    return verdict_on(losses, care_plan=delivery.told[item.value], note=note)


async def _create(delivery: Delivery, body: bytes, condition: str) -> tuple[Received, bytes]:
    """The answer and the bytes that were taken: where the EHR refuses the plan with its goals, those without them."""

    async def send(plan: bytes) -> tuple[Received, bytes]:
        request = partial(delivery.ehr.create, "CarePlan", plan, if_none_exist=condition)
        return await delivery.write(plan.decode(), request), plan

    try:
        return await send(body)
    except Rejected:
        rest = goalless(body)
        if rest is None:
            raise
        try:
            return await send(rest)
        except Rejected:
            await delivery.keep_sent(body.decode())  # the goals were not what it refused
        raise


async def _find(delivery: Delivery, expected: Json) -> None:
    (item,) = delivery.message.items
    reference = await delivery.find(item, expected)
    if reference:
        delivery.told[item.value] = reference
    else:
        delivery.in_doubt = False


def _told(received: Received) -> str | None:
    held = received.resource or {}
    reference = received.location or (f"CarePlan/{held['id']}" if "id" in held else None)
    return reference if reference and reference.startswith("CarePlan/") else None


async def update_care_plan(delivery: Delivery) -> Verdict:
    """Read, merge the latest progress into what is there, write that version back; again when others were quicker.

    Nothing has to be looked up after an unknown outcome: what is read shows whether it happened.
    """
    reference = (await delivery.course()).care_plan
    if reference is None and goes_without_plan(await delivery.messages()):
        return Verdict(state=MessageState.MANUAL, words=NO_PROGRESS)
    if reference is None:
        return Verdict(state=MessageState.RETRY_AT, words="Waits until the care plan is written.")
    (item,) = delivery.message.items
    delivery.told[item.value] = reference
    progress, procedures = await delivery.progress(), sent_procedures(await delivery.messages())
    losses: list[str] = []
    note = ""
    for _ in range(delivery.limits.rebuilds):
        try:
            losses, note = await _bring_up_to_date(delivery, reference, progress, procedures)
        except Conflict:
            continue
        except Missing:
            return Verdict(state=MessageState.CONFLICT, words=_GONE)
        if not any(map(is_grave, losses)):
            return verdict_on(losses, note=note)
    return verdict_on(losses, note=note) if losses else Verdict(state=MessageState.CONFLICT, words=_CHANGED)


async def _bring_up_to_date(
    delivery: Delivery, reference: str, progress: TreatmentCourse, procedures: Mapping[str, str]
) -> tuple[list[str], str]:
    """What the EHR keeps differently after the update, and what it was sent without, in words."""
    try:
        return await _updated(delivery, reference, progress, procedures, goals=True), ""
    except Rejected:
        if not progress.goals:
            raise
        try:
            return await _updated(delivery, reference, progress, procedures, goals=False), NO_GOALS
        except Rejected:
            pass  # the goals were not what it refused
        raise


async def _updated(
    delivery: Delivery, reference: str, progress: TreatmentCourse, procedures: Mapping[str, str], *, goals: bool
) -> list[str]:
    def merged(current: Json) -> bytes:
        base = delivery.message.fhir_base
        return update(current, progress, delivery.instance, fhir_base=base, procedures=procedures, goals=goals)

    current = await _current(delivery, reference, progress)
    body = merged(current.resource or {})
    if not _unlike(current.resource or {}, decode(body)):
        delivery.in_doubt = False
        return []
    version = _if_match(current)
    await delivery.write(body.decode(), lambda: delivery.ehr.update(reference, body, if_match=version))
    after = (await _current(delivery, reference, progress)).resource or {}
    delivery.in_doubt = False
    return _unlike(after, decode(merged(after)))


async def _current(delivery: Delivery, reference: str, progress: TreatmentCourse) -> Received:
    received = await delivery.ehr.read(reference)
    ours = decode(care_plan(progress, delivery.instance, procedures={}).body)
    if not is_ours(ours, received.resource or {}):
        raise decided(MessageState.CONFLICT, _FOREIGN)
    return received


def _unlike(current: Json, wanted: Json) -> list[str]:
    """Both ways: what is missing in the EHR, and what of ours should no longer be there."""
    return [*differences(wanted, current), *differences(current, wanted)]


def _if_match(received: Received) -> str:
    version = (received.resource or {}).get("meta", {}).get("versionId")
    etag = received.etag or (f'W/"{version}"' if version else None)
    if etag is None:
        raise decided(MessageState.MANUAL, _NO_VERSION)
    return etag
