"""The file of the sealing keys, newest first. More than one key in it: a rotation is under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from launch.private_files import locked, replace_private
from smart_app.store.errors import KeyMissing, StoreRefused
from smart_app.store.ownership import require_private
from smart_app.store.sealing import Sealer, SealingKey


class KeyFile:
    """The `Seals` of a key file as it is now; a first key is made when there is no file. Raises StoreRefused.

    Before each sealing the file is read again, some microseconds beside a transaction that waits for the disk: so a
    process that nobody told of a rotation never seals with a key that is about to go.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            with self.changing():
                if not path.exists():
                    _write(path, [SealingKey.generate()])
        self._held: tuple[bytes | None, Sealer] = None, Sealer([SealingKey.generate()])  # of no file yet
        self.now()

    def seal(self, context: str, text: str) -> str:
        return self.now().seal(context, text)

    def open(self, context: str, sealed: str) -> str:
        try:
            return self._held[1].open(context, sealed)
        except KeyMissing:
            return self.now().open(context, sealed)

    def now(self) -> Sealer:
        """The sealer of what stands in the file at this moment."""
        try:
            content = self.path.read_bytes()
        except OSError:
            raise StoreRefused(f"{self.path.name} cannot be read: put it back from the backup") from None
        if content != self._held[0]:
            require_private(self.path)
            self._held = content, Sealer(_parsed(content, self.path.name))
        return self._held[1]

    def rotating(self) -> bool:
        """Whether older keys are still there, since something may be sealed with them."""
        return len(read_keys(self.path)) > 1

    @contextmanager
    def changing(self) -> Iterator[None]:
        """While the file changes, or something outside the database is sealed."""
        with locked(self.path.with_name(f"{self.path.name}.lock")):
            yield

    def add_key(self) -> None:
        """Make a new newest key, unless a rotation is under way; what the older ones sealed still opens."""
        with self.changing():
            held = read_keys(self.path)
            if len(held) == 1:
                _write(self.path, [SealingKey.generate(), *held])

    def drop_old_keys(self) -> None:
        """Keep the newest key alone, inside `changing`. Only after everything was sealed anew: see `rotation`."""
        _write(self.path, read_keys(self.path)[:1])
        self.now()


def read_keys(path: Path) -> tuple[SealingKey, ...]:
    """The keys of a file, newest first: a line each, an id and a Fernet key."""
    require_private(path)
    return _parsed(path.read_bytes(), path.name)


def _parsed(content: bytes, name: str) -> tuple[SealingKey, ...]:
    try:
        lines = [line.split() for line in content.decode().splitlines() if line.strip() and not line.startswith("#")]
        keys = tuple(SealingKey(id=key_id, secret=secret) for key_id, secret in lines)
        Sealer(keys)
    except ValueError:
        raise StoreRefused(f"{name} is not a file of sealing keys: a line each, an id and a key") from None
    return keys


def _write(path: Path, keys: Sequence[SealingKey]) -> None:
    _forget_unfinished(path)
    replace_private(path, "".join(f"{key.id} {key.secret}\n" for key in keys).encode())


def _forget_unfinished(path: Path) -> None:
    """What a process left that was killed while it wrote: keys are in it that are to be gone."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)
