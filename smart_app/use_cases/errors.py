"""What can go wrong below the edges, each naming the party at fault; the edges turn these into pages."""

from __future__ import annotations

from collections.abc import Mapping


class EhrError(Exception):
    """The EHR did not do what was asked. `words` are for the clinician and hold no patient data.

    EhrError
    |- Unreachable      no connection: the request did not arrive
    |- OutcomeUnknown   timed out, cut off or 5xx after sending: it may have happened
    |- Unauthorized     the token was refused and could not be refreshed
    |- Forbidden        the EHR does not allow it
    |- Missing          no such resource (404, 410)
    |- Conflict         somebody else changed it (409, 412)
    |- Rejected         the EHR understood and said no (400, 422); `issues` are its words
    |- Busy             too many requests or not available now; `retry_after` in seconds where given
    |- BadReply         an answer that is not FHIR, or not what was asked
    """

    def __init__(self, words: str, *, retry_after: float | None = None, issues: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.words = words
        self.retry_after = retry_after
        self.issues = issues


class Unreachable(EhrError): ...


class OutcomeUnknown(EhrError): ...


class Unauthorized(EhrError): ...


class Forbidden(EhrError): ...


class Missing(EhrError): ...


class Conflict(EhrError): ...


class Rejected(EhrError): ...


class Busy(EhrError): ...


class BadReply(EhrError): ...


class Unaudited(RuntimeError):
    """A transaction was about to commit without an audit record: no audit, no data."""


class StaleVersion(RuntimeError):
    """Somebody else saved in between."""


Problems = Mapping[str, str]  # field -> what to do about it; "" is the form as a whole


class Refused(Exception):
    """The user may not do this, or not now. `words` and `advice` go on the page; `problems` beside the fields."""

    def __init__(self, words: str, *, advice: str = "", problems: Problems | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.advice = advice
        self.problems: Problems = problems or {}
        self.reference = ""  # of its audit record, once there is one

    def at_fields(self, otherwise: str = "") -> Problems:
        """For the form that was refused. What names no field stands at `otherwise`; without that it is raised again,
        and gets a page of its own."""
        if self.problems:
            return self.problems
        if not otherwise:
            raise self
        return {otherwise: f"{self.words} {self.advice}".strip()}


class UnreadableRecord(Exception):
    """What the store kept is damaged. The message names the kind of record and holds no patient data."""
