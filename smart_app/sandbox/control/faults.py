"""Faults that a test orders, and the layer that commits them before or after the real answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smart_app.sandbox.outcome import operation_outcome

_ACTION = re.compile(
    r"(?P<kind>status|status-after):(?P<status>[45]\d\d)|(?P<cut>drop|drop-after)|delay:(?P<seconds>\d+(\.\d+)?)"
)


class FaultError(Exception):
    """An order that is not understood."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """`left` counts down. `patient` None: whoever; else the patient of the request's token."""

    pattern: re.Pattern[str]
    method: str | None
    patient: str | None
    action: str
    left: int

    @property
    def after(self) -> bool:
        """Whether the store commits first."""
        return self.action.startswith(("drop-after", "status-after"))

    @property
    def status(self) -> int | None:
        """None: no answer but a cut connection, or only a delay."""
        match = _ACTION.fullmatch(self.action)
        return int(match["status"]) if match and match["status"] else None

    @property
    def seconds(self) -> float:
        match = _ACTION.fullmatch(self.action)
        return float(match["seconds"]) if match and match["seconds"] else 0.0


def fault_from(order: Any) -> Fault:
    """A fault from its JSON: {match: {method?, path_regex, patient?}, action, times?}."""
    match = order.get("match") if isinstance(order, dict) else None
    if not isinstance(match, dict) or not _ACTION.fullmatch(str(order.get("action", ""))):
        raise FaultError("match and a known action are needed")
    try:
        pattern = re.compile(str(match.get("path_regex", "")))
        times = int(order.get("times", 1))
    except (re.error, TypeError, ValueError) as error:
        raise FaultError(f"not usable: {error}") from error
    method = match.get("method")
    return Fault(
        pattern=pattern,
        method=str(method).upper() if method else None,
        patient=match.get("patient"),
        action=order["action"],
        left=times,
    )


@dataclass(slots=True)
class Faults:
    orders: list[Fault] = field(default_factory=list)

    def take(self, method: str, path: str, query: str, patient: str | None) -> Fault | None:
        """The first fault that fits, counted down. The pattern is tried on the path and on path?query."""
        for fault in self.orders:
            if fault.left <= 0 or (fault.method and fault.method != method):
                continue
            if fault.patient and fault.patient != patient:
                continue
            if fault.pattern.search(path) or (query and fault.pattern.search(f"{path}?{query}")):
                fault.left -= 1
                return fault
        return None


@dataclass(slots=True)
class RequestLog:
    """Method, path and status of FHIR and OAuth requests. OAuth queries are left out: they hold codes and states."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def note(self, method: str, path: str, query: str, status: int | None) -> None:
        shown = f"{path}?{query}" if query and path.startswith("/fhir") else path
        self.entries.append({"method": method, "path": shown, "status": status})


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLayer:
    """Stands before the whole EHR. `patient_of` finds the patient of an Authorization header."""

    app: ASGIApp
    faults: Faults
    log: RequestLog
    patient_of: Callable[[str], str | None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(("/fhir", "/oauth")):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        patient = self.patient_of(headers.get(b"authorization", b"").decode("latin-1"))
        query = scope["query_string"].decode("latin-1")
        fault = self.faults.take(scope["method"], path, query, patient)
        status = await self._answer(fault, scope, receive, send)
        self.log.note(scope["method"], path, query, status)

    async def _answer(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> int | None:
        """The status the client saw; None: the connection was cut."""
        if fault is None or fault.seconds:
            await asyncio.sleep(fault.seconds if fault else 0)
            return await _watched(self.app, scope, receive, send)
        if fault.after:
            await self.app(scope, receive, _discard)
        if fault.status is None:
            await _cut(receive, send)
            return None
        await _refuse(fault.status, scope["path"], send)
        return fault.status


async def _watched(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> int | None:
    seen: list[int] = []

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])
        await send(message)

    await app(scope, receive, watched)
    return seen[0] if seen else None


async def _discard(_message: Message) -> None:
    return None


async def _cut(receive: Receive, send: Send) -> None:
    """Close the connection without a word. Under a server without a transport the request just fails."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("cut on order")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(status: int, path: str, send: Send) -> None:
    fhir = path.startswith("/fhir")
    text = "A fault that a test ordered."
    body = operation_outcome("transient", text) if fhir else {"error": "temporarily_unavailable"}
    kind = b"application/fhir+json" if fhir else b"application/json"
    headers = [(b"content-type", kind), (b"cache-control", b"no-store")]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
