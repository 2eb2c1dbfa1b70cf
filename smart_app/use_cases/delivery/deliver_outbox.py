"""Delivers the outbox, one message at a time: claim, write, read back, settle with its audit record.

FHIR R4 has no exactly-once write. It is made here of four habits: what is sent is kept first; after an unknown
outcome the EHR is asked, after a settle time, before anything is sent again; every write is conditional; and only
what was read back counts as DELIVERED.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import anyio
from anyio.to_thread import run_sync

from fhir_mappings.facts.audit import AuditOutcome, AuditRecord
from fhir_mappings.writing.errors import Unwritable
from fhir_mappings.writing.instance import Instance
from smart_app.use_cases.delivery.deliver_amendment import amend_session
from smart_app.use_cases.delivery.deliver_care_plan import create_care_plan, update_care_plan
from smart_app.use_cases.delivery.deliver_retraction import retract_score, retract_session, retract_statement
from smart_app.use_cases.delivery.deliver_session import deliver_score, deliver_session, deliver_statement
from smart_app.use_cases.delivery.delivery import Delivery, ProgressOf
from smart_app.use_cases.delivery.delivery_verdict import (
    SIGNED_OUT,
    Decided,
    Limits,
    Uniform,
    Verdict,
    due_after,
    past_horizon,
    unwritable,
    verdict_of,
)
from smart_app.use_cases.errors import Busy, EhrError, OutcomeUnknown, Unreachable
from smart_app.use_cases.ports import Clock, EhrOf, Outbox, Work
from smart_app.use_cases.records import MessageKind, MessageState, OutboxMessage
from smart_app.use_cases.sent import AUDITED_AS

Pauses = MutableMapping[str, datetime]  # EHR -> until when it asked to be left alone
_DEFAULTS: Final = Limits()
_PLANS: Final[dict[MessageKind, Callable[[Delivery], Awaitable[Verdict]]]] = {
    MessageKind.CREATE_CARE_PLAN: create_care_plan,
    MessageKind.SEND_SESSION: deliver_session,
    MessageKind.UPDATE_CARE_PLAN: update_care_plan,
    MessageKind.RETRACT_SESSION: retract_session,
    MessageKind.AMEND_SESSION: amend_session,
    MessageKind.COUNTERSIGN_SESSION: amend_session,
    MessageKind.SEND_SCORE: deliver_score,
    MessageKind.RETRACT_SCORE: retract_score,
    MessageKind.SEND_STATEMENT: deliver_statement,
    MessageKind.RETRACT_STATEMENT: retract_statement,
}


async def deliver_next(
    outbox: Outbox,
    work: Work,
    ehr_of: EhrOf,
    clock: Clock,
    instance: Instance,
    *,
    progress_of: ProgressOf,
    uniform: Uniform,
    pauses: Pauses,
    limits: Limits = _DEFAULTS,
) -> bool:
    """Deliver the next due message as far as it goes now. False: nothing is due.

    Every failure of the EHR ends as a state of the message. An exception that comes out of here is a fault of the app
    or its store: the message stays leased, comes back when the lease ends, and after five times goes to MANUAL.
    """
    message = await run_sync(lambda: outbox.claim(clock(), lease=limits.lease))
    if message is None:
        return False
    ehr = None if _paused(message, pauses, clock()) else await run_sync(ehr_of, message.launch)
    told: dict[str, str] = {}
    left_out: tuple[str, ...] = ()
    if ehr is not None:
        delivery = Delivery(
            message, ehr, outbox=outbox, work=work, instance=instance, progress_of=progress_of, limits=limits
        )
        verdict = await _attempt(delivery, pauses, clock)
        told, left_out = delivery.told, delivery.types_left_out
    else:
        verdict = _not_now(message, pauses, clock())
    await run_sync(lambda: _settle(outbox, message, verdict, told, left_out, clock(), uniform, limits))
    return True


def _paused(message: OutboxMessage, pauses: Pauses, now: datetime) -> bool:
    until = pauses.get(message.ehr)
    return until is not None and now < until


def _not_now(message: OutboxMessage, pauses: Pauses, now: datetime) -> Verdict:
    if not _paused(message, pauses, now):
        return Verdict(state=MessageState.WAIT_AUTH, words=SIGNED_OUT)
    state = MessageState.RETRY_AT if message.sent is None else MessageState.UNKNOWN
    wait = (pauses[message.ehr] - now).total_seconds()
    return Verdict(state=state, words="The EHR asked the app to wait.", wait=wait)


async def _attempt(delivery: Delivery, pauses: Pauses, clock: Clock) -> Verdict:
    message, limits = delivery.message, delivery.limits
    try:
        with anyio.fail_after(limits.attempt):
            return await _PLANS[message.kind](delivery)
    except Decided as decision:
        return decision.verdict
    except Unwritable as error:
        return unwritable(error)
    except EhrError as error:
        if isinstance(error, Busy) and error.retry_after is not None:
            wait = min(error.retry_after, limits.longest_asked_wait)
            pauses[message.ehr] = clock() + timedelta(seconds=wait)
        return verdict_of(error, in_doubt=delivery.in_doubt)
    except TimeoutError:
        slow = OutcomeUnknown if delivery.in_doubt else Unreachable
        return verdict_of(slow("the EHR took too long"), in_doubt=delivery.in_doubt)


def _settle(
    outbox: Outbox,
    message: OutboxMessage,
    verdict: Verdict,
    told: dict[str, str],
    left_out: tuple[str, ...],
    now: datetime,
    uniform: Uniform,
    limits: Limits,
) -> None:
    verdict = past_horizon(verdict, message, now, limits)
    unknown = verdict.state is MessageState.UNKNOWN
    until = now + timedelta(seconds=limits.settle) if unknown else None
    outbox.settle(
        replace(message, settle_until=until),
        verdict.state,
        due=due_after(verdict, message, now, uniform=uniform, limits=limits),
        reason=verdict.reason,
        references=told,
        audit=_audit(message, verdict, told, left_out, now),
        care_plan=verdict.care_plan,
    )


def _audit(
    message: OutboxMessage, verdict: Verdict, told: dict[str, str], left_out: tuple[str, ...], now: datetime
) -> AuditRecord:
    delivered = verdict.state is MessageState.DELIVERED
    without = f"Not taken by the EHR, left out: {', '.join(left_out)}." if left_out else ""
    words = (f"{verdict.state.value}, attempt {message.attempts}.", verdict.words, without)
    return AuditRecord(
        action=AUDITED_AS[message.kind],
        at=now,
        outcome=AuditOutcome.SUCCESS if delivered else AuditOutcome.FAILED,
        ehr=message.ehr,
        launch=message.launch,
        patient=message.patient,
        entities=tuple(told.values()),
        detail=" ".join(filter(None, words)),
    )
