"""FHIR JSON text to plain dicts and back, digit for digit: 0.50 is read as Decimal("0.50") and written as 0.50."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import msgspec

SLICE = 100  # entries read in one go: a few milliseconds
_MEMBERS_OF = 2  # levels of an entry that are taken apart: the entry itself and its resource
_LONG = 4096  # bytes; a shorter list is read in one go
_REMEMBERED = 400  # bytes; a longer element hardly comes twice
_REPEATED = "not FHIR JSON: an object names an element twice"
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder(decimal_format="number", order=None)


class NotFhirJson(ValueError):
    """The bytes are not a JSON object. The message says where, and quotes nothing of the content."""


def decode(body: bytes | str) -> dict[str, Any]:
    """The JSON object in `body`; amounts with a point or an exponent become Decimal with exactly their digits.

    A character NUL, which FHIR has not and databases refuse, becomes U+FFFD. NotFhirJson also where an object names
    an element twice: nobody can tell which of the two is meant.
    """
    value = _decoded(_without_nul(body.encode() if isinstance(body, str) else body))
    if not isinstance(value, dict):
        raise NotFhirJson("not a JSON object")
    return value


def decode_by_slices(body: bytes, element: str) -> Iterator[dict[str, Any]]:
    """As `decode`, in steps of bounded work: gives the growing object each time, and it is whole after the last.

    `element` is the long list of the object, such as Bundle.entry. Whoever has others to serve can do so between two
    steps. Elements of entries that are equal to the letter (a code, a category, a subject) become one object, which
    must not be changed: a long chart names few things over and over, and takes a fraction of the memory.
    """
    text = _without_nul(body)
    long = memoryview(_raw(_members, text).get(element, b"") if _is_object(text) else b"")
    if len(long) < _LONG or bytes(long[:1]) != b"[":
        yield decode(text)
        return
    yield {}
    start = text.find(long[:_LONG])
    value = decode(text[:start] + b"null" + text[start + len(long) :])
    items = iter(_raw(_items, long))
    value[element] = found = []
    yield value
    known: dict[bytes, Any] = {}
    while batch := [bytes(item) for item in islice(items, SLICE)]:
        found.extend(_alike_shared(batch, known))
        yield value


def _decoded(text: bytes) -> Any:
    value = _raw(_decoder, text)
    _compare(text, value)
    return value


def _alike_shared(batch: list[bytes], known: dict[bytes, Any]) -> list[Any]:
    found = [_shared(text, known, _MEMBERS_OF) for text in batch]
    _compare(b"[" + b",".join(batch) + b"]", found)
    return found


def _shared(text: bytes, known: dict[bytes, Any], levels: int) -> Any:
    first = text[:1]
    if levels and first == b"{":
        members = _raw(_members, text)
        return {name: _shared(bytes(member), known, levels - 1) for name, member in members.items()}
    if first not in (b"{", b"[") or len(text) > _REMEMBERED:
        return _raw(_decoder, text)
    if text not in known:
        known[text] = _raw(_decoder, text)
    return known[text]


def _compare(text: bytes, value: Any) -> None:
    again = _encoder.encode(value)
    if again != text:
        _refuse_repeated_names(text, _colons_in(again))


def _raw(decoder: msgspec.json.Decoder[Any], text: bytes | memoryview) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        place = str(error).rpartition("(byte ")
        where = f" at byte {place[2].rstrip(')')}" if place[1] else ""
        raise NotFhirJson(f"not JSON{where}") from None


def _is_object(text: bytes) -> bool:
    return text[:_LONG].lstrip()[:1] == b"{"


def _without_nul(text: bytes) -> bytes:
    return text.replace(b"\\u0000", b"\\ufffd") if b"\\u0000" in text else text


def _colons_in(text: bytes) -> int:
    return text.count(b":")


def _refuse_repeated_names(text: bytes, colons: int) -> None:
    """`colons` are those of the same text once read and written again: a name that was dropped takes one with it.

    Where they differ, or one is written in a roundabout way, every object is looked at, which is slow.
    """
    if _colons_in(text) == colons and b"\\u003a" not in text and b"\\u003A" not in text:
        return
    try:
        json.loads(text, object_pairs_hook=_each_once, parse_int=str, parse_float=str)
    except RecursionError:
        raise NotFhirJson("not JSON") from None


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise NotFhirJson(_REPEATED)


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
