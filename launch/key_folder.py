"""The folder of our signing keys, as it is on the disk now: a running server follows what an operator does to it.

signing-keys/<EHR>/es384-<kid>.jwk    keys of one EHR
signing-keys/es384-<kid>.jwk          keys of earlier releases, which signed for every EHR
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from launch.errors import KeysUnusable
from launch.keys import KeyRing, SigningKey
from launch.private_files import locked

_log = logging.getLogger(__name__)


class KeyFolder:
    """The `SigningKeys` of a folder, which need not exist yet.

    A key file never changes under its name, so the names tell whether anything has to be read again. To list one
    EHR's folder takes some microseconds: it is done at each use, and no process needs to be told of a rotation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[Path, dict[str, SigningKey]] = {}
        self._complained: set[Path] = set()

    def active(self, ehr: str, algorithm: str, now: datetime) -> SigningKey:
        return self.ring(ehr).active(ehr, algorithm, now)

    def jwks(self, ehr: str | None = None) -> dict[str, list[dict[str, str]]]:
        return self.ring(ehr).jwks(ehr)

    def ring(self, ehr: str | None = None) -> KeyRing:
        """The keys of one EHR, or of all. A file that cannot be read is left out, and the log says so once."""
        ehrs = self.ehrs() if ehr is None else [ehr]
        own = {name: self._keys_in(self.path / name).values() for name in ehrs}
        return KeyRing.of(self._keys_in(self.path).values(), own)

    def check(self) -> None:
        """For the start: raises KeysUnusable for a file that cannot be used, or a key that two EHRs have."""
        kids: Counter[str] = Counter()
        for folder in (self.path, *(self.path / ehr for ehr in self.ehrs())):
            kids.update({SigningKey.from_file(folder / name).kid for name in _key_files(folder)})
        for kid, folders in kids.items():
            if folders > 1:
                raise KeysUnusable(f"the signing key {kid} stands in two folders: a key is for one EHR only")

    def ehrs(self) -> list[str]:
        """The EHRs that have a folder of their own."""
        try:
            with os.scandir(self.path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []

    def file_of(self, ehr: str, kid: str) -> Path | None:
        """Where this key of the EHR is kept, or the shared key of this kid."""
        for folder in (self.path / ehr, self.path):
            for name, key in self._keys_in(folder).items():
                if key.kid == kid:
                    return folder / name
        return None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While keys are made or retired: two who do it at once would each decide on what the other changes."""
        with locked(self.path / ".lock"):
            yield

    def _keys_in(self, folder: Path) -> dict[str, SigningKey]:
        names, held = _key_files(folder), self._read.get(folder, {})
        if names != list(held):
            found = {name: held.get(name) or self._readable(folder / name) for name in names}
            held = {name: key for name, key in found.items() if key is not None}
            self._read[folder] = held
        return held

    def _readable(self, path: Path) -> SigningKey | None:
        try:
            return SigningKey.from_file(path)
        except KeysUnusable as problem:
            # One bad file must not end the launches that the other keys can serve. It may also be gone by now.
            if path.exists() and path not in self._complained:
                self._complained.add(path)
                _log.error("a signing key is left out: %s", problem)
            return None


def _key_files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith(".jwk"))
    except (FileNotFoundError, NotADirectoryError):
        return []
