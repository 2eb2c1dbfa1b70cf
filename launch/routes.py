"""What browsers and EHRs ask for: /launch, /callback/{ehr}, /handover/{code}, key sets (SMART App Launch 2.2, 2.0.5).

Errors leave as LaunchError, after an audit record; the app's exception handler makes the page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from launch import cookies
from launch.authorization import AuthorizationRequest, Callback
from launch.context import LaunchContext
from launch.desk import AfterLaunch, LaunchDesk, Opened
from launch.errors import ChartMissing, LaunchError, LaunchInterrupted, UnknownIssuer
from launch.keys import JWKS_MAX_AGE

_LONGEST_VALUE = 8192

Landing = Callable[[LaunchContext], str]  # the path of ours that a finished launch leads to; may ask the store


def _first_page(context: LaunchContext) -> str:
    return f"/l/{context.id}/screening"


def launch_routes(
    desk: LaunchDesk,
    *,
    after_launch: AfterLaunch,
    landing: Landing = _first_page,
    asking: Callable[[Request, AuthorizationRequest], Response] | None = None,
) -> APIRouter:
    """A router for the app's root. `after_launch` runs once the launch is kept; if it raises, the launch is ended.

    `request.state.ehr` names the EHR that a request is about, as soon as that is known: only it may frame the answer.

    `asking` makes the page that sends an authorization request on as a form; None: it always goes as an address.
    """
    router = APIRouter(include_in_schema=False)

    def to_the_ehr(request: Request, begun: AuthorizationRequest) -> Response:
        request.state.ehr = begun.pending.ehr
        answer = asking(request, begun) if asking is not None and begun.by_form else _see_other(begun.url)
        answer.headers.append("Set-Cookie", cookies.start_cookie(begun.pending.id, begun.browser_secret))
        return answer

    async def to_the_pages(request: Request, opened: Opened) -> Response:
        launch_id = opened.context.id
        request.state.ehr = opened.context.ehr
        return _see_other(
            await run_sync(landing, opened.context),
            cookies.dropped_start_cookie(launch_id),
            cookies.session_cookie(launch_id, opened.session_secret),
        )

    async def on_the_way(request: Request, found: Opened | AuthorizationRequest) -> Response:
        return await to_the_pages(request, found) if isinstance(found, Opened) else to_the_ehr(request, found)

    @router.get("/launch")
    async def launch(request: Request) -> Response:
        async with _refusals_recorded(desk):
            return to_the_ehr(request, await _begin(desk, request))

    @router.get("/handover/{code}")
    async def handover(code: str, request: Request) -> Response:
        async with _refusals_recorded(desk):
            if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
                raise LaunchInterrupted()  # another site must not put its reader into a session of its choosing
            accepted = await desk.accept(code)
        return await on_the_way(request, accepted)

    @router.get("/callback/{ehr}")
    async def callback(ehr: str, request: Request) -> Response:
        request.state.ehr = ehr
        async with _refusals_recorded(desk) as audited:
            answer = _callback(request, ehr)
            taken = await desk.take(ehr, answer)
            audited["launch_id"] = taken.id if taken else None
            start = request.cookies.get(cookies.start_cookie_name(taken.id)) if taken else None
            if taken and taken.signs_in:
                audited["launch_id"] = taken.signs_in.launch
                shown = cookies.session_digest(request.cookies, taken.signs_in.launch)
                back = await desk.finish_sign_in(ehr, answer, taken, browser_secret=start, shown=shown)
                return _see_other(f"/l/{back.launch}/{back.place}", cookies.dropped_start_cookie(taken.id))
            found = await desk.finish(ehr, answer, taken, browser_secret=start, after_launch=after_launch)
        return await on_the_way(request, found)

    @router.get("/.well-known/jwks.json")
    async def jwks() -> JSONResponse:
        return _key_set(desk, None)

    @router.get("/jwks/{ehr}.json")
    async def jwks_of_ehr(ehr: str) -> JSONResponse:
        """The address that an administrator registers: the keys that sign for this EHR, and no other's."""
        if ehr not in desk.registry.by_name:
            raise HTTPException(404)
        return _key_set(desk, ehr)

    return router


def _key_set(desk: LaunchDesk, ehr: str | None) -> JSONResponse:
    return JSONResponse(desk.keys.jwks(ehr), headers={"Cache-Control": f"public, max-age={JWKS_MAX_AGE}"})


async def _begin(desk: LaunchDesk, request: Request) -> AuthorizationRequest:
    given = _parameters(request)
    if given is None:
        raise UnknownIssuer("(given twice or far too long)")
    iss, launch, ehr = given.get("iss"), given.get("launch"), given.get("ehr")
    if ehr is not None and (iss is not None or launch is not None):
        raise ChartMissing()
    registration = desk.registry.find(iss) if ehr is None else desk.registry.named(ehr)
    request.state.ehr = registration.name
    if ehr is not None:
        return await desk.begin_standalone(registration)
    if launch is None and given.get("standalone") == "1":
        return await desk.begin_standalone(registration, iss)
    return await desk.begin(iss, launch)


def _callback(request: Request, ehr: str) -> Callback:
    given = _parameters(request)
    if given is None:
        raise LaunchInterrupted(ehr=ehr)
    return Callback(state=given.get("state"), code=given.get("code"), error=given.get("error"), iss=given.get("iss"))


def _parameters(request: Request) -> dict[str, str] | None:
    """The query's parameters; None when one stands twice (RFC 6749, section 3.1) or is far too long."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) != len(pairs) or any(len(value) > _LONGEST_VALUE for _, value in pairs):
        return None
    return dict(pairs)


@asynccontextmanager
async def _refusals_recorded(desk: LaunchDesk) -> AsyncIterator[dict[str, Any]]:
    known: dict[str, Any] = {"launch_id": None}
    try:
        yield known
    except LaunchError as error:
        error.launch_id = error.launch_id or known["launch_id"]
        await run_sync(_record, desk, error)
        raise


def _record(desk: LaunchDesk, error: LaunchError) -> None:
    error.reference = desk.store.record_refusal(ehr=error.ehr, reason=error.reason, launch_id=error.launch_id)


def _see_other(url: str, *set_cookies: str) -> Response:
    response = Response(status_code=303)
    response.headers["Location"] = url
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    for line in set_cookies:
        response.headers.append("Set-Cookie", line)
    return response
