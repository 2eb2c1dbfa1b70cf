"""What the rules can say, this package can write: it may not import them, so their words are compared here."""

from __future__ import annotations

import json
from pathlib import Path

from fhir_mappings.writing.screening_bundle import screening_bundle
from fhir_mappings.writing.terminology import FINDING_STATE, ISSUE_CATEGORY, SCREENING_STATUS
from smart_app.clinical.criteria import CRITERIA
from smart_app.clinical.finding import Kind, State, Status
from tests.fhir_mappings.writing.a_screening import a_finding, a_screening
from tests.fhir_mappings.writing.a_session import INSTANCE

PROFILES = Path(__file__).parents[3] / "fhir_mappings" / "profiles"


def _codes(name: str) -> list[str]:
    system = json.loads((PROFILES / f"CodeSystem-{name}.json").read_text())
    codes = [one["code"] for one in system["concept"]]
    assert system["count"] == len(codes) == len(set(codes))
    return codes


def test_every_rule_has_a_code_and_every_alert_a_rule() -> None:
    codes = set(_codes("screening-rule"))
    assert {criterion.id for criterion in CRITERIA} <= codes
    assert set(ISSUE_CATEGORY) <= codes


def test_a_diagnosis_a_result_an_age_or_a_medicine_against_treatment_has_an_alert_that_fits() -> None:
    """Words in an entry, the indication itself and treatment resistance have none."""
    against = {Kind.CONTRAINDICATION, Kind.HOLD, Kind.REVIEW, Kind.CAUTION}
    without = {c.id for c in CRITERIA if c.kind in against and c.id not in ISSUE_CATEGORY}
    assert {rule for rule in without if not rule.startswith(("IND-", "TRD-", "SEV-"))} <= {"DATA-TEXT"}


def test_the_states_of_a_finding_and_the_statuses_are_those_of_the_rules() -> None:
    assert set(FINDING_STATE) == {state.value for state in State} == set(_codes("finding-state"))
    assert set(SCREENING_STATUS) == {status.value for status in Status}


def test_every_kind_with_every_effect_and_state_can_be_written() -> None:
    for kind in Kind:
        for effect in (None, *Status):
            for state in State:
                finding = a_finding(kind=kind.value, effect=effect and effect.value, state=state.value)
                assert screening_bundle(a_screening(findings=(finding,)), INSTANCE)
