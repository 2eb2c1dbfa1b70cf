"""The patient's scores: those entered here, and those that the latest screening found in the EHR's chart."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Protocol

from fhir_mappings.facts.clinical import Area
from fhir_mappings.facts.instruments import INSTRUMENTS
from smart_app.clinical.entry import day, readable
from smart_app.clinical.outcomes import PRIMARY, ScaleScore
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import DecisionKind, Json, OutcomeDecision, StoredScore, StoredScreening


class OfPatient(Protocol):
    """Whose scores: a launch, or a course."""

    @property
    def ehr(self) -> str: ...
    @property
    def patient(self) -> str: ...


def own_scores(uow: UnitOfWork, whose: OfPatient) -> tuple[StoredScore, ...]:
    """What was entered here for this patient, struck out or not, oldest first."""
    kept = uow.scores.of_patient(whose.patient)
    return tuple(each for each in kept if each.ehr == whose.ehr and each.scale in INSTRUMENTS)


def own_decisions(uow: UnitOfWork, whose: OfPatient) -> tuple[OutcomeDecision, ...]:
    return tuple(each for each in uow.scores.decisions(whose.patient) if each.ehr == whose.ehr)


def struck_out(decisions: Sequence[OutcomeDecision]) -> dict[str, OutcomeDecision]:
    """By id of the score; the first decision stands."""
    found: dict[str, OutcomeDecision] = {}
    for each in decisions:
        if each.kind is DecisionKind.STRIKE:
            found.setdefault(each.about, each)
    return found


def scores_of(uow: UnitOfWork, whose: OfPatient, zone: tzinfo | None) -> tuple[ScaleScore, ...]:
    """Every score that counts, oldest first."""
    screening = uow.screenings.latest(whose.patient)
    return counting(own_scores(uow, whose), own_decisions(uow, whose), screening, zone)


def counting(
    typed: Sequence[StoredScore],
    decisions: Sequence[OutcomeDecision],
    screening: StoredScreening | None,
    zone: tzinfo | None,
) -> tuple[ScaleScore, ...]:
    """The same of what was read already. What came back from the chart of what was entered here is one score."""
    struck = struck_out(decisions)
    entered = [as_score(each, zone) for each in typed if each.id not in struck]
    charted = []
    if screening is not None:
        known, ours = local(screening.at, zone), {each.id for each in typed}
        charted = [found for each in screening.baseline_scores if (found := _charted(each, ours, known)) is not None]
    return tuple(sorted([*charted, *entered], key=lambda score: (score.day, score.earliest)))


def unread_scores(screening: StoredScreening | None, now: datetime) -> str:
    """Why the chart's scores are not known, in words; "": the latest screening could read them."""
    if screening is None:
        return "The chart was not read yet."
    at = screening.at.astimezone(now.tzinfo)
    reasons = [str(gap["reason"]) for gap in screening.result.get("gaps", ()) if gap["reference"] == Area.SURVEY]
    if not reasons:
        return ""
    return f"The chart's scores could not be read on {at:%d %b %Y} at {at:%H:%M}: {reasons[0].rstrip('.')}."


def as_score(stored: StoredScore, zone: tzinfo | None) -> ScaleScore:
    return ScaleScore(
        scale=stored.scale,
        total=stored.total,
        day=stored.day,
        watched=stored.item9,
        level=stored.level,
        complete=stored.complete,
        source=f"typed in by {stored.by.name}" + (f" ({stored.source})" if stored.source else ""),
        id=stored.id,
        session=stored.session,
        moment=local(stored.taken, zone) if stored.taken is not None else None,
        known=local(stored.at, zone),
    )


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """The time on the clinic's clock, to compare with what only has a day."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _charted(score: Json, ours: AbstractSet[str], known: datetime) -> ScaleScore | None:
    """None: the chart's total or date is not one that can be compared, or it is one of `ours`."""
    if not ours.isdisjoint(score.get("identifiers", ())):
        return None
    total, on = _whole(score.get("total")), readable(day, str(score.get("date", ""))[:10])
    if total is None or on is None or total > INSTRUMENTS[PRIMARY].highest:
        return None
    return ScaleScore(
        total=total,
        day=on,
        watched=_whole(score.get("item9")),
        source=f"EHR, {score.get('reference', '')}",
        known=known,
    )


def _whole(given: object) -> int | None:
    try:
        number = Decimal(str(given))
        return int(number) if number >= 0 and number == int(number) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None
