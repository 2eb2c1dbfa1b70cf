"""The two cookies of a launch, named after it so that two charts never share one (RFC 6265bis; CHIPS).

Written by hand: in a frame of another site only a Partitioned cookie survives, and Starlette cannot set that
attribute on Python 3.11. `__Host-` demands Secure and Path=/, and keeps other hosts of the domain out.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from launch.authorization import START_LIMIT, digest

ATTRIBUTES = "Path=/; HttpOnly; Secure; SameSite=None; Partitioned"


def start_cookie_name(launch_id: str) -> str:
    return f"__Host-kp-start-{launch_id}"


def session_cookie_name(launch_id: str) -> str:
    return f"__Host-kp-{launch_id}"


def start_cookie(launch_id: str, secret: str) -> str:
    """A Set-Cookie value that ties the launch to this browser until the callback."""
    age = int(START_LIMIT.total_seconds())
    return f"{start_cookie_name(launch_id)}={secret}; {ATTRIBUTES}; Max-Age={age}"


def session_cookie(launch_id: str, secret: str) -> str:
    """A Set-Cookie value that opens the launch's pages; it ends with the browser, and sooner in the store."""
    return f"{session_cookie_name(launch_id)}={secret}; {ATTRIBUTES}"


def dropped_start_cookie(launch_id: str) -> str:
    return f"{start_cookie_name(launch_id)}=; {ATTRIBUTES}; Max-Age=0"


def dropped_session_cookie(launch_id: str) -> str:
    return f"{session_cookie_name(launch_id)}=; {ATTRIBUTES}; Max-Age=0"


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def session_digest(cookies: Mapping[str, str], launch_id: str) -> str | None:
    """What `LaunchStore.session_matches` wants to see; None: this browser shows no cookie of this launch."""
    secret = cookies.get(session_cookie_name(launch_id))
    return digest(secret) if secret else None
