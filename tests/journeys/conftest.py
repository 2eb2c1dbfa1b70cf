"""The real app beside the sandbox EHR and its store, each a process of its own on free ports of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

PATIENCE = 60.0  # seconds; the machine may be busy


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def eventually(asked: Any, *, within: float = PATIENCE, every: float = 0.1) -> Any:
    """The first true answer of `asked`; fails when none came in time."""
    end = time.monotonic() + within
    while True:
        answer = asked()
        if answer:
            return answer
        if time.monotonic() > end:
            pytest.fail(f"did not happen within {within:.0f} s; the last answer was {answer!r}")
        time.sleep(every)


@dataclass
class Clinic:
    """Both processes and their addresses. `data` is the app's folder: it survives a killed app."""

    data: Path
    ehr_port: int = field(default_factory=free_port)
    app_port: int = field(default_factory=free_port)
    sandbox: subprocess.Popen[bytes] | None = None
    app: subprocess.Popen[bytes] | None = None

    @property
    def ehr_url(self) -> str:
        return f"http://127.0.0.1:{self.ehr_port}"

    @property
    def app_url(self) -> str:
        return f"http://localhost:{self.app_port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "smart_app.sandbox", "--port", str(self.ehr_port)]
        self.sandbox = self._process([*command, "--app-url", self.app_url, "--control"], "sandbox")
        self.start_app()
        eventually(lambda: self._answers(f"{self.ehr_url}/fhir/metadata"))

    def start_app(self) -> None:
        command = [sys.executable, "-m", "smart_app", "demo", "--app-only", "--data", str(self.data)]
        self.app = self._process([*command, "--ehr-url", self.ehr_url, "--app-url", self.app_url], "app")
        eventually(lambda: self._answers(f"{self.app_url}/healthz"))

    def _process(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        log = (self.data / f"{name}.log").open("ab")
        with log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"KP_SETTLE_SECONDS": "0.5"})

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill_app(self) -> None:
        """As a power cut would: no goodbye."""
        assert self.app is not None
        self.app.send_signal(signal.SIGKILL)
        self.app.wait(timeout=10)

    def stop(self) -> None:
        for process in (self.app, self.sandbox):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=25)
                except subprocess.TimeoutExpired:
                    process.kill()

    def control(self, method: str, path: str, **given: Any) -> Any:
        reply = httpx.request(method, f"{self.ehr_url}/_control/{path}", timeout=20, trust_env=False, **given)
        reply.raise_for_status()
        return reply.json() if reply.content else None

    def patient(self, slug: str) -> str:
        """The patient's id in the EHR now."""
        return str(self.control("GET", "patients")[slug]["id"])

    def chart(self, resource_type: str, patient_id: str) -> list[dict[str, Any]]:
        """What the EHR's store holds, read past the app."""
        found = self.control("GET", "resources", params={"type": resource_type, "patient": patient_id})
        return list(found["resources"] if isinstance(found, dict) else found)

    def log_text(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.data.glob("*.log")))


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """One clinic for the journeys that leave it running."""
    made = Clinic(data=tmp_path_factory.mktemp("clinic"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
