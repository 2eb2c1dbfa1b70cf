"""The names of sealed rows. A name is sealed in with the text, so that it opens in that row alone."""

from __future__ import annotations


def pending_row(state_digest: str) -> str:
    return f"pending/{state_digest}"


def tokens_row(launch_id: str, version: int) -> str:
    """The version is part of the name, so that an older row put back is refused."""
    return f"tokens/{launch_id}/{version}"


def device_key_row(key_id: str) -> str:
    return f"device-key/{key_id}"


def handover_row(code_digest: str) -> str:
    return f"handover/{code_digest}"
