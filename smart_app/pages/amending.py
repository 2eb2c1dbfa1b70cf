"""Correct a signed record: open it again with a reason, give that up, add to it in words, or countersign it."""

from __future__ import annotations

from starlette.responses import Response

from smart_app.pages.late import keep_on
from smart_app.pages.signing import note_page
from smart_app.pages.signing_in import asked_first
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.signing.amend_session import add_addendum, begin_amendment, drop_amendment
from smart_app.use_cases.signing.countersign_session import countersign
from smart_app.use_cases.signing.sign_in_again import SignInNeeded

_KEEP = keep_on("session/{session}/addendum")


def amend(visit: Visit) -> Response:
    session = visit.path["session"]
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            begin_amendment(visit.deps.work, visit.deps.clock, visit.caller, session, visit.fields["reason"])
        except Refused as refused:
            problems = refused.at_fields()
        else:
            return visit.go(f"session/{session}/before")
    return visit.page(
        "reason.html",
        tab="session",
        title="Amend this record",
        problems=problems,
        values=visit.fields,
        heading="Amend this record",
        explanation="The session opens again with the values that were signed. What was signed stands until you sign "
        "the next version, and stays readable after. The EHR gets what changed.",
        action=f"session/{session}/amend",
        hidden={},
        button="Open it to amend",
        back=f"session/{session}/sign",
    )


def drop(visit: Visit) -> Response:
    session = visit.path["session"]
    drop_amendment(visit.deps.work, visit.deps.clock, visit.caller, session)
    return visit.go(f"session/{session}/sign")


def addendum(visit: Visit) -> Response:
    view = session_view(visit.deps.work, visit.deps.clock, visit.caller, visit.path["session"], visit.deps.site)
    signed = view.session.signed
    if signed is None:
        raise Refused("This session is not signed yet: change it in its steps.")
    return _addendum(visit, str(signed.version), {})


def _addendum(visit: Visit, version: str, problems: Problems) -> Response:
    return visit.page(
        "addendum.html",
        tab="session",
        title="Add an addendum",
        problems=problems,
        values=visit.fields,
        version=version,
        sid=visit.path["session"],
        strip=True,
    )


def sign_addendum(visit: Visit) -> Response:
    deps, session = visit.deps, visit.path["session"]
    fields = {name: visit.fields.get(name, "") for name in ("text", "reason", "attest", "version")}
    if first := asked_first(visit, _KEEP, f"session/{session}/addendum"):
        return first
    try:
        add_addendum(deps.work, deps.clock, visit.caller, session, fields, deps.ids, deps.site)
    except Refused as refused:
        return _addendum(visit, fields["version"], refused.at_fields())
    deps.wake_worker()
    return visit.go(f"session/{session}/sign?done=1")


def sign_again(visit: Visit) -> Response:
    deps, session = visit.deps, visit.path["session"]
    fields = {name: visit.fields.get(name, "") for name in ("attest", "number")}
    try:
        countersign(deps.work, deps.clock, visit.caller, session, fields, deps.ids, deps.site)
    except SignInNeeded as needed:
        return note_page(visit, {}, too_late=needed.words)
    except Refused as refused:
        return note_page(visit, refused.at_fields())
    deps.wake_worker()
    return visit.go(f"session/{session}/sign?done=2")


ROUTES = (
    Route(path="session/{session}/amend", handler=amend),
    Route(path="session/{session}/amend", handler=amend, method="POST", keep=keep_on("session/{session}/amend")),
    Route(path="session/{session}/amend/drop", handler=drop, method="POST"),
    Route(path="session/{session}/addendum", handler=addendum),
    Route(
        path="session/{session}/addendum",
        handler=sign_addendum,
        method="POST",
        keep=_KEEP,
    ),
    Route(path="session/{session}/countersign", handler=sign_again, method="POST"),
)
