"""What a site may make of relapse and of the dates of questionnaires, as `[outcomes]` of site.toml says.

A lower total finds a relapse sooner and a narrower date asks sooner, so a site goes that way only. A second value can
come too near to confirm a relapse, or too far, so its days may be set either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir_mappings.facts.outcome_rules import AS_SHIPPED, OutcomeRules
from smart_app.clinical.site_table import PROPOSAL, Added, Key, Number, SettingsRefused, read_table

_NO_AGREED = f"{PROPOSAL}; no agreed definition was found"

OUTCOMES: tuple[Key, ...] = (
    Number(key="relapse_total", words="PHQ-9 total from which a relapse is looked for", unit="points",
           least=5, most=10, source=_NO_AGREED),
    Number(key="relapse_rise", words="and so much above the best since the response", unit="points",
           least=3, most=5, source=_NO_AGREED),
    Number(key="confirm_from_days", words="a second value confirms a relapse from", unit="days",
           least=3, most=14, source=_NO_AGREED),
    Number(key="confirm_to_days", words="a second value confirms a relapse up to", unit="days",
           least=21, most=42, source=_NO_AGREED),
    Number(key="baseline_days", words="age of a baseline at session 1, at most", unit="days", least=1, most=7),
    Number(key="after_last_days", words="a questionnaire is due after the last session within", unit="days",
           least=1, most=7),
    Added(key="follow_up_weeks", words="follow-ups, weeks after the last session",
          shipped=AS_SHIPPED.follow_up_weeks, latest=52),
    Number(key="early_days", words="a follow-up may come early by", unit="days", least=0, most=3),
    Number(key="late_days", words="a follow-up may come late by", unit="days", least=0, most=7),
)  # fmt: skip


def outcome_rules(table: Mapping[str, Any]) -> OutcomeRules:
    """The rules of a parsed site.toml, table [outcomes]. Raises SettingsRefused with every problem found."""
    values, problems = read_table(table, "outcomes", OUTCOMES)
    if problems:
        raise SettingsRefused(problems)
    return OutcomeRules(**values)
