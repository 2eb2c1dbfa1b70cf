"""A session that was written and then entered in error, taken back in the EHR: marked, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fhir_mappings.facts.treatment import Clinician
from fhir_mappings.wire import decode
from fhir_mappings.writing.retraction import retraction
from smart_app.use_cases.delivery import Delivery, is_ours
from smart_app.use_cases.delivery_verdict import Verdict, decided
from smart_app.use_cases.errors import Conflict, Missing
from smart_app.use_cases.ports import Work
from smart_app.use_cases.records import Json, MessageItem, MessageState, OutboxMessage
from smart_app.use_cases.sent import sendings, sent_items
from smart_app.use_cases.two_writers import BY

_TYPES: Final = frozenset({"Procedure", "MedicationAdministration", "Observation"})
_RETRACTED: Final = "entered-in-error"
_NEVER_WRITTEN: Final = "Nothing of this session was written to the EHR."
_UNCHANGED: Final = "The EHR still shows this session as valid. Correct it there."
_NO_REASON: Final = "The app does not find why this session was entered in error."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    reason: str
    at: datetime
    by: Clinician


async def retract_session(delivery: Delivery) -> Verdict:
    """Mark what the EHR holds now, in the versions that were read, until all of it reads as marked."""
    sent = sendings(await delivery.messages(), delivery.message.session)
    if any(not one.state.final for one in sent):
        return Verdict(state=MessageState.RETRY_AT, words="Waits until the session is written.")
    items = [item for known in sent_items(sent).values() for item in _newest(known) if item.resource_type in _TYPES]
    if not items:
        return Verdict(state=MessageState.DELIVERED, words=_NEVER_WRITTEN)
    delivery.told.update({item.value: item.reference or "" for item in items})
    why = await delivery.read_from_store(lambda work: _why(work, delivery.message))
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
        if resource.get("status") != _RETRACTED:
            valid.append(resource)
    return valid, gone


def _gone_words(gone: list[str]) -> str:
    return f"No longer in the EHR: {', '.join(gone)}." if gone else ""


def _why(work: Work, message: OutboxMessage) -> _Why:
    with work() as uow:
        session = uow.sessions.get(message.session) if message.session else None
    signed = session.signed if session else None
    if session is None or signed is None or not signed.reason or signed.entered_in_error_at is None:
        raise decided(MessageState.MANUAL, _NO_REASON)
    author = session.fields.get(BY + "error.reason")
    by = next((each for each in session.authors if each.reference == author), signed.signature.by)
    return _Why(reason=signed.reason, at=signed.entered_in_error_at, by=by)
