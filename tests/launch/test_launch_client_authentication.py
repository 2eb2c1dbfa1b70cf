"""The app names itself at a token endpoint as SMART wants it, and never twice with the same words."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws, jwt

from launch.client_assertion import ASSERTION_TYPE
from launch.client_authentication import credentials
from launch.errors import KeysUnusable
from launch.keys import KeyRing, SigningKey
from tests.launch.an_ehr import START, TOKEN_URL, a_registration


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_an_assertion_is_for_this_endpoint_and_short_lived(algorithm: str) -> None:
    key = SigningKey.generate(algorithm, active_from=START, rsa_bits=2048)
    known = credentials(a_registration(algorithm=algorithm), KeyRing.of([key]), token_endpoint=TOKEN_URL, now=START)
    assert known.headers == {}
    assert known.form.keys() == {"client_assertion_type", "client_assertion"}
    assert known.form["client_assertion_type"] == ASSERTION_TYPE
    token = jwt.decode(known.form["client_assertion"], key.key, algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    seconds = int(START.timestamp())
    assert token.claims.pop("jti")
    assert token.claims == {
        "iss": "kp-client",
        "sub": "kp-client",
        "aud": TOKEN_URL,
        "iat": seconds,
        "exp": seconds + 240,
    }


def test_no_jti_is_used_twice() -> None:
    ring = KeyRing.of([SigningKey.generate("ES384", active_from=START)])
    registration = a_registration()

    def jti() -> Any:
        form = credentials(registration, ring, token_endpoint=TOKEN_URL, now=START).form
        return jws.extract_compact(form["client_assertion"].encode()).payload

    assert len({jti() for _ in range(50)}) == 50


def _with_secret(folder: Path, content: bytes, mode: int = 0o600, client_id: str = "kp-client") -> Any:
    path = folder / "secret"
    path.touch(mode=0o600)
    path.write_bytes(content)
    path.chmod(mode)
    return a_registration(folder, auth="client_secret_basic", secret_file="secret", client_id=client_id)


def test_a_secret_goes_into_the_header_form_encoded(tmp_path: Path) -> None:
    registration = _with_secret(tmp_path, b"p:a%s s\n", client_id="kp client:1")
    known = credentials(registration, KeyRing.of([]), token_endpoint=TOKEN_URL, now=START)
    assert known.form == {}
    scheme, _, pair = known.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"kp+client%3A1:p%3Aa%25s+s")


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"\xff", 0o600), (b"s3cret", 0o644)])
def test_a_useless_or_open_secret_is_not_sent(tmp_path: Path, content: bytes, mode: int) -> None:
    registration = _with_secret(tmp_path, content, mode)
    with pytest.raises(KeysUnusable) as caught:
        credentials(registration, KeyRing.of([]), token_endpoint=TOKEN_URL, now=START)
    assert "s3cret" not in str(caught.value)


def test_a_secret_that_went_away_is_missed(tmp_path: Path) -> None:
    registration = _with_secret(tmp_path, b"s3cret")
    (tmp_path / "secret").unlink()
    with pytest.raises(KeysUnusable, match="cannot be read"):
        credentials(registration, KeyRing.of([]), token_endpoint=TOKEN_URL, now=START)


def test_a_public_client_says_its_name_only() -> None:
    known = credentials(a_registration(auth="public"), KeyRing.of([]), token_endpoint=TOKEN_URL, now=START)
    assert (known.form, known.headers) == ({"client_id": "kp-client"}, {})


def test_a_registration_built_without_its_secret_file_signs_nothing() -> None:
    registration = replace(a_registration(auth="public"), auth="client_secret_basic")
    with pytest.raises(KeysUnusable, match="not named"):
        credentials(registration, KeyRing.of([]), token_endpoint=TOKEN_URL, now=START)
