"""One request to the pages of a launch, and what a page module's table says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from gzip import compress
from typing import Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from launch.context import LaunchContext
from launch.sessions import End
from smart_app.pages.deps import PageDeps
from smart_app.pages.guard import Marks
from smart_app.pages.refusals import Printer
from smart_app.pages.templating import render
from smart_app.pages.ways import Ways, without_keys
from smart_app.pages.wording import Banner, banner, ends_words
from smart_app.use_cases.delivery.left_out import losses
from smart_app.use_cases.errors import Problems
from smart_app.use_cases.late_forms import LateForm
from smart_app.use_cases.records import Caller, StoredScreening

OK = 200
UNUSABLE = 422  # a form with problems
FIRST = "screening"  # where a launch lands that nothing else leads

Handler = Callable[["Visit"], Response | Awaitable[Response]]
Keep = Callable[["Visit"], str]  # keeps what a form holds and does nothing else; what was kept, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of a page module's table."""

    path: str  # under /l/{launch}/
    handler: Handler
    method: str = "GET"
    auditors: bool = False  # auditors see the audit pages only
    keep: Keep | None = None  # for a form that comes after the session's end; None: nothing of it is kept
    step: bool = True  # False: nobody wants to come back here, so signing in again leads to the page before
    background: bool = False  # not a person's request: it does not keep the session open


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request by a clinician whom the door let in."""

    deps: PageDeps
    printer: Printer
    caller: Caller
    marks: Marks
    context: LaunchContext  # what the EHR said when the app was started
    end: End  # when the session ends if nobody asks for anything more
    place: str  # the page last opened in this launch; empty: none yet
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]
    fields: Mapping[str, str]
    screening: StoredScreening | None  # the patient's latest: the banner's source
    quiet: bool = False  # asked by the page's own script, which wants a short answer
    again: bool = False  # the page refreshes itself
    late: tuple[LateForm, ...] = ()  # of this page: typed or sent too late, and not dealt with yet; oldest first
    packed: bool = False  # the page may be sent compressed: nothing of the request stands in it
    ways: Ways = field(default_factory=Ways)  # of the browser
    draft: bool = False  # the form is to be kept while it is typed: nobody pressed its button

    @property
    def root(self) -> str:
        """Where the pages of this launch begin, without a trailing slash."""
        return f"{self.deps.base_path}/l/{self.caller.launch}"

    @property
    def banner(self) -> Banner | None:
        return None if self.screening is None else banner(self.screening.person, self.now.date())

    @property
    def shown_again(self) -> tuple[LateForm, ...]:
        """What stands in the forms of this page again: the oldest of each form, the others after it."""
        return tuple({form.kind: form for form in reversed(self.late)}.values())[::-1]

    @property
    def ends(self) -> str:
        """For the page's script: how long the session lasts if nobody asks for anything more."""
        return ends_words(self.end, self.now)

    def page(self, template: str, *, tab: str, title: str, status: int = 200, **values: Any) -> Response:
        """A whole page. `problems` among the values make it a 422 and put "Error: " before the title.

        `asks` tells the template that one of them asks whether an unusual value is right.
        """
        told: dict[str, Any] = {"problems": {}, "notice": "", "strip": False} | values
        problems: Problems = told["problems"]
        told["asks"] = any(words.startswith("Check:") for words in problems.values())
        status = UNUSABLE if problems else status
        late = self.shown_again if status == OK else ()
        if "values" in told:
            told["values"] = dict(told["values"]) | {
                name: text for form in late for name, text in form.fields.items()
            }
        told["late"] = late
        html = render(self.printer.templates, template, told | self._frame(tab, title))
        html = html if self.ways.keys else without_keys(html)
        if self.packed and status == OK:
            headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return HTMLResponse(compress(html.encode(), mtime=0), status_code=status, headers=headers)
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
            "ledger_here": self.deps.site.ledger.here,
            "sign_in_minutes": self.deps.site.sign_in_minutes,
            "title": title,
            "product": self.deps.product,
            "losses": losses(self.caller.not_granted, tab) if self.caller.may_write else (),
            "ways": self.ways,
            "ends": self.ends,
            "seconds_left": int(self.ends.partition(";")[0]),
            "sign_in": sign_in(self.deps, self.caller.ehr) if self.context.standalone else "",
        }


def sign_in(deps: PageDeps, ehr: str) -> str:
    """Where the app is opened again without a chart."""
    return f"{deps.base_path}/launch?{urlencode({'ehr': ehr})}"
