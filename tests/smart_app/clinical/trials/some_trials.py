"""Antidepressants on record for the tests of trials: adequate, ended and undoubted by default, one change a test."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from fhir_mappings.facts.antidepressants import ANTIDEPRESSANTS
from fhir_mappings.facts.clinical import (
    ClinicalStatus,
    Diagnosis,
    MedicationUse,
    PartialDate,
    PatientFacts,
    Resolution,
    Score,
    Verification,
)
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.limits import Limits
from smart_app.clinical.question import Question
from smart_app.clinical.trials.antidepressant_trials import Trial, TrialReview, review_of

TODAY = date(2026, 11, 23)
INEFFECTIVE = ("Ineffective",)
_numbers = count(1)


def when(text: str) -> PartialDate:
    """A date as FHIR writes it: "2026", "2026-03" or "2026-03-01"."""
    if len(text) == 4:
        return PartialDate(text=text, first=date(int(text), 1, 1), last=date(int(text), 12, 31))
    if len(text) == 7:
        first = date.fromisoformat(f"{text}-01")
        following = (first + timedelta(days=31)).replace(day=1)
        return PartialDate(text=text, first=first, last=following - timedelta(days=1))
    day = date.fromisoformat(text)
    return PartialDate(text=text, first=day, last=day)


def maybe(text: str | None) -> PartialDate | None:
    return when(text) if text is not None else None


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def a_use(
    name: str = "sertraline",
    mg: str | None = "100",
    start: str | None = "2026-01-01",
    end: str | None = "2026-03-01",
    **changes: Any,
) -> MedicationUse:
    """60 days at twice the minimum of sertraline, stopped as ineffective. None leaves a dose or a date out."""
    values: dict[str, Any] = {
        "reference": f"MedicationStatement/{next(_numbers)}",
        "label": name,
        "ingredients": frozenset({name}),
        "resolution": Resolution.INGREDIENT,
        "form": "transdermal" if name == "selegiline" else "oral",
        "status": "stopped",
        "start": maybe(start),
        "end": maybe(end),
        "daily_mg": ((name, Decimal(mg)),) if mg is not None else (),
        "stopped_for": INEFFECTIVE,
    }
    return MedicationUse(**(values | changes))


def an_ongoing_use(name: str = "sertraline", mg: str | None = "100", start: str | None = None, **changes: Any) -> Any:
    """Active for 60 days, without an end."""
    values: dict[str, Any] = {"status": "active", "current": True, "stopped_for": ()}
    return a_use(name, mg, start or ago(60), None, **(values | changes))


def a_dose(name: str) -> str:
    """The minimum of this antidepressant, as text."""
    return str(ANTIDEPRESSANTS[name].minimum)


def a_total(value: int | None, day: str | None) -> Score:
    return Score(
        reference=f"Observation/{next(_numbers)}",
        name="phq9-total",
        when=maybe(day),
        value=Decimal(value) if value is not None else None,
    )


def a_depression(onset: str | None = None, **changes: Any) -> Diagnosis:
    values: dict[str, Any] = {
        "reference": f"Condition/{next(_numbers)}",
        "label": "Major depressive disorder",
        "sets": frozenset({"indication-mdd-current"}),
        "status": ClinicalStatus.ACTIVE,
        "verification": Verification.CONFIRMED,
        "onset": maybe(onset),
    }
    return Diagnosis(**(values | changes))


def an_answer(ingredient: str, what: str, said: Said, days: int = 90) -> Answer:
    return Answer(
        id=f"answer-{next(_numbers)}",
        question=f"TRIAL:{ingredient}:{what}",
        said=said,
        by="Dr Dee, prescriber",
        at=datetime(2026, 11, 20, 9, tzinfo=UTC),
        days=days,
    )


def facts_of(
    *uses: MedicationUse, scores: Iterable[Score] = (), diagnoses: Iterable[Diagnosis] = (), **changes: Any
) -> PatientFacts:
    values: dict[str, Any] = {
        "person": None,
        "medications": tuple(uses),
        "scores": tuple(scores),
        "diagnoses": tuple(diagnoses) or (a_depression(),),
    }
    return PatientFacts(**(values | changes))


def a_question(facts: PatientFacts, *answers: Answer, **limits: Any) -> Question:
    said = {answer.question: answer for answer in answers}
    return Question(facts=facts, as_of=TODAY, limits=Limits(**limits), answers=said)


def reviewed(*uses: MedicationUse, answers: Iterable[Answer] = (), limits: Any = None, **rest: Any) -> TrialReview:
    return review_of(a_question(facts_of(*uses, **rest), *answers, **(limits or {})))


def the_trial(*uses: MedicationUse, **rest: Any) -> Trial:
    """The one trial that these entries tell of."""
    (trial,) = reviewed(*uses, **rest).trials
    return trial
