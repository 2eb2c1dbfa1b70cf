"""Where the servers of a measurement listen, and waiting until one does."""

from __future__ import annotations

import contextlib
import socket
import time

import httpx


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(address: str) -> None:
    for _ in range(400):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(address, timeout=2, trust_env=False)
            return
        time.sleep(0.05)
    raise SystemExit(f"{address} does not answer")
