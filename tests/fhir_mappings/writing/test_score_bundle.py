"""A questionnaire in the chart: answers, result and who entered it; and what a screening reads of it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import fhirkit
import pytest

import docs.generate
from fhir_mappings import wire
from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.questionnaire import FilledIn, Instrument
from fhir_mappings.reading.patient_facts import patient_facts
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.questionnaire import questionnaire
from fhir_mappings.writing.score_bundle import score_resources
from fhir_mappings.writing.transaction import transaction, travelling
from tests.fhir_mappings.writing.a_score import EVERY_KIND, NINE, a_full_score, a_score, a_screener, a_total
from tests.fhir_mappings.writing.a_session import EHR, INSTANCE, an_id

Json = dict[str, Any]
KINDS = [pytest.param(score, id=name) for name, score in EVERY_KIND.items()]
FORMS = [pytest.param(form, id=key) for key, form in INSTRUMENTS.items() if form.items]


def written(score: FilledIn, *without: str) -> dict[str, Json]:
    """By type."""
    made = score_resources(score, INSTANCE, without=frozenset(without))
    return {one.resource_type: wire.decode(one.body) for one in made}


@pytest.mark.parametrize("score", KINDS)
def test_all_of_it_is_valid_by_a_judge_who_did_not_write_it(score: FilledIn) -> None:
    for one in score_resources(score, INSTANCE):
        assert fhirkit.validate(one.body) == []


@pytest.mark.parametrize("score", KINDS)
def test_all_of_it_meets_us_core(score: FilledIn, profile_errors: Callable[[bytes], list[str]]) -> None:
    for one in score_resources(score, INSTANCE):
        if one.resource_type != "Provenance":
            # It looks our definitions up nowhere; the tests below hold the answers against them.
            assert [each for each in profile_errors(one.body) if "questionnaire.unresolved" not in each] == []


@pytest.mark.parametrize("form", FORMS)
def test_the_definition_is_valid_and_the_shipped_file_is_fresh(form: Instrument) -> None:
    made = checked(questionnaire(form))
    assert fhirkit.validate(json.dumps(made)) == []
    path = Path(docs.generate.QUESTIONNAIRES) / f"Questionnaire-{form.key}.json"
    assert json.loads(path.read_text()) == made


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_one_that_the_definition_offers_under_its_link_id(form: Instrument) -> None:
    offered = {item["linkId"]: item for item in questionnaire(form)["item"]}
    assert len(offered) == len(form.items)
    answers = {item.number: item.options[-1].score for item in form.items}
    response = written(a_score(instrument=form.key, answers=answers, total=None))["QuestionnaireResponse"]
    for item in response["item"]:
        (answer,) = item["answer"]
        options = [
            {
                k: {a: b for a, b in v.items() if a != "extension"} if isinstance(v, dict) else v
                for k, v in one.items()
            }
            for one in offered[item["linkId"]]["answerOption"]
        ]
        assert answer in options
        assert item["text"] == offered[item["linkId"]]["text"]


def test_phq_9_travels_by_loinc() -> None:
    made = written(a_score())
    response, result = made["QuestionnaireResponse"], made["Observation"]
    assert response["questionnaire"] == "https://ketamine-pathway.example/fhir/Questionnaire/phq9|1.0.0"
    assert response["item"][8]["linkId"] == "/44260-8"
    assert response["item"][8]["answer"] == [
        {"valueCoding": {"system": "http://loinc.org", "code": "LA6569-3", "display": "Several days"}}
    ]
    assert (response["author"]["display"], response["source"]["reference"]) == ("Ben Iyer", f"{EHR}/Patient/ada")
    assert result["code"]["coding"][0]["code"] == "44261-6"
    assert result["valueQuantity"]["value"] == 11
    assert result["interpretation"] == [{"text": "moderate"}]
    assert result["derivedFrom"][0]["type"] == "QuestionnaireResponse"
    assert result["effectiveDateTime"] == "2026-11-20T13:40:00-05:00"


def test_what_no_source_bears_out_has_a_code_of_our_own() -> None:
    for key in ("madrs", "qids-sr16", "cadss6", "hamd17", "cssrs-since"):
        form = INSTRUMENTS[key]
        assert not form.total
        score = a_score(instrument=key, answers={}, total=4, watched=None)
        codes = written(score)["Observation"]["code"]["coding"]
        assert [one["system"].rpartition("/")[2] for one in codes] == ["outcome"]


def test_a_total_alone_is_one_observation_of_a_day() -> None:
    made = written(a_total())
    assert set(made) == {"Observation", "Provenance"}
    assert made["Observation"]["effectiveDateTime"] == "2026-11-20"
    assert made["Provenance"]["occurredDateTime"] == "2026-11-20"
    assert made["Observation"]["note"][0]["text"] == "Total from: paper form"
    assert "derivedFrom" not in made["Observation"]


def test_an_unfinished_form_has_no_result_and_says_that_it_is_one() -> None:
    made = written(EVERY_KIND["unfinished"])
    assert set(made) == {"QuestionnaireResponse", "Provenance"}
    assert made["QuestionnaireResponse"]["status"] == "stopped"
    assert [item["linkId"] for item in made["QuestionnaireResponse"]["item"]] == ["/44250-9", "/44260-8"]


@pytest.mark.parametrize(
    ("without", "left"),
    [
        ({"QuestionnaireResponse"}, {"Observation", "Provenance"}),
        ({"Observation"}, {"QuestionnaireResponse", "Provenance"}),
        ({"Provenance"}, {"QuestionnaireResponse", "Observation"}),
        ({"Observation", "QuestionnaireResponse"}, set()),
    ],
)
def test_what_the_ehr_does_not_take_is_left_out_with_the_links_to_it(without: set[str], left: set[str]) -> None:
    made = written(a_score(), *without)
    assert set(made) == left
    assert "QuestionnaireResponse" in without or "derivedFrom" in made.get("Observation", {"derivedFrom": 1})
    if "QuestionnaireResponse" in without and made:
        assert "derivedFrom" not in made["Observation"]


def test_plan_and_session_are_named_where_they_are() -> None:
    made = written(a_full_score())
    for kind in ("QuestionnaireResponse", "Observation"):
        assert made[kind]["basedOn"][0]["identifier"]["value"] == an_id(9)
        assert made[kind]["partOf"][0]["identifier"]["value"] == an_id(1)
        assert made[kind]["encounter"] == {"reference": f"{EHR}/Encounter/visit"}
    assert "basedOn" not in written(a_score())["Observation"]


@pytest.mark.parametrize("plan", ["CarePlan/12", None])
def test_it_travels_with_the_plan_s_own_id_or_without_it(plan: str | None) -> None:
    made = score_resources(a_full_score(), INSTANCE)
    bundle = wire.decode(transaction(made, fhir_base=EHR, known={an_id(9): plan}))
    response = bundle["entry"][0]["resource"]
    assert [one["reference"] for one in response.get("basedOn", [])] == ([plan] if plan else [])
    assert "reference" not in response["partOf"][0], "the session may be signed later"
    conditions = [entry["request"]["ifNoneExist"] for entry in bundle["entry"]]
    assert [each.partition("=")[0] for each in conditions] == ["identifier", "identifier", "_tag"]
    assert len(set(conditions)) == 3


def test_the_same_facts_give_the_same_bytes() -> None:
    assert score_resources(a_full_score(), INSTANCE) == score_resources(a_full_score(), INSTANCE)


def test_an_unknown_questionnaire_is_unwritable() -> None:
    with pytest.raises(Unwritable, match=r"score\.instrument"):
        score_resources(a_score(instrument="bdi"), INSTANCE)


def read_again(score: FilledIn) -> dict[str, object]:
    """What a screening reads in the chart that holds it, by name."""
    (result,) = (one for one in score_resources(score, INSTANCE) if one.resource_type == "Observation")
    resource = travelling(result, fhir_base=EHR, known={f"{score.id}-form": "QuestionnaireResponse/5"})
    facts = patient_facts(
        ({"resourceType": "Patient", "id": "ada"}, resource | {"id": "7"}),
        as_of=date(2026, 11, 23),
        patients=frozenset({f"{EHR}/Patient/ada", "Patient/ada"}),
    )
    assert not [gap for gap in facts.gaps if "Observation" in gap.reference]
    return {each.name: each.value if each.value is not None else each.positive for each in facts.scores}


@pytest.mark.parametrize(
    ("score", "found"),
    [
        pytest.param(a_score(), {"phq9-total": 11, "phq9-item9": 1}, id="PHQ-9"),
        pytest.param(a_total(), {"phq9-total": 11, "phq9-item9": 1}, id="a total with its item 9"),
        pytest.param(
            a_screener(),
            {
                "cssrs-q1": True, "cssrs-q2": True, "cssrs-q3": True, "cssrs-q4": False, "cssrs-q5": False,
                "cssrs-q6": False, "cssrs-risk": True,
            },
            id="screener",
        ),
        pytest.param(
            a_screener(answers={1: 0, 2: 0, 6: 0}, level="none", words="no risk found"),
            {"cssrs-q1": False, "cssrs-q2": False, "cssrs-q6": False, "cssrs-risk": False},
            id="screener, no risk",
        ),
        pytest.param(a_screener(instrument="cssrs-since"), {"self-harm": True}, id="screener since the last visit"),
        pytest.param(EVERY_KIND["GAD-7"], {"gad7-total": 14}, id="GAD-7"),
    ],
)  # fmt: skip
def test_a_screening_reads_in_the_chart_what_was_written(score: FilledIn, found: dict[str, object]) -> None:
    assert read_again(score) == found


def test_the_identifier_comes_back_with_it() -> None:
    (result,) = (
        one
        for one in score_resources(
            replace(a_score(), answers=NINE), INSTANCE, without=frozenset({"QuestionnaireResponse"})
        )
        if one.resource_type == "Observation"
    )
    facts = patient_facts(
        (wire.decode(result.body) | {"id": "7"},),
        as_of=date(2026, 11, 23),
        patients=frozenset({f"{EHR}/Patient/ada"}),
    )
    assert {each.identifiers for each in facts.scores} == {(an_id(700),)}
