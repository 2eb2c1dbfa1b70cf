"""The pen: SVG elements, a linear scale, and labels that step out of each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape


def tag(name: str, *inside: str, **attributes: str | float) -> Markup:
    """One element. `class_` becomes class, other underscores become hyphens; everything is escaped."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
    )
    if not inside:
        return Markup("<{}{}/>").format(Markup(name), written)  # noqa: S704 - names are ours
    body = Markup("").join(escape(part) for part in inside)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, body)  # noqa: S704 - names are ours


def _short(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 1):g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps a range of values to a range of drawing units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) * (self.end - self.start) / (self.high - self.low)


def free_place(wanted: float, taken: Iterable[float], *, gap: float) -> float:
    """The place nearest to the wanted one that is at least `gap` from every taken one."""
    places = sorted(taken)
    tries = [wanted, *(place + side * gap for place in places for side in (1, -1))]
    free = [place for place in tries if all(abs(place - other) >= gap - 0.01 for other in places)]
    return min(free, key=lambda place: abs(place - wanted)) if free else wanted


def figure(name: str, title: str, description: str, *parts: str, width: int, height: int) -> Markup:
    """The SVG element itself, named and described for those who do not see it."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *parts,
        class_="chart",
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        focusable="false",
    )
