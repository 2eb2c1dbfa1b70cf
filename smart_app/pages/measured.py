"""When something was entered that waited on a device for a connection: by the device's clock, set right."""

from __future__ import annotations

from datetime import datetime, timedelta

from smart_app.pages.visit import Visit

LONGEST_WAIT = timedelta(hours=72)  # as long as a device can keep an entry
MOST_DIGITS = 15


def measured_at(visit: Visit) -> datetime:
    """`measured` of the form: milliseconds since 1970 by our clock, as the page knew it; now where there is none.

    One that has not come yet or is older than LONGEST_WAIT makes no sense, and means now.
    """
    text = visit.fields.get("measured", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        return visit.now
    try:
        at = datetime.fromtimestamp(int(text) / 1000, visit.now.tzinfo)
    except (OverflowError, ValueError):
        return visit.now
    return at if timedelta(0) <= visit.now - at <= LONGEST_WAIT else visit.now
