"""How one attempt to write to the EHR ends: the message's next state, its words, and when to look again.

Nothing is dropped. What may yet succeed is tried again, what nobody can repeat safely waits for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fhir_mappings.writing.errors import Unwritable
from smart_app.use_cases.errors import (
    BadReply,
    Busy,
    Conflict,
    EhrError,
    Forbidden,
    Missing,
    OutcomeUnknown,
    Rejected,
    Unauthorized,
    Unreachable,
)
from smart_app.use_cases.records import MessageState, OutboxMessage

NO_SESSIONS: Final = "This EHR does not take session records. The record is kept in the app."
NO_STATEMENTS: Final = "This EHR does not take what patients say of their medicines. It is kept in the app."
NO_SCORES: Final = "This EHR does not take records of this kind. The result is kept in the app."
NO_CARE_PLANS: Final = "This EHR does not take care plans. The plan is kept in the app."
NOT_LINKED: Final = "Without a link to the treatment plan, which the EHR did not take."
NO_GOALS: Final = "Without its goals, which the EHR did not take: they are kept in the app."
NO_PROGRESS: Final = "The EHR did not take the treatment plan, so its progress is kept in the app."
SIGNED_OUT: Final = "The sign-in to the EHR has ended. Open the app from this patient's chart again."

Uniform = Callable[[float, float], float]  # random.uniform, or a test's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds. `settle` is at least twice the client's read timeout where that is short enough to wait."""

    lease: float = 120.0
    attempt: float = 100.0  # less than the lease: an attempt ends before another worker may take over
    settle: float = 30.0  # after an unknown outcome nothing is looked up or sent again before
    shortest_wait: float = 30.0
    longest_wait: float = 3600.0
    longest_asked_wait: float = 6 * 3600.0
    horizon: timedelta = timedelta(days=30)
    rebuilds: int = 5  # on a version conflict
    read_again: tuple[float, ...] = (1.0, 3.0)  # when the EHR does not show at once what it just took


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`words` hold no patient data; `issues` are the EHR's own words: they are shown and never audited."""

    state: MessageState
    words: str = ""
    issues: tuple[str, ...] = ()
    wait: float | None = None  # None: by back-off
    care_plan: str | None = None

    @property
    def reason(self) -> str:
        said = " ".join(self.issues)
        return f"{self.words} The EHR says: {said}" if said else self.words


class Decided(Exception):
    """Raised where going on would be unsafe; carries the verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.words)
        self.verdict = verdict


def decided(state: MessageState, words: str) -> Decided:
    return Decided(Verdict(state=state, words=words))


# `in_doubt` (something was sent and nobody knows what became of it) turns RETRY_AT into UNKNOWN.
_BY_ERROR: Final[dict[type[EhrError], MessageState]] = {
    Unreachable: MessageState.RETRY_AT,
    Busy: MessageState.RETRY_AT,
    OutcomeUnknown: MessageState.UNKNOWN,
    BadReply: MessageState.RETRY_AT,
    Unauthorized: MessageState.WAIT_AUTH,
    Forbidden: MessageState.MANUAL,
    Missing: MessageState.CONFLICT,
    Conflict: MessageState.UNKNOWN,  # of a create: the look at the EHR shows whether there is one, none or several
    Rejected: MessageState.REJECTED,
}


def verdict_of(error: EhrError, *, in_doubt: bool) -> Verdict:
    """What an error of the EHR means for the message."""
    if in_doubt and isinstance(error, Rejected | Forbidden):  # a write that was refused is not in doubt
        words = f"It was sent, but the app cannot read it back: {sentence(error.words)}"
        return Verdict(state=MessageState.MANUAL, words=words, issues=error.issues)
    state = _BY_ERROR.get(type(error), MessageState.RETRY_AT)
    if in_doubt and state is MessageState.RETRY_AT:
        state = MessageState.UNKNOWN
    words = SIGNED_OUT if isinstance(error, Unauthorized) else sentence(error.words)
    return Verdict(state=state, words=words, issues=error.issues, wait=error.retry_after)


def unwritable(error: Unwritable) -> Verdict:
    """Nothing the EHR did: the record has no honest FHIR form."""
    return Verdict(
        state=MessageState.MANUAL, words=f"The app cannot write this as FHIR: {error.fact} {error.reason}."
    )


def sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"


def past_horizon(verdict: Verdict, message: OutboxMessage, now: datetime, limits: Limits) -> Verdict:
    """After the horizon nothing is tried by itself any more; a person may still send it again."""
    waiting = verdict.state in {MessageState.RETRY_AT, MessageState.UNKNOWN}
    if not waiting or now - message.created < limits.horizon:
        return verdict
    words = f"It could not be written for {limits.horizon.days} days. {verdict.words}"
    return Verdict(state=MessageState.MANUAL, words=words, issues=verdict.issues)


def due_after(
    verdict: Verdict, message: OutboxMessage, now: datetime, *, uniform: Uniform, limits: Limits
) -> datetime | None:
    """When to look again; None where only a person or a new launch can help.

    Back-off with full jitter, so that many messages do not come back at the same moment; a time the EHR named is
    kept to. After an unknown outcome never before the settle time: the request may still be running over there.
    """
    if verdict.state not in {MessageState.RETRY_AT, MessageState.UNKNOWN}:
        return None
    if verdict.wait is not None:
        seconds = min(verdict.wait, limits.longest_asked_wait)
    elif verdict.state is MessageState.UNKNOWN and message.state is not MessageState.UNKNOWN:
        seconds = limits.settle
    else:
        doublings = min(message.attempts, 20)
        seconds = uniform(limits.shortest_wait, min(limits.longest_wait, limits.shortest_wait * 2.0**doublings))
    least = limits.settle if verdict.state is MessageState.UNKNOWN else 0.0
    return now + timedelta(seconds=max(seconds, least))
