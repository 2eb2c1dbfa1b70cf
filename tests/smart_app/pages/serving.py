"""Serves a desk's pages on a free port of this machine, for tests in a real browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from launch.cookies import session_cookie_name
from tests.smart_app.pages.desk import LAUNCH, SECRET, Desk


@contextmanager
def served(desk: Desk, *, port: int = 0) -> Iterator[str]:
    """The origin under which the desk can be reached; the desk's own origin is set to it."""
    listener = socket.create_server(("127.0.0.1", port))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    desk.move_to(origin)
    server = uvicorn.Server(uvicorn.Config(with_start(desk), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield origin
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


def with_start(desk: Desk) -> ASGIApp:
    """/start gives the browser the session cookie, as the launch's callback would, and leads to the screening.

    /start/NAME does so for the launch of that name.
    """
    pages = desk.app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].split("/")[1] != "start":
            return await pages(scope, receive, send)
        desk.launches.wake(desk.now)
        launch = scope["path"].removeprefix("/start").strip("/") or LAUNCH
        response = RedirectResponse(f"/l/{launch}/screening", status_code=303)
        cookie = f"{session_cookie_name(launch)}={SECRET}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
        response.headers.append("set-cookie", cookie)
        return await response(scope, receive, send)

    return app
