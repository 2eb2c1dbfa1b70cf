"""Observations of scales, pregnancy, weight and liver to facts: codes, panels, words, and what is a gap."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.facts.clinical import Area, PatientFacts
from fhir_mappings.reading.patient_facts import patient_facts
from smart_app.clinical.finding import State, Status
from tests.builders import (
    LOINC,
    PATIENTS,
    TODAY,
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_concept,
    a_liver_value,
    a_patient,
    a_pregnancy_status,
    a_score,
    a_weight,
    an_hcg,
    an_item_nine,
    an_observation,
    days_ago,
    finding,
    screened,
    units_per_litre,
)

ITEM_10 = "The thought of harming myself has occurred to me"


def read(*entries: Json) -> PatientFacts:
    return patient_facts([a_patient(), *entries], as_of=TODAY, patients=PATIENTS)


TOTALS = [
    pytest.param("44261-6", 27, "phq9-total", id="PHQ-9"),
    pytest.param("89204-2", 27, "phq9-total", id="PHQ-9 of adolescents"),
    pytest.param("55758-7", 6, "phq2-total", id="PHQ-2"),
    pytest.param("70274-6", 21, "gad7-total", id="GAD-7"),
    pytest.param("44249-1", 27, "phq9-total", id="the panel of PHQ-9 as its total"),
    pytest.param("55757-9", 6, "phq2-total", id="the panel of PHQ-2 as its total"),
    pytest.param("69737-5", 21, "gad7-total", id="the panel of GAD-7 as its total"),
    pytest.param("71354-5", 30, "epds-total", id="EPDS, older code"),
    pytest.param("99046-5", 30, "epds-total", id="the panel of EPDS as its total"),
]


@pytest.mark.parametrize(("code", "greatest", "name"), TOTALS)
def test_totals_within_their_scale(code: str, greatest: int, name: str) -> None:
    for value in (0, greatest):
        facts = read(a_score(code, value))
        assert [(score.name, score.value) for score in facts.scores] == [(name, Decimal(value))]
        assert not facts.gaps
    for value in (-1, greatest + 1):
        facts = read(a_score(code, value))
        assert not facts.scores
        assert [gap.area for gap in facts.gaps] == [Area.SURVEY]


@pytest.mark.parametrize("code", ["44249-1", "55757-9", "71354-5"])
def test_a_panel_without_a_value_of_its_own_is_no_total_and_no_gap(code: str) -> None:
    facts = read(
        an_observation("93373-9", "survey"),
        an_observation(code, "survey"),
        an_observation(code, "survey", valueString="see items"),
    )
    assert not facts.scores
    assert not facts.gaps


def test_totals_and_items_as_components_of_a_panel() -> None:
    parts = [
        a_component("44261-6", {"value": 14}),
        a_component("44260-8", None, valueCodeableConcept=a_concept("LA6569-3", LOINC)),
        a_component("44250-9", None, valueCodeableConcept=a_concept("LA6571-9", LOINC)),
    ]
    facts = read(an_observation("44249-1", "survey", component=parts))
    assert [(score.name, score.value) for score in facts.scores] == [("phq9-total", 14), ("phq9-item9", 1)]
    assert not facts.gaps


ANSWERS = [
    pytest.param({"valueCodeableConcept": a_concept("LA6570-1", LOINC)}, 2, id="by its LOINC answer"),
    pytest.param({"valueCodeableConcept": {"text": "Nearly every day"}}, 3, id="in the words of the form"),
    pytest.param({"valueCodeableConcept": {"text": "Not at all"}}, 0, id="not at all"),
    pytest.param({"valueCodeableConcept": {"text": "often"}}, None, id="in other words"),
    pytest.param({"valueCodeableConcept": {"coding": [{"code": "LA6568-5"}, {"code": "LA6571-9"}]}}, None,
                 id="two answers that contradict each other"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "value"), ANSWERS)
def test_answers_to_item_nine(answer: Json, value: int | None) -> None:
    facts = read(an_item_nine(valueInteger=None, **answer))
    assert [score.value for score in facts.scores] == ([] if value is None else [value])
    assert bool(facts.gaps) is (value is None)


def item_ten(text: str = ITEM_10, **changes: Any) -> Json:
    return an_observation("x", "survey", code={"text": text}, **changes)


ITEM_TENS = [
    pytest.param(item_ten(valueInteger=1), 1, id="in words alone"),
    pytest.param(item_ten("EPDS item 10", valueInteger=3), 3, id="by its number"),
    pytest.param(item_ten("Edinburgh Postnatal Depression Scale, question 10", valueQuantity={"value": 2}), 2,
                 id="by its number, in full"),
    pytest.param(item_ten(valueCodeableConcept={"text": "Hardly ever"}), 1, id="answered in words"),
    pytest.param(item_ten(valueCodeableConcept={"text": "Never"}), 0, id="never"),
    pytest.param(an_observation("1234-5", "survey", code=a_concept("1234-5", LOINC, ITEM_10), valueInteger=2), 2,
                 id="under a LOINC code the app does not know"),
    pytest.param(
        an_observation("99046-5", "survey", component=[{"code": {"text": ITEM_10}, "valueInteger": 1}]), 1,
        id="inside its panel",
    ),
    pytest.param(item_ten(valueInteger=4), None, id="over the scale"),
    pytest.param(item_ten(valueString="yes"), None, id="in words the form does not have"),
    pytest.param(item_ten(valueInteger=1, modifierExtension=[{"url": "urn:x"}]), None, id="with an unknown modifier"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "value"), ITEM_TENS)
def test_item_ten_of_epds_is_known_by_its_words(entry: Json, value: int | None) -> None:
    facts = read(entry)
    assert [(score.name, score.value) for score in facts.scores] == (
        [("epds-item10", value)] if value is not None else []
    )
    assert [gap.area for gap in facts.gaps] == ([] if value is not None else [Area.SURVEY])


def test_a_positive_item_ten_is_an_indication_and_an_alert_before_all_others() -> None:
    chart = a_chart(item_ten(valueInteger=1), a_blood_pressure(190, 90))
    result = screened(chart)
    assert [alert.rule for alert in result.alerts] == ["IND-SI", "URG-BP"]
    assert finding(result, "IND-SI").evidence[0].text == "EPDS item 10: 1"
    assert not screened(a_chart(item_ten(valueInteger=0))).alerts


ITEM_9 = a_component("44260-8", None, valueInteger=3)
PANELS_BY_COMPONENT = [
    pytest.param({"coding": [{"system": "urn:local", "code": "1234", "display": "PHQ-9"}]}, ITEM_9,
                 id="a local PHQ-9"),
    pytest.param(a_concept("69725-0", LOINC), ITEM_9, id="a LOINC panel the app does not know"),
    pytest.param({"coding": [{"system": "urn:local", "code": "99", "display": "C-SSRS screener"}]},
                 a_component("93247-5", None, valueBoolean=True), id="a local C-SSRS"),
    pytest.param({"text": "Intake form"}, {"code": {"text": "PHQ-9 question 9"}, "valueInteger": 3},
                 id="by its words"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "item"), PANELS_BY_COMPONENT)
def test_an_item_of_suicidality_is_found_in_any_panel(code: Json, item: Json) -> None:
    result = screened(a_chart(an_observation("x", "survey", code=code, component=[item])))
    assert [alert.rule for alert in result.alerts] == ["IND-SI"]
    assert finding(result, "IND-SI").state is State.MET
    assert not read(an_observation("x", "survey", code=code, component=[item])).gaps


def asked(text: str, **changes: Any) -> Json:
    return an_observation("x", "survey", code={"text": text}, **changes)


SUICIDALITY = [
    pytest.param(asked("PHQ-9 item 9 (suicidal ideation)", valueInteger=3), "phq9-item9", True, id="item 9"),
    pytest.param(asked("PHQ9 Q9", valueCodeableConcept={"text": "Not at all"}), "phq9-item9", False, id="not at all"),
    pytest.param(asked("Thoughts that you would be better off dead", valueString="Yes"), "self-harm", True,
                 id="item 9 answered with yes"),
    pytest.param(asked("Suicidal ideation", valueBoolean=True), "self-harm", True, id="a yes"),
    pytest.param(asked("Suicidal ideation", valueString="Denies"), "self-harm", False, id="denied"),
    pytest.param(asked("Self-harm", valueInteger=0), "self-harm", False, id="no points"),
    pytest.param(asked("C-SSRS", valueString="2"), "self-harm", True, id="points as a text"),
    pytest.param(asked("Suicide risk", valueCodeableConcept={"text": "Imminent risk"}), "self-harm", True,
                 id="a level of risk"),
    pytest.param(asked("Suicide risk", valueString="no high risk"), None, None, id="a level said both ways"),
    pytest.param(asked("Suicide risk", valueString="see note"), None, None, id="a note"),
    pytest.param(asked("Suicidal ideation"), None, None, id="nothing"),
    pytest.param(asked("Suicidal ideation", valueInteger=-1), None, None, id="less than nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "name", "positive"), SUICIDALITY)
def test_a_question_on_suicide_is_known_by_its_words(entry: Json, name: str | None, *, positive: bool | None) -> None:
    facts = read(entry)
    assert [(score.name, score.positive) for score in facts.scores] == ([(name, positive)] if name else [])
    assert [gap.area for gap in facts.gaps] == ([] if name else [Area.SURVEY])
    assert bool(screened(a_chart(entry)).alerts) is bool(positive)


@pytest.mark.parametrize("text", ["Family history of suicide", "Suicide prevention plan given"])
def test_suicide_of_others_and_its_prevention_are_of_no_interest(text: str) -> None:
    facts = read(asked(text, valueString="see note"))
    assert (facts.scores, facts.gaps) == ((), ())


def test_a_group_that_holds_the_questions_answers_none_itself() -> None:
    facts = read(asked("C-SSRS screener", hasMember=[{"reference": "Observation/1"}]))
    assert (facts.scores, facts.gaps) == ((), ())


RISKS = [
    *[({"valueString": f"{level} risk"}, True) for level in ("High", "moderate", "Imminent")],
    ({"valueCodeableConcept": {"text": "Positive"}}, True), ({"valueInteger": 4}, True),
    *[({"valueString": level}, False) for level in ("Low", "Low risk", "No risk", "Negative")],
    ({"valueInteger": 0}, False), ({"valueString": "see items"}, None), ({"valueString": "Low to moderate"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "positive"), RISKS, ids=str)
def test_the_level_of_risk_of_c_ssrs(value: Json, *, positive: bool | None) -> None:
    entry = an_observation("93373-9", "survey", **value)
    facts = read(entry)
    assert [score.positive for score in facts.scores] == ([] if positive is None else [positive])
    assert [gap.area for gap in facts.gaps] == ([] if positive is not None else [Area.SURVEY])
    result = screened(a_chart(entry))
    assert bool(result.alerts) is bool(positive)
    assert finding(result, "IND-SI").state is (State.NOT_MET if positive is False else State.NOT_ENOUGH_DATA)


STATUSES = [
    ("final", False), ("amended", False), ("corrected", False), ("preliminary", False), ("registered", False),
    ("unknown", True), ("done", True), ("", True), (None, True), (5, True),
]  # fmt: skip


@pytest.mark.parametrize(("status", "gap"), STATUSES, ids=str)
def test_a_status_that_is_unknown_is_a_gap_and_only_a_final_one_dates_a_result(status: Any, *, gap: bool) -> None:
    entries = {
        Area.SURVEY: a_score("44261-6", 12, status=status),
        Area.LABORATORY: a_liver_value(30, status=status),
        Area.OTHER: a_weight(70, status=status),
    }
    for area, entry in entries.items():
        facts = read(entry)
        (when,) = [fact.when for fact in (*facts.scores, *facts.labs, *facts.weights)]
        assert (when is not None) is (status in ("final", "amended", "corrected"))
        assert [each.area for each in facts.gaps] == ([area] if gap else [])


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_what_was_struck_out_is_listed(status: str) -> None:
    facts = read(a_score("70274-6", 3, status=status), a_liver_value(900, status=status), a_weight(status=status))
    assert (facts.scores, facts.labs, facts.weights, facts.gaps) == ((), (), (), ())
    assert {ignored.rule for ignored in facts.ignored} == {"DATA-EIE"}
    assert len(facts.ignored) == 3


def test_a_modifier_of_the_whole_is_never_passed_over() -> None:
    modifier = {"modifierExtension": [{"url": "urn:not"}]}
    for entry in (
        a_score("44261-6", 12, **modifier),
        a_liver_value(30, **modifier),
        a_weight(**modifier),
        a_liver_value(30, referenceRange=[{"high": units_per_litre(40)} | modifier]),
        a_liver_value({"value": 30, "code": "U/L"} | modifier),
        an_hcg("260415000", **modifier),
    ):
        assert read(entry).gaps


def test_a_pregnancy_status_that_says_unknown_is_neither_a_gap_nor_an_answer() -> None:
    facts = read(a_pregnancy_status("261665006"))
    assert [(score.positive, score.text) for score in facts.scores] == [(None, "unknown")]
    assert not facts.gaps
    assert read(a_pregnancy_status("999")).gaps


def test_a_liver_value_with_all_it_says() -> None:
    (lab,) = read(a_liver_value(units_per_litre(Decimal("31.50"), comparator=">"), upper=45, when=days_ago(3))).labs
    assert (lab.name, lab.value, lab.unit, lab.upper, lab.comparator) == ("alt", Decimal("31.50"), "U/L", 45, ">")
    (other,) = read(a_liver_value(code="1920-8", upper=None)).labs
    assert (other.name, other.upper, other.comparator) == ("ast", None, "")


@pytest.mark.parametrize("code", ["1742-6", "1743-4", "1744-2", "76625-3", "1920-8", "30239-8", "88112-8"])
def test_a_liver_value_by_any_of_its_methods(code: str) -> None:
    result = screened(a_chart(a_liver_value(900, code=code)))
    assert finding(result, "REV-HEP").state is State.MET


@pytest.mark.parametrize("code", ["21198-7", "19080-1"])
@pytest.mark.parametrize("unit", ["m[IU]/mL", "[IU]/L"])
@pytest.mark.parametrize(("value", "positive"), [(Decimal("4.9"), False), (5, True), (5000, True)])
def test_an_amount_of_hcg_is_a_pregnancy_test(code: str, unit: str, value: Any, *, positive: bool) -> None:
    entry = an_observation(code, "laboratory", valueQuantity={"value": value, "code": unit})
    assert [(score.name, score.positive) for score in read(entry).scores] == [("hcg", positive)]
    result = screened(a_chart(a_patient(gender="female"), entry, without=["Patient"]))
    assert (finding(result, "HOLD-PREG").state is State.MET) is positive


@pytest.mark.parametrize("unit", [{"code": "U/L"}, {"code": "[IU]/L"}, {"unit": "U/L"}, {"unit": "IU/L"}], ids=str)
def test_units_of_a_liver_value(unit: Json) -> None:
    assert [lab.value for lab in read(a_liver_value({"value": 30} | unit)).labs] == [30]


def test_a_value_that_was_not_measured_is_no_gap() -> None:
    reason = {"dataAbsentReason": {"text": "haemolysed"}, "valueQuantity": None}
    facts = read(a_liver_value(**reason), a_weight(**reason))
    assert (facts.labs, facts.weights, facts.gaps) == ((), (), ())


def test_a_result_of_a_day_ahead_is_listed_and_not_used() -> None:
    facts = read(a_liver_value(900, when=days_ago(-1)), a_score("44261-6", 3, when=days_ago(-1)))
    assert (facts.labs, facts.scores) == ((), ())
    assert [gap.listed_only for gap in facts.gaps] == [True, True]


def test_other_observations_stay_of_no_interest() -> None:
    others = [
        an_observation(code, "laboratory", valueQuantity={"value": 1}) for code in ("6768-6", "1975-2", "3016-3")
    ]
    result = screened(a_chart(*others, an_observation("44250-9", "survey", valueInteger=3)))
    assert result.status is Status.CANDIDATE
    assert finding(result, "REV-HEP").state is State.NOT_MET


@pytest.mark.parametrize("oid", ["urn:oid:2.16.840.1.113883.6.1", "2.16.840.1.113883.6.1"])
def test_codes_by_oid(oid: str) -> None:
    facts = read(
        a_score("x", 12) | {"code": {"coding": [{"system": oid, "code": "44261-6"}]}},
        a_liver_value(code="x") | {"code": {"coding": [{"system": oid, "code": "1742-6"}]}},
    )
    assert [score.name for score in facts.scores] == ["phq9-total"]
    assert [lab.name for lab in facts.labs] == ["alt"]
