"""Transactions and batches: entries are judged one by one (R4 3.1.0.11; SMART App Launch 2.2, batches)."""

from __future__ import annotations

from typing import Any

from smart_app.sandbox.gate.access import Access
from smart_app.sandbox.gate.interactions import Interaction, parse_entry, refused
from smart_app.sandbox.gate.judge import Judge
from smart_app.sandbox.gate.replies import looked_over
from smart_app.sandbox.gate.upstream import Reply, call
from smart_app.sandbox.outcome import RefusedError
from smart_app.sandbox.store import ClinicalStore

REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
}


class Bundles:
    """A transaction is refused whole for one bad entry; a batch answers each entry for itself."""

    def __init__(self, base: str, store: ClinicalStore, judge: Judge) -> None:
        self._base, self._store, self._judge = base, store, judge

    async def carry_out(self, bundle: Any, access: Access, prefer: str | None) -> Reply:
        kind = bundle.get("type") if isinstance(bundle, dict) else None
        entries = bundle.get("entry", []) if isinstance(bundle, dict) else None
        if kind not in ("transaction", "batch") or not isinstance(entries, list):
            raise refused(400, "invalid", "Only a transaction or batch Bundle may be posted here.")
        _no_conditional_references(entries)
        judged = [self._judged(entry, access, _beside(entries, kind)) for entry in entries]
        if kind == "transaction":
            for one in judged:
                if isinstance(one, RefusedError):
                    raise one
        passed = [
            _as_permitted(entry, one)
            for entry, one in zip(entries, judged, strict=True)
            if isinstance(one, Interaction)
        ]
        headers = {"prefer": prefer} if prefer else {}
        reply = await call(
            self._store.app, method="POST", url="/fhir", headers=headers, body={**bundle, "entry": passed}
        )
        if reply.status >= 400 or reply.body is None:
            return reply
        answers = iter(reply.body.get("entry", []))
        shown = [
            _refusal(one) if isinstance(one, RefusedError) else _shown(next(answers), one, access) for one in judged
        ]
        return Reply(status=reply.status, headers=reply.headers, body={**reply.body, "entry": shown})

    def _judged(self, entry: Any, access: Access, beside: frozenset[str]) -> Interaction | RefusedError:
        try:
            return self._judge.permit(parse_entry(entry, self._base), access, beside)
        except RefusedError as refusal:
            return refusal


def _beside(entries: list[Any], kind: str) -> frozenset[str]:
    """fullUrls of resources that this very transaction creates and that are judged by themselves."""
    if kind == "batch":
        return frozenset()
    return frozenset(
        str(one["fullUrl"])
        for one in entries
        if isinstance(one, dict)
        and str(one.get("fullUrl", "")).startswith("urn:uuid:")
        and isinstance(one.get("resource"), dict)
    )


def _no_conditional_references(node: Any) -> None:
    """A reference that is a search would look into other charts."""
    if isinstance(node, dict):
        if "?" in str(node.get("reference", "")):
            raise refused(400, "not-supported", "This EHR does not resolve conditional references.")
        for value in node.values():
            _no_conditional_references(value)
    elif isinstance(node, list):
        for value in node:
            _no_conditional_references(value)


def _as_permitted(entry: dict[str, Any], permitted: Interaction) -> dict[str, Any]:
    request = dict(entry["request"])
    request["url"] = permitted.url
    if permitted.if_none_exist:
        request["ifNoneExist"] = permitted.if_none_exist
    return {**entry, "request": request}


def _refusal(refusal: RefusedError) -> dict[str, Any]:
    status = f"{refusal.status} {REASONS.get(refusal.status, 'Refused')}"
    return {"response": {"status": status, "outcome": refusal.outcome()}}


def _shown(answer: dict[str, Any], done: Interaction, access: Access) -> dict[str, Any]:
    resource = answer.get("resource")
    if resource is None:
        return answer
    try:
        seen = looked_over(Reply(status=200, headers={}, body=resource), done, access)
    except RefusedError as refusal:
        return _refusal(refusal)
    return {**answer, "resource": seen.body}
