"""No address is taken for another: neither an issuer's nor a token's destination."""

from __future__ import annotations

import pytest

from launch.addresses import AddressRefused, canonical_base, check_transport, parse_address, resolve, shown
from launch.bearer import under_base
from launch.errors import UnknownIssuer
from tests.launch.an_ehr import ISSUER, a_registry

BASE = "https://ehr.example.org/fhir"

SAME_ISSUER = [
    BASE,
    BASE + "/",
    "HTTPS://EHR.Example.ORG/fhir",
    "https://ehr.example.org:443/fhir",
]
OTHER_ISSUERS = [
    "",
    " ",
    "ehr.example.org/fhir",
    "http://ehr.example.org/fhir",
    "https://ehr.example.org:444/fhir",
    "https://ehr.example.org:0443/fhir",
    "https://ehr.example.org:99999/fhir",
    "https://ehr.example.org:/fhir",
    "https://ehr.example.org/FHIR",
    "https://ehr.example.org/fhir/r4",
    "https://ehr.example.org/fhir//",
    "https://ehr.example.org//fhir",
    "https://ehr.example.org",
    "https://ehr.example.org/",
    "https://ehr.example.org./fhir",
    "https://ehr.example.org.evil.test/fhir",
    "https://evil.test/https://ehr.example.org/fhir",
    "https://ehr.example.org@evil.test/fhir",
    "https://user:pw@ehr.example.org/fhir",
    "https://@ehr.example.org/fhir",
    "https://ehr.example.org\\@evil.test/fhir",
    "https:\\\\ehr.example.org\\fhir",
    "https:///ehr.example.org/fhir",
    "https:ehr.example.org/fhir",
    "//ehr.example.org/fhir",
    "https://ehr.example.org/fhir?x=1",
    "https://ehr.example.org/fhir?",
    "https://ehr.example.org/fhir#x",
    "https://ehr.example.org/fhir#",
    "https://ehr.example.org/x/../fhir",
    "https://ehr.example.org/./fhir",
    "https://ehr.example.org/fhir/.",
    "https://ehr.example.org/x/%2e%2e/fhir",
    "https://ehr.example.org/x/%2E./fhir",
    "https://ehr.example.org/..;a=b/fhir",
    "https://ehr.example.org%2ffhir",
    "https://ehr.example.org/%2ffhir",
    "https://ehr.example.org/fhir%00",
    "https://ehr.example.org/fhir\r\nHost: evil.test",
    "https://ehr.example.org/fhir\n",
    "\thttps://ehr.example.org/fhir",
    " https://ehr.example.org/fhir",
    "https://ehr.example.org/fh ir",
    "https://ehr.exämple.org/fhir",
    "https://ehr。example。org/fhir",
    "https://[::1/fhir",
    "https://[ehr.example.org]/fhir",
    "http://127.0.0.1/fhir",
    "http://127.1/fhir",
    "http://2130706433/fhir",
    "http://0x7f000001/fhir",
    "http://017700000001/fhir",
    "http://[::1]/fhir",
    "http://[::ffff:127.0.0.1]/fhir",
    "http://0.0.0.0/fhir",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/fhir",
    "http://[fd00::1]/fhir",
    "http://[64:ff9b::7f00:1]/fhir",
    "http://[2002:7f00:1::]/fhir",
    "https://localhost/fhir",
    "file:///etc/passwd",
    "gopher://ehr.example.org/fhir",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://" + "a" * 10_000 + "/fhir",
    "https://ehr.example.org/" + "a" * 10_000,
]


@pytest.mark.parametrize("iss", SAME_ISSUER)
def test_the_registered_issuer_is_found_however_it_is_written(iss: str) -> None:
    assert a_registry().find(iss).issuer == ISSUER


@pytest.mark.parametrize("iss", OTHER_ISSUERS, ids=lambda text: ascii(text)[:50])
def test_any_other_issuer_is_unknown(iss: str) -> None:
    with pytest.raises(UnknownIssuer) as caught:
        a_registry().find(iss)
    message = str(caught.value)
    assert message.startswith("This EHR is not set up for the app. EHR address: ")
    assert "pw@" not in message
    assert len(message) < 300


def test_a_missing_issuer_is_said_to_be_missing() -> None:
    with pytest.raises(UnknownIssuer, match="none was sent"):
        a_registry().find(None)


INSIDE = [
    BASE,
    BASE + "/",
    BASE + "/Patient/1",
    BASE + "/Patient?name=a&_sort=-date",
    BASE + "?_getpages=abc",
    BASE + "/Observation?code=http://loinc.org|85354-9",
    BASE + "/Observation?value=a\\,b/../c",
    "https://EHR.EXAMPLE.ORG:443/fhir/Patient/1",
    "HTTPS://ehr.example.org/fhir/Patient/1",
    "Patient/1",
    "Patient?page=2",
    "?page=2",
    "/fhir/Patient/1",
    "//ehr.example.org/fhir/Patient/1",
]
OUTSIDE = [
    "",
    " Patient/1",
    "https://evil.test/fhir/Patient/1",
    "https://ehr.example.org.evil.test/fhir/Patient/1",
    "https://ehr.example.org@evil.test/fhir/Patient/1",
    "https://evil.test@ehr.example.org/fhir/Patient/1",
    "https://ehr.example.org:8443/fhir/Patient/1",
    "http://ehr.example.org/fhir/Patient/1",
    "http://ehr.example.org:443/fhir/Patient/1",
    "//evil.test/fhir",
    "///evil.test/fhir",
    "https://ehr.example.org/fhir-evil/Patient/1",
    "https://ehr.example.org/fhirPatient/1",
    "https://ehr.example.org/fhir/../admin",
    "https://ehr.example.org/fhir/./Patient",
    "https://ehr.example.org/fhir/%2e%2e/admin",
    "https://ehr.example.org/fhir/%2E%2E/admin",
    "https://ehr.example.org/fhir/..;/admin",
    "https://ehr.example.org/fhir/..%2fadmin",
    "https://ehr.example.org/fhir/..%5cadmin",
    "https://ehr.example.org/fhir\\..\\admin",
    "https://ehr.example.org\\fhir",
    "https://ehr.example.org/FHIR/Patient/1",
    "https://ehr.example.org",
    "https://ehr.example.org/",
    "/admin",
    "../admin",
    "..\\admin",
    "https://ehr.example.org/fhir#/Patient/1",
    "https://ehr.example.org/fhir\n/Patient",
    "https://ehr.example.org/fhir/Patient?a=\r\nHost: x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ftp://ehr.example.org/fhir/Patient/1",
    "https://[::1/fhir",
    "urn:uuid:6a1b5d64-0000-4000-8000-000000000000",
]


@pytest.mark.parametrize("url", INSIDE)
def test_a_token_may_go_inside_its_base(url: str) -> None:
    assert under_base(BASE, url)


@pytest.mark.parametrize("url", OUTSIDE, ids=lambda text: ascii(text)[:50])
def test_a_token_may_not_leave_its_base(url: str) -> None:
    assert not under_base(BASE, url)


def test_a_token_may_go_to_a_long_page_of_its_base_yet_no_issuer_is_long() -> None:
    page = f"{BASE}?_getpages={'a' * 15_000}"
    assert under_base(BASE, page)
    assert not under_base(BASE, page + "a" * 2000)
    assert not under_base(BASE, f"https://ehr.example.org.evil.test/fhir?_getpages={'a' * 15_000}")
    with pytest.raises(UnknownIssuer):
        a_registry().find(f"{BASE}/{'a' * 3000}")


def test_a_base_at_the_root_holds_its_whole_origin_only() -> None:
    assert under_base("https://ehr.example.org/", "https://ehr.example.org/Patient/1")
    assert not under_base("https://ehr.example.org/", "https://ehr.example.org:444/Patient/1")


def test_plain_http_is_for_this_machine_and_only_when_allowed() -> None:
    for text in ("http://localhost:8400/fhir", "http://127.0.0.1:8400/fhir", "http://[::1]:8400/fhir"):
        check_transport(parse_address(text), allow_loopback_http=True)
        with pytest.raises(AddressRefused):
            check_transport(parse_address(text), allow_loopback_http=False)
    for text in ("http://ehr.example.org/fhir", "http://localhost.evil.test/fhir", "http://127.0.0.2/fhir"):
        with pytest.raises(AddressRefused):
            check_transport(parse_address(text), allow_loopback_http=True)


def test_a_base_keeps_its_odd_port_and_loses_its_slash() -> None:
    assert canonical_base("http://[::1]:8400/fhir/") == "http://[::1]:8400/fhir"


def test_a_reference_is_resolved_inside_the_base_even_without_its_slash() -> None:
    assert resolve(BASE, "Patient/1") == BASE + "/Patient/1"
    with pytest.raises(AddressRefused):
        resolve(BASE, "Pati\nent/1")
    with pytest.raises(AddressRefused):
        resolve(BASE, "https://[::1/x")


def test_an_address_is_shown_without_what_could_be_secret_or_harmful() -> None:
    assert shown("https://u:pw@evil.test/a<b>?token=1#x") == "https://evil.test/ab"
    assert shown("https://[::1/x") == "(unreadable)"
    assert shown("nonsense") == "(unreadable)"
