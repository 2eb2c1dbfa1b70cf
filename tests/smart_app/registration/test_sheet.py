"""What an administrator enters at the EHR is what the app will use there, and the open part names nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from launch.registry import Registry
from launch.scopes import Scopes
from smart_app.registration.advice import warnings_of
from smart_app.registration.sheet import Here, public_sheet, sheet_of
from tests.launch.an_ehr import ISSUER
from tests.smart_app.registration.test_advice import registered

HERE = Here(base_url="https://app.example.org", version="0.1.0", contact="it@clinic.example")


def test_the_sheet_names_what_this_ehr_needs() -> None:
    sheet = sheet_of(HERE, registered(tenant="North Clinic", algorithm="RS384"))
    assert sheet["launchUrl"] == "https://app.example.org/launch"
    assert sheet["redirectUrl"] == "https://app.example.org/callback/demo"
    assert sheet["jwksUrl"] == "https://app.example.org/jwks/demo.json"
    assert (sheet["clientAuthentication"], sheet["signingAlgorithms"]) == (["private_key_jwt"], ["RS384"])
    assert (sheet["tenant"], sheet["clientId"], sheet["fhirBase"]) == ("North Clinic", "kp-client", ISSUER)
    assert (sheet["policyUrl"], sheet["contact"]) == ("https://app.example.org/policy", "it@clinic.example")


def test_an_ehr_with_a_secret_needs_no_keys() -> None:
    sheet = sheet_of(HERE, registered(auth="public"))
    assert (sheet["jwksUrl"], sheet["signingAlgorithms"]) == (None, [])


def test_both_versions_of_the_scopes_are_there_each_with_a_reason() -> None:
    scopes = sheet_of(HERE, registered(without=("offline",)))["scopes"]
    assert "patient/Observation.crus" in scopes["v2"].split()
    assert {"patient/Observation.read", "patient/Observation.write"} < set(scopes["v1"].split())
    assert [reason["scope"] for reason in scopes["reasons"]] == scopes["v2"].split()
    why = {reason["scope"]: reason["why"] for reason in scopes["reasons"]}
    assert why["patient/Condition.rs"] == "Read: diagnoses that speak for or against treatment."
    assert why["patient/Procedure.crus"] == "Written and read back: each session."
    assert why["patient/Observation.crus"].count("Read: ") == 1
    assert "Written and read back: blood pressure, pulse" in why["patient/Observation.crus"]


def test_a_scope_that_the_app_does_not_use_is_told() -> None:
    scopes = sheet_of(HERE, registered(scopes=["launch", "odd", "patient/Encounter.rs"]))["scopes"]
    unused = [reason["scope"] for reason in scopes["reasons"] if "makes no use of it" in reason["why"]]
    assert unused == ["odd", "patient/Encounter.rs"]


def test_c01_launch_and_redirect_addresses_are_whole_https_addresses_and_one_for_each_ehr() -> None:
    registry = Registry(by_name={name: replace(registered(), name=name) for name in ("north", "south")})
    sheets = [public_sheet(HERE, registry, name) or {} for name in registry.by_name]
    addresses = [sheet[key] for sheet in sheets for key in ("launchUrl", "redirectUrl", "jwksUrl")]
    assert len({sheet["redirectUrl"] for sheet in sheets}) == 2
    assert all(address.startswith("https://app.example.org/") and "*" not in address for address in addresses)


def test_c25_what_is_recommended_to_everybody_is_no_more_than_is_used() -> None:
    told = public_sheet(HERE, Registry(by_name={}), None)
    assert told is not None
    asked = registered(scopes=told["scopes"]["v2"].split())
    assert list(warnings_of(asked)) == []
    assert Scopes.parse(told["scopes"]["v2"]).as_text() == told["scopes"]["v2"]
    assert "*" not in told["scopes"]["v2"]


@pytest.mark.parametrize("ehr", [None, "demo"])
def test_the_open_part_tells_nothing_that_is_the_clinic_s_own(ehr: str | None) -> None:
    secret: dict[str, Any] = {"tenant": "North Clinic", "client_id": "client-7", "organization": "Organization/9"}
    registry = Registry(by_name={"demo": registered(**secret, users={"Practitioner/12": "prescriber"})})
    told = json.dumps(public_sheet(HERE, registry, ehr))
    for word in ("North Clinic", "client-7", "Organization/9", "Practitioner/12", "ehr.example.org", "s|1"):
        assert word not in told
    assert ("callback/demo" in told) is (ehr == "demo")


def test_an_ehr_that_nobody_knows_has_no_sheet() -> None:
    assert public_sheet(HERE, Registry(by_name={}), "demo") is None
