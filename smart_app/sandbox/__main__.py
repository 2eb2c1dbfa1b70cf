"""Runs the sandbox EHR: `python -m smart_app.sandbox`."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import uvicorn

from smart_app.sandbox.charts import Charts
from smart_app.sandbox.course import seed
from smart_app.sandbox.loading import LoadError, read_bundles
from smart_app.sandbox.server import create_sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. 1: the address is taken. 2: something that was to be loaded cannot be read."""
    chosen = _parser().parse_args(arguments)
    try:
        listening = socket.create_server((chosen.host, chosen.port))
    except OSError as error:
        sys.stderr.write(f"Cannot listen at {chosen.host}:{chosen.port}: {error.strerror}\n")
        return 1
    with listening:
        return _run(chosen, listening)


def _run(chosen: argparse.Namespace, listening: socket.socket) -> int:
    public = chosen.public_url or f"http://{chosen.host}:{listening.getsockname()[1]}"
    today = chosen.today or _now().date()
    course = Course(public, chosen.app_url, today) if chosen.seed_course else None
    try:
        sandbox = create_sandbox(
            public_url=public,
            app_url=chosen.app_url,
            today=today,
            clock=_now,
            bundles=read_bundles(chosen.load),
            generation=chosen.generation,
            token_seconds=chosen.token_seconds,
            control=chosen.control,
            after_reset=course.begin if course else lambda: None,
        )
    except LoadError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if course:
        course.charts = sandbox.charts
    config = uvicorn.Config(sandbox, access_log=False, log_level="warning")
    AnnouncedServer(config, f"Sandbox EHR at {public}", course).run(sockets=[listening])
    return 0


class Course:
    """Seeds the course in the background, after the start and after every reset."""

    def __init__(self, public: str, app_url: str, today: date) -> None:
        self._public, self._app_url, self._today = public, app_url, today
        self.charts: Charts | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._task:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._record())

    async def _record(self) -> None:
        if self.charts:
            patient = self.charts.of_slug("five-sessions").id
            said = await seed(self._public, self._app_url.rstrip("/"), patient, self._today)
            sys.stderr.write(f"{said}\n")


class AnnouncedServer(uvicorn.Server):
    """Says in one line that it serves, and then begins the course."""

    def __init__(self, config: uvicorn.Config, announcement: str, course: Course | None) -> None:
        super().__init__(config)
        self._announcement, self._course = announcement, course

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"{self._announcement}\n")
            sys.stdout.flush()
            if self._course:
                self._course.begin()


def _now() -> datetime:
    return datetime.now().astimezone()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smart_app.sandbox", description="A sandbox EHR (FHIR R4, SMART)."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400, help="0 takes a free one")
    parser.add_argument("--public-url", help="the base others see; default: http://HOST:PORT")
    parser.add_argument("--app-url", default="http://localhost:8500", help="where the app is reached")
    parser.add_argument("--load", type=Path, action="extend", nargs="+", default=[], metavar="DIR_OR_FILE")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the patients' today")
    parser.add_argument("--generation", type=int, default=1, help="number of the first patients' ids")
    parser.add_argument("--token-seconds", type=int, default=3600, help="life of an access token")
    parser.add_argument("--seed-course", action="store_true", help="record five sessions through the app")
    parser.add_argument("--control", action="store_true", help="open /_control to tests")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
