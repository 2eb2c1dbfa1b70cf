"""A signed session or a questionnaire as one transaction of conditional creates, and read back (FHIR R4 http)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from fhir_mappings.wire import NotFhirJson, decode
from fhir_mappings.writing.instance import urn
from fhir_mappings.writing.transaction import transaction, travelling
from smart_app.use_cases.delivery.delivery import Delivery, goes_without_plan
from smart_app.use_cases.delivery.delivery_losses import verdict_on
from smart_app.use_cases.delivery.delivery_verdict import NO_SCORES, NO_SESSIONS, NO_STATEMENTS, NOT_LINKED, Verdict
from smart_app.use_cases.delivery.left_out import PARTS
from smart_app.use_cases.errors import Forbidden, Missing, Rejected
from smart_app.use_cases.records import Json, MessageItem, MessageState
from smart_app.use_cases.signing.signed_session import as_written

_Links = dict[str, str | None]  # identifier value -> "CarePlan/12"; None: the EHR does not take it
_REFERENCE: Final = re.compile(r"(?:^|.*/)([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?/?")


async def deliver_session(delivery: Delivery) -> Verdict:
    return await _deliver(delivery, NO_SESSIONS)


async def deliver_score(delivery: Delivery) -> Verdict:
    """A questionnaire, the same way. It belongs to a course or to none."""
    return await _deliver(delivery, NO_SCORES)


async def deliver_statement(delivery: Delivery) -> Verdict:
    """What a patient said of doses taken alone, the same way."""
    return await _deliver(delivery, NO_STATEMENTS)


async def _deliver(delivery: Delivery, untaken: str) -> Verdict:
    """Look first if it may be there already; send what is not; read all of it back."""
    message = delivery.message
    offer = await delivery.offer()
    if offer is not None and not offer.transaction:
        return Verdict(state=MessageState.MANUAL, words=untaken)
    known: _Links = {}
    if message.course:
        care_plan = (await delivery.course()).care_plan
        if care_plan is None and not goes_without_plan(await delivery.messages()):
            return Verdict(state=MessageState.RETRY_AT, words="Waits until the care plan is written.")
        known[message.course] = _linked_plan(message.sent, care_plan)
    await delivery.leave_out_untaken(offer)
    if all(item.resource_type == "Provenance" for item in delivery.items):  # of nothing
        await delivery.leave_out({item.value for item in delivery.message.items})
        return Verdict(state=MessageState.MANUAL, words=untaken)
    known |= dict.fromkeys(delivery.left_out)
    if message.sent is not None:
        await _find_missing(delivery, known)
        delivery.in_doubt = bool(delivery.told)
    if _missing(delivery):
        ended = await _send_what_is_taken(delivery, known, untaken)
        if ended:
            return ended
        known |= dict.fromkeys(delivery.left_out)
    return await _read_back(delivery, known)


def _linked_plan(sent: str | None, care_plan: str | None) -> str | None:
    """What was sent without the plan stays so, though the plan was taken since: the bytes of a record are frozen."""
    return care_plan if care_plan is None or sent is None or f'"{care_plan}"' in sent else None


def _missing(delivery: Delivery) -> list[MessageItem]:
    return [item for item in delivery.items if item.value not in delivery.told]


async def _send_what_is_taken(delivery: Delivery, known: _Links, untaken: str) -> Verdict | None:
    """Where the EHR refuses it all again: without one type that may be left out, then without all of them.

    One refusal proves nothing of a part and is a person's to look at. What was refused was not kept, so other bytes
    may follow. When nothing helps, all of it is offered again.
    """
    try:
        return await _send(delivery, known, untaken)
    except (Rejected, Forbidden):
        message, before = delivery.message, delivery.left_out
        if message.sent is None:
            raise
        for types in _left_out_in_turn(delivery):
            await delivery.leave_out(before | {i.value for i in message.items if i.resource_type in types})
            try:
                return await _send(delivery, known | dict.fromkeys(delivery.left_out), untaken)
            except (Rejected, Forbidden):
                continue
        await delivery.leave_out(before)
        raise


def _left_out_in_turn(delivery: Delivery) -> list[frozenset[str]]:
    """Nothing is left out of what the EHR holds already, and a Provenance is not sent of nothing."""
    missing = {item.resource_type for item in _missing(delivery)}
    held = {item.resource_type for item in delivery.items} - missing
    parts = [kind for kind in reversed(PARTS) if kind in missing - held]
    turns = [frozenset({kind}) for kind in parts]
    turns += [frozenset(parts)] if len(parts) > 1 else []
    return [turn for turn in turns if (missing | held) - turn - {"Provenance"}]


async def _send(delivery: Delivery, known: _Links, untaken: str) -> Verdict | None:
    """None: the EHR has told where every resource is."""
    items = _missing(delivery)
    bundle = _bundle(delivery, items, known)
    try:
        answer = await delivery.write(bundle.decode(), lambda: delivery.ehr.transaction(bundle))
    except Missing:
        return Verdict(state=MessageState.MANUAL, words=untaken)
    refused = take_answer(delivery, items, answer)
    if refused:
        words = f"The EHR did not accept {', '.join(item.label for item in refused)}."
        return Verdict(state=MessageState.REJECTED, words=words)
    await _find_missing(delivery, known)
    if _missing(delivery):
        return Verdict(state=MessageState.UNKNOWN, words="The EHR's answer does not tell where everything is.")
    return None


def _bundle(delivery: Delivery, items: Sequence[MessageItem], known: _Links) -> bytes:
    """The same bytes at every sending; what an EHR that splits transactions holds already is left out."""
    sent = delivery.message.sent
    if sent is not None and len(items) == len(delivery.items) == _size(sent):
        return sent.encode()
    resources = [as_written(item) for item in items]
    return transaction(resources, fhir_base=delivery.message.fhir_base, known={**known, **delivery.told})


def _size(sent: str) -> int:
    try:
        return len(decode(sent).get("entry", []))
    except NotFhirJson:
        return 0


def take_answer(delivery: Delivery, items: Sequence[MessageItem], answer: Json) -> list[MessageItem]:
    """Keep the ids that were told; returns what was refused. Entries answer in the order they were sent in, but a
    place that names another type, or none, tells nothing."""
    entries = answer.get("entry")
    entries = entries if isinstance(entries, list) else []
    refused = []
    for item, entry in zip(items, entries, strict=False):
        response = entry.get("response") if isinstance(entry, dict) else None
        response = response if isinstance(response, dict) else {}
        if str(response.get("status", "2"))[:1] in {"4", "5"}:
            refused.append(item)
        elif len(entries) == len(items) and (reference := _told_reference(item, entry, response)):
            delivery.told[item.value] = reference
    return refused


def _told_reference(item: MessageItem, entry: Any, response: Json) -> str | None:
    located = _REFERENCE.fullmatch(str(response.get("location", "")))
    resource = entry.get("resource") if isinstance(entry, dict) else None
    held = f"{resource.get('resourceType')}/{resource.get('id')}" if isinstance(resource, dict) else ""
    reference = located[1] if located else held
    return reference if reference.startswith(f"{item.resource_type}/") else None


async def _find_missing(delivery: Delivery, known: _Links) -> None:
    for item in _missing(delivery):
        reference = await delivery.find(item, _travelling(delivery, item, known, told=False))
        if reference:
            delivery.told[item.value] = reference


async def _read_back(delivery: Delivery, known: _Links) -> Verdict:
    losses: list[str] = []
    for item in delivery.items:
        losses += await delivery.read_back(item, _travelling(delivery, item, known, told=True))
    delivery.in_doubt = False
    return verdict_on(losses, note="" if known.get(delivery.message.course, "") is not None else NOT_LINKED)


def _travelling(delivery: Delivery, item: MessageItem, known: _Links, *, told: bool) -> Json:
    """The resource as it should stand in the EHR; with `told`, its links name the EHR's own ids."""
    message = delivery.message
    links = {**known, **delivery.told} if told else known
    inside = () if told else _urns(delivery.items)
    return travelling(as_written(item), fhir_base=message.fhir_base, known=links, inside=inside)


def _urns(items: Sequence[MessageItem]) -> frozenset[str]:
    return frozenset(urn(item.system, item.value) for item in items)
