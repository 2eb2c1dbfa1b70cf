"""The EHR of a launch: what its granted scopes leave out is not asked for."""

from __future__ import annotations

from typing import cast

import pytest
import respx

from fhir_mappings.facts.clinical import Area
from launch.context import LaunchStore, TokenSet
from smart_app.ehr.of_launch import EhrsOfLaunches
from tests.smart_app.ehr.conftest import NOW
from tests.smart_app.ehr.scripted import BASE, Chartbook, told
from tests.smart_app.store.stored_records import a_launch, some_tokens
from tests.ways_out import a_way_out

pytestmark = pytest.mark.anyio


class Tokens:
    async def current(self, launch_id: str) -> TokenSet:  # noqa: ARG002
        return some_tokens()

    async def renewed(self, launch_id: str, *, stale: TokenSet) -> TokenSet:  # noqa: ARG002
        return stale


@pytest.mark.parametrize(
    ("scope", "reasons"),
    [
        ("launch patient/*.rs", set()),
        ("launch", set()),
        ("", set()),
        (
            "patient/Patient.rs patient/Observation.rs patient/Medication*.rs patient/MedicationRequest.rs",
            set(),
        ),
        (
            "patient/Patient.rs patient/Observation.rs patient/MedicationStatement.rs patient/MedicationDispense.rs"
            " patient/MedicationRequest.rs patient/Condition.rs",
            {
                (
                    Area.ALLERGY,
                    "the EHR did not allow this app to read allergies (scope patient/AllergyIntolerance.rs)",
                )
            },
        ),
    ],
    ids=["everything", "none named", "nothing said", "not readable", "one missing"],
)
async def test_the_scopes_of_the_launch_decide(
    ehr: respx.MockRouter, scope: str, reasons: set[tuple[Area, str]]
) -> None:
    book = Chartbook(ehr)
    ehrs = EhrsOfLaunches(cast(LaunchStore, None), Tokens(), lambda: NOW, lambda _ehr: a_way_out())
    try:
        chart = await ehrs.of_context(a_launch(fhir_base=BASE, patient="1", scope=scope)).chart("1")
    finally:
        await ehrs.aclose()
    assert told(chart) == reasons
    asked = {url.path.rpartition("/")[2] for url in book.asked}
    assert ("AllergyIntolerance" in asked) is not bool(reasons)
