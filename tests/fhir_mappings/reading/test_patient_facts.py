"""The one door in: whatever comes, facts and gaps come out; nothing escapes and nothing is believed of others."""

from __future__ import annotations

import gc
import json
import tracemalloc
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_mappings.facts.clinical import Area, PatientFacts
from fhir_mappings.reading.patient_facts import patient_facts
from fhir_mappings.wire import decode, encode
from smart_app.clinical.screening import screen
from tests.builders import (
    LOINC,
    PATIENTS,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_concept,
    a_condition,
    a_liver_value,
    a_medication,
    a_patient,
    a_pregnancy_status,
    a_score,
    a_single_pressure,
    an_allergy,
    an_hcg,
    an_item_nine,
    an_observation,
    days_ago,
    screened,
)


def read(*resources: Any) -> PatientFacts:
    return patient_facts(resources, as_of=TODAY, patients=PATIENTS)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=8)
    | st.sampled_from(
        ["active", "final", "2026-11-23", "8480-6", "http://loinc.org", "mm[Hg]", "Patient/ada", "F20.9"]
    )
)
KEYS = [
    "resourceType", "id", "meta", "versionId", "status", "code", "coding", "system", "text", "subject", "reference",
    "valueQuantity", "value", "component", "category", "onsetPeriod", "start", "end", "effectivePeriod", "partOf",
    "clinicalStatus", "verificationStatus", "reaction", "substance", "link", "name", "given", "identifier", "type",
    "referenceRange", "high", "comparator", "valueInteger", "valueCodeableConcept",
]  # fmt: skip
names = st.sampled_from(KEYS) | st.text(max_size=5)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5))
KINDS = ["Patient", "Condition", "Observation", "MedicationRequest", "MedicationStatement", "Medication",
         "AllergyIntolerance", "Procedure", "MedicationAdministration"]  # fmt: skip
TEMPLATES = [
    a_patient(), a_condition(), a_blood_pressure(), an_item_nine(), an_hcg(), a_pregnancy_status(), a_medication(),
    an_allergy(), an_observation("29463-7", "vital-signs", valueQuantity={"value": 70, "code": "kg"}),
    a_liver_value(), a_score("44261-6", 12), a_score("99046-5", 3),
    an_observation("99046-5", "survey", component=[{"code": {"text": "EPDS item 10"}, "valueInteger": 1}]),
]  # fmt: skip


@pytest.mark.no_cover
@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=4))
def test_any_json_is_read_and_screened_without_an_exception(values: list[Any]) -> None:
    screen(read(*values), as_of=TODAY)


@pytest.mark.no_cover
@settings(max_examples=250, deadline=None)
@given(st.sampled_from(KINDS), st.dictionaries(names, anything, max_size=8))
def test_any_content_of_a_known_type_is_read_without_an_exception(kind: str, content: Json) -> None:
    screened([*a_chart(), {**content, "resourceType": kind, "subject": {"reference": "Patient/ada"}}])


@pytest.mark.no_cover
@settings(max_examples=250, deadline=None)
@given(st.sampled_from(TEMPLATES), st.data())
def test_any_element_may_hold_anything(template: Json, data: st.DataObject) -> None:
    element = data.draw(st.sampled_from(sorted(template)))
    screened([*a_chart(), {**template, element: data.draw(anything)}])


def nested(depth: int) -> Json:
    value: Json = {}
    for _ in range(depth):
        value = {"extension": [value]}
    return value


@pytest.mark.parametrize("depth", [65, 1_025, 100_000])
def test_deep_nesting_is_survived(depth: int) -> None:
    deep = a_condition("F20.9", **nested(depth))
    twin = a_condition("F20.9", id=deep["id"], **nested(depth))
    facts = read(deep, twin, {**nested(depth), "resourceType": "Condition"})
    assert facts.diagnoses
    while deep:  # taken apart by hand: an interpreter that frees it in one go may run out of stack
        deep = next(iter(deep.pop("extension", [{}])), {})
    assert gc.isenabled()


def test_ten_thousand_codings_are_read() -> None:
    many = a_condition("J45.909")
    many["code"]["coding"] *= 10_000
    many["code"]["coding"].append({"system": "http://snomed.info/sct", "code": "58214004"})
    (found,) = read(many).diagnoses
    assert "schizophrenia-schizoaffective" in found.sets


def test_numbers_keep_their_digits_from_the_wire() -> None:
    body = encode(a_blood_pressure(Decimal("139.90"), Decimal("80.10")))
    (reading,) = read(decode(body)).blood_pressures
    assert (str(reading.systolic), str(reading.diastolic)) == ("139.90", "80.10")


@pytest.mark.parametrize(
    "value",
    [Decimal("1e400"), Decimal("1E+999999999"), Decimal("1e-999999999"), 10**5000],
    ids=["1e400", "1E+999999999", "1e-999999999", "5000 digits"],
)
def test_absurd_numbers_are_not_plausible(value: Any) -> None:
    facts = read(a_blood_pressure(value, 80), an_item_nine(valueInteger=value))
    assert all(reading.problem for reading in facts.blood_pressures) or facts.gaps
    assert not [score for score in facts.scores if score.positive]


def test_everything_of_a_chart_becomes_a_fact() -> None:
    weight = an_observation("29463-7", "vital-signs", valueQuantity={"value": 154, "code": "[lb_av]"})
    total = an_observation("44261-6", "survey", valueQuantity={"value": Decimal("17.5")})
    facts = read(*a_chart(an_allergy(), a_medication(), an_item_nine(3), a_pregnancy_status(), weight, total))
    assert facts.person is not None
    assert (facts.person.family, facts.person.gender) == ("Larsen", "male")
    assert [diagnosis.label for diagnosis in facts.diagnoses] == ["F33.2"]
    assert facts.allergies[0].ingredients == {"ketamine"}
    assert facts.medications[0].label == "sertraline 50 MG"
    assert {score.name: score.value for score in facts.scores} == {
        "phq9-item9": Decimal(3),
        "pregnancy-status": None,
        "phq9-total": Decimal("17.5"),
    }
    assert [str(w.kilograms.quantize(Decimal("0.1"))) for w in facts.weights] == ["69.9"]
    assert not facts.gaps
    assert len(facts.read) == 9


def test_an_item_of_a_panel_with_an_unknown_modifier_is_not_read() -> None:
    item = {"code": a_concept("44260-8", LOINC), "valueInteger": 2, "modifierExtension": [{"url": "urn:x"}]}
    facts = read(a_patient(), an_observation("44249-1", "survey", component=[item]))
    assert not facts.scores
    assert [gap.area for gap in facts.gaps] == [Area.SURVEY]


def test_a_printed_unit_is_flagged_in_a_panel_and_in_a_pair() -> None:
    printed = {"value": 120, "unit": "mmHg"}
    lower = {"value": 80, "unit": "mmHg"}
    pair = [a_single_pressure("8480-6", 120, valueQuantity=printed), a_single_pressure("8462-4", 80)]
    for readings in ([a_blood_pressure(printed, lower)], pair):
        (reading,) = read(*readings).blood_pressures
        assert reading.note == "unit printed, not coded"
        assert reading.problem is None


PEOPLE = [
    (
        {"name": [{"use": "old", "family": "Was"}, {"use": "usual", "family": "Is", "given": ["A", "B"]}]},
        "Is",
        "A B",
    ),
    ({"name": [{"use": "nickname", "text": "Addy"}]}, "Addy", ""),
    ({"name": [{"family": "Plain"}]}, "Plain", ""),
    ({"name": "Larsen"}, "", ""),
    ({"name": [{"family": 5, "given": "A"}]}, "", ""),
]


@pytest.mark.parametrize(("changes", "family", "given_names"), PEOPLE)
def test_names(changes: Json, family: str, given_names: str) -> None:
    person = read(a_patient(**changes)).person
    assert person is not None
    assert (person.family, person.given) == (family, given_names)


def test_the_medical_record_number_is_the_one_of_its_type() -> None:
    kind = {"coding": [{"code": "MR"}]}
    numbers = [{"value": "SSN-1"}, {"type": kind, "value": ""}, {"type": kind, "value": "TP-1"}]
    person = read(a_patient(identifier=numbers)).person
    assert person is not None
    assert person.mrn == "TP-1"


SCORES = [
    pytest.param({"valueInteger": 3}, Decimal(3), None, id="an integer"),
    pytest.param({"valueQuantity": {"value": 2}}, Decimal(2), None, id="a quantity"),
    pytest.param({"valueCodeableConcept": a_concept("LA6569-3", LOINC)}, Decimal(1), None, id="a LOINC answer"),
    pytest.param({"valueInteger": 4}, None, Area.SURVEY, id="over the scale"),
    pytest.param({"valueInteger": -1}, None, Area.SURVEY, id="below the scale"),
    pytest.param({"valueQuantity": {"value": Decimal("1.5")}}, None, Area.SURVEY, id="half a point"),
    pytest.param({"valueQuantity": {"value": 2, "comparator": ">"}}, None, Area.SURVEY, id="a comparator"),
    pytest.param({"valueString": "2"}, None, Area.SURVEY, id="a string"),
    pytest.param({"effectiveDateTime": "x", "valueInteger": 2}, Decimal(2), Area.SURVEY, id="an unreadable date"),
    pytest.param({"dataAbsentReason": {"text": "declined"}}, None, None, id="declined"),
    pytest.param({}, None, Area.SURVEY, id="nothing"),
]


@pytest.mark.parametrize(("changes", "value", "area"), SCORES)
def test_item_nine(changes: Json, value: Decimal | None, area: Area | None) -> None:
    facts = read(a_patient(), an_item_nine(**({"valueInteger": None} | changes)))
    assert [score.value for score in facts.scores] == ([] if value is None else [value])
    assert [gap.area for gap in facts.gaps] == ([] if area is None else [area])


@pytest.mark.parametrize(
    ("quantity", "weights"),
    [
        ({"value": 70, "code": "kg"}, 1),
        ({"value": 700, "code": "kg"}, 0),
        ({"value": 70}, 0),
        ({"value": 19, "code": "kg"}, 0),
    ],
    ids=["plausible", "too heavy", "no unit", "too light"],
)
def test_weights(quantity: Json, weights: int) -> None:
    assert len(read(an_observation("3141-9", "vital-signs", valueQuantity=quantity)).weights) == weights


def test_a_weight_of_a_day_ahead_is_listed_and_not_used() -> None:
    facts = read(
        an_observation("3141-9", "vital-signs", when="2027-01-01", valueQuantity={"value": 70, "code": "kg"})
    )
    assert not facts.weights
    assert [gap.listed_only for gap in facts.gaps if gap.reference.startswith("Observation")] == [True]


def test_an_observation_goes_with_its_category() -> None:
    areas = {"survey": Area.SURVEY, "laboratory": Area.LABORATORY, "social-history": Area.SOCIAL_HISTORY,
             "vital-signs": Area.BLOOD_PRESSURE, "imaging": Area.BLOOD_PRESSURE}  # fmt: skip
    for category, area in areas.items():
        (gap,) = read(a_patient(), an_observation("x", category, code=None)).gaps
        assert gap.area is area


def test_a_chart_without_a_patient_says_so() -> None:
    (gap,) = read().gaps
    assert (gap.area, gap.blocking) == (Area.PATIENT, True)


def test_gaps_quote_nothing_of_the_chart() -> None:
    secret = "Larsen-secret"
    facts = read(
        a_patient(birthDate=secret),
        a_condition(None, onset=secret, clinicalStatus={"text": secret}, verificationStatus=secret),
        a_blood_pressure(effectiveDateTime=secret),
        an_item_nine(valueInteger=None, valueString=secret),
        a_medication(authoredOn=secret),
        {secret: secret},
    )
    assert len(facts.gaps) >= 6
    assert not any(secret in gap.reason for gap in facts.gaps)


@pytest.mark.no_cover
def test_the_memory_of_ten_thousand_observations_is_bounded() -> None:
    bodies = [encode(a_blood_pressure(120, 80, when=days_ago(n % 80), id=f"bp-{n}")) for n in range(10_000)]
    resources = [decode(body) for body in bodies]
    tracemalloc.start()
    try:
        result = screened([a_patient(), a_condition(), *resources])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.status.value == "candidate"
    assert peak < 60 * 2**20


def test_versions_of_ten_thousand_entries_take_no_squared_time() -> None:
    resources = [
        a_blood_pressure(n, 80, id=f"bp-{k}", meta={"versionId": v})
        for v, n in (("1", 150), ("2", 120))
        for k in range(3_000)
    ]
    assert screened([a_patient(), a_condition(), *resources]).status.value == "candidate"


def test_a_whole_bundle_in_place_of_its_entries_is_not_overlooked() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": a_condition("F20.9")}]}
    assert screened([*a_chart(), json.loads(json.dumps(bundle))]).status.value == "insufficient-data"
