"""The sealing key exchanged: by the command where the database is free, else by the process that has it."""

from __future__ import annotations

import time
from pathlib import Path

from smart_app.cli.errors import CommandFailed
from smart_app.settings import CLIENT_SECRETS, SEALING_KEYS
from smart_app.store.client_secrets import SealedSecrets
from smart_app.store.errors import InUse
from smart_app.store.key_file import KeyFile
from smart_app.store.rotation import Resealed, database_for_rotation, finish_rotation

_LOOKS = 0.2  # seconds
_TRIES = 5.0  # seconds until the database may have become free


def rotate_storage(data: Path, url: str, *, wait: float) -> str:
    """What was done, in words. `wait`: seconds for a running server. Raises StoreRefused or CommandFailed."""
    path = data / SEALING_KEYS
    if not path.exists():
        raise CommandFailed(f"{path}: there is no sealing key yet; the first start makes it")
    keys = KeyFile(path)
    secrets = SealedSecrets(data / CLIENT_SECRETS, keys)
    until = time.monotonic() + wait
    while True:
        try:
            with database_for_rotation(url) as engine:
                keys.add_key()
                return _words(finish_rotation(keys, engine, secrets))
        except InUse:
            keys.add_key()
        tried = time.monotonic()
        while time.monotonic() < tried + _TRIES:
            if not keys.rotating():
                return _words(None)
            if time.monotonic() > until:
                raise CommandFailed(_LATE.format(wait), code=1)
            time.sleep(_LOOKS)


_LATE = (
    "the process that has the database open has not sealed anew within {:.0f} seconds. Nothing is lost: the new key "
    "seals, and the old one still opens what it sealed. See its log, or stop it, and run this again"
)


def _words(done: Resealed | None) -> str:
    if done is None:
        return "The running server has sealed everything anew. The old key is gone."
    told = f"{done.rows} rows and {done.secrets} client secrets are sealed with a new key. The old key is gone."
    return told + (
        f" {done.left} could not be opened, before as now, and were left as they are." if done.left else ""
    )
