"""A session's next version brought to the EHR: changed in place, added, taken out; never over others' edits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from fhir_mappings.facts.treatment import Signature
from fhir_mappings.wire import decode
from fhir_mappings.writing.amendment import Disputed, amended, amendment, taken_out
from fhir_mappings.writing.retraction import is_retracted
from fhir_mappings.writing.side_by_side import element_words
from smart_app.use_cases.delivery.deliver_session import take_answer
from smart_app.use_cases.delivery.delivery import Delivery, is_ours
from smart_app.use_cases.delivery.delivery_losses import verdict_on
from smart_app.use_cases.delivery.delivery_verdict import NO_SESSIONS, Verdict, decided
from smart_app.use_cases.errors import Conflict, Missing
from smart_app.use_cases.ports import Work
from smart_app.use_cases.records import Json, MessageItem, MessageState, OutboxMessage
from smart_app.use_cases.sent import left_out_of, sendings, sent_items
from smart_app.use_cases.signing.signed_session import as_written, links_of, standing

_Links = dict[str, str | None]
_History = dict[str, list[MessageItem]]  # by identifier, oldest first
_CHANGED: Final = "The session in the EHR keeps being changed by others. Look at it there, then try again."
_UNSENT: Final = "This session is not in the EHR, so its countersignature is kept in the app."
_UNTAKEN: Final = "This EHR does not take records of this kind. They are kept in the app."
_NO_RECORD: Final = "The app does not find the version of this message."


@dataclass(kw_only=True)
class _Plan:
    """What one look at the EHR showed to be done."""

    created: list[MessageItem] = field(default_factory=list)
    updated: list[Json] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.created and not self.updated


async def amend_session(delivery: Delivery) -> Verdict:
    """Look at what the EHR holds, change what has to change in those versions, and read all of it back."""
    message = delivery.message
    offer = await delivery.offer()
    if offer is not None and not offer.transaction:
        return Verdict(state=MessageState.MANUAL, words=NO_SESSIONS)
    earlier = [one for one in sendings(await delivery.messages(), message.session) if one.seq < message.seq]
    if any(not one.state.final for one in earlier):
        return Verdict(state=MessageState.RETRY_AT, words="Waits until the session is written.")
    history = sent_items(earlier)
    for value, items in history.items():
        reference = next((item.reference for item in reversed(items) if item.reference), None)
        if reference:
            delivery.told.setdefault(value, reference)
    before = left_out_of(earlier)
    await delivery.leave_out_untaken(offer, before)
    if not delivery.items:
        return Verdict(state=MessageState.MANUAL, words=_UNTAKEN)
    links: _Links = {message.course: (await delivery.course()).care_plan}
    links |= dict.fromkeys(before | delivery.left_out)
    if not _alone(message):
        await _find_missing(delivery, links, history)
    elif not any(value in delivery.told for value in history):
        return Verdict(state=MessageState.MANUAL, words=_UNSENT)
    else:
        links |= {value: None for value in _named(message) if value not in delivery.told}
    for _ in range(delivery.limits.rebuilds):
        plan = await _look(delivery, links, history)
        if plan.empty:
            return await _read_back(delivery, links, history)
        try:
            ended = await _send(delivery, plan, links)
        except Conflict:
            continue
        return ended or await _read_back(delivery, links, history)
    return Verdict(state=MessageState.CONFLICT, words=_CHANGED)


def _alone(message: OutboxMessage) -> bool:
    """A countersignature: a Provenance and nothing else."""
    return all(item.resource_type == "Provenance" for item in message.items)


def _named(message: OutboxMessage) -> set[str]:
    """What its resources link to, by identifier."""
    return {link["identifier"]["value"] for item in message.items for link in links_of(decode(item.body))}


async def _find_missing(delivery: Delivery, links: _Links, history: _History) -> None:
    """Where an earlier sending ended without telling what became of it, the EHR is asked before anything is sent."""
    for item in delivery.items:
        tried = delivery.message.sent is not None or item.value in history
        if item.value not in delivery.told and item.body and tried:
            reference = await delivery.find(item, _as_ours(delivery, item, links))
            if reference:
                delivery.told[item.value] = reference


async def _look(delivery: Delivery, links: _Links, history: _History) -> _Plan:
    plan, disputed = _Plan(), []
    for item in delivery.items:
        bodies = [each for each in history.get(item.value, ()) if each.body]
        if item.value not in delivery.told:
            if item.body:
                plan.created.append(item)
            continue
        if item.body and item.resource_type == "Provenance":
            continue  # nobody amends a signature
        current = await _current(delivery, item, item if item.body else bodies[-1])
        if current is None:
            continue
        if not item.body:
            signature = await delivery.read_from_store(lambda work: _signature(work, delivery.message))
            marked = taken_out(current, signature.at, signature.by)
            plan.updated += [marked] if marked else []
            continue
        before = [_as_ours(delivery, each, links) for each in bodies]
        try:
            made = amended(current, before, _as_ours(delivery, item, links))
        except Disputed as dispute:
            names = ", ".join(element_words(name).lower() for name in dispute.names)
            disputed.append(f"{item.label} ({names})")
            continue
        plan.updated += [made] if made else []
    if disputed:
        words = f"Somebody changed this in the EHR, and the app does not write over it: {'; '.join(disputed)}."
        raise decided(MessageState.CONFLICT, words)
    return plan


async def _current(delivery: Delivery, item: MessageItem, known_as: MessageItem) -> Json | None:
    """What the EHR holds; None: what was to be taken out is gone anyhow."""
    try:
        resource = (await delivery.ehr.read(delivery.told[item.value])).resource or {}
    except Missing:
        if not item.body:
            return None
        raise decided(MessageState.CONFLICT, f"{item.label} is no longer in the EHR.") from None
    if not is_ours(decode(known_as.body), resource):
        words = f"What the EHR shows for {item.label} is not what was sent: another identifier or patient."
        raise decided(MessageState.CONFLICT, words)
    return resource


async def _send(delivery: Delivery, plan: _Plan, links: _Links) -> Verdict | None:
    """None: the EHR has taken it and told where everything is."""
    known = {**links, **delivery.told}
    created = [as_written(item) for item in plan.created]
    bundle = amendment(created, plan.updated, fhir_base=delivery.message.fhir_base, known=known)
    try:
        answer = await delivery.write(bundle.decode(), lambda: delivery.ehr.transaction(bundle))
    except Missing:
        return Verdict(state=MessageState.MANUAL, words=NO_SESSIONS)
    refused = take_answer(delivery, plan.created, answer)
    if refused:
        words = f"The EHR did not accept {', '.join(item.label for item in refused)}."
        return Verdict(state=MessageState.REJECTED, words=words)
    for item in plan.created:
        if item.value not in delivery.told:
            reference = await delivery.find(item, _as_ours(delivery, item, links))
            if reference is None:
                return Verdict(
                    state=MessageState.UNKNOWN, words="The EHR's answer does not tell where everything is."
                )
            delivery.told[item.value] = reference
    return None


async def _read_back(delivery: Delivery, links: _Links, history: _History) -> Verdict:
    losses: list[str] = []
    for item in delivery.items:
        if item.body:
            losses += await delivery.read_back(item, _as_ours(delivery, item, links))
        elif item.value in delivery.told:
            resource = await _current(delivery, item, history[item.value][-1])
            losses += [] if resource is None or is_retracted(resource) else [_status(item)]
    delivery.in_doubt = False
    return verdict_on(losses)


def _status(item: MessageItem) -> str:
    return f"{item.resource_type}.status"


def _as_ours(delivery: Delivery, item: MessageItem, links: _Links) -> Json:
    known = {**links, **delivery.told}
    return standing(item, fhir_base=delivery.message.fhir_base, known=known)


def _signature(work: Work, message: OutboxMessage) -> Signature:
    """Who took something out of the record, and when."""
    with work() as uow:
        session = uow.sessions.get(message.session) if message.session else None
    if session is None or session.signed is None:
        raise decided(MessageState.MANUAL, _NO_RECORD)
    return session.signed.signature
