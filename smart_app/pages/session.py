"""A running session: the four steps, saving as typed, readings, events and notes (ui specification S4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from fhir_mappings.facts.treatment import Role, SessionStatus
from smart_app.clinical.adverse_events import EVENTS, QUICK
from smart_app.clinical.entry import DISSOCIATION, SEDATION, day, readable
from smart_app.clinical.infusion import RATES
from smart_app.clinical.rescue_medicines import RESCUE, UNITS
from smart_app.clinical.rescue_medicines import ROUTES as ROUTES_OF_RESCUE
from smart_app.clinical.session_rules import EARLY
from smart_app.pages.late import DRAFT, KeepOn, keep_on
from smart_app.pages.measured import measured_at
from smart_app.pages.session_chart import readings_chart
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.follow_course import CourseView, course_view
from smart_app.use_cases.late_forms import LateForm
from smart_app.use_cases.reasons import REASON_LENGTH, says_enough
from smart_app.use_cases.records import StoredSession
from smart_app.use_cases.session.checklist import CHECK, DISCHARGE, THERAPY
from smart_app.use_cases.session.confirmations import TICKS
from smart_app.use_cases.session.record_session import choose, open_session, save_fields, session_view
from smart_app.use_cases.session.session_entries import add_entry
from smart_app.use_cases.session.session_lines import STEPS, SessionView
from smart_app.use_cases.session.two_writers import disputed

KINDS = dict.fromkeys(("reading", "event", "note", "infusion", "rescue"), "monitor")
TIMED = frozenset(KINDS) - {"note"}  # their forms have a field for when it happened
NEXT = {"before": "dose", "dose": "monitor", "monitor": "discharge", "discharge": "sign"}
_OURS = frozenset({"step", "do", "was", "measured", "asked"})
_PUT_THERE = frozenset({"baseline"})  # fields of an entry that its page filled in
_SHOWN = {
    "before": ("check.", "gate.", "hold."),
    "dose": ("dose.",),
    "discharge": ("discharge.", "therapy."),
    "monitor": ("event.", "rescue."),
}
_ALL_FORMS = "all"
_A_MINUTE = timedelta(minutes=1)

_CHOICES: Mapping[str, Sequence[tuple[str, str]]] = {
    "quick_events": [(key, EVENTS[key][0]) for key in QUICK],
    "more_events": [(key, words) for key, (words, _) in EVENTS.items() if key not in QUICK],
    "severities": [("mild", "1 Mild"), ("moderate", "2 Moderate"), ("severe", "3 Severe")],
    "outcomes": [
        ("resolved", "Resolved"),
        ("recovering", "Recovering"),
        ("ongoing", "Not recovered"),
        ("resolvedWithSequelae", "Resolved, with lasting effects"),
        ("fatal", "Fatal"),
        ("unknown", "Unknown"),
    ],
    "rescue_medicines": [(key, medicine.words) for key, medicine in RESCUE.items()],
    "rescue_units": [(unit, unit) for unit in UNITS],
    "rescue_routes": list(ROUTES_OF_RESCUE.items()),
    "rate_units": [(unit, unit) for unit in RATES],
    "sedation": [(str(grade), f"{grade} {words}") for grade, words in SEDATION.items()],
    "dissociation": [(str(grade), f"{grade} {words}") for grade, words in DISSOCIATION.items()],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What was typed into one of the entry forms and refused: the form shows it again."""

    kind: str = ""
    entry: str = ""
    values: Mapping[str, str] | None = None


def landing(visit: Visit) -> Response:
    """The session that is open, or the way to open one."""
    view = course_view(visit.deps.work, visit.deps.clock, visit.caller, countersign=visit.deps.site.countersign)
    if view.open_session:
        return visit.go(f"session/{view.open_session}")
    return _start(visit, view, {"held": visit.now.date().isoformat()}, {})


def _start(visit: Visit, view: CourseView, values: Mapping[str, str], problems: Problems) -> Response:
    return visit.page(
        "session_start.html",
        tab="session",
        title="Session",
        view=view,
        values=values,
        problems=problems,
    )


def begin(visit: Visit) -> Response:
    deps = visit.deps
    held, reason = visit.fields.get("held", ""), visit.fields.get("reason", "")
    try:
        session = open_session(deps.work, deps.clock, visit.caller, deps.ids, deps.site, held, reason)
    except Refused as refused:
        problems = refused.at_fields()
        view = course_view(deps.work, deps.clock, visit.caller)
        return _start(visit, view, {"held": held, "reason": reason}, problems)
    return visit.go(f"session/{session.id}/before")


def resume(visit: Visit) -> Response:
    """The monitor while readings are to come, else the first step not complete, or the note once it is signed."""
    view = _view(visit)
    signed = view.session.signed is not None and view.session.amendment is None
    if signed or view.session.status is SessionStatus.NOT_DONE:
        return visit.go(f"session/{view.session.id}/sign")
    watched = next((state.key for state in view.steps if state.waits), "")
    step = watched or next((state.key for state in view.steps if not state.done), "discharge")
    return visit.go(f"session/{view.session.id}/{step}")


def show(visit: Visit) -> Response:
    return step_page(visit, visit.path["step"])


def step_page(visit: Visit, step: str, problems: Problems | None = None, draft: Draft | None = None) -> Response:
    """One step with everything typed so far."""
    view = _view(visit)
    if step not in STEPS:
        return visit.go(f"session/{view.session.id}")
    if view.session.signed is not None and view.session.amendment is None:
        return visit.go(f"session/{view.session.id}/sign")
    visit = replace(visit, late=_not_recorded(visit, view))
    drafts = {late.kind: Draft(kind=late.kind, entry=late.key, values=late.fields) for late in visit.shown_again}
    if draft is not None:
        drafts[draft.kind] = draft
    values = dict(view.fields)
    for each in drafts.values():
        values |= each.values or {}
    return visit.page(
        f"step_{step}.html",
        tab="session",
        title=f"{view.title}: {STEPS[step].lower()}",
        view=view,
        step=step,
        values=values,
        problems=problems or {},
        draft=draft or Draft(),
        **_forms(visit, frozenset(drafts)),
        unusual=_unusual(problems or _problems(view, step)),
        entry_ids={kind: drafts[kind].entry if kind in drafts else visit.deps.ids() for kind in KINDS}
        | {button: visit.deps.ids() for button in ("stop", "quick")},
        was=json.dumps(
            {name: value for name, value in view.fields.items() if value and name.startswith(_SHOWN[step])}
        ),
        chart=readings_chart(view, visit.deps.site.limits),
        choices=_CHOICES,
        saved=f"Saved to server {view.now:%H:%M:%S}" if visit.query.get("saved") else "",
        **_what_next(visit, view),
    )


def _forms(visit: Visit, drafted: frozenset[str]) -> dict[str, Any]:
    """Which entry forms the page holds, and which of them are open: asked for by `add`, or with something in them."""
    asked = visit.query.get("add", "")
    named = drafted | {asked}
    return {"adding": frozenset(KINDS) if asked == _ALL_FORMS else named, "opened": named}


def _not_recorded(visit: Visit, view: SessionView) -> tuple[LateForm, ...]:
    """A draft may arrive behind its own entry: what is recorded is not shown as typed again."""
    recorded = {entry.id for entry in view.session.entries}
    running = held_before(view) is None
    return tuple(_timed(form, visit.now) if running else form for form in visit.late if form.key not in recorded)


def _timed(late: LateForm, now: datetime) -> LateForm:
    """What stands in an entry form again happened when it was typed, so that time stands there too."""
    name, at = f"{late.kind}.time", late.at.astimezone(now.tzinfo)
    if late.sent or late.kind not in TIMED or late.fields.get(name) or now - at <= _A_MINUTE:
        return late
    return replace(late, fields={**late.fields, name: f"{at:%H:%M}"})


def _problems(view: SessionView, step: str) -> Problems:
    return next((state.problems for state in view.steps if state.key == step), {})


def _unusual(problems: Problems) -> dict[str, dict[str, str]]:
    """The questions about typed values that a tick answers, by the group of their lines."""
    asked = {name: words for name, words in problems.items() if words.startswith("Check:") and name.count(".") > 1}
    groups = (CHECK, DISCHARGE, THERAPY)
    return {group: {name: asked[name] for name in asked if name.startswith(f"{group}.")} for group in groups}


def _what_next(visit: Visit, view: SessionView) -> dict[str, Any]:
    return {
        "due_at": _milliseconds(view.due.at) if view.due.at else None,
        "due_then": _planned(view),
        "early": EARLY // timedelta(milliseconds=1),
        "sid": view.session.id,
        "held": held_before(view),
        "prescriber": visit.caller.role is Role.PRESCRIBER,
        "confirm_id": visit.deps.ids(),
    }


def _planned(view: SessionView) -> list[int]:
    """The readings of the schedule after the next one: for a page that is cut off from here."""
    begun = view.dose.started
    if begun is None or not view.due.at:
        return []
    planned = (begun + timedelta(minutes=minutes) for minutes in view.definition.monitoring_minutes)
    return [_milliseconds(at) for at in planned if at > view.due.at]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def held_before(view: SessionView) -> date | None:
    """The earlier day of a session that is entered afterwards; None for one that runs now."""
    held = readable(day, view.fields.get("dose.date", ""))
    return held if held is not None and held < view.now.date() else None


def save(visit: Visit) -> Response:
    """Autosave, or the step's button: values are kept as typed, what is missing is said afterwards."""
    fields = changed(visit.fields)
    do = visit.fields.get("do", "")
    now, pressed = visit.now, measured_at(visit)
    if do == "end":
        fields |= {"dose.ended": f"{pressed:%H:%M}"}
    if do == "confirm":
        lines = _view(visit).discharge
        agreed = [line.field for line in lines if line.proposed == "yes" and not fields.get(line.field, line.answer)]
        fields |= dict.fromkeys(agreed, "yes")
    session = _keep_typed(visit, fields)
    if visit.quiet:
        beside = sorted(set(disputed(session.fields)) & set(fields))
        again = [name for name in TICKS if fields.get(name) == "yes" and session.fields.get(name) != "yes"]
        told = ({"beside": beside} if beside else {}) | ({"again": again} if again else {})
        return JSONResponse({"saved": f"{now:%H:%M:%S}"} | told)
    step = _step(visit, "before")
    if do in {"end", "stay", "confirm"}:
        return visit.go(f"session/{session.id}/{step}?saved=1")
    view = _view(visit)
    problems = _problems(view, step)
    if problems and step == "before" and _all_answered(view, problems):
        return visit.go(f"session/{session.id}/gate")
    if problems:
        return step_page(visit, step, problems)
    return visit.go(f"session/{session.id}/{NEXT.get(step, 'before')}?saved=1")


def _all_answered(view: SessionView, problems: Problems) -> bool:
    """Nothing is left to type: what remains stands against the dose, and the stop page says what to do about it."""
    return not view.dose.started and set(problems) <= {
        "gate.reason",
        "check.reason",
        "hold.reason",
        *view.against_dose,
    }


def _step(visit: Visit, usual: str) -> str:
    """The step that the form stood on; it becomes part of an address, so only the four are taken."""
    step = visit.fields.get("step", usual)
    return step if step in STEPS else usual


def changed(form: Mapping[str, str]) -> dict[str, str]:
    """What this page changed. A value that it only showed must not undo what somebody else wrote meanwhile."""
    known = _was(form)
    return {name: value for name, value in form.items() if name not in _OURS and known.get(name, "") != value}


def _was(form: Mapping[str, str]) -> dict[str, Any]:
    """What the page showed, by field. In a list: it was touched, and counts as changed whatever it says now."""
    try:
        shown = json.loads(form.get("was") or "{}")
    except ValueError:
        return {}
    return shown if isinstance(shown, dict) else {}


def shown(form: Mapping[str, str]) -> dict[str, str | None] | None:
    """The values that the page showed, so that nothing else is overwritten; None where it does not say."""
    if "was" not in form:
        return None
    return {name: _text(each) for name, each in _was(form).items()}


def _text(each: object) -> str | None:
    value = each[0] if isinstance(each, list) and each else each
    return value if isinstance(value, str) else None


def _keep_typed(visit: Visit, fields: Mapping[str, str]) -> StoredSession:
    deps = visit.deps
    asked = visit.fields.get("asked", "")
    return save_fields(deps.work, deps.clock, visit.caller, visit.path["session"], fields, shown(visit.fields), asked)


def choose_one(visit: Visit) -> Response:
    """Two people wrote different things in one field: one of them stands from now on."""
    deps, session = visit.deps, visit.path["session"]
    name, place, seen = (visit.fields.get(each, "") for each in ("field", "place", "among"))
    step = _step(visit, "before")
    if not (place.isascii() and place.isdecimal() and len(place) == 1):
        raise Refused("This form is not one of this app's. Open the page again.")
    try:
        choose(deps.work, deps.clock, visit.caller, session, name, int(place), seen)
    except Refused as refused:
        return step_page(visit, step, refused.at_fields())
    return visit.go(f"session/{session}/{step}?saved=1")


def keep_save(visit: Visit) -> str:
    """The form came after the session's end: kept as typed, and no time is set by its button."""
    _keep_typed(visit, changed(visit.fields))
    return DRAFT


_ON_GATE = keep_on("session/{session}/gate")


def keep_start(visit: Visit) -> str:
    """As `keep_save`, but a reason for starting all the same counts only when it is given again."""
    typed = {name: value for name, value in changed(visit.fields).items() if name.startswith("dose.")}
    _keep_typed(visit, typed)
    return _ON_GATE(visit) if visit.draft or visit.fields.get("gate.reason") else DRAFT


def start_dose(visit: Visit) -> Response:
    """[Start now] while the gate is closed leads to the page that says why; never a silent grey button."""
    view = _view(visit)
    given = {name: visit.fields.get(name, "") for name in view.reasons_wanted}
    prescriber = visit.caller.role is Role.PRESCRIBER
    if not given or (prescriber and all(map(says_enough, given.values()))):
        _ON_GATE.dealt_with(visit)
        return _start_unless_asked_back(visit)
    typed = {name: value for name, value in changed(visit.fields).items() if name.startswith("dose.")}
    _keep_typed(visit, typed)
    if not any(given.values()):
        return visit.go(f"session/{view.session.id}/gate")
    words = f"Give your reason in {REASON_LENGTH} characters or more."
    if not prescriber:
        words = "Only a prescriber can start the dose all the same."
    short = {name: words for name, reason in given.items() if not prescriber or not says_enough(reason)}
    return _gate(visit, view, short)


def _start_unless_asked_back(visit: Visit) -> Response:
    """What was typed is kept first; while something in it is unusual or wrong it is shown again, not started."""
    session = _keep_typed(visit, changed(visit.fields))
    view = _view(visit)
    asked = {name: words for name, words in _problems(view, "dose").items() if view.fields.get(name)}
    if asked:
        return step_page(visit, "dose", asked)
    pressed = measured_at(visit)
    _keep_typed(visit, {"dose.started": f"{pressed:%H:%M}", "dose.date": pressed.date().isoformat()})
    return visit.go(f"session/{session.id}/monitor?saved=1")


def gate(visit: Visit) -> Response:
    return _gate(visit, _view(visit), {})


def _gate(visit: Visit, view: SessionView, problems: Problems) -> Response:
    return visit.page(
        "gate.html",
        tab="session",
        title="The dose was not started",
        view=view,
        values=dict(view.fields) | dict(visit.fields),
        problems=problems,
        **_what_next(visit, view),
    )


def enter(visit: Visit) -> Response:
    """Add a line of one of KINDS; refused values come back with what to do about them."""
    kind, session_id = visit.path["kind"], visit.path["session"]
    if kind not in KINDS:
        return visit.go(f"session/{session_id}")
    step = _step(visit, KINDS[kind])
    prefix = f"{kind}."
    values = {name.removeprefix(prefix): value for name, value in visit.fields.items() if name.startswith(prefix)}
    entry = visit.fields.get("entry", "")
    try:
        add_entry(
            visit.deps.work,
            visit.deps.clock,
            visit.caller,
            session_id,
            kind,
            entry,
            values,
            _waited_since(visit),
        )
    except Refused as refused:
        problems = {f"{prefix}{name}" if name else "": words for name, words in refused.at_fields().items()}
        typed = {f"{prefix}{name}": value for name, value in values.items()}
        return step_page(visit, step, problems, Draft(kind=kind, entry=entry, values=typed))
    return visit.go(f"session/{session_id}/{step}?saved=1#{kind}")


def _entry_page(visit: Visit) -> str:
    step, kind = visit.fields.get("step", ""), visit.path["kind"]
    return f"session/{visit.path['session']}/{step if step in STEPS else KINDS.get(kind, 'monitor')}"


def _entry_fields(visit: Visit) -> dict[str, str]:
    """What was typed. Of a line that came after the session's end the time is added: it stands in its form again."""
    kind = visit.path["kind"]
    prefix = f"{kind}."
    values = {name.removeprefix(prefix): value for name, value in visit.fields.items() if name.startswith(prefix)}
    if kind not in KINDS or not any(value for name, value in values.items() if name not in _PUT_THERE):
        return {}
    if kind in TIMED and not visit.draft:
        values = {"time": f"{visit.now:%H:%M}"} | {name: text for name, text in _when(visit, values).items() if text}
    return {prefix + name: text for name, text in values.items()}


def _when(visit: Visit, values: dict[str, str]) -> dict[str, str]:
    """A line that waited for a connection happened when it was entered, not when it arrived."""
    at = _waited_since(visit)
    if values.get("time") or at is None:
        return values
    return values | {"time": f"{at:%H:%M}", "date": at.date().isoformat()}


def _waited_since(visit: Visit) -> datetime | None:
    """When a line was entered that waited for a connection; None for one that came at once."""
    at = measured_at(visit)
    return at if visit.now - at > _A_MINUTE else None


keep_entry = KeepOn(page_of=_entry_page, fields_of=_entry_fields)


def _view(visit: Visit) -> SessionView:
    return session_view(
        visit.deps.work, visit.deps.clock, visit.caller, visit.path["session"], visit.deps.site, again=visit.again
    )


ROUTES = (
    Route(path="session", handler=landing),
    Route(path="session", handler=begin, method="POST"),
    Route(path="session/{session}", handler=resume),
    Route(path="session/{session}/gate", handler=gate),
    Route(path="session/{session}/fields", handler=save, method="POST", keep=keep_save),
    Route(path="session/{session}/choose", handler=choose_one, method="POST"),
    Route(path="session/{session}/start", handler=start_dose, method="POST", keep=keep_start),
    Route(path="session/{session}/entries/{kind}", handler=enter, method="POST", keep=keep_entry),
)
LAST_ROUTES = (Route(path="session/{session}/{step}", handler=show),)
