"""The course so far: the sentence first, then the chart, the table and the sessions (ui specification S6)."""

from __future__ import annotations

from starlette.responses import Response

from smart_app.clinical.outcomes import PRIMARY
from smart_app.pages.charts import ScorePoint, SessionMark, score_chart
from smart_app.pages.deciding import LINKS
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.follow_course import CourseView, course_view
from smart_app.use_cases.outcomes.outcomes import ScaleView
from smart_app.use_cases.outcomes.record_score import record_score


def show(visit: Visit) -> Response:
    score_id = visit.late[0].key if visit.late else visit.deps.ids()
    return _page(visit, {}, {"date": visit.now.date().isoformat()}, score_id)


def _page(visit: Visit, problems: Problems, values: dict[str, str], score_id: str) -> Response:
    site = visit.deps.site
    view = course_view(
        visit.deps.work, visit.deps.clock, visit.caller, countersign=site.countersign, rules=site.maintenance
    )
    return visit.page(
        "progress.html",
        tab="progress",
        title="Progress",
        view=view,
        charts={scale.form.key: _chart(view, scale) for scale in view.outcomes.scales},
        decision_links=LINKS,
        problems=problems,
        values=values,
        score_id=score_id,
        notice="The score is saved." if visit.query.get("saved") else "",
    )


def score(visit: Visit) -> Response:
    """A PHQ-9 total that was taken on paper or elsewhere."""
    deps, fields = visit.deps, {name: visit.fields.get(name, "") for name in ("total", "item9", "date")}
    score_id = visit.fields.get("entry", "")
    try:
        record_score(deps.work, deps.clock, visit.caller, score_id, PRIMARY, fields, deps.ids, deps.site)
    except Refused as refused:
        problems = {_SHOWN.get(name, name): words for name, words in refused.at_fields().items()}
        return _page(visit, problems, fields, score_id)
    deps.wake_worker()
    return visit.go("progress?saved=1")


def _chart(view: CourseView, scale: ScaleView) -> str:
    points = [
        ScorePoint(day=score.day, total=score.total, watched=score.watched)
        for score in scale.scores
        if score.total is not None
    ]
    marks = [SessionMark(day=row.day, number=row.number) for row in view.sessions if row.counts]
    first = scale.outcome.baseline
    baseline = None
    if first is not None and first.total is not None:
        baseline = ScorePoint(day=first.day, total=first.total)
    return score_chart(scale.form, points, marks, baseline=baseline)


_SHOWN = {"item.1": "total"}  # of the whole form, of which this shows a part

ROUTES = (
    Route(path="progress", handler=show),
    Route(path="progress/score", handler=score, method="POST", keep=keep_on("progress")),
)
