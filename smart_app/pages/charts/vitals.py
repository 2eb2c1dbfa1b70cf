"""Blood pressure as an anaesthetic record draws it: a bar from diastolic to systolic, heart rate as a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from markupsafe import Markup

from smart_app.pages.charts.drawing import Scale, figure, free_place, tag

_WIDTH, _HEIGHT = 760, 372
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 92, 16, 76
_LABEL_GAP = 15.0
_LOW_SATURATION = 92  # clinical README 4: below it is an action level


@dataclass(frozen=True, slots=True, kw_only=True)
class VitalsPoint:
    """One reading that was not struck out. `minute` counts from the first dose, or from the first reading."""

    minute: int
    time: str
    systolic: int | None
    diastolic: int | None
    heart_rate: int | None = None
    saturation: int | None = None
    stops: bool = False  # the reading asks to stop, by whatever of it

    @property
    def has_pressure(self) -> bool:
        return self.systolic is not None and self.diastolic is not None

    @property
    def words(self) -> str:
        parts = [f"{self.time}, minute {self.minute}:"]
        if self.has_pressure:
            parts.append(f"{self.systolic}/{self.diastolic} mmHg")
        if self.heart_rate is not None:
            parts.append(f"heart rate {self.heart_rate}")
        if self.saturation is not None:
            parts.append(f"SpO2 {self.saturation} %")
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A systolic value of the protocol, named on its line."""

    systolic: int
    name: str
    kind: str  # "gate", "warn" or "stop": class and dash pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    x: Scale
    y: Scale
    first: int
    last: int
    top: int
    bottom: int


def vitals_chart(
    points: Sequence[VitalsPoint],
    *,
    limits: Sequence[Limit],
    infusion: Sequence[tuple[int, int]] = (),
    from_dose: bool = True,
    name: str = "vitals",
) -> Markup:
    """The chart of one session; "" as long as there is no reading."""
    if not points:
        return Markup("")
    ordered = sorted(points, key=lambda point: point.minute)
    axes = _axes(ordered)
    return figure(
        name,
        "Blood pressure and heart rate during the session",
        _description(ordered, from_dose),
        *_ground(axes, infusion, from_dose),
        *_limit_lines(axes, limits),
        *_heart_rate(axes, ordered),
        *(_bar(axes, point) for point in ordered),
        *_saturations(axes, ordered),
        *_values(axes, ordered, limits),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _axes(points: Sequence[VitalsPoint]) -> _Axes:
    pressures = [v for p in points for v in (p.systolic, p.diastolic, p.heart_rate) if v is not None]
    high = max([200, *(ceil((value + 8) / 20) * 20 for value in pressures)])
    low = min([40, *(floor(value / 20) * 20 for value in pressures)])
    first = min(0, floor(points[0].minute / 20) * 20)
    last = max(120, ceil(points[-1].minute / 20) * 20)
    return _Axes(
        x=Scale(low=first, high=last, start=_LEFT + 10, end=_WIDTH - _RIGHT - 10),
        y=Scale(low=low, high=high, start=_HEIGHT - _BOTTOM, end=_TOP),
        first=first,
        last=last,
        top=high,
        bottom=low,
    )


def _description(points: Sequence[VitalsPoint], from_dose: bool) -> str:
    measured = [point for point in points if point.has_pressure]
    said = [f"{len(points)} reading{'' if len(points) == 1 else 's'}."]
    if measured:
        first, last = measured[0], measured[-1]
        peak = max(measured, key=lambda point: point.systolic or 0)
        said.append(f"First {first.systolic}/{first.diastolic} mmHg at {first.time}.")
        said.append(f"Highest {peak.systolic}/{peak.diastolic} mmHg at {peak.time}.")
        said.append(f"Last {last.systolic}/{last.diastolic} mmHg at {last.time}.")
    said.append(f"Minutes count from the first {'dose' if from_dose else 'reading'}. Every value is in the table.")
    return " ".join(said)


def _ground(axes: _Axes, infusion: Sequence[tuple[int, int]], from_dose: bool) -> list[Markup]:
    """`infusion`: from when to when it ran, a pair for each stretch between two pauses."""
    floor_y, right = axes.y(axes.bottom), _WIDTH - _RIGHT
    parts = []
    if from_dose and axes.first < 0:
        parts += _band(axes, "c-before", axes.first, 0)
        parts.append(tag("text", "Baseline", class_="c-note", x=axes.x(axes.first) + 4, y=_TOP + 14))
    for start, end in infusion:
        parts += _band(axes, "c-dose", start, end)
    if infusion and infusion[-1][1] > infusion[0][0]:
        words = f"Infusion {infusion[0][0]} to {infusion[-1][1]} min" + (", with pauses" if infusion[1:] else "")
        parts.append(
            tag("text", words, class_="c-note", x=axes.x(max(infusion[0][0], axes.first)) + 8, y=floor_y - 9)
        )
    for value in range(axes.bottom, axes.top + 1, 20):
        y = axes.y(value)
        parts.append(tag("line", class_="c-grid", x1=_LEFT, y1=y, x2=right, y2=y))
        parts.append(tag("text", str(value), class_="c-tick", x=_LEFT - 8, y=y + 4, text_anchor="end"))
    step = 20 if axes.last - axes.first <= 200 else 60
    for minute in range(axes.first, axes.last + 1, step):
        label = str(minute) if minute >= 0 else f"\N{MINUS SIGN}{-minute}"
        parts.append(tag("text", label, class_="c-tick", x=axes.x(minute), y=floor_y + 18, text_anchor="middle"))
    caption = f"Minutes from the first {'dose' if from_dose else 'reading'}"
    parts.append(tag("text", caption, class_="c-tick", x=(_LEFT + right) / 2, y=floor_y + 36, text_anchor="middle"))
    return parts


def _band(axes: _Axes, kind: str, start: int, end: int) -> list[Markup]:
    left, right = axes.x(max(start, axes.first)), axes.x(min(end, axes.last))
    if right <= left:
        return []
    height = axes.y(axes.bottom) - _TOP
    return [tag("rect", class_=kind, x=left, y=_TOP, width=right - left, height=height)]


def _limit_lines(axes: _Axes, limits: Sequence[Limit]) -> list[Markup]:
    parts = []
    for limit in limits:
        y, right = axes.y(limit.systolic), _WIDTH - _RIGHT
        parts.append(tag("line", class_=f"c-limit c-{limit.kind}", x1=_LEFT, y1=y, x2=right, y2=y))
        parts.append(
            tag("text", f"{limit.name} {limit.systolic}", class_=f"c-name c-{limit.kind}-t", x=right + 8, y=y + 4)
        )
    return parts


def _heart_rate(axes: _Axes, points: Sequence[VitalsPoint]) -> list[Markup]:
    places = [(axes.x(p.minute), axes.y(p.heart_rate)) for p in points if p.heart_rate is not None]
    if not places:
        return []
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [tag("circle", class_="c-hr-dot", cx=x, cy=y, r=3.4) for x, y in places]
    return [tag("polyline", class_="c-hr", points=line), *dots]


def _bar(axes: _Axes, point: VitalsPoint) -> Markup:
    if point.systolic is None or point.diastolic is None:
        return Markup("")
    x, high, low = axes.x(point.minute), axes.y(point.systolic), axes.y(point.diastolic)
    ends = (
        f"M{x - 6:.1f} {high - 6:.1f}L{x:.1f} {high:.1f}L{x + 6:.1f} {high - 6:.1f}"
        f"M{x - 6:.1f} {low + 6:.1f}L{x:.1f} {low:.1f}L{x + 6:.1f} {low + 6:.1f}"
    )
    return tag(
        "g",
        tag("title", point.words),
        tag("line", x1=x, y1=high, x2=x, y2=low),
        tag("path", d=ends),
        class_="c-bp c-reached" if point.stops else "c-bp",
    )


def _saturations(axes: _Axes, points: Sequence[VitalsPoint]) -> list[Markup]:
    y = axes.y(axes.bottom) + 60
    parts: list[Markup] = []
    last_x = -100.0
    for point in points:
        x = axes.x(point.minute)
        if point.saturation is None or x - last_x < 24:
            continue
        low = point.saturation < _LOW_SATURATION
        kind = "c-sat c-stop-t" if low else "c-sat"
        words = f"{point.saturation}!" if low else str(point.saturation)
        parts.append(tag("text", words, class_=kind, x=x, y=y, text_anchor="middle"))
        last_x = x
    if parts:
        parts.append(tag("text", "SpO\N{SUBSCRIPT TWO} %", class_="c-name c-hr-t", x=_WIDTH - _RIGHT + 8, y=y))
    return parts


def _values(axes: _Axes, points: Sequence[VitalsPoint], limits: Sequence[Limit]) -> list[Markup]:
    """The highest value at its bar, the last values at the margin, both out of the way of the limits' names."""
    measured = [point for point in points if point.has_pressure]
    lines = [axes.y(limit.systolic) for limit in limits]
    margin, parts = _WIDTH - _RIGHT + 8, []
    if measured:
        peak = max(measured, key=lambda point: point.systolic or 0)
        y = free_place(axes.y(peak.systolic or 0) - 16, lines, gap=9.0)
        words = f"{peak.systolic}/{peak.diastolic}"
        parts.append(tag("text", words, class_="c-value", x=axes.x(peak.minute), y=y + 4, text_anchor="middle"))
        last = measured[-1]
        y = free_place(axes.y(last.systolic or 0), lines, gap=_LABEL_GAP)
        lines.append(y)
        words = f"BP {last.systolic}/{last.diastolic}"
        parts.append(tag("text", words, class_="c-name c-bp-t", x=margin, y=y + 4))
    rates = [point for point in points if point.heart_rate is not None]
    if rates:
        rate = rates[-1].heart_rate or 0
        y = free_place(axes.y(rate), lines, gap=_LABEL_GAP)
        parts.append(tag("text", f"HR {rate}", class_="c-name c-hr-t", x=margin, y=y + 4))
    return parts
