"""Our part of a CarePlan put into the EHR's current one: each element is ours, shared or theirs.

The table is the program. Ours is replaced, shared gains what it lacks, everything not named is theirs and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import count
from typing import Any

from fhir_mappings.writing.canonical import CANONICAL, PLAN_DEFINITION
from fhir_mappings.writing.read_back import holds, same_reference
from fhir_mappings.writing.written import Json

_OURS = ("status", "title", "description", "period")
_SHARED = ("identifier", "category", "contributor", "addresses", "supportingInfo", "note")
_OUR_DETAIL = ("kind", "code", "status", "scheduledPeriod", "description")
_OUR_GOAL = (
    "identifier",
    "lifecycleStatus",
    "achievementStatus",
    "description",
    "subject",
    "startDate",
    "target",
    "statusDate",
    "statusReason",
    "expressedBy",
)
_OTHER_SCHEDULES = ("scheduledTiming", "scheduledString")


def merged(current: Json, ours: Json, procedures: Collection[str]) -> Json:
    """A new dict; `current` is left alone. `procedures` are the EHR's ids of our sessions, counted or not."""
    plan = dict(current)
    for name in _OURS:
        plan[name] = ours[name]
    for name in _SHARED:
        if name in ours:
            plan[name] = _union(current.get(name, []), ours[name])
    plan["extension"] = [*_foreign_extensions(current), *ours["extension"]]
    plan["instantiatesCanonical"] = [*_foreign_canonicals(current), *ours["instantiatesCanonical"]]
    if "contained" in ours:
        goals = list(_goals(current.get("contained", []), ours["contained"]))
        plan["contained"] = _contained(current.get("contained", []), goals)
        plan["goal"] = _union(current.get("goal", []), [{"reference": f"#{goal['id']}"} for goal in goals])
    if _may_replace_text(current):
        plan["text"] = ours["text"]
    activities = _activities(current.get("activity", []), ours.get("activity", []), procedures)
    if activities:
        plan["activity"] = activities
    return plan


def without_goals(plan: Json, ours: Json) -> Json:
    """`plan` without the goals of `ours` and the links to them; those of others stay, and so does the text."""
    goals = ours.get("contained", [])
    held = [one for one in plan.get("contained", []) if any(_is_goal(one, goal) for goal in goals)]
    links = {f"#{one.get('id')}" for one in held}
    rest = {
        "contained": [one for one in plan.get("contained", []) if one not in held],
        "goal": [one for one in plan.get("goal", []) if one.get("reference") not in links],
    }
    return {name: value for name, value in (plan | rest).items() if value or name not in rest}


def _union(theirs: Iterable[Any], ours: Iterable[Any]) -> list[Any]:
    kept = list(theirs)
    return kept + [one for one in ours if not any(holds(other, _bare(one)) for other in kept)]


def _goals(current: list[Json], ours: list[Json]) -> Iterator[Json]:
    """Ours, each under the id it has in the EHR, with what others added to it."""
    for goal in ours:
        held = next((one for one in current if _is_goal(one, goal)), None)
        if held is not None:
            theirs = {name: value for name, value in held.items() if name not in _OUR_GOAL}
            yield theirs | goal | {"id": held.get("id", goal["id"])}
        else:
            yield goal | {"id": _free(goal["id"], {one.get("id") for one in current})}


def _contained(current: list[Json], goals: list[Json]) -> list[Json]:
    """What the EHR holds, in its order, with ours in their places; those it lacks come last."""
    kept = [next((goal for goal in goals if _is_goal(one, goal)), one) for one in current]
    return kept + [goal for goal in goals if goal not in kept]


def _is_goal(held: Json, goal: Json) -> bool:
    """By its identifier; an EHR that dropped that is known to hold it by its id and what it is to reach."""
    if held.get("resourceType") != "Goal":
        return False
    if "identifier" in held:
        return all(any(holds(one, name) for one in held["identifier"]) for name in goal["identifier"])
    return held.get("id") == goal["id"] and _aim(held) == _aim(goal)


def _aim(goal: Json) -> str:
    """ "Response" of "Response: PHQ-9 at least 50 % below the baseline"."""
    words: str = goal.get("description", {}).get("text", "")
    return words.partition(":")[0]


def _free(name: str, taken: Collection[Any]) -> str:
    """An id of its own where a contained resource of others has this one."""
    return name if name not in taken else next(new for n in count(2) if (new := f"{name}-{n}") not in taken)


def _bare(element: Any) -> Any:
    """An element without what is for reading only: an EHR that writes its own display has not changed it."""
    if isinstance(element, dict):
        return {name: _bare(value) for name, value in element.items() if name != "display"}
    return [_bare(item) for item in element] if isinstance(element, list) else element


def _foreign_extensions(element: Json) -> list[Json]:
    return [one for one in element.get("extension", []) if not str(one.get("url", "")).startswith(f"{CANONICAL}/")]


def _foreign_canonicals(current: Json) -> list[str]:
    return [one for one in current.get("instantiatesCanonical", []) if not str(one).startswith(PLAN_DEFINITION)]


def _may_replace_text(current: Json) -> bool:
    """R4 narrative-status: "additional" holds words that a person wrote and no element repeats."""
    status: str = current.get("text", {}).get("status", "generated")
    return status in ("generated", "empty")


def _activities(current: list[Json], ours: list[Json], procedures: Collection[str]) -> list[Json]:
    """Ours in the order of the plan, merged with what the EHR holds of them; then theirs."""
    named = {_name(one): one for one in current if _name(one)}
    own_names = {_name(one) for one in ours}
    result = [_activity(named.get(_name(one), {}), one, procedures) for one in ours]
    # A session taken out of the plan has no counterpart any more, yet what the EHR holds of it is not deleted.
    return result + [one for one in current if _name(one) not in own_names]


def _name(activity: Json) -> str:
    """What an activity is called, with which ours are found again even where an EHR drops extensions."""
    name: str = activity.get("detail", {}).get("code", {}).get("text", "")
    return name


def _activity(current: Json, ours: Json, procedures: Collection[str]) -> Json:
    activity = dict(current)
    theirs = [one for one in current.get("outcomeReference", []) if not _is_ours(one, procedures)]
    outcomes = theirs + ours.get("outcomeReference", [])
    if outcomes:
        activity["outcomeReference"] = outcomes
    else:
        activity.pop("outcomeReference", None)
    if "progress" in ours:
        activity["progress"] = _union(current.get("progress", []), ours["progress"])
    activity["detail"] = _detail(current.get("detail", {}), ours["detail"])
    return activity


def _detail(current: Json, ours: Json) -> Json:
    replaced = _OUR_DETAIL + (_OTHER_SCHEDULES if "scheduledPeriod" in ours else ())
    return {name: value for name, value in current.items() if name not in replaced} | ours


def _is_ours(outcome: Json, procedures: Collection[str]) -> bool:
    """Whether an outcome names a session of ours: one that is no longer counted has to go."""
    if str(outcome.get("identifier", {}).get("system", "")).endswith("/sid/session"):
        return True
    named = outcome.get("reference", "")
    return any(same_reference(named, procedure) for procedure in procedures)
