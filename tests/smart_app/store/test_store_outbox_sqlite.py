"""What only the owner of a SQLite file may do: take up at once what its killed predecessor was sending."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from smart_app.store.opened import Store, open_store
from smart_app.use_cases.records import MessageState
from tests.smart_app.store.stored_records import NOON, a_course, a_message, an_audit


def opened(folder: Path, minutes: int) -> Store:
    def clock():  # type: ignore[no-untyped-def]  # a clock that stands still
        return NOON + timedelta(minutes=minutes)

    return open_store(
        f"sqlite:///{folder / 'kp.db'}",
        base_url="https://kp.example",
        sealing_keys=folder / "sealing.keys",
        client_secrets=folder / "secrets",
        clock=clock,
    )


def test_a_message_that_was_being_sent_is_taken_up_by_the_next_process(tmp_path: Path) -> None:
    killed = opened(tmp_path, 0)
    with killed.work() as uow:
        uow.courses.add(a_course())
        uow.messages.add(a_message())
        uow.audit.add(an_audit())
        uow.commit()
    message = killed.outbox.claim(NOON, lease=3600)
    assert message is not None
    killed.outbox.keep_sent(message.id, "{}")
    killed.close()
    following = opened(tmp_path, 1)
    again = following.outbox.claim(NOON + timedelta(minutes=1), lease=60)
    following.close()
    assert again is not None
    assert (again.id, again.state) == (message.id, MessageState.UNKNOWN)
