"""Compute a screening again from what was kept: is it the same, and what would the rules of today say of it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_mappings.facts.audit import AuditRecord
from smart_app.clinical.criteria import RULES_VERSION
from smart_app.clinical.rule_settings import RuleSettings, from_json
from smart_app.use_cases.ports import Clock, UnitOfWork, Work
from smart_app.use_cases.records import Json, ScreeningInputs, StoredScreening
from smart_app.use_cases.screening.judge_screening import Judgement, judge


class NoReplay(Exception):
    """A screening that cannot be computed again. The message says why, and holds no patient data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that came out otherwise. `what` is a rule's id, or "status", "after overrides", "gaps", "alerts"."""

    what: str
    then: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """`changes` is empty when it came out the same under what was kept; `today`, under today's rules and settings."""

    screening: StoredScreening
    rules_now: str
    changes: tuple[Change, ...]
    today: tuple[Change, ...]


def replay(work: Work, clock: Clock, screening_id: str, settings: RuleSettings) -> Replay:
    """`settings` are the site's of today. Raises NoReplay."""
    with work() as uow:
        screening, inputs = _kept(uow, screening_id)
        kept = from_json(screening.settings or {})
        made = Replay(
            screening=screening,
            rules_now=RULES_VERSION,
            changes=_changes(screening, _judged(screening, inputs, kept)),
            today=_changes(screening, _judged(screening, inputs, settings)),
        )
        detail = f"Screening {screening.id}: {'the same' if not made.changes else 'not the same'}."
        uow.audit.add(
            AuditRecord(
                action="operator:screening:replay",
                at=clock(),
                ehr=screening.ehr,
                patient=screening.patient,
                entities=(f"screening/{screening.id}",),
                detail=detail,
            )
        )
        uow.commit()
    return made


def _kept(uow: UnitOfWork, screening_id: str) -> tuple[StoredScreening, ScreeningInputs]:
    screening = uow.screenings.get(screening_id)
    if screening is None:
        raise NoReplay("there is no such screening")
    inputs = uow.screenings.inputs(screening.inputs) if screening.inputs is not None else None
    if inputs is None:
        raise NoReplay("this screening was made by a release that did not keep what it read")
    return screening, inputs


def _judged(screening: StoredScreening, inputs: ScreeningInputs, settings: RuleSettings) -> Judgement:
    return judge(
        inputs.facts,
        as_of=screening.day,
        settings=settings,
        not_offered=inputs.not_offered,
        answers=screening.answers,
        overrides=screening.overrides,
        scores=screening.scores,
    )


def _changes(screening: StoredScreening, made: Judgement) -> tuple[Change, ...]:
    then, now = screening.result, made.told
    found = [
        Change(what="status", then=screening.status, now=made.result.status.value),
        Change(what="after overrides", then=screening.after_overrides or "none", now=made.after_overrides or "none"),
        *(Change(what=rule, then=before, now=after) for rule, before, after in _paired(then, now)),
        *(Change(what=name, then=_plain(then.get(name)), now=_plain(now.get(name))) for name in ("alerts", "gaps")),
    ]
    return tuple(change for change in found if change.then != change.now)


def _paired(then: Json, now: Json) -> Iterable[tuple[str, str, str]]:
    """Each rule of either with its finding in words; "not asked" where it has none."""
    before, after = _by_rule(then), _by_rule(now)
    for rule in [*after, *(rule for rule in before if rule not in after)]:
        yield rule, before.get(rule, "not asked"), after.get(rule, "not asked")


def _by_rule(told: Json) -> dict[str, str]:
    findings = [*told.get("findings", ()), *told.get("looked_at", ())]
    return {finding["rule"]: _words(finding) for finding in findings}


def _words(finding: Json) -> str:
    evidence = "; ".join(f"{each['reference']} {each['date']} {each['text']}" for each in finding["evidence"])
    effect = f" ({finding['effect']})" if finding.get("effect") else ""
    return f"{finding['state']}{effect}: {finding['reason']} [{evidence}]"


def _plain(lines: object) -> str:
    return "; ".join(" ".join(map(str, line.values())) for line in lines) if isinstance(lines, list) else ""
