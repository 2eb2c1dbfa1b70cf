"""After the course: relapse, conditions of a booster, and what is asked between sessions (ui specification S7)."""

from __future__ import annotations

from starlette.responses import Response

from smart_app.clinical.units import plain
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import day
from smart_app.use_cases.aftercare.maintenance import maintenance_view
from smart_app.use_cases.aftercare.plan_booster import booster_view, plan_booster
from smart_app.use_cases.care_entries import care_entry, record_care, strike_care
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.records import CareEntry, CareKind

_FORMS = {each.value: each for each in (CareKind.URINARY, CareKind.LIVER, CareKind.PRESSURE)}
_TITLES = {
    CareKind.URINARY: "Ask about urinary symptoms",
    CareKind.LIVER: "Enter liver values",
    CareKind.PRESSURE: "Enter a blood pressure",
}
_NOTICES = {"care": "The entry is saved.", "strike": "The entry is struck out.", "booster": "The booster is planned."}
_PLAN, _KIND, _STRIKE = "maintenance/booster", "maintenance/record/{kind}", "maintenance/strike/{entry}"


def show(visit: Visit) -> Response:
    deps = visit.deps
    return visit.page(
        "maintenance.html",
        tab="progress",
        title="After the course",
        view=maintenance_view(deps.work, deps.clock, visit.caller, deps.site),
        plain=plain,
        notice=_NOTICES.get(visit.query.get("saved", ""), ""),
    )


def record(visit: Visit) -> Response:
    """Show the form, or keep what was entered."""
    kind, deps = _FORMS.get(visit.path["kind"]), visit.deps
    problems: Problems = {}
    if kind is None:
        return visit.go("maintenance")
    entry = visit.fields.get("entry", "") or deps.ids()
    if "entry" in visit.fields:
        try:
            record_care(deps.work, deps.clock, visit.caller, entry, kind, visit.fields)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            return visit.go("maintenance?saved=care")
    return visit.page(
        "care_entry.html",
        tab="progress",
        title=_TITLES[kind],
        kind=kind,
        problems=problems,
        values={"day": visit.now.date().isoformat()} | dict(visit.fields),
        entry=entry,
    )


def strike(visit: Visit) -> Response:
    deps, entry = visit.deps, visit.path["entry"]
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            strike_care(deps.work, deps.clock, visit.caller, entry, visit.fields["reason"], deps.ids)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            deps.wake_worker()
            return visit.go("maintenance?saved=strike")
    found = care_entry(deps.work, deps.clock, visit.caller, entry)
    return visit.page(
        "reason.html",
        tab="progress",
        title="Strike out an entry",
        problems=problems,
        values=visit.fields,
        heading="Strike out this entry",
        about=_about(found) if found is not None else "",
        explanation="The entry stays readable with a line through it, your name and your reason. "
        "It counts for nothing any more, and what was written of it to the EHR is marked as entered in error.",
        action=f"maintenance/strike/{entry}",
        hidden={},
        button="Strike out",
        back="maintenance",
    )


def _about(entry: CareEntry) -> str:
    span = f" to {day(entry.until)}" if entry.until is not None and entry.until != entry.day else ""
    return f"{_KINDS[entry.kind]} of {day(entry.day)}{span}: {_words(entry)}. {entry.by.name}"


def _words(entry: CareEntry) -> str:
    fields = entry.fields
    if entry.kind is CareKind.URINARY:
        return f"symptoms: {fields['note']}" if fields["symptoms"] == "yes" else "no symptoms"
    if entry.kind is CareKind.PRESSURE:
        return f"{fields['systolic']}/{fields['diastolic']} mmHg"
    if entry.kind is CareKind.LIVER:
        return ", ".join(f"{name.upper()} {fields[name]} U/L" for name in ("alt", "ast") if fields[name])
    if entry.kind is CareKind.LOG:
        return f"{fields['taken']}, {fields['missed']} days missed"
    return fields["reason"]


_KINDS = {
    CareKind.URINARY: "Urinary symptoms",
    CareKind.LIVER: "Liver values",
    CareKind.PRESSURE: "Blood pressure",
    CareKind.LOG: "Doses taken at home",
    CareKind.STRIKE: "Struck out",
}


def booster(visit: Visit) -> Response:
    """The short form, worked out again or planned."""
    deps, wanted = visit.deps, visit.fields.get("do", "")
    fields = {name: value for name, value in visit.fields.items() if name != "do"}
    problems: Problems = {}
    if wanted == "plan":
        try:
            plan_booster(deps.work, deps.clock, visit.caller, fields, deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            deps.wake_worker()
            return visit.go("maintenance?saved=booster")
    view = booster_view(deps.work, deps.clock, visit.caller, fields, deps.site, again=wanted == "route")
    return visit.page(
        "booster.html",
        tab="progress",
        title="Plan a booster",
        view=view,
        definition=view.definition,
        values={"override": fields.get("override", "")} | dict(view.fields),
        problems=problems,
        strip=True,
    )


ROUTES = (
    Route(path="maintenance", handler=show),
    Route(path=_KIND, handler=record),
    Route(path=_KIND, handler=record, method="POST", keep=keep_on(_KIND)),
    Route(path=_STRIKE, handler=strike),
    Route(path=_STRIKE, handler=strike, method="POST", keep=keep_on(_STRIKE)),
    Route(path=_PLAN, handler=booster),
    Route(path=_PLAN, handler=booster, method="POST", keep=keep_on(_PLAN)),
)
