"""Calls to the store's own ASGI app, in this process and without a port."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the store answered. `body` is None where there was none."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any] | None


async def call(
    app: ASGIApp, *, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None
) -> Reply:
    """Ask the store for `url` (from the root, query included) as FHIR JSON."""
    path, _, query = url.partition("?")
    sent = {"accept": "application/fhir+json", "content-type": "application/fhir+json", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "client": None,
        "server": ("sandbox", 80),
    }
    content = b"" if body is None else json.dumps(body).encode()
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = next(one for one in messages if one["type"] == "http.response.start")
    answered = b"".join(one.get("body", b"") for one in messages if one["type"] == "http.response.body")
    return Reply(
        status=start["status"],
        headers={name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]},
        body=json.loads(answered) if answered else None,
    )
