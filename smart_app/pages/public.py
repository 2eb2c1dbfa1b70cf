"""What an EHR's administrator may ask for without a launch: the logo, the policy and the facts of a registration.

No patient and no clinician is named here, so nobody has to sign in; and no launch is open, so nobody may frame it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from fhir_mappings.wire import encode
from smart_app.pages.assets import Asset
from smart_app.pages.deps import PageDeps
from smart_app.pages.templating import render, shelf

_A_DAY = "public, max-age=86400"  # the address stays when the picture changes
_Answer = Callable[[Request], Awaitable[Response]]


def add_public(router: APIRouter, deps: PageDeps) -> None:
    """Their addresses are registered at EHRs: they must not change."""
    base, kept = deps.base_path, shelf(deps.base_path)
    router.add_route(f"{base}/logo.svg", _logo(kept.assets["icon.svg"]), methods=["GET"])
    router.add_route(f"{base}/logo.png", _logo(kept.assets["icon.png"]), methods=["GET"])
    router.add_route(f"{base}/policy", _policy(deps), methods=["GET"])
    router.add_route(f"{base}/app-registration.json", _facts(deps), methods=["GET"])


def _logo(asset: Asset) -> _Answer:
    async def answer(_request: Request) -> Response:
        return Response(asset.body, media_type=asset.kind, headers={"Cache-Control": _A_DAY})

    return answer


def _policy(deps: PageDeps) -> _Answer:
    values = {"product": deps.product, "contact": deps.contact}
    html = render(shelf(deps.base_path).templates, "policy.html", values)

    async def answer(_request: Request) -> Response:
        return HTMLResponse(html)

    return answer


def _facts(deps: PageDeps) -> _Answer:
    """`?ehr=NAME` for one EHR's own addresses. Which EHRs there are is not told: only who knows a name can ask."""

    async def answer(request: Request) -> Response:
        facts = deps.app_facts(request.query_params.get("ehr"))
        if facts is None:
            return Response(status_code=404)
        return Response(encode(facts), media_type="application/json")

    return answer
