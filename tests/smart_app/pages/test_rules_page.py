"""The rules page and its JSON: what a clinician needs to judge a rule, and what this site has set."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from fhir_mappings.facts.outcome_rules import OutcomeRules
from fhir_mappings.facts.treatment import Role
from fhir_mappings.wire import decode
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.finding import Kind
from smart_app.clinical.limits import Limits
from smart_app.clinical.maintenance_rules import MaintenanceRules
from smart_app.clinical.programme_settings import programme_settings, tunings
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.site_sheet import SiteRules, site_sheet
from smart_app.pages.rules import effect_words, groups
from tests.smart_app.pages.desk import LAUNCH, ORIGIN, Desk, PageParts, a_caller, a_clinician

pytestmark = pytest.mark.anyio
ROOT = f"/l/{LAUNCH}"
STRICT = RuleSettings(
    limits=Limits(systolic=Decimal(130)),
    off=frozenset({"REV-CV"}),
    reasons={"REV-CV": "the <b>cardiologist</b> sees everybody"},
)


async def page(desk: Desk, place: str = "rules") -> PageParts:
    async with desk.client() as client:
        answer = await client.get(f"{ROOT}/{place}")
        assert answer.status_code == 200
        return PageParts(answer.text)


def strict(desk: Desk) -> None:
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, rules=STRICT))


async def test_every_rule_stands_there_under_an_address_of_its_own(desk: Desk) -> None:
    found = await page(desk)
    for criterion in CRITERIA:
        assert f"rule-{criterion.id}" in found.ids
        for told in (criterion.question(Limits()), criterion.logic, criterion.source, criterion.known_limits):
            assert " ".join(told.split()) in found.text, (criterion.id, told)
    assert "systolic, must be below: 140 mmHg" in found.text
    assert "Every rule runs as shipped." in found.text
    assert "The ketamine-pathway developers" in found.text
    assert "Used by no rule: race, ethnicity, language" in found.text


async def test_what_the_site_has_set_is_told_on_top_and_at_the_rule(desk: Desk) -> None:
    strict(desk)
    found = await page(desk)
    assert "HOLD-BP : systolic, must be below 130 mmHg instead of 140" in found.text
    assert "REV-CV : switched off: the <b>cardiologist</b> sees everybody" in found.text
    assert "systolic, must be below: 130 mmHg , default 140" in found.text
    assert "Switched off: the <b>cardiologist</b> sees everybody" in found.text
    assert found.links["HOLD-BP"] == "#rule-HOLD-BP"
    assert "Every rule runs as shipped." not in found.text


async def test_what_is_set_beside_the_rules_is_told_on_top_and_in_full_below(desk: Desk) -> None:
    shipped = await page(desk)
    assert "Every other setting is as shipped." in shipped.text
    assert "Least days from the last dose to a booster 7 7 from 7 to 90 working proposal" in shipped.text
    assert "Without solids before the dose 6 hours 6 hours from 6 to 12 hours" in shipped.text
    strict = OutcomeRules(relapse_total=8)
    rules = SiteRules(maintenance=MaintenanceRules(least_days_since_dose=14), outcomes=strict)
    desk.deps = replace(desk.deps, site=replace(desk.deps.site, tables=site_sheet(rules)))
    found = await page(desk)
    assert "After the course , least days from the last dose to a booster: 14 instead of 7" in found.text
    assert "looked for: 8 points instead of 10 points, for patients enrolled from now on" in found.text
    assert found.links["After the course"] == "#set-maintenance"
    assert "set-maintenance" in found.ids
    assert "After the course [maintenance] Set here" in found.text
    assert "Every other setting is as shipped." not in found.text


async def test_every_page_leads_to_the_rules(desk: Desk) -> None:
    about = await page(desk, "about")
    assert about.links["All rules"] == about.links["Rules"] == f"{ROOT}/rules"


async def test_the_json_leaves_the_ehr_s_frame_which_may_not_show_it(desk: Desk) -> None:
    (link,) = [attributes for _, attributes in (await page(desk)).tags if attributes.get("href") == "/rules.json"]
    assert link["target"] == "_blank"


async def test_looking_at_the_rules_with_a_patient_open_leaves_a_record(desk: Desk) -> None:
    before = len(desk.work.kept.audit)
    await page(desk)
    assert [record.action for record in desk.work.kept.audit[before:]] == ["clinician:page:read"]


async def test_an_auditor_may_read_the_rules() -> None:
    desk = Desk()
    desk.open(a_caller(clinician=a_clinician(Role.AUDITOR)))
    assert "rule-HOLD-BP" in (await page(desk)).ids


def test_no_rule_is_left_out_of_the_groups() -> None:
    rules = [{"id": kind.value, "kind": kind.value} for kind in Kind]
    assert {rule["id"] for group in groups(rules) for rule in group.rules} == {kind.value for kind in Kind}


def test_the_effect_of_a_rule_is_told_in_the_words_of_the_verdict() -> None:
    assert effect_words("hold") == "makes the status “Not now”"
    assert effect_words(None) == "changes no status"
    assert all(effect_words(criterion.effect) for criterion in CRITERIA)


@pytest.mark.parametrize("base_path", ["", "/pathway"])
async def test_programs_get_the_rules_without_signing_in(base_path: str) -> None:
    desk = Desk(base_path=base_path)
    strict(desk)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(desk.app()), base_url=ORIGIN) as nobody:
        answer = await nobody.get(f"{base_path}/rules.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "no-store"
    told = decode(answer.content)
    assert told["format"] == 1
    assert [rule["id"] for rule in told["rules"]] == [criterion.id for criterion in CRITERIA]
    assert [(each["rule"], each["key"]) for each in told["differences"]] == [("HOLD-BP", "sbp"), ("REV-CV", "off")]


async def test_what_the_site_has_made_of_the_programmes_is_told(desk: Desk) -> None:
    assert "Every programme runs as shipped." in (await page(desk)).text
    tuned = programme_settings(
        {"programme": {"IV": {"observation_minutes": 150, "reason": "policy 7 of the clinic"}}}
    )
    site = replace(desk.deps.site, programmes=tuned.programmes, tuned=tunings(tuned))
    desk.deps = replace(desk.deps, site=site)
    told = (await page(desk)).text
    assert "Intravenous, least time from the dose to discharge: 150 minutes instead of 120 minutes" in told
    assert "policy 7 of the clinic" in told
