"""A screening from what was read: the rules asked with the patient's answers and the prescribers' overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import NAMESPACE_URL, uuid5

from fhir_mappings.facts.clinical import PatientFacts, Score
from smart_app.clinical.answers import Answer, Said
from smart_app.clinical.asking import OpenQuestion, questions
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.finding import Evidence, State
from smart_app.clinical.overrides import Override, standing_overrides, status_with
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.rule_settings import as_json as settings_json
from smart_app.clinical.screening import ScreeningResult, as_json, ask, looked_for, question_about
from smart_app.clinical.trials.antidepressant_trials import TrialReview, review_of
from smart_app.clinical.trials.trial_rows import as_rows
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import UnitOfWork
from smart_app.use_cases.records import (
    Caller,
    Json,
    ScreeningInputs,
    StoredAnswer,
    StoredOverride,
    StoredScreening,
)
from smart_app.use_cases.screening.relied_on import relied_on
from smart_app.use_cases.screening.scores_as_facts import scores_to_screen, with_scores
from smart_app.use_cases.screening.taken_from_chart import banner, indicating, latest_weight, phq9_totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The rules' answer and what is left of it. `told` is what the page shows and what is kept."""

    result: ScreeningResult
    told: Json
    after_overrides: str | None  # None: nothing was overridden
    answers: tuple[StoredAnswer, ...]  # those that counted
    overrides: tuple[StoredOverride, ...]


def judge(
    facts: PatientFacts,
    *,
    as_of: date,
    settings: RuleSettings,
    not_offered: Sequence[str] = (),
    answers: Sequence[StoredAnswer] = (),
    overrides: Sequence[StoredOverride] = (),
    scores: Sequence[Score] = (),
) -> Judgement:
    """Pure: the same inputs give the same judgement, today and when it is replayed.

    `not_offered` are the types of resources that the EHR does not declare, which were not asked for; `scores`, what
    was entered here and may not be in the chart yet.
    """
    facts = with_scores(facts, scores)
    question = question_about(facts, as_of=as_of, settings=settings, answers=map(answer_of, answers))
    result, counting = ask(question, settings), question.answers
    overriding = standing_overrides(result.findings, map(_override, overrides))
    told = as_json(result) | {
        "looked_at": looked_for(result),
        "off": sorted(settings.off),
        "questions": [_question_json(q) for q in questions(CRITERIA, result.findings, question)],
        "trials": _trials(review_of(question)),
        "not_offered": list(not_offered),
        "relied_on": relied_on(facts, as_of, settings.limits),
    }
    by_id = {override.id for override in overriding.values()}
    answered = {answer.id for answer in counting.values()}
    return Judgement(
        result=result,
        told=told,
        after_overrides=status_with(result, overriding).value if overriding else None,
        answers=tuple(answer for answer in answers if answer.id in answered),
        overrides=tuple(override for override in overrides if override.id in by_id),
    )


def judged(
    uow: UnitOfWork,
    inputs: ScreeningInputs,
    caller: Caller,
    *,
    at: datetime,
    settings: RuleSettings,
    compared_with: str | None,
) -> StoredScreening:
    """The screening as it is kept, with everything that people have added up to now. It is not kept yet."""
    answers, overrides = uow.judgements.answers(caller.patient), uow.judgements.overrides(caller.patient)
    scores = scores_to_screen(uow, caller)
    made = judge(
        inputs.facts,
        as_of=at.date(),
        settings=settings,
        not_offered=inputs.not_offered,
        answers=answers,
        overrides=overrides,
        scores=scores,
    )
    # Answers and overrides only grow, so their numbers tell two judgements of one moment apart.
    name = f"screening:{inputs.id}:{at.isoformat()}:{len(answers)}:{len(overrides)}"
    earlier = uow.screenings.get(compared_with) if compared_with else None
    facts, result = inputs.facts, made.result
    return StoredScreening(
        id=str(uuid5(NAMESPACE_URL, name)),
        launch=caller.launch,
        ehr=caller.ehr,
        patient=caller.patient,
        at=inputs.at,
        judged=at,
        by=caller.clinician,
        status=result.status.value,
        rules_version=result.rules_version,
        result=made.told | {"new": _new(made.told, earlier)},
        read=facts.read,
        conditions=indicating(result),
        person=banner(facts),
        weight=latest_weight(facts.weights),
        baseline_scores=phq9_totals(facts.scores),
        encounter=caller.encounter,
        inputs=inputs.id,
        settings=settings_json(settings),
        answers=made.answers,
        overrides=made.overrides,
        after_overrides=made.after_overrides,
        scores=scores,
        compared_with=compared_with,
    )


def own_screening(uow: UnitOfWork, caller: Caller) -> tuple[StoredScreening, ScreeningInputs]:
    """The latest screening of this launch and what it was made from; Refused where there is none to add to."""
    screening = uow.screenings.latest(caller.patient, caller.launch)
    if screening is None or screening.inputs is None:
        raise Refused("This patient has not been screened since the app was opened.", advice="Screen first.")
    inputs = uow.screenings.inputs(screening.inputs)
    if inputs is None:
        raise LookupError("what the screening was made from is not in the store")
    return screening, inputs


def answer_of(stored: StoredAnswer) -> Answer:
    return Answer(
        id=stored.id,
        question=stored.question,
        said=Said(stored.said),
        by=f"{stored.by.name}, {stored.by.role.value}",
        at=stored.at,
        days=stored.days,
    )


def _override(stored: StoredOverride) -> Override:
    return Override(
        id=stored.id,
        rule=stored.rule,
        evidence=frozenset(Evidence(**each) for each in stored.evidence),
        at=stored.at,
    )


def _trials(review: TrialReview) -> Json:
    return {
        "why": review.why,
        "window": review.window_words,
        "augmenters": list(review.augmenters),
        "trials": as_rows(review),
    }


def _question_json(question: OpenQuestion) -> Json:
    answer = question.answer
    return {
        "rule": question.rule,
        "words": question.words,
        "days": {said.value: days for said, days in question.days.items()},
        "first": question.first,
        "said": answer.said.value if answer is not None else None,
        "by": answer.by if answer is not None else "",
        "on": answer.at.date().isoformat() if answer is not None else "",
        "until": answer.until.isoformat() if answer is not None else "",
    }


def _new(told: Json, earlier: StoredScreening | None) -> list[str]:
    """Rules whose finding, or something that it rests on, was not in the earlier screening; [] without one."""
    if earlier is None:
        return []
    before = {finding["rule"]: finding for finding in earlier.result.get("findings", ())}
    return [finding["rule"] for finding in told["findings"] if _is_new(finding, before.get(finding["rule"]))]


def _is_new(finding: Json, before: Json | None) -> bool:
    if finding["state"] != State.MET.value:
        return False
    if before is None or before["state"] != State.MET.value:
        return True
    known = {evidence["reference"] for evidence in before["evidence"]}
    return any(evidence["reference"] not in known for evidence in finding["evidence"])
