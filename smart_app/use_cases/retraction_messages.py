"""Outbox messages that take back what another one sent, when an entry is struck out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from smart_app.use_cases.records import Caller, MessageKind, OutboxMessage

_BACK: Mapping[MessageKind, MessageKind] = MappingProxyType(
    {
        MessageKind.SEND_SCORE: MessageKind.RETRACT_SCORE,
        MessageKind.SEND_STATEMENT: MessageKind.RETRACT_STATEMENT,
    }
)


def retraction(
    names: AbstractSet[str], messages: Sequence[OutboxMessage], caller: Caller, now: datetime, message_id: str
) -> OutboxMessage | None:
    """Of the message that sent one of `names` (identifier values of one entry); None: nothing of it was to be sent.

    Provenance stays as it is, and what was left out has nothing to mark.
    """
    sent = next((m for m in messages if m.kind in _BACK and names & {item.value for item in m.items}), None)
    if sent is None:
        return None
    clinical = [item for item in sent.items if item.resource_type != "Provenance"]
    written = [item for item in clinical if not item.left_out]
    return OutboxMessage(
        id=message_id,
        kind=_BACK[sent.kind],
        ehr=sent.ehr,
        fhir_base=sent.fhir_base,
        patient=sent.patient,
        launch=caller.launch,
        course=sent.course,
        session=None,
        items=tuple(replace(item, body="") for item in written or clinical),
        created=now,
        due=now,
    )
