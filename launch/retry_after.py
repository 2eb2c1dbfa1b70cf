"""Retry-After: how long a server asks to be left alone (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 6 * 3600.0  # seconds; a wait beyond it is not believed


def seconds_to_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """At most 6 hours; None where no readable time is named.

    A date is counted from the server's own clock, or from `now` where it does not tell the time.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        return min(float(text), LONGEST_WAIT)
    until, told = _http_date(text), _http_date(headers.get("date", "")) or now
    if until is None or told is None:
        return None
    return min(max((until - told).total_seconds(), 0.0), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return when if when.tzinfo else None
