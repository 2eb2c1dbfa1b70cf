"""A prescriber decides to treat in spite of a finding: with a reason, and for a contraindication at a second look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from smart_app.clinical.finding import State, Status
from smart_app.clinical.overrides import OVERRIDABLE
from smart_app.use_cases.access import audited, prescriber_refusal, refuse, require_prescriber, retried
from smart_app.use_cases.course.course_events import hold_by_screening
from smart_app.use_cases.errors import Refused
from smart_app.use_cases.ports import Clock, Work
from smart_app.use_cases.reasons import required_reason
from smart_app.use_cases.records import Caller, Json, StoredOverride, StoredScreening
from smart_app.use_cases.screening.judge_screening import judged, own_screening
from smart_app.use_cases.site import Site

_ACTION = "clinician:screening:override"
_EFFECTS = frozenset(effect.value for effect in OVERRIDABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideView:
    """One finding before it is overridden. `seen` stands for what it rests on, `seen_again` for the same at the
    second look: one of them comes back with the form."""

    finding: Json
    seen: str
    seen_again: str
    needs_second_look: bool
    why_not: str  # why this clinician may not; "": may


def may_be_overridden(finding: Json) -> bool:
    return finding["state"] == State.MET.value and finding.get("effect") in _EFFECTS


def override_view(work: Work, clock: Clock, caller: Caller, rule: str) -> OverrideView:
    """Refused where the latest screening has no such finding to override."""
    with work() as uow:
        screening, _ = own_screening(uow, caller)
        finding = _finding(screening, rule)
        refusal = prescriber_refusal(caller)
        uow.audit.add(audited(caller, clock(), "clinician:screening:read", f"screening/{screening.id}"))
        uow.commit()
    return OverrideView(
        finding=finding,
        seen=_seen(finding),
        seen_again=_seen(finding, again=True),
        needs_second_look=_needs_second_look(finding),
        why_not=refusal.words if refusal is not None else "",
    )


@retried
def override_finding(
    work: Work,
    clock: Clock,
    caller: Caller,
    rule: str,
    *,
    reason: str,
    seen: str,
    ids: Callable[[], str],
    site: Site,
) -> StoredScreening:
    """Keep the override and judge again. Refused where the finding has changed since it was shown, where the reason
    is too short, and for a contraindication without the second look."""
    now = clock()
    with work() as uow:
        require_prescriber(uow, caller, now, _ACTION)
        screening, inputs = own_screening(uow, caller)
        finding = _finding(screening, rule)
        if seen not in {_seen(finding), _seen(finding, again=True)}:
            again = Refused("This finding has changed since it was shown.", advice="Read it again before you decide.")
            refuse(uow, caller, now, _ACTION, again)
        words = required_reason(reason)
        if _needs_second_look(finding) and seen != _seen(finding, again=True):
            refuse(
                uow, caller, now, _ACTION, Refused("A contraindication needs a second look before it is overridden.")
            )
        if any(each.rule == rule for each in screening.overrides):
            return screening
        override = StoredOverride(
            id=ids(),
            ehr=caller.ehr,
            patient=caller.patient,
            screening=screening.id,
            rule=rule,
            effect=finding["effect"],
            title=finding["title"],
            evidence=tuple(finding["evidence"]),
            reason=words,
            at=now,
            by=caller.clinician,
        )
        uow.judgements.add_override(override)
        made = judged(uow, inputs, caller, at=now, settings=site.rules, compared_with=screening.compared_with)
        uow.screenings.add(made)
        hold_by_screening(uow, made, caller, now, site)
        detail = f"Overrode {rule}, which says {override.effect}."
        entities = (f"override/{override.id}", f"screening/{made.id}")
        uow.audit.add(audited(caller, now, _ACTION, *entities, detail=detail))
        uow.commit()
        return made


def _finding(screening: StoredScreening, rule: str) -> Json:
    for finding in screening.result.get("findings", ()):
        if finding["rule"] == rule and may_be_overridden(finding):
            found: Json = finding
            return found
    raise Refused("The screening has no such finding to override.", advice="Look at the screening again.")


def _needs_second_look(finding: Json) -> bool:
    return bool(finding["effect"] == Status.CONTRAINDICATED.value)


def _seen(finding: Json, *, again: bool = False) -> str:
    """A short digest of a finding and its evidence. It tells whether they changed, and holds nothing readable."""
    text = json.dumps([finding["rule"], finding["effect"], finding["evidence"], again], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
