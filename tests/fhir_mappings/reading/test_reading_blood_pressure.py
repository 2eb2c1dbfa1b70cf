"""Which readings are usable: units, statuses, pairs, standing and session readings (clinical content, 2.2 and 1b)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from smart_app.clinical.finding import Status
from tests.builders import (
    LOINC,
    PATIENT,
    SNOMED,
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_concept,
    a_ketamine_session,
    a_single_pressure,
    an_observation,
    days_ago,
    met_rules,
    mmhg,
    rules_with,
    screened,
    status_with,
)

NOON = f"{days_ago(0)}T12:00:00-06:00"


UNUSABLE = [
    pytest.param(a_blood_pressure(mmhg(120, code=None, unit=None), 80), id="unit missing"),
    pytest.param(a_blood_pressure(mmhg(120, code="cm[H2O]", unit="cmH2O"), 80), id="another unit"),
    pytest.param(a_blood_pressure(mmhg(120, system="urn:local"), 80), id="unit of another system"),
    pytest.param(a_blood_pressure(mmhg(120, comparator="<"), 80), id="comparator"),
    pytest.param(a_blood_pressure(mmhg("120"), 80), id="value is a text"),
    pytest.param(a_blood_pressure(mmhg(True), 80), id="value is a boolean"),
    pytest.param(a_blood_pressure(mmhg(None), 80), id="value missing"),
    pytest.param(a_blood_pressure(59, 40), id="systolic below 60"),
    pytest.param(a_blood_pressure(261, 80), id="systolic over 260"),
    pytest.param(a_blood_pressure(120, 29), id="diastolic below 30"),
    pytest.param(a_blood_pressure(None, 161), id="diastolic over 160"),
    pytest.param(a_blood_pressure(80, 80), id="diastolic equals systolic"),
    pytest.param(a_blood_pressure(80, 90), id="diastolic over systolic"),
    pytest.param(a_blood_pressure(-120, 80), id="negative"),
    pytest.param(a_blood_pressure(120, None), id="diastolic missing"),
    pytest.param(a_blood_pressure(None, 80), id="systolic missing"),
    pytest.param(a_blood_pressure(status="preliminary"), id="preliminary"),
    pytest.param(a_blood_pressure(status="registered"), id="registered"),
    pytest.param(a_blood_pressure(status="unknown"), id="status unknown"),
    pytest.param(a_blood_pressure(status=None), id="status missing"),
    pytest.param(a_blood_pressure(effectiveDateTime=None), id="time missing"),
    pytest.param(a_blood_pressure(when="2026-11"), id="a month that may lie ahead"),
    pytest.param(a_blood_pressure(when="2026"), id="only a year"),
    pytest.param(a_blood_pressure(modifierExtension=[{"url": "urn:x"}]), id="unknown modifier"),
    pytest.param(
        a_blood_pressure(component=[a_component("8480-6", mmhg(120)), a_component("8462-4", mmhg(80))] * 2),
        id="components given twice",
    ),
    pytest.param(
        a_blood_pressure(
            component=[
                a_component("8480-6", mmhg(120), modifierExtension=[{"url": "urn:x"}]),
                a_component("8462-4", mmhg(80)),
            ]
        ),
        id="a component with an unknown modifier",
    ),
    pytest.param(a_blood_pressure(component=None, valueString="130/85"), id="a string in the panel"),
    pytest.param(a_blood_pressure(component=None, valueQuantity=mmhg(130)), id="one value in the panel"),
    pytest.param(a_blood_pressure(component=None), id="nothing in the panel"),
    pytest.param(
        a_blood_pressure(
            component=[
                a_component("8480-6", None, dataAbsentReason=a_concept("masked", LOINC)),
                a_component("8462-4", mmhg(80)),
            ]
        ),
        id="systolic masked",
    ),
]


@pytest.mark.parametrize("reading", UNUSABLE)
def test_an_unusable_reading_is_missing_data_and_no_older_one_stands_in(reading: Json) -> None:
    older = a_blood_pressure(118, 76, when=days_ago(3))
    assert status_with(reading) is Status.INSUFFICIENT_DATA
    assert status_with(older, reading) is Status.INSUFFICIENT_DATA
    assert "MISS-BP" in rules_with(older, reading)


def test_an_unusable_reading_behind_a_later_good_one_does_no_harm() -> None:
    assert status_with(
        a_blood_pressure(mmhg(120, code=None, unit=None), 80, when=days_ago(2)), a_blood_pressure()
    ) is (Status.CANDIDATE)


def test_an_unusable_reading_of_the_same_day_blocks() -> None:
    """The damaged half of a day's mean could have been the failing one."""
    good = a_blood_pressure(120, 80, when=f"{days_ago(0)}T12:00:00-06:00")
    assert status_with(good, a_blood_pressure(mmhg(170, code=None, unit=None), 80)) is Status.INSUFFICIENT_DATA


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": "entered-in-error"}, id="entered in error"),
        pytest.param({"status": "cancelled"}, id="cancelled"),
    ],
)
def test_readings_in_error_are_dropped_not_unusable(changes: Json) -> None:
    result = screened(a_chart(a_blood_pressure(190, 125, **changes)))
    assert result.status is Status.CANDIDATE
    assert "DATA-EIE" in met_rules(result)


def test_a_reading_that_was_not_performed_is_absent() -> None:
    reason = {
        "dataAbsentReason": a_concept("not-performed", "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    }
    parts = [a_component(code, None, **reason) for code in ("8480-6", "8462-4")]
    assert status_with(a_blood_pressure(when=days_ago(1)), a_blood_pressure(component=parts)) is Status.CANDIDATE


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_statuses_count(status: str) -> None:
    assert status_with(a_blood_pressure(status=status)) is Status.CANDIDATE
    assert status_with(a_blood_pressure(140, status=status)) is Status.HOLD


@pytest.mark.parametrize(
    ("systolic", "diastolic", "expected"),
    [
        pytest.param("18.6", "10.6", Status.CANDIDATE, id="139.5 over 79.5"),
        pytest.param("18.665", "10.6", Status.CANDIDATE, id="just below 140"),
        pytest.param("18.666", "10.6", Status.HOLD, id="140.006 is not below"),
        pytest.param("16", "13.333", Status.HOLD, id="diastolic 100.006 is not below"),
    ],
)
def test_kilopascals_are_converted(systolic: str, diastolic: str, expected: Status) -> None:
    reading = a_blood_pressure(
        mmhg(Decimal(systolic), code="kPa", unit="kPa"), mmhg(Decimal(diastolic), code="kPa", unit="kPa")
    )
    assert status_with(reading) is expected


@pytest.mark.parametrize("unit", ["mmHg", "mm Hg ", "MMHG", "mm[Hg]"])
def test_a_printed_unit_without_a_code_is_accepted(unit: str) -> None:
    printed = mmhg(120, code=None, system=None, unit=unit), mmhg(80, code=None, system=None, unit=unit)
    assert status_with(a_blood_pressure(*printed)) is Status.CANDIDATE


def test_a_panel_under_another_code_is_known_by_its_components() -> None:
    assert status_with(a_blood_pressure(panel="55284-4")) is Status.CANDIDATE
    odd = a_blood_pressure(150, 95, code={"text": "Vitals set"}, category=None)
    assert status_with(odd) is Status.HOLD


def test_oid_codes_are_loinc() -> None:
    parts = [
        {"code": a_concept(code, "urn:oid:2.16.840.1.113883.6.1"), "valueQuantity": mmhg(value)}
        for code, value in (("8480-6", 150), ("8462-4", 80))
    ]
    assert status_with(a_blood_pressure(component=parts)) is Status.HOLD


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        pytest.param("12:05:00-06:00", Status.CANDIDATE, id="five minutes: one reading"),
        pytest.param("12:05:01-06:00", Status.INSUFFICIENT_DATA, id="over five minutes: two halves"),
        pytest.param("19:04:00+01:00", Status.CANDIDATE, id="four minutes, in another offset"),
    ],
)
def test_separate_observations_are_paired_by_time(apart: str, expected: Status) -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T{apart}")
    assert status_with(upper, lower) is expected
    assert status_with(lower, upper) is expected


def test_separate_observations_are_paired_by_encounter() -> None:
    visit = {"encounter": {"reference": "Encounter/1"}}
    upper = a_single_pressure("8480-6", 120, when=NOON, **visit)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T14:00:00-06:00", **visit)
    other = lower | {"encounter": {"reference": "Encounter/2"}}
    assert status_with(upper, lower) is Status.CANDIDATE
    assert status_with(upper, other) is Status.INSUFFICIENT_DATA


def test_separate_observations_with_a_date_alone_are_paired() -> None:
    upper, lower = (
        a_single_pressure(code, value, when=days_ago(1)) for code, value in (("8480-6", 120), ("8462-4", 80))
    )
    assert status_with(upper, lower) is Status.CANDIDATE
    assert status_with(upper, lower, a_single_pressure("8462-4", 80, effectiveDateTime=None)) is (
        Status.INSUFFICIENT_DATA
    )


def test_each_half_is_paired_once_and_with_the_nearest() -> None:
    upper = [a_single_pressure("8480-6", 120, when=f"{days_ago(0)}T12:0{minute}:00-06:00") for minute in (0, 3)]
    lower = [a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T12:0{minute}:00-06:00") for minute in (0, 4)]
    assert status_with(*upper, *lower) is Status.CANDIDATE
    assert status_with(*upper, lower[0]) is Status.INSUFFICIENT_DATA


def test_a_pair_must_be_plausible_together() -> None:
    upper, lower = a_single_pressure("8480-6", 90, when=NOON), a_single_pressure("8462-4", 95, when=NOON)
    assert status_with(upper, lower) is Status.INSUFFICIENT_DATA


def test_a_pair_with_an_unusable_half_is_unusable() -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON)
    lower = a_single_pressure("8462-4", 80, when=NOON, valueQuantity=mmhg(80, code=None, unit=None))
    assert status_with(a_blood_pressure(when=days_ago(2)), upper, lower) is Status.INSUFFICIENT_DATA


def test_a_standing_half_is_no_half_of_a_seated_pair() -> None:
    upper = a_single_pressure("8480-6", 120, when=NOON, method={"text": "standing"})
    lower = a_single_pressure("8462-4", 80, when=NOON)
    assert status_with(upper, lower) is Status.INSUFFICIENT_DATA


def test_a_pair_with_one_half_in_a_session_counts() -> None:
    visit = {"encounter": {"reference": "Encounter/1"}}
    upper = a_single_pressure("8480-6", 150, when=f"{days_ago(0)}T09:58:00-06:00", **visit)
    lower = a_single_pressure("8462-4", 80, when=f"{days_ago(0)}T10:01:00-06:00", **visit)
    session = a_ketamine_session(f"{days_ago(0)}T10:00:00-06:00", f"{days_ago(0)}T12:00:00-06:00")
    assert status_with(a_blood_pressure(when=days_ago(2)), upper, lower, session) is Status.HOLD


STANDING = [
    pytest.param({"component": [a_component("8460-8", mmhg(118)), a_component("8454-1", mmhg(76))]}, id="by codes"),
    pytest.param({"method": {"text": "Standing, left arm"}}, id="by method"),
    pytest.param(
        {
            "component": [
                a_component("8480-6", mmhg(118)),
                a_component("8462-4", mmhg(76)),
                {"code": a_concept("8361-8", LOINC), "valueCodeableConcept": {"text": "Standing"}},
            ]
        },
        id="by the body-position component",
    ),
    pytest.param(
        {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition",
                    "valueCodeableConcept": {"coding": [{"system": SNOMED, "display": "Orthostatic body position"}]},
                }
            ]
        },
        id="by the body-position extension",
    ),
]


@pytest.mark.parametrize("changes", STANDING)
def test_standing_readings_neither_clear_nor_hold(changes: Json) -> None:
    assert status_with(a_blood_pressure(118, 76, **changes)) is Status.INSUFFICIENT_DATA
    assert status_with(a_blood_pressure(when=days_ago(1)), a_blood_pressure(118, 76, **changes)) is Status.CANDIDATE


def positioned(*positions: Json, **changes: Any) -> Json:
    parts = [{"code": a_concept("8361-8", LOINC), "valueCodeableConcept": position} for position in positions]
    return {"component": [a_component("8480-6", mmhg(200)), a_component("8462-4", mmhg(90)), *parts]} | changes


NOT_SURELY_STANDING = [
    pytest.param({"method": {"text": "Orthostatic vitals, supine"}}, id="supine among orthostatic ones"),
    pytest.param({"method": {"text": "Automated, free-standing monitor"}}, id="a free-standing monitor"),
    pytest.param({"method": {"text": "Standing, left arm"}}, id="a method, which is no position"),
    pytest.param(positioned({"text": "Sitting (not standing)"}), id="not standing"),
    pytest.param(positioned({"text": "Non-standing"}), id="non-standing"),
    pytest.param(positioned({"text": "Outstanding"}), id="a part of a word"),
    pytest.param(positioned({"text": "Standing or sitting"}), id="either"),
    pytest.param(positioned({"text": "Long-standing hypertension"}), id="standing among other words"),
    pytest.param(positioned(a_concept("33586001", SNOMED, "Standing")), id="a code that says sitting"),
    pytest.param(positioned(a_concept("33586001", SNOMED), a_concept("10904000", SNOMED)), id="two codes"),
]


@pytest.mark.parametrize("changes", NOT_SURELY_STANDING)
def test_a_failing_reading_is_left_out_only_where_it_was_surely_taken_standing(changes: Json) -> None:
    found = rules_with(a_blood_pressure(when=days_ago(3)), a_blood_pressure(200, 90, **changes))
    assert {"HOLD-BP", "URG-BP"} <= found


@pytest.mark.parametrize(
    "position", [a_concept("10904000", SNOMED), {"text": "Standing"}, {"text": "Standing position"}], ids=str
)
def test_a_failing_reading_that_was_surely_taken_standing_is_left_out(position: Json) -> None:
    failing = a_blood_pressure(200, 90, **positioned(position, method={"text": "Automated"}))
    assert status_with(a_blood_pressure(when=days_ago(3)), failing) is Status.CANDIDATE


def test_a_passing_reading_taken_seated_among_orthostatic_ones_counts() -> None:
    assert status_with(a_blood_pressure(method={"text": "Orthostatic vitals, supine"})) is Status.CANDIDATE


def test_a_single_standing_systolic_is_left_out() -> None:
    assert status_with(a_blood_pressure(when=days_ago(1)), a_single_pressure("8460-8", 160)) is Status.CANDIDATE


DURING = f"{days_ago(0)}T10:30:00-06:00"
SESSION = a_ketamine_session(f"{days_ago(0)}T10:00:00-06:00", f"{days_ago(0)}T12:00:00-06:00", id="session-1")
PART = {"partOf": [{"reference": "Procedure/session-1"}]}


def with_session(reading: Json, session: Json = SESSION) -> Status:
    return status_with(a_blood_pressure(120, when=days_ago(1)), reading, session)


@pytest.mark.parametrize(
    "reading",
    [
        pytest.param(a_blood_pressure(165, when=DURING), id="within its time"),
        pytest.param(a_blood_pressure(165, when=f"{days_ago(0)}T16:00:00Z"), id="at its first second, in UTC"),
        pytest.param(a_blood_pressure(165, when=days_ago(0), **PART), id="part of it"),
        pytest.param(
            a_blood_pressure(
                165,
                identifier=[{"system": "https://ketamine-pathway.example/fhir/sid/reading", "value": "1"}],
            ),
            id="one of our own session readings",
        ),
    ],
)
def test_readings_inside_a_ketamine_session_are_left_out(reading: Json) -> None:
    assert with_session(reading) is Status.CANDIDATE


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(SESSION | {"code": {"text": "Cataract surgery"}}, id="no ketamine"),
        pytest.param(SESSION | {"status": "not-done"}, id="not done"),
        pytest.param(SESSION | {"status": "entered-in-error"}, id="entered in error"),
        pytest.param(SESSION | {"subject": {"reference": "Patient/other"}}, id="of another patient"),
        pytest.param(SESSION | {"subject": None}, id="of nobody"),
        pytest.param(
            SESSION | {"performedPeriod": {"start": "2020-01-01T00:00:00Z", "end": "2030-01-01T00:00:00Z"}},
            id="ten years long",
        ),
        pytest.param(SESSION | {"performedPeriod": {"start": "x", "end": []}}, id="at no readable time"),
        pytest.param(
            SESSION
            | {"performedPeriod": {"start": f"{days_ago(0)}T11:00:00-06:00", "end": f"{days_ago(0)}T09:00:00Z"}},
            id="ending before it starts",
        ),
    ],
)
def test_only_a_real_session_hides_a_reading(session: Json) -> None:
    assert with_session(a_blood_pressure(165, when=DURING), session) is Status.HOLD


def test_a_dose_of_ketamine_marks_its_session_too() -> None:
    dose = SESSION | {
        "resourceType": "MedicationAdministration",
        "code": None,
        "medicationCodeableConcept": {"text": "ketamine 50 mg/mL"},
        "partOf": [{"reference": "Procedure/visit"}],
        "performedPeriod": None,
        "effectivePeriod": SESSION["performedPeriod"],
    }
    assert with_session(a_blood_pressure(165, when=DURING), dose) is Status.CANDIDATE
    part = {"partOf": [{"reference": "Procedure/visit"}]}
    assert with_session(a_blood_pressure(165, when=days_ago(0), **part), dose) is Status.CANDIDATE


def at(clock: str) -> str:
    return f"{days_ago(0)}T{clock}:00-06:00"


VISIT = {"encounter": {"reference": "Encounter/k"}}
BEGUN = SESSION | {"performedPeriod": None, "performedDateTime": at("10:00")} | VISIT
DOSE = BEGUN | {
    "resourceType": "MedicationAdministration",
    "code": None,
    "medicationCodeableConcept": {"text": "ketamine 50 mg/mL"},
    "effectiveDateTime": at("10:00"),
    "context": VISIT["encounter"],
}


@pytest.mark.parametrize("session", [BEGUN, DOSE], ids=["Procedure", "MedicationAdministration"])
@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        pytest.param(a_blood_pressure(165, when=at("10:00"), **VISIT), Status.CANDIDATE, id="as it began"),
        pytest.param(a_blood_pressure(165, when=at("12:00"), **VISIT), Status.CANDIDATE, id="two hours on"),
        pytest.param(a_blood_pressure(165, when=at("12:01"), **VISIT), Status.HOLD, id="later in a long stay"),
        pytest.param(a_blood_pressure(165, when=at("09:59"), **VISIT), Status.HOLD, id="before it began"),
        pytest.param(a_blood_pressure(165, when=days_ago(0), **VISIT), Status.HOLD, id="at an unknown hour"),
        pytest.param(a_blood_pressure(165, when=at("10:30")), Status.HOLD, id="of no encounter"),
        pytest.param(a_blood_pressure(165, when=at("10:30"), encounter={"reference": "Encounter/1"}), Status.HOLD,
                     id="of another encounter"),
    ],
)  # fmt: skip
def test_the_encounter_of_a_session_hides_the_hours_after_its_start(
    reading: Json, session: Json, expected: Status
) -> None:
    assert with_session(reading, session) is expected


def test_a_session_that_says_its_end_hides_nothing_after_it() -> None:
    ended = SESSION | VISIT
    assert with_session(a_blood_pressure(165, when=at("12:01"), **VISIT), ended) is Status.HOLD


@pytest.mark.parametrize(
    ("name", "expected"), [("ketamine", Status.CANDIDATE), ("ondansetron", Status.HOLD)], ids=str
)
def test_a_dose_may_point_to_its_medicine(name: str, expected: Status) -> None:
    dose = DOSE | {"medicationCodeableConcept": None, "context": None, "effectiveDateTime": None}
    dose |= {"effectivePeriod": SESSION["performedPeriod"]}
    medicine = {"resourceType": "Medication", "id": "m", "code": {"text": name}}
    reading = a_blood_pressure(165, when=DURING)
    contained = dose | {"contained": [medicine], "medicationReference": {"reference": "#m"}}
    assert with_session(reading, contained) is expected
    pointing = dose | {"medicationReference": {"reference": "Medication/m"}}
    assert status_with(a_blood_pressure(when=days_ago(1)), reading, pointing, medicine) is expected


def test_a_blood_pressure_under_a_local_code_is_not_overlooked() -> None:
    local = {"coding": [{"system": "urn:lab", "code": "BP1"}], "text": "Blood pressure"}
    assert screened(a_chart(an_observation("x", "vital-signs", code=local, valueString="170/110"))).status is (
        Status.INSUFFICIENT_DATA
    )


def named(text: str, code: str | None = None, **changes: Any) -> Json:
    return an_observation("x", "vital-signs", code=a_concept(code, LOINC, text), **changes)


UNLISTED = [
    pytest.param(named("Blood pressure", "35094-2", valueString="170/105"), id="a text in the older panel"),
    pytest.param(named("Blood pressure, sitting position", "99999-9", valueString="170/105"), id="an unlisted code"),
    pytest.param(named("Systolic blood pressure mean 24 hour", "8490-5", valueQuantity=mmhg(130)), id="a day's mean"),
    pytest.param(named("BP", valueString="170/105", category=None), id="without a category"),
    pytest.param(named("Vitals", component=[{"code": {"text": "Systolic"}, "valueQuantity": mmhg(170)}]),
                 id="in the words of a component"),
    pytest.param(named("Blood pressure", "99999-9"), id="without a value"),
]  # fmt: skip


@pytest.mark.parametrize("entry", UNLISTED)
def test_no_newer_blood_pressure_is_passed_over(entry: Json) -> None:
    assert rules_with(a_blood_pressure(when=days_ago(3)), entry) >= {"MISS-BP"}
    assert status_with(a_blood_pressure(when=days_ago(3)), entry) is Status.INSUFFICIENT_DATA
    older = entry | {"effectiveDateTime": days_ago(300)}
    assert status_with(a_blood_pressure(), older) is Status.CANDIDATE


SNOMED_PARTS = [
    {"code": a_concept(code, SNOMED), "valueQuantity": mmhg(value)}
    for code, value in (("271649006", 170), ("271650006", 85))
]
READ_AS_WHAT_THEY_ARE = [
    pytest.param([a_blood_pressure(component=SNOMED_PARTS, panel="35094-2")], id="SNOMED CT in the older panel"),
    pytest.param(
        [a_blood_pressure(component=SNOMED_PARTS, code=a_concept("75367002", SNOMED))], id="SNOMED CT alone"
    ),
    pytest.param([a_blood_pressure(170, 85, panel="35094-2")], id="the older panel"),
    pytest.param([a_single_pressure("8479-8", 170)], id="systolic by palpation"),
]


@pytest.mark.parametrize("entries", READ_AS_WHAT_THEY_ARE)
def test_other_codes_of_blood_pressure(entries: list[Json]) -> None:
    assert "HOLD-BP" in rules_with(a_blood_pressure(when=days_ago(3)), *entries)


MEAN_IN_TWO_SYSTEMS = {
    "coding": [*a_concept("75367002", SNOMED)["coding"], *a_concept("8478-0", LOINC)["coding"]],
    "text": "Blood pressure",
}
NO_PRESSURES = [
    pytest.param(named("Mean blood pressure", "8478-0", valueQuantity=mmhg(120)), id="mean"),
    pytest.param(named("Blood pressure", "8478-0", valueQuantity=mmhg(120)), id="mean by its code alone"),
    pytest.param(an_observation("x", "vital-signs", code=MEAN_IN_TWO_SYSTEMS, valueQuantity=mmhg(120)),
                 id="mean, with a SNOMED CT code of pressure beside it"),
    pytest.param(named("Blood pressure cuff size", "8358-4", valueQuantity={"value": 30, "code": "cm"}), id="cuff"),
    pytest.param(named("BP device", "99999-9", valueString="Monitor 7120"), id="device"),
    pytest.param(named("BP location", valueString="left arm"), id="location"),
    pytest.param(named("Blood pressure method", "8357-6", valueCodeableConcept={"text": "cuff"}), id="method"),
    pytest.param(named("Systolic blood pressure goal", "99999-9", valueQuantity=mmhg(140)), id="goal"),
    pytest.param(named("Left ventricular end diastolic volume", "8821-1", category=None,
                       valueQuantity={"value": 140, "code": "mL"}), id="a volume of the heart"),
    pytest.param(named("History of high blood pressure", valueBoolean=True), id="a history"),
    pytest.param(named("Blood pressure", "99999-9", hasMember=[{"reference": "Observation/1"}]), id="a group"),
]  # fmt: skip


@pytest.mark.parametrize("entry", NO_PRESSURES)
def test_what_is_no_pressure_of_the_patient_does_no_harm(entry: Json) -> None:
    assert screened(a_chart(entry)).status is Status.CANDIDATE


def test_where_a_pressure_was_taken_is_no_pressure() -> None:
    local = {"coding": [{"system": "urn:flowsheet", "code": "301"}], "text": "BP location"}
    arm = an_observation("x", "vital-signs", code=local, valueCodeableConcept={"text": "left arm"})
    assert screened(a_chart(arm)).status is Status.CANDIDATE


def test_a_reading_of_a_version_of_the_patient_is_the_patients() -> None:
    reading = a_blood_pressure(150, subject={"reference": f"{PATIENT}/_history/3"})
    assert screened(a_chart(reading, without=["Observation"])).status is Status.HOLD


def test_a_reading_of_another_patient_is_refused() -> None:
    for subject in ({"reference": "Patient/other"}, {"display": "Ada"}, None, PATIENT):
        result = screened(a_chart(a_blood_pressure(when=days_ago(2), subject=subject)))
        assert result.status is Status.INSUFFICIENT_DATA


def test_the_same_reading_twice_is_one_reading() -> None:
    low, high = a_blood_pressure(120, when=NOON), a_blood_pressure(150)
    assert status_with(low, high) is Status.CANDIDATE
    assert status_with(low, high, high, high) is Status.CANDIDATE


def test_the_newest_version_of_a_reading_counts_and_a_conflict_blocks() -> None:
    versions = [a_blood_pressure(n, id="bp", meta={"versionId": v}) for n, v in ((150, "9"), (120, "10"))]
    assert status_with(*versions) is status_with(*reversed(versions)) is Status.CANDIDATE
    torn = [a_blood_pressure(n, id="bp", meta={"versionId": "1"}) for n in (150, 120)]
    assert status_with(*torn) is status_with(torn[1], torn[0], torn[1]) is Status.INSUFFICIENT_DATA
