"""What can go wrong with the storage as it was set up; each names what the operator can do."""

from __future__ import annotations


class StoreRefused(RuntimeError):
    """The storage cannot be used as it is set up: the operator's to put right.

    StoreRefused
    |- InUse          another process owns this SQLite file
    |- NotPrivate     a file that others on this machine can read
    |- WrongInstance  the database belongs to another public address
    |- TooNew         the database was changed by a later release
    |- KeyMissing     something is sealed with a key that the key file does not hold
    """


class InUse(StoreRefused): ...


class NotPrivate(StoreRefused): ...


class WrongInstance(StoreRefused): ...


class TooNew(StoreRefused): ...


class KeyMissing(StoreRefused): ...


class SealBroken(Exception):
    """A sealed text was changed, or stands in a row it was not sealed for: somebody tampered with the database."""
