"""Sealing: opened in its own row alone, by any key of the file, and the file itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from smart_app.store.errors import KeyMissing, NotPrivate, SealBroken, StoreRefused
from smart_app.store.sealing import (
    Sealer,
    SealingKey,
    add_key,
    drop_old_keys,
    read_keys,
    sealer_at,
)

OLD, NEW = SealingKey.generate(), SealingKey.generate()


def test_what_was_sealed_opens_in_its_row_and_hides_the_text() -> None:
    sealed = Sealer([OLD]).seal("tokens/1", "a secret")
    assert Sealer([OLD]).open("tokens/1", sealed) == "a secret"
    assert "secret" not in sealed


def test_another_row_is_refused() -> None:
    sealed = Sealer([OLD]).seal("tokens/1", "a secret")
    with pytest.raises(SealBroken, match="row"):
        Sealer([OLD]).open("tokens/2", sealed)


def test_a_changed_text_is_refused() -> None:
    sealed = Sealer([OLD]).seal("tokens/1", "a secret")
    changed = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("tokens/1", changed)


def test_the_newest_key_seals_and_an_old_one_still_opens() -> None:
    old, both = Sealer([OLD]), Sealer([NEW, OLD])
    by_old = old.seal("row", "text")
    assert both.open("row", by_old) == "text"
    assert not both.is_newest(by_old)
    by_new = both.seal("row", "text")
    assert both.is_newest(by_new)
    assert by_new.startswith(f"{NEW.id}.")
    with pytest.raises(KeyMissing, match=NEW.id):
        old.open("row", by_new)


def test_a_key_id_says_nothing_about_the_key_and_its_repr_hides_it() -> None:
    assert OLD.secret not in repr(OLD)
    assert OLD.id not in OLD.secret


def test_the_first_start_makes_a_private_key_that_the_second_finds(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = sealer_at(path).seal("row", "text")
    assert path.stat().st_mode & 0o777 == 0o600
    assert sealer_at(path).open("row", sealed) == "text"
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    sealer_at(path)
    path.chmod(mode)
    with pytest.raises(NotPrivate, match="600"):
        sealer_at(path)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "one-word\n", "id not-a-key\n", "a b c\n"])
def test_a_file_without_usable_keys_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(StoreRefused) as refusal:
        sealer_at(path)
    assert "not-a-key" not in str(refusal.value)


def test_keys_are_rotated_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = sealer_at(path).seal("row", "text")
    (first,) = read_keys(path)
    added = add_key(path)
    assert read_keys(path) == (added, first)
    assert sealer_at(path).open("row", sealed) == "text"
    drop_old_keys(path)
    assert read_keys(path) == (added,)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyMissing):
        sealer_at(path).open("row", sealed)


def test_a_text_sealed_by_a_stranger_with_the_key_id_is_refused() -> None:
    forged = f"{OLD.id}.{Fernet(Fernet.generate_key()).encrypt(b'[]').decode()}"
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("row", forged)
