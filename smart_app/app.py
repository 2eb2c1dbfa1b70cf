"""The one composition root: everyone is known here and nowhere else."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from traceback import extract_tb
from urllib.parse import urlsplit
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from launch.authorization import AuthorizationRequest
from launch.errors import LaunchError
from launch.registry import Registry
from launch.routes import launch_routes
from smart_app.background import following_rotations, running_worker
from smart_app.clinical.programme_settings import tunings
from smart_app.launched import after_launch, landing
from smart_app.notes.pdf import pdf_printer
from smart_app.notes.xhtml import print_xhtml
from smart_app.pages import (
    Framing,
    PageDeps,
    PolicyHeaders,
    asking_page,
    create_pages,
    ehr_of,
    error_page,
)
from smart_app.parts import VERSION, Parts, assemble, here
from smart_app.registration.sheet import public_sheet
from smart_app.settings import Settings
from smart_app.use_cases.references import reference_number
from smart_app.use_cases.screening.screen_patient import screen_patient
from smart_app.use_cases.site import Site

_log = logging.getLogger("ketamine_pathway")


def create_app(settings: Settings, *, with_worker: bool = True) -> FastAPI:
    """The web application. With SQLite the worker must run in here, since one process owns the file."""
    parts = assemble(settings)
    deps = page_deps(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(parts.aclose)
            await stack.enter_async_context(following_rotations(parts))
            if with_worker:
                await stack.enter_async_context(running_worker(parts))
            gc.collect()
            gc.freeze()  # the program itself stays: looking through it again would hold everybody up for a moment
            yield

    app = FastAPI(
        title="ketamine-pathway",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,  # no /docs either
        redirect_slashes=False,  # the framework would name the host that the request's Host header names
    )
    app.include_router(
        launch_routes(
            parts.desk,
            after_launch=partial(after_launch, parts),
            landing=partial(landing, parts),
            asking=partial(_asking, deps),
        )
    )
    app.include_router(create_pages(deps))
    _add_record_keys(app, parts)
    _add_health(app, parts)
    _add_error_pages(app, deps)
    app.add_middleware(PolicyHeaders, framing=deps.framing)
    return app


def page_deps(parts: Parts) -> PageDeps:
    """What the pages are given."""
    address = urlsplit(parts.settings.base_url)
    return PageDeps(
        work=parts.store.work,
        clock=parts.clock,
        launches=parts.store.sessions,
        ehr_of=parts.ehrs,
        screen=partial(screen_patient, medicines=parts.medicines),
        ids=lambda: str(uuid4()),
        site=Site(
            base_url=parts.settings.base_url,
            version=VERSION,
            rules=parts.site.rules,
            programmes=parts.site.programmes.programmes,
            ledger=parts.site.ledger,
            tuned=tunings(parts.site.programmes),
            tables=parts.site.tables,
            limits=parts.site.limits,
            countersign=parts.site.signing.countersign,
            sign_in_again=parts.site.signing.sign_in_holds,
            maintenance=parts.site.maintenance,
            seal=parts.seal,
        ),
        origin=f"{address.scheme}://{address.netloc}",
        framing=partial(_framing, parts.registry),
        ehr_name=parts.store.launches.ehr_of,
        ehr_title=partial(_title, parts.registry),
        end_launch=parts.desk.end_launch,
        hand_over=parts.desk.hand_over,
        begin_sign_in=parts.desk.begin_sign_in,
        wake_worker=parts.wake,
        print_xhtml=print_xhtml,
        print_pdf=pdf_printer(),
        style_of=parts.styles.of,
        idle=parts.settings.idle,
        version=VERSION,
        contact=parts.settings.contact,
        app_facts=partial(public_sheet, here(parts.settings), parts.registry),
    )


def _framing(registry: Registry, ehr: str) -> Framing | None:
    registration = registry.by_name.get(ehr)
    if registration is None:
        return None
    return Framing(ancestors=registration.frame_ancestors, form_targets=tuple(sorted(registration.origins)))


def _title(registry: Registry, ehr: str) -> str:
    registration = registry.by_name.get(ehr)
    return registration.tenant if registration else ehr


def _asking(deps: PageDeps, request: Request, begun: AuthorizationRequest) -> Response:
    request.state.asking = True
    return asking_page(deps, begun.endpoint, begun.asked)


def _add_record_keys(app: FastAPI, parts: Parts) -> None:
    """With these and the bytes of a record anybody can verify its signature."""

    @app.get("/.well-known/record-keys.json", include_in_schema=False)
    async def record_keys() -> JSONResponse:
        return JSONResponse(await run_sync(parts.seal.jwks), headers={"Cache-Control": "public, max-age=3600"})


def _add_health(app: FastAPI, parts: Parts) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok", "version": VERSION, "store": parts.store.description})


def _add_error_pages(app: FastAPI, deps: PageDeps) -> None:
    """Every error becomes a page in plain words; a fault of ours gets a reference number that the log shows too."""

    async def launch_refused(request: Request, error: Exception) -> Response:
        # PolicyHeaders looks here: the page must show in the frame that the launch began in.
        request.state.ehr = getattr(error, "ehr", None) or _ehr(request)
        return error_page(deps, error, ehr=_ehr(request))

    async def no_page(request: Request, error: Exception) -> Response:
        # A method that an address does not take never reaches the door that would have told the EHR.
        place = request.path_params
        launched = await run_sync(ehr_of, deps, place["launch"]) if "launch" in place else None
        request.state.ehr = _ehr(request) or launched or place.get("ehr")
        return error_page(deps, status=getattr(error, "status_code", 404), ehr=_ehr(request))

    def broken(request: Request, error: Exception) -> Response:
        reference = reference_number()
        # Neither the message nor the address is logged: both may hold patient data.
        at = extract_tb(error.__traceback__)[-1]
        _log.error("fault %s: %s in %s:%s", reference, type(error).__name__, at.name, at.lineno)
        return error_page(deps, reference=reference, ehr=_ehr(request))

    app.add_exception_handler(LaunchError, launch_refused)
    app.add_exception_handler(HTTPException, no_page)
    app.add_middleware(Faults, page=broken)


class Faults:
    """Answers a fault of ours with its page. The framework's own way would raise it again, and the server would log
    it with its message and whatever patient data that quotes."""

    def __init__(self, app: ASGIApp, *, page: Callable[[Request, Exception], Response]) -> None:
        self.app, self.page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = None
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            page = self.page(Request(scope), error)
        if page:  # out here, so that a second fault does not carry the first one into the log
            await page(scope, receive, send)


def _ehr(request: Request) -> str | None:
    """The EHR whose frame the page is in, where the pages' door found it out."""
    found = getattr(request.state, "ehr", None)
    return str(found) if found else None
