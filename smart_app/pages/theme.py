"""The EHR's look on our pages: `theme.css`, made of its style document and linked after our own sheet.

Of the members that SMART names, three are taken: `color_background`, `color_highlight` (links, buttons, what is
chosen) and `dim_border_radius`. Nothing of the document is copied: what fits the pattern is read as a number, and the
sheet is written from the numbers, so no text of others gets into it.

Colours that carry a clinical meaning (stop, warn, ok, the patient's banner) are never themed, and neither
`color_error` nor `color_success` is read: red has to mean the same at every EHR, to whoever works at two of them.
For the same reason a highlight counts only when it is clearly blue to violet: a red button would look like a stop, a
green or amber one like a finding, and a grey line in a chart like another line. Text colour, fonts and sizes stay
ours: the sizes are those of the browser, and what the record says has to be read at a bedside.

What would be harder to read than 4.5 to 1 (WCAG 2.2, 1.4.3) is left out, in light and in dark mode each on its own.
Print, forced colours and whoever asks for more contrast get our own sheet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from starlette.responses import Response

from smart_app.pages.colours import Colour, brighter, colour, contrast, hue, mixed, strength, written
from smart_app.pages.templating import shelf
from smart_app.pages.visit import Route, Visit

Palette = Mapping[str, Colour]  # the tokens of app.css

ENOUGH: Final = 4.5
_ON_GROUND: Final = ("ink", "mute", "act", "ok", "warn", "stop")
_UNDER_LINKS: Final = ("ground", "card", "well", "act-soft", "ok-soft", "warn-soft", "stop-soft")
_CALM_HUES: Final = (180.0, 300.0)  # blue to violet, in degrees
_CLEARLY_A_HUE: Final = 48
_NEARLY_GREY: Final = 24  # a ground stronger than that would colour what lies on it
_HOVER: Final = 1.12  # .button:hover in app.css
_SOFT: Final = 0.12  # how much of the highlight is in the ground of what is chosen

_LENGTH: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)(px|rem|em)|0")
_PIXELS: Final = {"px": 1, "rem": 16, "em": 16}
_LARGEST: Final = 16.0  # px; of a card
_LARGEST_INSIDE: Final = 8.0  # px; of fields and buttons

_TOKEN: Final = re.compile(r"--([a-z-]+): (#[0-9a-f]+);")
_DARK: Final = "@media (prefers-color-scheme: dark) {"
_WHERE: Final = "@media screen and (prefers-contrast: no-preference)"


async def show(visit: Visit) -> Response:
    """Empty while the document is on its way or holds nothing for us: a page never waits for the EHR's colours."""
    document = visit.deps.style_of(visit.context)
    keep = "no-store" if document is None else "private, max-age=3600"
    own = shelf(visit.deps.base_path).assets["app.css"].body.decode()
    return Response(sheet(document or {}, own), media_type="text/css", headers={"Cache-Control": keep})


def sheet(document: Mapping[str, object], own: str) -> str:
    """The style sheet for a style document. `own` is the text of app.css, whose colours it has to go with."""
    light, dark = palettes(own)
    rules = [
        _rule(" and (prefers-color-scheme: light)", _colours(document, light)),
        _rule(" and (prefers-color-scheme: dark)", _colours(document, dark)),
        _rule("", _corners(document.get("dim_border_radius"))),
    ]
    return "".join(rules)


@cache
def palettes(own: str) -> tuple[Palette, Palette]:
    """The colours of app.css in light and in dark mode, read from it, so that there is one place that says them."""
    head, _, rest = own.partition(_DARK)
    light = _tokens(head)
    return light, {**light, **_tokens(rest.partition("\n}")[0])}


def _tokens(css: str) -> dict[str, Colour]:
    return {name: found for name, text in _TOKEN.findall(css) if (found := colour(text))}


def _colours(document: Mapping[str, object], own: Palette) -> dict[str, str]:
    """The tokens to change in one mode; none when the colours do not fit it."""
    changed: dict[str, Colour] = {}
    ground = colour(document.get("color_background"))
    if ground and strength(ground) <= _NEARLY_GREY and _readable(ground, own, _ON_GROUND):
        changed["ground"] = ground
    highlight = colour(document.get("color_highlight"))
    if highlight and _is_calm(highlight):
        links = {"act": highlight, "act-soft": mixed(highlight, own["card"], _SOFT)}
        if _fits({**own, **changed, **links}):
            changed |= links
    return {name: written(value) for name, value in changed.items()}


def _fits(seen: Palette) -> bool:
    """Whether links, buttons and chosen things can be read in this palette."""
    act = seen["act"]
    return (
        _readable(act, seen, (*_UNDER_LINKS, "act-ink"))
        and _readable(brighter(act, _HOVER), seen, ("act-ink",))
        and _readable(seen["act-soft"], seen, ("ink", "mute"))
    )


def _readable(one: Colour, seen: Palette, others: tuple[str, ...]) -> bool:
    return all(contrast(one, seen[name]) >= ENOUGH for name in others)


def _is_calm(highlight: Colour) -> bool:
    lowest, highest = _CALM_HUES
    return strength(highlight) >= _CLEARLY_A_HUE and lowest <= hue(highlight) <= highest


def _corners(text: object) -> dict[str, str]:
    found = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return {}
    pixels = float(found[1] or 0) * _PIXELS[found[2] or "px"]
    if pixels > _LARGEST:
        return {}
    return {"r": f"{pixels:g}px", "r-in": f"{min(pixels, _LARGEST_INSIDE):g}px"}


def _rule(mode: str, changed: Mapping[str, str]) -> str:
    if not changed:
        return ""
    said = " ".join(f"--{name}: {value};" for name, value in changed.items())
    return f"{_WHERE}{mode} {{ :root {{ {said} }} }}\n"


ROUTES = (Route(path="theme.css", handler=show, auditors=True),)
