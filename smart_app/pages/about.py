"""About the app: what it is for and what it does with missing data, and closing it (ui specification S9)."""

from __future__ import annotations

from inspect import isawaitable

from starlette.responses import HTMLResponse, Response

from smart_app.pages.deps import PageDeps
from smart_app.pages.door import Route, Visit
from smart_app.pages.frame import forget_cookie
from smart_app.pages.templating import render
from smart_app.use_cases.look import HAND_OVER, PAGE, record_look


def show(visit: Visit) -> Response:
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    return visit.page(
        "about.html",
        tab="about",
        title="About",
        version=visit.deps.version,
        contact=visit.deps.contact,
    )


def ask(visit: Visit) -> Response:
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    return visit.page("leave.html", tab="leave", title="Close the app")


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
    Route(path="about", handler=show, auditors=True),
    Route(path="window", handler=window, method="POST", auditors=True),
    Route(path="leave", handler=ask, auditors=True),
    Route(path="leave", handler=leave, method="POST", auditors=True),
)
