"""D-3: the sealing key is exchanged while others write, nothing is lost, and the old key opens nothing any more."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select, update

from launch.context import Handover
from launch.errors import KeysUnusable
from smart_app.cli import main
from smart_app.store import client_secrets, key_file, rotation
from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.engine import open_engine
from smart_app.store.errors import KeyMissing, SealBroken
from smart_app.store.key_file import KeyFile, read_keys
from smart_app.store.launches import SqlLaunches
from smart_app.store.rotation import Resealed, finish_rotation
from smart_app.store.sealing import Sealer
from smart_app.store.tables import device_keys, handovers, pending_launches, tokens
from smart_app.store.unit_of_work import SqlWork
from smart_app.use_cases.records import DeviceKey
from tests.smart_app.store.stored_records import (
    ADA,
    NOON,
    a_launch,
    a_pending_launch,
    an_audit,
    later,
    some_tokens,
)

TABLES = (tokens, pending_launches, handovers, device_keys)
SECRETS = {"north": "s3cret of north", "south": "s3cret of south"}
HANDOVER = Handover(ehr="demo", iss="https://ehr.test/fhir", opened="launch-1", expires=NOON + timedelta(seconds=60))
MANY = 3


class Kept:
    """One of everything that is sealed, several times, as one process sees it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.path = engine, folder / "sealing.keys"
        self.keys = KeyFile(self.path)
        self.launches = SqlLaunches(engine, self.keys, lambda: NOON)
        self.secrets = SealedSecrets(folder / "client-secrets", self.keys)

    def fill(self) -> None:
        for number in range(MANY):
            self.launches.keep_pending(a_pending_launch(state_digest=_digest(number)))
            self.launches.complete(a_launch(id=f"launch-{number}"), some_tokens(access_token=str(number)), "ef" * 32)
            self.launches.keep_handover(_digest(number), HANDOVER)
            self._add_device_key(number)
        for ehr, secret in SECRETS.items():
            self.secrets.keep(ehr, secret)

    def _add_device_key(self, number: int) -> None:
        key = DeviceKey(
            id=f"key-{number}", patient=ADA, author="me", made=NOON, expires=later(3600), secret=f"secret {number}"
        )
        with SqlWork(self.engine, self.keys)() as uow:
            uow.device_keys.add(key)
            uow.audit.add(an_audit())
            uow.commit()

    def device_secrets(self) -> set[str]:
        with SqlWork(self.engine, self.keys)() as uow:
            return {key.secret for key in uow.device_keys.of(ADA, "me")}

    def check(self) -> None:
        """Everything opens, for a process that has just started."""
        fresh = Kept(self.engine, self.path.parent)
        for number in range(MANY):
            assert fresh.launches.tokens(f"launch-{number}") == some_tokens(access_token=str(number))
        assert fresh.device_secrets() == {f"secret {number}" for number in range(MANY)}
        keys = fresh.keys
        for row in rows(self.engine, pending_launches):
            assert "the-nonce" in keys.open(f"pending/{row.state_digest}", row.sealed)
        for row in rows(self.engine, handovers):
            assert "launch-1" in keys.open(f"handover/{row.code_digest}", row.sealed)
        assert {ehr: fresh.secrets.secret(ehr) for ehr in SECRETS} == SECRETS

    def sealed(self) -> list[str]:
        """Every sealed text there is."""
        stored = [row.sealed for table in TABLES for row in rows(self.engine, table)]
        return stored + [path.read_text() for path in (self.path.parent / "client-secrets").glob("[!.]*")]

    def rotate(self) -> Resealed | None:
        self.keys.add_key()
        return finish_rotation(self.keys, self.engine, self.secrets)


@pytest.fixture
def kept_sealed(engine: Engine, tmp_path: Path) -> Kept:
    made = Kept(engine, tmp_path)
    made.fill()
    return made


def test_d3_everything_is_sealed_anew_and_the_old_key_is_useless(kept_sealed: Kept, tmp_path: Path) -> None:
    (old,) = read_keys(kept_sealed.path)
    before = kept_sealed.sealed()
    assert kept_sealed.rotate() == Resealed(rows=len(TABLES) * MANY, secrets=len(SECRETS), left=0)
    (new,) = read_keys(kept_sealed.path)
    kept_sealed.check()
    after = kept_sealed.sealed()
    assert len(after) == len(before)
    assert all(text.startswith(f"{new.id}.") for text in after)
    for text in after:
        with pytest.raises(KeyMissing):
            Sealer([old]).open("any row", text)
        # Nor by who says that the key is the new one.
        with pytest.raises(SealBroken):
            Sealer([old]).open("any row", text.replace(new.id, old.id))
    for text in before:
        with pytest.raises(KeyMissing):
            kept_sealed.keys.open("any row", text)
    assert not [path for path in tmp_path.glob(".*") if old.secret in path.read_text()]
    assert kept_sealed.rotate() is not None
    assert finish_rotation(kept_sealed.keys, kept_sealed.engine, kept_sealed.secrets) is None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_d3_two_rows_exchanged_are_refused_and_stay_refused(
    kept_sealed: Kept, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_AT_ONCE", 2)  # those that nobody can open fill a whole transaction
    (key,) = table.primary_key.columns
    first, second = rows(kept_sealed.engine, table)[:2]
    with kept_sealed.engine.begin() as connection:
        for one, other in permutations((first, second)):
            connection.execute(update(table).where(key == getattr(one, key.name)).values(sealed=other.sealed))
    opened = {
        "tokens": lambda: kept_sealed.launches.tokens(first.launch),
        "pending_launches": lambda: kept_sealed.launches.take_pending(first.state_digest),
        "handovers": lambda: kept_sealed.launches.take_handover(first.code_digest),
        "device_keys": kept_sealed.device_secrets,
    }[table.name]
    with pytest.raises(SealBroken):
        opened()
    done = kept_sealed.rotate()
    assert done is not None
    assert (done.rows, done.left) == (len(TABLES) * MANY - 2, 2)
    with pytest.raises(KeyMissing):
        opened()


def test_d3_two_client_secrets_exchanged_are_refused(kept_sealed: Kept, tmp_path: Path) -> None:
    folder = tmp_path / "client-secrets"
    north, south = (folder / "north").read_bytes(), (folder / "south").read_bytes()
    (folder / "north").write_bytes(south)
    (folder / "south").write_bytes(north)
    for ehr in SECRETS:
        with pytest.raises(KeysUnusable):
            kept_sealed.secrets.secret(ehr)


class Killed(BaseException):
    """As by SIGKILL: nothing of ours catches it."""


def test_a_kill_at_any_step_leaves_everything_readable_and_the_rotation_to_be_finished(
    kept_sealed: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_AT_ONCE", 2)
    replace, writing = key_file.replace_private, rotation.writing
    left = count()

    def step() -> None:
        if next(left) == 0:
            raise Killed

    def replaced(path: Path, content: bytes) -> None:
        step()
        replace(path, content)
        step()

    @contextmanager
    def written(engine: Engine) -> Iterator[Any]:
        step()
        with writing(engine) as connection:
            yield connection
            step()
        step()

    for module in (key_file, client_secrets):
        monkeypatch.setattr(module, "replace_private", replaced)
    monkeypatch.setattr(rotation, "writing", written)
    kills = 0
    while True:
        (old,) = read_keys(kept_sealed.path)
        left = count(-kills)
        try:
            Kept(kept_sealed.engine, kept_sealed.path.parent).rotate()
        except Killed:
            kills += 1
            left = count(1)  # no more of it
            kept_sealed.check()
            Kept(kept_sealed.engine, kept_sealed.path.parent).rotate()
            kept_sealed.check()
            (new,) = read_keys(kept_sealed.path)
            assert {text.partition(".")[0] for text in kept_sealed.sealed()} == {new.id}
            assert new != old or kills == 1  # killed after the last step: there was nothing left to do
        else:
            break
    assert kills > 20


def test_every_row_is_sealed_and_taken_inside_its_transaction(sqlite_engine: Engine, tmp_path: Path) -> None:
    """What a rotation relies on: otherwise a row could be sealed before it and written after it."""
    kept = Kept(sqlite_engine, tmp_path)
    turns = sqlite_engine.get_execution_options()["turns"]
    seen: Counter[bool] = Counter()

    class Watched:
        def seal(self, context: str, text: str) -> str:
            seen[turns.locked()] += 1
            return kept.keys.seal(context, text)

        def open(self, context: str, sealed: str) -> str:
            seen[turns.locked()] += 1
            return kept.keys.open(context, sealed)

    launches = SqlLaunches(sqlite_engine, Watched(), lambda: NOON)
    launches.keep_pending(a_pending_launch())
    launches.take_pending("ab" * 32)
    launches.complete(a_launch(), some_tokens(), "ef" * 32)
    launches.replace_tokens("launch-1", some_tokens(version=2))
    launches.keep_handover(_digest(1), HANDOVER)
    launches.take_handover(_digest(1))
    assert seen == {True: 6}


def test_d3_rotations_under_load_fail_nobody(
    request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL two processes serve and the command is a third; on SQLite the serving process does it itself."""
    postgresql = engine.dialect.name == "postgresql"
    others = [open_engine(request.getfixturevalue("migrated_schema"))] if postgresql else []
    processes = [Kept(one, tmp_path) for one in (engine, *others)]
    processes[0].fill()
    monkeypatch.setenv("KP_DATA", str(tmp_path))
    monkeypatch.setenv(
        "KP_DATABASE",
        request.getfixturevalue("migrated_schema") if postgresql else f"sqlite:///{tmp_path / 'app.db'}",
    )
    (old,) = read_keys(processes[0].path)
    over, done = threading.Event(), Counter[str]()

    def load(number: int) -> None:
        process = processes[number % len(processes)]
        for turn in count():
            if over.is_set():
                return
            done[_work(process, f"{number}-{turn}")] += 1

    def serve() -> None:
        while not over.wait(0.05):
            if not postgresql:
                finish_rotation(processes[0].keys, engine, processes[0].secrets)

    with ThreadPoolExecutor(9) as pool:
        at_work = [pool.submit(serve), *(pool.submit(load, number) for number in range(6))]
        try:
            used = [old.id]
            while (len(used) < 5 or done["whole launch"] < 60) and not any(one.done() for one in at_work):
                assert main(["keys", "rotate-storage", "--wait", "60s"]) == 0
                (newest,) = read_keys(processes[0].path)
                used.append(newest.id)
        finally:
            over.set()
        for one in at_work:
            one.result()
    assert len(set(used)) == len(used)
    processes[0].check()
    assert {text.partition(".")[0] for text in processes[0].sealed()} == {used[-1]}
    for one in others:
        one.dispose()


def _work(process: Kept, name: str) -> str:
    """What a launch does to the store, from its start to its end."""
    digest = name.rjust(64, "0")
    launches = process.launches
    launches.keep_pending(a_pending_launch(state_digest=digest))
    pending = launches.take_pending(digest)
    assert pending is not None
    launches.complete(a_launch(id=name), some_tokens(access_token=name), "ef" * 32)
    kept = launches.tokens(name)
    assert kept is not None
    assert kept.access_token == name
    launches.keep_handover(digest, HANDOVER)
    assert launches.replace_tokens(name, some_tokens(access_token=f"{name}!", version=2))
    assert launches.take_handover(digest) == HANDOVER
    renewed = launches.tokens(name)
    assert renewed is not None
    assert renewed.access_token == f"{name}!"
    assert process.secrets.secret("north") == SECRETS["north"]
    return "whole launch"


def rows(engine: Engine, table: Table) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(table)))


def _digest(number: int) -> str:
    return f"{number:064}"
