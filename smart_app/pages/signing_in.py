"""To the EHR, to sign in once more before signing, and back to the page that is to be signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from starlette.responses import Response

from launch.cookies import start_cookie
from launch.errors import LaunchEnded, LaunchError
from smart_app.pages.refusals import launch_failed, not_found, show_notice
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.look import record_look
from smart_app.use_cases.signing.sign_in_again import BEGIN, must_sign_in, refuse_sign_in

_PLACE = re.compile(r"session/(?:missed|[A-Za-z0-9-]{1,64}/(?:sign|addendum))")


async def ask(visit: Visit) -> Response:
    """By a link and not by a form: nobody knows here where an EHR signs its users in, and a form may not go there."""
    deps, place = visit.deps, visit.path["place"]
    if not _PLACE.fullmatch(place):
        return show_notice(visit.printer, not_found(), root=visit.root)
    try:
        begun = await deps.begin_sign_in(visit.caller.launch, place)
    except LaunchEnded:
        raise
    except LaunchError as error:
        error.back = f"{visit.root}/{place}"
        error.reference = refuse_sign_in(deps.work, deps.clock, visit.caller, error.reason)
        return show_notice(visit.printer, replace(launch_failed(error), reference=error.reference))
    record_look(deps.work, deps.clock, visit.caller, BEGIN)
    answer = Response(status_code=303, headers={"Location": begun.url})
    answer.headers.append("Set-Cookie", start_cookie(begun.pending.id, begun.browser_secret))
    return answer


def asked_first(visit: Visit, keep: Callable[[Visit], str], place: str) -> Response | None:
    """What is typed is kept, and the page that asks to sign in again; None: nothing needs to be asked.

    For forms that are filled in and signed in one step.
    """
    with visit.deps.work.reading() as uow:
        if not must_sign_in(uow, visit.caller, visit.now, visit.deps.site):
            return None
    keep(replace(visit, draft=True))
    return visit.page("sign_in_again.html", tab="session", title="Sign in again to sign", place=place, strip=True)


ROUTES = (Route(path="sign-in-again/{place:path}", handler=ask, step=False),)
