"""The one door to every page of a launch: who is it, is the form theirs, and what is shown when something fails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import isawaitable
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.facts.treatment import Role
from launch.context import LaunchContext
from launch.errors import LaunchEnded
from smart_app.pages.deps import PageDeps
from smart_app.pages.forms import FormUnreadable, read_form, typed
from smart_app.pages.frame import digest, session_cookie
from smart_app.pages.guard import Marks, Verdict, from_our_pages
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
from smart_app.pages.templating import render
from smart_app.pages.wording import Banner, banner, clock
from smart_app.use_cases.access import audited
from smart_app.use_cases.errors import EhrError, Refused, StaleVersion
from smart_app.use_cases.left_out import losses
from smart_app.use_cases.records import Caller, StoredScreening
from smart_app.use_cases.references import reference_number, with_reference

_LAUNCH_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

Handler = Callable[["Visit"], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of a page module's table."""

    path: str  # under /l/{launch}/
    handler: Handler
    method: str = "GET"
    auditors: bool = False  # auditors see the audit pages only


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request by a clinician whom the door let in."""

    deps: PageDeps
    printer: Printer
    caller: Caller
    marks: Marks
    context: LaunchContext  # what the EHR said when the app was started
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    fields: Mapping[str, str]
    screening: StoredScreening | None  # the patient's latest: the banner's source
    quiet: bool = False  # asked by the page's own script, which wants a short answer
    again: bool = False  # the page refreshes itself

    @property
    def root(self) -> str:
        """Where the pages of this launch begin, without a trailing slash."""
        return f"{self.deps.base_path}/l/{self.caller.launch}"

    @property
    def expires(self) -> datetime:
        return self.context.expires

    @property
    def banner(self) -> Banner | None:
        return None if self.screening is None else banner(self.screening.person, self.now.date())

    def page(self, template: str, *, tab: str, title: str, status: int = 200, **values: Any) -> Response:
        """A whole page. `problems` among the values puts "Error: " before the title."""
        told = {"problems": {}, "notice": "", "strip": False} | values
        html = render(self.printer.templates, template, told | self._frame(tab, title))
        return HTMLResponse(html, status_code=status)

    def go(self, place: str) -> Response:
        """See Other: after a form, so that reloading sends nothing twice."""
        return RedirectResponse(f"{self.root}/{place}", status_code=303)

    def _frame(self, tab: str, title: str) -> dict[str, Any]:
        return {
            "root": self.root,
            "themed": self.context.style_url is not None,
            "me": self.caller,
            "marks": self.marks.fields,
            "banner": self.banner,
            "now": self.now,
            "tab": tab,
            "title": title,
            "product": self.deps.product,
            "losses": losses(self.caller.not_granted, tab) if self.caller.may_write else (),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Makes endpoints out of handlers. Synchronous handlers and the store run in a thread."""

    deps: PageDeps
    printer: Printer

    def endpoint(self, handler: Handler, *, auditors: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            launch = str(request.path_params["launch"])
            request.state.ehr = await run_sync(ehr_of, self.deps, launch)
            try:
                visit = await self._admit(request, launch)
            except FormUnreadable:
                visit = form_refused()
            if isinstance(visit, Notice):
                return self._tell(request, await self._recorded(request, visit, launch))
            if visit.caller.role is Role.AUDITOR and not auditors:
                return await self._turn_away(request, visit)
            return await self._handle(request, handler, visit)

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

    async def _admit(self, request: Request, launch: str) -> Visit | Notice:
        """The visit, or why there is none. Nothing was changed when there is none."""
        unsafe = request.method not in {"GET", "HEAD"}
        if unsafe and not from_our_pages(request.headers, self.deps.origin):
            return form_refused()
        secret = session_cookie(request.headers.get("cookie"), launch)
        known = await run_sync(self._caller, launch, secret) if secret else None
        if known is None or secret is None:
            return session_ended(None)
        caller, context, screening = known
        now = self.deps.clock()
        if context.expires <= now:
            return session_ended(clock(context.expires.astimezone(now.tzinfo)))
        marks = Marks.of(caller, secret)
        form = await read_form(request) if unsafe else {}
        if unsafe and (verdict := marks.judge(form)) is not Verdict.OURS:
            notice = other_patient() if verdict is Verdict.OTHER_PATIENT else form_refused()
            told = f"{_TOLD[verdict]} Sent to {_place(request.url.path)}"
            return replace(notice, reference=await run_sync(self._record_refusal, caller, told))
        return Visit(
            deps=self.deps,
            printer=self.printer,
            caller=caller,
            marks=marks,
            context=context,
            now=now,
            path=dict(request.path_params),
            query=dict(request.query_params),
            fields=typed(form),
            screening=screening,
            quiet=_is_script(request),
            again=_asks_by_itself(request),
        )

    def _caller(self, launch: str, secret: str) -> tuple[Caller, LaunchContext, StoredScreening | None] | None:
        if not _LAUNCH_ID.fullmatch(launch) or not self.deps.launches.session_matches(launch, digest(secret)):
            return None
        context = self.deps.launches.find(launch)
        with self.deps.work() as uow:
            caller = uow.launches.caller(launch)
            if context is None or caller is None:
                return None
            # Who shows the patient's name is the launch's word: it changes when the app leaves the EHR's frame.
            caller = replace(caller, show_banner=context.need_patient_banner)
            return caller, context, uow.screenings.latest(caller.patient)

    async def _recorded(self, request: Request, notice: Notice, launch: str) -> Notice:
        """The notice with the reference of its audit record. A page that asks again by itself leaves no record."""
        if notice.reference or request.state.ehr is None or _asks_by_itself(request):
            return notice
        reference = reference_number()
        words = f"{notice.title}: {_place(request.url.path)}"
        await run_sync(self._record_outsider, request.state.ehr, launch, with_reference(words, reference))
        return replace(notice, reference=reference)

    def _record_outsider(self, ehr: str, launch: str, detail: str) -> None:
        """Somebody of whom nothing is known but the address they asked for."""
        record = AuditRecord(
            action="app:page:refuse",
            at=self.deps.clock(),
            outcome=AuditOutcome.REFUSED,
            ehr=ehr,
            launch=launch,
            detail=detail,
        )
        with self.deps.work() as uow:
            uow.audit.add(record)
            uow.commit()

    def _record_refusal(self, caller: Caller, told: str) -> str:
        """The reference of the record."""
        reference = reference_number()
        with self.deps.work() as uow:
            uow.audit.add(
                audited(
                    caller,
                    self.deps.clock(),
                    "clinician:form:refuse",
                    outcome=AuditOutcome.REFUSED,
                    detail=with_reference(told, reference),
                )
            )
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


def _is_script(request: Request) -> bool:
    return request.headers.get("x-kp-script") == "1"


def _asks_by_itself(request: Request) -> bool:
    """The page refreshes itself: nobody pressed anything."""
    return request.method == "GET" and request.headers.get("x-kp-refresh") == "1"


_TOLD: Mapping[Verdict, str] = {
    Verdict.OTHER_PATIENT: "A form made for another patient or launch was refused; nothing was written.",
    Verdict.NO_TOKEN: "A form without this session's token was refused; nothing was written.",
}


def _place(path: str) -> str:
    """The page without the launch's handle."""
    return path.partition("/l/")[2].partition("/")[2] or "the start"
