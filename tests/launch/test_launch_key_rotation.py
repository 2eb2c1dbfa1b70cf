"""A rotation refuses each step at which a launch would fail, and says what to do instead."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from launch.key_folder import KeyFolder
from launch.key_rotation import KeyChangeRefused, make_first_keys, new_key, retire, rotate, state
from launch.keys import SigningKey
from launch.registry import Registration, read_registry
from tests.launch.an_ehr import START, a_table

NORTH, SOUTH, WEST = read_registry(
    {
        "ehr": {
            "north": a_table(),
            "south": a_table(issuer="https://south.example.org/fhir", algorithm="RS384"),
            "west": a_table(issuer="https://west.example.org/fhir", auth="public"),
        }
    },
).by_name.values()
ALL = (NORTH, SOUTH, WEST)


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    return KeyFolder(tmp_path / "signing-keys")


def kids(folder: KeyFolder, registration: Registration) -> list[str]:
    return [key.kid for key in folder.ring(registration.name).keys_of(registration.name)]


def test_c05_the_first_start_makes_each_ehr_a_key_of_its_algorithm(folder: KeyFolder) -> None:
    make_first_keys(folder, ALL, START)
    assert folder.active("north", "ES384", START).algorithm == "ES384"
    assert folder.active("south", "RS384", START).algorithm == "RS384"
    assert folder.ehrs() == ["north", "south"]
    before = folder.jwks()
    make_first_keys(folder, ALL, START)
    assert folder.jwks() == before


def test_two_processes_that_start_together_make_one_key(folder: KeyFolder) -> None:
    starting = [Thread(target=make_first_keys, args=(KeyFolder(folder.path), ALL, START)) for _ in range(4)]
    for one in starting:
        one.start()
    for one in starting:
        one.join()
    assert len(folder.jwks()["keys"]) == 2


def test_keys_of_an_earlier_release_need_no_new_one(folder: KeyFolder) -> None:
    for algorithm in ("ES384", "RS384"):
        SigningKey.generate(algorithm, active_from=START, rsa_bits=2048).save(folder.path)
    make_first_keys(folder, ALL, START)
    assert folder.ehrs() == []


def test_c06_a_rotation_publishes_both_and_refuses_every_wrong_step(folder: KeyFolder) -> None:
    make_first_keys(folder, ALL, START)
    (old,) = kids(folder, NORTH)
    with pytest.raises(KeyChangeRefused, match="keys rotate north"):
        new_key(folder, NORTH, "ES384", START)
    with pytest.raises(KeyChangeRefused, match="the only key of north"):
        retire(folder, "north", old, ALL, START)
    new = rotate(folder, NORTH, START, after=timedelta(hours=2)).kid
    assert {jwk["kid"] for jwk in folder.jwks("north")["keys"]} == {old, new}
    with pytest.raises(KeyChangeRefused, match=f"{new} signs from 2026-11-23 11:00"):
        rotate(folder, NORTH, START)
    with pytest.raises(KeyChangeRefused, match="signs for north now: wait until 2026-11-23 11:00"):
        retire(folder, "north", old, ALL, START)
    turned = START + timedelta(hours=2)
    assert folder.active("north", "ES384", turned - timedelta(seconds=1)).kid == old
    assert folder.active("north", "ES384", turned).kid == new
    with pytest.raises(KeyChangeRefused, match="may be checking it: wait until 2026-11-23 11:06"):
        retire(folder, "north", old, ALL, turned + timedelta(minutes=4))
    with pytest.raises(KeyChangeRefused, match="signs for north now: use keys rotate north"):
        retire(folder, "north", new, ALL, turned)
    retire(folder, "north", old, ALL, turned + timedelta(minutes=6))
    assert kids(folder, NORTH) == [new]


def test_a_successor_can_be_taken_back_before_it_signs(folder: KeyFolder) -> None:
    make_first_keys(folder, ALL, START)
    old = kids(folder, NORTH)
    new = rotate(folder, NORTH, START).kid
    retire(folder, "north", new, ALL, START)
    assert kids(folder, NORTH) == old


def test_a_shared_key_is_retired_when_no_ehr_signs_with_it(folder: KeyFolder) -> None:
    shared = SigningKey.generate("ES384", active_from=START - timedelta(days=9))
    shared.save(folder.path)
    other = read_registry({"ehr": {"east": a_table(issuer="https://east.example.org/fhir")}}).named("east")
    later = START + timedelta(days=2)
    rotate(folder, NORTH, START)
    with pytest.raises(KeyChangeRefused, match="only key of east"):
        retire(folder, "north", shared.kid, (NORTH, other), later)
    rotate(folder, other, START)
    retire(folder, "north", shared.kid, (NORTH, other), later)
    assert shared.kid not in {jwk["kid"] for jwk in folder.jwks()["keys"]}


def test_a_key_of_the_other_algorithm_is_made_before_the_registration_changes(folder: KeyFolder) -> None:
    make_first_keys(folder, [NORTH], START)
    made = new_key(folder, NORTH, "RS384", START)
    assert folder.active("north", "ES384", START).algorithm == "ES384"
    assert folder.active("north", "RS384", START).kid == made.kid


def test_a_key_nobody_has_cannot_be_retired(folder: KeyFolder) -> None:
    make_first_keys(folder, ALL, START)
    with pytest.raises(KeyChangeRefused, match="keys list north"):
        retire(folder, "north", kids(folder, SOUTH)[0], ALL, START)


def test_the_state_of_each_key_is_said_in_words(folder: KeyFolder) -> None:
    make_first_keys(folder, ALL, START)
    rotate(folder, NORTH, START)
    old, new = folder.ring("north").keys_of("north")
    ring, later = folder.ring("north"), START + timedelta(days=2)
    assert state(ring, NORTH, old, START) == "signs now, since 2026-11-23 09:00"
    assert state(ring, NORTH, new, START) == "published, signs from 2026-11-24 09:00"
    assert state(ring, NORTH, old, later) == "old: published until it is retired; signed from 2026-11-23 09:00"
    assert state(ring, SOUTH, old, START).startswith("signs nothing: the registration says RS384")
    assert state(ring, None, old, START).startswith("signs nothing: no registration uses it")


def test_no_kid_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-abc", "abc"])
    monkeypatch.setattr("launch.keys.ECKey.thumbprint", lambda _key: next(made))
    assert SigningKey.generate("ES384", active_from=START).kid == "abc"
