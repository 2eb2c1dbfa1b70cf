"""A screening as it is kept: what was read, what was found, who looked, and nothing without an audit record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from fhir_mappings.facts.clinical import Area
from fhir_mappings.facts.treatment import Clinician, Role
from smart_app.use_cases.records import Caller, FailedFetch
from smart_app.use_cases.screening.screen_patient import screen_patient
from smart_app.use_cases.site import Site
from tests.builders import (
    TODAY,
    a_blood_pressure,
    a_chart,
    a_condition,
    a_patient,
    an_allergy,
    an_observation,
    days_ago,
)
from tests.fakes import FakeWork
from tests.smart_app.use_cases.a_screened_patient import OneChart, Screened

NOW = datetime(TODAY.year, TODAY.month, TODAY.day, 14, 30, tzinfo=UTC)
BASE = "https://ehr.example/fhir"
DOCTOR = Clinician(reference=f"{BASE}/Practitioner/holm", name="Dr Holm", role=Role.PRESCRIBER)
CALLER = Caller(launch="l1", ehr="riverside", fhir_base=BASE, patient_id="ada", clinician=DOCTOR, may_write=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


SITE = Site(base_url="https://clinic.example", version="0.1.0")


async def kept(ehr: OneChart, work: FakeWork | None = None) -> Any:
    return await screen_patient(work or FakeWork(), lambda: NOW, CALLER, ehr, SITE)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_what_was_shown_is_kept_with_its_audit_record() -> None:
    work = FakeWork()
    screening = await kept(OneChart(*a_chart()), work)
    with work() as uow:
        assert uow.screenings.latest(CALLER.patient) == screening
        (record,) = uow.audit.of_patient(CALLER.patient)
    assert (record.action, record.outcome, record.actor) == (
        "clinician:chart:screen",
        AuditOutcome.SUCCESS,
        DOCTOR.reference,
    )
    assert set(screening.read) == set(record.entities)
    assert len(screening.read) == 3
    assert (screening.status, screening.by, screening.at) == ("candidate", DOCTOR, NOW)
    assert screening.result["looked_at"]


@pytest.mark.anyio
async def test_another_patient_s_record_in_an_answer_is_never_a_candidate_and_is_recorded() -> None:
    work, spoilt = (
        FakeWork(),
        FailedFetch(area=Area.CONDITION, reason="an entry of another patient was in the answer"),
    )
    screening = await kept(OneChart(*a_chart(), failures=(spoilt,), foreign=(Area.CONDITION,)), work)
    assert screening.status == "insufficient-data"
    with work() as uow:
        record = next(one for one in uow.audit.of_patient(CALLER.patient) if one.action == "app:chart:refuse")
    assert record.outcome is AuditOutcome.FAILED
    assert "another patient's record" in record.detail
    assert "conditions" in record.detail


@pytest.mark.anyio
async def test_a_refused_list_is_a_gap_and_never_a_candidate() -> None:
    refused = FailedFetch(area=Area.MEDICATION, reason="the EHR refused it (403)")
    screening = await kept(OneChart(*a_chart(), failures=(refused,), not_offered=("MedicationStatement",)))
    assert screening.status == "insufficient-data"
    assert screening.result["gaps"] == [{"reference": "medications", "reason": "the EHR refused it (403)"}]
    assert screening.result["not_offered"] == ["MedicationStatement"]


@pytest.mark.anyio
async def test_an_entry_of_somebody_else_is_never_read() -> None:
    screening = await kept(OneChart(*a_chart(a_condition("F20.0", subject={"reference": "Patient/eve"}))))
    assert screening.status == "insufficient-data"
    assert "ABS-SCZ" not in [f["rule"] for f in screening.result["findings"] if f["state"] == "met"]


@pytest.mark.anyio
async def test_the_indicating_conditions_are_named_for_the_care_plan() -> None:
    chart = a_chart(a_condition("F33.1", id="mdd"), a_condition("M25.561", id="knee"), without=["Condition"])
    screening = await kept(OneChart(*chart))
    assert screening.conditions == ("Condition/mdd",)


@pytest.mark.anyio
async def test_the_banner_says_who_it_is() -> None:
    identifier = {"type": {"coding": [{"code": "MR"}]}, "value": "RK-1"}
    home = {"use": "home", "line": ["1 Elm Street"], "city": "Springfield", "postalCode": "62701"}
    person = a_patient(
        name=[{"use": "official", "family": "Larsen", "given": ["Ada", "B"]}],
        identifier=[identifier],
        address=[{"use": "old", "text": "Elsewhere"}, home],
    )
    screening = await kept(OneChart(*a_chart(person, an_allergy("91936005", text="Penicillin"), without=["Patient"])))
    assert screening.person == {
        "family": "Larsen",
        "given": "Ada B",
        "birthDate": "1986-03-04",
        "gender": "male",
        "mrn": "RK-1",
        "address": "1 Elm Street, Springfield, 62701",
        "allergies": "Penicillin",
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("allergies", "failed", "words"),
    [
        pytest.param((), False, "No allergies recorded", id="none recorded"),
        pytest.param((), True, "Could not load allergies", id="list failed"),
        pytest.param(("Latex",), True, "Latex (not all could be read)", id="some, then failed"),
        pytest.param(("Latex", "Penicillin", "Latex"), False, "Latex, Penicillin", id="each once"),
    ],
)
async def test_allergies_are_never_blank(allergies: tuple[str, ...], failed: bool, words: str) -> None:
    failures = (FailedFetch(area=Area.ALLERGY, reason="failed (500)"),) if failed else ()
    found = [an_allergy("1", text=name) for name in allergies]
    assert (await kept(OneChart(*a_chart(*found), failures=failures))).person["allergies"] == words


@pytest.mark.anyio
async def test_no_known_allergy_is_shown_as_said() -> None:
    none = an_allergy("716186003", text="No known allergy")
    assert (await kept(OneChart(*a_chart(none)))).person["allergies"] == "No known allergy"


@pytest.mark.anyio
async def test_without_a_patient_the_banner_holds_no_name() -> None:
    failed = FailedFetch(area=Area.PATIENT, reason="the EHR failed (500)")
    screening = await kept(OneChart(*a_chart(without=["Patient"]), failures=(failed,)))
    assert screening.person == {"allergies": "No allergies recorded"}
    assert screening.status == "insufficient-data"


@pytest.mark.anyio
async def test_the_latest_weight_and_all_totals_are_offered_to_the_forms() -> None:
    def weight(kilograms: Any, day: int, **more: Any) -> Any:
        quantity = {"value": kilograms, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
        return an_observation("29463-7", "vital-signs", when=days_ago(day), valueQuantity=quantity, **more)

    totals = [an_observation("44261-6", "survey", when=days_ago(d), valueInteger=v) for d, v in ((5, 9), (30, 21))]
    item = an_observation("44260-8", "survey", when=days_ago(30), valueInteger=1)
    chart = a_chart(weight(80, 90), weight(82, 3, id="w"), *totals, item, a_blood_pressure())
    screening = await kept(OneChart(*chart))
    assert screening.weight == {"kg": "82", "date": days_ago(3), "reference": "Observation/w"}
    assert [(score["total"], score["item9"]) for score in screening.baseline_scores] == [(21, 1), (9, None)]


@pytest.mark.anyio
async def test_what_was_relied_on_is_kept_with_the_screening() -> None:
    chart = a_chart(an_allergy("91936005", text="Penicillin"))
    kept_result = (await kept(OneChart(*chart))).result["relied_on"]
    assert kept_result["allergies"] == ["Penicillin"]
    assert (kept_result["medications"], kept_result["unread"]) == ([], [])
    assert kept_result["pressure"]["text"].endswith("mmHg")
    assert kept_result["pressure"]["newer_unusable"] is False


@pytest.mark.anyio
async def test_a_part_that_failed_is_named_beside_what_was_relied_on() -> None:
    failed = (FailedFetch(area=Area.MEDICATION, reason="the EHR refused it (403)"),)
    rests_on = (await kept(OneChart(*a_chart(without=["Observation"]), failures=failed))).result["relied_on"]
    assert rests_on["unread"] == ["medications"]
    assert rests_on["pressure"] is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("written", "status"),
    [
        pytest.param("2026-11-24T00:30:00Z", "hold", id="just now, which UTC calls tomorrow"),
        pytest.param("2026-11-24T02:30:00Z", "candidate", id="still to come"),
        pytest.param("2026-11-24", "candidate", id="tomorrow, without a time"),
    ],
)
async def test_a_reading_just_taken_counts_whatever_day_utc_calls_it(written: str, status: str) -> None:
    evening = datetime(2026, 11, 23, 20, 0, tzinfo=timezone(timedelta(hours=-5)))
    readings = (a_blood_pressure(120, 80, when="2026-11-20"), a_blood_pressure(152, 104, when=written))
    chart = OneChart(*a_chart(*readings, without=["Observation"]))
    screening = await screen_patient(FakeWork(), lambda: evening, CALLER, chart, SITE)  # type: ignore[arg-type]
    assert screening.status == status


def test_what_is_new_is_told_by_finding_and_by_evidence() -> None:
    room = Screened()
    assert room.screen(a_condition("F20.9", id="scz")).result["new"] == []  # there is nothing to compare with
    room.later(days=1)
    assert "ABS-SCZ" not in room.screen(a_condition("F20.9", id="scz")).result["new"]
    room.later(days=1)
    more = room.screen(a_condition("F20.9", id="scz"), a_condition("F25.0", id="another"))
    assert "ABS-SCZ" in more.result["new"]
    room.later(minutes=1)
    assert "ABS-SCZ" in room.answer(ABS_IC="no").result["new"]  # compared with the screening before, not with itself
    room.later(days=1)
    assert "ABS-IC" in room.screen(a_condition("N30.10", id="ic")).result["new"]
