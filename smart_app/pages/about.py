"""About the app: what it is for and what it does with missing data, and closing it (ui specification S9)."""

from __future__ import annotations

import re
from inspect import isawaitable

from starlette.responses import HTMLResponse, Response

from launch.context import FhirContextItem, LaunchContext
from smart_app.pages.deps import PageDeps
from smart_app.pages.frame import forget_cookie
from smart_app.pages.templating import render
from smart_app.pages.visit import Route, Visit
from smart_app.pages.ways import Ways, ways_cookie
from smart_app.pages.wording import ROLES, entered
from smart_app.use_cases.delivery.left_out import losses
from smart_app.use_cases.look import HAND_OVER, PAGE, record_look

_TYPE = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,40})(?:/|$)")
_VISIT = "A visit was open in the chart. What is written of today's session is linked to it."
_NO_VISIT = "No visit was open in the chart. What is written is linked to none."
_OUR_BANNER = "This app shows it on every page."
_THEIR_BANNER = (
    "The EHR shows it around this app. Here it is on paper, in the page's title, and where you enrol and sign."
)


def show(visit: Visit) -> Response:
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    return visit.page(
        "about.html",
        tab="about",
        title="About",
        start=this_start(visit),
        version=visit.deps.version,
        contact=visit.deps.contact,
        notice="Saved for this device." if visit.query.get("saved") else "",
    )


def this_start(visit: Visit) -> tuple[tuple[str, str], ...]:
    """What the EHR said when the app was started, in words and without ids: (name, value) for each fact."""
    context, caller, zone = visit.context, visit.caller, visit.now.tzinfo
    opened = "from this app; the patient was chosen in the EHR" if context.standalone else "from the patient's chart"
    beside = also_open(context)
    return (
        ("EHR", visit.deps.ehr_title(caller.ehr)),
        ("Site, as the EHR names it", context.tenant or "Not named"),
        ("Started", f"{entered(context.started.astimezone(zone), visit.now)}, {opened}"),
        ("Visit", _VISIT if context.encounter else _NO_VISIT),
        *((("Also open in the chart", beside),) if beside else ()),
        ("Patient's name", _OUR_BANNER if caller.show_banner else _THEIR_BANNER),
        ("Signed in as", _signed_in(visit)),
        ("Written to the chart", _written(visit)),
        ("Session ends", f"At {entered(context.expires.astimezone(zone), visit.now)}, if you do not close it before"),
    )


def _signed_in(visit: Visit) -> str:
    caller = visit.caller
    if visit.context.fhir_user is None:
        return "Nobody: the EHR did not say who you are. Nothing can be written."
    reading = "" if caller.may_write else ", reading only"
    return f"{caller.clinician.name}, {ROLES[caller.role]}{reading}"


def _written(visit: Visit) -> str:
    """What the granted scopes let be written, and what they leave out."""
    if not visit.caller.may_write:
        return "Nothing: the EHR, or the app's registration with it, does not allow it."
    lost = losses(visit.caller.not_granted)
    return " ".join(lost) if lost else "Sessions with dose, readings and who signed, and the course."


def also_open(context: LaunchContext) -> str:
    """Which kinds of things the chart had open beside the patient (`fhirContext`), each once; empty: none."""
    words = dict.fromkeys(_kind(item) for item in context.fhir_context)
    return ", ".join(words).capitalize()


def _kind(item: FhirContextItem) -> str:
    """`ImagingStudy/17` is an imaging study."""
    found = _TYPE.search(item.type or item.reference or item.canonical or "")
    return (
        re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[1]).lower() if found else "something of a kind that was not named"
    )


def ask(visit: Visit) -> Response:
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    return visit.page("leave.html", tab="leave", title="Close the app")


def set_ways(visit: Visit) -> Response:
    """Keys and tone of this browser, whoever works at it."""
    response = visit.go("about?saved=1#keys")
    ways = Ways(keys=visit.fields.get("keys") == "yes", tone=visit.fields.get("tone") == "yes")
    response.headers.append("Set-Cookie", ways_cookie(ways))
    return response


async def window(visit: Visit) -> Response:
    """A link to a window of its own. Not a redirect: the new window has none of this frame's cookies."""
    code = await visit.deps.hand_over(visit.caller.launch)
    record_look(visit.deps.work, visit.deps.clock, visit.caller, HAND_OVER)
    return visit.page("window.html", tab="about", title="In its own window", way=handover_path(visit.deps, code))


def handover_path(deps: PageDeps, code: str) -> str:
    return f"{deps.base_path}/handover/{code}"


async def leave(visit: Visit) -> Response:
    """Revoke and forget; the browser drops its cookie and what it kept of these pages."""
    ended = visit.deps.end_launch(visit.caller.launch)
    if isawaitable(ended):
        await ended
    html = render(visit.printer.templates, "left.html", {"product": visit.deps.product})
    response = HTMLResponse(html)
    response.headers.append("Set-Cookie", forget_cookie(visit.caller.launch))
    return response


ROUTES = (
    Route(path="about", handler=show, auditors=True, step=False),
    Route(path="about/ways", handler=set_ways, method="POST", auditors=True, step=False),
    Route(path="window", handler=window, method="POST", auditors=True),
    Route(path="leave", handler=ask, auditors=True, step=False),
    Route(path="leave", handler=leave, method="POST", auditors=True),
)
