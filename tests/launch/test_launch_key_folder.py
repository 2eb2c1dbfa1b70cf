"""A running server follows its folder of keys: each EHR has its own, and those of earlier releases go on."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path

import pytest

from launch import private_files
from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.keys import KeyRing, SigningKey
from tests.launch.an_ehr import START


def a_key(*, days: int = -1, algorithm: str = "ES384") -> SigningKey:
    return SigningKey.generate(algorithm, active_from=START + timedelta(days=days), rsa_bits=2048)


def kids(folder: KeyFolder, ehr: str | None = None) -> set[str]:
    return {jwk["kid"] for jwk in folder.jwks(ehr)["keys"]}


def test_c02_a_key_of_one_ehr_never_signs_at_another(tmp_path: Path) -> None:
    folder, north, south = KeyFolder(tmp_path), a_key(), a_key()
    north.save(tmp_path / "north")
    south.save(tmp_path / "south")
    assert folder.active("north", "ES384", START).kid == north.kid
    assert folder.active("south", "ES384", START).kid == south.kid
    assert (kids(folder, "north"), kids(folder, "south")) == ({north.kid}, {south.kid})
    assert kids(folder) == {north.kid, south.kid}
    with pytest.raises(KeysUnusable, match="no ES384 key for this EHR"):
        folder.active("west", "ES384", START)


def test_a_key_that_appears_or_goes_is_noticed_at_the_next_use(tmp_path: Path) -> None:
    folder, old, new = KeyFolder(tmp_path), a_key(days=-9), a_key(days=-1)
    old.save(tmp_path / "north")
    assert folder.active("north", "ES384", START).kid == old.kid
    path = new.save(tmp_path / "north")
    assert folder.active("north", "ES384", START).kid == new.kid
    path.unlink()
    assert kids(folder) == {old.kid}


def test_an_old_shared_key_signs_until_the_ehr_s_own_begins_and_stays_published(tmp_path: Path) -> None:
    folder, shared, own = KeyFolder(tmp_path), a_key(days=-9), a_key(days=1)
    shared.save(tmp_path)
    own.save(tmp_path / "north")
    assert folder.active("north", "ES384", START).kid == shared.kid
    assert folder.active("north", "ES384", START + timedelta(days=2)).kid == own.kid
    assert folder.active("south", "ES384", START + timedelta(days=2)).kid == shared.kid
    assert kids(folder, "north") == {shared.kid, own.kid}
    assert kids(folder, "south") == {shared.kid}


def test_c04_no_kid_is_published_twice(tmp_path: Path) -> None:
    shared, own = a_key(), a_key()
    ring = KeyRing.of([shared, shared], {"north": [own], "south": [own, shared]})
    published = [jwk["kid"] for jwk in ring.jwks()["keys"]]
    assert sorted(published) == sorted({shared.kid, own.kid})


def test_a_key_that_two_ehrs_have_stops_the_start(tmp_path: Path) -> None:
    key = a_key()
    key.save(tmp_path / "north")
    KeyFolder(tmp_path).check()
    key.save(tmp_path / "south")
    with pytest.raises(KeysUnusable, match=key.kid):
        KeyFolder(tmp_path).check()


def test_a_bad_file_is_left_out_while_serving_and_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, key = KeyFolder(tmp_path), a_key()
    key.save(tmp_path / "north")
    bad = a_key().save(tmp_path / "north")
    bad.chmod(0o644)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert kids(folder, "north") == {key.kid}
    assert [record.getMessage().count(bad.name) for record in caplog.records] == [1]
    bad.chmod(0o600)
    assert len(kids(folder, "north")) == 2


def test_a_key_is_seen_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, key = KeyFolder(tmp_path), a_key()
    seen: list[set[str]] = []
    synced = os.fsync

    def look(descriptor: int) -> None:
        seen.append(kids(folder))
        synced(descriptor)

    monkeypatch.setattr(private_files.os, "fsync", look)
    key.save(tmp_path / "north")
    assert seen == [set()]
    assert kids(folder) == {key.kid}
    assert [path.name for path in (tmp_path / "north").iterdir()] == [key.file_name]
