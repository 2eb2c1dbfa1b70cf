"""One process owns a SQLite file, and nobody else on the machine can read it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from smart_app.store.errors import InUse, NotPrivate, StoreRefused

PRIVATE = 0o600


class Ownership:
    """Holds the lock beside a database file, from being made until `release`. The file is made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if not self.path.parent.is_dir():
            raise StoreRefused("the folder of the database does not exist: make it, readable for the app alone")
        self._lock: int | None = _lock(self.path.with_name(f"{self.path.name}.lock"))
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, PRIVATE))
            require_private(self.path)
        except BaseException:
            self.release()
            raise

    def assert_held(self) -> None:
        if self._lock is None:
            raise InUse("this engine was disposed of and no longer owns its database")

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def require_private(path: Path) -> None:
    """Refuse a file that the group or others may open."""
    if path.stat().st_mode & 0o077:
        raise NotPrivate(f"{path.name} can be read by others on this machine: set its mode to 600")


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InUse(
            "another process has this database open: stop it first. A SQLite file belongs to one process; "
            "several need PostgreSQL"
        ) from None
    return descriptor
