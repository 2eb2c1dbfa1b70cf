"""What a site may set beside its rules: every key is shown, and what differs is marked, by value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from smart_app.clinical.action_limits import ACTION_LIMITS, READINGS, ActionLimit, session_limits
from smart_app.clinical.ledger_rules import SETTINGS, LedgerRules
from smart_app.clinical.limits import Limits
from smart_app.clinical.maintenance_rules import BOUNDS
from smart_app.clinical.outcome_settings import OUTCOMES
from smart_app.clinical.signing_rules import SIGNING, SigningRules
from smart_app.clinical.site_sheet import SiteRow, SiteRules, site_sheet

KEYS = {
    "session": (*ACTION_LIMITS, *READINGS),
    "ledger": SETTINGS,
    "signing": SIGNING,
    "outcomes": OUTCOMES,
    "maintenance": BOUNDS,
}


def rows(rules: SiteRules) -> dict[str, SiteRow]:
    return {f"{table.name} {row.key}": row for table in site_sheet(rules) for row in table.rows}


def test_every_key_of_every_table_is_there_with_its_source() -> None:
    shown = rows(SiteRules())
    assert {f"{name} {each.key}" for name, keys in KEYS.items() for each in keys} <= set(shown)
    assert all(row.source and row.bounds and row.value == row.shipped for row in shown.values())
    assert not any(row.differs for row in shown.values())
    assert not any(table.differs for table in site_sheet(SiteRules()))


@pytest.mark.parametrize("limit", ACTION_LIMITS, ids=lambda each: each.key)
def test_what_differs_of_the_action_levels_is_marked(limit: ActionLimit) -> None:
    key, strictest = limit.key, limit.strictest
    lenient = {"pause_systolic": 140, "pause_diastolic": 90} if key.startswith("stop") else {}
    shown = rows(SiteRules(limits=session_limits({"session": lenient | {key: strictest}}, Limits())))
    assert {name for name, row in shown.items() if row.differs} == {f"session {each}" for each in (*lenient, key)}
    assert shown[f"session {key}"].value.startswith(str(strictest))


def test_no_two_settings_of_a_table_read_alike() -> None:
    for table in site_sheet(SiteRules()):
        assert len({row.words for row in table.rows}) == len(table.rows), table.name


def test_words_and_switches_are_told_as_they_are_set() -> None:
    shown = rows(SiteRules(ledger=LedgerRules(esketamine=True), signing=SigningRules(countersign=True)))
    assert (shown["ledger esketamine"].value, shown["ledger esketamine"].shipped) == ("yes", "no")
    assert (shown["ledger witness"].value, shown["ledger witness"].bounds) == ("signed-in", "signed-in, named, none")
    assert shown["signing countersign"].differs


def test_more_digits_are_no_difference() -> None:
    same = replace(PROGRAMMES[Route.IV], warn_mg=Decimal("200.0"))
    assert not rows(SiteRules(programmes={Route.IV: same}))["programme.IV warn_mg"].differs
    denser = replace(PROGRAMMES[Route.IM], monitoring_minutes=(*PROGRAMMES[Route.IM].monitoring_minutes, 150))
    row = rows(SiteRules(programmes={Route.IM: denser}))["programme.IM monitoring_minutes"]
    assert (row.differs, row.value.endswith("120, 150")) == (True, True)


def test_a_route_shows_only_what_it_has() -> None:
    assert "programme.SL observation_minutes" not in rows(SiteRules())
    assert "programme.SL planned_days" not in rows(SiteRules())
