"""The frame around every response: policy headers, and the session cookie (security B-2, B-3, B-9)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from launch.cookies import ATTRIBUTES, session_cookie_name
from smart_app.pages.deps import Framing

_FIXED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; form-action {targets}; base-uri 'none'; object-src 'none'; "
    "frame-ancestors {ancestors}; require-trusted-types-for 'script'; trusted-types ktx"
)
_PERMISSIONS = (
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), "
    "display-capture=(), browsing-topics=(), screen-wake-lock=(self)"
)


def policy(framing: Framing | None, *, asking: bool = False) -> str:
    """The Content-Security-Policy of a page; without an EHR nobody may frame it.

    `asking`: the page sends an authorization request on as a form. Chromium holds every redirect after a form to
    form-action too, and where an EHR signs its users in nobody knows here; the page has that one form and no data.
    """
    if framing is None:
        return _FIXED_POLICY.format(targets="'self'", ancestors="'none'")
    targets = "*" if asking else " ".join(("'self'", *framing.form_targets))
    return _FIXED_POLICY.format(targets=targets, ancestors=" ".join(("'self'", *framing.ancestors)))


def session_cookie(header: str | None, launch: str) -> str | None:
    """The secret of this launch from a Cookie header; None: the browser sent none."""
    wanted = session_cookie_name(launch)
    for pair in (header or "").split(";"):  # by hand: one odd cookie of a neighbour must not hide ours
        name, _, value = pair.strip().partition("=")
        if name == wanted and value:
            return value
    return None


def forget_cookie(launch: str) -> str:
    """A Set-Cookie value that removes the session cookie; with Partitioned in it, or the browser keeps it."""
    return f"{session_cookie_name(launch)}=; Max-Age=0; {ATTRIBUTES}"


def put_policy(headers: MutableHeaders, framing: Framing | None, *, asking: bool = False) -> None:
    """The headers of one response. A Cache-Control that is there already stays."""
    headers["Content-Security-Policy"] = policy(framing, asking=asking)
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Permissions-Policy"] = _PERMISSIONS
    headers.setdefault("Cache-Control", "no-store")
    if "X-Frame-Options" in headers:
        del headers["X-Frame-Options"]


class PolicyHeaders:
    """Pure ASGI: puts the headers on every response, those of errors and static files too.

    A framework that answers its own 500 outside of its middleware is covered by `error_page`, which puts the same
    headers on what it makes. A page tells its EHR through `request.state.ehr`, and
    `request.state.asking` that it is the one that asks the EHR. What says how long it may be kept
    (static files, key sets) keeps its own Cache-Control; everything else is `no-store`.
    """

    def __init__(self, app: ASGIApp, *, framing: Callable[[str], Framing | None]) -> None:
        self.app = app
        self.framing = framing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        state = scope.setdefault("state", {})

        async def send_framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                ehr = state.get("ehr")
                framing = self.framing(ehr) if ehr else None
                put_policy(MutableHeaders(scope=message), framing, asking=state.get("asking", False))
            await send(message)

        return await self.app(scope, receive, send_framed)
