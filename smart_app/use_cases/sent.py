"""What the outbox has sent of a session: its first version and its amendments, resource by resource."""

from __future__ import annotations

from collections.abc import Iterable

from smart_app.use_cases.records import MessageItem, MessageKind, OutboxMessage

SENDING = frozenset({MessageKind.SEND_SESSION, MessageKind.AMEND_SESSION})


def sendings(messages: Iterable[OutboxMessage], session_id: str | None) -> list[OutboxMessage]:
    """The messages that carry versions of a session, oldest first."""
    return [one for one in messages if one.kind in SENDING and one.session == session_id]


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
