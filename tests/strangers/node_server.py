"""Starts the second EHR, oidc_provider/server.mjs, as a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from shutil import which
from typing import Any, Self

import httpx

HERE = Path(__file__).parent / "oidc_provider"
NODE = which("node") or ""
INSTALLED = (HERE / "node_modules" / "oidc-provider").is_dir()
MISSING = "" if NODE and INSTALLED else "no node, or no `npm ci` in tests/strangers/oidc_provider (see .ci/run)"


class NodeServer:
    """`control` speaks to what the tests order; a browser and the app use the addresses."""

    def __init__(self, order: dict[str, Any], log: Path) -> None:
        self.order, self.log = order, log
        self.url = ""

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            command = [NODE, str(HERE / "server.mjs"), json.dumps(self.order)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.log.read_text("utf-8", "replace")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)

    def base(self, client: str) -> str:
        return f"{self.url}/{client}/fhir"

    def control(self, method: str, what: str, **params: str) -> Any:
        reply = httpx.request(method, f"{self.url}/_control/{what}", params=params, timeout=20, trust_env=False)
        reply.raise_for_status()
        return reply.json()

    def launch_value(self, client: str, patient: str) -> str:
        return str(self.control("POST", "launch", client=client, patient=patient)["launch"])

    def asked(self, what: str) -> list[dict[str, Any]]:
        """What was asked of the authorization server since the log was emptied: authorization_code, refresh_token,
        revoke or authorize."""
        return [one for one in self.control("GET", "log") if one["asked"] == what]
