"""What ends or takes back something in a session, always with a reason: strike out, stop early, missed."""

from __future__ import annotations

from starlette.responses import Response

from fhir_mappings.facts.treatment import SessionStatus
from smart_app.pages.late import keep_on
from smart_app.pages.signing_in import asked_first
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import clock
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.session.record_session import session_view
from smart_app.use_cases.session.session_entries import strike_entry
from smart_app.use_cases.session.session_lines import SessionView
from smart_app.use_cases.session.stop_session import stop_session
from smart_app.use_cases.signing.missed_session import not_done


def strike(visit: Visit) -> Response:
    session, entry = visit.path["session"], visit.path["entry"]
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            strike_entry(visit.deps.work, visit.deps.clock, visit.caller, session, entry, visit.fields["reason"])
        except Refused as refused:
            problems = refused.at_fields(otherwise="reason")
        else:
            return visit.go(f"session/{session}/monitor?saved=1")
    view = session_view(visit.deps.work, visit.deps.clock, visit.caller, session, visit.deps.site)
    line = _line(view, entry)
    if not line:
        return visit.go(f"session/{session}/monitor")
    return visit.page(
        "reason.html",
        tab="session",
        title="Strike out",
        problems=problems,
        values=visit.fields,
        heading="Strike out this line",
        about=line,
        explanation="The line stays readable with a line through it, your name and your reason. "
        "It counts for nothing any more.",
        action=f"session/{session}/strike/{entry}",
        hidden={},
        button="Strike out",
        back=f"session/{session}/monitor",
    )


def _line(view: SessionView, entry: str) -> str:
    """What is struck out, as it stands in the session; "" where the session holds no such line."""
    for reading in view.readings:
        if reading.id == entry:
            measured = (
                ("", f"{reading.systolic}/{reading.diastolic}" if reading.systolic is not None else None, "mmHg"),
                ("heart rate ", reading.heart_rate, "/min"),
                ("SpO₂ ", reading.oxygen_saturation, "%"),
                ("breaths ", reading.respiratory_rate, "/min"),
                ("MOAA/S ", reading.sedation, ""),
                ("dissociation ", reading.dissociation, ""),
            )
            words = ", ".join(f"{name}{value} {unit}".strip() for name, value, unit in measured if value is not None)
            return f"{clock(reading.at)} {words}. {reading.by.name}"
    infused = view.infusion.lines if view.infusion else ()
    for line in (*view.events, *view.rescues, *view.notes, *infused):
        if line.id == entry:
            return f"{clock(line.at)} {line.text}. {line.by.name}"
    return ""


def stop(visit: Visit) -> Response:
    """Stop the session early, from every step."""
    deps, session = visit.deps, visit.path["session"]
    problems: Problems = {}
    if "stop.reason" in visit.fields:
        try:
            stop_session(deps.work, deps.clock, visit.caller, session, visit.fields)
        except Refused as refused:
            problems = refused.at_fields(otherwise="stop.reason")
        else:
            view = session_view(deps.work, deps.clock, visit.caller, session, deps.site)
            return visit.go(f"session/{session}/{_after_stop(view)}")
    view = session_view(deps.work, deps.clock, visit.caller, session, deps.site)
    return visit.page(
        "stop.html",
        tab="session",
        title="Stop the session early" if view.dose.started else "End the session without a dose",
        view=view,
        sid=session,
        problems=problems,
        values=dict(view.fields) | dict(visit.fields),
    )


def _after_stop(view: SessionView) -> str:
    """Where the next thing is asked: what was given, then the discharge; without a dose only the signature."""
    if view.session.status is SessionStatus.NOT_DONE:
        return "sign"
    dose = next(state for state in view.steps if state.key == "dose")
    return "dose?saved=1" if dose.problems else "discharge?saved=1"


def missed(visit: Visit) -> Response:
    """The next session did not take place."""
    deps = visit.deps
    problems: Problems = {}
    if "reason" in visit.fields:
        if first := asked_first(visit, _KEEP_MISSED, "session/missed"):
            return first
        try:
            not_done(deps.work, deps.clock, visit.caller, visit.fields, deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields(otherwise="reason")
        else:
            deps.wake_worker()
            return visit.go("progress")
    view = course_view(deps.work, deps.clock, visit.caller)
    return visit.page(
        "missed.html",
        tab="session",
        title="The session did not take place",
        view=view,
        problems=problems,
        values=visit.fields or {"day": visit.now.date().isoformat()},
    )


_KEEP_MISSED = keep_on("session/missed")
_STRIKE, _STOP = "session/{session}/strike/{entry}", "session/{session}/stop"

ROUTES = (
    Route(path="session/missed", handler=missed),
    Route(path="session/missed", handler=missed, method="POST", keep=_KEEP_MISSED),
    Route(path=_STRIKE, handler=strike),
    Route(path=_STRIKE, handler=strike, method="POST", keep=keep_on(_STRIKE)),
    Route(path=_STOP, handler=stop),
    Route(path=_STOP, handler=stop, method="POST", keep=keep_on(_STOP)),
)
