"""The goals of a course as Goals (R4) inside its CarePlan: they arrive with it or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from fhir_mappings.facts.goals import Aim, CourseGoal
from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.programme import CourseStatus, TreatmentCourse
from fhir_mappings.facts.questionnaire import Instrument
from fhir_mappings.writing.datatypes import concept, person, plain, quantity, reference
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.terminology import GOAL_ACHIEVEMENT, result_code
from fhir_mappings.writing.written import Json

# Whether it is still sought. A completed course leaves it active: scores are taken for weeks after the last session.
_LIFECYCLE: Final[Mapping[CourseStatus, str]] = MappingProxyType(
    {
        CourseStatus.DRAFT: "planned",
        CourseStatus.ACTIVE: "active",
        CourseStatus.ON_HOLD: "on-hold",
        CourseStatus.COMPLETED: "active",
        CourseStatus.REVOKED: "cancelled",
        CourseStatus.ENTERED_IN_ERROR: "entered-in-error",
    }
)


def contained_goals(course: TreatmentCourse, instance: Instance, start: str) -> Json:
    """`contained` and `goal` of the CarePlan, empty for a course without goals. `start`: its first day, a FHIR date.

    Each has an identifier, since a server may give what is contained another id.
    """
    if not course.goals:
        return {}
    return {
        "contained": [_goal(goal, course, instance, start) for goal in course.goals],
        "goal": [{"reference": f"#{goal.aim}"} for goal in course.goals],
    }


def goal_sentence(goal: CourseGoal) -> str:
    """What is to be reached: "Remission: PHQ-9 4 or less"."""
    name = _form(goal).name
    limit = f"{goal.at_most} or less" if goal.at_most is not None else ""
    if goal.aim is Aim.REMISSION:
        return f"Remission: {name} {limit}".rstrip()
    return f"Response: {name} at least 50 % below the baseline" + (f", {limit}" if limit else "")


def _goal(goal: CourseGoal, course: TreatmentCourse, instance: Instance, start: str) -> Json:
    return {
        "resourceType": "Goal",
        "id": goal.aim.value,
        "identifier": [instance.identifier("goal", f"{course.id}-{goal.aim}")],
        "lifecycleStatus": _LIFECYCLE[course.status],
        **({"achievementStatus": GOAL_ACHIEVEMENT[goal.achievement]} if goal.achievement is not None else {}),
        "description": concept(text=goal_sentence(goal)),
        "subject": reference("course.patient", course.patient, "Patient"),
        "startDate": start,
        "target": [_target(goal)],
        **({"statusDate": goal.since.isoformat()} if goal.since is not None else {}),
        "statusReason": plain(goal.words),
        "expressedBy": person("course.enrolled_by", course.enrolled_by),
    }


def _form(goal: CourseGoal) -> Instrument:
    if goal.scale not in INSTRUMENTS:
        raise Unwritable("course.goals.scale", "is not in the table")
    return INSTRUMENTS[goal.scale]


def _target(goal: CourseGoal) -> Json:
    """A range without a low end is reached at its high end or below it (R4 Goal.target.detail[x]); a comparator
    that a reader overlooks would make one exact total of it."""
    target: Json = {"measure": result_code(_form(goal))}
    if goal.at_most is not None:
        highest = quantity("course.goals.at_most", Decimal(goal.at_most), "{score}", "score")
        target["detailRange"] = {"high": highest}
    return target
