"""The app names itself at a token endpoint as SMART wants it, and never twice with the same words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from joserfc import jws, jwt

from launch.client_assertion import ASSERTION_TYPE
from launch.client_authentication import NoSecrets, credentials
from launch.errors import KeysUnusable
from launch.keys import KeyRing, SigningKey
from tests.launch.an_ehr import START, TOKEN_URL, a_registration


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_c05_c35_an_assertion_is_for_this_endpoint_and_short_lived(algorithm: str) -> None:
    key = SigningKey.generate(algorithm, active_from=START, rsa_bits=2048)
    known = credentials(
        a_registration(algorithm=algorithm), KeyRing.of([key]), NoSecrets(), token_endpoint=TOKEN_URL, now=START
    )
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


def test_c35_no_jti_is_used_twice() -> None:
    ring = KeyRing.of([SigningKey.generate("ES384", active_from=START)])
    registration = a_registration()

    def jti() -> Any:
        form = credentials(registration, ring, NoSecrets(), token_endpoint=TOKEN_URL, now=START).form
        return jws.extract_compact(form["client_assertion"].encode()).payload

    assert len({jti() for _ in range(50)}) == 50


class Secrets:
    def __init__(self, **kept: str) -> None:
        self.kept = kept

    def secret(self, ehr: str) -> str | None:
        return self.kept.get(ehr)


def test_c02_a_secret_goes_into_the_header_form_encoded() -> None:
    registration = a_registration(auth="client_secret_basic", client_id="kp client:1")
    known = credentials(registration, KeyRing.of([]), Secrets(demo="p:a%s s"), token_endpoint=TOKEN_URL, now=START)
    assert known.form == {}
    scheme, _, pair = known.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair)) == ("Basic", b"kp+client%3A1:p%3Aa%25s+s")


def test_a_secret_that_is_not_kept_is_missed_by_a_command_and_no_other_ehr_s_is_sent() -> None:
    registration = a_registration(auth="client_secret_basic")
    with pytest.raises(KeysUnusable, match="no client secret for this EHR") as caught:
        credentials(registration, KeyRing.of([]), Secrets(other="s3cret"), token_endpoint=TOKEN_URL, now=START)
    assert caught.value.what_to_do.endswith("ketamine-pathway keys secret demo")


def test_c02_a_public_client_says_its_name_only() -> None:
    known = credentials(
        a_registration(auth="public"), KeyRing.of([]), NoSecrets(), token_endpoint=TOKEN_URL, now=START
    )
    assert (known.form, known.headers) == ({"client_id": "kp-client"}, {})
