"""The one door to every page of a launch: who is it, is the form theirs, and what is shown when something fails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from inspect import isawaitable

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.treatment import Role
from launch.authorization import digest
from launch.errors import LaunchEnded
from launch.sessions import NOTED, SAME_STEP, BrowserSession, is_place
from smart_app.pages.deps import PageDeps
from smart_app.pages.forms import FormUnreadable, read_form, typed
from smart_app.pages.frame import session_cookie
from smart_app.pages.guard import Marks, Verdict, from_our_pages
from smart_app.pages.late import KeepOn
from smart_app.pages.refusals import (
    Notice,
    Printer,
    form_refused,
    log_refusal,
    not_yours,
    notice_of,
    other_patient,
    session_ended,
    show_notice,
)
from smart_app.pages.visit import FIRST, OK, Handler, Route, Visit, sign_in
from smart_app.pages.ways import ways_of
from smart_app.pages.wording import clock, ends_words
from smart_app.use_cases.access import audited
from smart_app.use_cases.delivery.watching import is_watching
from smart_app.use_cases.errors import EhrError, Refused, StaleVersion
from smart_app.use_cases.late_forms import LateForm, late_forms
from smart_app.use_cases.records import Caller, StoredScreening
from smart_app.use_cases.references import refused

SEE_OTHER = 303
WATCHING = timedelta(minutes=60)  # a clinician who watches a patient may not touch the page for long
NOT_KEPT = "What this form held was not kept. Enter it again."

_DRAFT = "draft"  # of X-KP-Keep: somebody is typing; "1": the page goes

_LAUNCH_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the store knows of whoever asks."""

    session: BrowserSession
    caller: Caller
    screening: StoredScreening | None
    idle: timedelta  # how long this session may lie unused
    late: tuple[LateForm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Makes endpoints out of handlers. Synchronous handlers and the store run in a thread."""

    deps: PageDeps
    printer: Printer

    def endpoint(self, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            launch = str(request.path_params["launch"])
            request.state.ehr = None
            try:
                admitted = await self._admit(request, route, launch)
            except FormUnreadable:
                admitted = form_refused()
            if isinstance(admitted, Notice):
                request.state.ehr = request.state.ehr or await run_sync(ehr_of, self.deps, launch)
                return self._tell(request, await self._recorded(request, admitted, launch))
            visit, known = admitted
            if visit.caller.role is Role.AUDITOR and not route.auditors:
                return await self._turn_away(request, visit)
            keeps = request.method == "POST" and request.headers.get("x-kp-keep") in {"1", _DRAFT}
            response = await self._handle(request, partial(only_keep, route) if keeps else route.handler, visit)
            await run_sync(self._note, request, route, known, visit, response)
            return response

        return answer

    async def _handle(self, request: Request, handler: Handler, visit: Visit) -> Response:
        try:
            made = await run_sync(handler, visit)
            return await made if isawaitable(made) else made
        except (Refused, EhrError, StaleVersion, LaunchEnded) as error:
            return self._tell(request, notice_of(error, looking=request.method == "GET"), visit.root)

    async def _turn_away(self, request: Request, visit: Visit) -> Response:
        if request.method == "GET":
            return visit.go("audit")
        told = f"A form of an auditor was refused; nothing was written. Sent to {_place(request.url.path)}"
        reference = await run_sync(self._record_refusal, visit.caller, told)
        return self._tell(request, replace(not_yours(), reference=reference), visit.root)

    async def _admit(self, request: Request, route: Route, launch: str) -> tuple[Visit, _Known] | Notice:
        """The visit, or why there is none. Nothing was changed when there is none."""
        unsafe = request.method not in {"GET", "HEAD"}
        if unsafe and not from_our_pages(request.headers, self.deps.origin):
            return form_refused()
        secret = session_cookie(request.headers.get("cookie"), launch)
        session = await run_sync(self._session, launch, secret) if secret else None
        request.state.ehr = session.context.ehr if session else None
        known = await run_sync(self._known, request, session) if session else None
        if known is None or secret is None:
            return session_ended(None, kept=NOT_KEPT if unsafe else "", cookie=secret is not None)
        marks = Marks.of(known.caller, secret)
        form = await read_form(request) if unsafe else {}
        if unsafe and (verdict := marks.judge(form)) is not Verdict.OURS:
            notice = other_patient() if verdict is Verdict.OTHER_PATIENT else form_refused()
            told = f"{_TOLD[verdict]} Sent to {_place(request.url.path)}"
            return replace(notice, reference=await run_sync(self._record_refusal, known.caller, told))
        now = self.deps.clock()
        visit = Visit(
            deps=self.deps,
            printer=self.printer,
            caller=known.caller,
            marks=marks,
            context=known.session.context,
            end=known.session.end(known.idle),
            place=known.session.place,
            now=now,
            path=dict(request.path_params),
            query=dict(request.query_params),
            fields=typed(form),
            screening=known.screening,
            quiet=_is_script(request),
            again=_asks_by_itself(request),
            late=known.late,
            ways=ways_of(request.headers.get("cookie")),
            packed=not unsafe and not request.url.query and "gzip" in request.headers.get("accept-encoding", ""),
            draft=unsafe and request.headers.get("x-kp-keep") == _DRAFT,
        )
        if known.session.closed is not None or visit.end.at <= now:
            return await run_sync(self._over, route, visit, unsafe)
        if _is_a_person(request, route) and now - known.session.seen >= NOTED:
            visit = replace(visit, end=replace(known.session, seen=now).end(known.idle))
        return visit, known

    def _session(self, launch: str, secret: str) -> BrowserSession | None:
        return self.deps.launches.session(launch, digest(secret)) if _LAUNCH_ID.fullmatch(launch) else None

    def _known(self, request: Request, session: BrowserSession) -> _Known | None:
        launch = session.context.id
        with self.deps.work.reading() as uow:
            caller = uow.launches.caller(launch)
            if caller is None:
                return None
            # Who shows the patient's name is the launch's word: it changes when the app leaves the EHR's frame.
            caller = replace(caller, show_banner=session.context.need_patient_banner)
            screening = uow.screenings.latest(caller.patient)
            if screening is not None and screening.launch != launch:  # somebody else may have screened meanwhile
                screening = uow.screenings.latest(caller.patient, launch) or screening
            watching = is_watching(uow, caller, self.deps.clock())
            return _Known(
                session=session,
                caller=caller,
                screening=screening,
                idle=max(self.deps.idle, WATCHING) if watching else self.deps.idle,
                late=late_forms(uow, caller, _place(request.url.path)) if request.method == "GET" else (),
            )

    def _over(self, route: Route, visit: Visit, unsafe: bool) -> Notice:
        """The session ended by time: it is closed for good, and what a form holds is kept."""
        self.deps.launches.close(visit.caller.launch, visit.end)
        at = clock(visit.end.at.astimezone(visit.now.tzinfo))
        in_time = visit.now - visit.end.at < SAME_STEP
        kept = keep_form(route, visit) if unsafe and in_time else NOT_KEPT if unsafe else ""
        address = sign_in(self.deps, visit.caller.ehr) if visit.context.standalone else ""
        return session_ended(at, kept=kept, sign_in=address)

    def _note(self, request: Request, route: Route, known: _Known, visit: Visit, response: Response) -> None:
        """Keep when a person was here and on which page, where that is news; say how long the session lasts."""
        session, end = known.session, visit.end
        if _is_a_person(request, route):
            shown = request.method == "GET" and response.status_code == OK and response.media_type == "text/html"
            page = shown and route.step
            here = _place(request.url.path) if page else session.place
            # Where every launch begins needs no durable write of its own.
            moved = here not in {session.place, session.place or FIRST} and is_place(here)
            if moved or visit.now - session.seen >= NOTED:
                place = here if is_place(here) else session.place
                self.deps.launches.note(visit.caller.launch, visit.now, place)
                end = replace(session, seen=max(session.seen, visit.now)).end(known.idle)
        if isinstance(route.keep, KeepOn) and response.status_code == SEE_OTHER:
            route.keep.dealt_with(visit)
        response.headers["X-KP-Ends"] = ends_words(end, visit.now)

    async def _recorded(self, request: Request, notice: Notice, launch: str) -> Notice:
        """The notice with the reference of its audit record. A page that asks again by itself leaves no record."""
        if notice.reference or request.state.ehr is None or _asks_by_itself(request):
            return notice
        # Of whoever asked nothing is known but the address.
        record = AuditRecord(
            action="app:page:refuse",
            at=self.deps.clock(),
            ehr=request.state.ehr,
            launch=launch,
            detail=f"{notice.title}: {_place(request.url.path)}",
        )
        return replace(notice, reference=await run_sync(self._record, record))

    def _record_refusal(self, caller: Caller, told: str) -> str:
        """The reference of the record."""
        return self._record(audited(caller, self.deps.clock(), "clinician:form:refuse", detail=told))

    def _record(self, record: AuditRecord) -> str:
        kept, reference = refused(record)
        with self.deps.work() as uow:
            uow.audit.add(kept)
            uow.commit()
        return reference

    def _tell(self, request: Request, notice: Notice, root: str | None = None) -> Response:
        if request.method != "GET":
            notice = replace(notice, again=False)  # the address of a form cannot be opened by a link
        log_refusal(notice)
        return show_notice(self.printer, notice, root=root, quiet=_is_script(request))


def ehr_of(deps: PageDeps, launch: str) -> str | None:
    """The EHR of a launch, also of one that has ended; None: there never was such a launch."""
    return deps.ehr_name(launch) if _LAUNCH_ID.fullmatch(launch) else None


def keep_form(route: Route, visit: Visit) -> str:
    """Keep what the form holds, where it has a draft; what became of it, in words."""
    try:
        return (route.keep(visit) if route.keep else "") or NOT_KEPT
    except Refused:
        return NOT_KEPT


def only_keep(route: Route, visit: Visit) -> Response:
    """The page sends what was typed, while it is typed or before it goes: to be kept and not to be done."""
    return JSONResponse({"kept": keep_form(route, visit), "saved": f"{visit.now:%H:%M:%S}"})


def _is_script(request: Request) -> bool:
    return request.headers.get("x-kp-script") == "1"


def _asks_by_itself(request: Request) -> bool:
    """The page refreshes itself: nobody pressed anything."""
    return request.method == "GET" and request.headers.get("x-kp-refresh") == "1"


def _is_a_person(request: Request, route: Route) -> bool:
    """Whether somebody did something; a page that asks by itself must not keep the session open."""
    return not route.background and request.headers.get("x-kp-refresh") != "1"


_TOLD: Mapping[Verdict, str] = {
    Verdict.OTHER_PATIENT: "A form made for another patient or launch was refused; nothing was written.",
    Verdict.NO_TOKEN: "A form without this session's token was refused; nothing was written.",
}


def _place(path: str) -> str:
    """The page without the launch's handle."""
    return path.partition("/l/")[2].partition("/")[2] or "the start"
