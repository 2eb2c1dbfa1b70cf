"""Files that hold secrets: written for us alone and whole, and not read when others could have."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launch.errors import KeysUnusable

_TOO_OPEN = 0o037  # others may do nothing; the group may read, as mounted secrets need


def read_private(path: Path) -> bytes:
    """The file's bytes; KeysUnusable when it is missing or open to others."""
    try:
        if path.stat().st_mode & _TOO_OPEN:
            raise KeysUnusable(f"{path.name} can be read by others than the app: set its mode to 0600")
        return path.read_bytes()
    except OSError:
        raise KeysUnusable(f"{path.name} cannot be read") from None


def write_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600; a file of this name may not exist yet. No reader ever finds half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = _beside(path, content)
    try:
        path.hardlink_to(beside)  # unlike a rename, it writes over nothing
    finally:
        beside.unlink()


def replace_private(path: Path, content: bytes) -> None:
    """The same, in place of what was there: at once or, after a crash, not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = _beside(path, content)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink()
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process and one thread at a time. The file stays; the lock ends with the process that holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _beside(path: Path, content: bytes) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return beside
