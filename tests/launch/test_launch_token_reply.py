"""A token reply is strict where we rely on it and forgiving where EHRs only decorate."""

from __future__ import annotations

from typing import Any

import pytest

from launch.context import FhirContextItem
from launch.token_reply import ReplyInvalid, read_token_reply
from tests.launch.an_ehr import a_token_reply

GIVEN: list[tuple[str, Any, str, Any]] = [
    ("token_type", "bearer", "access_token", "ACCESS-secret-1"),
    ("token_type", "BEARER", "access_token", "ACCESS-secret-1"),
    ("expires_in", None, "expires_in", None),
    ("expires_in", 300, "expires_in", 300),
    ("expires_in", 0, "expires_in", 0),
    ("expires_in", "3600", "expires_in", 3600),
    ("expires_in", 3600.0, "expires_in", 3600),
    ("scope", None, "scope", None),
    ("scope", "", "scope", ""),
    ("scope", ["launch", "openid"], "scope", "launch openid"),
    ("refresh_token", None, "refresh_token", None),
    ("refresh_token", "", "refresh_token", None),
    ("id_token", None, "id_token", None),
    ("patient", None, "patient", None),
    ("patient", "", "patient", None),
    ("patient", "a" * 64, "patient", "a" * 64),
    ("patient", "A-1.b", "patient", "A-1.b"),
    ("encounter", None, "encounter", None),
    ("need_patient_banner", None, "need_patient_banner", True),
    ("need_patient_banner", True, "need_patient_banner", True),
    ("need_patient_banner", False, "need_patient_banner", False),
    ("need_patient_banner", "false", "need_patient_banner", True),
    ("need_patient_banner", 0, "need_patient_banner", True),
    ("intent", "record-session", "intent", "record-session"),
    ("intent", 7, "intent", None),
    ("intent", "a\nb", "intent", None),
    ("tenant", "north", "tenant", "north"),
    ("smart_style_url", "https://ehr.example.org/style.json", "style_url", "https://ehr.example.org/style.json"),
    ("smart_style_url", "x" * 2000, "style_url", None),
    ("fhirContext", None, "fhir_context", ()),
    ("fhirContext", "Patient/1", "fhir_context", ()),
    ("fhirContext", [None, 7, {}, {"reference": 7}, {"identifier": {"system": "s"}}], "fhir_context", ()),
    (
        "fhirContext",
        [
            {"reference": "ImagingStudy/1", "role": "https://ehr.example.org/role"},
            {"canonical": "https://x.example/q|1", "type": "Questionnaire"},
            {"identifier": {"system": "urn:a", "value": "7"}},
            {"identifier": {"value": "8"}},
        ],
        "fhir_context",
        (
            FhirContextItem(reference="ImagingStudy/1", role="https://ehr.example.org/role"),
            FhirContextItem(canonical="https://x.example/q|1", type="Questionnaire"),
            FhirContextItem(identifier="urn:a|7"),
            FhirContextItem(identifier="|8"),
        ),
    ),
    ("unheard_of", {"x": 1}, "patient", "pat-1"),
]


@pytest.mark.parametrize(("member", "value", "field", "expected"), GIVEN, ids=lambda value: str(value)[:40])
def test_c37_c40_a_reply_is_read(member: str, value: Any, field: str, expected: Any) -> None:
    read = getattr(read_token_reply(a_token_reply(**{member: value})), field)
    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize("value", [None, 0, 0.0, "", "false", "False", "no", [], {}, [False]], ids=repr)
def test_c40_only_false_itself_takes_the_patient_s_name_off_our_pages(value: object) -> None:
    assert read_token_reply({**a_token_reply(), "need_patient_banner": value}).need_patient_banner is True
    assert read_token_reply({**a_token_reply(), "need_patient_banner": False}).need_patient_banner is False


REFUSED: list[tuple[str, Any]] = [
    ("access_token", None),
    ("access_token", ""),
    ("access_token", 7),
    ("access_token", "two words"),
    ("access_token", "line\r\nHost: evil"),
    ("access_token", "x" * 20_000),
    ("token_type", None),
    ("token_type", "mac"),
    ("token_type", ["Bearer"]),
    ("refresh_token", {"a": 1}),
    ("id_token", 7),
    ("expires_in", True),
    ("expires_in", -1),
    ("expires_in", "-1"),
    ("expires_in", "soon"),
    ("expires_in", "12.5"),
    ("expires_in", 1e300),
    ("expires_in", [300]),
    ("expires_in", "٣٠٠"),
    ("scope", 7),
    ("scope", ["launch", 7]),
    ("patient", "../../Patient/s3cret"),
    ("patient", "Patient/s3cret"),
    ("patient", ".."),
    ("patient", "."),
    ("patient", "a" * 65),
    ("patient", "s3cret\n"),
    ("patient", 7),
    ("patient", ["s3cret"]),
    ("encounter", "s3cret?x=1"),
]


@pytest.mark.parametrize(("member", "value"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_c37_c39_a_reply_that_cannot_be_relied_on_is_refused(member: str, value: Any) -> None:
    with pytest.raises(ReplyInvalid) as caught:
        read_token_reply(a_token_reply(**{member: value}))
    assert member in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_no_token_is_shown_by_the_repr() -> None:
    assert "secret" not in repr(read_token_reply(a_token_reply(id_token="ID-secret")))
