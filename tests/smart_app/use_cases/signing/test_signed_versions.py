"""What was signed: frozen, sealed by our key, verifiable from its bytes and the published key alone."""

from __future__ import annotations

import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from launch.key_folder import KeyFolder
from launch.record_seal import RecordSeal
from smart_app.use_cases.records import SessionVersion
from tests.smart_app.use_cases.a_clinic import DEE, DOCTOR, MONDAY, Clinic

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def seal(tmp_path: Path) -> RecordSeal:
    return RecordSeal(KeyFolder(tmp_path / "record-keys"), NOW)


@pytest.fixture
def clinic(seal: RecordSeal) -> Clinic:
    made = Clinic()
    made.site = replace(made.site, seal=seal)
    made.enrolled()
    return made


def versions(clinic: Clinic, session_id: str) -> list[SessionVersion]:
    return [each for each in clinic.work.kept.versions.values() if each.session == session_id]


def verified(bodies: list[bytes], keys: dict[str, Any]) -> Any:
    """What a stranger does who has the bytes and the address of our keys, and nothing of our code."""
    provenance = json.loads(bodies[-1])
    (signature,) = provenance["signature"]
    assert (signature["sigFormat"], signature["targetFormat"]) == ("application/jose", "application/fhir+json")
    seal = b64decode(signature["data"])
    registry = jws.JWSRegistry(algorithms=["ES384"], strict_check_header=False)
    payload = b"\n".join(bodies[:-1])
    return jws.deserialize_compact(seal, KeySet.import_key_set(keys), registry=registry, payload=payload).headers()  # type: ignore[arg-type]  # as it was served


def test_the_signature_verifies_with_the_bytes_and_the_published_key(clinic: Clinic, seal: RecordSeal) -> None:
    session = clinic.signed(MONDAY)
    (version,) = versions(clinic, session.id)
    bodies = [item.body.encode() for item in version.resources]
    header = verified(bodies, seal.jwks())
    assert (header["name"], header["sub"]) == ("Dr Dee", DOCTOR.reference)
    assert header["iat"] == int(clinic.now.timestamp())
    assert header["meaning"] == "authorship and responsibility"
    assert version.sha256 == sha256(b"\n".join(bodies[:-1])).hexdigest()
    assert not any("d" in key for key in seal.jwks()["keys"]), "only the public part is published"


def test_one_byte_changed_in_any_resource_is_noticed(clinic: Clinic, seal: RecordSeal) -> None:
    session = clinic.signed(MONDAY)
    (version,) = versions(clinic, session.id)
    bodies = [item.body.encode() for item in version.resources]
    for place, body in enumerate(bodies[:-1]):
        for at in (0, len(body) // 2, len(body) - 1):
            changed = bytearray(body)
            changed[at] ^= 1
            with pytest.raises(JoseError):
                verified([*bodies[:place], bytes(changed), *bodies[place + 1 :]], seal.jwks())
    with pytest.raises(JoseError):
        verified([bodies[1], bodies[0], *bodies[2:]], seal.jwks())


def test_a_parser_that_writes_the_same_data_anew_breaks_the_signature(clinic: Clinic, seal: RecordSeal) -> None:
    """Why the bytes are kept: equal data is not the same record."""
    clinic.recorded(MONDAY)
    session = clinic.sign(clinic.save(next(iter(clinic.work.kept.sessions.values())), {"dose.given_mg": "41.00"}))
    (version,) = versions(clinic, session.id)
    bodies = [item.body.encode() for item in version.resources]
    again = [json.dumps(json.loads(body), separators=(",", ":")).encode() for body in bodies]
    assert verified(bodies, seal.jwks())
    with pytest.raises(JoseError):
        verified([*again[:-1], bodies[-1]], seal.jwks())


def test_another_installations_key_did_not_sign_it(clinic: Clinic, tmp_path: Path) -> None:
    session = clinic.signed(MONDAY)
    (version,) = versions(clinic, session.id)
    bodies = [item.body.encode() for item in version.resources]
    strangers = RecordSeal(KeyFolder(tmp_path / "elsewhere"), NOW)
    with pytest.raises((JoseError, ValueError)):
        verified(bodies, strangers.jwks())


def test_a_second_start_seals_with_the_key_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "record-keys"
    first, second = (RecordSeal(KeyFolder(folder), NOW).jwks() for _ in range(2))
    assert first == second
    assert len(first["keys"]) == 1


def test_fifty_who_sign_at_once_leave_one_signature(clinic: Clinic) -> None:
    session = clinic.recorded(MONDAY)
    with ThreadPoolExecutor(max_workers=16) as people:
        signed = list(people.map(lambda _: clinic.sign(session), range(50)))
    assert len({each.signed for each in signed}) == 1
    assert len(versions(clinic, session.id)) == 1
    assert [kind.value for kind in clinic.kinds].count("send-session") == 1


def test_what_the_ehr_does_not_take_is_kept_and_signed_all_the_same(clinic: Clinic, seal: RecordSeal) -> None:
    session = clinic.recorded(MONDAY)
    clinic.sign(session, replace(DEE, not_granted=frozenset({"Observation"})))
    (version,) = versions(clinic, session.id)
    assert "Observation" in {item.resource_type for item in version.resources}
    (sent,) = [each for each in clinic.messages if each.kind.value == "send-session"]
    assert "Observation" not in {item.resource_type for item in sent.items}
    for items in (version.resources, sent.items):
        assert verified([item.body.encode() for item in items], seal.jwks())["name"] == "Dr Dee"


def test_without_a_key_the_record_says_who_signed_and_proves_nothing() -> None:
    clinic = Clinic()
    clinic.enrolled()
    session = clinic.signed(MONDAY)
    (version,) = versions(clinic, session.id)
    (signature,) = json.loads(version.resources[-1].body)["signature"]
    assert signature["who"]["display"] == "Dr Dee"
    assert not {"data", "sigFormat"} & set(signature)
