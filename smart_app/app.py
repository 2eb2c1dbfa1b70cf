"""The one composition root: everyone is known here and nowhere else."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from traceback import extract_tb
from urllib.parse import urlsplit
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.codes.site_medicines import table_of
from fhir_mappings.facts.treatment import Role
from fhir_mappings.writing.instance import Instance
from launch.authorization import AuthorizationRequest
from launch.context import LaunchContext, TokenSet
from launch.desk import LaunchDesk
from launch.errors import LaunchError
from launch.exchange import EhrClients
from launch.key_folder import KeyFolder
from launch.key_rotation import make_first_keys
from launch.pacing import Share
from launch.registry import Registry, load_registry
from launch.routes import launch_routes
from launch.styling import Styles
from launch.transport import Transports
from smart_app import worker
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.session_rules import SessionLimits
from smart_app.ehr.of_launch import EhrsOfLaunches
from smart_app.pages import (
    FIRST,
    Framing,
    PageDeps,
    PolicyHeaders,
    asking_page,
    create_pages,
    ehr_of,
    error_page,
)
from smart_app.registration.granted import may_write, not_granted, surplus
from smart_app.registration.sheet import Here, public_sheet
from smart_app.settings import CLIENT_SECRETS, SEALING_KEYS, SIGNING_KEYS, Settings, SystemClock, load_site
from smart_app.store.opened import Store, open_store
from smart_app.use_cases.deliver_outbox import Pauses, deliver_next
from smart_app.use_cases.delivery_verdict import Limits
from smart_app.use_cases.follow_course import progress_of
from smart_app.use_cases.open_launch import Granted, open_launch
from smart_app.use_cases.references import reference_number
from smart_app.use_cases.screen_patient import screen_patient
from smart_app.use_cases.site import Site

# What an EHR's launch button may ask for: the page of this name.
INTENTS = frozenset({"screening", "enrolment", "session", "progress"})

VERSION = version("ketamine-pathway")
ROLE_WORDS = tuple(role.value for role in Role if role is not Role.NONE)

_log = logging.getLogger("ketamine_pathway")


class Wake:
    """Tells the worker that a message was added; pages call it from their threads."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self) -> asyncio.Event:
        """The event, in the loop of whoever waits for it."""
        self._loop = asyncio.get_running_loop()
        return self.event

    def __call__(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.event.set)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the web application and the worker share. Close it with `aclose`."""

    settings: Settings
    clock: SystemClock
    registry: Registry
    store: Store
    desk: LaunchDesk
    clients: EhrClients
    styles: Styles
    ehrs: EhrsOfLaunches
    ehrs_of_worker: EhrsOfLaunches  # goes after the clinicians where an EHR limits its requests
    rules: RuleSettings
    medicines: MedicineTable
    wake: Wake

    async def aclose(self) -> None:
        await self.styles.aclose()
        await self.clients.aclose()
        await self.ehrs.aclose()
        await self.ehrs_of_worker.aclose()
        self.store.close()


def assemble(settings: Settings) -> Parts:
    """Open the store, bring it up to date, read registrations and keys. Raises what the operator must put right."""
    clock = SystemClock(settings.zone)
    rules, medicines = load_site(settings.site), table_of(settings.data)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = registrations(settings.registry, demo=settings.demo)
    keys = _signing_keys(settings, registry, clock)
    store = open_store(
        settings.database,
        base_url=settings.base_url,
        sealing_keys=settings.data / SEALING_KEYS,
        client_secrets=settings.data / CLIENT_SECRETS,
        clock=clock,
    )
    for ehr in store.secrets.missing(registry.by_name.values()):
        _log.warning("%s: no client secret can be read, launches there will fail: ketamine-pathway keys secret", ehr)
    transports = Transports()

    def ehrs(share: Share) -> EhrsOfLaunches:
        return EhrsOfLaunches(
            store.launches, desk.tokens, clock, lambda ehr: transports.to(registry.named(ehr), share)
        )

    clients = EhrClients(transports)
    desk = LaunchDesk(
        registry=registry,
        keys=keys,
        secrets=store.secrets,
        store=store.launches,
        http=clients,
        clock=clock,
        public_base=settings.base_url,
        session_limit=settings.longest,
    )
    _log.info("store: %s", store.description)
    return Parts(
        settings=settings,
        clock=clock,
        registry=registry,
        store=store,
        desk=desk,
        clients=clients,
        styles=Styles(registry=registry, clients=clients, clock=clock),
        ehrs=ehrs(Share.READING),
        ehrs_of_worker=ehrs(Share.DELIVERY),
        rules=rules,
        medicines=medicines,
        wake=Wake(),
    )


def registrations(path: Path, *, demo: bool = False) -> Registry:
    """All registrations. RegistrationInvalid names every problem, a role that we do not know among them."""
    return load_registry(path, allow_loopback_http=demo, role_words=ROLE_WORDS)


def _signing_keys(settings: Settings, registry: Registry, clock: SystemClock) -> KeyFolder:
    """The keys of the data folder; an EHR that needs one and has none gets its first."""
    folder = KeyFolder(settings.data / SIGNING_KEYS)
    folder.check()
    make_first_keys(folder, registry.by_name.values(), clock())
    return folder


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
            after_launch=partial(_after_launch, parts),
            landing=partial(landing, parts),
            asking=partial(_asking, deps),
        )
    )
    app.include_router(create_pages(deps))
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
        screen=partial(screen_patient, settings=parts.rules, medicines=parts.medicines),
        ids=lambda: str(uuid4()),
        site=Site(
            base_url=parts.settings.base_url,
            version=VERSION,
            rules=parts.rules,
            limits=SessionLimits.of_site(parts.rules.limits),
        ),
        origin=f"{address.scheme}://{address.netloc}",
        framing=partial(_framing, parts.registry),
        ehr_name=parts.store.launches.ehr_of,
        ehr_title=partial(_title, parts.registry),
        end_launch=parts.desk.end_launch,
        hand_over=parts.desk.hand_over,
        wake_worker=parts.wake,
        style_of=parts.styles.of,
        idle=parts.settings.idle,
        version=VERSION,
        contact=parts.settings.contact,
        app_facts=partial(public_sheet, here(parts.settings), parts.registry),
    )


def here(settings: Settings) -> Here:
    """This installation, as EHRs are told of it."""
    return Here(base_url=settings.base_url, version=VERSION, contact=settings.contact)


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


async def _after_launch(parts: Parts, context: LaunchContext, _tokens: TokenSet) -> None:
    parts.styles.of(context)  # fetched while the chart is read, so that the first page has it
    registration = parts.registry.named(context.ehr)
    if beyond := surplus(registration, context.scope):
        _log.info("EHR %s granted more than was asked for, which is not used: %s", registration.name, beyond)
    organization = f"{context.fhir_base}/{registration.organization}" if registration.organization else None
    granted = Granted(
        launch=context.id,
        ehr=context.ehr,
        fhir_base=context.fhir_base,
        patient_id=context.patient,
        encounter=context.encounter,
        fhir_user=context.fhir_user,
        user_name=context.user_name,
        account=f"{context.token_issuer}|{context.subject}" if context.subject else None,
        show_banner=context.need_patient_banner,
        tenant=context.tenant,
        write_granted=may_write(registration, context.scope),
        not_granted=not_granted(registration, context.scope),
        organization=organization,
        roles=registration.roles,
        users=registration.users,
    )
    await open_launch(parts.store.work, parts.clock, granted, parts.ehrs.of_context(context), wake=parts.wake)


def landing(parts: Parts, context: LaunchContext) -> str:
    """Where a launch leads: on with what the same user did with this patient, if time ended that.

    Else to the page that the EHR's `intent` names, where it is one of ours (SMART App Launch 2.2, 2.0.11: an intent
    that an app does not know is passed over), else to the screening.
    """
    place = parts.store.sessions.last_place(context, parts.settings.idle)
    asked = context.intent if context.intent in INTENTS else None
    return f"/l/{context.id}/{place or asked or FIRST}"


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


@asynccontextmanager
async def running_worker(parts: Parts) -> AsyncIterator[None]:
    """The outbox worker beside the web application; on leaving it finishes what is under way."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(parts, stop))
    task.add_done_callback(_tell_if_broken)
    try:
        yield
    finally:
        stop.set()
        parts.wake()
        await task


@asynccontextmanager
async def following_rotations(parts: Parts) -> AsyncIterator[None]:
    """What `keys rotate-storage` began is finished here: with SQLite nobody else has the database."""
    stop = asyncio.Event()

    def finish() -> None:
        if done := parts.store.finish_rotation():
            _log.info("sealing key rotated: %s rows and %s client secrets sealed anew", done.rows, done.secrets)
            if done.left:
                _log.warning("%s sealed texts cannot be opened and were left as they are", done.left)

    task = asyncio.create_task(worker.repeat(finish, stop))
    try:
        yield
    finally:
        stop.set()
        await task


def _tell_if_broken(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("the delivery worker stopped: %s", type(task.exception()).__name__)


async def run_worker(parts: Parts, stop: asyncio.Event) -> None:
    """Deliver what is due until `stop` is set."""
    pauses: Pauses = {}
    deliver = partial(
        deliver_next,
        parts.store.outbox,
        parts.store.work,
        parts.ehrs_of_worker,
        parts.clock,
        Instance(base_url=parts.settings.base_url, version=VERSION),
        progress_of=progress_of(parts.store.work),
        uniform=random.SystemRandom().uniform,
        pauses=pauses,
        limits=Limits(settle=parts.settings.settle_seconds),
    )
    await worker.run(parts.store.outbox, deliver, parts.clock, stop, parts.wake.listen())


def environment() -> dict[str, str]:
    """The process environment: read here, nowhere below."""
    return dict(os.environ)
