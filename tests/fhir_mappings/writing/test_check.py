"""The gate: what the models let through is refused here, and a refusal names elements, never values."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings import wire
from fhir_mappings.writing.check import checked
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.session_bundle import session_resources
from tests.fhir_mappings.writing.a_session import INSTANCE, a_course, a_session

Json = dict[str, Any]


@pytest.fixture
def procedure() -> Json:
    return wire.decode(session_resources(a_session(), a_course(), INSTANCE)[0].body)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"subject": None}, "Procedure.subject"),
        ({"code": {"coding": [{"system": "urn:x", "code": None}]}}, "Procedure.code.coding[0].code"),
        ({"note": []}, "Procedure.note"),
        ({"code": {}}, "Procedure.code"),
        ({"code": {"text": " "}}, "Procedure.code.text"),
        ({"performed": "today"}, "Procedure.performed"),
        ({"performedString": "Ada's birthday"}, "Procedure"),
        ({"contained": [{"resourceType": "Patience"}]}, "Procedure"),
        ({"resourceType": "Patience"}, "Patience"),
        ({"recorder": {"reference": 7}}, "Procedure.recorder.reference"),
    ],
)
def test_what_is_not_r4_is_refused_by_its_path(procedure: Json, change: Json, fact: str) -> None:
    with pytest.raises(Unwritable) as refused:
        checked(procedure | change)
    assert refused.value.fact == fact
    assert "Ada" not in str(refused.value)


def test_what_is_r4_comes_back_untouched(procedure: Json) -> None:
    assert checked(procedure) is procedure
