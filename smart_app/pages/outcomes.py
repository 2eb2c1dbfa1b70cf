"""Outcomes: what is due, one page for each questionnaire, and what is decided about results (ui specification S6)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import Instrument, Rule
from smart_app.clinical.instruments import HIGH, MODERATE
from smart_app.clinical.relapse import CAUSES
from smart_app.pages.late import DRAFT
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import day
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.outcomes.outcomes import (
    choose_scale,
    declare_relapse,
    form_view,
    outcomes_view,
    strike_score,
)
from smart_app.use_cases.outcomes.record_score import record_score
from smart_app.use_cases.outcomes.score_draft import clear_score_draft, save_score_draft
from smart_app.use_cases.outcomes.score_form import UNFINISHED

_OURS = frozenset({"entry", "do", "back", UNFINISHED})
_STEP = re.compile(r"session/[0-9a-f-]{36}/(?:before|dose|monitor|discharge)")  # where a form may lead back to


def show(visit: Visit) -> Response:
    return _overview(visit, {}, {})


def _overview(visit: Visit, problems: Problems, values: Mapping[str, str]) -> Response:
    view = outcomes_view(visit.deps.work, visit.deps.clock, visit.caller)
    return visit.page(
        "outcomes.html",
        tab="progress",
        title="Outcomes",
        view=view,
        forms=tuple(INSTRUMENTS.values()),
        primaries=tuple((key, form.name) for key, form in INSTRUMENTS.items() if form.primary),
        causes=tuple(CAUSES.items()),
        problems=problems,
        values={"day": visit.now.date().isoformat()} | dict(values),
        notice=_NOTICES.get(visit.query.get("saved", ""), ""),
    )


def form(visit: Visit) -> Response:
    return _form(visit, {}, {}, visit.deps.ids())


def save(visit: Visit) -> Response:
    """Typed so far (the page's own script), saved, or begun again."""
    deps, scale = visit.deps, visit.path["scale"]
    fields = {name: value for name, value in visit.fields.items() if name not in {"entry", "do", "back"}}
    back = _back(visit.fields)
    if visit.quiet:
        save_score_draft(deps.work, deps.clock, visit.caller, scale, fields)
        return JSONResponse({"saved": f"{visit.now:%H:%M:%S}"})
    if visit.fields.get("do") == "clear":
        clear_score_draft(deps.work, deps.clock, visit.caller, scale)
        return visit.go(f"outcomes/{scale}" + (f"?back={back}" if back else ""))
    entry = visit.fields.get("entry", "")
    try:
        score = record_score(deps.work, deps.clock, visit.caller, entry, scale, fields, deps.ids, deps.site)
    except Refused as refused:
        return _form(visit, refused.at_fields(), fields, entry)
    deps.wake_worker()
    asks_for_a_look = bool(score.item9) or score.level in {HIGH, MODERATE} or not score.complete
    return visit.go(f"{back}?saved=1" if back and not asks_for_a_look else "outcomes?saved=score")


def keep_draft(visit: Visit) -> str:
    """The form came after the session's end."""
    fields = {name: value for name, value in visit.fields.items() if name not in _OURS}
    save_score_draft(visit.deps.work, visit.deps.clock, visit.caller, visit.path["scale"], fields)
    return DRAFT


def _form(visit: Visit, problems: Problems, typed: Mapping[str, str], entry: str) -> Response:
    view = form_view(visit.deps.work, visit.deps.clock, visit.caller, visit.path["scale"])
    today = {"date": visit.now.date().isoformat()}
    return visit.page(
        "questionnaire.html",
        tab="progress",
        title=view.form.name,
        view=view,
        form=view.form,
        groups=json.dumps(_groups(view.form)),
        values=dict(typed) if problems else today | {name: text for name, text in view.values.items() if text},
        problems=problems,
        gaps=any(words.endswith("has no answer.") for words in problems.values()),
        unfinished=UNFINISHED,
        paper=_paper(view.form),
        entry=entry,
        back=_back(visit.fields or visit.query),
    )


def _back(given: Mapping[str, str]) -> str:
    """The step of a session that the form was opened from; empty: none."""
    return given.get("back", "") if _STEP.fullmatch(given.get("back", "")) else ""


def _paper(form: Instrument) -> list[tuple[str, str]]:
    """The answers to the item on death or self-harm that may stand beside a total."""
    if form.watched is None:
        return []
    return [(str(option.score), str(option.score)) for option in form.item(form.watched).options]


def _groups(form: Instrument) -> list[list[int]]:
    """What the page's script adds up; empty where there is no total to show."""
    if form.rule is Rule.SCREENER:
        return []
    return [list(group) for group in form.groups] or [[item.number] for item in form.items]


def strike(visit: Visit) -> Response:
    deps, score = visit.deps, visit.path["score"]
    problems: Problems = {}
    if "reason" in visit.fields:
        try:
            strike_score(deps.work, deps.clock, visit.caller, score, visit.fields["reason"], deps.ids, deps.site)
        except Refused as refused:
            problems = refused.at_fields()
        else:
            deps.wake_worker()
            return visit.go("outcomes?saved=strike")
    return visit.page(
        "reason.html",
        tab="progress",
        title="Strike out a result",
        problems=problems,
        values=visit.fields,
        heading="Strike out this result",
        about=next(
            (
                f"{line.form.name} of {day(line.score.day)}: {line.words}. {line.stored.by.name}"
                for line in outcomes_view(deps.work, deps.clock, visit.caller).lines
                if line.stored.id == score
            ),
            "",
        ),
        explanation="The result stays readable with a line through it, your name and your reason. It counts for "
        "nothing any more, and is marked as entered in error in the EHR.",
        action=f"outcomes/strike/{score}",
        hidden={},
        button="Strike out",
        back="outcomes",
    )


def relapsed(visit: Visit) -> Response:
    fields = {name: visit.fields.get(name, "") for name in ("cause", "day", "reason")}
    try:
        declare_relapse(visit.deps.work, visit.deps.clock, visit.caller, fields, visit.deps.ids, visit.deps.site)
    except Refused as refused:
        return _overview(visit, refused.at_fields(), fields)
    return visit.go("outcomes?saved=relapse")


def chosen(visit: Visit) -> Response:
    fields = {"scale": visit.fields.get("scale", ""), "reason": visit.fields.get("scale.reason", "")}
    try:
        choose_scale(visit.deps.work, visit.deps.clock, visit.caller, fields, visit.deps.ids, visit.deps.site)
    except Refused as refused:
        problems = {
            "scale.reason" if name == "reason" else name: words for name, words in refused.at_fields().items()
        }
        return _overview(visit, problems, {"scale": fields["scale"], "scale.reason": fields["reason"]})
    return visit.go("outcomes?saved=scale")


_NOTICES = {
    "score": "The result is saved.",
    "strike": "The result is struck out.",
    "relapse": "The relapse is recorded.",
    "scale": "The scale is chosen.",
}

ROUTES = (
    Route(path="outcomes", handler=show),
    Route(path="outcomes/relapse", handler=relapsed, method="POST"),
    Route(path="outcomes/scale", handler=chosen, method="POST"),
    Route(path="outcomes/strike/{score}", handler=strike),
    Route(path="outcomes/strike/{score}", handler=strike, method="POST"),
    Route(path="outcomes/{scale}", handler=form),
    Route(path="outcomes/{scale}", handler=save, method="POST", keep=keep_draft),
)
