"""The goals of a course as its scores judge them; how many sessions were given has no part in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from fhir_mappings.facts.goals import Achievement, Aim, CourseGoal
from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from smart_app.clinical.outcomes import PRIMARY, Outcome, ScaleScore, Verdict, outcome, totals
from smart_app.clinical.relapse import Declaration, Relapse, Standing, relapse

# Of a goal that is not reached. A fall of less than a quarter is "little to no progress" in R4's words.
_NOT_REACHED = {
    Verdict.RESPONSE: Achievement.IMPROVING,
    Verdict.PARTIAL: Achievement.IMPROVING,
    Verdict.NONE: Achievement.NO_PROGRESS,
    Verdict.WORSE: Achievement.WORSENING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the scores up to one of them say. `lost`: the relapse that stands after it; None: none does."""

    found: Outcome
    lost: Relapse | None
    day: date | None


def course_goals(
    scores: Sequence[ScaleScore],
    *,
    first_session: date | None,
    scale: str = PRIMARY,
    declared: Sequence[Declaration] = (),
    rules: OutcomeRules = AS_SHIPPED,
) -> tuple[CourseGoal, ...]:
    """Response and remission by the scale that judges the course. After a relapse neither is said to be achieved."""
    told = [*totals(scores, scale), *(totals(scores) if scale != PRIMARY else ())]  # PHQ-9 tells a relapse
    ordered = sorted(told, key=lambda score: (score.day, score.earliest))
    others = [each for each in scores if each.scale not in {scale, PRIMARY}]  # they tell why it cannot be judged
    states = [
        _state(
            [*ordered[:number], *others],
            first_session,
            scale,
            [each for each in declared if number == len(ordered) or each.day < ordered[number].day],
            rules,
        )
        for number in range(len(ordered) + 1)
    ]
    return tuple(_goal(aim, scale, states) for aim in Aim)


def _state(
    scores: Sequence[ScaleScore],
    first_session: date | None,
    scale: str,
    declared: Sequence[Declaration],
    rules: OutcomeRules,
) -> _State:
    found = outcome(scores, first_session=first_session, scale=scale, rules=rules)
    stands = relapse(scores, first_session=first_session, declared=declared, rules=rules)
    lost = stands if stands.standing is Standing.RELAPSE else None
    days = (found.latest.day if found.latest is not None else None, lost.since if lost is not None else None)
    return _State(found=found, lost=lost, day=max((day for day in days if day is not None), default=None))


def _goal(aim: Aim, scale: str, states: Sequence[_State]) -> CourseGoal:
    """`states` are the oldest first."""
    now, told = states[-1], list(_told(aim, states))
    reached, since = told[-1], None
    for state, earlier in zip(reversed(states), reversed(told), strict=True):
        if reached is None or earlier is not reached:
            break
        since = state.day
    return CourseGoal(
        aim=aim,
        scale=scale,
        words=_words(now, judged=reached is not None),
        at_most=now.found.response_at if aim is Aim.RESPONSE else INSTRUMENTS[scale].remission,
        achievement=reached,
        since=since,
    )


def _told(aim: Aim, states: Sequence[_State]) -> Iterator[Achievement | None]:
    once = False
    for state in states:
        yield achievement(aim, state.found, once=once, relapsed=state.lost is not None)
        once = once or achievement(aim, state.found) is Achievement.ACHIEVED


def achievement(aim: Aim, found: Outcome, *, once: bool = False, relapsed: bool = False) -> Achievement | None:
    """What an outcome says of a goal; None: it cannot be judged. `once`: it was reached before.

    What was reached and lost, or is short of its aim in a relapse, is not called improving: it is sought again.
    """
    if found.verdict is Verdict.UNKNOWN:
        return None
    if found.verdict is Verdict.RESPONSE if aim is Aim.RESPONSE else found.remission:
        return Achievement.IN_PROGRESS if relapsed else Achievement.ACHIEVED
    short = _NOT_REACHED[found.verdict]
    return Achievement.IN_PROGRESS if (once or relapsed) and short is not Achievement.WORSENING else short


def _words(state: _State, *, judged: bool) -> str:
    found = state.found
    last = f"Last score {found.latest.day:%d %b %Y}." if judged and found.latest is not None else ""
    lost = state.lost.words if state.lost is not None else ""
    said = found.sentence if judged else f"Cannot be judged: {found.sentence}"
    return " ".join(filter(None, (said, last, found.remark, lost)))
