"""Client secrets: sealed, each for its EHR alone, and missed by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.errors import KeysUnusable
from launch.registry import Registration, read_registry
from smart_app.store.client_secrets import SealedSecrets, missing_secrets
from smart_app.store.key_file import KeyFile
from tests.launch.an_ehr import a_table


@pytest.fixture
def secrets(tmp_path: Path) -> SealedSecrets:
    return SealedSecrets(tmp_path / "client-secrets", KeyFile(tmp_path / "sealing.keys"))


def registrations() -> list[Registration]:
    tables = {
        name: a_table(issuer=f"https://{name}.example.org/fhir", auth=auth)
        for name, auth in (("north", "client_secret_basic"), ("south", "client_secret_basic"), ("west", "public"))
    }
    return list(read_registry({"ehr": tables}).by_name.values())


def test_d3_a_secret_is_kept_sealed_and_ours_alone(tmp_path: Path, secrets: SealedSecrets) -> None:
    assert secrets.secret("north") is None
    secrets.keep("north", "SECRET-CANARY é")
    assert secrets.secret("north") == "SECRET-CANARY é"
    path = tmp_path / "client-secrets" / "north"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"SECRET-CANARY" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_a_new_secret_replaces_the_old_one(secrets: SealedSecrets) -> None:
    for text in ("first", "second"):
        secrets.keep("north", text)
    assert secrets.secret("north") == "second"


def test_d3_the_secret_of_another_ehr_is_refused(tmp_path: Path, secrets: SealedSecrets) -> None:
    secrets.keep("north", "s3cret")
    (tmp_path / "client-secrets" / "north").rename(tmp_path / "client-secrets" / "south")
    with pytest.raises(KeysUnusable, match="cannot open") as caught:
        secrets.secret("south")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"\xff", 0o600), (b"plain text", 0o600), (None, 0o644)])
def test_d7_a_damaged_or_open_file_is_not_sent(
    tmp_path: Path, secrets: SealedSecrets, content: bytes | None, mode: int
) -> None:
    secrets.keep("north", "s3cret")
    path = tmp_path / "client-secrets" / "north"
    if content is not None:
        path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(KeysUnusable):
        secrets.secret("north")


def test_secrets_that_are_missing_are_named_and_nothing_is_made_by_looking(
    tmp_path: Path, secrets: SealedSecrets
) -> None:
    secrets.keep("south", "s3cret")
    assert secrets.missing(registrations()) == ["north"]
    place = {"folder": tmp_path / "client-secrets", "sealing_keys": tmp_path / "sealing.keys"}
    assert missing_secrets(registrations(), **place) == ["north"]
    (tmp_path / "sealing.keys").unlink()
    assert missing_secrets(registrations(), **place) == ["north", "south"]
    assert not (tmp_path / "sealing.keys").exists()
