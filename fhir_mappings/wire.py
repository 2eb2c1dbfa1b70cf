"""FHIR JSON text to plain dicts and back, digit for digit: 0.50 is read as Decimal("0.50") and written as 0.50."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", order=None)


class NotFhirJson(ValueError):
    """The bytes are not a JSON object. The message says where, and quotes nothing of the content."""


def decode(body: bytes | str) -> dict[str, Any]:
    """The JSON object in `body`; amounts with a point or an exponent become Decimal with exactly their digits."""
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        place = str(error).rpartition("(byte ")
        where = f" at byte {place[2].rstrip(')')}" if place[1] else ""
        raise NotFhirJson(f"not JSON{where}") from None
    if not isinstance(value, dict):
        raise NotFhirJson("not a JSON object")
    return value


def encode(value: Any) -> bytes:
    """The JSON text of a dict that holds str, int, bool, Decimal, list and dict. Refuses non-finite amounts."""
    _refuse_non_finite(value)
    return _encoder.encode(value)


def _refuse_non_finite(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _refuse_non_finite(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_non_finite(item)
    elif isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
        raise ValueError("an amount is a finite Decimal")
