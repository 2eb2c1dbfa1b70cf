"""Staying signed in: how long the session lasts, going on with it, and what came too late (ui specification 5.1)."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from launch.sessions import is_place
from smart_app.pages.late import drop_kept
from smart_app.pages.visit import FIRST, Route, Visit
from smart_app.use_cases.look import PAGE, record_look


def how_long(visit: Visit) -> Response:
    """Asked by every open page, so that several tabs agree; the door's header is the answer."""
    return JSONResponse({"ends": visit.ends})


def ask(visit: Visit) -> Response:
    """Where a page without its script leads shortly before the end, if nothing can be typed into it."""
    record_look(visit.deps.work, visit.deps.clock, visit.caller, PAGE)
    return visit.page("stay.html", tab="stay", title="Are you still there?", at=visit.ends.rpartition(";")[2])


def stay(visit: Visit) -> Response:
    """A person pressed a button, and the door has noted it."""
    return JSONResponse({}) if visit.quiet else visit.go(visit.place or FIRST)


def drop(visit: Visit) -> Response:
    """What came too late is not wanted."""
    page = visit.fields.get("page", "")
    if not is_place(page):
        return visit.go(FIRST)
    drop_kept(visit, page)
    return visit.go(page)


ROUTES = (
    Route(path="time", handler=how_long, auditors=True, background=True),
    Route(path="stay", handler=ask, auditors=True, background=True),
    Route(path="stay", handler=stay, method="POST", auditors=True),
    Route(path="late/drop", handler=drop, method="POST"),
)
