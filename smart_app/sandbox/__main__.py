"""Runs the sandbox EHR: `python -m smart_app.sandbox`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted. 2: something that was to be loaded cannot be read."""
    # The store's library sets up chatty logging unless somebody did before it.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("sekmet").setLevel(logging.ERROR)
    chosen = _parser().parse_args(arguments)
    from smart_app.sandbox.loading import LoadError, read_bundles
    from smart_app.sandbox.server import create_sandbox
    from smart_app.sandbox.store import UnreadableError

    try:
        bundles = read_bundles(chosen.load)
        sandbox = create_sandbox(
            public_url=chosen.public_url or f"http://{chosen.host}:{chosen.port}",
            app_url=chosen.app_url,
            today=chosen.today or _now().date(),
            clock=_now,
            bundles=bundles,
            token_seconds=chosen.token_seconds,
        )
    except (LoadError, UnreadableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    _serve(sandbox, chosen.host, chosen.port)
    return 0


def _serve(app: object, host: str, port: int) -> None:
    import uvicorn

    class Announced(uvicorn.Server):
        async def startup(self, *args: object, **kwargs: object) -> None:
            await super().startup(*args, **kwargs)  # type: ignore[arg-type]  # passed through untouched
            if self.started:
                sys.stdout.write(f"Sandbox EHR at http://{host}:{port}\n")
                sys.stdout.flush()

    config = uvicorn.Config(app, host=host, port=port, access_log=False, log_level="warning")  # type: ignore[arg-type]  # an ASGI app
    Announced(config).run()


def _now() -> datetime:
    return datetime.now().astimezone()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smart_app.sandbox", description="A sandbox EHR (FHIR R4, SMART)."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--public-url", help="the base others see; default: http://HOST:PORT")
    parser.add_argument("--app-url", default="http://localhost:8500", help="where the app is reached")
    parser.add_argument("--load", type=Path, action="extend", nargs="+", default=[], metavar="DIR_OR_FILE")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the patients' today")
    parser.add_argument("--token-seconds", type=int, default=3600, help="life of an access token")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
