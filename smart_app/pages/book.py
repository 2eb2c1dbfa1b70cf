"""Binds all pages together: the routes of a launch, the static files and the pages for errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from launch.errors import CookieRefused
from smart_app.pages import (
    about,
    amending,
    comparing,
    deciding,
    device,
    enrolment,
    ledger,
    maintenance,
    microdosing,
    note,
    outcomes,
    overriding,
    progress,
    rules,
    screening,
    session,
    session_ends,
    signing,
    signing_in,
    staying,
    theme,
    trail,
)
from smart_app.pages.assets import Asset
from smart_app.pages.deps import PageDeps
from smart_app.pages.door import Door
from smart_app.pages.frame import put_policy
from smart_app.pages.public import add_public
from smart_app.pages.refusals import Printer, launch_failed, log_refusal, not_found, notice_of, of_status, show_notice
from smart_app.pages.templating import render, shelf
from smart_app.pages.visit import Route, Visit

# First come, first served: session/missed stands before session/{session}, a step's name comes last.
ALL: tuple[Route, ...] = (
    *screening.ROUTES,
    *overriding.ROUTES,
    *enrolment.ROUTES,
    *deciding.ROUTES,
    *session_ends.ROUTES,
    *signing.ROUTES,
    *comparing.ROUTES,
    *signing_in.ROUTES,
    *ledger.ROUTES,
    *amending.ROUTES,
    *note.ROUTES,
    *session.ROUTES,
    *session.LAST_ROUTES,
    *outcomes.ROUTES,
    *maintenance.ROUTES,
    *microdosing.ROUTES,
    *progress.ROUTES,
    *trail.ROUTES,
    *rules.ROUTES,
    *about.ROUTES,
    *theme.ROUTES,
    *staying.ROUTES,
    *device.ROUTES,
)


def create_pages(deps: PageDeps) -> APIRouter:
    """Every page under /l/{launch}/, the rules as JSON, what is open to all and the static files.

    The app adds PolicyHeaders and the error handlers.
    """
    door = Door(deps=deps, printer=_printer(deps))
    router, base = APIRouter(), deps.base_path
    for route in ALL:
        router.add_route(f"{base}/l/{{launch}}/{route.path}", door.endpoint(route), methods=[route.method])
    elsewhere = door.endpoint(Route(path="{rest:path}", handler=nowhere))
    router.add_route(f"{base}/l/{{launch}}/{{rest:path}}", elsewhere, methods=["GET", "POST"])
    router.add_route(f"{base}/rules.json", rules.rules_json(deps), methods=["GET"])
    add_public(router, deps)
    device.add_device(router, deps)
    router.add_route(f"{base}/static/{{digest}}/{{name}}", _static(shelf(base).assets), methods=["GET"])
    return router


def nowhere(visit: Visit) -> Response:
    """An address of this launch that is no page: shown inside the EHR's frame, as its other pages are."""
    return show_notice(visit.printer, not_found(), root=visit.root, quiet=visit.quiet)


def error_page(
    deps: PageDeps,
    error: Exception | None = None,
    *,
    status: int = 500,
    reference: str = "",
    ehr: str | None = None,
) -> Response:
    """The page for what went wrong outside the pages' own door: a LaunchError, a bare status, 500 with its reference.

    Give `ehr` (`request.state.ehr`, or the error's own) where it is known, or nobody may frame the page.
    """
    if isinstance(error, CookieRefused):
        alone = about.handover_path(deps, error.handover) if error.handover else ""
        notice = replace(launch_failed(error, alone=alone), reference=error.reference)
    elif error is not None:
        notice = notice_of(error)
    else:
        notice = of_status(status, reference)
    if error is not None:
        log_refusal(notice)
    response = show_notice(_printer(deps), notice)
    put_policy(response.headers, deps.framing(ehr) if ehr else None)
    return response


def asking_page(deps: PageDeps, endpoint: str, asked: Mapping[str, str]) -> Response:
    """The page that sends an authorization request on as a form; by a button where scripts are off."""
    values = {"endpoint": endpoint, "asked": asked, "product": deps.product}
    return HTMLResponse(render(shelf(deps.base_path).templates, "asking.html", values))


def _printer(deps: PageDeps) -> Printer:
    return Printer(templates=shelf(deps.base_path).templates, product=deps.product, contact=deps.contact)


def _static(assets: Mapping[str, Asset]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        found = assets.get(request.path_params["name"])
        if found is None or found.digest != request.path_params["digest"]:
            return Response(status_code=404)
        return found.response(request.headers.get("accept-encoding", ""))

    return answer
