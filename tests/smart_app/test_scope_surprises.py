"""Forty ways in which EHRs write what they granted, and what the app may do by each: never more than was meant."""

from __future__ import annotations

import pytest

from fhir_mappings.facts.clinical import Area
from launch.scopes import Scopes
from smart_app.ehr.permission import barrier
from smart_app.registration.granted import may_write
from tests.smart_app.registration.test_advice import registered

ALL, PART, NO = "all", "a part", "nothing"
WRITING = "patient/Procedure.c patient/MedicationAdministration.c"
# granted, whether a session may be written, how much of the blood pressure may be read
GRANTED = [
    ("patient/*.cruds", True, ALL),
    ("patient/*.*", True, ALL),
    ("user/*.*", True, ALL),
    ("patient/*.rs", False, ALL),
    ("patient/*.read", False, ALL),
    ("patient/*.write", True, NO),
    ("patient/*.cud", True, NO),
    ("patient/*.r", False, NO),
    ("patient/*.s", False, ALL),
    ("patient/*.rs?category=laboratory", False, NO),
    ("patient/*.rs?category=vital-signs", False, ALL),
    (f"{WRITING} patient/Observation.rs", True, ALL),
    ("patient/Procedure.c patient/Procedure.r patient/MedicationAdministration.c", True, NO),
    ("patient/Procedure.write patient/MedicationAdministration.write", True, NO),
    ("patient/Procedure.* patient/MedicationAdministration.* patient/Observation.*", True, ALL),
    ("user/Procedure.c patient/MedicationAdministration.c", True, NO),
    ("system/Procedure.c system/MedicationAdministration.c", False, NO),
    ("system/*.cruds", False, NO),
    ("patient/Procedure.crus", False, NO),
    ("patient/MedicationAdministration.crus", False, NO),
    ("patient/Procedure.ru patient/MedicationAdministration.ru", False, NO),
    ("patient/Procedure.c?status=completed patient/MedicationAdministration.c", False, NO),
    ("patient/Observation.rs", False, ALL),
    ("patient/Observation.r patient/Observation.s", False, ALL),
    ("patient/Observation.read", False, ALL),
    ("patient/Observation.r", False, NO),
    ("patient/Observation.crus", False, ALL),
    ("patient/Observation.rs?category=vital-signs", False, ALL),
    (
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        False,
        ALL,
    ),
    ("patient/Observation.rs?category=laboratory", False, NO),
    ("patient/Observation.rs?status=final", False, PART),
    ("patient/Observation.rs?category=vital-signs&status=final", False, PART),
    ("patient/Condition.rs", False, NO),
    # From here on something breaks the grammar and grants nothing; what was meant is not known, so the EHR is asked.
    (f"patient/Observation.sr {WRITING}", True, ALL),
    ("patient/Observation.sr patient/Condition.rs", False, ALL),
    ("patient/Procedure.uc patient/MedicationAdministration.c", False, ALL),
    ("patient/Procedure.creates patient/MedicationAdministration.c", False, ALL),
    ("patient/Procedure patient/MedicationAdministration.c", False, ALL),
    ("Patient/Procedure.c Patient/MedicationAdministration.c", False, ALL),
    ("", False, ALL),
]


@pytest.mark.parametrize(("granted", "writes", "reads"), GRANTED)
def test_l14_what_was_granted_and_what_it_lets_the_app_do(granted: str, writes: bool, reads: str) -> None:
    assert may_write(registered(), granted) is writes
    barred = barrier(Scopes.parse(granted), Area.BLOOD_PRESSURE, "Observation", category="vital-signs")
    assert {None: ALL, True: NO, False: PART}[barred and barred.total] == reads


def test_l14_there_are_forty() -> None:
    assert len({granted for granted, _, _ in GRANTED}) == 40
