"""`ketamine-pathway serve` and `worker`: the web application, and the outbox worker as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any, TypeVar

import uvicorn

from fhir_mappings.codes.site_medicines import SiteTableUnusable
from launch.errors import KeysUnusable, RegistrationInvalid
from smart_app.app import create_app
from smart_app.background import run_worker
from smart_app.cli.errors import CommandFailed
from smart_app.parts import assemble, environment
from smart_app.settings import SettingInvalid, Settings, settings_from
from smart_app.store.errors import StoreRefused

Made = TypeVar("Made")


def add_commands(commands: Any) -> None:
    serve = commands.add_parser("serve", help="serve the pages (and deliver, with SQLite)", description=__doc__)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8500)
    serve.add_argument("--no-worker", action="store_true", help="deliver nothing from here (PostgreSQL only)")
    serve.set_defaults(run=run_serve)
    worker = commands.add_parser("worker", help="deliver the outbox (PostgreSQL only)", description=__doc__)
    worker.set_defaults(run=run_deliver)


def run_serve(chosen: argparse.Namespace) -> int:
    settings = _settings()
    if chosen.no_worker and settings.sqlite:
        raise CommandFailed("with SQLite one process owns the database: serve has to deliver, leave out --no-worker")
    serve_app(settings, host=chosen.host, port=chosen.port, with_worker=not chosen.no_worker)
    return 0


def run_deliver(_chosen: argparse.Namespace) -> int:
    settings = _settings()
    if settings.sqlite:
        raise CommandFailed("with SQLite one process owns the database, and serve delivers; worker needs PostgreSQL")
    _log_to_stderr()
    asyncio.run(_deliver(settings))
    return 0


def serve_app(settings: Settings, *, host: str, port: int, with_worker: bool = True) -> None:
    """Serve until stopped. No access log: addresses hold launch handles."""
    _log_to_stderr()
    app = checked(lambda: create_app(settings, with_worker=with_worker))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=20,
    )
    uvicorn.Server(config).run()


async def _deliver(settings: Settings) -> None:
    parts = checked(lambda: assemble(settings))
    stop = asyncio.Event()

    def stop_now() -> None:
        stop.set()
        parts.wake()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop_now)
    try:
        await run_worker(parts, stop)
    finally:
        await parts.aclose()


def checked(make: Callable[[], Made]) -> Made:
    """What the operator must put right is one line and exit code 2, not a traceback."""
    try:
        return make()
    except (KeysUnusable, RegistrationInvalid, SettingInvalid, SiteTableUnusable, StoreRefused) as problem:
        raise CommandFailed(str(problem)) from None


def _settings() -> Settings:
    return checked(lambda: settings_from(environment()))


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("ketamine_pathway").setLevel(logging.INFO)
