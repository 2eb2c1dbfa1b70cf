"""What an EHR left out or changed of what it was sent: which of it may pass with a note, and which may not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from smart_app.use_cases.delivery.delivery_verdict import Verdict
from smart_app.use_cases.records import MessageState

# Without these the entry says something else, or nothing: who, what, how much, when, whether it counts.
GRAVE: Final[Mapping[str, tuple[str, ...]]] = {
    "Procedure": ("status", "code.coding", "subject", "performed"),
    "MedicationAdministration": (
        "status", "medicationCodeableConcept.coding", "subject", "effective",
        "dosage.dose", "dosage.rate", "dosage.route",
    ),
    "MedicationStatement": (
        "status", "medicationCodeableConcept.coding", "subject", "effective", "informationSource",
    ),
    "AdverseEvent": ("actuality", "event.coding", "subject", "date", "seriousness", "severity"),
    "Observation": ("status", "code.coding", "subject", "effective", "value", "component"),
    "CarePlan": ("status", "intent", "subject", "activity.detail.status", "activity.outcomeReference"),
    "Provenance": ("target",),
    "QuestionnaireResponse": ("status", "questionnaire", "subject", "authored", "item"),
}  # fmt: skip
_WORDING: Final = (".display", ".text", ".unit")  # an EHR may word a code in its own way
_MOST: Final = 12


def is_grave(path: str) -> bool:
    """`path` as `read_back.differences` gives it, for example "Observation.component[0].valueQuantity.value"."""
    resource_type, _, element = re.sub(r"\[\d+\]", "", path).partition(".")
    if element.endswith(_WORDING):
        return False
    return any(element.startswith(grave) or grave.startswith(f"{element}.") for grave in GRAVE.get(resource_type, ()))


def verdict_on(losses: Sequence[str], *, care_plan: str | None = None, note: str = "") -> Verdict:
    """DELIVERED, with a note where something lesser was lost; CONFLICT where something grave was.

    `note` is said of what was delivered, whatever was lost.
    """
    grave = [path for path in losses if is_grave(path)]
    if grave:
        return Verdict(state=MessageState.CONFLICT, words=f"The EHR kept it differently: {_listed(grave)}.")
    lost = f"The EHR left out or changed: {_listed(losses)}." if losses else ""
    words = " ".join(filter(None, ("Written.", note, lost))) if note or lost else ""
    return Verdict(state=MessageState.DELIVERED, words=words, care_plan=care_plan)


def _listed(paths: Sequence[str]) -> str:
    unlike = list(dict.fromkeys(re.sub(r"\[\d+\]", "", path) for path in paths))
    more = f" and {len(unlike) - _MOST} more" if len(unlike) > _MOST else ""
    return ", ".join(unlike[:_MOST]) + more
