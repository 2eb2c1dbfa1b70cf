"""Who is signed in to the EHR, and the launches its charts have made (SMART App Launch 2.2, EHR launch)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

LAUNCH_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One press on the app in one chart: bound to the EHR session, its user and the patient."""

    session: str
    user: str
    patient: str
    expires: datetime


class SignedIn:
    """EHR sessions: the cookie's value -> the member of staff's slug, and since when."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._users: dict[str, str] = {}
        self._since: dict[str, datetime] = {}

    def begin(self, user: str) -> str:
        session = secrets.token_urlsafe(32)
        self._users[session] = user
        self._since[session] = self._clock()
        return session

    def user(self, session: str | None) -> str | None:
        return self._users.get(session) if session else None

    def since(self, session: str | None) -> datetime | None:
        """When the user of this session signed in; None: nobody is signed in."""
        return self._since.get(session) if session else None

    def end(self, session: str | None) -> None:
        self._users.pop(session or "", None)
        self._since.pop(session or "", None)


class Launches:
    """Live launch values; each works once."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._live: dict[str, Launch] = {}

    def make(self, *, session: str, user: str, patient: str) -> str:
        now = self._clock()
        self._live = {value: one for value, one in self._live.items() if one.expires > now}
        value = secrets.token_urlsafe(32)
        self._live[value] = Launch(session=session, user=user, patient=patient, expires=now + LAUNCH_LIFE)
        return value

    def take(self, value: str) -> Launch | None:
        """The launch of this value, which is then spent; None: unknown, spent or too old."""
        launch = self._live.pop(value, None)
        return launch if launch and launch.expires > self._clock() else None
