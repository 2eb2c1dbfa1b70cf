"""Charts as SVG text: no inline style, no script, nothing but attributes and classes (ui specification 2)."""

from smart_app.pages.charts.scores import ScorePoint, SessionMark, score_chart
from smart_app.pages.charts.vitals import Limit, VitalsPoint, vitals_chart

__all__ = ["Limit", "ScorePoint", "SessionMark", "VitalsPoint", "score_chart", "vitals_chart"]
