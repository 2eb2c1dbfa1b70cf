"""Colours as numbers: contrast (WCAG 2.2, relative luminance), hue, mixtures."""

from __future__ import annotations

import re
from collections.abc import Callable
from colorsys import rgb_to_hls
from typing import Final

Colour = tuple[int, int, int]  # red, green and blue, 0 to 255

_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def colour(text: object) -> Colour | None:
    """`#rgb` or `#rrggbb`; None for anything else, names, functions and transparency among it."""
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        return None
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def written(of: Colour) -> str:
    """As a style sheet has it."""
    return "#{:02x}{:02x}{:02x}".format(*of)


def contrast(one: Colour, other: Colour) -> float:
    """1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def hue(of: Colour) -> float:
    """Degrees on the circle: 0 red, 120 green, 240 blue."""
    return rgb_to_hls(*(part / 255 for part in of))[0] * 360


def strength(of: Colour) -> int:
    """How far a colour is from grey: 0 (grey) to 255."""
    return max(of) - min(of)


def mixed(of: Colour, into: Colour, share: float) -> Colour:
    """`share` of the first colour, the rest of the second."""
    return _each(lambda part, ground: part * share + ground * (1 - share), of, into)


def brighter(of: Colour, factor: float) -> Colour:
    """As the CSS filter `brightness(factor)` shows it."""
    return _each(lambda part, _: min(part * factor, 255), of, of)


def _each(make: Callable[[int, int], float], one: Colour, other: Colour) -> Colour:
    red, green, blue = (round(make(a, b)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(of: Colour) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in of
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
