"""A listener that nobody may call, and names that nobody may look up; the count of both must stay zero."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any, Self

import pytest

HOME = {None, "", "localhost", "127.0.0.1", "::1"}


class Canary:
    """Answers nothing. Every connection, and every look-up of a name beyond this machine, is kept in `sung`.

    Those names lead to the canary itself, so that a request which follows is heard too.
    """

    def __init__(self) -> None:
        self.sung: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        look_up = socket.getaddrinfo

        def heard(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name not in HOME:
                self.sung.append(f"look-up of {name}")
                return look_up("127.0.0.1", self.port, *more, **named)
            return look_up(host, port, *more, **named)

        self._patch.setattr(socket, "getaddrinfo", heard)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                self.sung.append("connection")
                caller.settimeout(0.5)
                with suppress(OSError):
                    self.sung[-1] += f": {caller.recv(4096)!r}"
