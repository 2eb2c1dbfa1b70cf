"""A desk before an EHR that serves one chart: real reading and real rules behind the pages."""

from __future__ import annotations

from dataclasses import replace

from fhir_mappings.facts.clinical import Area
from smart_app.use_cases.records import FailedFetch
from smart_app.use_cases.screening.screen_patient import screen_patient
from tests.builders import Json, a_chart, a_condition, a_medication, an_item_nine
from tests.smart_app.pages.desk import Desk
from tests.smart_app.use_cases.a_screened_patient import OneChart

# A contraindication, cautions, an alert, and a medicine that nobody knows; and an area that could not be read.
HARD = (
    a_condition("F20.9", id="scz", text="Schizophrenia, unspecified"),
    a_condition("I48.91", id="af", text="Atrial fibrillation"),
    an_item_nine(2),
    a_medication("36437", id="ssri"),
    a_medication(None, text="Nobodyknowsin 20 mg", id="statin"),
)
REFUSED = FailedFetch(area=Area.ALLERGY, reason="the EHR refused it (403)")


def with_chart(desk: Desk, *more: Json, failures: tuple[FailedFetch, ...] = ()) -> Desk:
    """The same desk; `more` stands in the chart beside a plain candidate's."""
    chart = OneChart(*a_chart(*more), failures=failures)
    desk.deps = replace(desk.deps, ehr_of=lambda _launch: chart, screen=screen_patient)  # type: ignore[arg-type, return-value]
    return desk
