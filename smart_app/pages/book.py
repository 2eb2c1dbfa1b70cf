"""Binds all pages together: the routes of a launch, the static files and the pages for errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from smart_app.pages import about, enrolment, progress, screening, session, session_ends, signing, trail
from smart_app.pages.assets import Asset, read_assets
from smart_app.pages.deps import PageDeps
from smart_app.pages.door import Door, Route, Visit
from smart_app.pages.refusals import Notice, Printer, broken, not_found, notice_of, show_notice
from smart_app.pages.templating import environment

# First come, first served: session/missed stands before session/{session}, a step's name comes last.
ALL: tuple[Route, ...] = (
    *screening.ROUTES,
    *enrolment.ROUTES,
    *session_ends.ROUTES,
    *signing.ROUTES,
    *session.ROUTES,
    *session.LAST_ROUTES,
    *progress.ROUTES,
    *trail.ROUTES,
    *about.ROUTES,
)


def create_pages(deps: PageDeps) -> APIRouter:
    """Every page under /l/{launch}/ and the static files. The app adds PolicyHeaders and the error handlers."""
    assets = read_assets()
    door = Door(deps=deps, printer=_printer(deps, assets))
    router, base = APIRouter(), deps.base_path
    for route in ALL:
        router.add_route(f"{base}/l/{{launch}}/{route.path}", door.endpoint(route.handler), methods=[route.method])
    router.add_route(f"{base}/l/{{launch}}/{{rest:path}}", door.endpoint(nowhere), methods=["GET", "POST"])
    router.add_route(f"{base}/static/{{digest}}/{{name}}", _static(assets), methods=["GET"])
    return router


def nowhere(visit: Visit) -> Response:
    """An address of this launch that is no page: shown inside the EHR's frame, as its other pages are."""
    return show_notice(visit.printer, not_found(), root=visit.root, quiet=visit.quiet)


def error_page(deps: PageDeps, error: Exception | None = None, *, status: int = 500, reference: str = "") -> Response:
    """The page for what went wrong outside the pages' own door: a LaunchError, 404, 500 with its reference.

    Set `request.state.ehr` before answering with it where the EHR is known, or nobody may frame the page.
    """
    by_status = not_found() if status == 404 else broken(reference)
    notice = by_status if error is None else notice_of(error)
    return show_notice(_printer(deps, read_assets()), notice)


def _printer(deps: PageDeps, assets: Mapping[str, Asset]) -> Printer:
    return Printer(templates=environment(assets, deps.base_path), product=deps.product, contact=deps.contact)


def _static(assets: Mapping[str, Asset]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        found = assets.get(request.path_params["name"])
        if found is None or found.digest != request.path_params["digest"]:
            return Response(status_code=404)
        return found.response(request.headers.get("accept-encoding", ""))

    return answer


__all__ = ["Notice", "create_pages", "error_page"]
