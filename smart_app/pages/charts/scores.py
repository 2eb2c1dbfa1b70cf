"""PHQ-9 totals over a course: severity bands, response and remission lines, the sessions under the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from smart_app.pages.charts.drawing import Scale, figure, free_place, tag
from smart_app.pages.wording import day

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 112, 18, 66
_HIGHEST = 27
_BANDS = ((0, 4, "Minimal"), (5, 9, "Mild"), (10, 14, "Moderate"), (15, 19, "Mod. severe"), (20, 27, "Severe"))
_TICKS = (0, 5, 10, 15, 20, 27)
_MARK_GAP = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    day: date
    total: int
    item9: int | None = None

    @property
    def words(self) -> str:
        return f"{day(self.day)}: {self.total}" + (", item 9 above 0" if self.item9 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMark:
    day: date
    number: int


def score_chart(
    points: Sequence[ScorePoint],
    sessions: Sequence[SessionMark] = (),
    *,
    baseline: int | None = None,
    name: str = "phq9",
) -> Markup:
    """The chart; "" without a score. `baseline` draws the response line; None or 0 draws none."""
    if not points:
        return Markup("")
    ordered = sorted(points, key=lambda point: point.day)
    x, y = _scales(ordered, sessions)
    return figure(
        name,
        "PHQ-9 total over the course",
        _description(ordered, sessions, baseline),
        *_bands(y),
        *_lines(y, baseline),
        *_session_marks(x, y, sessions),
        *_curve(x, y, ordered),
        *_days(x, y),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _scales(points: Sequence[ScorePoint], sessions: Sequence[SessionMark]) -> tuple[Scale, Scale]:
    days = [point.day.toordinal() for point in points] + [mark.day.toordinal() for mark in sessions]
    first, last = min(days), max(days)
    span = max(last - first, 14)
    x = Scale(low=first, high=first + span, start=_LEFT + 22, end=_WIDTH - _RIGHT - 22)
    return x, Scale(low=0, high=_HIGHEST, start=_HEIGHT - _BOTTOM, end=_TOP)


def _description(points: Sequence[ScorePoint], sessions: Sequence[SessionMark], baseline: int | None) -> str:
    first, last = points[0], points[-1]
    said = [f"{len(points)} score{'' if len(points) == 1 else 's'}, from {first.total} on {day(first.day)}"]
    said.append(f"to {last.total} on {day(last.day)}.")
    if baseline:
        said.append(f"Response is {baseline // 2} or less.")
    said.append("Remission is 4 or less.")
    if any(point.item9 for point in points):
        said.append("Item 9 was above 0 on " + ", ".join(day(p.day) for p in points if p.item9) + ".")
    said.append(f"{len(sessions)} session{'' if len(sessions) == 1 else 's'} marked.")
    return " ".join(said)


def _bands(y: Scale) -> list[Markup]:
    right, parts = _WIDTH - _RIGHT, []
    for number, (low, high, words) in enumerate(_BANDS):
        top = y(high if high == _HIGHEST else high + 0.5)
        bottom = y(low if low == 0 else low - 0.5)
        parts.append(
            tag(
                "rect",
                class_=f"c-band c-band{number}",
                x=_LEFT,
                y=top,
                width=right - _LEFT,
                height=bottom - top,
            )
        )
        parts.append(tag("text", words, class_="c-tick", x=right + 8, y=(top + bottom) / 2 + 4))
    ticks = (tag("text", str(v), class_="c-tick", x=_LEFT - 8, y=y(v) + 4, text_anchor="end") for v in _TICKS)
    return [*parts, *ticks]


def _lines(y: Scale, baseline: int | None) -> list[Markup]:
    lines = [(4.5, "Remission: 4 or less", "remission")]
    if baseline:
        lines.append((baseline // 2 + 0.5, f"Response: {baseline // 2} or less", "response"))
    parts = []
    for value, words, kind in lines:
        place = y(value)
        parts.append(tag("line", class_=f"c-limit c-{kind}", x1=_LEFT, y1=place, x2=_WIDTH - _RIGHT, y2=place))
        parts.append(tag("text", words, class_="c-note", x=_LEFT + 6, y=place + 14))
    return parts


def _curve(x: Scale, y: Scale, points: Sequence[ScorePoint]) -> list[Markup]:
    places = [(x(point.day.toordinal()), y(point.total), point) for point in points]
    parts = [tag("polyline", class_="c-score", points=" ".join(f"{px:.1f},{py:.1f}" for px, py, _ in places))]
    for px, py, point in places:
        if point.item9:
            diamond = f"M{px:.1f} {py - 10:.1f}l10 10l-10 10l-10-10z"
            parts.append(tag("path", class_="c-item9", d=diamond))
        parts.append(tag("circle", tag("title", point.words), class_="c-score-dot", cx=px, cy=py, r=4.6))
        above = py - 15 if py - 15 > _TOP + 4 else py + 22
        parts.append(tag("text", str(point.total), class_="c-value", x=px, y=above, text_anchor="middle"))
    return parts


def _session_marks(x: Scale, y: Scale, sessions: Sequence[SessionMark]) -> list[Markup]:
    parts: list[Markup] = []
    taken: list[float] = []
    for mark in sorted(sessions, key=lambda each: each.day):
        true = x(mark.day.toordinal())
        place = free_place(true, taken, gap=_MARK_GAP)
        taken.append(place)
        parts.append(
            tag(
                "g",
                tag("title", f"Session {mark.number}, {day(mark.day)}"),
                tag("line", x1=true, y1=_TOP, x2=true, y2=y(0)),
                tag("circle", cx=place, cy=y(0) + 14, r=9.5),
                tag("text", str(mark.number), x=place, y=y(0) + 18, text_anchor="middle"),
                class_="c-session",
            )
        )
    return parts


def _days(x: Scale, y: Scale) -> list[Markup]:
    span = round(x.high - x.low)
    step = next(days for days in (7, 14, 28, 56, 112, 224, span + 1) if span / days <= 7)
    parts = []
    for passed in range(0, span + 1, step):
        when = date.fromordinal(round(x.low) + passed)
        words = day(when)[:6]
        place = x(x.low + passed)
        parts.append(tag("text", words, class_="c-tick", x=place, y=y(0) + 44, text_anchor="middle"))
    return parts
