"""What may be written: the registration with the EHR and the granted scopes must both allow it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launch.registry import Registration
from launch.scopes import Scopes
from smart_app.registration.granted import may_write, not_granted, surplus

BOTH = "patient/Procedure.crus patient/MedicationAdministration.cu"


def registered(*, write: bool = True, asked: str = BOTH) -> Registration:
    return Registration(
        name="demo",
        issuer="https://ehr.example/fhir",
        client_id="app",
        auth="public",
        scopes=Scopes.parse(asked),
        origins=frozenset({"https://ehr.example"}),
        tenant="demo",
        write=write,
    )


def test_both_allow_it() -> None:
    assert may_write(registered(write=True), BOTH)


@pytest.mark.parametrize(
    ("write", "scope"),
    [
        pytest.param(False, BOTH, id="registered to read only"),
        pytest.param(True, "patient/Procedure.c", id="no doses"),
        pytest.param(True, "patient/MedicationAdministration.c", id="no procedures"),
        pytest.param(True, "patient/*.rs", id="reading alone"),
        pytest.param(True, "", id="nothing granted"),
    ],
)
def test_one_of_them_is_not_enough(*, write: bool, scope: str) -> None:
    assert not may_write(registered(write=write), scope)


FORMS = "patient/QuestionnaireResponse.crus patient/AdverseEvent.crus patient/MedicationStatement.crus"


@pytest.mark.parametrize(
    ("scope", "left_out"),
    [
        ("patient/*.cruds", set()),
        (f"patient/CarePlan.crus patient/Observation.c patient/Provenance.crs {FORMS}", set()),
        (
            "patient/CarePlan.crus patient/Observation.c patient/Provenance.crs",
            {"QuestionnaireResponse", "AdverseEvent", "MedicationStatement"},
        ),
        (f"patient/CarePlan.write patient/Observation.write user/Provenance.write {FORMS}", set()),
        (f"patient/CarePlan.rs patient/Observation.c patient/Provenance.c {FORMS}", {"CarePlan"}),
        (f"patient/CarePlan.c patient/Observation.c patient/Provenance.c {FORMS}", {"CarePlan"}),
        (f"patient/CarePlan.cu patient/Observation.rs?category=vital-signs {FORMS}", {"Observation", "Provenance"}),
        (
            "",
            {"CarePlan", "Observation", "Provenance", "QuestionnaireResponse", "AdverseEvent", "MedicationStatement"},
        ),
    ],
)
def test_c38_what_the_scopes_leave_out_is_known_from_the_start(scope: str, left_out: set[str]) -> None:
    assert not_granted(registered(asked="patient/*.cruds"), scope) == left_out


def test_l14_what_was_granted_and_not_asked_for_is_told_and_not_used() -> None:
    narrow, granted = registered(asked="patient/Procedure.c patient/CarePlan.cu"), "launch vendor:x patient/*.cruds"
    assert not may_write(narrow, granted)
    assert not_granted(narrow, granted) == {
        "Observation",
        "Provenance",
        "QuestionnaireResponse",
        "AdverseEvent",
        "MedicationStatement",
    }
    assert surplus(narrow, granted) == "patient/*.cruds"
    assert surplus(registered(asked="patient/*.rs"), "user/Patient.rs") == "user/Patient.rs"


@pytest.mark.parametrize("granted", [BOTH, "launch openid patient/Procedure.c", "vendor:x", ""])
def test_l14_no_more_than_was_asked_is_no_surprise(granted: str) -> None:
    assert surplus(registered(), granted) == ""


def test_l14_what_version_1_cannot_leave_out_is_no_surprise() -> None:
    old = replace(registered(asked="patient/Procedure.cu"), scope_version="v1")
    assert surplus(old, "patient/Procedure.write") == ""
