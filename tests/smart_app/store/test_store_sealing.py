"""Sealing: opened in its own row alone, by any key of the file, and the file itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from smart_app.store.errors import KeyMissing, NotPrivate, SealBroken, StoreRefused
from smart_app.store.key_file import KeyFile, read_keys
from smart_app.store.sealing import Sealer, SealingKey, open_found

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
    by_new = both.seal("row", "text")
    assert by_new.startswith(f"{NEW.id}.")
    with pytest.raises(KeyMissing, match=NEW.id):
        old.open("row", by_new)


def test_a_key_id_says_nothing_about_the_key_and_its_repr_hides_it() -> None:
    assert OLD.secret not in repr(OLD)
    assert OLD.id not in OLD.secret


def test_the_first_start_makes_a_private_key_that_the_second_finds(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = KeyFile(path).seal("row", "text")
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(path).open("row", sealed) == "text"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["keys", "keys.lock"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    KeyFile(path)
    path.chmod(mode)
    with pytest.raises(NotPrivate, match="600"):
        KeyFile(path)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "one-word\n", "id not-a-key\n", "a b c\n"])
def test_a_file_without_usable_keys_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(StoreRefused) as refusal:
        KeyFile(path)
    assert "not-a-key" not in str(refusal.value)


def test_keys_are_rotated_newest_first(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = KeyFile(path)
    sealed = keys.seal("row", "text")
    (first,) = read_keys(path)
    keys.add_key()
    added, second = read_keys(path)
    assert second == first
    assert keys.rotating()
    assert keys.open("row", sealed) == "text"
    keys.add_key()  # one rotation after the other
    assert read_keys(path) == (added, first)
    keys.drop_old_keys()
    assert read_keys(path) == (added,)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyMissing):
        keys.open("row", sealed)


def test_another_process_s_rotation_is_noticed_at_the_next_sealing_and_the_next_opening(tmp_path: Path) -> None:
    here, there = KeyFile(tmp_path / "keys"), KeyFile(tmp_path / "keys")
    there.add_key()
    by_new = there.seal("row", "text")
    assert here.open("row", by_new) == "text"
    there.drop_old_keys()
    assert there.open("row", here.seal("row", "text")) == "text"


def test_what_was_sealed_anew_between_reading_and_opening_is_read_again(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys")
    rows = [keys.seal("row", "before")]
    keys.add_key()
    rows.append(keys.seal("row", "after"))
    keys.drop_old_keys()
    assert open_found(keys, lambda: ("row", rows.pop(0))) == "after"
    assert open_found(keys, lambda: None) is None


def test_nothing_of_the_old_key_is_left_by_a_process_that_was_killed(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys")
    (old,) = read_keys(tmp_path / "keys")
    (tmp_path / ".keys.abcd").write_text(f"{old.id} {old.secret}\n")  # half a rotation
    keys.add_key()
    keys.drop_old_keys()
    assert not [path for path in tmp_path.iterdir() if old.secret in path.read_text()]


def test_a_key_file_that_goes_away_seals_nothing_and_says_so(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys")
    (tmp_path / "keys").unlink()
    with pytest.raises(StoreRefused, match="put it back"):
        keys.seal("row", "text")


def test_two_processes_that_start_together_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: KeyFile(tmp_path / "keys"), range(8)))
    sealed = [keys.seal("row", "text") for keys in made]
    assert {made[0].open("row", text) for text in sealed} == {"text"}


def test_a_text_sealed_by_a_stranger_with_the_key_id_is_refused() -> None:
    forged = f"{OLD.id}.{Fernet(Fernet.generate_key()).encrypt(b'[]').decode()}"
    with pytest.raises(SealBroken):
        Sealer([OLD]).open("row", forged)
