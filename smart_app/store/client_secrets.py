"""Client secrets for EHRs with HTTP Basic: entered by an operator, sealed, a file for each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from launch.errors import KeysUnusable
from launch.private_files import read_private, replace_private
from launch.registry import Registration
from smart_app.store.errors import KeyMissing, SealBroken
from smart_app.store.key_file import KeyFile
from smart_app.store.sealing import open_found


class SealedSecrets:
    """The `ClientSecrets` of a folder, which need not exist yet."""

    def __init__(self, folder: Path, keys: KeyFile) -> None:
        self._folder = folder
        self._keys = keys

    def secret(self, ehr: str) -> str | None:
        """The secret for this EHR; None: none is kept. Raises KeysUnusable for one that cannot be opened."""
        try:
            return open_found(self._keys, lambda: self._found(ehr))
        except (KeyMissing, SealBroken, UnicodeDecodeError):
            raise KeysUnusable("The app cannot open its client secret for this EHR.", ehr=ehr) from None

    def keep(self, ehr: str, secret: str) -> None:
        """Keep this secret in place of the one before."""
        with self._keys.changing():
            self._seal(ehr, secret)

    def reseal(self) -> tuple[int, int]:
        """Seal anew what an older key sealed, inside `changing`: how many, and how many cannot be opened."""
        done = left = 0
        for ehr in sorted(path.name for path in self._folder.glob("[!.]*")):
            found = self._found(ehr)
            if found is None or found[1].startswith(f"{self._keys.now().newest}."):
                continue
            try:
                self._seal(ehr, self._keys.open(*found))
                done += 1
            except (KeyMissing, SealBroken):
                left += 1
        return done, left

    def missing(self, registrations: Iterable[Registration]) -> list[str]:
        """EHRs at which every launch will fail, since a secret is to be sent and none can be opened."""
        return [one.name for one in registrations if one.auth == "client_secret_basic" and not self._opens(one.name)]

    def _opens(self, ehr: str) -> bool:
        try:
            return self.secret(ehr) is not None
        except KeysUnusable:
            return False

    def _seal(self, ehr: str, secret: str) -> None:
        replace_private(self._folder / ehr, self._keys.seal(_context(ehr), secret).encode())

    def _found(self, ehr: str) -> tuple[str, str] | None:
        path = self._folder / ehr
        return (_context(ehr), read_private(path).decode()) if path.exists() else None


def missing_secrets(registrations: Iterable[Registration], *, folder: Path, sealing_keys: Path) -> list[str]:
    """The same for who only looks: no first key is made."""
    wanted = [one for one in registrations if one.auth == "client_secret_basic"]
    if not sealing_keys.exists():
        return [one.name for one in wanted]
    return SealedSecrets(folder, KeyFile(sealing_keys)).missing(wanted) if wanted else []


def _context(ehr: str) -> str:
    return f"client-secret/{ehr}"
