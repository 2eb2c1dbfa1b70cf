"""The seeded course goes through the real app's pages and ends up in the EHR's chart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smart_app.sandbox.course import DAYS_AGO, seed
from tests.journeys.conftest import Clinic, eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """The real app and the sandbox, for this test alone: it enrols a patient."""
    made = Clinic(data=tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def test_five_sessions_are_recorded_through_the_pages_and_reach_the_chart(clinic: Clinic) -> None:
    patient, today = clinic.patient("five-sessions"), datetime.now(UTC).date()
    assert await seed(clinic.ehr_url, clinic.app_url, patient, today) == "Course of five sessions recorded"
    eventually(lambda: len(clinic.chart("MedicationAdministration", patient)) == len(DAYS_AGO))
    procedures = clinic.chart("Procedure", patient)
    ages = [(today - datetime.fromisoformat(one["performedPeriod"]["start"]).date()).days for one in procedures]
    assert sorted(ages, reverse=True) == list(DAYS_AGO)
    assert {one["status"] for one in procedures} == {"completed"}
    (plan,) = eventually(lambda: clinic.chart("CarePlan", patient))
    assert plan["status"] == "active"
    again = await seed(clinic.ehr_url, clinic.app_url, patient, today)
    assert again.startswith("Course not recorded: no form")
