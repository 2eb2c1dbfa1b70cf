"""Records to JSON text and back: amounts as strings so that digits stay, times with the offset they came with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from smart_app.use_cases.errors import UnreadableRecord

T = TypeVar("T")


def to_text(record: object) -> str:
    """The JSON text of a record."""
    return _encoder.encode(record).decode()


def from_text(kind: type[T], text: str) -> T:
    """The record again. Fields that an older release did not write take their defaults. Raises UnreadableRecord."""
    decoder: msgspec.json.Decoder[T] = _decoder(cast(Hashable, kind))
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        # The decoder's own words may quote the record.
        raise UnreadableRecord(f"a {kind.__name__} in the database cannot be read: it is damaged") from None


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"a {type(value).__name__} cannot be stored")


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast(Any, kind))


_encoder = msgspec.json.Encoder(enc_hook=_plain)
