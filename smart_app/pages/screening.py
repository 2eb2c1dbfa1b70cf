"""The screening page: one verdict, what it rests on, and what could not be looked at (ui specification S2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anyio.to_thread import run_sync
from starlette.responses import Response

from launch.errors import LaunchEnded
from smart_app.clinical.answers import Said
from smart_app.pages.late import keep_on
from smart_app.pages.screening_words import deciding, gap_words, outcome_words, read_words
from smart_app.pages.visit import Route, Visit
from smart_app.pages.wording import VERDICTS
from smart_app.use_cases.course.enrol import MAY_ENROL
from smart_app.use_cases.errors import Problems, Refused
from smart_app.use_cases.records import StoredScreening
from smart_app.use_cases.screening.answer_questions import PREFIX, answer_questions, may_answer
from smart_app.use_cases.screening.look_at_screening import ScreeningView, look_at_screening
from smart_app.use_cases.screening.override_finding import may_be_overridden
from smart_app.use_cases.screening.screening_as_fhir import screening_as_fhir

UNSEEN = frozenset({"could-not-look", "not-enough-data"})
FEW = 3  # questions with one reason that are still shown one by one

Row = Mapping[str, Any]

# One answer told by three rules: the card of the trials gives it once, unless it asks for review.
_TOLD_BY_THE_TRIALS = frozenset({"TRD-MET", "TRD-NOT-MET", "TRD-UNKNOWN"})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The questions for the patient: those against treatment, the others, and those that have an answer."""

    first: tuple[Row, ...]
    more: tuple[Row, ...]
    said: tuple[Row, ...]

    @classmethod
    def of(cls, questions: Sequence[Row]) -> Asking:
        still = [question for question in questions if not question["said"]]
        return cls(
            first=tuple(question for question in still if question["first"]),
            more=tuple(question for question in still if not question["first"]),
            said=tuple(question for question in questions if question["said"]),
        )


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
        screening = await _screen(visit)
        visit = replace(visit, screening=screening)
    return await run_sync(_shown, visit, screening)


async def refresh(visit: Visit) -> Response:
    await _screen(visit)
    return visit.go("screening")


def answer(visit: Visit) -> Response:
    """What the patient said, and what the clinician knows of a trial."""
    deps = visit.deps
    try:
        answer_questions(deps.work, deps.clock, visit.caller, visit.fields, deps.ids, deps.site)
    except Refused as refused:
        if visit.screening is None:
            raise
        return _shown(visit, visit.screening, refused.at_fields())
    return visit.go("screening?asked=1")


def as_fhir(visit: Visit) -> Response:
    """The screening as a file that other systems read."""
    deps, screening = visit.deps, visit.path["screening"]
    bundle = screening_as_fhir(deps.work, deps.clock, visit.caller, screening, deps.site)
    headers = {"Content-Disposition": 'attachment; filename="screening.json"'}
    return Response(bundle, media_type="application/fhir+json", headers=headers)


async def _screen(visit: Visit) -> StoredScreening:
    deps = visit.deps
    ehr = await run_sync(deps.ehr_of, visit.caller.launch)
    if ehr is None:
        raise LaunchEnded
    return await deps.screen(deps.work, deps.clock, visit.caller, ehr, deps.site)


def _shown(visit: Visit, screening: StoredScreening, problems: Problems | None = None) -> Response:
    view = look_at_screening(visit.deps.work, visit.deps.clock, visit.caller, screening)
    return _page(visit, view, problems or {})


def _page(visit: Visit, view: ScreeningView, problems: Problems) -> Response:
    screening = view.screening
    result = screening.result
    findings, gaps = result.get("findings", ()), result.get("gaps", ())
    made = groups(findings)
    return visit.page(
        "screening.html",
        tab="screening",
        title="Screening",
        problems=problems,
        notice="Kept with your name and the time." if visit.query.get("asked") else "",
        screening=screening,
        verdict=VERDICTS[screening.status],
        left=VERDICTS[screening.after_overrides] if screening.after_overrides else None,
        reasons=deciding(screening.status, findings, gaps),
        as_of=screening.at.astimezone(visit.now.tzinfo),
        alerts=result.get("alerts", ()),
        gaps=[gap_words(gap) for gap in gaps],
        against=[group for group in made if group.against],
        others=[group for group in made if not group.against],
        outcome_words=outcome_words,
        may_be_overridden=may_be_overridden,
        new=frozenset(result.get("new", ())),
        overridden={override.rule: override for override in screening.overrides},
        overrides=view.overrides,
        asking=Asking.of(result.get("questions", ())),
        trials=result.get("trials") or {"trials": (), "why": ""},
        answers=[(said.value, said.value.capitalize()) for said in Said],
        values=visit.fields if problems else {},
        prefix=PREFIX,
        may_answer=may_answer(visit.caller),
        looked_at=result.get("looked_at", ()),
        off=result.get("off", ()),
        rests_on=result.get("relied_on"),
        was_read=read_words(screening.read),
        not_offered=result.get("not_offered", ()),
        may_enrol=screening.stands_as in MAY_ENROL,
        enrolled=view.enrolled,
    )


def groups(findings: Sequence[Row]) -> tuple[Group, ...]:
    """The findings under their headings, empty groups left out."""
    findings = [row for row in findings if row["rule"] not in _TOLD_BY_THE_TRIALS or row["kind"] == "review"]
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
    Route(path="screening/answers", handler=answer, method="POST", keep=keep_on("screening")),
    Route(path="screening/{screening}/fhir", handler=as_fhir, auditors=True),
)
