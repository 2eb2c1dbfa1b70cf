"""Launch to screening, through the real app and the sandbox: every patient shows the status the table promises."""

from __future__ import annotations

from typing import Any

import pytest

from smart_app.sandbox.clinician import Clinician
from smart_app.sandbox.patients.table import PATIENTS

WORDS = {
    "contraindicated": "Contraindicated",
    "hold": "Not now",
    "no-indication": "No indication found",
    "insufficient-data": "Not enough data",
    "needs-review": "Needs review",
    "candidate": "No exclusion found",
}


@pytest.mark.anyio
@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.slug)
async def test_every_patient_is_screened_as_the_table_says(clinic: Any, patient: Any) -> None:
    async with Clinician(clinic.ehr_url, user="psychiatrist") as psychiatrist:
        page = await psychiatrist.launch(clinic.patient(patient.slug))
    assert page.status == 200, page.text
    assert page.url.startswith(f"{clinic.app_url}/l/")
    assert "?" not in page.url  # code and state have left the address
    verdict = page.text.partition("Decision support. You decide.")[0]
    assert WORDS[patient.expected] in verdict, page.text[:600]
