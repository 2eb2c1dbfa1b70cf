"""The ledger of controlled substances: vials, their rows, receiving, counting, wasting, and the log as a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from starlette.responses import Response

from fhir_mappings.facts.treatment import Known
from smart_app.clinical.entry import day, readable
from smart_app.clinical.ledger import plain
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.ledger.ledger_acts import confirm_waste, count_vial, take_back_row, waste_rest
from smart_app.use_cases.ledger.ledger_log import as_csv, export
from smart_app.use_cases.ledger.ledger_view import VialView, ledger_view, vial_view
from smart_app.use_cases.ledger.receive_vials import MOST, asked_about, receive_vials
from smart_app.use_cases.session.confirm_dose import confirm
from smart_app.use_cases.session.record_session import save_fields

EXPORTED = timedelta(days=30)  # the span that the form offers
RECEIVED = {"drug": "ketamine", "product": "Ketamine hydrochloride injection", "vials": "1"}
_SEEN = "seen."


def show(visit: Visit) -> Response:
    return _list(visit, {}, {})


def _list(visit: Visit, values: Mapping[str, str], problems: Problems) -> Response:
    deps, today = visit.deps, visit.now.date()
    view = ledger_view(deps.work, deps.clock, visit.caller, deps.site, empty_too=visit.query.get("all") == "1")
    span = {"from": (today - EXPORTED).isoformat(), "to": today.isoformat()}
    return visit.page(
        "ledger.html",
        tab="ledger",
        title="Ledger",
        view=view,
        values=span | dict(values),
        problems=problems,
        notice="Entered." if visit.query.get("done") else "",
    )


def _entry(visit: Visit) -> str:
    """The form's own id: of what was refused or kept, else a new one."""
    kept = next((form.key for form in visit.shown_again), "")
    return visit.fields.get("entry") or kept or visit.deps.ids()


def log(visit: Visit) -> Response:
    """The log of a span of days as a file. Only the launch's own patient is named in it."""
    deps = visit.deps
    first, last = (readable(day, visit.query.get(name, "")) for name in ("from", "to"))
    if first is None or last is None:
        named = {"from": first, "to": last}
        words = "Enter a date as year-month-day, such as 2026-11-26."
        return _list(visit, visit.query, {name: words for name, on in named.items() if on is None})
    try:
        found = export(deps.work, deps.clock, visit.caller, first, last, deps.site)
    except Refused as refused:
        return _list(visit, visit.query, refused.at_fields())
    headers = {"Content-Disposition": f'attachment; filename="{file_name(first, last)}"'}
    return Response(as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


def file_name(first: date, last: date) -> str:
    return f"ledger-{first.isoformat()}-to-{last.isoformat()}.csv"


def receive(visit: Visit) -> Response:
    """From the dose step too: the vial that was received is then the one that is chosen there."""
    deps = visit.deps
    problems: Problems = {}
    session = visit.fields.get("session") or visit.query.get("session", "")
    if "lot" in visit.fields:
        try:
            made = receive_vials(deps.work, deps.clock, visit.caller, visit.fields, deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            if not session:
                return visit.go("ledger?done=1")
            save_fields(deps.work, deps.clock, visit.caller, session, {"dose.vial.1": made[0].id})
            return visit.go(f"session/{session}/dose?saved=1")
    return visit.page(
        "ledger_receive.html",
        tab="ledger",
        title="Receive vials",
        problems=problems,
        values=dict(visit.fields) or RECEIVED | {"received": visit.now.date().isoformat()},
        entry=_entry(visit),
        session=session if session.replace("-", "").isalnum() else "",
        about=asked_about(visit.fields),
        esketamine=deps.site.ledger.esketamine,
        most=MOST,
    )


def vial(visit: Visit) -> Response:
    deps = visit.deps
    view = vial_view(deps.work, deps.clock, visit.caller, visit.path["vial"], deps.site)
    return visit.page(
        "ledger_vial.html",
        tab="ledger",
        title=f"Vial {view.line.vial.number}",
        view=view,
        entry=deps.ids(),
        plain=plain,
        notice="Entered." if visit.query.get("done") else "",
    )


def count(visit: Visit) -> Response:
    return _act(visit, "counted")


def waste(visit: Visit) -> Response:
    return _act(visit, "wasted")


def _act(visit: Visit, amount: str) -> Response:
    """Both acts on a vial: the form, what is wrong with it, and back to the vial."""
    deps, name = visit.deps, visit.path["vial"]
    problems: Problems = {}
    done = {"counted": count_vial, "wasted": waste_rest}[amount]
    if amount in visit.fields or f"{amount}_ml" in visit.fields:
        try:
            done(deps.work, deps.clock, visit.caller, name, visit.fields, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            return visit.go(f"ledger/vials/{name}?done=1")
    view = vial_view(deps.work, deps.clock, visit.caller, name, deps.site)
    return visit.page(
        f"ledger_{_ENDS[amount]}.html",
        tab="ledger",
        title=f"{'Count' if amount == 'counted' else 'Waste of'} vial {view.line.vial.number}",
        view=view,
        problems=problems,
        values=visit.fields,
        entry=_entry(visit),
        held=plain(view.line.balance),
        later=view.rules.witness is Known.SIGNED_IN,
        named=view.rules.witness is Known.NAMED,
    )


_ENDS = {"counted": "count", "wasted": "waste"}


def witness(visit: Visit) -> Response:
    """A colleague confirms that announced waste was seen destroyed."""
    deps, name, fields = visit.deps, visit.path["vial"], visit.fields
    confirm_waste(
        deps.work, deps.clock, visit.caller, name, fields.get("announced", ""), fields.get("entry", ""), deps.site
    )
    return visit.go(f"ledger/vials/{name}?done=1")


def _told(view: VialView, row: str) -> str:
    """The row with its amounts, as the page is about it; "" where the vial has no such row."""
    for each in (line.row for line in view.rows):
        if each.id == row:
            amounts = {
                "received": each.received,
                "drawn": each.drawn,
                "given": each.administered,
                "wasted": each.wasted,
                "destroyed, waits for a witness": each.announced,
            }
            told = [f"{plain(amount)} mg {name}" for name, amount in amounts.items() if amount]
            told += [f"{plain(each.counted)} mg counted"] if each.counted is not None else []
            words = ", ".join(told)
            return f"Vial {view.line.vial.number}, row {each.number}: {words}. {each.by.name}"
    return ""


def take_back(visit: Visit) -> Response:
    deps, name, row = visit.deps, visit.path["vial"], visit.path["row"]
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            take_back_row(deps.work, deps.clock, visit.caller, name, row, visit.fields, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            return visit.go(f"ledger/vials/{name}?done=1")
    return visit.page(
        "reason.html",
        tab="ledger",
        title="Take a row back",
        problems=problems,
        values=visit.fields,
        heading="Take this row back",
        about=_told(vial_view(deps.work, deps.clock, visit.caller, name, deps.site), row),
        explanation="The row stays. A row with the same amounts and the other sign is entered after it, "
        "with your name and your reason.",
        action=f"ledger/vials/{name}/rows/{row}/back",
        hidden={"entry": _entry(visit)},
        button="Take it back",
        back=f"ledger/vials/{name}",
    )


def confirm_as_colleague(visit: Visit) -> Response:
    """In the session: that the dose was checked before it was given, or that its waste was seen destroyed."""
    deps, session = visit.deps, visit.path["session"]
    seen = {name.removeprefix(_SEEN): said for name, said in visit.fields.items() if name.startswith(_SEEN)}
    entry = visit.fields.get("entry", "")
    confirm(deps.work, deps.clock, visit.caller, session, visit.path["kind"], entry, seen)
    return visit.go(f"session/{session}/dose?saved=1")


_RECEIVE, _VIAL = "ledger/receive", "ledger/vials/{vial}"
_COUNT, _WASTE = f"{_VIAL}/count", f"{_VIAL}/waste"
_BACK = f"{_VIAL}/rows/{{row}}/back"

ROUTES = (
    Route(path="ledger", handler=show, auditors=True),
    Route(path="ledger/log.csv", handler=log, auditors=True, step=False),
    Route(path=_RECEIVE, handler=receive),
    Route(path=_RECEIVE, handler=receive, method="POST", keep=keep_on(_RECEIVE)),
    Route(path=_VIAL, handler=vial, auditors=True),
    Route(path=_COUNT, handler=count),
    Route(path=_COUNT, handler=count, method="POST", keep=keep_on(_COUNT)),
    Route(path=_WASTE, handler=waste),
    Route(path=_WASTE, handler=waste, method="POST", keep=keep_on(_WASTE)),
    Route(path=f"{_VIAL}/witness", handler=witness, method="POST"),
    Route(path=_BACK, handler=take_back),
    Route(path=_BACK, handler=take_back, method="POST", keep=keep_on(_BACK)),
    Route(path="session/{session}/confirm/{kind}", handler=confirm_as_colleague, method="POST"),
)
