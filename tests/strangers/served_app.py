"""The real app on a free port, in this process: a test can read its log and shorten its limits."""

from __future__ import annotations

import gc
import json
import logging
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import uvicorn

from launch.key_folder import KeyFolder
from smart_app.app import create_app
from smart_app.settings import settings_from


class ServedApp:
    """`with ServedApp(folder) as app: app.serve(registry)`. Plain http to localhost, as in the demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self.listener.getsockname()[1]}"
        self.log = _Log()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self.log)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.listener.close()
        logging.getLogger().removeHandler(self.log)
        gc.unfreeze()  # the app froze what was there at its start; the other tests' rubbish is among it

    def serve(self, registry: str) -> None:
        """Start with this registration file, or start again over the data of before."""
        file = self.folder / "ehr.toml"
        file.write_text(registry, "utf-8")
        ours = {"BASE_URL": self.url, "REGISTRY": str(file), "DATA": str(self.data), "SETTLE_SECONDS": "0.5"}
        app = create_app(settings_from({f"KP_{name}": value for name, value in ours.items()}, demo=True))
        config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=5)
        self._server = uvicorn.Server(config)
        sockets = [self.listener.dup()]  # the server closes what it was given
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": sockets}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(timeout=20)
            assert not self._thread.is_alive(), "the app did not stop"
        self._server = self._thread = None

    @property
    def keys(self) -> KeyFolder:
        """The app's signing keys, private parts too, as a thief of its folder would have them."""
        return KeyFolder(self.data / "signing-keys")

    def audit(self) -> list[dict[str, Any]]:
        """All audit records, oldest first."""
        return [json.loads(body) for (body,) in self._rows("select body from audit order by seq")]

    def refusals(self) -> list[str]:
        """Why starts of the app were refused, oldest first, in the audit records' words, without their numbers."""
        refused = [one["detail"] for one in self.audit() if one["action"] == "app:launch:refuse"]
        return [detail.partition(". Reference ")[0] for detail in refused]

    def open_launches(self) -> set[str]:
        """Launches that somebody could work in now."""
        return {launch for (launch,) in self._rows("select id from launches where ended is null")}

    def _rows(self, query: str) -> list[Any]:
        address = f"file:{self.data / 'ketamine-pathway.db'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
            return database.execute(query).fetchall()


class _Log(logging.Handler):
    """Everything that was logged, with the text of exceptions: more than the app's own stderr would show."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)
