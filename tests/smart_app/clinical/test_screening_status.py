"""The status: precedence, gaps, and that order, repeats, versions and pages do not matter (clinical content, 1b)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fhir_mappings.facts.clinical import BLOCKING_AREAS, Area, Gap
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import State, Status
from smart_app.clinical.limits import Limits
from smart_app.clinical.rule_settings import RuleSettings
from smart_app.clinical.screening import as_json, looked_for, screen
from tests.builders import (
    PATIENTS,
    SNOMED,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_condition,
    a_failure,
    a_patient,
    an_allergy,
    an_item_nine,
    days_ago,
    met_rules,
    screened,
    states,
)

# What makes each status, worst first; `None` removes the depression that makes the candidate.
ENTRIES: dict[Status, Json | Gap | None] = {
    Status.CONTRAINDICATED: a_condition("F20.9"),
    Status.HOLD: a_condition("F31.2"),
    Status.NO_INDICATION: None,
    Status.INSUFFICIENT_DATA: a_failure(Area.MEDICATION),
    Status.NEEDS_REVIEW: a_condition("I48.91"),
}


@pytest.mark.parametrize("worse", ENTRIES, ids=lambda status: status.value)
@pytest.mark.parametrize("better", ENTRIES, ids=lambda status: status.value)
def test_the_worst_effect_is_the_status(worse: Status, better: Status) -> None:
    entries = [ENTRIES[worse], ENTRIES[better]]
    chart = a_chart(without=["Condition"] if None in entries else [])
    failures = [entry for entry in entries if isinstance(entry, Gap)]
    resources = [entry for entry in entries if isinstance(entry, dict)]
    assert screened([*chart, *resources], *failures).status is min(worse, better, key=list(Status).index)


def test_the_words_and_their_order() -> None:
    assert [status.value for status in Status] == [
        "contraindicated", "hold", "no-indication", "insufficient-data", "needs-review", "candidate",
    ]  # fmt: skip
    assert [state.value for state in State] == ["met", "not-met", "not-enough-data", "could-not-look"]


@pytest.mark.parametrize("area", list(Area))
def test_a_failed_search(area: Area) -> None:
    result = screened(a_chart(), a_failure(area))
    blocking = area in BLOCKING_AREAS
    assert result.status is (Status.INSUFFICIENT_DATA if blocking else Status.NEEDS_REVIEW)
    assert ("DATA-FETCH" in met_rules(result)) is blocking


def test_what_could_not_be_read_is_not_called_absent() -> None:
    result = screened(a_chart(), a_failure(Area.CONDITION))
    for rule in ("ABS-SCZ", "HOLD-MANIA", "HOLD-PSY", "IND-PDD", "DATA-UNCONF", "HOLD-PREG"):
        assert states(result)[rule] == "could-not-look"
    assert states(result)["IND-MDD"] == "met"
    assert states(result)["HOLD-BP"] == "not-met"


def test_an_unreadable_entry_is_not_enough_data() -> None:
    result = screened(a_chart(a_condition(None)))
    assert result.status is Status.INSUFFICIENT_DATA
    assert states(result)["ABS-SCZ"] == "not-enough-data"
    assert states(screened(a_chart(an_allergy(None, text=None))))["ABS-ALLERGY"] == "not-enough-data"


def test_no_indication_is_not_claimed_of_what_could_not_be_read() -> None:
    nothing = a_chart(without=["Condition"])
    assert states(screened(nothing))["IND-NONE"] == "met"
    for result in (screened(nothing, a_failure(Area.CONDITION)), screened([*nothing, a_condition(None)])):
        assert states(result)["IND-NONE"] != "met"
        assert result.status is Status.INSUFFICIENT_DATA


def test_a_contraindication_that_was_read_stands_although_pages_failed() -> None:
    failures = [a_failure(area) for area in Area]
    assert screened(a_chart(a_condition("F20.9")), *failures).status is Status.CONTRAINDICATED


@pytest.mark.parametrize(
    "entry",
    [None, [], "x", 5, {}, {"resourceType": None}, {"resourceType": 7}, {"resourceType": "Conditon"}, {"a": 1},
     {"resourceType": ""}, {"resourceType": "Bundle", "entry": []}],
    ids=str,
)  # fmt: skip
def test_an_entry_that_is_no_resource_blocks(entry: object) -> None:
    assert screened([*a_chart(), entry]).status is Status.INSUFFICIENT_DATA


def test_other_resource_types_are_of_no_interest() -> None:
    others = [{"resourceType": kind} for kind in ("OperationOutcome", "Encounter", "Practitioner", "CarePlan")]
    assert screened([*a_chart(), *others]).status is Status.CANDIDATE


def test_silence_of_all_rules_is_no_candidate() -> None:
    facts = patient_facts(a_chart(), as_of=TODAY, patients=PATIENTS)
    assert screen(facts, as_of=TODAY, criteria=()).status is Status.INSUFFICIENT_DATA


def test_a_site_may_be_stricter() -> None:
    facts = patient_facts(a_chart(), as_of=TODAY, patients=PATIENTS)
    assert (
        screen(facts, as_of=TODAY, settings=RuleSettings(limits=Limits(systolic=Decimal(120)))).status is Status.HOLD
    )


def test_the_printed_result() -> None:
    result = screened(a_chart(a_condition("F20.9", id="scz")), a_failure(Area.SURVEY))
    printed = as_json(result)
    assert (printed["status"], printed["asOf"]) == ("contraindicated", "2026-11-23")
    assert [found["rule"] for found in printed["findings"]][:3] == ["ABS-SCZ", "IND-MDD", "IND-SI"]
    assert printed["findings"][0]["evidence"][0]["reference"] == "Condition/scz"
    assert printed["findings"][2]["state"] == "could-not-look"
    assert printed["findings"][2]["reason"] == "Could not look: questionnaire scores (the EHR refused it (403))."
    assert printed["gaps"] == [{"reference": "questionnaire scores", "reason": "the EHR refused it (403)"}]
    assert "HOLD-BP" in {found["rule"] for found in looked_for(result)}
    alarmed = as_json(screened(a_chart(an_item_nine())))
    assert [alert["rule"] for alert in alarmed["alerts"]] == ["IND-SI"]


def test_what_was_read_is_named_with_its_version() -> None:
    facts = patient_facts([a_patient(meta={"versionId": "7"})], as_of=TODAY, patients=PATIENTS)
    assert facts.read == ("Patient/ada/_history/7",)
    assert facts.person is not None
    assert facts.person.version == "7"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param({"versionId": "9"}, {"versionId": "10"}, id="counted"),
        pytest.param({}, {"versionId": "1"}, id="counted against none"),
        pytest.param(
            {"lastUpdated": "2026-11-23T09:00:00+02:00"}, {"lastUpdated": "2026-11-23T08:00:00Z"}, id="by time"
        ),
        pytest.param({"lastUpdated": "yesterday"}, {"lastUpdated": "2020-01-01T00:00:00Z"}, id="against no time"),
    ],
)
def test_the_newest_version_of_an_entry_counts(older: Json, newer: Json) -> None:
    was = a_condition("F20.9", id="c", meta=older)
    now = a_condition("F20.9", id="c", meta=newer, verification="entered-in-error")
    for chart in ([was, now], [now, was], [was, now, was, now]):
        assert screened(a_chart(*chart)).status is Status.CANDIDATE


@pytest.mark.parametrize("meta", [{}, {"versionId": "1"}, {"versionId": "W/x"}], ids=["none", "counted", "a token"])
def test_two_texts_of_one_version_block_in_any_order(meta: Json) -> None:
    one, other = (a_condition("F20.9", id="c", meta=meta, verification=v) for v in ("confirmed", "refuted"))
    for chart in ([one, other], [other, one], [other, one, other]):
        assert screened(a_chart(*chart)).status is Status.CONTRAINDICATED
    weak = [a_condition("F41.1", id="c", meta=meta, onset=when) for when in ("2001", "2002")]
    assert screened(a_chart(*weak)).status is Status.INSUFFICIENT_DATA
    procedures = [
        {"resourceType": "Procedure", "id": "p", "meta": meta, "status": s} for s in ("completed", "stopped")
    ]
    assert screened([*a_chart(), *procedures]).status is Status.CANDIDATE


def test_the_same_entry_without_an_id_is_one_entry() -> None:
    nameless = a_blood_pressure(120, id=None), a_blood_pressure(159, id=None)
    assert screened(a_chart(*nameless, without=["Observation"])).status is Status.CANDIDATE
    assert screened(a_chart(*nameless, nameless[1], without=["Observation"])).status is Status.CANDIDATE


def test_a_later_day_can_only_age_the_evidence() -> None:
    chart = a_chart(a_condition("F30.9", status="resolved", abatement=days_ago(80)))
    held = [screened(chart, as_of=TODAY + timedelta(days=days)).status for days in (0, 10, 11, 31)]
    assert held == [Status.HOLD, Status.HOLD, Status.NEEDS_REVIEW, Status.INSUFFICIENT_DATA]


def test_a_snomed_code_of_an_edition_is_read() -> None:
    edition = a_condition("58214004", system=f"{SNOMED}/731000124108/version/20260301")
    assert screened(a_chart(edition)).status is Status.CONTRAINDICATED
