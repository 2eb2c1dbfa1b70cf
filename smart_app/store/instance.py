"""Ties the database to the public address of its first start: identifiers sent to EHRs begin with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, insert, select

from smart_app.store.engine import writing
from smart_app.store.errors import WrongInstance
from smart_app.store.tables import instance


def settle_base_url(engine: Engine, base_url: str, *, now: datetime) -> None:
    """Keep the public base URL at the first start; refuse another one later."""
    asked = base_url.rstrip("/")
    with writing(engine) as connection:
        kept = connection.scalar(select(instance.c.base_url))
        if kept is None:
            connection.execute(insert(instance).values(id=1, base_url=asked, since=now))
        elif kept != asked:
            raise WrongInstance(
                f"this database belongs to {kept}, not to {asked}: set the public base URL back, or use an empty "
                "database. Identifiers that EHRs already hold begin with the old one"
            )
