"""What a served app prints: no address it was asked for, since addresses hold launch handles, states and codes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from smart_app.cli.demo import demo_registry

ASKED = (
    "/l/secret-handle/screening?name=Ada",
    "/callback/sandbox?code=secret-code&state=secret-state",
    "/nothing-Ada",
)


@contextmanager
def _served(folder: Path, printed: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    registry = folder / "ehr.toml"
    registry.write_text(demo_registry("https://ehr.test"), "utf-8")
    ours = {"KP_BASE_URL": "https://pathway.test", "KP_REGISTRY": str(registry), "KP_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "smart_app", "serve", "--port", str(port)]
    with printed.open("wb") as output:
        running = subprocess.Popen(command, env=os.environ | ours, stdout=output, stderr=output)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(timeout=30)


def _ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_no_address_that_was_asked_for_is_printed(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    with _served(tmp_path, printed) as base:
        end = time.monotonic() + 60
        while not _ready(base):
            if time.monotonic() > end:
                pytest.fail(f"the app did not start: {printed.read_text()[-500:]}")
            time.sleep(0.2)
        for address in ASKED:
            answer = httpx.get(base + address, trust_env=False)
            assert 400 <= answer.status_code < 500
            assert "server" not in answer.headers
    told = printed.read_text()
    assert "store: SQLite" in told
    assert not any(word in told for word in ("secret", "Ada", "GET", "/healthz"))
