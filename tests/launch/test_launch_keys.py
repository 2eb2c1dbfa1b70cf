"""Keys are made, kept to ourselves, published without their secret, and rotated without a gap."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey

from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.keys import KeyRing, SigningKey
from tests.launch.an_ehr import START

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def a_key(algorithm: str = "ES384", *, days: int = 0) -> SigningKey:
    return SigningKey.generate(algorithm, active_from=START + timedelta(days=days), rsa_bits=2048)


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_saved_key_comes_back_and_is_ours_alone(tmp_path: Path, algorithm: str) -> None:
    key = a_key(algorithm)
    path = key.save(tmp_path / "keys")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = KeyFolder(tmp_path / "keys").active("demo", algorithm, START)
    assert (again.kid, again.algorithm, again.active_from) == (key.kid, algorithm, START)
    assert again.key.as_dict(private=True)["d"] == key.key.as_dict(private=True)["d"]


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    key = a_key()
    key.save(tmp_path)
    with pytest.raises(FileExistsError):
        key.save(tmp_path)


def test_c04_the_published_set_holds_no_private_member(tmp_path: Path) -> None:
    ring = KeyRing.of([a_key("ES384"), a_key("RS384")])
    published = json.loads(json.dumps(ring.jwks()))["keys"]
    for jwk in published:
        assert not PRIVATE_MEMBERS & jwk.keys()
        assert {"kty", "kid", "alg", "use"} <= jwk.keys()
    assert {frozenset(jwk) - {"kty", "kid", "alg", "use"} for jwk in published} == {
        frozenset({"crv", "x", "y"}),
        frozenset({"n", "e"}),
    }


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after() -> None:
    old, new = a_key(days=-30), a_key(days=1)
    ring = KeyRing.of([new, old])
    assert {jwk["kid"] for jwk in ring.jwks()["keys"]} == {old.kid, new.kid}
    assert ring.active("demo", "ES384", START).kid == old.kid
    assert ring.active("demo", "ES384", START + timedelta(days=1)).kid == new.kid


def test_the_very_first_key_signs_at_once() -> None:
    key = a_key(days=1)
    assert KeyRing.of([key]).active("demo", "ES384", START).kid == key.kid


def test_without_a_key_for_the_algorithm_nothing_is_signed() -> None:
    with pytest.raises(KeysUnusable, match="no RS384 key"):
        KeyRing.of([a_key()]).active("demo", "RS384", START)


def test_keys_are_made_for_smart_s_two_algorithms_only() -> None:
    with pytest.raises(KeysUnusable):
        a_key("RS256")


def test_a_key_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = a_key().save(tmp_path)
    path.chmod(0o644)
    with pytest.raises(KeysUnusable, match="0600"):
        KeyFolder(tmp_path).check()


def _jwk(key: RSAKey | ECKey, *, private: bool = True, **members: object) -> dict[str, object]:
    return {**key.as_dict(private=private), "alg": "ES384", "nbf": 1, **members}


BAD_FILES = {
    "not JSON": "x",
    "a list": "[]",
    "no key type": "{}",
    "a public key": json.dumps(_jwk(ECKey.generate_key("P-384"), private=False)),
    "the wrong curve": json.dumps(_jwk(ECKey.generate_key("P-256"))),
    "the wrong algorithm": json.dumps(_jwk(ECKey.generate_key("P-384"), alg="RS384")),
    "an unhashable algorithm": json.dumps(_jwk(ECKey.generate_key("P-384"), alg=7)),
    "no start": json.dumps(_jwk(ECKey.generate_key("P-384"), nbf="soon")),
    "a damaged member": json.dumps(_jwk(ECKey.generate_key("P-384"), x="!")),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_key_of_ours_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "es384-x.jwk"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(KeysUnusable, match=r"es384-x.jwk"):
        KeyFolder(tmp_path).check()


def test_a_key_is_not_shown_by_its_repr() -> None:
    key = a_key()
    assert str(key.key.as_dict(private=True)["d"]) not in repr(key)
    assert "ECKey" not in repr(key)
