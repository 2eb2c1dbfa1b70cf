"""What every `Outbox` does: order per patient, one sender, leases, and one transaction to settle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fhir_mappings.facts.audit import AuditOutcome
from smart_app.use_cases.errors import StaleVersion
from smart_app.use_cases.ports import Outbox, Work
from smart_app.use_cases.records import MessageKind, MessageState, OutboxMessage
from tests.smart_app.store.stored_records import (
    ADA,
    BEN,
    NOON,
    a_course,
    a_message,
    an_audit,
    later,
)

FINAL_FAILURES = [MessageState.REJECTED, MessageState.CONFLICT, MessageState.MANUAL]


def put(work: Work, *messages: OutboxMessage) -> None:
    with work() as uow:
        for message in messages:
            uow.messages.add(message)
        uow.audit.add(an_audit())
        uow.commit()


def in_queue(work: Work, message_id: str = "message-1", course: str = "course-1") -> OutboxMessage:
    with work() as uow:
        return next(message for message in uow.messages.of_course(course) if message.id == message_id)


def claimed(outbox: Outbox, seconds: float = 0) -> OutboxMessage:
    message = outbox.claim(later(seconds), lease=60)
    assert message is not None
    return message


def end(outbox: Outbox, message: OutboxMessage, state: MessageState, *, due: float | None = None) -> None:
    when = None if due is None else later(due)
    outbox.settle(message, state, due=when, reason="as tested", references={}, audit=an_audit(at=later(1)))


def test_an_empty_queue_has_nothing_to_claim_and_nothing_due(outbox: Outbox) -> None:
    assert outbox.claim(NOON, lease=60) is None
    assert outbox.next_due(NOON) is None
    assert outbox.pending() == 0


def test_a_claimed_message_is_as_it_was_and_counts_the_attempt(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    assert message == a_message(seq=message.seq, attempts=1)
    assert in_queue(work).state is MessageState.SENDING


def test_a_message_is_not_claimed_before_it_is_due(work: Work, outbox: Outbox) -> None:
    put(work, a_message(due=later(30)))
    assert outbox.claim(later(29), lease=60) is None
    assert outbox.next_due(NOON) == later(30)
    assert claimed(outbox, 30).id == "message-1"


def test_a_leased_message_is_not_claimed_again(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    claimed(outbox)
    assert outbox.claim(later(59), lease=60) is None
    assert outbox.next_due(NOON) == later(60)


def test_messages_of_a_patient_go_one_after_another(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2"))
    first = claimed(outbox)
    assert outbox.claim(NOON, lease=60) is None
    end(outbox, first, MessageState.DELIVERED)
    assert claimed(outbox).id == "message-2"


def test_another_patient_need_not_wait(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2", patient=BEN, course="course-2"))
    assert claimed(outbox).id == "message-1"
    assert claimed(outbox).id == "message-2"


@pytest.mark.parametrize("waiting", [MessageState.RETRY_AT, MessageState.UNKNOWN, MessageState.WAIT_AUTH])
def test_a_waiting_message_holds_back_what_comes_later(work: Work, outbox: Outbox, waiting: MessageState) -> None:
    put(work, a_message(), a_message(id="message-2", course="course-2"))
    end(outbox, claimed(outbox), waiting, due=None if waiting is MessageState.WAIT_AUTH else 600)
    assert outbox.claim(later(300), lease=60) is None


@pytest.mark.parametrize("failure", [MessageState.REJECTED, MessageState.MANUAL])
def test_the_sessions_of_a_plan_that_is_not_taken_go_in_their_order(
    work: Work, outbox: Outbox, failure: MessageState
) -> None:
    put(work, a_message(kind=MessageKind.CREATE_CARE_PLAN), a_message(id="first"), a_message(id="second"))
    end(outbox, claimed(outbox), failure)
    first = claimed(outbox)
    assert first.id == "first"
    end(outbox, first, MessageState.RETRY_AT, due=600)
    assert outbox.claim(later(300), lease=60) is None
    assert claimed(outbox, 700).id == "first"


def test_a_care_plan_in_conflict_holds_back_its_course_only(work: Work, outbox: Outbox) -> None:
    failure = MessageState.CONFLICT
    plans = {"kind": MessageKind.CREATE_CARE_PLAN}
    put(work, a_message(**plans), a_message(id="same-course"))
    put(work, a_message(id="other-course", course="course-2", **plans))
    end(outbox, claimed(outbox), failure)
    end(outbox, claimed(outbox), failure)
    assert outbox.claim(later(300), lease=60) is None
    assert outbox.next_due(later(300)) is None
    assert in_queue(work, "other-course", "course-2").state is failure
    assert in_queue(work, "same-course").state is MessageState.QUEUED


@pytest.mark.parametrize("failure", FINAL_FAILURES)
def test_a_failed_session_holds_back_neither_the_next_nor_its_retraction(
    work: Work, outbox: Outbox, failure: MessageState
) -> None:
    put(work, a_message(), a_message(id="next-session"), a_message(id="taken-back", kind=MessageKind.RETRACT_SESSION))
    end(outbox, claimed(outbox), failure)
    following = claimed(outbox)
    assert following.id == "next-session"
    end(outbox, following, MessageState.DELIVERED)
    assert claimed(outbox).id == "taken-back"


@pytest.mark.parametrize("failure", FINAL_FAILURES)
def test_the_course_goes_on_once_its_failed_message_was_delivered(
    work: Work, outbox: Outbox, failure: MessageState
) -> None:
    put(work, a_message(kind=MessageKind.CREATE_CARE_PLAN), a_message(id="same-course"))
    end(outbox, claimed(outbox), failure)
    with work() as uow:
        uow.messages.retry("message-1", launch="launch-2", now=later(5))
        uow.audit.add(an_audit())
        uow.commit()
    again = claimed(outbox, 5)
    assert (again.id, again.launch, again.attempts) == ("message-1", "launch-2", 2)
    end(outbox, again, MessageState.DELIVERED)
    assert claimed(outbox, 6).id == "same-course"


def test_one_sender_per_patient_even_when_an_earlier_message_is_retried(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2", course="course-2"))
    end(outbox, claimed(outbox), MessageState.REJECTED)
    sending = claimed(outbox)
    with work() as uow:
        uow.messages.retry("message-1", launch="launch-1", now=NOON)
        uow.audit.add(an_audit())
        uow.commit()
    assert sending.id == "message-2"
    assert outbox.claim(later(1), lease=60) is None
    assert outbox.next_due(later(1)) == later(60)
    end(outbox, sending, MessageState.DELIVERED)
    assert claimed(outbox, 1).id == "message-1"


def test_a_crashed_later_message_does_not_block_a_retried_earlier_one(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2", course="course-2"))
    end(outbox, claimed(outbox), MessageState.REJECTED)
    claimed(outbox)
    with work() as uow:
        uow.messages.retry("message-1", launch="launch-1", now=NOON)
        uow.audit.add(an_audit())
        uow.commit()
    first = claimed(outbox, 61)
    end(outbox, first, MessageState.DELIVERED)
    assert (first.id, claimed(outbox, 62).id) == ("message-1", "message-2")


def test_a_lost_lease_before_sending_comes_back_as_it_was(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    claimed(outbox)
    again = claimed(outbox, 60)
    assert (again.state, again.attempts, again.sent) == (MessageState.QUEUED, 2, None)


def test_a_lost_lease_after_sending_comes_back_unknown(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    outbox.keep_sent(claimed(outbox).id, '{"resourceType":"Bundle"}')
    again = claimed(outbox, 61)
    assert (again.state, again.sent) == (MessageState.UNKNOWN, '{"resourceType":"Bundle"}')


def test_what_is_left_out_is_kept_through_the_end_of_an_attempt(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    values = [item.value for item in message.items]
    outbox.leave_out(message.id, values)
    outbox.leave_out(message.id, values[:1])
    end(outbox, message, MessageState.RETRY_AT, due=10)
    again = claimed(outbox, 10)
    assert [item.left_out for item in again.items] == [True, *(False for _ in values[1:])]
    assert [item.body for item in again.items] == [item.body for item in message.items]


def test_a_retry_keeps_its_state_when_claimed(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    outbox.keep_sent(message.id, "bytes")
    end(outbox, message, MessageState.RETRY_AT, due=10)
    again = claimed(outbox, 10)
    assert (again.state, again.sent, again.reason) == (MessageState.RETRY_AT, "bytes", "as tested")


def test_after_five_crashes_a_message_waits_for_a_person_and_others_flow(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2", course="course-2"))
    for crash in range(5):
        assert claimed(outbox, crash * 100).id == "message-1"
    assert claimed(outbox, 600).id == "message-2"
    given_up = in_queue(work)
    assert given_up.state is MessageState.MANUAL
    assert "stopped" in given_up.reason
    with work() as uow:
        assert uow.audit.of_patient(ADA)[0].outcome is AuditOutcome.FAILED


def test_crashes_count_again_from_zero_after_an_answer(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    for crash in range(4):
        claimed(outbox, crash * 100)
    end(outbox, claimed(outbox, 400), MessageState.RETRY_AT, due=500)
    for crash in range(5, 10):
        assert claimed(outbox, crash * 100).id == "message-1"


def test_settling_keeps_ids_reason_audit_and_care_plan_together(work: Work, outbox: Outbox) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        uow.messages.add(a_message())
        uow.audit.add(an_audit())
        uow.commit()
    message = claimed(outbox)
    outbox.settle(
        message,
        MessageState.DELIVERED,
        due=None,
        reason="",
        references={"s-1": "Procedure/77"},
        audit=an_audit(action="app:session:deliver", at=later(2)),
        care_plan="CarePlan/9",
    )
    settled = in_queue(work)
    assert settled.state is MessageState.DELIVERED
    assert [item.reference for item in settled.items] == ["Procedure/77", None]
    assert outbox.pending() == 0
    with work() as uow:
        course = uow.courses.get("course-1")
        assert course == a_course(care_plan="CarePlan/9")
        assert uow.audit.of_patient(ADA)[0].action == "app:session:deliver"


def test_known_ids_survive_a_later_attempt(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    for second, found in enumerate(({"s-1": "Procedure/77"}, {"r-1": "Observation/78"})):
        outbox.settle(
            claimed(outbox, second),
            MessageState.RETRY_AT,
            due=later(second + 1),
            reason="one is missing",
            references=found,
            audit=an_audit(),
        )
    assert [item.reference for item in in_queue(work).items] == ["Procedure/77", "Observation/78"]


def test_a_course_saved_from_an_older_page_does_not_lose_the_care_plan(work: Work, outbox: Outbox) -> None:
    with work() as uow:
        uow.courses.add(a_course())
        uow.messages.add(a_message())
        uow.audit.add(an_audit())
        uow.commit()
    message = claimed(outbox)
    outbox.settle(
        message,
        MessageState.DELIVERED,
        due=None,
        reason="",
        references={},
        audit=an_audit(),
        care_plan="CarePlan/9",
    )
    with work() as uow:
        uow.courses.replace(a_course())
        uow.audit.add(an_audit())
        uow.commit()
    with work() as uow:
        assert uow.courses.get("course-1") == a_course(care_plan="CarePlan/9", version=2)


def test_a_worker_that_lost_its_lease_cannot_settle(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    slow = claimed(outbox)
    claimed(outbox, 61)
    with pytest.raises(StaleVersion):
        end(outbox, slow, MessageState.DELIVERED)
    assert in_queue(work).state is MessageState.SENDING
    with work() as uow:
        assert len(uow.audit.of_patient(ADA)) == 1


def test_a_settled_message_cannot_be_settled_again(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    end(outbox, message, MessageState.DELIVERED)
    with pytest.raises(StaleVersion):
        end(outbox, message, MessageState.REJECTED)
    with pytest.raises(StaleVersion):
        outbox.keep_sent(message.id, "too late")
    with pytest.raises(StaleVersion):
        outbox.leave_out(message.id, [])
    assert in_queue(work).state is MessageState.DELIVERED


def test_the_settle_time_is_kept_and_a_retry_does_not_cut_it_short(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    outbox.keep_sent(message.id, "bytes")
    end(outbox, replace(message, settle_until=later(30)), MessageState.UNKNOWN, due=3600)
    with work() as uow:
        uow.messages.retry("message-1", launch="launch-1", now=later(5))
        uow.audit.add(an_audit())
        uow.commit()
    assert in_queue(work).settle_until == later(30)
    assert outbox.claim(later(29), lease=60) is None
    assert claimed(outbox, 30).state is MessageState.UNKNOWN


def test_a_new_launch_takes_over_what_waits_with_one_that_ended(
    work: Work, outbox: Outbox, end_launch: Callable[[str], None]
) -> None:
    """Signed, sent in vain, app closed: at its time the message must not find itself without a token."""
    put(work, a_message(), a_message(id="message-2", patient=BEN, course="course-2"))
    put(work, a_message(id="message-3", launch="launch-9"))
    end(outbox, claimed(outbox), MessageState.RETRY_AT, due=600)
    end_launch("launch-1")
    with work() as uow:
        assert uow.messages.release(ADA, launch="launch-2", now=later(5)) == 1
        uow.audit.add(an_audit())
        uow.commit()
    assert (in_queue(work).launch, in_queue(work).due) == ("launch-2", later(600))
    assert in_queue(work, "message-2", "course-2").launch == "launch-1"
    assert in_queue(work, "message-3").launch == "launch-9"


@pytest.mark.parametrize(("sent", "state"), [(None, MessageState.QUEUED), ("bytes", MessageState.UNKNOWN)])
def test_a_new_launch_takes_over_what_waits_for_one(
    work: Work, outbox: Outbox, sent: str | None, state: MessageState
) -> None:
    put(work, a_message(), a_message(id="message-2", patient=BEN, course="course-2"))
    for message in (claimed(outbox), claimed(outbox)):
        if sent is not None:
            outbox.keep_sent(message.id, sent)
        end(outbox, message, MessageState.WAIT_AUTH)
    assert outbox.next_due(NOON) is None
    with work() as uow:
        assert uow.messages.release(ADA, launch="launch-2", now=later(5)) == 1
        uow.audit.add(an_audit())
        uow.commit()
    released = claimed(outbox, 5)
    assert (released.id, released.state, released.launch) == ("message-1", state, "launch-2")
    assert outbox.claim(later(5), lease=60) is None


def test_a_message_being_sent_or_delivered_is_not_made_due_again(work: Work, outbox: Outbox) -> None:
    put(work, a_message())
    message = claimed(outbox)
    for state in (MessageState.SENDING, MessageState.DELIVERED):
        with work() as uow:
            uow.messages.retry("message-1", launch="launch-2", now=NOON)
            uow.audit.add(an_audit())
            uow.commit()
        assert (in_queue(work).state, in_queue(work).launch) == (state, "launch-1")
        if state is MessageState.SENDING:
            end(outbox, message, MessageState.DELIVERED)


def test_a_delivered_update_is_repeated_on_request_and_one_being_sent_is_not(work: Work, outbox: Outbox) -> None:
    put(work, a_message(kind=MessageKind.UPDATE_CARE_PLAN))
    message = claimed(outbox)
    outbox.keep_sent(message.id, "{}")
    for state in (MessageState.SENDING, MessageState.UNKNOWN):
        with work() as uow:
            uow.messages.repeat("message-1", launch="launch-2", now=later(5))
            uow.audit.add(an_audit())
            uow.commit()
        assert in_queue(work).state is state
        if state is MessageState.SENDING:
            end(outbox, message, MessageState.DELIVERED)
    again = claimed(outbox, 5)
    assert (again.id, again.launch) == ("message-1", "launch-2")


def test_next_due_looks_at_the_head_of_each_line(work: Work, outbox: Outbox) -> None:
    put(
        work,
        a_message(due=later(500)),
        a_message(id="held-back"),
        a_message(id="other", patient=BEN, course="course-2", due=later(900)),
    )
    assert outbox.next_due(later(100)) == later(500)


def test_pending_counts_what_is_not_final_by_launch(work: Work, outbox: Outbox) -> None:
    put(work, a_message(), a_message(id="message-2"), a_message(id="m3", launch="launch-2", course="c2"))
    end(outbox, claimed(outbox), MessageState.DELIVERED)
    assert outbox.pending() == 2
    assert outbox.pending(launch="launch-1") == 1
    assert outbox.pending(launch="launch-3") == 0


def test_messages_of_a_course_come_in_order_with_growing_seq(work: Work) -> None:
    put(work, a_message(), a_message(id="other", course="course-2"))
    put(work, a_message(id="message-2", created=later(-60)))
    with work() as uow:
        messages = uow.messages.of_course("course-1")
    assert [message.id for message in messages] == ["message-1", "message-2"]
    assert messages[0].seq < messages[1].seq


def test_messages_of_a_patient_come_in_order_whatever_course_they_are_of(work: Work) -> None:
    put(work, a_message(), a_message(id="of-none", course="", session=None), a_message(id="ben", patient=BEN))
    put(work, a_message(id="elsewhere", ehr="other"), a_message(id="message-2", course="course-2"))
    with work() as uow:
        found = uow.messages.of_patient("demo", ADA)
    assert [(message.id, message.course) for message in found] == [
        ("message-1", "course-1"), ("of-none", ""), ("message-2", "course-2")
    ]  # fmt: skip
