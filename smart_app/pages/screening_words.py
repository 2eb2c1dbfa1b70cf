"""The words of the screening page: why the status is what it is, what was read, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fhir_mappings.facts.clinical import Area

Row = Mapping[str, Any]

MOST_REASONS = 4

_ABSENCE = {"met": "Missing", "not-met": "Not missing"}  # such a rule asks whether data is missing
_WORDS = {
    "could-not-look": "Could not look",
    "not-enough-data": "Not enough data",
    "not-met": "Not found",
}

# Rules whose questions the words above would answer wrongly.
_OWN_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "IND-NONE": {"met": "None found", "not-met": "An indication was found"},
        "DATA-FETCH": {"met": "Not in full", "not-met": "In full"},
    }
)

# The kinds of met findings that make a status; the reasons on the card come from these.
_DECIDING: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "contraindicated": frozenset({"contraindication"}),
        "hold": frozenset({"hold"}),
        "no-indication": frozenset(),
        "insufficient-data": frozenset({"missing"}),
        "needs-review": frozenset({"review"}),
        "candidate": frozenset({"indication"}),
    }
)

_AREAS = frozenset(area.value for area in Area)
_TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "Condition": ("condition", "conditions"),
        "Observation": ("observation", "observations"),
        "MedicationRequest": ("prescription", "prescriptions"),
        "MedicationStatement": ("medication statement", "medication statements"),
        "AllergyIntolerance": ("allergy entry", "allergy entries"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLine:
    """One part of the record that could not be used, and what may help."""

    words: str
    reference: str
    advice: str


def outcome_words(row: Row) -> str:
    """The result of one rule: Found, Missing, Not found, Not enough data, Could not look."""
    state = row["state"]
    own = _OWN_WORDS.get(row["rule"], {}).get(state)
    if own is not None:
        return own
    if row["kind"] == "missing" and state in _ABSENCE:
        return _ABSENCE[state]
    if state == "met":
        return "Found"
    return _WORDS.get(state, str(state))


def deciding(status: str, findings: Sequence[Row], gaps: Iterable[Row]) -> tuple[str, ...]:
    """Why the status is what it is, in a few lines for the card; the findings below say it in full."""
    kinds = _DECIDING.get(status, frozenset())
    made = [_reason(row) for row in findings if row["state"] == "met" and row["kind"] in kinds]
    if status == "needs-review":
        made += [
            _reason(row) for row in findings if row["state"] == "not-enough-data" and row.get("effect") == status
        ]
    if not made and status in {"insufficient-data", "needs-review"}:
        made = [gap_words(gap).words for gap in gaps]
    if not made and status == "insufficient-data":
        made = [_reason(row) for row in findings if row["state"] in {"could-not-look", "not-enough-data"}]
    lines = list(dict.fromkeys(made))
    more = len(lines) - MOST_REASONS
    return (*lines[:MOST_REASONS], *((f"And {more} more, below.",) if more > 0 else ()))


def _reason(row: Row) -> str:
    """The rule's reason with the newest entry it rests on; what rests on the patient's word is named by the rule."""
    evidence = row.get("evidence") or ()
    if evidence and evidence[0]["reference"].startswith("answer/"):
        return f"{row['title']} {row['reason']}"
    return f"{row['reason']} {evidence[0]['text']}." if evidence and row["kind"] == "hold" else str(row["reason"])


def gap_words(gap: Row) -> GapLine:
    """A failed search is named by the part of the record it asked for; a single entry by its reference."""
    reference, reason = str(gap["reference"]), str(gap["reason"])
    if reference not in _AREAS:
        return GapLine(words=reason[:1].upper() + reason[1:], reference=reference, advice="")
    advice = "Refresh from the EHR. If it fails again, look in the chart itself."
    if "refused" in reason or "did not allow" in reason:
        advice = f"Ask the EHR's administrator to let this app read {reference}."
    elif "break the glass" in reason:
        advice = "Open the chart in the EHR itself and say there why you need it, then refresh."
    return GapLine(words=f"{reference.capitalize()}: {reason.removesuffix('.')}.", reference="", advice=advice)


def read_words(references: Iterable[str]) -> str:
    """How much was read, by kind: "2 conditions, 9 observations". The patient's own entry is not counted."""
    found = Counter(reference.partition("/")[0] for reference in references)
    parts = [
        f"{found[kind]} {one if found[kind] == 1 else many}" for kind, (one, many) in _TYPES.items() if found[kind]
    ]
    return ", ".join(parts) or "nothing but the patient's own entry"
