"""The store opened as the app opens it: found again at the next start, given back when refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_app.store.errors import KeyMissing, NotPrivate, WrongInstance
from smart_app.store.opened import Store, open_store
from tests.smart_app.store.stored_records import NOON, a_launch, a_session, an_audit, some_tokens


def opened(folder: Path, base_url: str = "https://app.test") -> Store:
    url = f"sqlite:///{folder / 'app.db'}"
    return open_store(
        url, base_url=base_url, sealing_keys=folder / "keys", client_secrets=folder / "secrets", clock=lambda: NOON
    )


def test_what_was_kept_is_there_at_the_next_start(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.launches.complete(a_launch(), some_tokens(), "ef" * 32)
    with first.work() as uow:
        uow.sessions.add(a_session())
        uow.audit.add(an_audit())
        uow.commit()
    first.close()
    second = opened(tmp_path)
    assert second.launches.tokens("launch-1") == some_tokens()
    with second.work() as uow:
        assert uow.sessions.get("session-1") == a_session()
    second.close()


def test_a_refused_start_gives_the_file_back(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(WrongInstance):
        opened(tmp_path, "https://other.test")
    (tmp_path / "keys").chmod(0o644)
    with pytest.raises(NotPrivate):
        opened(tmp_path)
    (tmp_path / "keys").chmod(0o600)
    opened(tmp_path).close()


def test_tokens_sealed_with_a_lost_key_file_are_refused_by_key(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.launches.complete(a_launch(), some_tokens(), "ef" * 32)
    first.close()
    (tmp_path / "keys").unlink()
    second = opened(tmp_path)
    with pytest.raises(KeyMissing):
        second.launches.tokens("launch-1")
    second.close()
