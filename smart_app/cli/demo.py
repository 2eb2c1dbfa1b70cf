"""`ketamine-pathway demo`: the sandbox EHR and the app side by side, ready to click."""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from smart_app.cli.errors import CommandFailed
from smart_app.cli.serve import checked, serve_app
from smart_app.parts import environment
from smart_app.settings import PREFIX, SystemClock, settings_from

EHR_URL = "http://127.0.0.1:8400"
APP_URL = "http://localhost:8500"


def add_commands(commands: Any) -> None:
    made = commands.add_parser("demo", help="start the sandbox EHR and the app", description=__doc__)
    made.add_argument(
        "--load", action="append", default=[], metavar="PATH", help="more patients: Bundles or a folder"
    )
    made.add_argument("--data", type=Path, metavar="FOLDER", help="keep the app's database and keys here")
    made.add_argument("--ehr-url", default=EHR_URL, help=argparse.SUPPRESS)
    made.add_argument("--app-url", default=APP_URL, help=argparse.SUPPRESS)
    made.add_argument("--control", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--app-only", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--no-course", action="store_true", help="do not record five sessions for the second patient")
    made.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Both run until Ctrl+C. Without --data everything is forgotten at the end."""
    # The server hands a SIGTERM on when it has shut down; it must not end us before the sandbox is stopped too.
    broken = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1 if broken.is_set() else 0))
    with tempfile.TemporaryDirectory(prefix="ketamine-pathway-") as folder:
        data = chosen.data or Path(folder)
        data.mkdir(parents=True, exist_ok=True)
        with _running_sandbox(chosen, broken):
            _serve(chosen, data)
    return 0


@contextmanager
def _running_sandbox(chosen: argparse.Namespace, broken: threading.Event) -> Iterator[None]:
    """The EHR as a process of its own: the app shall not be able to reach into it."""
    if chosen.app_only:
        yield
        return
    sandbox = subprocess.Popen(_sandbox(chosen))  # noqa: S603  # our own interpreter and module
    stopping = threading.Event()
    threading.Thread(target=_watch, args=(sandbox, chosen.ehr_url, stopping, broken), daemon=True).start()
    try:
        yield
    finally:
        stopping.set()
        sandbox.terminate()
        sandbox.wait(timeout=10)


def _watch(sandbox: subprocess.Popen[bytes], url: str, stopping: threading.Event, broken: threading.Event) -> None:
    """Say when it can be opened; stop the app when the EHR ends by itself."""
    announced = False
    while not stopping.wait(0.2):
        if sandbox.poll() is not None:
            broken.set()
            signal.raise_signal(signal.SIGTERM)
            return
        if not announced and _listens(url):
            announced = True
            print(f"\nOpen {url} in a browser: choose who you are, open a patient, and the app is in the chart.")
            print("All patients are synthetic. Stop with Ctrl+C.\n", flush=True)


def _listens(url: str) -> bool:
    where = urlsplit(url)
    try:
        socket.create_connection((str(where.hostname), int(where.port or 80)), timeout=1).close()
    except OSError:
        return False
    return True


def _sandbox(chosen: argparse.Namespace) -> list[str]:
    where = urlsplit(chosen.ehr_url)
    command = [sys.executable, "-m", "smart_app.sandbox", "--host", str(where.hostname), "--port", str(where.port)]
    command += ["--app-url", chosen.app_url]
    command += [] if chosen.no_course else ["--seed-course"]
    # The sandbox forgets at its end, kept data do not: its patients come back under ids that were never used.
    command += ["--generation", str(int(SystemClock()().timestamp()) // 60)] if chosen.data else []
    command += ["--control"] if chosen.control else []
    for path in chosen.load:
        if not Path(path).exists():
            raise CommandFailed(f"{path}: there is no such file or folder")
        command += ["--load", path]
    return command


def _serve(chosen: argparse.Namespace, data: Path) -> None:
    registry = data / "ehr.toml"
    registry.write_text(demo_registry(chosen.ehr_url), encoding="utf-8")
    ours = {"BASE_URL": chosen.app_url, "REGISTRY": str(registry), "DATA": str(data)}
    settings = checked(lambda: settings_from(environment() | {PREFIX + k: v for k, v in ours.items()}, demo=True))
    serve_app(settings, host="localhost", port=int(urlsplit(chosen.app_url).port or 8500))


def demo_registry(ehr_url: str) -> str:
    """The registration of the app at the sandbox EHR, as an administrator would write it."""
    text = files("smart_app.cli").joinpath("demo-ehr.toml").read_text("utf-8")
    return text.replace(EHR_URL, ehr_url)
