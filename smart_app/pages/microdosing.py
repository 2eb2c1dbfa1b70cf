"""Doses that the patient takes alone: titration, reviews and the patient's log (ui specification S6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from starlette.responses import Response

from fhir_mappings.facts.titration import ReviewDecision, Taken
from smart_app.clinical.microdosing import pressures_words, reviews_words
from smart_app.clinical.units import plain
from smart_app.pages.deciding import FINISHES
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.aftercare.microdosing import (
    SOURCES,
    MicrodosingView,
    microdosing_view,
    record_log,
    review,
    titrate,
)
from smart_app.use_cases.errors import Problems, Refused

_FORM = "microdosing/{form}"
_NOTICES = {"dose": "The dose is changed.", "review": "The review is saved.", "log": "The log is saved."}
TAKEN = ((Taken.ALL, "All taken"), (Taken.PARTLY, "Partly"), (Taken.NONE, "All skipped"))


def show(visit: Visit) -> Response:
    return visit.page(
        "microdosing.html",
        tab="progress",
        title="Doses taken at home",
        view=microdosing_view(visit.deps.work, visit.deps.clock, visit.caller, visit.deps.site.maintenance),
        reviews=reviews_words(visit.deps.site.maintenance),
        pressures=pressures_words(visit.deps.site.maintenance),
        plain=plain,
        notice=_NOTICES.get(visit.query.get("saved", ""), ""),
    )


def _titrate(visit: Visit) -> None:
    titrate(visit.deps.work, visit.deps.clock, visit.caller, visit.fields, visit.deps.ids, visit.deps.site)


def _review(visit: Visit) -> None:
    review(visit.deps.work, visit.deps.clock, visit.caller, visit.fields, visit.deps.ids, visit.deps.site)


def _log(visit: Visit) -> None:
    deps, entry = visit.deps, visit.fields.get("entry", "")
    record_log(deps.work, deps.clock, visit.caller, entry, visit.fields, deps.ids, deps.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    title: str
    save: Callable[[Visit], None]


_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        "dose": _Form(title="Change the dose", save=_titrate),
        "review": _Form(title="Review", save=_review),
        "log": _Form(title="What the patient says", save=_log),
    }
)


def form(visit: Visit) -> Response:
    """Show one of the forms, or save it."""
    name = visit.path["form"]
    found = _FORMS.get(name)
    if found is None:
        return visit.go("microdosing")
    problems: Problems = {}
    if "entry" in visit.fields:
        try:
            found.save(visit)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            visit.deps.wake_worker()
            return visit.go(f"microdosing?saved={name}")
    view = microdosing_view(visit.deps.work, visit.deps.clock, visit.caller, visit.deps.site.maintenance)
    if not view.running:
        return visit.go("microdosing")
    return visit.page(
        "microdosing_form.html",
        tab="progress",
        title=found.title,
        form=name,
        view=view,
        problems=problems,
        values=_proposed(visit, view) | dict(visit.fields),
        entry=visit.fields.get("entry", "") or visit.deps.ids(),
        plain=plain,
        taken=TAKEN,
        sources=tuple(SOURCES.items()),
        decisions=_DECISIONS,
        finishes=tuple((each.value, words) for each, words in FINISHES.items()),
    )


def _proposed(visit: Visit, view: MicrodosingView) -> dict[str, str]:
    """Days alone, of the log those that were not told yet: a dose is never proposed."""
    today = visit.now.date().isoformat()
    if visit.path["form"] != "log":
        return {"first": today}
    told = max((line.log.last for line in view.lines if line.struck is None), default=None)
    start = view.course.start if view.course is not None else visit.now.date()
    first = told + timedelta(days=1) if told is not None else start
    return {"day": min(first, visit.now.date()).isoformat(), "until": today}


_DECISIONS = (
    (ReviewDecision.CONTINUE.value, "Continue with the same dose"),
    (ReviewDecision.CHANGE.value, "Change the dose"),
    (ReviewDecision.STOP.value, "Stop"),
)

ROUTES = (
    Route(path="microdosing", handler=show),
    Route(path=_FORM, handler=form),
    Route(path=_FORM, handler=form, method="POST", keep=keep_on(_FORM)),
)
