"""Medication entries to uses: what each type says of status, time, reason and origin, and what leaves a Gap."""

from typing import Any

import pytest

from fhir_mappings.codes.medicines import MedicineTable
from fhir_mappings.facts.clinical import Area, MedicationUse, PatientFacts, Resolution
from fhir_mappings.reading.patient_facts import patient_facts
from tests.builders import (
    ICD10CM,
    PATIENTS,
    RXNORM,
    SNOMED,
    TODAY,
    Json,
    a_concept,
    a_condition,
    a_medication,
    an_allergy,
    days_ago,
)

MG = {"value": 50, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
ONE_TABLET = {"timing": DAILY, "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}


def read(*resources: Json) -> PatientFacts:
    return patient_facts(resources, as_of=TODAY, patients=PATIENTS)


def the_use(*resources: Json) -> MedicationUse:
    """The use of the first medication entry; no entry may leave a gap."""
    facts = read(*resources)
    assert [gap.reason for gap in facts.gaps if gap.area is not Area.PATIENT] == []
    return facts.medications[0]


def the_gaps(*resources: Json) -> list[tuple[Area, str]]:
    return [(gap.area, gap.reason) for gap in read(*resources).gaps if gap.area is not Area.PATIENT]


def a_statement(**changes: Any) -> Json:
    return a_medication(**({"resourceType": "MedicationStatement", "intent": None, "authoredOn": None} | changes))


def a_dispense(**changes: Any) -> Json:
    values = {"resourceType": "MedicationDispense", "intent": None, "authoredOn": None, "status": "completed"}
    return a_medication(**(values | changes))


def a_supply(days: int, ago: int, **changes: Any) -> Json:
    return a_dispense(whenHandedOver=days_ago(ago), daysSupply={"value": days, "unit": "days"}, **changes)


def a_drug(code: Json | None = None, /, **changes: Any) -> Json:
    drug = {"resourceType": "Medication", "id": "m1", "code": code or a_concept("36437", RXNORM)} | changes
    return {name: value for name, value in drug.items() if value is not None}


def pointing(reference: str = "Medication/m1", **changes: Any) -> Json:
    given = {"medicationCodeableConcept": None, "medicationReference": {"reference": reference} | changes}
    return a_medication(**given)


# What it is


def test_a_coded_entry_is_read_whole() -> None:
    use = the_use(
        a_medication(
            "312941",
            text=None,
            meta={"versionId": "3"},
            dosageInstruction=[ONE_TABLET],
            reasonCode=[{"text": "Depression"}],
            statusReason={"text": "ineffective"},
        )
    )
    assert (use.ingredients, use.resolution, use.classes) == ({"sertraline"}, Resolution.PRODUCT, {"antidepressant"})
    assert (use.label, use.version, use.form) == ("sertraline 50 MG Oral Tablet", "3", "oral")
    assert [(name, str(amount)) for name, amount in use.daily_mg] == [("sertraline", "50")]
    assert (use.reasons, use.stopped_for) == (("Depression",), ("ineffective",))


def test_a_medicine_nobody_knows_is_listed_without_a_gap() -> None:
    use = the_use(a_medication("99999999", text="vendomycin 20 MG Oral Tablet"))
    assert (use.label, use.resolution, use.ingredients) == (
        "vendomycin 20 MG Oral Tablet",
        Resolution.NONE,
        frozenset(),
    )


@pytest.mark.parametrize(
    ("concept", "area"),
    [
        (a_concept("99999999", RXNORM), Area.OTHER),
        (a_concept("IMO0001", RXNORM), Area.MEDICATION),
        (a_concept("0409-2051", "http://hl7.org/fhir/sid/ndc"), Area.MEDICATION),
        ({"coding": [{"system": "urn:oid:2.16.840.1.113883.6.88", "code": "99999999"}]}, Area.OTHER),
    ],
)
def test_an_unknown_code_without_words_is_a_gap(concept: Json, area: Area) -> None:
    assert the_gaps(a_medication(medicationCodeableConcept=concept)) == [
        (area, "the code is not one the app knows, and there are no words")
    ]


def test_a_code_by_oid_is_known() -> None:
    concept = {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.88", "code": "8123"}]}
    use = the_use(a_medication(medicationCodeableConcept=concept))
    assert (use.label, use.classes) == ("phenelzine", {"antidepressant", "maoi"})


@pytest.mark.parametrize("concept", [{}, {"text": "  "}, {"coding": []}, {"coding": [{"display": "1"}]}])
def test_an_entry_that_names_no_medicine_is_a_gap(concept: Json) -> None:
    assert the_gaps(a_medication(medicationCodeableConcept=concept)) == [
        (Area.MEDICATION, "the entry does not say which medicine it is")
    ]


def test_a_referenced_medication() -> None:
    use = the_use(pointing(), a_drug(form={"text": "Oral tablet"}))
    assert (use.ingredients, use.form, use.text_only) == ({"sertraline"}, "oral", False)


@pytest.mark.parametrize(
    "reference", ["https://ehr.example/fhir/Medication/m1", "Medication/m1/_history/2", "urn:uuid:m1"]
)
def test_a_reference_of_any_shape(reference: str) -> None:
    assert the_use(pointing(reference), a_drug()).ingredients == {"sertraline"}


def test_a_contained_medication() -> None:
    entry = pointing("#m1") | {"contained": [a_drug()]}
    assert the_use(entry).ingredients == {"sertraline"}


def test_a_medication_that_lists_its_ingredients() -> None:
    half = {"numerator": MG | {"value": 25}, "denominator": {"value": 1, "unit": "tablet"}}
    items = [
        {"itemCodeableConcept": {"text": "Fluoxetine"}, "strength": half},
        {"itemReference": {"reference": "Medication/m2"}, "strength": half},
    ]
    drug = a_drug(code={"text": "House mixture"}, ingredient=items)
    other = a_drug(a_concept("61381", RXNORM), id="m2")
    use = the_use(pointing() | {"dosageInstruction": [ONE_TABLET]}, drug, other)
    assert (use.label, use.ingredients) == ("House mixture", {"fluoxetine", "olanzapine"})
    assert [(name, str(amount)) for name, amount in use.daily_mg] == [("fluoxetine", "25"), ("olanzapine", "25")]


def test_a_code_that_nobody_knows_hides_nothing_where_the_ingredients_are_listed() -> None:
    drug = a_drug(a_concept("99999999", RXNORM), ingredient=[{"itemCodeableConcept": {"text": "phenelzine"}}])
    assert the_use(pointing(), drug).ingredients == {"phenelzine"}


@pytest.mark.parametrize("item", [{}, {"itemReference": {"reference": "Medication/gone"}}, None, "phenelzine"])
def test_an_ingredient_that_cannot_be_read_is_a_gap(item: Any) -> None:
    drug = a_drug(ingredient=[{"itemCodeableConcept": {"text": "sertraline"}}, item])
    assert the_gaps(pointing(), drug) == [
        (Area.MEDICATION, "an ingredient of the Medication it points to could not be read")
    ]


def test_a_part_that_the_sites_table_could_not_name_asks_for_review() -> None:
    table = MedicineTable(release="x", ingredients={}, products={"1": ["a capsule", [[""], ["sertraline"]]]})
    facts = patient_facts([a_medication("1", text="a capsule")], as_of=TODAY, patients=PATIENTS, medicines=table)
    assert facts.medications[0].ingredients == {"sertraline"}
    assert (Area.OTHER, "a part of the product could not be named") in [(gap.area, gap.reason) for gap in facts.gaps]


def test_the_sites_table_counts_for_allergies_too() -> None:
    table = MedicineTable(release="x", ingredients={"1": "ketamine"}, products={})
    facts = patient_facts([an_allergy("1", text=None)], as_of=TODAY, patients=PATIENTS, medicines=table)
    assert facts.allergies[0].ingredients == {"ketamine"}


def test_a_reference_to_nothing_is_read_by_its_display() -> None:
    use = the_use(pointing("Medication/gone", display="Phenelzine 15 mg"))
    assert (use.ingredients, use.text_only, use.resolution) == ({"phenelzine"}, True, Resolution.TEXT)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ([pointing("Medication/gone")], "the entry does not say which medicine it is"),
        ([pointing("#gone")], "the entry does not say which medicine it is"),
        ([pointing(), a_drug(status="entered-in-error")], "the Medication it points to was entered in error"),
        (
            [pointing("#m1") | {"contained": [a_drug(modifierExtension=[{"url": "urn:x"}])]}],
            "the Medication it points to carries a modifier the app does not know",
        ),
    ],
)
def test_a_reference_that_cannot_be_relied_on_is_a_gap(resources: list[Json], reason: str) -> None:
    assert (Area.MEDICATION, reason) in the_gaps(*resources)


@pytest.mark.parametrize("drug", [[], [a_drug({"text": ""})]])
def test_a_reference_that_names_nothing_is_one_gap(drug: list[Json]) -> None:
    assert the_gaps(pointing(), *drug) == [(Area.MEDICATION, "the entry does not say which medicine it is")]


def test_ketamine_in_words_alone_is_ketamine() -> None:
    assert "ketamine" in the_use(a_medication(None, text="ketamine nasal spray, compounded")).ingredients


# Whether and when


@pytest.mark.parametrize(
    ("entry", "current", "ended_unknown"),
    [
        (a_statement(status="active"), True, False),
        (a_statement(status="intended"), True, False),
        (a_statement(status="unknown"), True, False),
        (a_statement(status="on-hold"), False, True),
        (a_statement(status="completed"), False, True),
        (a_statement(status="stopped"), False, True),
        (a_medication(status="active"), True, False),
        (a_medication(status="unknown"), True, False),
        (a_medication(status="on-hold"), False, True),
        (a_medication(status="completed"), False, True),
        (a_medication(status="stopped"), False, True),
        (a_dispense(status="preparation"), True, False),
        (a_dispense(status="in-progress"), True, False),
        (a_dispense(status="completed"), True, False),
        (a_dispense(status="stopped"), False, True),
        (a_dispense(status="on-hold"), False, True),
    ],
    ids=lambda value: f"{value['resourceType']} {value['status']}" if isinstance(value, dict) else "",
)
def test_the_status_says_whether_it_is_current(entry: Json, *, current: bool, ended_unknown: bool) -> None:
    use = the_use(entry)
    assert (use.current, use.ended_unknown) == (current, ended_unknown)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (a_statement(status="entered-in-error"), "entered in error"),
        (a_statement(status="not-taken"), "not taken"),
        (a_medication(status="cancelled"), "cancelled"),
        (a_medication(status="draft"), "draft"),
        (a_dispense(status="declined"), "declined"),
        (a_medication(doNotPerform=True), "an order not to give it"),
        (a_medication(intent="proposal"), "proposal, not an order"),
        (a_medication(intent="option"), "option, not an order"),
    ],
)
def test_what_was_not_taken_is_listed_and_not_used(entry: Json, reason: str) -> None:
    facts = read(entry)
    assert facts.medications == ()
    assert [(i.label, i.reason, i.rule) for i in facts.ignored] == [("sertraline 50 MG", reason, "DATA-EIE")]


@pytest.mark.parametrize(
    "intent", ["plan", "order", "original-order", "reflex-order", "filler-order", "instance-order"]
)
def test_orders_and_plans_are_read(intent: str) -> None:
    assert the_use(a_medication(intent=intent)).current


@pytest.mark.parametrize("status", [None, "", "Active", "taking", "draft ", 1])
def test_an_unknown_status_is_a_gap_and_counts_as_current(status: Any) -> None:
    entry = a_statement(status=status)
    assert the_gaps(entry) == [(Area.MEDICATION, "status is not a FHIR code")]
    assert read(entry).medications[0].current


def test_a_statement_has_its_period() -> None:
    use = the_use(a_statement(status="completed", effectivePeriod={"start": "2026-01-05", "end": "2026-03"}))
    assert use.start is not None
    assert use.end is not None
    assert (use.start.text, use.end.text, use.ended_unknown) == ("2026-01-05", "2026-03", False)


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        (
            {
                "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-05-01"}}}}],
                "dispenseRequest": {
                    "expectedSupplyDuration": {"value": 30, "code": "d"},
                    "validityPeriod": {"end": "2026-06-30"},
                },
            },
            "2026-01-10",
            "2026-05-01",
        ),
        ({}, "2026-01-10", None),
        ({"dispenseRequest": {"expectedSupplyDuration": {"value": 30, "code": "d"}}}, "2026-01-10", "2026-02-08"),
        (
            {
                "dispenseRequest": {
                    "expectedSupplyDuration": {"value": 30, "unit": "days"},
                    "numberOfRepeatsAllowed": 2,
                }
            },
            "2026-01-10",
            "2026-04-09",
        ),
        ({"dispenseRequest": {"expectedSupplyDuration": {"value": 30}}}, "2026-01-10", None),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-06-30"}}}, "2026-01-10", "2026-06-30"),
        (
            {
                "dosageInstruction": [
                    {"timing": {"repeat": {"boundsPeriod": {"start": "2026-02-01", "end": "2026-05-01"}}}}
                ]
            },
            "2026-02-01",
            "2026-05-01",
        ),
        ({"authoredOn": None, "dispenseRequest": {"validityPeriod": {"start": "2026-01-20"}}}, "2026-01-20", None),
    ],
)
def test_a_completed_request_reaches_as_far_as_its_supply(changes: Json, start: str, end: str | None) -> None:
    use = the_use(a_medication(**({"status": "completed", "authoredOn": "2026-01-10"} | changes)))
    assert (use.start and use.start.text, use.end and use.end.text) == (start, end)
    assert use.ended_unknown is (end is None)


def test_a_stopped_request_ended_on_no_known_day() -> None:
    supply = {"expectedSupplyDuration": {"value": 30, "code": "d"}}
    use = the_use(a_medication(status="stopped", authoredOn="2026-01-10", dispenseRequest=supply))
    assert (use.end, use.ended_unknown) == (None, True)


def test_an_active_request_is_current_though_its_supply_is_used_up() -> None:
    supply = {"expectedSupplyDuration": {"value": 30, "code": "d"}}
    use = the_use(a_medication(status="active", authoredOn="2026-01-10", dispenseRequest=supply))
    assert use.current
    assert use.end is not None
    assert use.end_of_supply


def test_the_bounds_of_a_dosage_are_no_end_of_a_supply() -> None:
    bounded = [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-05-01"}}}}]
    assert not the_use(a_medication(authoredOn="2026-01-10", dosageInstruction=bounded)).end_of_supply
    assert not the_use(a_medication(authoredOn="2026-01-10")).end_of_supply


@pytest.mark.parametrize(
    ("days", "ago", "current"), [(30, 29, True), (30, 30, False), (90, 60, True), (1, 0, True), (1, 1, False)]
)
def test_a_dispense_is_current_while_its_supply_lasts(days: int, ago: int, *, current: bool) -> None:
    use = the_use(a_supply(days, ago))
    assert use.end is not None
    assert (use.current, use.ended_unknown) == (current, False)


@pytest.mark.parametrize(("ago", "current"), [(90, True), (91, False)])
def test_a_dispense_without_a_supply_may_last_for_ninety_days(ago: int, *, current: bool) -> None:
    use = the_use(a_dispense(whenHandedOver=days_ago(ago)))
    assert (use.current, use.ended_unknown, use.end) == (current, not current, None)


def test_a_dispense_of_no_known_day_may_be_taken() -> None:
    assert the_use(a_dispense()).current


def test_a_planned_end_does_not_end_what_is_over() -> None:
    use = the_use(a_statement(status="stopped", effectivePeriod={"start": "2026-01-01", "end": "2027-01-01"}))
    assert (use.end, use.ended_unknown) == (None, True)


def test_a_period_that_ends_before_it_begins_has_no_end() -> None:
    use = the_use(a_statement(status="completed", effectivePeriod={"start": "2026-03-01", "end": "2026-01-01"}))
    assert (use.end, use.ended_unknown) == (None, True)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (a_medication(authoredOn="soon"), "authoredOn is not a date"),
        (a_statement(effectivePeriod={"end": "?"}), "effectivePeriod.end is not a date"),
        (a_statement(effectivePeriod="2026"), "effectivePeriod is not a period"),
        (a_dispense(whenHandedOver="x"), "whenHandedOver is not a date"),
        (a_medication(dosageInstruction="1 daily"), "a dosage could not be read"),
        (a_medication(dosageInstruction=[None]), "a dosage could not be read"),
        (
            a_medication(dosageInstruction=[{"modifierExtension": [{"url": "urn:x"}]}]),
            "a dosage carries a modifier the app does not know",
        ),
        (a_dispense(modifierExtension=[{"url": "urn:x"}]), "it carries a modifier the app does not know"),
        (a_dispense(subject={"reference": "Patient/other"}), "it belongs to another patient"),
    ],
)
def test_what_cannot_be_read_is_a_gap(entry: Json, reason: str) -> None:
    assert (Area.MEDICATION, reason) in the_gaps(entry)


# Why, and where from


def test_reasons_are_told_in_words() -> None:
    entry = a_statement(
        reasonCode=[{"coding": [{"system": "urn:x", "code": "G47.00"}]}, {"text": "Insomnia"}],
        reasonReference=[{"reference": "Condition/c1"}, {"display": "Pain"}, {"reference": "Condition/gone"}],
    )
    assert the_use(entry, a_condition(id="c1", text="Fibromyalgia")).reasons == (
        "G47.00",
        "Insomnia",
        "Fibromyalgia",
        "Pain",
    )


def test_an_entry_names_those_it_derives_from() -> None:
    statement = a_statement(
        derivedFrom=[{"reference": "MedicationRequest/r1"}, {"reference": "Observation/o1"}],
        basedOn=[{"reference": "https://ehr.example/fhir/MedicationRequest/r2/_history/1"}],
    )
    assert the_use(statement).derived_from == ("MedicationRequest/r1", "MedicationRequest/r2")
    dispense = a_dispense(authorizingPrescription=[{"reference": "MedicationRequest/r1"}])
    assert the_use(dispense).derived_from == ("MedicationRequest/r1",)


def test_what_somebody_reported_says_so() -> None:
    assert the_use(a_medication(reportedBoolean=True)).label == "sertraline 50 MG (reported)"


@pytest.mark.parametrize(
    ("concept", "route", "form"),
    [
        ("selegiline 6 MG/24HR patch", None, "transdermal"),
        ("doxepin 5 % Topical Cream", "oral", "topical"),
        ("buprenorphine 2 MG Sublingual Tablet", None, "sublingual"),
        ("ketamine 50 MG/ML Injection", None, "injection"),
        ("esketamine nasal spray", None, "nasal"),
        ("sertraline", "by mouth", "oral"),
        ("sertraline", None, ""),
    ],
)
def test_the_form(concept: str, route: str | None, form: str) -> None:
    dosage = [{"route": {"text": route}}] if route else None
    assert the_use(a_medication(None, text=concept, dosageInstruction=dosage)).form == form


def test_the_form_by_a_coded_route() -> None:
    route = {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}
    assert the_use(a_medication(text="sertraline", dosageInstruction=[{"route": route}])).form == "oral"


def test_reasons_without_words_are_all_their_codes() -> None:
    codings = [{"system": SNOMED, "code": "203082005"}, {"system": ICD10CM, "code": "M79.7"}]
    assert the_use(a_medication(reasonCode=[{"coding": codings}])).reasons == ("203082005", "M79.7")
