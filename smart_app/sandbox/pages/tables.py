"""What a chart holds, as rows a person can read: date, what, status, value, id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All texts; an empty one is shown as a dash."""

    date: str
    what: str
    status: str
    value: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    path: str
    label: str
    types: tuple[str, ...]


TABS = (
    Tab(path="conditions", label="Conditions", types=("Condition", "AllergyIntolerance")),
    Tab(path="medications", label="Medications", types=("MedicationRequest", "MedicationStatement")),
    Tab(path="procedures", label="Procedures", types=("Procedure",)),
    Tab(path="administrations", label="Medication administrations", types=("MedicationAdministration",)),
    Tab(path="observations", label="Observations", types=("Observation",)),
    Tab(path="questionnaires", label="Questionnaires", types=("QuestionnaireResponse",)),
    Tab(path="care-plans", label="Care plans", types=("CarePlan",)),
)

_DATES = (
    "performedDateTime", "performedPeriod", "effectiveDateTime", "effectivePeriod", "onsetDateTime", "authoredOn",
    "recordedDate", "period", "created", "authored",
)  # fmt: skip


def tab(path: str) -> Tab | None:
    return next((one for one in TABS if one.path == path), None)


def rows(resources: list[Resource]) -> list[Row]:
    """The newest first."""
    return sorted((_row(one) for one in resources), key=lambda row: row.date, reverse=True)


def _row(resource: Resource) -> Row:
    value = _VALUES.get(resource["resourceType"], _nothing)(resource)
    return Row(
        date=_date(resource),
        what=_what(resource),
        status=_status(resource),
        value=value,
        id=f"{resource['resourceType']}/{resource['id']}",
    )


def _date(resource: Resource) -> str:
    for name in _DATES:
        value = resource.get(name)
        text = value.get("start", "") if isinstance(value, dict) else value
        if text:
            return str(text)[:16].replace("T", " ")
    return ""


def _what(resource: Resource) -> str:
    for name in ("code", "medicationCodeableConcept"):
        if name in resource:
            return concept_text(resource[name])
    if "questionnaire" in resource:
        return str(resource["questionnaire"]).rpartition("/")[2]
    return str(resource.get("title") or resource.get("medicationReference", {}).get("display") or "")


def _status(resource: Resource) -> str:
    if "clinicalStatus" in resource or "verificationStatus" in resource:
        words = (concept_text(resource.get(name, {})) for name in ("clinicalStatus", "verificationStatus"))
        return ", ".join(word for word in words if word)
    return str(resource.get("status", ""))


def concept_text(concept: Resource) -> str:
    """The text of a CodeableConcept, else its first display or code."""
    codings = concept.get("coding") or [{}]
    return str(concept.get("text") or codings[0].get("display") or codings[0].get("code") or "")


def _quantity(quantity: Resource | None) -> str:
    if not quantity or "value" not in quantity:
        return ""
    unit = quantity.get("unit") or quantity.get("code") or "(no unit)"
    # A UCUM annotation such as {score} is no unit that a person reads.
    return str(quantity["value"]) if unit.startswith("{") else f"{quantity['value']} {unit}"


def _nothing(_resource: Resource) -> str:
    return ""


def _measured(resource: Resource) -> str:
    parts = [f"{concept_text(one['code'])}: {_measured(one)}" for one in resource.get("component", [])]
    if "valueCodeableConcept" in resource:
        parts.insert(0, concept_text(resource["valueCodeableConcept"]))
    if "valueQuantity" in resource:
        parts.insert(0, _quantity(resource["valueQuantity"]))
    plain = (str(resource[name]) for name in ("valueInteger", "valueString", "valueBoolean") if name in resource)
    return "; ".join([*plain, *parts])


def _given(resource: Resource) -> str:
    dosage = resource.get("dosage", {})
    route = concept_text(dosage.get("route", {}))
    return ", ".join(text for text in (_quantity(dosage.get("dose")), route) if text)


def _ordered(resource: Resource) -> str:
    dosages = resource.get("dosageInstruction") or resource.get("dosage") or []
    return "; ".join(str(one.get("text", "")) for one in dosages)


def _done(resource: Resource) -> str:
    notes = (one.get("text", "") for one in resource.get("note", []))
    return "\n".join(text for text in (concept_text(resource.get("outcome", {})), *notes) if text)


def _answered(resource: Resource) -> str:
    lines = []
    for item in resource.get("item", []):
        for answer in item.get("answer", []):
            value = answer.get("valueCoding", {}).get("display") or answer.get("valueInteger", "")
            lines.append(f"{item.get('text', item.get('linkId', ''))}: {value}")
    return "\n".join(lines)


def _planned(resource: Resource) -> str:
    return "; ".join((*_activities(resource), *_goals(resource))) or str(resource.get("description", ""))


def _activities(resource: Resource) -> Iterator[str]:
    for activity in resource.get("activity", []):
        detail = activity.get("detail", {})
        text = concept_text(detail.get("code", {})) or activity.get("reference", {}).get("reference", "")
        yield f"{text} ({detail['status']})" if "status" in detail else text


def _goals(resource: Resource) -> Iterator[str]:
    """What a plan holds of goals within itself."""
    for goal in resource.get("contained", []):
        if goal.get("resourceType") == "Goal":
            stands = concept_text(goal["achievementStatus"]) if "achievementStatus" in goal else "not judged"
            yield f"{concept_text(goal.get('description', {}))} ({stands})"


_VALUES: dict[str, Callable[[Resource], str]] = {
    "Observation": _measured,
    "MedicationAdministration": _given,
    "MedicationRequest": _ordered,
    "MedicationStatement": _ordered,
    "Procedure": _done,
    "CarePlan": _planned,
    "QuestionnaireResponse": _answered,
}
