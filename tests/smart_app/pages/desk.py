"""A clinician's desk for the page tests: a launch in memory, a patient, and the pages around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from fhir_mappings.facts.audit import AuditRecord
from fhir_mappings.facts.treatment import Clinician, Role
from launch.authorization import AuthorizationRequest, digest
from launch.context import LaunchContext, SignsIn
from launch.cookies import session_cookie_name
from launch.errors import LaunchError
from launch.sessions import BrowserSession, End
from smart_app.notes.xhtml import print_xhtml
from smart_app.pages import Framing, PageDeps, PolicyHeaders, create_pages, error_page
from smart_app.use_cases.records import Caller, Json, StoredScreening
from smart_app.use_cases.signing.session_document import PrintNote
from smart_app.use_cases.site import Site
from tests.fakes import FakeWork
from tests.smart_app.clinical.vials import LEDGER_ELSEWHERE
from tests.smart_app.store.stored_records import a_pending_launch

ZONE = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 14, 32, 7, tzinfo=ZONE)
ORIGIN = "https://app.example"
BASE = "https://ehr.example/fhir"
LAUNCH = "launch-of-ada"
SECRET = "cookie-secret-of-ada"
HEADERS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

PERSON: Json = {
    "family": "Testpatient",
    "given": "Ada",
    "birthDate": "1986-03-04",
    "gender": "female",
    "mrn": "TP-000123",
    "allergies": "Penicillin",
}


def a_clinician(role: Role = Role.PRESCRIBER, name: str = "Dr Synthia Example") -> Clinician:
    return Clinician(reference=f"{BASE}/Practitioner/{role}", name=name, role=role)


def a_caller(**changes: Any) -> Caller:
    values: dict[str, Any] = {
        "launch": LAUNCH,
        "ehr": "demo",
        "fhir_base": BASE,
        "patient_id": "ada",
        "clinician": a_clinician(),
        "may_write": True,
    }
    return Caller(**(values | changes))


def a_finding(rule: str = "I-MDD", *, kind: str = "indication", state: str = "met", **changes: Any) -> Json:
    return {
        "rule": rule,
        "state": state,
        "kind": kind,
        "title": "Major depressive disorder, recurrent",
        "reason": "An active diagnosis of the programme's list is recorded.",
        "evidence": [
            {
                "reference": "Condition/mdd-1",
                "date": "2024-02-11",
                "text": "Recurrent major depression (F33.2), active",
            }
        ],
    } | changes


def a_result(status: str = "candidate", **changes: Any) -> Json:
    return {
        "status": status,
        "asOf": NOW.isoformat(),
        "rulesVersion": "1.0",
        "findings": [a_finding()],
        "alerts": [],
        "gaps": [],
        "looked_at": [
            a_finding("C-SCZ", kind="contraindication", state="not-met", title="Schizophrenia", evidence=[])
        ],
    } | changes


def a_screening(status: str = "candidate", **changes: Any) -> StoredScreening:
    values: dict[str, Any] = {
        "id": "screening-1",
        "launch": LAUNCH,
        "ehr": "demo",
        "patient": f"{BASE}/Patient/ada",
        "at": NOW - timedelta(minutes=20),
        "by": a_clinician(),
        "status": status,
        "rules_version": "1.0",
        "result": a_result(status),
        "read": ("Condition/mdd-1/_history/1",),
        "conditions": ("Condition/mdd-1",),
        "person": PERSON,
        "weight": {"kg": "82.0", "date": "2026-11-20", "reference": "Observation/w1"},
        "baseline_scores": ({"total": 21, "date": "2026-11-20", "reference": "Observation/phq", "item9": 1},),
    }
    return StoredScreening(**(values | changes))


@dataclass
class FakeLaunchList:
    """Sessions in memory: `notes` is what a store would have written, `closings` what it would have audited."""

    contexts: dict[str, LaunchContext] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    notes: list[tuple[str, datetime, str]] = field(default_factory=list)
    closings: dict[str, End] = field(default_factory=dict)

    def session(self, launch_id: str, session_digest: str) -> BrowserSession | None:
        context = self.contexts.get(launch_id)
        if context is None or self.digests.get(launch_id) != session_digest:
            return None
        ours = [note for note in self.notes if note[0] == launch_id]
        _, seen, place = ours[-1] if ours else ("", context.started, "")
        return BrowserSession(context=context, seen=seen, place=place, closed=self.closings.get(launch_id))

    def note(self, launch_id: str, seen: datetime, place: str) -> None:
        self.notes.append((launch_id, seen, place))

    def wake(self, now: datetime) -> None:
        """Somebody sits down: whatever time a test has let pass before counts for nothing."""
        for launch_id in self.contexts:
            self.notes.append((launch_id, now, ""))

    def close(self, launch_id: str, end: End) -> bool:
        return self.closings.setdefault(launch_id, end) is end


class FakeEhr:
    """Only handed through to the screening."""

    fhir_base = BASE


@dataclass
class Desk:
    """The pages with everything behind them in memory. `now` may be moved."""

    work: FakeWork = field(default_factory=FakeWork)
    launches: FakeLaunchList = field(default_factory=FakeLaunchList)
    now: datetime = NOW
    screens: list[StoredScreening] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    handed_over: list[str] = field(default_factory=list)
    asked_to_sign_in: list[str] = field(default_factory=list)
    sign_in_fails: LaunchError | None = None
    woken: int = 0
    base_path: str = ""
    print_pdf: PrintNote | None = None

    def __post_init__(self) -> None:
        numbers = count(1)
        self.deps = PageDeps(
            work=self.work,
            clock=lambda: self.now,
            launches=self.launches,
            ehr_of=lambda launch: FakeEhr() if launch in self.launches.contexts else None,  # type: ignore[arg-type, return-value]  # never called
            screen=self._screen,
            ids=lambda: str(UUID(int=next(numbers))),
            site=Site(base_url=ORIGIN, version="0.1.0", ledger=LEDGER_ELSEWHERE),
            print_xhtml=print_xhtml,
            print_pdf=self.print_pdf,
            origin=ORIGIN,
            framing=lambda ehr: (
                Framing(ancestors=("https://ehr.example",), form_targets=("https://login.example",))
                if ehr == "demo"
                else None
            ),
            ehr_name=lambda launch: "demo" if launch in self.launches.contexts or launch in self.ended else None,
            ehr_title={"demo": "Riverside Clinic"}.__getitem__,
            end_launch=self._end,
            hand_over=self._hand_over,
            begin_sign_in=self._begin_sign_in,
            wake_worker=self._wake,
            app_facts=lambda ehr: {"format": "x", "ehr": ehr} if ehr in (None, "demo") else None,
            base_path=self.base_path,
        )

    async def _screen(self, _work: Any, _clock: Any, caller: Caller, _ehr: Any, _site: Any) -> StoredScreening:
        made = self.screens.pop(0) if self.screens else a_screening()
        made = replace(made, launch=caller.launch, patient=caller.patient)
        self.keep(screening=made)
        return made

    def _end(self, launch: str) -> None:
        self.ended.append(launch)
        self.launches.contexts.pop(launch, None)
        self.work.end_launch(launch)

    def _wake(self) -> None:
        self.woken += 1

    def move_to(self, origin: str) -> None:
        """Answer under another origin, such as that of a test server."""
        self.deps = replace(self.deps, origin=origin)

    def open(self, caller: Caller | None = None, secret: str = SECRET) -> Caller:
        """Begin a launch: from now on its cookie opens the pages."""
        caller = caller or a_caller()
        self.launches.contexts[caller.launch] = a_context(caller, self.now)
        self.launches.digests[caller.launch] = digest(secret)
        self.keep(caller=caller)
        return caller

    def keep(self, *, caller: Caller | None = None, screening: StoredScreening | None = None) -> None:
        with self.work() as uow:
            if caller:
                uow.launches.keep_caller(caller)
            if screening:
                uow.screenings.add(screening)
            uow.audit.add(AuditRecord(action="test:desk:keep", at=self.now))
            uow.commit()

    async def _begin_sign_in(self, launch: str, place: str) -> AuthorizationRequest:
        if self.sign_in_fails is not None:
            raise self.sign_in_fails
        self.asked_to_sign_in.append(place)
        pending = a_pending_launch(signs_in=SignsIn(launch=launch, place=place))
        endpoint = "https://ehr.example/authorize"
        return AuthorizationRequest(pending=pending, endpoint=endpoint, asked={}, browser_secret="start-secret")

    async def _hand_over(self, launch: str) -> str:
        self.handed_over.append(launch)
        return "CODE"

    def app(self) -> ASGIApp:
        app = FastAPI(openapi_url=None)
        app.include_router(create_pages(self.deps))
        app.add_exception_handler(404, lambda _request, _error: error_page(self.deps, status=404))
        return PolicyHeaders(app, framing=self.deps.framing)

    def client(self, launch: str = LAUNCH, secret: str | None = SECRET) -> httpx.AsyncClient:
        self.launches.wake(self.now)
        headers = {"Cookie": f"other=1; {session_cookie_name(launch)}={secret}"} if secret else {}
        transport = httpx.ASGITransport(self.app())
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers)


def a_context(caller: Caller, now: datetime) -> LaunchContext:
    return LaunchContext(
        id=caller.launch,
        ehr=caller.ehr,
        fhir_base=caller.fhir_base,
        patient=caller.patient_id,
        encounter=None,
        fhir_user=caller.clinician.reference,
        user_name=caller.clinician.name,
        subject="sub",
        token_issuer="https://login.example",
        scope="launch patient/*.rs",
        need_patient_banner=caller.show_banner,
        intent=None,
        tenant=None,
        style_url=None,
        started=now,
        expires=now + timedelta(hours=12),
    )


@dataclass
class FormFound:
    """One form of a page as a browser would send it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class PageParts(HTMLParser):
    """What a test asks of a page: its forms, links, headings and text, all unescaped as a reader sees them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[FormFound] = []
        self.links: dict[str, str] = {}
        self.ids: set[str] = set()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.title = ""
        self._open: list[str] = []
        self._select = ""
        self._area = ""
        self._href = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append((tag, found))
        if "id" in found:
            assert found["id"] not in self.ids, f"id {found['id']} twice"
            self.ids.add(found["id"])
        if tag == "form" and "dialog" not in self._open:
            self.forms.append(FormFound(action=found.get("action", "")))
        if tag == "input" and self.forms and "name" in found:
            choice = found.get("type") in {"radio", "checkbox"}
            if not choice or "checked" in found:
                self.forms[-1].fields[found["name"]] = found.get("value", "")
        if tag == "textarea":
            self._area = found["name"]
        if tag == "select":
            self._select = found["name"]
        if tag == "option" and "selected" in found:
            self.forms[-1].fields[self._select] = found.get("value", "")
        if tag == "a":
            self._href = found.get("href", "")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if {"dialog", "template"} & set(self._open):
            return  # not shown
        if self._area:
            held = self.forms[-1].fields.get(self._area, "")
            self.forms[-1].fields[self._area] = held + (data[1:] if not held and data.startswith("\n") else data)
        if self._open and self._open[-1] == "title" and "svg" not in self._open:
            self.title += data
        if "a" in self._open:
            self.links[data.strip()] = self._href
        self.text += data + " "

    def form(self, end: str) -> FormFound:
        """The form whose action ends so."""
        found = [form for form in self.forms if form.action.endswith(end)]
        assert found, f"no form to {end}, only {[form.action for form in self.forms]}"
        return found[0]


async def post(client: httpx.AsyncClient, form: FormFound, **values: str) -> httpx.Response:
    """Send a form as its own page would."""
    fields = form.fields | {name.replace("__", "."): value for name, value in values.items()}
    return await client.post(
        form.action,
        content=urlencode(fields),
        headers=HEADERS | {"Content-Type": "application/x-www-form-urlencoded"},
    )
