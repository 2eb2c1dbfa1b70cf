"""A registration file is believed only when every line of it can be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from launch.errors import RegistrationInvalid, UnknownIssuer
from launch.registration_keys import KEYS
from launch.registry import Registration, load_registry, read_registry
from tests.launch.an_ehr import ORIGIN, a_registration, a_registry, a_table

FILE = """
[ehr.north]
issuer = "https://north.example.org/fhir/"
client_id = "kp"
auth = "client_secret_basic"
scopes = ["openid", "patient/Patient.rs"]
scope_version = "v1"
smart_v1 = true
hosts = ["https://north.example.org", "https://login.example.org:8443"]
token_endpoint = "https://login.example.org:8443/token"
id_token_issuer = "https://login.example.org/"
frame_ancestors = ["https://frame.example.org"]
organization = "Organization/clinic-1"
tenant = "North Clinic"
write = false
[ehr.north.roles]
"http://snomed.info/sct|80584001" = "prescriber"

[ehr.south]
issuer = "https://south.example.org"
client_id = "kp-south"
auth = "public"
scopes = ["patient/*.rs"]
"""


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "ehr.toml").write_text(FILE)
    registry = load_registry(tmp_path / "ehr.toml")
    north, south = registry.named("north"), registry.find("https://south.example.org/")
    assert north.issuer == "https://north.example.org/fhir"
    assert north.origins == {"https://north.example.org", "https://login.example.org:8443"}
    assert north.roles == {"http://snomed.info/sct|80584001": "prescriber"}
    assert (north.tenant, north.write, north.scope_version) == ("North Clinic", False, "v1")
    assert north.id_token_issuer == "https://login.example.org/"  # to the letter: it is compared as a text
    assert (south.tenant, south.write, south.algorithm) == ("south", True, "ES384")
    assert south.origins == {"https://south.example.org"}
    assert south.frame_ancestors == ("https://south.example.org",)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"issuer": None}, "issuer is missing"),
    ({"issuer": "http://ehr.example.org/fhir"}, "issuer cannot be used: the address is not https"),
    ({"issuer": "http://localhost:8400/fhir"}, "issuer cannot be used: the address is not https"),
    ({"issuer": "https://ehr.example.org/fhir?x=1"}, "issuer cannot be used"),
    ({"issuer": "https://*/fhir"}, "issuer cannot be used"),
    ({"issuer": 7}, "issuer is not a plain text"),
    ({"client_id": None}, "client_id is missing"),
    ({"client_id": ""}, "client_id is not a plain text"),
    ({"client_id": " kp"}, "client_id is not a plain text"),
    ({"auth": None}, "auth is missing"),
    ({"auth": "client_secret_post"}, "auth is none of"),
    ({"algorithm": "RS256"}, "algorithm is none of"),
    ({"secret_file": "x"}, "secret_file is not read any more: take it out, run `ketamine-pathway keys secret demo`"),
    ({"scopes": None}, "scopes is missing or empty"),
    ({"scopes": "patient/Patient.rs"}, "scopes is not a list"),
    ({"scopes": ["patient/Patient.sr"]}, "scopes cannot be used"),
    ({"scopes": ["system/Patient.rs", "patient/Patient.rs"]}, "scopes holds system/"),
    ({"scopes": ["launch/Encounter"]}, "scopes cannot be used: not a SMART scope: launch/Encounter"),
    ({"scopes": ["launch/imagingstudy?role=a&role=b"]}, "scopes cannot be used"),
    ({"scope_version": "v3"}, "scope_version is none of"),
    ({"hosts": ["ehr.example.org"]}, "hosts cannot be used"),
    ({"hosts": ["https://ehr.example.org/path"]}, "hosts cannot be used"),
    ({"hosts": ["http://ehr.example.org"]}, "hosts cannot be used"),
    ({"frame_ancestors": ["*"]}, "frame_ancestors cannot be used"),
    ({"frame_ancestors": [1]}, "frame_ancestors is not a list"),
    ({"token_endpoint": "https://evil.test/token"}, "token_endpoint is on a host"),
    ({"jwks_uri": "https://evil.test/jwks"}, "jwks_uri is on a host"),
    ({"organization": "https://ehr.example.org/Organization/1"}, "organization is not a reference"),
    ({"roles": {"80584001": "prescriber"}}, "roles has a key"),
    ({"roles": {"a|b": 1}}, "roles is not a table"),
    ({"users": {"Patient/1": "nurse"}}, "users has a key"),
    ({"users": {"Practitioner/1": ""}}, "users is not a table"),
    ({"write": "yes"}, "write is neither"),
    ({"authorize_post": "no"}, "authorize_post is neither"),
    ({"requests_per_minute": 9}, "requests_per_minute is not a whole number"),
    ({"requests_per_minute": True}, "requests_per_minute is not a whole number"),
    ({"client_secret": "s3cret"}, "client_secret is not a key"),
    ({"scops": []}, "scops is not a key the app knows; did you mean scopes?"),
    ({"a\x1b[31mb": 1}, r"'a\x1b[31mb' is not a key"),
]


@pytest.mark.parametrize(("change", "complaint"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_wrong_line_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RegistrationInvalid) as caught:
        a_registry(**change)
    assert f"[ehr.demo] {complaint}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_every_problem_of_every_table_is_told_at_once() -> None:
    tables = {
        "north": a_table(auth="none", scopes=["patient/Patient.sr", "user/x"], hosts=["ftp://x", "http://y.example"]),
        "South": {},
        "west": a_table(issuer="https://west.example.org", write=1, token_endpoint="https://evil.test/"),
        "empty": {},
    }
    with pytest.raises(RegistrationInvalid) as caught:
        read_registry({"ehr": tables, "extra": 1})
    told = [line.split(";")[0] for line in str(caught.value).splitlines()]
    assert told == [
        "extra is not known",
        "[ehr.north] auth is none of private_key_jwt, client_secret_basic, public",
        "[ehr.north] scopes cannot be used: not a SMART scope: patient/Patient.sr",
        "[ehr.north] scopes cannot be used: not a SMART scope: user/x",
        "[ehr.north] hosts cannot be used: the address is not http or https",
        "[ehr.north] hosts cannot be used: the address is not https",
        "[ehr.South] is not a table named with lower-case letters, digits and hyphens",
        "[ehr.west] write is neither true nor false",
        "[ehr.west] token_endpoint is on a host that `hosts` does not list",
        "[ehr.empty] issuer is missing",
        "[ehr.empty] auth is missing",
        "[ehr.empty] client_id is missing",
        "[ehr.empty] scopes is missing or empty",
    ]


def test_a_complaint_says_what_the_key_takes() -> None:
    with pytest.raises(
        RegistrationInvalid, match=r"auth is missing; it takes private_key_jwt, client_secret_basic or"
    ):
        a_registry(auth=None)


def test_a_role_that_the_app_does_not_know_is_a_problem_and_not_no_role() -> None:
    table = a_table(roles={"s|1": "prescriber", "s|2": "presciber"}, users={"Practitioner/1": "Nurse"})
    with pytest.raises(RegistrationInvalid) as caught:
        read_registry({"ehr": {"demo": table}}, role_words=("prescriber", "nurse"))
    assert [line.split(";")[0] for line in str(caught.value).splitlines()] == [
        "[ehr.demo] roles gives s|2 a role that is none of prescriber, nurse",
        "[ehr.demo] users gives Practitioner/1 a role that is none of prescriber, nurse",
    ]


def test_the_keys_told_to_administrators_are_those_that_a_registration_has() -> None:
    held = {field.name for field in fields(Registration)} - {"name", "origins", "allow_loopback_http"} | {"hosts"}
    assert held == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_told_to_administrators_is_read(key: str) -> None:
    with pytest.raises(RegistrationInvalid) as caught:
        a_registry(**{key: object()})
    assert f"[ehr.demo] {key} is" in str(caught.value)
    assert "is not a key" not in str(caught.value)


@pytest.mark.parametrize("document", [{}, {"ehr": {}}, {"ehr": 1}, {"ehr": {"Bad Name": {}}}, {"ehr": {"x": 1}}])
def test_a_file_without_proper_tables_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(RegistrationInvalid):
        read_registry(document)


def test_two_tables_may_not_claim_one_issuer() -> None:
    tables = {"one": a_table(), "two": a_table(issuer="https://EHR.example.org:443/fhir/")}
    with pytest.raises(RegistrationInvalid, match=r"\[ehr.two\] issuer is that of \[ehr.one\] too"):
        read_registry({"ehr": tables})


@pytest.mark.parametrize("content", [None, "not toml ["])
def test_an_unreadable_file_is_refused(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "ehr.toml").write_text(content)
    with pytest.raises(RegistrationInvalid, match=r"ehr.toml cannot be read"):
        load_registry(tmp_path / "ehr.toml")


def test_the_demo_may_use_plain_http_on_this_machine() -> None:
    registration = a_registration(loopback=True, issuer="http://127.0.0.1:8400/fhir")
    assert registration.origins == {"http://127.0.0.1:8400"}
    with pytest.raises(RegistrationInvalid):
        a_registration(loopback=True, issuer="http://ehr.example.org/fhir")


def test_an_unknown_name_is_not_repeated() -> None:
    with pytest.raises(UnknownIssuer) as caught:
        a_registry().named("<script>")
    assert "script" not in str(caught.value)


def test_the_issuers_own_origin_is_the_only_one_by_default() -> None:
    assert a_registration().origins == {ORIGIN}
