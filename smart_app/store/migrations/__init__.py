"""Brings the database up to this release, at start, in one transaction (Alembic, without an ini file)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

from smart_app.store.engine import writing
from smart_app.store.errors import TooNew


def migrate(engine: Engine) -> None:
    """Make or change the tables. Harmless when they are up to date, and when two processes start at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            raise TooNew("the database was changed by a later release: start that one") from None
