"""A session taken back: entered in error where it is, with a reason, and otherwise untouched."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings import wire
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.retraction import is_retracted, retraction
from fhir_mappings.writing.session_bundle import session_resources
from tests.fhir_mappings.writing.a_session import DOCTOR, INSTANCE, a_course, a_full_session, at

Json = dict[str, Any]


@pytest.fixture
def current() -> list[Json]:
    """What the EHR holds of a session, each in its third version."""
    bodies = [wire.decode(one.body) for one in session_resources(a_full_session(), a_course(), INSTANCE)[:-1]]
    return [
        {**body, "id": str(number), "meta": {**body["meta"], "versionId": "3"}} for number, body in enumerate(bodies)
    ]


def test_each_resource_is_updated_in_the_version_that_was_read(current: list[Json]) -> None:
    bundle = wire.decode(retraction(current, "wrong patient", at(17), DOCTOR))
    assert bundle["type"] == "transaction"
    assert [entry["request"] for entry in bundle["entry"]] == [
        {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}", "ifMatch": 'W/"3"'} for one in current
    ]


def test_only_status_and_note_change(current: list[Json]) -> None:
    sent = retraction(current, "wrong patient", at(17), DOCTOR)
    for before, entry in zip(current, wire.decode(sent)["entry"], strict=True):
        after = entry["resource"]
        if after["resourceType"] == "AdverseEvent":
            assert after["event"] == {"text": f"Entered in error: wrong patient Was: {before['event']['text']}"}
            assert set(before) - set(after) <= {"seriousness", "severity", "outcome"}
            assert is_retracted(after)
            assert not is_retracted(before)
            continue
        assert after["status"] == "entered-in-error"
        assert after["note"][:-1] == before.get("note", [])
        assert after["note"][-1] == {
            "authorReference": {"reference": DOCTOR.reference, "display": "Dr Ada Okafor"},
            "time": "2026-11-20T17:00:00-05:00",
            "text": "Entered in error: wrong patient",
        }
        assert {k: v for k, v in after.items() if k not in ("status", "note")} == {
            k: v for k, v in before.items() if k not in ("status", "note")
        }
    assert b'"value":41.10,' in sent
    assert b'"value":8.90,' in sent


def test_retracting_again_adds_no_second_note(current: list[Json]) -> None:
    once = [entry["resource"] for entry in wire.decode(retraction(current, "x", at(17), DOCTOR))["entry"]]
    assert [entry["resource"] for entry in wire.decode(retraction(once, "x", at(17), DOCTOR))["entry"]] == once


def _unversioned(current: list[Json]) -> None:
    del current[0]["meta"]["versionId"]


def _a_provenance(current: list[Json]) -> None:
    current[0]["resourceType"] = "Provenance"


@pytest.mark.parametrize("change", [_unversioned, _a_provenance, list.clear])
def test_what_cannot_be_retracted_safely_is_refused(current: list[Json], change: Any) -> None:
    change(current)
    with pytest.raises(Unwritable):
        retraction(current, "wrong patient", at(17), DOCTOR)


def test_a_retraction_says_why(current: list[Json]) -> None:
    with pytest.raises(Unwritable):
        retraction(current, " ", at(17), DOCTOR)
