"""The screening page: one verdict, what it rests on, and what could not be looked at (ui specification S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from starlette.responses import Response

from launch.errors import LaunchEnded
from smart_app.pages.door import Route, Visit
from smart_app.pages.screening_words import deciding, gap_words, outcome_words, read_words
from smart_app.pages.wording import VERDICTS
from smart_app.use_cases.enrol import MAY_ENROL, is_enrolled
from smart_app.use_cases.look import SCREENING, record_look
from smart_app.use_cases.records import StoredScreening

UNSEEN = frozenset({"could-not-look", "not-enough-data"})
FEW = 3  # questions with one reason that are still shown one by one

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """Questions that could not be answered for one reason, shown as one line."""

    reason: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one kind under one heading."""

    title: str
    hint: str
    tone: str
    rows: tuple[Row, ...]
    folded: tuple[Folded, ...] = ()

    @property
    def size(self) -> int:
        return len(self.rows) + sum(len(each.rows) for each in self.folded)

    @property
    def against(self) -> bool:
        """Whether this comes before what the screening rests on."""
        return self.tone in {"stop", "warn", "plain"}


# Kind, heading, hint, tone: worst first. Rows that could not be judged stand in a group of their own.
_GROUPS = (
    ("contraindication", "Contraindications", "", "stop"),
    ("", "Missing or not to be judged", "Missing is never read as absent.", "warn"),
    ("hold", "Not now", "To settle or treat before a first session.", "warn"),
    ("review", "Needs review", "", "warn"),
    ("caution", "Cautions", "", "warn"),
    ("no-indication", "No indication", "", "plain"),
    ("indication", "What speaks for treatment", "", "ok"),
    ("information", "For information", "", ""),
)


async def show(visit: Visit) -> Response:
    """The screening of this launch; the first visit makes it."""
    screening = visit.screening
    if screening is None or screening.launch != visit.caller.launch:
        await _screen(visit)
        return visit.go("screening")
    deps = visit.deps
    await run_sync(record_look, deps.work, deps.clock, visit.caller, SCREENING, f"screening/{screening.id}")
    return _page(visit, screening)


async def refresh(visit: Visit) -> Response:
    await _screen(visit)
    return visit.go("screening")


async def _screen(visit: Visit) -> None:
    deps = visit.deps
    ehr = deps.ehr_of(visit.caller.launch)
    if ehr is None:
        raise LaunchEnded
    await deps.screen(deps.work, deps.clock, visit.caller, ehr)


def _page(visit: Visit, screening: StoredScreening) -> Response:
    result = screening.result
    findings, gaps = result.get("findings", ()), result.get("gaps", ())
    made = groups(findings)
    return visit.page(
        "screening.html",
        tab="screening",
        title="Screening",
        screening=screening,
        verdict=VERDICTS[screening.status],
        reasons=deciding(screening.status, findings, gaps),
        as_of=screening.at.astimezone(visit.now.tzinfo),
        alerts=result.get("alerts", ()),
        gaps=[gap_words(gap) for gap in gaps],
        against=[group for group in made if group.against],
        others=[group for group in made if not group.against],
        outcome_words=outcome_words,
        looked_at=result.get("looked_at", ()),
        rests_on=result.get("relied_on"),
        was_read=read_words(screening.read),
        not_offered=result.get("not_offered", ()),
        may_enrol=screening.status in MAY_ENROL,
        enrolled=is_enrolled(visit.deps.work, visit.caller),
    )


def groups(findings: Sequence[Row]) -> tuple[Group, ...]:
    """The findings under their headings, empty groups left out."""
    made = (
        _group(title, hint, tone, tuple(row for row in findings if _kind(row) == kind))
        for kind, title, hint, tone in _GROUPS
    )
    return tuple(group for group in made if group.size)


def _group(title: str, hint: str, tone: str, rows: tuple[Row, ...]) -> Group:
    """Many questions without an answer for one reason are folded: the page must show the reason, not a wall."""
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if row["state"] == "could-not-look":
            reasons.setdefault(row["reason"], []).append(row)
    many = {reason: found for reason, found in reasons.items() if len(found) > FEW}
    return Group(
        title=title,
        hint=hint,
        tone=tone,
        rows=tuple(row for row in rows if row["state"] != "could-not-look" or row["reason"] not in many),
        folded=tuple(Folded(reason=reason, rows=tuple(found)) for reason, found in many.items()),
    )


def _kind(row: Row) -> str:
    """ "" for what could not be judged, whichever kind of rule it is."""
    if row["state"] in UNSEEN or row["kind"] == "missing":
        return ""
    return "no-indication" if row["rule"] == "IND-NONE" else str(row["kind"])


ROUTES = (
    Route(path="screening", handler=show),
    Route(path="screening", handler=refresh, method="POST"),
)
