"""A session or score that was written and then found wrong, taken back in the EHR: marked, never deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.wire import decode
from fhir_mappings.writing.retraction import is_retracted, retraction
from smart_app.use_cases.delivery.delivery import Delivery, is_ours
from smart_app.use_cases.delivery.delivery_verdict import Verdict, decided
from smart_app.use_cases.errors import Conflict, Missing
from smart_app.use_cases.outcomes.score_messages import written_as
from smart_app.use_cases.outcomes.scores import struck_out
from smart_app.use_cases.ports import Work
from smart_app.use_cases.records import CareKind, Json, MessageItem, MessageKind, MessageState, OutboxMessage
from smart_app.use_cases.sent import left_out_of, sendings, sent_items
from smart_app.use_cases.session.two_writers import BY

_TYPES: Final = frozenset(
    {
        "Procedure",
        "MedicationAdministration",
        "MedicationStatement",
        "Observation",
        "QuestionnaireResponse",
        "AdverseEvent",
    }
)
_NEVER_WRITTEN: Final = "Nothing of it was written to the EHR."
_UNCHANGED: Final = "The EHR still shows this as valid. Correct it there."
_NO_REASON: Final = "The app does not find why this was entered in error."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    reason: str
    at: datetime
    by: Clinician


async def retract_session(delivery: Delivery) -> Verdict:
    sent = sendings(await delivery.messages(), delivery.message.session)
    return await _retract(delivery, sent, _of_session)


async def retract_score(delivery: Delivery) -> Verdict:
    """A questionnaire that was struck out."""
    sent = await _sendings(delivery, MessageKind.SEND_SCORE)
    return await _retract(delivery, sent, _of_score)


async def retract_statement(delivery: Delivery) -> Verdict:
    """What the patient said of doses taken alone, and that was struck out."""
    sent = await _sendings(delivery, MessageKind.SEND_STATEMENT)
    return await _retract(delivery, sent, _of_statement)


async def _retract(
    delivery: Delivery, sent: Sequence[OutboxMessage], reason_of: Callable[[Work, OutboxMessage], _Why]
) -> Verdict:
    """Mark what the EHR holds now, in the versions that were read, until all of it reads as marked."""
    if any(not one.state.final for one in sent):
        return Verdict(state=MessageState.RETRY_AT, words="Waits until it is written.")
    items = [item for known in sent_items(sent).values() for item in _newest(known) if item.resource_type in _TYPES]
    await delivery.leave_out(left_out_of(sent))
    if not items:
        return Verdict(state=MessageState.DELIVERED, words=_NEVER_WRITTEN)
    delivery.told.update({item.value: item.reference or "" for item in items})
    why = await delivery.read_from_store(lambda work: reason_of(work, delivery.message))
    for _ in range(delivery.limits.rebuilds):
        valid, gone = await _still_valid(delivery, items)
        if not valid:
            delivery.in_doubt = False
            return Verdict(state=MessageState.DELIVERED, words=_gone_words(gone))
        bundle = retraction(valid, why.reason, why.at, why.by)
        try:
            await _send(delivery, bundle)
        except Conflict:
            continue
    valid, gone = await _still_valid(delivery, items)
    if valid:
        return Verdict(state=MessageState.CONFLICT, words=_UNCHANGED)
    return Verdict(state=MessageState.DELIVERED, words=_gone_words(gone))


async def _send(delivery: Delivery, bundle: bytes) -> None:
    await delivery.write(bundle.decode(), lambda: delivery.ehr.transaction(bundle))


def _newest(known: Sequence[MessageItem]) -> list[MessageItem]:
    """A resource as it was sent last, with where the EHR holds it; none where that was never told."""
    reference = next((item.reference for item in reversed(known) if item.reference), None)
    return [replace(known[-1], reference=reference)] if reference else []


async def _sendings(delivery: Delivery, kind: MessageKind) -> list[OutboxMessage]:
    """By the identifiers of what was sent: neither a score nor a statement has a column of its own."""
    names = {item.value for item in delivery.message.items}
    return [
        one for one in await delivery.messages() if one.kind is kind and names & {item.value for item in one.items}
    ]


async def _still_valid(delivery: Delivery, items: list[MessageItem]) -> tuple[list[Json], list[str]]:
    """What is not yet marked, and the labels of what somebody deleted."""
    valid, gone = [], []
    for item in items:
        try:
            resource = (await delivery.ehr.read(item.reference or "")).resource or {}
        except Missing:
            gone.append(item.label)
            continue
        if not is_ours(decode(item.body), resource):
            words = f"What the EHR shows for {item.label} is not what was sent: another identifier or patient."
            raise decided(MessageState.CONFLICT, words)
        if not is_retracted(resource):
            valid.append(resource)
    return valid, gone


def _gone_words(gone: list[str]) -> str:
    return f"No longer in the EHR: {', '.join(gone)}." if gone else ""


def _of_session(work: Work, message: OutboxMessage) -> _Why:
    with work() as uow:
        session = uow.sessions.get(message.session) if message.session else None
    signed = session.signed if session else None
    if session is None or signed is None or not signed.reason or signed.entered_in_error_at is None:
        raise decided(MessageState.MANUAL, _NO_REASON)
    author = session.fields.get(BY + "error.reason")
    by = next((each for each in session.authors if each.reference == author), signed.signature.by)
    return _Why(reason=signed.reason, at=signed.entered_in_error_at, by=by)


def _of_score(work: Work, message: OutboxMessage) -> _Why:
    names = {item.value for item in message.items}
    with work() as uow:
        struck = struck_out(uow.scores.decisions(message.patient))
    found = next((each for each in struck.values() if names & set(written_as(each.about))), None)
    if found is None:
        raise decided(MessageState.MANUAL, _NO_REASON)
    return _Why(reason=found.reason, at=found.at, by=found.by)


def _of_statement(work: Work, message: OutboxMessage) -> _Why:
    names = {item.value for item in message.items}
    with work() as uow:
        entries = uow.care.of_patient(message.patient)
    found = next((each for each in entries if each.kind is CareKind.STRIKE and each.about in names), None)
    if found is None:
        raise decided(MessageState.MANUAL, _NO_REASON)
    return _Why(reason=found.fields["reason"], at=found.at, by=found.by)
