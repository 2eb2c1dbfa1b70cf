"""Tolerant access to FHIR elements. FHIR R4, datatypes: date and dateTime, Quantity, Reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fhir_mappings.facts.clinical import PartialDate

Json = Mapping[str, Any]

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_NONE: frozenset[str] = frozenset()
_ORDINARY = 40  # characters of a date or a code; a longer one is read but not remembered
_EXACT = (int, Decimal)
_FIRST_YEAR = "1900"  # nobody alive has an earlier date in a chart: it is a slip, and must not look like "long ago"


class Unreadable(ValueError):
    """An element is not what FHIR says it is. The message names the element, never its content."""


def mapping(value: Any) -> Json:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """The objects of a list; a single object counts as a list of one, anything else as none."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a string, else ""."""
    return value.strip() if isinstance(value, str) else ""


def code_values(concepts: Any) -> frozenset[str]:
    """Every code of one or more CodeableConcepts, whatever the system, in lower case."""
    if concepts is None:
        return _NONE
    one = concepts[0] if isinstance(concepts, list) and len(concepts) == 1 else concepts
    listed = one.get("coding") if isinstance(one, dict) else None
    if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], dict):  # as nearly all of them are
        code = listed[0].get("code")
        if isinstance(code, str) and len(code) <= _ORDINARY:
            return _single(code)
    codings = [coding for concept in objects(concepts) for coding in objects(concept.get("coding"))]
    return frozenset([c["code"].strip().lower() for c in codings if isinstance(c.get("code"), str)])


@lru_cache(maxsize=256)
def _single(code: str) -> frozenset[str]:
    return frozenset({code.strip().lower()})


def partial_date(value: Any, element: str) -> PartialDate | None:
    """A date or dateTime with its precision; None where it is absent; Unreadable where it is no date.

    A time without an offset is kept for its calendar day alone, since its instant is not known.
    """
    if value is None:
        return None
    try:
        return _remembered(value) if isinstance(value, str) and len(value) <= _ORDINARY else _parsed(value)
    except (ValueError, OverflowError):
        raise Unreadable(f"{element} is not a date") from None


def _parsed(value: Any) -> PartialDate:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[1] < _FIRST_YEAR:
        raise ValueError("date")
    return _from_parts(value, *match.groups())


# A chart names the same days over and over, and is read again; the bare texts say nothing of whose they are.
_remembered = lru_cache(maxsize=2048)(_parsed)


def _from_parts(
    value: str,
    year: str,
    month: str | None,
    day: str | None,
    hour: str | None,
    minute: str | None,
    second: str | None,
    offset: str | None,
) -> PartialDate:
    if month is None:
        return PartialDate(text=value, first=date(int(year), 1, 1), last=date(int(year), 12, 31))
    if day is None:
        first = date(int(year), int(month), 1)
        after = date(int(year) + (month == "12"), int(month) % 12 + 1, 1)
        return PartialDate(text=value, first=first, last=after - timedelta(days=1))
    whole = date.fromisoformat(value[:10])
    if hour is None or minute is None:
        return PartialDate(text=value, first=whole, last=whole)
    # A leap second (:60) is FHIR; Python's clock has none.
    moment = datetime(
        whole.year, whole.month, whole.day, int(hour), int(minute), min(int(second or 0), 59), tzinfo=_zone(offset)
    )
    return PartialDate(text=value, first=whole, last=whole, instant=moment if offset else None)


@lru_cache(maxsize=128)  # there are fewer offsets in the world
def _zone(offset: str | None) -> timezone:
    if offset in (None, "Z"):
        return UTC
    sign = -1 if offset[0] == "-" else 1
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours * 60 + minutes > 14 * 60 or minutes > 59:
        raise ValueError("offset")
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def span(start: PartialDate | None, end: PartialDate | None) -> PartialDate | None:
    """A Period as the days it may mean, from its start to its end."""
    if start is None or end is None or end.last <= start.first:
        return start or end
    return PartialDate(text=f"{start.text} to {end.text}", first=start.first, last=end.last)


def when(resource: Json, stem: str) -> PartialDate | None:
    """A choice of dateTime, instant and Period elements: `stem`DateTime, `stem`Instant, `stem`Period."""
    for suffix in ("DateTime", "Instant"):
        if resource.get(stem + suffix) is not None:
            return partial_date(resource[stem + suffix], stem + suffix)
    if resource.get(stem + "Period") is None:
        return None
    period = mapping(resource[stem + "Period"])
    return span(
        partial_date(period.get("start"), stem + "Period.start"), partial_date(period.get("end"), stem + "Period.end")
    )


def number(value: Any) -> Decimal | None:
    """A JSON number as Decimal, with its digits; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, _EXACT):
        amount = Decimal(value)
        return amount if amount.is_finite() else None
    return Decimal(repr(value)) if isinstance(value, float) and abs(value) < float("inf") else None


def reference_of(resource: Json) -> str:
    """ "Type/id" of a resource; "Type" where it has no id."""
    kind, identifier = resource.get("resourceType"), resource.get("id")
    kind = kind.strip() if isinstance(kind, str) else ""  # `text` spelt out: this is asked thousands of times
    identifier = identifier.strip() if isinstance(identifier, str) else ""
    return f"{kind}/{identifier}" if identifier else kind


def versioned_reference(resource: Json) -> str:
    """ "Type/id/_history/version" where the version is known, else "Type/id"."""
    meta = resource.get("meta")
    version = text(meta.get("versionId")) if isinstance(meta, dict) else ""
    return f"{reference_of(resource)}/_history/{version}" if version else reference_of(resource)
