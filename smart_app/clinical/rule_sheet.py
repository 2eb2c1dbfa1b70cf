"""The rules as one document: what a clinician, a program or a terminal needs to judge each of them without us.

Per rule it gives the source attributes of an evidence-based decision support intervention (45 CFR 170.315(b)(11)).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from fhir_mappings.facts.clinical import BLOCKING_AREAS, Area
from smart_app.clinical.answers import Said
from smart_app.clinical.criteria import CRITERIA, RULES_VERSION
from smart_app.clinical.criterion import Ask, Criterion, Origin
from smart_app.clinical.finding import Kind
from smart_app.clinical.limits import LIMITS, Limit
from smart_app.clinical.programme_settings import Tuning
from smart_app.clinical.rule_settings import DEFAULTS, Difference, RuleSettings, differences, value_of
from smart_app.clinical.rules_release import RELEASE
from smart_app.clinical.site_sheet import SiteRow, SiteTable

FORMAT = 1

ORIGINS: Mapping[Origin, str] = MappingProxyType(
    {
        Origin.CLINIC: "From the clinic's own page. A site can make it stricter and never switch it off.",
        Origin.SAFETY: "Guards against missing, unclear or dangerous data. A site can tune it, never switch it off.",
        Origin.CONFIG: "From other guidance. A site can tune it or switch it off, with a reason.",
    }
)
INPUTS: Mapping[Area, str] = MappingProxyType(
    {
        Area.PATIENT: "Patient",
        Area.CONDITION: "Condition",
        Area.BLOOD_PRESSURE: "Observation (vital signs)",
        Area.MEDICATION: "MedicationStatement, MedicationRequest, MedicationDispense, Medication",
        Area.ALLERGY: "AllergyIntolerance",
        Area.SURVEY: "Observation (questionnaires)",
        Area.SOCIAL_HISTORY: "Observation (social history)",
        Area.LABORATORY: "Observation (laboratory)",
        Area.OTHER: "everything else that was read",
    }
)
# PHQ and pregnancy status are counted among the health status assessments by USCDI.
HEALTH_STATUS = "health status assessments"
ATTRIBUTES = (
    "race",
    "ethnicity",
    "language",
    "sexual orientation",
    "gender identity",
    "sex",
    "date of birth",
    "social determinants of health",
    HEALTH_STATUS,
)


def rule_sheet(
    settings: RuleSettings = DEFAULTS,
    criteria: Sequence[Criterion] = CRITERIA,
    *,
    tuned: Sequence[Tuning] = (),
    tables: Sequence[SiteTable] = (),
) -> dict[str, Any]:
    """The whole document for one site; `format` grows when a reader of an older one would go wrong.

    `effect` null: the rule changes no status. `key` "off" among the differences: the rule is switched off. `tuned`:
    what differs of the programmes, with reasons; `tables`: what a site may set beside the rules, in full; "settings"
    are those of them that differ, `enrolled`: for patients enrolled from now on.
    """
    used = {attribute for criterion in criteria for attribute in attributes(criterion)}
    counted = Counter(criterion.origin for criterion in criteria)
    return {
        "format": FORMAT,
        "rulesVersion": RULES_VERSION,
        **_release(),
        "funding": RELEASE.funding,
        "review": RELEASE.reviewed,
        "intendedUse": RELEASE.use,
        "notFor": RELEASE.not_for,
        "origins": {
            origin.value: {"rules": counted[origin], "meaning": meaning} for origin, meaning in ORIGINS.items()
        },
        "attributesUsed": [each for each in ATTRIBUTES if each in used],
        "attributesNotUsed": [each for each in ATTRIBUTES if each not in used],
        "differences": difference_rows(settings),
        "programmes": [asdict(each) for each in tuned],
        "settings": [
            _setting(table, row)
            for table in tables
            if not table.of_programme  # those are among `programmes`, with their reasons
            for row in table.rows
            if row.differs
        ],
        "tables": [asdict(each) for each in tables],
        "rules": [_rule(criterion, settings) for criterion in criteria],
    }


def difference_rows(settings: RuleSettings) -> list[dict[str, Any]]:
    return [_difference(each) for each in differences(settings)]


def attributes(criterion: Criterion) -> tuple[str, ...]:
    """Which of ATTRIBUTES the rule's answer depends on."""
    assessed = criterion.reads & {Area.SURVEY, Area.SOCIAL_HISTORY}
    used = criterion.uses | ({HEALTH_STATUS} if assessed else set())
    return tuple(each for each in ATTRIBUTES if each in used)


def missing_data(criterion: Criterion) -> str:
    """What the rule does without data; `screening` does the same for every rule."""
    if criterion.kind is Kind.MISSING:
        return "The rule is met when data is missing; what is unread is never taken for present."
    if not criterion.reads:
        return "It judges what was read; what could not be read is listed as a gap."
    outcomes = (
        ("Not enough data", sorted(criterion.reads & BLOCKING_AREAS)),
        ("Needs review", sorted(criterion.reads - BLOCKING_AREAS)),
    )
    best = ", ".join(f"{status} ({', '.join(areas)})" for status, areas in outcomes if areas)
    asked = " Where the record holds nothing, the patient can be asked." if criterion.ask else ""
    return f"Never taken for “not found”: the status is at best {best}.{asked}"


def _setting(table: SiteTable, row: SiteRow) -> dict[str, Any]:
    return {
        "table": table.name,
        "title": table.title,
        "key": row.key,
        "words": row.words,
        "value": row.value,
        "default": row.shipped,
        "enrolled": table.enrolled,
    }


def _ask(ask: Ask, settings: RuleSettings) -> dict[str, Any]:
    """`days` is how long a no holds, `daysYes` how long a yes does."""
    limits = settings.limits
    return {
        "words": ask.question(limits),
        "days": ask.holds(Said.NO, limits),
        "daysYes": ask.holds(Said.YES, limits),
        "holds": _holds(ask.holds(Said.NO, limits), ask.holds(Said.YES, limits)),
    }


def _holds(no: int, yes: int) -> str:
    return f"An answer holds {no} days." if no == yes else f"A yes holds {yes} days, any other answer {no} days."


def _rule(criterion: Criterion, settings: RuleSettings) -> dict[str, Any]:
    return {
        "id": criterion.id,
        "question": criterion.question(settings.limits),
        "kind": criterion.kind.value,
        "effect": criterion.effect.value if criterion.effect else None,
        "origin": criterion.origin.value,
        "inputs": [INPUTS[area] for area in Area if area in criterion.reads],
        "logic": criterion.logic,
        "limits": [_limit(limit, settings) for limit in LIMITS if limit.rule == criterion.id],
        "off": criterion.id in settings.off,
        "siteReason": settings.reasons.get(criterion.id, ""),
        "source": criterion.source,
        "knownLimits": criterion.known_limits,
        "missingData": missing_data(criterion),
        "ask": _ask(criterion.ask, settings) if criterion.ask else None,
        "attributesUsed": list(attributes(criterion)),
        "version": criterion.version,
        **_release(),
    }


def _release() -> dict[str, str]:
    return {
        "author": RELEASE.author,
        "released": RELEASE.released.isoformat(),
        "revised": RELEASE.revised.isoformat(),
    }


def _limit(limit: Limit, settings: RuleSettings) -> dict[str, Any]:
    return {
        "key": limit.key,
        "words": limit.words,
        "unit": limit.unit,
        "value": value_of(settings, limit),
        "default": limit.default,
        "least": limit.least,
        "greatest": limit.greatest,
    }


def _difference(told: Difference) -> dict[str, Any]:
    return {
        "rule": told.rule,
        "key": told.key,
        "words": told.words,
        "unit": told.unit,
        "value": told.value,
        "default": told.default,
        "reason": told.reason,
    }
