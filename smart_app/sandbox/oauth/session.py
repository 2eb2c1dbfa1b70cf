"""The EHR's own cookie: HttpOnly and SameSite=Lax."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "riverside_ehr"


def session_of(request: Request) -> str | None:
    return request.cookies.get(COOKIE)


def set_session(response: Response, session: str) -> None:
    response.set_cookie(COOKIE, session, httponly=True, samesite="lax", path="/")


def clear_session(response: Response) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", path="/")
