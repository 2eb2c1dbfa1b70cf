"""The screening page: one verdict, what it rests on, and what could not be looked at (ui specification S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from launch.errors import LaunchEnded
from smart_app.pages.door import Route, Visit
from smart_app.pages.wording import VERDICTS
from smart_app.use_cases.records import StoredScreening

UNSEEN = frozenset({"could-not-look", "not-enough-data"})
MAY_ENROL = frozenset({"candidate", "needs-review"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one kind under one heading."""

    title: str
    hint: str
    tone: str
    rows: tuple[Row, ...]


# Kind, heading, hint, tone: worst first. Rows that could not be judged stand in a group of their own.
_GROUPS = (
    ("contraindication", "Contraindications", "", "stop"),
    ("", "Missing or not to be judged", "Missing is never read as absent.", "warn"),
    ("hold", "Not now", "To settle or treat before a first session.", "warn"),
    ("review", "Needs review", "", "warn"),
    ("caution", "Cautions", "", "warn"),
    ("indication", "What speaks for treatment", "", "ok"),
    ("information", "For information", "", ""),
)

_ABSENCE = {"met": "Missing", "not-met": "Present"}  # such a rule asks whether data is missing
_WORDS = {
    "could-not-look": "Could not look",
    "not-enough-data": "Not enough data",
    "not-met": "Not found",
}


async def show(visit: Visit) -> Response:
    """The screening of this launch; the first visit makes it."""
    screening = visit.screening
    if screening is None or screening.launch != visit.caller.launch:
        await _screen(visit)
        return visit.go("screening")
    return _page(visit, screening)


async def refresh(visit: Visit) -> Response:
    await _screen(visit)
    return visit.go("screening")


async def _screen(visit: Visit) -> None:
    deps = visit.deps
    ehr = deps.ehr_of(visit.caller.launch)
    if ehr is None:
        raise LaunchEnded
    await deps.screen(deps.work, deps.clock, visit.caller, ehr, deps.site)


def _page(visit: Visit, screening: StoredScreening) -> Response:
    result = screening.result
    return visit.page(
        "screening.html",
        tab="screening",
        title="Screening",
        screening=screening,
        verdict=VERDICTS[screening.status],
        as_of=screening.at.astimezone(visit.now.tzinfo),
        alerts=result.get("alerts", ()),
        gaps=result.get("gaps", ()),
        groups=groups(result.get("findings", ())),
        outcome_words=outcome_words,
        looked_at=result.get("looked_at", ()),
        may_enrol=screening.status in MAY_ENROL,
    )


def groups(findings: Sequence[Row]) -> tuple[Group, ...]:
    """The findings under their headings, empty groups left out."""
    made = (
        Group(title=title, hint=hint, tone=tone, rows=tuple(row for row in findings if _kind(row) == kind))
        for kind, title, hint, tone in _GROUPS
    )
    return tuple(group for group in made if group.rows)


def outcome_words(row: Row) -> str:
    """The result of one rule: Found, Missing, Not found, Not enough data, Could not look."""
    state = row["state"]
    if row["kind"] == "missing" and state in _ABSENCE:
        return _ABSENCE[state]
    if state == "met":
        return "Found"
    return _WORDS.get(state, str(state))


def _kind(row: Row) -> str:
    """ "" for what could not be judged, whichever kind of rule it is."""
    return "" if row["state"] in UNSEEN or row["kind"] == "missing" else str(row["kind"])


ROUTES = (
    Route(path="screening", handler=show),
    Route(path="screening", handler=refresh, method="POST"),
)
