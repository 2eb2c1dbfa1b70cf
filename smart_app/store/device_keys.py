"""Keeps the keys with which devices seal what they could not send: sealed themselves, by patient and author."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, null, select, update

from smart_app.store.sealed_rows import device_key_row
from smart_app.store.sealing import Seals
from smart_app.store.tables import device_keys
from smart_app.use_cases.records import DeviceKey


class SqlDeviceKeys:
    """The `DeviceKeys` of one transaction."""

    def __init__(self, connection: Connection, seals: Seals | None) -> None:
        self._connection = connection
        self._given = seals

    def add(self, key: DeviceKey) -> None:
        row = {"id": key.id, "patient": key.patient, "author": key.author, "made": key.made, "expires": key.expires}
        sealed = self._seals.seal(device_key_row(key.id), key.secret)
        self._connection.execute(insert(device_keys).values(**row, closed=key.closed, sealed=sealed))

    def of(self, patient: str, author: str) -> Sequence[DeviceKey]:
        theirs = (device_keys.c.patient == patient) & (device_keys.c.author == author)
        rows = self._connection.execute(select(device_keys).where(theirs).order_by(device_keys.c.made.desc())).all()
        return [
            DeviceKey(
                id=row.id,
                patient=row.patient,
                author=row.author,
                made=row.made,
                expires=row.expires,
                closed=row.closed,
                secret=self._seals.open(device_key_row(row.id), row.sealed),
            )
            for row in rows
        ]

    def close(self, patient: str, at: datetime, expires: datetime) -> None:
        open_ones = (device_keys.c.patient == patient) & device_keys.c.closed.is_(null())
        self._connection.execute(update(device_keys).where(open_ones).values(closed=at))
        longer = (device_keys.c.patient == patient) & (device_keys.c.expires > expires)
        self._connection.execute(update(device_keys).where(longer).values(expires=expires))

    def destroy(self, now: datetime) -> None:
        self._connection.execute(delete(device_keys).where(device_keys.c.expires <= now))

    @property
    def _seals(self) -> Seals:
        if self._given is None:
            raise RuntimeError("this database was opened without its sealing key")
        return self._given
