"""What comes back: whatever the token may not see is taken out (R4 3.1.1.1, SMART App Launch 2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from smart_app.sandbox.gate.access import Access
from smart_app.sandbox.gate.interactions import Interaction
from smart_app.sandbox.gate.judge import outside_scope
from smart_app.sandbox.gate.offer import OFFERED
from smart_app.sandbox.gate.upstream import Reply


def looked_over(reply: Reply, done: Interaction, access: Access) -> Reply:
    """The reply without entries outside the token's reach; a single resource outside it is refused."""
    body = reply.body
    if body is None or body.get("resourceType") == "OperationOutcome":
        return reply
    if body.get("resourceType") == "Bundle" and done.letter in "rs":
        return replace(reply, body=_without_others(body, done, access))
    visible = access.shows(body) if done.letter == "r" else access.admits(body, done.letter)
    if not visible:
        raise outside_scope("The resource is outside the token's scope or patient.")
    return reply


def _without_others(bundle: dict[str, Any], done: Interaction, access: Access) -> dict[str, Any]:
    entries = bundle.get("entry", [])
    kept = [one for one in entries if _may_stay(one, done, access)]
    shown = {name: value for name, value in bundle.items() if name != "entry"}
    if kept:
        shown["entry"] = kept
    # A count is told only where the search itself was narrowed to what the token may see.
    by_entry = OFFERED[done.type].patient == "target"
    if len(kept) < len(entries) or (by_entry and access.bound(done.type, "s")):
        shown.pop("total", None)
    return shown


def _may_stay(entry: dict[str, Any], done: Interaction, access: Access) -> bool:
    resource = entry.get("resource")
    if resource is None:
        return done.kind == "history-instance"  # a deletion of the very resource that was asked for
    if resource["resourceType"] == "OperationOutcome":
        return True
    return access.shows(resource)
