"""What a signed session says in the EHR: elements, links, refusals, and that the same facts give the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from fhir_mappings import wire
from fhir_mappings.facts.treatment import (
    Answer,
    Check,
    Drug,
    EarlyStop,
    EventOutcome,
    KetamineSession,
    Moment,
    Place,
    Route,
    SessionStatus,
    Severity,
    Weighing,
)
from fhir_mappings.writing.instance import Instance
from fhir_mappings.writing.session_bundle import Unwritable, WrittenResource, session_resources
from tests.fhir_mappings.writing.a_session import (
    DOCTOR,
    EHR,
    INSTANCE,
    NURSE,
    a_course,
    a_dose,
    a_dose_from_vials,
    a_full_session,
    a_missed_session,
    a_moment,
    a_reading,
    a_session,
    an_eventful_session,
    an_id,
    at,
)

Json = dict[str, Any]


def _write(session: KetamineSession) -> tuple[WrittenResource, ...]:
    return session_resources(session, a_course(), INSTANCE)


def _of(session: KetamineSession, kind: str) -> list[Json]:
    return [wire.decode(one.body) for one in _write(session) if one.resource_type == kind]


def _one(session: KetamineSession, kind: str) -> Json:
    (only,) = _of(session, kind)
    return only


def _urn(kind: str, value: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'https://app.example/sid/{kind}|{value}')}"


def test_a_session_is_written_in_the_order_it_travels() -> None:
    assert [(one.resource_type, one.label) for one in _write(a_session())] == [
        ("Procedure", "Session 3 of 6"),
        ("MedicationAdministration", "Ketamine dose 14:00"),
        ("Observation", "Blood pressure 13:50"),
        ("Observation", "Heart rate 13:50"),
        ("Observation", "Oxygen saturation 13:50"),
        ("Observation", "Respiratory rate 13:50"),
        ("Provenance", "Who recorded and signed"),
    ]


def test_each_resource_is_found_by_an_identifier_of_its_own() -> None:
    names = [(one.system, one.value) for one in _write(a_full_session())]
    assert len(set(names)) == len(names)
    assert names[0] == ("https://app.example/sid/session", an_id(1))
    assert names[1] == ("https://app.example/sid/dose", an_id(2))
    assert names[2] == ("https://app.example/sid/reading", f"{an_id(3)}-bp")
    provenance = _one(a_full_session(), "Provenance")
    assert provenance["meta"]["tag"] == [{"system": names[-1][0], "code": names[-1][1]}]
    assert "identifier" not in provenance


def test_the_same_facts_give_the_same_bytes() -> None:
    assert _write(a_full_session()) == _write(a_full_session())


def test_what_was_struck_out_before_the_first_sending_stands_in_the_note_alone() -> None:
    written = _write(a_full_session())
    assert an_id(5).encode() not in b" ".join(one.body for one in written)
    assert [one.resource_type for one in written if b"typed twice" in one.body] == ["Procedure"]


def test_links_among_ours_are_urns_and_links_to_the_ehr_are_absolute() -> None:
    session = a_full_session()
    procedure, dose = _one(session, "Procedure"), _one(session, "MedicationAdministration")
    assert procedure["subject"]["reference"] == f"{EHR}/Patient/p1"
    assert procedure["encounter"]["reference"] == dose["context"]["reference"] == f"{EHR}/Encounter/e1"
    assert procedure["reasonReference"] == dose["reasonReference"] == [{"reference": f"{EHR}/Condition/c1"}]
    assert procedure["basedOn"][0]["reference"] == _urn("programme", an_id(9))
    assert procedure["basedOn"][0]["identifier"] == {"system": "https://app.example/sid/programme", "value": an_id(9)}
    assert dose["partOf"][0]["reference"] == _urn("session", an_id(1))
    assert dose["supportingInformation"][0]["reference"] == _urn("reading", f"{an_id(3)}-bp")
    for observation in _of(session, "Observation"):
        assert observation["partOf"][0]["reference"] == _urn("session", an_id(1))
        assert observation["basedOn"][0]["reference"] == _urn("programme", an_id(9))
        assert observation["subject"]["reference"] == f"{EHR}/Patient/p1"


def test_provenance_targets_everything_that_was_written() -> None:
    written = _write(a_full_session())
    targets = [target["reference"] for target in wire.decode(written[-1].body)["target"]]
    assert targets == [f"urn:uuid:{uuid5(NAMESPACE_URL, f'{one.system}|{one.value}')}" for one in written[:-1]]


def test_c53_provenance_tells_author_enterer_signer_and_app_apart() -> None:
    provenance = _one(a_full_session(), "Provenance")
    agents = [
        (agent["type"]["coding"][0]["code"], agent["who"].get("reference", agent["who"]["display"]))
        for agent in provenance["agent"]
    ]
    assert agents == [
        ("author", DOCTOR.reference),
        ("enterer", NURSE.reference),
        ("attester", DOCTOR.reference),
        ("assembler", "ketamine-pathway 0.1.0"),
    ]
    assert provenance["recorded"] == provenance["signature"][0]["when"] == "2026-11-20T16:05:00-05:00"
    assert provenance["signature"][0]["who"]["display"] == "Dr Ada Okafor"
    assert provenance["entity"][0]["what"]["identifier"]["value"] == an_id(10)


@pytest.mark.parametrize(
    ("without", "left"),
    [
        ({"Observation"}, {"Procedure", "MedicationAdministration", "AdverseEvent", "Provenance"}),
        ({"Provenance"}, {"Procedure", "MedicationAdministration", "Observation", "AdverseEvent"}),
        ({"Observation", "Provenance", "CarePlan", "AdverseEvent"}, {"Procedure", "MedicationAdministration"}),
    ],
    ids=lambda types: " ".join(sorted(types)),
)
def test_what_the_ehr_does_not_let_be_written_is_left_out_and_nothing_points_to_it(
    without: set[str], left: set[str]
) -> None:
    written = session_resources(a_full_session(), a_course(), INSTANCE, without=frozenset(without))
    assert {one.resource_type for one in written} == left
    kept = {one.value for one in written}
    for one in written:
        if one.resource_type == "Provenance":
            targets = wire.decode(one.body)["target"]
            assert {target["identifier"]["value"] for target in targets} == kept - {one.value}


def test_a_course_that_was_not_screened_here_has_no_source() -> None:
    written = session_resources(a_session(), a_course(screening=None), INSTANCE)
    assert "entity" not in wire.decode(written[-1].body)


def test_without_a_named_organisation_provenance_does_not_claim_us_core() -> None:
    alone = replace(DOCTOR, organization=None)
    session = a_session()
    provenance = _one(replace(session, signature=replace(session.signature, by=alone)), "Provenance")
    assert "profile" not in provenance["meta"]
    assert "onBehalfOf" not in provenance["agent"][0]


@pytest.mark.parametrize(
    ("route", "procedure", "text", "administered"),
    [
        (Route.IV, "14152002", "Ketamine infusion, session 3 of 6", "47625008"),
        (Route.IM, "76601001", "Ketamine injection, session 3 of 6", "78421000"),
        (Route.IN, "18629005", "Intranasal ketamine, session 3 of 6", "46713006"),
        (Route.SL, "18629005", "Sublingual ketamine, session 3 of 6", "37839007"),
    ],
)
def test_route_decides_the_codes(route: Route, procedure: str, text: str, administered: str) -> None:
    session = a_session(route=route)
    code = _one(session, "Procedure")["code"]
    dose = _one(session, "MedicationAdministration")
    assert (code["coding"][0]["code"], code["text"]) == (procedure, text)
    assert _one(session, "Procedure")["category"]["coding"][0]["code"] == "24642003"
    assert dose["dosage"]["route"]["coding"][0]["code"] == administered
    assert dose["medicationCodeableConcept"]["coding"][0]["code"] == "6130"
    assert dose["medicationCodeableConcept"]["coding"][0]["system"] == "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.mark.parametrize(
    ("place", "setting"), [(Place.CLINIC, "outpatient"), (Place.HOME, "community")], ids=["clinic", "home"]
)
def test_place_decides_the_setting(place: Place, setting: str) -> None:
    session = a_session(place=place)
    assert _one(session, "MedicationAdministration")["category"]["coding"][0]["code"] == setting
    assert ("location" in _one(session, "Procedure")) is (place is Place.HOME)


def test_a_completed_dose_says_amount_time_and_rate() -> None:
    dose = _one(a_session(), "MedicationAdministration")
    assert dose["status"] == "completed"
    assert dose["effectivePeriod"] == {"start": "2026-11-20T14:00:00-05:00", "end": "2026-11-20T14:40:00-05:00"}
    assert str(dose["dosage"]["dose"]["value"]) == "41.0"
    assert dose["dosage"]["dose"]["code"] == "mg"
    rate = dose["dosage"]["rateRatio"]
    assert (str(rate["numerator"]["value"]), rate["denominator"]["value"]) == ("41.0", 40)
    assert rate["denominator"]["code"] == "min"


def test_a_dose_of_a_single_moment_has_neither_period_nor_rate() -> None:
    dose = _one(a_session(dose=a_dose(ended=None)), "MedicationAdministration")
    assert dose["effectiveDateTime"] == "2026-11-20T14:00:00-05:00"
    assert "effectivePeriod" not in dose
    assert "rateRatio" not in dose["dosage"]


def test_an_infusion_that_did_not_take_whole_minutes_is_not_rounded() -> None:
    odd = Moment(at=at(14, 40).replace(second=30), entered=at(14, 41))
    rate = _one(a_session(dose=a_dose(ended=odd)), "MedicationAdministration")["dosage"]["rateRatio"]
    assert (rate["denominator"]["value"], rate["denominator"]["code"]) == (2430, "s")


def test_a_stopped_session_says_why_and_how_far_it_came() -> None:
    session = a_full_session()
    procedure, dose = _one(session, "Procedure"), _one(session, "MedicationAdministration")
    assert (procedure["status"], dose["status"]) == ("stopped", "stopped")
    assert procedure["statusReason"]["text"] == dose["statusReason"][0]["text"] == "blood pressure rose"
    assert procedure["outcome"]["coding"][0]["code"] == "385670004"
    assert [one["text"] for one in procedure["complication"]] == ["Nausea", "Floating feeling"]
    assert procedure["complication"][0]["coding"][0]["code"] == "422587007"
    assert "coding" not in procedure["complication"][1]
    assert procedure["followUp"] == [{"text": "Written advice given"}]


def test_advice_that_was_not_given_is_no_follow_up() -> None:
    check = Check(key="advice", text="Written advice given", answer=Answer.NO, by=NURSE, at=at(16))
    procedure = _one(a_session(discharge=(check,)), "Procedure")
    assert "followUp" not in procedure
    assert "Written advice given: no" in procedure["note"][0]["text"]


def test_what_comes_after_the_session_is_its_follow_up() -> None:
    booked = Check(
        key="next", text="Next visit booked", answer=Answer.YES, by=NURSE, at=at(16), details=("date 26 Nov 2026",)
    )
    later = replace(booked, key="integration", text="Integration booked", details=("time 50 min", "T. Calm"))
    unbooked = replace(booked, answer=Answer.NO)
    procedure = _one(a_session(discharge=(booked,), therapy=(later,)), "Procedure")
    said = [each["text"] for each in procedure["followUp"]]
    assert said == ["Next visit booked; date 26 Nov 2026", "Integration booked; time 50 min; T. Calm"]
    assert "Integration booked: yes (time 50 min; T. Calm)" in procedure["note"][0]["text"]
    assert "followUp" not in _one(a_session(discharge=(unbooked,)), "Procedure")


def test_an_early_end_stands_in_the_note_with_who_took_over() -> None:
    stop = EarlyStop(
        at=at(14, 30),
        by=NURSE,
        cause="Blood pressure",
        words="186/112",
        disposition="Emergency transfer",
        destination="Riverside ED",
        handed_to="Dr Ward",
        handed_at=at(14, 50),
        told="Dr Dee",
    )
    session = a_session(status=SessionStatus.STOPPED, reason="Blood pressure: 186/112.", stop=stop)
    note = _one(session, "Procedure")["note"][0]["text"]
    for line in (
        f"- Ended: 14:30, recorded by {NURSE.name}",
        "- Because of: Blood pressure: 186/112",
        "- Disposition: Emergency transfer",
        "- Handed over to: Dr Ward, 14:50, Riverside ED",
        "- Told: Dr Dee",
    ):
        assert line in note.splitlines()


@pytest.mark.parametrize(
    ("session", "outcome"),
    [
        (a_session(), "385669000"),
        (a_session(dose=a_dose(completed=False)), "385670004"),
        (a_session(status=SessionStatus.STOPPED, reason="refused", dose=None), "385671000"),
    ],
    ids=["successful", "partially successful", "unsuccessful"],
)
def test_outcome_tells_how_the_procedure_was_carried_out(session: KetamineSession, outcome: str) -> None:
    assert _one(session, "Procedure")["outcome"]["coding"][0]["code"] == outcome


def test_a_missed_session_was_performed_at_no_time_by_nobody() -> None:
    session = a_missed_session()
    procedure = _one(session, "Procedure")
    assert procedure["status"] == "not-done"
    assert procedure["statusReason"] == {"text": "patient unwell"}
    assert not {"performedPeriod", "performer", "outcome"} & set(procedure)
    assert _of(session, "MedicationAdministration") == []
    assert "was planned for 20 Nov 2026 14:00" in procedure["note"][0]["text"]


def test_c53_everyone_who_took_part_is_named_once_with_what_they_did() -> None:
    performers = _one(a_session(), "Procedure")["performer"]
    assert [(one["function"]["coding"][0]["code"], one["actor"]["reference"]) for one in performers] == [
        ("administering", NURSE.reference),
        ("signing", DOCTOR.reference),
    ]
    assert all(one["onBehalfOf"]["reference"] == f"{EHR}/Organization/riverside" for one in performers)


@pytest.mark.parametrize(
    ("wasted", "function"), [(Decimal("8.90"), "witness"), (None, "verifier"), (Decimal(0), "verifier")]
)
def test_the_second_person_witnesses_waste_or_verifies_the_dose(wasted: Decimal | None, function: str) -> None:
    session = a_session(dose=a_dose(second_person="Cleo Marsh", wasted_mg=wasted))
    second = _one(session, "MedicationAdministration")["performer"][1]
    assert second["function"]["coding"][0]["code"] == function
    assert second["actor"] == {"display": "Cleo Marsh"}


def test_a_dose_out_of_vials_names_each_of_them_and_who_saw_the_waste_destroyed() -> None:
    session = a_session(dose=a_dose_from_vials())
    dose = _one(session, "MedicationAdministration")
    people = [(each["function"]["coding"][0]["code"], each["actor"]) for each in dose["performer"]]
    assert people[1:] == [
        ("verifier", {"display": "Tom Reyes"}),
        ("witness", {"reference": DOCTOR.reference, "display": DOCTOR.name}),
    ]
    products = [each["extension"] for each in dose["extension"] if each["url"].endswith("product-used")]
    assert [{part["url"]: part.get("valueString") for part in each}["lot"] for each in products] == ["KET-1", "KET-2"]
    drawn = [{part["url"]: part for part in each}["drawn"]["valueQuantity"] for each in products]
    assert [(str(each["value"]), each["code"]) for each in drawn] == [("30.00", "mg"), ("20.00", "mg")]
    assert sum(each["value"] for each in drawn) == Decimal("41.10") + Decimal("8.90")
    (waste,) = (each["extension"] for each in dose["extension"] if each["url"].endswith("dose-waste"))
    told = {part["url"]: next(value for name, value in part.items() if name != "url") for part in waste}
    assert told["witnessReference"] == {"reference": DOCTOR.reference}
    assert (told["witnessed"], told["method"]) == ("2026-11-20T15:00:00-05:00", "Into a charcoal pouch")
    codes = [(each["system"], each["code"]) for each in dose["medicationCodeableConcept"]["coding"]]
    assert codes[1:] == [("http://hl7.org/fhir/sid/ndc", "12345-678-90")]
    note = _one(session, "Procedure")["note"][0]["text"]
    assert "lot KET-2, expires 2027-03, 20.00 mg drawn" in note
    assert f"{DOCTOR.name}, signed in" in note
    assert "Tom Reyes, name typed" in note


def test_esketamine_is_never_written_as_ketamine() -> None:
    dose = _one(a_session(dose=a_dose(drug=Drug.ESKETAMINE)), "MedicationAdministration")
    assert [each["code"] for each in dose["medicationCodeableConcept"]["coding"]] == ["2119365"]
    assert "Esketamine" in dose["dosage"]["text"]
    assert dose["medicationCodeableConcept"]["text"].startswith("Esketamine")


def test_waste_product_and_dose_basis_keep_every_digit() -> None:
    dose = _one(a_full_session(), "MedicationAdministration")
    found = {
        part["url"]: str(part.get("valueQuantity", {}).get("value") or part.get("valueString") or part["valueDate"])
        for extension in dose["extension"]
        for part in extension["extension"]
    }
    assert found == {
        "planned": "45.10",
        "perKilogram": "0.50",
        "weight": "82.2",
        "weighedOn": "2026-11-19",
        "weightSource": "EHR, Observation/123",
        "concentration": "50",
        "volume": "0.822",
        "lot": "KET-1234",
        "expiry": "2027-03",
        "amount": "8.90",
        "witness": "Cleo Marsh",
    }


def test_the_reading_before_the_dose_is_the_last_one_that_has_a_blood_pressure() -> None:
    readings = (
        a_reading(3, measured=a_moment(13, 30)),
        a_reading(4, measured=a_moment(13, 50)),
        a_reading(5, measured=a_moment(13, 55), struck="wrong arm", struck_by=NURSE),
        a_reading(6, measured=a_moment(13, 57), systolic=None, diastolic=None),
        a_reading(7, measured=a_moment(14, 10)),
    )
    dose = _one(a_session(readings=readings), "MedicationAdministration")
    assert [one["identifier"]["value"] for one in dose["supportingInformation"]] == [f"{an_id(4)}-bp"]


def test_a_reading_says_when_it_was_measured_entered_and_by_whom() -> None:
    late = next(
        one for one in _of(a_full_session(), "Observation") if one["identifier"][0]["value"].startswith(an_id(4))
    )
    assert late["effectiveDateTime"] == "2026-11-20T14:10:00-05:00"
    assert late["issued"] == "2026-11-20T15:02:00-05:00"
    assert late["performer"] == [{"reference": NURSE.reference, "display": "Ben Iyer"}]
    assert "entered later, at 15:02" in late["note"][0]["text"]


def test_a_reading_taken_during_the_session_needs_no_note() -> None:
    reading = a_reading(3, measured=a_moment(14, 10), baseline=False)
    assert all("note" not in one for one in _of(a_session(readings=(reading,)), "Observation"))
    assert all(one["note"][0]["text"] == "Taken before the dose." for one in _of(a_session(), "Observation"))


def test_the_note_stands_alone() -> None:
    note = _one(a_full_session(), "Procedure")["note"][0]
    assert note["authorReference"]["reference"] == DOCTOR.reference
    for words in (
        "Ketamine infusion, session 3 of 6",
        "Stopped early: 20 Nov 2026 14:00 to 16:00, home",
        "blood pressure rose",
        "Pregnancy excluded: not applicable (not asked)",
        "Ketamine 41.10 mg, intravenous (planned 45.10 mg), 0.50 mg/kg for 82.2 kg",
        "Wasted: 8.90 mg",
        "Cleo Marsh",
        "14:10: blood pressure 131.50/76 mmHg",
        "sedation MOAA/S 4, dissociation 2 of 4",
        "blood pressure 118/not measured mmHg",
        "14:20 Nausea: mild (1 of 3), 20 min from the dose, action: ondansetron, resolved 14:50 after 30 min",
        "14:25 Floating feeling: moderate (2 of 3), 25 min from the dose, not resolved when signed",
        "14:30 Dr Ada Okafor: Calm, eyes closed",
        "Dose started 14:00: entered later, at 15:00",
        "Reading 14:10: entered later, at 15:02",
        "Signed by: Dr Ada Okafor, 20 Nov 2026 16:05:00 (UTC-05:00), authorship",
    ):
        assert words in note["text"]


def test_times_read_in_the_zone_of_the_session() -> None:
    utc = datetime.fromisoformat("2026-11-20T18:50:00+00:00")
    session = a_session(readings=(a_reading(3, measured=Moment(at=utc, entered=utc)),))
    assert _write(session)[2].label == "Blood pressure 13:50"
    assert _of(session, "Observation")[0]["effectiveDateTime"] == "2026-11-20T18:50:00+00:00"


def test_control_characters_of_typed_text_do_not_leave() -> None:
    procedure = _one(a_session(status=SessionStatus.STOPPED, reason="\x00 stopped\x0bhere \ud800"), "Procedure")
    assert procedure["statusReason"]["text"] == "stopped here"


NAIVE = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - the fault that is to be refused


@pytest.mark.parametrize(
    ("session", "fact"),
    [
        (a_session(dose=a_dose(given_mg=Decimal(0))), "dose.given_mg"),
        (a_session(dose=a_dose(given_mg=Decimal("NaN"))), "session.dose.given_mg"),
        (a_session(dose=a_dose(given_mg=41.0)), "session.dose.given_mg"),
        (a_session(dose=a_dose(wasted_mg=Decimal(-1))), "session.dose.wasted_mg"),
        (a_session(readings=(a_reading(3, systolic=Decimal("Infinity")),)), "session.readings[0].systolic"),
        (
            a_session(dose=a_dose(weighing=Weighing(kilograms=Decimal("sNaN"), day=at(9).date(), source=""))),
            "session.dose.weighing.kilograms",
        ),
        (a_session(started=NAIVE), "session.started"),
        (
            a_session(readings=(a_reading(3, measured=Moment(at=NAIVE, entered=at(14))),)),
            "session.readings[0].measured.at",
        ),
        (a_missed_session(started=NAIVE), "session.started"),
        (a_session(ended=at(16).replace(tzinfo=timezone(timedelta(minutes=53, seconds=28)))), "session.ended"),
        (a_session(ended=at(13)), "session.ended"),
        (a_session(dose=a_dose(ended=a_moment(13, 59))), "dose.ended"),
        (a_session(dose=None), "session.dose"),
        (a_missed_session(dose=a_dose()), "session.dose"),
        (a_session(route=Route.IM, dose=a_dose(route=Route.IV)), "session.dose.route"),
        (a_session(status=SessionStatus.IN_PROGRESS), "session.status"),
        (a_missed_session(reason=" "), "session.reason"),
        (a_session(status=SessionStatus.STOPPED), "session.reason"),
        (a_session(patient=f"{EHR}/Patient/p2"), "session.patient"),
        (a_session(course=an_id(8)), "session.course"),
        (a_session(encounter="Encounter/e1"), "session.encounter"),
        (a_session(conditions=(f"{EHR}/Observation/c1",)), "session.conditions"),
        (a_session(id="a|b"), "session.id"),
        (a_session(dose=a_dose(given_by=replace(NURSE, reference=f"{EHR}/Patient/p1"))), "session.performer"),
        (a_session(recorders=(replace(NURSE, reference="Practitioner/nurse"),)), "session.recorders"),
        (a_session(recorders=(replace(NURSE, organization="riverside"),)), "session.enterer.organization"),
    ],
)
def test_what_has_no_honest_form_is_refused_by_name(session: KetamineSession, fact: str) -> None:
    with pytest.raises(Unwritable) as refused:
        _write(session)
    assert refused.value.fact == fact


def test_a_patient_who_is_no_patient_is_refused() -> None:
    group = f"{EHR}/Group/p1"
    with pytest.raises(Unwritable) as refused:
        session_resources(a_session(patient=group), a_course(patient=group), INSTANCE)
    assert refused.value.fact == "session.patient"
    assert "Group" not in str(refused.value)


def test_a_refusal_quotes_nothing_of_the_patient() -> None:
    with pytest.raises(Unwritable) as refused:
        _write(a_session(encounter="Ada Okafor, ward 3"))
    assert "Ada" not in str(refused.value)


def test_an_empty_line_of_a_checklist_is_refused_by_the_gate() -> None:
    check = Check(key="advice", text=" ", answer=Answer.YES, by=NURSE, at=at(16))
    with pytest.raises(Unwritable) as refused:
        _write(a_session(discharge=(check,)))
    assert refused.value.fact.startswith("Procedure.followUp")


@pytest.mark.parametrize(
    "base", ["", "app.example", "https://app.example/", "https://app.example?x=1", "ftp://a.example"]
)
def test_an_instance_needs_an_address_that_identifiers_can_stand_under(base: str) -> None:
    with pytest.raises(Unwritable):
        Instance(base_url=base, version="0.1.0")


def test_an_instance_says_its_version() -> None:
    with pytest.raises(Unwritable):
        Instance(base_url="https://app.example", version=" ")


def test_a_rescue_medicine_is_an_administration_of_its_own_within_the_session() -> None:
    labetalol, oxygen = _of(an_eventful_session(), "MedicationAdministration")[1:]
    assert labetalol["medicationCodeableConcept"] == {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6185"}],
        "text": "Labetalol",
    }
    assert labetalol["partOf"][0]["type"] == "Procedure"
    assert str(labetalol["dosage"]["dose"]["value"]) == "10.0"
    assert labetalol["dosage"]["route"]["coding"][0]["code"] == "47625008"
    assert labetalol["note"][0]["text"] == "Effect at 14:45: 128/80."
    assert oxygen["dosage"]["rateQuantity"]["code"] == "L/min"
    assert "dose" not in oxygen["dosage"]
    assert "coding" not in oxygen["medicationCodeableConcept"]
    assert oxygen["note"][0]["text"] == "Given 14:36: entered later, at 15:00."
    void = replace(an_eventful_session(), status=SessionStatus.ENTERED_IN_ERROR, reason="wrong patient")
    assert {one["status"] for one in _of(void, "MedicationAdministration")} == {"entered-in-error"}


def test_the_note_tells_the_infusion_and_the_rescue_medicines() -> None:
    text = _one(an_eventful_session(), "Procedure")["note"][0]["text"]
    for words in (
        "Infusion:\n- 14:15",
        "rate 60.0 mL/h",
        "Ran: 35 min without its pauses",
        "Labetalol 10.0 mg, intravenous, for blood pressure. Effect at 14:45: 128/80.",
        "Oxygen 2 L/min, inhaled. No effect entered.",
    ):
        assert words in text


def test_the_mean_rate_leaves_the_pauses_out() -> None:
    dose = _of(an_eventful_session(), "MedicationAdministration")[0]
    assert dose["dosage"]["rateRatio"]["denominator"]["value"] == 35


def test_an_adverse_event_is_suspected_of_the_dose_and_found_by_its_tag() -> None:
    events = (
        replace(a_full_session().events[0], outcome=EventOutcome.RESOLVED, serious=False),
        replace(a_full_session().events[1], serious=True, severity=Severity.SEVERE),
    )
    nausea, other = _of(a_full_session(events=events), "AdverseEvent")
    assert nausea["identifier"] == {"system": "https://app.example/sid/event", "value": an_id(7)}
    assert nausea["meta"]["tag"] == [{"system": "https://app.example/sid/event", "code": an_id(7)}]
    assert nausea["event"]["coding"][0]["code"] == "422587007"
    assert (nausea["date"], nausea["actuality"]) == ("2026-11-20T14:20:00-05:00", "actual")
    assert nausea["suspectEntity"][0]["instance"]["type"] == "MedicationAdministration"
    assert [nausea[name]["coding"][0]["code"] for name in ("seriousness", "severity", "outcome")] == [
        "Non-serious",
        "mild",
        "resolved",
    ]
    assert "coding" not in other["event"]
    assert (other["seriousness"]["coding"][0]["code"], "outcome" in other) == ("Serious", False)


def test_what_was_not_said_of_an_event_is_not_written() -> None:
    (_, unsaid) = _of(a_full_session(), "AdverseEvent")
    assert not {"seriousness", "outcome"} & set(unsaid)
