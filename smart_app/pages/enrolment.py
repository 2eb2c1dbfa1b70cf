"""Enrolment: the form, "Check before you enrol" and the result (ui specification S3)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from fhir_mappings.facts.programme import ProgrammeDefinition
from fhir_mappings.facts.treatment import Route as Way
from smart_app.pages.late import DRAFT
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import PLACES, partial_day
from smart_app.use_cases.course.enrol import EnrolmentView, enrol, enrolment_view
from smart_app.use_cases.course.enrolment_draft import save_draft
from smart_app.use_cases.course.enrolment_form import OF_ROUTE, route_of
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.follow_course import course_view
from smart_app.use_cases.records import StoredCourse

_PLAN = ("route", "start")


def show(visit: Visit) -> Response:
    """The form, with the route that a link asks for; the reason why there is none; or the enrolment that exists."""
    view = _view(visit, route=route_of(visit.query))
    if view.open_course is not None:
        return _enrolled(visit)
    if not view.allowed:
        return visit.page("enrolment_closed.html", tab="enrolment", title="Enrolment", view=view)
    return _form(visit, view, {}, earlier=course_view(visit.deps.work, visit.deps.clock, visit.caller).course)


def act(visit: Visit) -> Response:
    """The form's buttons: fill the planned dates, check, change, enrol."""
    wanted = visit.fields.get("do", "check")
    fields = {name: value for name, value in visit.fields.items() if name != "do"}
    if wanted == "plan":
        fields = {name: value for name, value in fields.items() if not name.startswith(OF_ROUTE)}
    if visit.quiet:
        return _keep(visit, fields)
    if wanted != "enrol":
        save_draft(visit.deps.work, visit.deps.clock, visit.caller, fields, whole=True)
    view = _view(visit, fields)
    if view.open_course is not None and wanted != "enrol":
        return visit.go("enrolment")
    if not view.allowed and view.open_course is None:
        return visit.page("enrolment_closed.html", tab="enrolment", title="Enrolment", view=view)
    if wanted == "change":
        return _form(visit, view, {})
    if wanted == "plan":
        return _form(visit, view, {name: words for name, words in view.problems.items() if name in _PLAN})
    if view.problems and view.open_course is None:
        return _form(visit, view, view.problems)
    if wanted == "enrol":
        return _enrol(visit, view, fields)
    return visit.page(
        "enrolment_check.html",
        tab="enrolment",
        title="Check before you enrol",
        view=view,
        sent={name: value for name, value in view.fields.items() if value},
        lines=summary(view),
        strip=True,
    )


def _view(visit: Visit, fields: Mapping[str, str] | None = None, route: Way | None = None) -> EnrolmentView:
    deps = visit.deps
    return enrolment_view(deps.work, deps.clock, visit.caller, fields, programmes=deps.site.programmes, route=route)


def _keep(visit: Visit, fields: Mapping[str, str]) -> Response:
    """The page's own script sends what was changed while typing goes on."""
    save_draft(visit.deps.work, visit.deps.clock, visit.caller, fields, whole=False)
    return JSONResponse({"saved": f"{visit.now:%H:%M:%S}"})


def keep_draft(visit: Visit) -> str:
    """The form came after the session's end."""
    fields = {name: value for name, value in visit.fields.items() if name != "do"}
    save_draft(visit.deps.work, visit.deps.clock, visit.caller, fields, whole=not visit.quiet)
    return DRAFT


def _enrol(visit: Visit, view: EnrolmentView, fields: Mapping[str, str]) -> Response:
    deps = visit.deps
    try:
        enrol(deps.work, deps.clock, visit.caller, fields, deps.ids, deps.site)
    except Refused as refused:
        return _form(visit, view, refused.at_fields())
    deps.wake_worker()
    return visit.go("enrolment?done=1")


def _form(visit: Visit, view: EnrolmentView, problems: Problems, *, earlier: StoredCourse | None = None) -> Response:
    return visit.page(
        "enrolment.html",
        tab="enrolment",
        title="Enrol",
        view=view,
        values=view.fields,
        problems=problems,
        definition=view.definition,
        earlier=earlier,
    )


def _enrolled(visit: Visit) -> Response:
    view = course_view(visit.deps.work, visit.deps.clock, visit.caller)
    if view.course is None:
        return visit.go("progress")
    return visit.page(
        "enrolled.html",
        tab="enrolment",
        title="Enrolled",
        view=view,
        course=view.course,
        notice="The patient is enrolled." if visit.query.get("done") else "",
    )


def summary(view: EnrolmentView) -> tuple[tuple[str, str, str], ...]:
    """The lines of "Check before you enrol": what, value, the field that changes it."""
    fields, definition = view.fields, view.definition
    route = definition.route if definition else None
    lines = [
        ("Programme", definition.title if definition else "", "route"),
        ("First day", partial_day(fields.get("start")), "start"),
    ]
    if view.planned:
        days = "\n".join(
            f"{each.number}. {partial_day(each.value)}{_remarked(each.remarks)}" for each in view.planned
        )
        lines.append(("Planned sessions", days, "day.1"))
    place = PLACES.get(fields.get("place", ""), "")
    if fields.get("address_confirmed") == "yes" and fields.get("place") == "home":
        place += ", address confirmed"
    lines.append(("Place", place, "place"))
    if fields.get("weight_kg"):
        lines.append(("Weight", f"{fields['weight_kg']} kg on {partial_day(fields.get('weight_date'))}", "weight_kg"))
    lines.append(("Dose plan", _dose(view), "dose_mg" if route in {Way.IN, Way.SL} else "dose_mg_per_kg"))
    if definition is not None and definition.monitoring_minutes:
        lines.append(("Monitoring", _monitoring(definition), "monitoring"))
    lines.append(("Consent", _consent(fields), "consent_signed_on"))
    if fields.get("escort"):
        lines.append(("Escort", fields["escort"], "escort"))
    if fields.get("off_label") == "yes":
        lines.append(("Off-label use", "Explained to the patient", "off_label"))
    if view.needs_guardian:
        lines.append(("Guardian", _guardian(fields), "guardian"))
    named = (fields.get(f"emergency_{part}") for part in ("name", "relation", "phone"))
    contact = ", ".join(part for part in named if part)
    lines.append(("Emergency contact", contact, "emergency_name"))
    if fields.get("clinicians"):
        lines.append(("Clinicians beside you", fields["clinicians"], "clinicians"))
    if fields.get("acknowledgement"):
        lines.append(("Why you enrol although a finding needs review", fields["acknowledgement"], "acknowledgement"))
    return tuple((name, value or "Not entered", field) for name, value, field in lines)


def _remarked(remarks: tuple[str, ...]) -> str:
    return f" ({'; '.join(remarks)})" if remarks else ""


def _dose(view: EnrolmentView) -> str:
    if view.dose_words:
        return view.dose_words
    amount = view.fields.get("dose_mg")
    return f"{amount} mg" if amount else ""


def _monitoring(definition: ProgrammeDefinition) -> str:
    minutes = ", ".join(map(str, definition.monitoring_minutes))
    return (
        f"Readings at {minutes} minutes from the dose; observed for at least {definition.observation_minutes} minutes"
    )


def _guardian(fields: Mapping[str, str]) -> str:
    signed = partial_day(fields.get("guardian_signed_on"))
    return f"{fields['guardian']}, signed on {signed}" if fields.get("guardian") and signed else ""


def _consent(fields: Mapping[str, str]) -> str:
    document = fields.get("consent", "")
    kind = "on paper" if document in {"", "paper"} else document
    signed = fields.get("consent_signed_on")
    return f"Signed on {partial_day(signed)}, {kind}" if signed else ""


ROUTES = (
    Route(path="enrolment", handler=show),
    Route(path="enrolment", handler=act, method="POST", keep=keep_draft),
)
