"""The course so far: the sentence first, then the chart, the table and the sessions (ui specification S6)."""

from __future__ import annotations

from starlette.responses import Response

from smart_app.pages.charts import ScorePoint, SessionMark, score_chart
from smart_app.pages.late import keep_on
from smart_app.pages.visit import Route, Visit
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.follow_course import CourseView, course_view
from smart_app.use_cases.record_score import record_score


def show(visit: Visit) -> Response:
    score_id = visit.late[0].key if visit.late else visit.deps.ids()
    return _page(visit, {}, {"date": visit.now.date().isoformat()}, score_id)


def _page(visit: Visit, problems: Problems, values: dict[str, str], score_id: str) -> Response:
    view = course_view(visit.deps.work, visit.deps.clock, visit.caller)
    return visit.page(
        "progress.html",
        tab="progress",
        title="Progress",
        status=422 if problems else 200,
        view=view,
        chart=_chart(view),
        problems=problems,
        values=values,
        score_id=score_id,
        notice="The score is saved." if visit.query.get("saved") else "",
    )


def _chart(view: CourseView) -> str:
    points = [ScorePoint(day=score.day, total=score.total, item9=score.item9) for score in view.scores]
    marks = [SessionMark(day=row.day, number=row.number) for row in view.sessions if row.counts]
    baseline = view.outcome.baseline
    return score_chart(points, marks, baseline=baseline.total if baseline else None)


def score(visit: Visit) -> Response:
    """A PHQ-9 total that was taken on paper or elsewhere."""
    fields = {name: visit.fields.get(name, "") for name in ("total", "item9", "date")}
    score_id = visit.fields.get("entry", "")
    try:
        record_score(visit.deps.work, visit.deps.clock, visit.caller, score_id, fields)
    except Refused as refused:
        if not refused.problems:
            raise
        return _page(visit, refused.problems, fields, score_id)
    return visit.go("progress?saved=1")


ROUTES = (
    Route(path="progress", handler=show),
    Route(path="progress/score", handler=score, method="POST", keep=keep_on("progress")),
)
