"""FHIR JSON text and back, digit for digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.wire import NotFhirJson, decode, encode


@pytest.mark.parametrize("digits", ["0.50", "1.10", "19", "98.6", "0.1234567890123456789", "-0.0", "100.00"])
def test_an_amount_keeps_its_digits(digits: str) -> None:
    text = f'{{"value":{digits}}}'.encode()
    assert encode(decode(text)) == text


BAD = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "string": b'"x"',
    "cut off": b"{",
    "trailing text": b'{"a":1} x',
    "NaN": b'{"a":NaN}',
    "infinite": b'{"a":Infinity}',
    "latin-1": b'{"a":"\xff"}',
    "too deep": b"[" * 100_000,
    "lone surrogate": b'{"a":"\\ud800"}',
    "5,000 digits": b'{"a":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_json_object_is_said_without_quoting_it(body: bytes) -> None:
    with pytest.raises(NotFhirJson) as refused:
        decode(body)
    assert len(str(refused.value)) < 60


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 0.5, [{"a": 1.5}]])
def test_amounts_that_are_not_finite_decimals_are_never_written(amount: Any) -> None:
    with pytest.raises(ValueError, match="finite Decimal"):
        encode({"value": amount})
