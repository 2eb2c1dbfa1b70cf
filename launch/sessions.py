"""The browser's session of a launch: when it ends by time, and where it was. Ours alone: SMART leaves it out.

What ends here is what the browser may see. The tokens stay: what was signed is still delivered with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from launch.context import LaunchContext

SAME_STEP = timedelta(hours=20)  # WCAG 2.2.6: what was entered is there again for so long
NOTED = timedelta(minutes=1)  # a later request within it is not kept: one durable write a minute is enough

_PLACE = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_LONGEST_PLACE = 200


class Why(StrEnum):
    IDLE = "idle"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """When a session ends or ended, and by which of the two limits."""

    at: datetime
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A launch as the browser has it open."""

    context: LaunchContext
    seen: datetime  # the last request of a person
    place: str  # the page last opened, below the launch's address; empty: none yet
    closed: End | None  # None: not closed by time so far

    def end(self, idle: timedelta) -> End:
        """When it ends if nobody asks for anything more. What was closed stays closed."""
        if self.closed is not None:
            return self.closed
        quiet = self.seen + idle
        if quiet < self.context.expires:
            return End(at=quiet, why=Why.IDLE)
        return End(at=self.context.expires, why=Why.LIMIT)


class BrowserSessions(Protocol):
    """Where they are kept. Synchronous: callers in an event loop use a thread."""

    def session(self, launch_id: str, session_digest: str) -> BrowserSession | None:
        """The session of the browser that shows this cookie; None: unknown, another's, or the app was closed."""
        ...

    def note(self, launch_id: str, seen: datetime, place: str) -> None:
        """A person asked for something at `seen`; `place` is where they are. A closed session stays as it is."""
        ...

    def close(self, launch_id: str, end: End) -> bool:
        """Close it by time and leave an audit record; False: it was closed before."""
        ...

    def last_place(self, context: LaunchContext, idle: timedelta) -> str | None:
        """Where a launch goes on: its own page if it has one, as after a hand-over to another window; else where the
        same user was with the same patient, if that session ended by time within SAME_STEP."""
        ...


def is_place(text: str) -> bool:
    """Whether this may stand behind a launch's address: names and slashes, no dot segments, nothing else."""
    plain = _PLACE.fullmatch(text) is not None and len(text) <= _LONGEST_PLACE
    return plain and not any(set(part) == {"."} for part in text.split("/"))
