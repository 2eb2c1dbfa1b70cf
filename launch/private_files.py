"""Files that hold secrets: written for us alone, and not read when others could have."""

from __future__ import annotations

import os
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
    """Write a new file with mode 0600; a file of this name may not exist yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
