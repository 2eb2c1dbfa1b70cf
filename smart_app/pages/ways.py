"""What this browser does for whoever sits at it: keys of its own, a tone when a reading is due. Kept in a cookie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from launch.cookies import ATTRIBUTES

NAME = "__Host-kp.ways"  # no launch has a dot in its name
KEPT = timedelta(days=365)
_KEY = re.compile(r' accesskey="[a-z]"')  # of a tag alone: in words of others the quotes are escaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Nothing of it is about a patient or a person: it says how a device on a desk or at a bedside behaves."""

    keys: bool = True  # Alt+Shift and a letter (WCAG 2.2, 2.1.4: they can be switched off)
    tone: bool = False


def ways_of(header: str | None) -> Ways:
    """As the Cookie header says; as shipped where it says nothing that can be read."""
    for pair in (header or "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME:
            said = value.split(".")
            return Ways(keys="nokeys" not in said, tone="tone" in said)
    return Ways()


def ways_cookie(ways: Ways) -> str:
    """A Set-Cookie value."""
    said = ".".join(("keys" if ways.keys else "nokeys", "tone" if ways.tone else "notone"))
    return f"{NAME}={said}; {ATTRIBUTES}; Max-Age={int(KEPT.total_seconds())}"


def without_keys(html: str) -> str:
    return _KEY.sub("", html)
