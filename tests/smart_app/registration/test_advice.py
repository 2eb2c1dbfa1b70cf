"""What a registration makes impossible is told before anybody meets it, and a good one is told nothing."""

from __future__ import annotations

from typing import Any

import pytest

from launch.registry import Registration
from smart_app.registration.advice import warnings_of
from tests.launch.an_ehr import a_registration

READ = ["Patient", "Condition", "MedicationRequest", "MedicationDispense", "Medication"]
READ += ["AllergyIntolerance", "PractitionerRole"]
WRITTEN = ["Observation.crus", "CarePlan.crus", "Procedure.crus", "MedicationAdministration.crus", "Provenance.crs"]
WRITTEN += ["QuestionnaireResponse.crus", "AdverseEvent.crus", "MedicationStatement.crus"]
GOOD = ["launch", "openid", "fhirUser", "offline_access"]
GOOD += [f"patient/{kind}.rs" for kind in READ] + [f"patient/{each}" for each in WRITTEN]


def registered(*, scopes: list[str] | None = None, without: tuple[str, ...] = (), **changes: Any) -> Registration:
    asked = [scope for scope in scopes or GOOD if not any(name in scope for name in without)]
    return a_registration(**{"scopes": asked, "roles": {"s|1": "prescriber"}} | changes)


def warned(**changes: Any) -> list[str]:
    return list(warnings_of(registered(**changes)))


def test_a_registration_that_has_all_it_needs_gets_no_warning() -> None:
    assert warned() == []


@pytest.mark.parametrize("write", ["patient/Procedure.*", "patient/Procedure.read", "patient/Procedure.write"])
def test_version_1_scopes_are_not_blamed_for_what_they_cannot_leave_out(write: str) -> None:
    others = [scope for scope in GOOD if "Procedure" not in scope]
    scopes = [*others, write, "patient/Procedure.read", "patient/Procedure.write", "patient/Provenance.write"]
    assert warned(scopes=scopes, scope_version="v1") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"auth": "public"}, "auth: a public client proves nothing"),
        ({"scopes": [*GOOD, "offline-access"]}, "scopes: the app has no use for offline-access"),
        ({"without": ("fhirUser",)}, "scopes: without openid and fhirUser"),
        ({"without": ("offline",)}, "scopes: without offline_access (or online_access) the session ends"),
        ({"scopes": [*GOOD, "user/Patient.rs"]}, "scopes: some EHRs refuse patient/ and user/ in one request"),
        ({"without": ("Condition",)}, "scopes: patient/Condition.s is missing. Diagnoses cannot be looked at"),
        ({"without": ("/Medication.",)}, "scopes: patient/Medication.r is missing"),
        ({"without": ("Provenance",)}, "scopes: patient/Provenance.crs is missing. The record of who"),
        (
            {"without": ("AdverseEvent",)},
            "scopes: patient/AdverseEvent.crus is missing. Adverse events reach the chart in the session's note",
        ),
        (
            {"without": ("QuestionnaireResponse",)},
            "scopes: patient/QuestionnaireResponse.crus is missing. The answers",
        ),
        ({"without": ("PractitionerRole",)}, "scopes: patient/PractitionerRole.rs is missing"),
        ({"without": ("Procedure",)}, "scopes: without patient/Procedure.c and patient/MedicationAdministration.c"),
        ({"scopes": [*GOOD, "patient/Condition.cruds"]}, "scopes: the app never uses patient/Condition.cud."),
        ({"scopes": [*GOOD, "patient/Encounter.rs"]}, "scopes: the app never uses patient/Encounter.rs."),
        ({"roles": None}, "roles: neither roles nor users"),
        ({"roles": {"s|1": "nurse"}}, "roles: nobody is a prescriber"),
    ],
)
def test_each_lack_is_told_once_and_alone(change: dict[str, Any], words: str) -> None:
    told = warned(**change)
    assert len(told) == 1, told
    assert told[0].startswith(words)


def test_a_filtered_scope_counts_as_a_part() -> None:
    scopes = [scope for scope in GOOD if "Allergy" not in scope] + [
        "patient/AllergyIntolerance.rs?category=medication"
    ]
    assert [told.split(":")[1][:40] for told in warned(scopes=scopes)] == [" only a part of AllergyIntolerance is as"]


def test_c25_wildcards_are_told() -> None:
    told = " ".join(warned(scopes=[*GOOD, "patient/*.rs"]))
    assert "a wildcard asks for more than the app uses" in told


def test_an_ehr_that_is_only_read_needs_no_writing() -> None:
    only_read = [scope for scope in GOOD if not any(each.split(".")[0] in scope for each in WRITTEN)]
    scopes = [*only_read, "patient/Observation.rs", "patient/MedicationStatement.rs"]
    assert warned(scopes=scopes, write=False, roles={"s|1": "nurse"}) == []


def test_named_users_need_no_role_of_the_ehr() -> None:
    assert warned(without=("PractitionerRole",), roles=None, users={"Practitioner/1": "prescriber"}) == []
