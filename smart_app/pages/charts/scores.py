"""Totals of a scale over a course: severity bands, response and remission lines, the sessions under the axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from fhir_mappings.facts.questionnaire import Instrument
from smart_app.pages.charts.drawing import Scale, figure, free_place, tag
from smart_app.pages.wording import day

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 112, 18, 66
_LAST_BAND = 4  # the style sheet's last shade
_SHORT = {"moderately severe": "mod. severe"}  # beside the chart there is little room
_MARK_GAP = 20.0
_LABEL_GAP = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    day: date
    total: int
    watched: int | None = None  # the answer to the item on death or self-harm


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMark:
    day: date
    number: int


def score_chart(
    form: Instrument,
    points: Sequence[ScorePoint],
    sessions: Sequence[SessionMark] = (),
    *,
    baseline: ScorePoint | None = None,
) -> Markup:
    """The chart; "" without a score. `baseline` draws the response line and is day 0; None: the first score is."""
    if not points:
        return Markup("")
    ordered = sorted(points, key=lambda point: point.day)
    x, y = _scales(form, ordered, sessions)
    response = baseline.total // 2 if baseline is not None and baseline.total else None
    return figure(
        form.key,
        f"{form.name} total over the course",
        _description(form, ordered, sessions, response),
        *_bands(form, y),
        *_lines(form, y, response),
        *_session_marks(x, y, sessions),
        *_curve(form, x, y, ordered),
        *_days(x, y, (baseline or ordered[0]).day),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _scales(form: Instrument, points: Sequence[ScorePoint], sessions: Sequence[SessionMark]) -> tuple[Scale, Scale]:
    days = [point.day.toordinal() for point in points] + [mark.day.toordinal() for mark in sessions]
    first, last = min(days), max(days)
    span = max(last - first, 14)
    x = Scale(low=first, high=first + span, start=_LEFT + 22, end=_WIDTH - _RIGHT - 22)
    return x, Scale(low=0, high=form.highest, start=_HEIGHT - _BOTTOM, end=_TOP)


def _description(
    form: Instrument, points: Sequence[ScorePoint], sessions: Sequence[SessionMark], response: int | None
) -> str:
    first, last = points[0], points[-1]
    said = [f"{len(points)} score{'' if len(points) == 1 else 's'}, from {first.total} on {day(first.day)}"]
    said.append(f"to {last.total} on {day(last.day)}.")
    if response is not None:
        said.append(f"Response is {response} or less.")
    if form.remission is not None:
        said.append(f"Remission is {form.remission} or less.")
    if any(point.watched for point in points):
        above = ", ".join(day(p.day) for p in points if p.watched)
        said.append(f"Item {form.watched} was above 0 on {above}.")
    said.append(f"{len(sessions)} session{'' if len(sessions) == 1 else 's'} marked.")
    return " ".join(said)


def _bands(form: Instrument, y: Scale) -> list[Markup]:
    right, parts = _WIDTH - _RIGHT, []
    for number, (low, high, words) in enumerate(form.bands):
        top = y(high if high == form.highest else high + 0.5)
        bottom = y(low if low == 0 else low - 0.5)
        parts.append(
            tag(
                "rect",
                class_=f"c-band c-band{min(number, _LAST_BAND)}",
                x=_LEFT,
                y=top,
                width=right - _LEFT,
                height=bottom - top,
            )
        )
        named = _SHORT.get(words, words).capitalize()
        parts.append(tag("text", named, class_="c-tick", x=right + 8, y=(top + bottom) / 2 + 4))
    ticks = [low for low, _, _ in form.bands] or list(range(0, form.highest, 10 if form.highest > 30 else 4))
    for value in (*ticks, form.highest):
        if not form.bands:
            parts.append(tag("line", class_="c-grid", x1=_LEFT, y1=y(value), x2=right, y2=y(value)))
        parts.append(tag("text", str(value), class_="c-tick", x=_LEFT - 8, y=y(value) + 4, text_anchor="end"))
    return parts


def _lines(form: Instrument, y: Scale, response: int | None) -> list[Markup]:
    lines = []
    if form.remission is not None:
        lines.append((form.remission + 0.5, f"Remission: {form.remission} or less", "remission"))
    if response is not None:
        lines.append((response + 0.5, f"Response: {response} or less", "response"))
    places = [y(value) for value, _, _ in lines]
    close = len(places) == 2 and abs(places[0] - places[1]) < _LABEL_GAP  # two labels there would lie on each other
    labels = [(min(places) - 5, ". ".join(words for _, words, _ in lines))] if close else []
    labels = labels or [(place - 5, words) for place, (_, words, _) in zip(places, lines, strict=True)]
    parts = [
        tag("line", class_=f"c-limit c-{kind}", x1=_LEFT, y1=place, x2=_WIDTH - _RIGHT, y2=place)
        for place, (_, _, kind) in zip(places, lines, strict=True)
    ]
    return parts + [tag("text", words, class_="c-note", x=_LEFT + 6, y=label) for label, words in labels]


def _curve(form: Instrument, x: Scale, y: Scale, points: Sequence[ScorePoint]) -> list[Markup]:
    places = [(x(point.day.toordinal()), y(point.total), point) for point in points]
    parts = [tag("polyline", class_="c-score", points=" ".join(f"{px:.1f},{py:.1f}" for px, py, _ in places))]
    for px, py, point in places:
        if point.watched:
            diamond = f"M{px:.1f} {py - 10:.1f}l10 10l-10 10l-10-10z"
            parts.append(tag("path", class_="c-item9", d=diamond))
        words = f"{day(point.day)}: {point.total}" + (f", item {form.watched} above 0" if point.watched else "")
        parts.append(tag("circle", tag("title", words), class_="c-score-dot", cx=px, cy=py, r=4.6))
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


def _days(x: Scale, y: Scale, zero: date) -> list[Markup]:
    first, last = round(x.low) - zero.toordinal(), round(x.high) - zero.toordinal()
    step = next(days for days in (7, 14, 28, 56, 112, 224, last - first + 1) if (last - first) / days <= 7)
    parts = []
    for number in range(-(-first // step) * step, last + 1, step):
        words = f"Day {number}" if number >= 0 else f"Day \N{MINUS SIGN}{-number}"
        place = x(zero.toordinal() + number)
        parts.append(tag("text", words, class_="c-tick", x=place, y=y(0) + 44, text_anchor="middle"))
    return parts
