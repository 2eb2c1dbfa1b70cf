"""Check the note, sign it, see what the EHR has taken, and take a signed note back (ui specification S5)."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from smart_app.pages.late import keep_on
from smart_app.pages.session_chart import readings_chart, record_chart
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.delivery.delivery_status import delivery_view, release_waiting, retry_delivery
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.late_forms import late_forms
from smart_app.use_cases.session.session_lines import STEPS
from smart_app.use_cases.signing.sign_in_again import SignInNeeded
from smart_app.use_cases.signing.sign_session import Review, review, sign
from smart_app.use_cases.signing.take_back_session import enter_in_error

_DONE = {"1": "Signed.", "2": "Countersigned."}
_BACK = frozenset({"progress", "enrolment"})


def check(visit: Visit) -> Response:
    """The note as it will be stored, or as it was signed."""
    return note_page(visit, {})


def note_page(visit: Visit, problems: Problems, *, changed: bool = False, too_late: str = "") -> Response:
    """The note to be signed, or as it was signed; with what is wrong in the form that stands on it.

    `too_late`: why a signature was refused that a new sign-in has to come before.
    """
    session, deps = visit.path["session"], visit.deps
    found = review(deps.work, deps.clock, visit.caller, session, deps.site)
    signed = found.view.session.signed if found.view.session.amendment is None else None
    delivery = delivery_view(deps.work, deps.clock, visit.caller, session) if signed else None
    title = f"{found.view.title}: {'signed note' if signed else 'check the note'}"
    return visit.page(
        "signed.html" if signed else "sign.html",
        tab="session",
        title=title,
        status=409 if changed else 403 if too_late else 200,
        review=found,
        chart=_chart(visit, found),
        view=found.view,
        sid=session,
        signed=signed,
        delivery=delivery,
        unsaved=_unsaved(visit, found) if signed is None else (),
        changed=changed,
        too_late=too_late,
        countersign=deps.site.countersign,
        problems=problems,
        values=visit.fields,
        strip=True,
        notice=_DONE.get(visit.query.get("done", ""), ""),
    )


def _unsaved(visit: Visit, found: Review) -> tuple[str, ...]:
    """Steps on which this user has typed something and not saved it: it would not be part of what is signed."""
    session = found.view.session
    recorded = {entry.id for entry in session.entries}
    with visit.deps.work.reading() as uow:
        forms = {step: late_forms(uow, visit.caller, f"session/{session.id}/{step}") for step in STEPS}
    return tuple(step for step, kept in forms.items() if any(form.key not in recorded for form in kept))


def _chart(visit: Visit, found: Review) -> Markup:
    limits = visit.deps.site.limits
    return record_chart(found.record, limits) if found.record is not None else readings_chart(found.view, limits)


def confirm(visit: Visit) -> Response:
    """Sign exactly what was on the page: when the session was changed since, the note is shown again."""
    session, deps = visit.path["session"], visit.deps
    found = review(deps.work, deps.clock, visit.caller, session, deps.site)
    version = str(found.view.session.version)
    open_ = found.view.session.signed is None or found.view.session.amendment is not None
    if open_ and visit.fields.get("version") != version:
        return note_page(visit, {}, changed=True)
    fields = {name: visit.fields.get(name, "") for name in ("attest", "count", "version")}
    try:
        sign(deps.work, deps.clock, visit.caller, session, fields, deps.ids, deps.site)
    except SignInNeeded as needed:
        return note_page(visit, {}, too_late=needed.words)
    except Refused as refused:
        return note_page(visit, refused.at_fields())
    deps.wake_worker()
    return visit.go(f"session/{session}/sign?done=1")


def take_back(visit: Visit) -> Response:
    session, deps = visit.path["session"], visit.deps
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            enter_in_error(deps.work, deps.clock, visit.caller, session, visit.fields["reason"], deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields(otherwise="reason")
        else:
            deps.wake_worker()
            return visit.go(f"session/{session}/sign")
    return visit.page(
        "reason.html",
        tab="session",
        title="Entered in error",
        problems=problems,
        values=visit.fields,
        heading="Mark this session as entered in error",
        explanation="The session no longer counts for the course, and what was written to the EHR is marked as "
        "entered in error there too. Nothing is deleted; your reason is kept.",
        action=f"session/{session}/error",
        hidden={},
        button="Mark as entered in error",
        back=f"session/{session}/sign",
    )


def retry(visit: Visit) -> Response:
    retry_delivery(visit.deps.work, visit.deps.clock, visit.caller, visit.fields.get("message", ""))
    visit.deps.wake_worker()
    return _back(visit)


def release(visit: Visit) -> Response:
    release_waiting(visit.deps.work, visit.deps.clock, visit.caller)
    visit.deps.wake_worker()
    return _back(visit)


def _back(visit: Visit) -> Response:
    """Only to pages of ours: the field is compared, never used as an address."""
    back, session = visit.fields.get("back", ""), visit.fields.get("session", "")
    if session and session.replace("-", "").isalnum() and session.isascii():
        return visit.go(f"session/{session}/sign")
    return visit.go(back if back in _BACK else "progress")


ROUTES = (
    Route(path="session/{session}/sign", handler=check),
    Route(path="session/{session}/sign", handler=confirm, method="POST"),
    Route(path="session/{session}/error", handler=take_back),
    Route(path="session/{session}/error", handler=take_back, method="POST", keep=keep_on("session/{session}/error")),
    Route(path="delivery/retry", handler=retry, method="POST"),
    Route(path="delivery/release", handler=release, method="POST"),
)
