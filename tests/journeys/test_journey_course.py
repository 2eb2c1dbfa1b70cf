"""A whole IV programme, page by page: six sessions to a completed CarePlan; and an app that is killed on the way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_app.sandbox.clinician import Clinician, LostError
from smart_app.sandbox.recording import PlannedSession, enrol, record_session
from tests.journeys.conftest import Clinic, eventually

pytestmark = pytest.mark.anyio
DAYS_AGO = (15, 12, 8, 5, 2, 0)
TYPES = ("Procedure", "MedicationAdministration", "Observation", "Provenance", "CarePlan")
READINGS = 13  # two before the dose and eleven after it, each of four vital signs
SCORES = 4  # of six_sessions


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic of its own: these journeys enrol, sign and kill."""
    made = Clinic(data=tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def six_sessions() -> list[PlannedSession]:
    """Six sessions within 14 to 21 days, the last one yesterday, so that no time lies in the future."""
    yesterday = datetime.now(UTC).astimezone().date() - timedelta(days=1)
    return [
        PlannedSession(day=yesterday - timedelta(days=ago), milligrams=Decimal("41.50"), minutes=40, phq9=score)
        for ago, score in zip(DAYS_AGO, (21, None, 15, None, 9, 4), strict=True)
    ]


def ours(clinic: Clinic, resource_type: str, patient: str) -> list[dict[str, Any]]:
    """What the chart holds that the app wrote."""
    found = clinic.chart(resource_type, patient)
    if resource_type == "Provenance":
        return [one for one in found if "/sid/" in str(one.get("meta", {}).get("tag", ""))]
    return [one for one in found if "/sid/" in str(one.get("identifier", ""))]


def scores(clinic: Clinic, patient: str) -> list[dict[str, Any]]:
    return [one for one in ours(clinic, "Observation", patient) if "/sid/score" in str(one["identifier"])]


def vital_signs(clinic: Clinic, patient: str) -> list[dict[str, Any]]:
    return [one for one in ours(clinic, "Observation", patient) if "/sid/reading" in str(one["identifier"])]


def identifiers(found: list[dict[str, Any]]) -> Counter[str]:
    return Counter(str(one.get("identifier") or one["meta"]["tag"]) for one in found)


def course_is_completed(clinic: Clinic, patient: str) -> bool:
    plans = ours(clinic, "CarePlan", patient)
    return [plan["status"] for plan in plans] == ["completed"]


async def test_six_sessions_lead_to_a_completed_care_plan(clinic: Clinic) -> None:
    patient, sessions = clinic.patient("five-sessions"), six_sessions()
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, sessions)
        for session in sessions:
            await record_session(doctor, root, session)
        await asyncio.to_thread(eventually, lambda: course_is_completed(clinic, patient))
        await asyncio.to_thread(eventually, lambda: len(scores(clinic, patient)) == SCORES)
        progress = await doctor.open(f"{root}/progress")
        written = await doctor.open(f"{root}/enrolment")
    assert "6 of 6 done" in progress.text
    assert "PHQ-9 21 → 4 (−81 %)" in progress.text, progress.text
    assert "waiting" not in written.text.lower().partition("written to the ehr")[2][:200]
    counts = {kind: len(ours(clinic, kind, patient)) for kind in TYPES}
    assert counts == {
        "Procedure": 6,
        "MedicationAdministration": 6,
        "Observation": 6 * READINGS * 4 + SCORES,
        "Provenance": 6 + SCORES,
        "CarePlan": 1,
    }
    (plan,) = ours(clinic, "CarePlan", patient)
    details = [activity["detail"]["status"] for activity in plan["activity"]]
    assert details == ["completed"] * 6
    outcomes = [activity["outcomeReference"][0]["reference"] for activity in plan["activity"]]
    procedures = {f"Procedure/{one['id']}": one for one in ours(clinic, "Procedure", patient)}
    assert sorted(outcomes) == sorted(procedures)
    for dose in ours(clinic, "MedicationAdministration", patient):
        assert Decimal(str(dose["dosage"]["dose"]["value"])) == Decimal("41.5")
        assert dose["partOf"][0]["reference"] in procedures
        assert dose["subject"]["reference"] == f"Patient/{patient}"
    for procedure in procedures.values():
        assert procedure["basedOn"][0]["reference"] == f"CarePlan/{plan['id']}"
        assert procedure["reasonReference"]


async def test_an_app_killed_after_sign_loses_nothing_and_doubles_nothing(clinic: Clinic) -> None:
    patient, sessions = clinic.patient("five-sessions"), six_sessions()[:4]
    chance = random.Random(20261123)  # noqa: S311  # moments of a test, not secrets
    acknowledged = 0
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, sessions)
        for session in sessions:
            await record_session(doctor, root, session)  # returns when Sign was answered
            acknowledged += 1
            await asyncio.sleep(chance.uniform(0, 0.8))
            await asyncio.to_thread(clinic.kill_app)
            await asyncio.to_thread(clinic.start_app)
        # The page and its cookie outlive the app: the same launch goes on.
        page = await doctor.open(f"{root}/session")
    assert page.status == 200
    await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == acknowledged)
    await asyncio.to_thread(eventually, lambda: len(scores(clinic, patient)) == SCORES // 2)
    for kind in TYPES:
        found = identifiers(ours(clinic, kind, patient))
        assert max(found.values()) == 1, f"{kind} was doubled"
    assert len(ours(clinic, "Procedure", patient)) == acknowledged
    assert len(ours(clinic, "MedicationAdministration", patient)) == acknowledged
    assert len(vital_signs(clinic, patient)) == acknowledged * READINGS * 4


def counted(clinic: Clinic, patient: str) -> int:
    plans = ours(clinic, "CarePlan", patient)
    return sum(a["detail"]["status"] == "completed" for plan in plans for a in plan["activity"])


async def test_an_ehr_that_loses_its_answers_gets_one_of_each(clinic: Clinic) -> None:
    """Every write is kept by the EHR, but for the first two of each kind its answer never arrives."""
    patient, (session, *_rest) = clinic.patient("five-sessions"), six_sessions()
    for method, path in (("POST", "^/fhir/CarePlan$"), ("POST", "^/fhir/?$"), ("PUT", "^/fhir/CarePlan/")):
        fault = {"match": {"method": method, "path_regex": path}, "action": "drop-after", "times": 2}
        clinic.control("POST", "faults", json=fault)
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, six_sessions())
        await record_session(doctor, root, session)
        await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == 1)
        for _ in range(60):
            page = await doctor.open(f"{root}/enrolment")
            if "waiting" not in page.text:
                break
            await asyncio.sleep(0.5)
    assert "waiting" not in page.text, page.text
    for kind in TYPES:
        assert max(identifiers(ours(clinic, kind, patient)).values()) == 1, f"{kind} was doubled"


async def test_signing_twice_at_once_signs_one_session(clinic: Clinic) -> None:
    patient, sessions = clinic.patient("five-sessions"), six_sessions()
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, sessions)
        twice = SignsTwice(doctor)
        await record_session(twice, root, sessions[0])  # type: ignore[arg-type]  # stands in for the clinician
        assert [page.status for page in twice.signed] == [200, 200]
        await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == 1)
    assert len(ours(clinic, "Procedure", patient)) == 1
    assert len(ours(clinic, "MedicationAdministration", patient)) == 1


class SignsTwice:
    """A clinician whose click on Sign arrives twice at the same moment."""

    def __init__(self, doctor: Clinician) -> None:
        self._doctor = doctor
        self.signed: list[Any] = []
        self.open = doctor.open

    async def submit(self, page: Any, form: str, *given: Any, **more: Any) -> Any:
        if not form.endswith("/sign"):
            return await self._doctor.submit(page, form, *given, **more)
        both = (self._doctor.submit(page, form, *given, **more) for _ in range(2))
        self.signed = list(await asyncio.gather(*both))
        return self.signed[0]


async def test_a_session_taken_back_is_marked_in_the_chart_and_the_course_reopens(clinic: Clinic) -> None:
    patient, (session, *_rest) = clinic.patient("five-sessions"), six_sessions()
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, six_sessions())
        await record_session(doctor, root, replace(session, nausea=True))
        await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == 1)
        await asyncio.to_thread(eventually, lambda: len(ours(clinic, "AdverseEvent", patient)) == 1)
        (nausea,) = ours(clinic, "AdverseEvent", patient)
        assert nausea["suspectEntity"][0]["instance"]["reference"].startswith("MedicationAdministration/")
        page = await doctor.open(f"{root}/session")
        record = await doctor.open(page.link("1"), on=page)
        page = await doctor.open(record.link("error"), on=record)
        form = next(form for form in page.forms if form.action.endswith("/error"))
        refused = await doctor.submit(page, form.action, {"reason": "short"})
        assert refused.status >= 400 or "Error" in refused.title
        page = await doctor.submit(page, form.action, {"reason": "Recorded for the wrong patient's day"})
        assert page.status == 200
        marked = {"entered-in-error"}
        await asyncio.to_thread(
            eventually, lambda: {one["status"] for one in ours(clinic, "Procedure", patient)} == marked
        )
        await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == 0)
    (nausea,) = ours(clinic, "AdverseEvent", patient)
    assert nausea["event"]["text"].startswith("Entered in error: ")
    for found in (ours(clinic, "MedicationAdministration", patient), vital_signs(clinic, patient)):
        assert {one["status"] for one in found} == marked
    assert {one["status"] for one in scores(clinic, patient)} <= {"final"}, "a score is taken back by itself"


async def test_an_ehr_that_takes_no_adverse_events_gets_the_rest_of_the_session(clinic: Clinic) -> None:
    clinic.control("PUT", "untaken", json=["AdverseEvent"])
    patient, (session, *_rest) = clinic.patient("five-sessions"), six_sessions()
    async with Clinician(clinic.ehr_url) as doctor:
        root = (await doctor.launch(patient)).url.rpartition("/")[0]
        await enrol(doctor, root, six_sessions())
        await record_session(doctor, root, replace(session, nausea=True))
        await asyncio.to_thread(eventually, lambda: counted(clinic, patient) == 1)
        progress = await doctor.open(f"{root}/progress")
    assert "Not supported by this EHR: kept in this app and in the session's note" in progress.text
    assert "1 not supported by this EHR." in progress.text
    assert ours(clinic, "AdverseEvent", patient) == []
    (procedure,) = ours(clinic, "Procedure", patient)
    assert "Nausea" in str(procedure["complication"])
    assert len(vital_signs(clinic, patient)) == READINGS * 4
    targets = {link["reference"] for one in ours(clinic, "Provenance", patient) for link in one["target"]}
    assert f"Procedure/{procedure['id']}" in targets
    assert not [one for one in targets if one.startswith(("urn:", "AdverseEvent/"))]


async def test_nothing_in_the_logs_names_a_patient_or_a_secret(clinic: Clinic) -> None:
    patient = clinic.patient("five-sessions")
    fault = {"match": {"method": "GET", "path_regex": "Condition"}, "action": "status:500", "times": 3}
    clinic.control("POST", "faults", json=fault)
    async with Clinician(clinic.ehr_url) as doctor:
        page = await doctor.launch(patient)
        root = page.url.rpartition("/")[0]
        with pytest.raises(LostError):
            await enrol(doctor, root, six_sessions())
    log = (clinic.data / "app.log").read_text("utf-8")
    for word in ("Whitfield", "Ben", patient, "RK-101", root.rpartition("/")[2], "code=", "state=", "Bearer"):
        assert word not in log, f"the log holds {word!r}"
