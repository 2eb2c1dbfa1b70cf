"""About the app: what it is for and what it does with missing data, and closing it (ui specification S9)."""

from __future__ import annotations

from inspect import isawaitable

from starlette.responses import HTMLResponse, Response

from smart_app.pages.door import Route, Visit
from smart_app.pages.frame import forget_cookie
from smart_app.pages.templating import render
from smart_app.use_cases.look import PAGE, record_look


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
    Route(path="leave", handler=ask, auditors=True),
    Route(path="leave", handler=leave, method="POST", auditors=True),
)
