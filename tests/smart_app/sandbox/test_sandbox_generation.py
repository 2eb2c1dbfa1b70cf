"""Patients of a sandbox that starts again must not be taken for those of the last time."""

from __future__ import annotations

from datetime import date

from smart_app.sandbox.charts import Charts
from smart_app.sandbox.store import ClinicalStore


def test_ids_follow_the_generation_the_sandbox_was_started_with() -> None:
    charts = Charts(ClinicalStore("http://ehr.test/fhir"), today=date(2026, 11, 23), generation=7)
    assert charts.of_slug("two-failed-trials").id == "ada-7"
    charts.reset()
    assert charts.of_slug("two-failed-trials").id == "ada-8"
