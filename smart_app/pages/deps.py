"""What the pages are given: the work they call, the launch they belong to, and where they live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from launch.authorization import AuthorizationRequest
from launch.context import LaunchContext
from launch.sessions import BrowserSession, End
from smart_app.use_cases.ports import Clock, Ehr, EhrOf, Work
from smart_app.use_cases.records import Caller, StoredScreening
from smart_app.use_cases.signing.session_document import PrintNote
from smart_app.use_cases.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """Who may frame the pages of one EHR, and which origins their forms may be led on to (CSP Level 3, 6.4)."""

    ancestors: tuple[str, ...]
    form_targets: tuple[str, ...] = ()


class OpenLaunches(Protocol):
    """The part of `launch.sessions.BrowserSessions` that the pages need."""

    def session(self, launch_id: str, session_digest: str) -> BrowserSession | None: ...

    def note(self, launch_id: str, seen: datetime, place: str) -> None: ...

    def close(self, launch_id: str, end: End) -> bool: ...


class ScreenPatient(Protocol):
    """use_cases.screen_patient.screen_patient."""

    async def __call__(
        self, work: Work, clock: Clock, caller: Caller, ehr: Ehr, site: Site, /
    ) -> StoredScreening: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDeps:
    """Everything the pages take from the composition root."""

    work: Work
    clock: Clock
    launches: OpenLaunches
    ehr_of: EhrOf
    screen: ScreenPatient
    ids: Callable[[], str]  # a new UUID as text
    site: Site
    origin: str  # scheme, host and port of our public address: the only Origin that may post
    framing: Callable[[str], Framing | None]  # by name of the EHR; None: no such EHR
    ehr_name: Callable[[str], str | None]  # of a launch, also of one that has ended: its last page is framed too
    ehr_title: Callable[[str], str]  # by name of the EHR: what its users call it
    end_launch: Callable[[str], object]  # revokes and forgets; may be a coroutine function
    hand_over: Callable[[str], Awaitable[str]]  # a code that gives a launch's session to another window, once
    # A launch, and the page to come back to: its user is to sign in at the EHR again. Raises LaunchError.
    begin_sign_in: Callable[[str, str], Awaitable[AuthorizationRequest]]
    wake_worker: Callable[[], None]
    # The EHR's style document, unread: empty: none, None: on its way. Never waits; called in the event loop.
    style_of: Callable[[LaunchContext], Mapping[str, object] | None] = lambda _context: {}
    print_xhtml: PrintNote
    print_pdf: PrintNote | None = None  # None: not installed here
    app_facts: Callable[[str | None], Mapping[str, Any] | None]  # of an EHR by name, or for all; None: no such EHR
    idle: timedelta = timedelta(minutes=15)  # how long a session may lie unused
    base_path: str = ""  # "" or "/prefix", without a trailing slash
    product: str = "ketamine-pathway"
    version: str = ""
    contact: str = "whoever runs this app at your site"
