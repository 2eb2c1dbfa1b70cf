"""What a device may keep: the key that seals unsent entries, its service worker, and the page "No connection"."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_bytes

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from smart_app.pages.assets import Asset
from smart_app.pages.deps import PageDeps
from smart_app.pages.templating import PARTS, render, shelf
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.device_keys import give_key

WORKER, NO_CONNECTION = "worker.js", "no-connection"
_MOST_HELD = 20  # keys that one device may name; older ones were destroyed long ago
_KEPT = ("app.css", "app.js", "ending.js", "no-connection.js", "icon.svg")


def key(visit: Visit) -> Response:
    """For a page in a window of its own. It keeps the key in memory only; nothing of it is ever in an address."""
    held = visit.fields.get("held", "").split()[:_MOST_HELD]
    deps = visit.deps
    grant = give_key(deps.work, deps.clock, visit.caller, held, ids=deps.ids, secret=_secret)
    return JSONResponse({"id": grant.id, "keys": {**grant.older, grant.id: grant.secret}})


def _secret() -> str:
    return b64encode(token_bytes(32)).decode()


def add_device(router: APIRouter, deps: PageDeps) -> None:
    """The service worker stands at the top, so that it reaches every page; it keeps nothing of a patient."""
    base, kept = deps.base_path, shelf(deps.base_path)
    page = render(kept.templates, "no_connection.html", {"product": deps.product})
    router.add_route(f"{base}/{WORKER}", _worker(base, kept.assets), methods=["GET"])
    router.add_route(f"{base}/{NO_CONNECTION}", _page(page), methods=["GET"])


def _worker(base: str, assets: Mapping[str, Asset]) -> Callable[[Request], Awaitable[Response]]:
    files = [base + assets[name].path for name in (*_KEPT, *PARTS)]
    script = assets[WORKER]
    told = json.dumps({"version": script.digest, "files": [f"{base}/{NO_CONNECTION}", *files]})
    body = f"const KEPT = {told};\n".encode() + script.body

    async def answer(_request: Request) -> Response:
        # Its address stays, so the browser asks for it anew; `no-cache` keeps an old one from living on.
        return Response(body, media_type=script.kind, headers={"Cache-Control": "no-cache"})

    return answer


def _page(html: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return HTMLResponse(html)

    return answer


ROUTES = (Route(path="device-key", handler=key, method="POST", background=True),)
