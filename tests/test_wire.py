"""FHIR JSON text and back, digit for digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_mappings.wire import SLICE, NotFhirJson, decode, decode_by_slices, encode


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


# Long enough to be read in slices; to be closed.
LONG = b'{"entry":[' + b"1," * 3000 + b"1"


def sliced(body: bytes) -> dict[str, Any]:
    *_, whole = decode_by_slices(body, "entry")
    return whole


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("around", [b"%s", LONG + b",%s]}", LONG + b'],"link":%s}'], ids=["all", "item", "other"])
def test_what_cannot_be_read_is_said_in_slices_too(body: bytes, around: bytes) -> None:
    if around != b"%s" and body in (b"null", b"[]", b'"x"'):
        assert sliced(around % body)
        return
    with pytest.raises(NotFhirJson):
        sliced(around % body)


def test_a_long_list_is_read_a_slice_at_a_time() -> None:
    items = [{"number": Decimal(f"{n}.50"), "name": "x"} for n in range(2 * SLICE + 1)]
    body = encode({"total": 3, "entry": items, "link": [{"url": "next"}]})
    lengths = [len(so_far.get("entry", ())) for so_far in decode_by_slices(body, "entry")]
    assert lengths == [0, 0, SLICE, 2 * SLICE, 2 * SLICE + 1]
    assert sliced(body) == decode(body)


def test_what_entries_say_alike_is_kept_once() -> None:
    """Ten thousand entries name the same few codes: they must not take ten thousand times the memory."""
    coded = {"resource": {"resourceType": "Observation", "code": {"coding": [{"code": "8480-6"}]}}}
    body = encode({"entry": [coded | {"fullUrl": str(n)} for n in range(3 * SLICE)]})
    found = sliced(body)["entry"]
    assert found[0]["resource"] is not found[1]["resource"]
    assert len({id(entry["resource"]["code"]) for entry in found}) == 1


def test_entries_that_differ_by_a_digit_stay_apart() -> None:
    amounts = [{"resource": {"value": {"amount": Decimal(text)}}} for text in ("1.10", "1.1", "1.100", "1.10")]
    found = sliced(encode({"entry": amounts + [1] * 3000}))["entry"][:4]
    assert [str(entry["resource"]["value"]["amount"]) for entry in found] == ["1.10", "1.1", "1.100", "1.10"]


REPEATED = [
    b'{"status":"final","status":"entered-in-error"}',
    b'{"a":[{"b":{"c":1,"d":2,"c":1}}]}',
    b'{"a" : 1, "b": 2, "a" :3}',
    b'{"a":"\\u0022:","b":1,"b":1}',
    b'{"a":"\\u003a","b":1,"b":1}',
    b'{"a" :1,"b":2,"b":3}',
    b'{"entry":[{"resource":{"id":"1","id":"1"}}]}',
    b'{"entry":[],"entry":[]}',
    b'{"entry":[{"a":1}],"link":[{"b":1,"b":2}]}',
    b'{"a":1,"\\u0061":2}',
    LONG + b'],"entry":[]}',
    LONG + b"]," + LONG[1:] + b"]}",
    LONG + b',{"a":1,"a":2}]}',
    LONG + b',{"a":{"b":1,"b":2}}]}',
    LONG + b',{"a":{"b":{"c":1,"c":2}}}]}',
    LONG + b'],"link":[{"b":1,"b":2}]}',
    LONG + b'],"b":1,"b":2}',
]


@pytest.mark.parametrize("read", [decode, sliced])
@pytest.mark.parametrize("body", REPEATED)
def test_an_element_named_twice_is_not_guessed_at(body: bytes, read: Callable[[bytes], dict[str, Any]]) -> None:
    with pytest.raises(NotFhirJson, match="names an element twice"):
        read(body)


SPACED = [
    b'{ "a" : 1 , "b" : { "a" : 2 } }',
    b'{\n  "a": 1,\n  "entry": [\n {"a": 2} ]\n}',
    b'{"a":"say \\": twice","b":"\\u0022:"}',
    b'{"a":"\\\\","b":"\\\\u0000"}',
    b'{"entry" : null}',
    b'{"entry" : {"a" : 1}}',
    b"\n " + LONG + b',null,"x",[],{ "a" : { "b" : { "c" : "\\u003a" } } } ] , "link" : [ ] }\n',
]


@pytest.mark.parametrize("body", SPACED)
def test_other_ways_to_write_the_same_are_read(body: bytes) -> None:
    assert sliced(body) == decode(body)
    assert decode(body).keys() == json.loads(body).keys()


@pytest.mark.parametrize("read", [decode, sliced])
def test_a_character_that_databases_refuse_is_replaced(read: Callable[[bytes], dict[str, Any]]) -> None:
    assert read(b'{"a":"x\\u0000y","entry":["\\u0000"]}') == {"a": "x\ufffdy", "entry": ["\ufffd"]}


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 0.5, [{"a": 1.5}]])
def test_amounts_that_are_not_finite_decimals_are_never_written(amount: Any) -> None:
    with pytest.raises(ValueError, match="finite Decimal"):
        encode({"value": amount})
