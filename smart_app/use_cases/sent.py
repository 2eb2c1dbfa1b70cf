"""What the outbox has sent: how it stands in the audit trail, and a session's versions resource by resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from smart_app.use_cases.records import MessageItem, MessageKind, MessageState, OutboxMessage

SENDING = frozenset({MessageKind.SEND_SESSION, MessageKind.AMEND_SESSION})

# How the end of an attempt stands in the audit trail.
AUDITED_AS: Mapping[MessageKind, str] = MappingProxyType(
    {
        MessageKind.CREATE_CARE_PLAN: "app:care-plan:create",
        MessageKind.SEND_SESSION: "app:session:deliver",
        MessageKind.UPDATE_CARE_PLAN: "app:care-plan:update",
        MessageKind.RETRACT_SESSION: "app:session:retract",
        MessageKind.AMEND_SESSION: "app:session:amend",
        MessageKind.COUNTERSIGN_SESSION: "app:session:countersign",
        MessageKind.SEND_SCORE: "app:score:deliver",
        MessageKind.RETRACT_SCORE: "app:score:retract",
        MessageKind.SEND_STATEMENT: "app:statement:deliver",
        MessageKind.RETRACT_STATEMENT: "app:statement:retract",
    }
)


def sendings(messages: Iterable[OutboxMessage], session_id: str | None) -> list[OutboxMessage]:
    """The messages that carry versions of a session, oldest first."""
    return [one for one in messages if one.kind in SENDING and one.session == session_id]


def replaced(message: OutboxMessage, messages: Iterable[OutboxMessage]) -> bool:
    """Whether it was not taken and a later version of the same record, or later progress of its plan, was."""
    if not message.state.final or message.state is MessageState.DELIVERED:
        return False
    return any(
        later.seq > message.seq and later.state is MessageState.DELIVERED and _same_record(message, later)
        for later in messages
    )


def _same_record(one: OutboxMessage, other: OutboxMessage) -> bool:
    if one.kind is MessageKind.UPDATE_CARE_PLAN:
        return (other.kind, other.course) == (one.kind, one.course)
    return one.kind in SENDING and other.kind in SENDING and other.session == one.session


def sent_items(messages: Iterable[OutboxMessage]) -> dict[str, list[MessageItem]]:
    """By identifier: every body that was sent, oldest first. What was taken out or left out adds nothing."""
    found: dict[str, list[MessageItem]] = {}
    for message in messages:
        for item in message.items:
            if item.body and not item.left_out:
                found.setdefault(item.value, []).append(item)
    return found


def left_out_of(messages: Iterable[OutboxMessage]) -> frozenset[str]:
    """By identifier: what was not sent, because the EHR did not offer to take it."""
    return frozenset(item.value for message in messages for item in message.items if item.left_out)
