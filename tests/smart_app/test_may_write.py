"""Who may write: the registration with the EHR and the granted scopes must both allow it."""

from __future__ import annotations

import pytest

from launch.registry import Registration
from launch.scopes import Scopes
from smart_app.app import may_write, not_granted

BOTH = "patient/Procedure.crus patient/MedicationAdministration.cu"


def registered(*, write: bool) -> Registration:
    return Registration(
        name="demo",
        issuer="https://ehr.example/fhir",
        client_id="app",
        auth="public",
        scopes=Scopes.parse(BOTH),
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


@pytest.mark.parametrize(
    ("scope", "left_out"),
    [
        ("patient/*.cruds", set()),
        ("patient/CarePlan.crus patient/Observation.c patient/Provenance.crs", set()),
        ("patient/CarePlan.write patient/Observation.write user/Provenance.write", set()),
        ("patient/CarePlan.rs patient/Observation.c patient/Provenance.c", {"CarePlan"}),
        ("patient/CarePlan.c patient/Observation.c patient/Provenance.c", {"CarePlan"}),
        ("patient/CarePlan.cu patient/Observation.rs?category=vital-signs", {"Observation", "Provenance"}),
        ("", {"CarePlan", "Observation", "Provenance"}),
    ],
)
def test_what_the_scopes_leave_out_is_known_from_the_start(scope: str, left_out: set[str]) -> None:
    assert not_granted(scope) == left_out
